"""Suites of separable data sets: designed experiments over families, shapes and B/γ.

Heads know a data set up to scale only, and the random numbers of a set depend on family, n, d and
seed: two sets of one seed that differ in margin or radius alone are the same cloud. So every set
of a suite has a seed that no other set of its family has, in this suite or in any other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from tunebound._ground.checks import sequence
from tunebound._ground.registry import find_named
from tunebound.synthetic.dataset import SeparableDataset, dataset_name
from tunebound.synthetic.lazy_suite import Suite, named_suite
from tunebound.synthetic.registry import Family, find_family
from tunebound.synthetic.separable import make_separable


class Shape(NamedTuple):
    """Number of samples and of features."""

    n: int
    d: int


class Cell(NamedTuple):
    """A shape, and the radius in units of the margin."""

    shape: Shape
    ratio: float


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
ALL = (*GENERIC, "orthogonal", "wide")
# Families of the smoke suite: one small set of each kind of trouble.
SMOKE = tuple(name for name in ALL if name not in ("ball", "laplace", "imbalanced", "few_support"))
SMOKE_SHAPE = Shape(n=16, d=5)
SMOKE_RATIO = 8.0
# Orthogonal samples and a simplex need d >= n, wide ones d > n.
SMOKE_SHAPES_OF_THEIR_OWN = {
    "orthogonal": Shape(n=12, d=12),
    "simplex": Shape(n=12, d=12),
    "wide": Shape(n=12, d=20),
}

# The scale means nothing to a head; it changes from set to set so that this is seen.
RADII = (4.0, 8.0, 2.0)
# Seeds of one family in one suite; suites of other names or seeds have others.
BLOCK = 1000
# Radius over margin: all of them along the sweep of n, two elsewhere.
RATIOS = (4.0, 8.0, 16.0, 32.0)
MIDDLE_RATIOS = (8.0, 16.0)
# √96 < 10: the margin of n orthogonal samples is at most radius/√n.
ORTHOGONAL_RATIOS = (10.0, 20.0, 40.0)
ORTHOGONAL_SHAPES = tuple(Shape(n=n, d=96) for n in (24, 48, 96))
WIDE_RATIOS = (8.0, 16.0, 32.0)
WIDE_SHAPES = (*(Shape(n=n, d=128) for n in (24, 48, 96)), Shape(n=48, d=96))
STANDARD_SWEEP = tuple(Shape(n=n, d=8) for n in (24, 48, 96, 192))
STANDARD_SHAPES = (Shape(n=96, d=32), Shape(n=48, d=96))
LARGE_SWEEP = tuple(Shape(n=n, d=d) for d in (4, 8) for n in (24, 48, 96, 192))
LARGE_SHAPES = (
    *(Shape(n=n, d=d) for d in (16, 32) for n in (96, 192)),
    Shape(n=48, d=96),
    Shape(n=96, d=192),
)
LARGE_REPLICATES = 3


@dataclass(frozen=True, kw_only=True)
class Specification:
    """The arguments of one `make_separable` call.

    It carries the family itself, so that it can be made in another process, where nobody
    registered the family.

    Attributes
    ----------
    family : Family
        Given by name, it is looked up at once.
    n, d, margin, radius, seed
        As in `make_separable`.
    options : dict
        The family's options that are given explicitly.

    Raises
    ------
    TypeError, ValueError
        If there is no family of that name.
    """

    family: str | Family
    n: int
    d: int
    margin: float
    radius: float
    seed: int
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", find_family(self.family))

    @property
    def name(self) -> str:
        """The name that the data set will have."""
        family = find_family(self.family).name
        return dataset_name(
            family, self.n, self.d, self.margin, self.radius, self.seed, self.options
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


def _smoke(family: str) -> Iterator[Cell]:
    """One small set."""
    yield Cell(SMOKE_SHAPES_OF_THEIR_OWN.get(family, SMOKE_SHAPE), SMOKE_RATIO)


def _standard(family: str) -> Iterator[Cell]:
    """Sweeps of n (at d = 8), d (at n = 96) and B/γ, in each of which nothing else varies."""
    yield from _cells(family, STANDARD_SWEEP, STANDARD_SHAPES)


def _large(family: str) -> Iterator[Cell]:
    """The standard design with more shapes, each cell drawn several times."""
    for replicate in range(LARGE_REPLICATES):
        for cell in _cells(family, LARGE_SWEEP, LARGE_SHAPES):
            if replicate == 0 or not is_one_problem(family, cell.shape.n, cell.ratio):
                yield cell


def _cells(family: str, sweep: Iterable[Shape], shapes: Iterable[Shape]) -> Iterator[Cell]:
    """Every shape and ratio of one family; three families have needs and shapes of their own."""
    if family == "orthogonal":
        for shape in ORTHOGONAL_SHAPES:
            # First the largest margin of n orthogonal samples.
            for ratio in (shape.n**0.5, *ORTHOGONAL_RATIOS):
                yield Cell(shape, ratio)
    elif family == "simplex":
        yield from itertools.starmap(Cell, itertools.product(ORTHOGONAL_SHAPES, RATIOS))
    elif family == "wide":
        yield from itertools.starmap(Cell, itertools.product(WIDE_SHAPES, WIDE_RATIOS))
    else:
        yield from itertools.starmap(Cell, itertools.product(sweep, RATIOS))
        yield from itertools.starmap(Cell, itertools.product(shapes, MIDDLE_RATIOS))


def is_one_problem(family: str, n: int, ratio: float) -> bool:
    """Whether all draws are one problem, turned: a simplex, copies, orthogonal samples of equal
    norm.
    """
    return family in ("simplex", "copies") or (
        family == "orthogonal" and math.isclose(ratio, math.sqrt(n), rel_tol=1e-9)
    )


# The cells of one family in each suite, and the families that it has unless others are named.
_SUITES: Mapping[str, tuple[Callable[[str], Iterator[Cell]], Sequence[str]]] = {
    "smoke": (_smoke, SMOKE),
    "standard": (_standard, ALL),
    "large": (_large, ALL),
}


def _specifications(name: str, families: Iterable[Family], seed: int) -> Iterator[Specification]:
    """Every family in all its cells, each set with a seed and a scale of its own."""
    cells, _ = _SUITES[name]
    first = BLOCK * (len(_SUITES) * seed + list(_SUITES).index(name))
    for family in families:
        for number, ((n, d), ratio) in enumerate(cells(family.name)):
            radius = RADII[number % len(RADII)]
            yield Specification(
                family=family, n=n, d=d, margin=radius / ratio, radius=radius, seed=first + number
            )


def suite_names() -> tuple[str, ...]:
    """Names of the suites, smallest first."""
    return tuple(_SUITES)


def make_suite(
    name: str = "standard", seed: int = 0, families: Sequence[str | Family] = ()
) -> Suite[SeparableDataset]:
    """A suite of data sets.

    Parameters
    ----------
    name : {"smoke", "standard", "large"}
        smoke: about a dozen small sets, one of each kind of trouble. standard: a designed
        experiment over families × n × d × B/γ (more than 300). large: more shapes and three draws
        of each (more than 2,000).
    seed : int
        At least 0.
    families : sequence of str or Family
        The same design with these families, by name or themselves, in place of the suite's own;
        a family that is registered does not change the suite otherwise.

    Returns
    -------
    Suite
        Each member is an independent draw: it shares its random numbers with no other member of
        any suite. It depends on name, seed, its family and its number in its family only.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown (the closest one is suggested), the seed is no integer of at least 0,
        or a family is named twice.
    """
    given = sequence("families", families, of="families")
    _, own = find_named("suite", name, _SUITES)
    chosen = [find_family(family) for family in given or own]
    names = [family.name for family in chosen]
    if len(set(names)) < len(names):
        raise ValueError(f"families must differ, got {', '.join(names)}; name each once")
    return named_suite(name, seed, {name: partial(_specifications, name, chosen)})
