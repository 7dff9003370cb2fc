"""Named collections: cheap specifications, each made on demand; the suites of separable data
sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from tunebound._ground.checks import whole_number
from tunebound._ground.registry import find_named
from tunebound.synthetic.dataset import SeparableDataset, dataset_name
from tunebound.synthetic.separable import make_separable

# The families that any shape suits. Written out: a new family must not change what suite[17] is.
GENERIC = (
    "gaussian",
    "sphere",
    "ball",
    "heavy_tailed",
    "laplace",
    "anisotropic",
    "low_rank",
    "sparse",
    "clustered",
    "imbalanced",
    "few_support",
    "all_support",
    "near_duplicates",
    "degenerate",
    "relu_encoder",
)
# (margin, radius): two margins at one radius and two radii at one margin.
COMBINATIONS = ((0.5, 4.0), (0.25, 4.0), (0.5, 8.0))
# At the central shape the two sweeps have three values each.
CENTRAL = (96, 8)
CENTRAL_COMBINATIONS = ((1.0, 4.0), (0.5, 16.0))
# 0.4 < 4/√96, the largest margin of 96 orthogonal samples inside radius 4.
ORTHOGONAL_COMBINATIONS = ((0.4, 4.0), (0.2, 4.0), (0.4, 8.0))
ORTHOGONAL_SIZES, ORTHOGONAL_FEATURES = (24, 48, 96), 96
WIDE_SHAPES = ((24, 128), (48, 128), (96, 128), (48, 96))
STANDARD_SHAPES = ((24, 8), (48, 8), (96, 8), (192, 8), (96, 32), (48, 96))
LARGE_SHAPES = (
    *((n, d) for d in (4, 8) for n in (24, 48, 96, 192)),
    *((n, d) for d in (16, 32) for n in (96, 192)),
    (48, 96),
    (96, 192),
)
LARGE_REPLICATES = 3


@dataclass(frozen=True)
class Specification:
    """The arguments of one `make_separable` call.

    Attributes
    ----------
    family, n, d, margin, radius, seed
        As in `make_separable`.
    options : dict
        The family's options that are given explicitly.
    """

    family: str
    n: int
    d: int
    margin: float
    radius: float
    seed: int
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The name that the data set will have."""
        return dataset_name(
            self.family, self.n, self.d, self.margin, self.radius, self.seed, self.options
        )

    def make(self) -> SeparableDataset:
        """Generate the data set."""
        return make_separable(
            self.family,
            n=self.n,
            d=self.d,
            margin=self.margin,
            radius=self.radius,
            seed=self.seed,
            **self.options,
        )


Member = TypeVar("Member", covariant=True)


class Made(Protocol[Member]):
    """What a member is, cheaply: a name, and the means to make it."""

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""

    def make(self) -> Member:
        """Generate the member."""


@dataclass(frozen=True)
class Suite(Generic[Member]):
    """Members by index, generated when asked for; ``suite[i]`` needs no other member.

    Attributes
    ----------
    name : str
    seed : int
    specifications : tuple
        What each member is; nothing is generated.
    """

    name: str
    seed: int
    specifications: tuple[Made[Member], ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.specifications)

    def __iter__(self) -> Iterator[Member]:
        return (specification.make() for specification in self.specifications)

    def __getitem__(self, index: int) -> Member:
        """The member at an integer ``index``; take slices of ``specifications`` instead."""
        remedy = (
            f"suite {self.name!r} has {len(self)} members; slice suite.specifications and call"
            " .make()"
        )
        try:
            position = whole_number(
                "index", index, low=-len(self), high=len(self) - 1, remedy=remedy
            )
        except ValueError as error:
            raise IndexError(str(error)) from None
        return self.specifications[position].make()


def _smoke(seed: int) -> Iterator[Specification]:
    """One small set of each kind of trouble."""
    names = [
        name for name in GENERIC if name not in ("ball", "laplace", "imbalanced", "few_support")
    ]
    for name in names:
        yield Specification(name, 16, 5, 0.5, 4.0, seed)
    yield Specification("orthogonal", 12, 12, 0.5, 4.0, seed)
    yield Specification("wide", 12, 20, 0.5, 4.0, seed)


def _designed(shapes: Sequence[tuple[int, int]], seed: int) -> Iterator[Specification]:
    """Every generic family at every shape and combination, and the two families with needs of their
    own.
    """
    for name in GENERIC:
        for n, d in shapes:
            more = CENTRAL_COMBINATIONS if (n, d) == CENTRAL else ()
            for margin, radius in (*COMBINATIONS, *more):
                yield Specification(name, n, d, margin, radius, seed)
    for n in ORTHOGONAL_SIZES:
        yield Specification("orthogonal", n, ORTHOGONAL_FEATURES, 4.0 / n**0.5, 4.0, seed)
        for margin, radius in ORTHOGONAL_COMBINATIONS:
            yield Specification("orthogonal", n, ORTHOGONAL_FEATURES, margin, radius, seed)
    for n, d in WIDE_SHAPES:
        for margin, radius in COMBINATIONS:
            yield Specification("wide", n, d, margin, radius, seed)


def _standard(seed: int) -> Iterator[Specification]:
    """Sweeps of n (at d = 8), d (at n = 96), margin and radius, in each of which nothing else
    varies.
    """
    yield from _designed(STANDARD_SHAPES, seed)


def _large(seed: int) -> Iterator[Specification]:
    """The standard design with more shapes and several draws of each; suites of different seeds
    share no draw.
    """
    for replicate in range(LARGE_REPLICATES):
        yield from _designed(LARGE_SHAPES, LARGE_REPLICATES * seed + replicate)


_SUITES: Mapping[str, Callable[[int], Iterator[Specification]]] = MappingProxyType(
    {"smoke": _smoke, "standard": _standard, "large": _large}
)


def suite_names() -> tuple[str, ...]:
    """Names of the suites, smallest first."""
    return tuple(_SUITES)


def make_suite(name: str = "standard", seed: int = 0) -> Suite[SeparableDataset]:
    """A suite of data sets.

    Parameters
    ----------
    name : {"smoke", "standard", "large"}
        smoke: about a dozen small sets, one of each kind of trouble. standard: a designed
        experiment over families × n × d × margin × radius (more than 300). large: more shapes and
        three draws of each (more than 2,000).
    seed : int
        At least 0.

    Returns
    -------
    Suite
        Member i depends on (name, seed, i) only.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown (the closest one is suggested) or the seed is no integer of at least
        0.
    """
    return named_suite(name, seed, _SUITES)


def named_suite(
    name: str, seed: int, known: Mapping[str, Callable[[int], Iterator[Made[Member]]]]
) -> Suite[Member]:
    """The suite of that name among the ``known`` generators of specifications; the name and the
    seed are checked.
    """
    specifications = find_named("suite", name, known)
    seed = whole_number("seed", seed, low=0, remedy="choose a seed of 0, 1, 2, …")
    return Suite(name, seed, tuple(specifications(seed)))
