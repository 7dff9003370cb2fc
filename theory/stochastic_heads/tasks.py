"""Data sets with the sequence of batches and the optimiser that heads are tuned by; suites of
them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, product

import numpy as np

from tunebound import synthetic, tuning
from tunebound._ground.arrays import Integers
from tunebound._ground.checks import choice, whole_number
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.theory.stochastic_heads.constructed import CONSTRUCTED, pulse_cycle

FORMAT = "tunebound-stochastic-heads-1"
SUITES = ("smoke", "standard")
OPTIMISERS = ("descent", "heavy-ball", "nesterov", "adam")
ORDERS = ("full", "reshuffled", "cyclic", "random", "given")
DRAWS = 1000  # suites of different seeds share no draw
MARGIN, RADIUS = 0.5, 3.0
FAMILIES = ("gaussian", "sphere", "heavy_tailed", "clustered")


@dataclass(frozen=True, kw_only=True, eq=False)
class StochasticTask:
    """One data set and how its heads are tuned.

    Attributes
    ----------
    data : SeparableDataset
    optimiser : {"descent", "heavy-ball", "nesterov", "adam"}
        "adam" has the constants of its paper.
    momentum : float
        Of heavy balls and Nesterov, in [0, 1).
    order : {"full", "reshuffled", "cyclic", "random", "given"}
        Sequence of the batches, as in `tuning.minibatches`; "full": all samples in every step;
        "given": the batches of `cycle`, again and again.
    size : int
        Samples a batch, where they are drawn.
    seed : int
        Of the sequence.
    cycle : (P, b) int array or None
        Batches of one pass, −1 where there is no sample.
    """

    data: synthetic.SeparableDataset
    optimiser: str = "descent"
    momentum: float = 0.9
    order: str = "reshuffled"
    size: int = 1
    seed: int = 0
    cycle: Integers | None = None

    def __post_init__(self) -> None:
        choice("optimiser", self.optimiser, OPTIMISERS)
        choice("order", self.order, ORDERS)
        if (self.order == "given") != (self.cycle is not None):
            raise ValueError(
                "cycle must be given with order='given' and with no other, got"
                f" order={self.order!r}"
            )

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.data.n

    @property
    def d(self) -> int:
        """Number of features."""
        return self.data.d

    @property
    def rule(self) -> tuning.Optimiser:
        """The optimiser itself."""
        if self.optimiser == "descent":
            return tuning.GradientDescent()
        if self.optimiser == "adam":
            return tuning.Adam()
        kind = tuning.HeavyBall if self.optimiser == "heavy-ball" else tuning.Nesterov
        return kind(momentum=self.momentum)

    def batches(self, steps: int) -> Integers | None:
        """The batches of so many steps; None where all samples are used in each."""
        if self.order == "full":
            return None
        if self.cycle is not None:
            return self.cycle[np.arange(steps) % len(self.cycle)]
        return tuning.minibatches(
            self.data.n, self.size, steps=steps, order=self.order, seed=self.seed
        )


@dataclass(frozen=True, kw_only=True)
class StochasticSpecification:
    """What a task is made from; family: one of `synthetic`, or a constructed one."""

    family: str
    n: int
    d: int
    seed: int
    optimiser: str
    order: str
    size: int
    momentum: float = 0.9

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""
        batches = "full" if self.order == "full" else f"{self.order}{self.size}"
        momentum = f"{self.momentum:g}" if self.optimiser in ("heavy-ball", "nesterov") else ""
        return (
            f"{self.family}-n{self.n}-d{self.d}-{self.optimiser}{momentum}-{batches}-s{self.seed}"
        )

    def make(self) -> StochasticTask:
        """Draw the data."""
        given = self.order == "given"
        return StochasticTask(
            data=self._data(),
            optimiser=self.optimiser,
            momentum=self.momentum,
            order=self.order,
            size=self.size,
            seed=self.seed,
            cycle=pulse_cycle(self.n) if given else None,
        )

    def _data(self) -> synthetic.SeparableDataset:
        if self.family in CONSTRUCTED:
            return CONSTRUCTED[self.family](self.n)
        return synthetic.make_separable(
            self.family, n=self.n, d=self.d, margin=MARGIN, radius=RADIUS, seed=self.seed
        )


# optimiser, order, samples a batch
DESCENTS = tuple(
    ("descent", order, size) for order in ("reshuffled", "cyclic", "random") for size in (1, 4)
)
OTHERS = tuple(
    (optimiser, *batches)
    for optimiser in ("heavy-ball", "nesterov", "adam")
    for batches in (("full", 0), ("reshuffled", 4))
)


def _drawn(
    families: tuple[str, ...], sizes: tuple[int, ...], draws: int, first: int
) -> Iterator[StochasticSpecification]:
    """Every way to tune on draws of its own."""
    seeds = count(first)
    for family, n, _, (optimiser, order, size) in product(
        families, sizes, range(draws), (*DESCENTS, *OTHERS)
    ):
        yield StochasticSpecification(
            family=family,
            n=n,
            d=6,
            seed=next(seeds),
            optimiser=optimiser,
            order=order,
            size=size,
        )


def _constructed(large: bool) -> Iterator[StochasticSpecification]:
    """Where statements of optimisers with a memory are known to fail."""
    for n in (5, 21, 101, 401) if large else (5, 21):
        yield StochasticSpecification(
            family="sign-flips", n=n, d=2, seed=0, optimiser="adam", order="full", size=0
        )
    for n in (104, 204, 404) if large else (204,):
        for optimiser in ("descent", "heavy-ball", "nesterov"):
            yield StochasticSpecification(
                family="pulses", n=n, d=2, seed=0, optimiser=optimiser, order="given", size=n - 4
            )
    for n in (16, 40, 100, 400) if large else (16, 40):
        for optimiser, momentum in (("heavy-ball", 0.9), ("heavy-ball", 0.99), ("nesterov", 0.9)):
            yield StochasticSpecification(
                family="tugs",
                n=n,
                d=3,
                seed=0,
                optimiser=optimiser,
                order="full",
                size=0,
                momentum=momentum,
            )


def make_suite(name: str, seed: int) -> synthetic.Suite[StochasticTask]:
    """Four families of data by all ways to tune, each on draws of its own, and what was constructed
    to refute.
    """
    choice("suite", name, SUITES)
    whole_number("seed", seed, low=0)
    large = name == "standard"
    drawn = (
        _drawn(FAMILIES, (12, 24, 48), 2, DRAWS * seed)
        if large
        else _drawn(FAMILIES[:1], (12,), 1, DRAWS * seed)
    )
    return synthetic.Suite(name, seed, (*drawn, *_constructed(large)))


def save(task: StochasticTask, path: str | os.PathLike[str]) -> None:
    """Write a task so that `load` gives it back."""
    written = {
        "format": FORMAT,
        "optimiser": task.optimiser,
        "momentum": np.float64(task.momentum),
        "order": task.order,
        "size": task.size,
        "sequence_seed": str(task.seed),
        **task.data.entries(),
    }
    if task.cycle is not None:
        written["cycle"] = task.cycle
    write_arrays(path, written)


def load(path: str | os.PathLike[str]) -> StochasticTask:
    """Read what `save` wrote; ValueError for any other file."""
    entries = ("optimiser", "momentum", "order", "size", "sequence_seed")
    stored = read_arrays(
        path, format_name=FORMAT, entries=(*entries, *synthetic.SeparableDataset.ENTRIES)
    )
    return StochasticTask(
        data=synthetic.SeparableDataset.from_entries(stored),
        optimiser=str(stored["optimiser"]),
        momentum=float(stored["momentum"]),
        order=str(stored["order"]),
        size=int(stored["size"]),
        seed=int(str(stored["sequence_seed"])),
        cycle=stored.get("cycle"),
    )
