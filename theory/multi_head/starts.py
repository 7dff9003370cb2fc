"""Separable data together with the scale of the random starts of heads that are tuned on them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunebound import synthetic
from tunebound._ground.checks import choice, real_number, whole_number
from tunebound._ground.storage import read_arrays, write_arrays

FORMAT = "tunebound-random-starts-1"
HEADS = 1024
TESTED = HEADS // 2  # the first of them; the others estimate the expected head
# (n, d): n alone varies at d = 8, and d at n = 24, from d/n = 1/6 to 4.
SHAPES = ((12, 8), (24, 8), (48, 8), (24, 4), (24, 24), (24, 48), (24, 96))
SCALES = (0.2, 1.0, 5.0)
FAMILIES = ("gaussian", "heavy_tailed")
SMOKE_SHAPES = ((12, 4), (12, 24))
SMOKE_SCALES = (0.2, 5.0)
MARGIN, RADIUS = 0.5, 4.0
SUITES = ("smoke", "standard")


@dataclass(frozen=True)
class RandomStarts:
    """Separable data, and Gaussian starts of heads around zero.

    Attributes
    ----------
    data : SeparableDataset
    scale : float
        Standard deviation σ of each coordinate of a start, 0 or more, in the units of the weights
        (one over a feature's).
    seed : int
        Of the starts.
    """

    data: synthetic.SeparableDataset
    scale: float
    seed: int

    def __post_init__(self) -> None:
        real_number("scale", self.scale, low=0, remedy="it is the standard deviation of a start")
        whole_number("seed", self.seed, low=0)

    @property
    def n(self) -> int:
        return self.data.n

    @property
    def d(self) -> int:
        return self.data.d

    def draw(self, heads: int) -> NDArray[np.float64]:
        """Starts, shape (heads, d); those of fewer heads are the first of those of more."""
        return self.scale * np.random.default_rng([self.seed, 0x57A7]).normal(size=(heads, self.d))


@dataclass(frozen=True)
class StartsSpecification:
    """What `RandomStarts` are made from."""

    data: synthetic.Specification
    scale: float

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""
        return f"{self.data.name}-scale{self.scale:g}"

    @property
    def n(self) -> int:
        return self.data.n

    @property
    def d(self) -> int:
        return self.data.d

    def make(self) -> RandomStarts:
        """Generate the data."""
        return RandomStarts(self.data.make(), self.scale, self.data.seed)


def make_suite(name: str, seed: int) -> synthetic.Suite[RandomStarts]:
    """Data of one margin and radius over n, d/n and the scale of the starts."""
    choice("suite", name, SUITES)
    whole_number("seed", seed, low=0)
    families, shapes, scales = (
        (FAMILIES, SHAPES, SCALES)
        if name == "standard"
        else (FAMILIES[:1], SMOKE_SHAPES, SMOKE_SCALES)
    )
    return synthetic.Suite(
        name,
        seed,
        tuple(
            StartsSpecification(
                synthetic.Specification(
                    family=family, n=n, d=d, margin=MARGIN, radius=RADIUS, seed=seed
                ),
                scale,
            )
            for family in families
            for n, d in shapes
            for scale in scales
        ),
    )


def save(starts: RandomStarts, path: str | os.PathLike[str]) -> None:
    """Write the data, the scale and the seed."""
    write_arrays(
        path,
        {
            "format": FORMAT,
            "X": starts.data.X,
            "y": starts.data.y,
            "scale": float(starts.scale),
            "seed": starts.seed,
        },
    )


def load(path: str | os.PathLike[str]) -> RandomStarts:
    """Read what `save` wrote."""
    try:
        stored = read_arrays(path, format_name=FORMAT, entries=("X", "y", "scale", "seed"))
    except ValueError as error:
        raise ValueError(
            f"{path} holds no random starts ({error}); name a file that a counterexample was"
            " stored in"
        ) from error
    data = synthetic.SeparableDataset.from_arrays(stored["X"], stored["y"])
    return RandomStarts(data, stored["scale"].item(), stored["seed"].item())
