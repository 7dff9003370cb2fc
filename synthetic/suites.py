"""Suites of separable data sets: designed experiments over families, shapes and scales."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from tunebound._ground.registry import find_named
from tunebound.synthetic.dataset import SeparableDataset, dataset_name
from tunebound.synthetic.lazy_suite import Suite, named_suite
from tunebound.synthetic.registry import Family, find_family
from tunebound.synthetic.separable import make_separable


class Shape(NamedTuple):
    """Number of samples and of features."""

    n: int
    d: int


class Scale(NamedTuple):
    """Planted margin and largest norm."""

    margin: float
    radius: float


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
SMOKE_SCALE = Scale(margin=0.5, radius=4.0)
SMOKE_SHAPE = Shape(n=16, d=5)
# Orthogonal samples need d >= n, wide ones d > n.
SMOKE_SHAPES_OF_THEIR_OWN = {"orthogonal": Shape(n=12, d=12), "wide": Shape(n=12, d=20)}

# Two margins at one radius and two radii at one margin.
SCALES = (
    Scale(margin=0.5, radius=4.0),
    Scale(margin=0.25, radius=4.0),
    Scale(margin=0.5, radius=8.0),
)
# At the central shape the two sweeps have three values each.
CENTRAL = Shape(n=96, d=8)
CENTRAL_SCALES = (Scale(margin=1.0, radius=4.0), Scale(margin=0.5, radius=16.0))
# 0.4 < 4/√96, the largest margin of 96 orthogonal samples inside radius 4.
ORTHOGONAL_SCALES = (
    Scale(margin=0.4, radius=4.0),
    Scale(margin=0.2, radius=4.0),
    Scale(margin=0.4, radius=8.0),
)
ORTHOGONAL_SHAPES = tuple(Shape(n=n, d=96) for n in (24, 48, 96))
WIDE_SHAPES = (*(Shape(n=n, d=128) for n in (24, 48, 96)), Shape(n=48, d=96))
STANDARD_SHAPES = (
    *(Shape(n=n, d=8) for n in (24, 48, 96, 192)),
    Shape(n=96, d=32),
    Shape(n=48, d=96),
)
LARGE_SHAPES = (
    *(Shape(n=n, d=d) for d in (4, 8) for n in (24, 48, 96, 192)),
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


Families = Sequence[Family]


def _smoke(families: Families, seed: int) -> Iterator[Specification]:
    """One small set of each family."""
    for family in families:
        n, d = SMOKE_SHAPES_OF_THEIR_OWN.get(family.name, SMOKE_SHAPE)
        margin, radius = SMOKE_SCALE
        yield Specification(family=family, n=n, d=d, margin=margin, radius=radius, seed=seed)


def _cells(family: str, shapes: Sequence[Shape]) -> Iterator[tuple[Shape, Scale]]:
    """Every shape and scale of one family; two families have needs and shapes of their own."""
    if family == "orthogonal":
        for shape in ORTHOGONAL_SHAPES:
            # First the largest margin of n orthogonal samples.
            for scale in (Scale(margin=4.0 / shape.n**0.5, radius=4.0), *ORTHOGONAL_SCALES):
                yield shape, scale
    elif family == "wide":
        yield from itertools.product(WIDE_SHAPES, SCALES)
    else:
        for shape in shapes:
            for scale in (*SCALES, *(CENTRAL_SCALES if shape == CENTRAL else ())):
                yield shape, scale


def _designed(families: Families, shapes: Sequence[Shape], seed: int) -> Iterator[Specification]:
    """Every family in all its cells."""
    for family in families:
        for (n, d), (margin, radius) in _cells(family.name, shapes):
            yield Specification(family=family, n=n, d=d, margin=margin, radius=radius, seed=seed)


def _standard(families: Families, seed: int) -> Iterator[Specification]:
    """Sweeps of n (at d = 8), d (at n = 96), margin and radius, in each of which nothing else
    varies.
    """
    yield from _designed(families, STANDARD_SHAPES, seed)


def _large(families: Families, seed: int) -> Iterator[Specification]:
    """The standard design with more shapes and several draws of each; suites of different seeds
    share no draw.
    """
    for replicate in range(LARGE_REPLICATES):
        yield from _designed(families, LARGE_SHAPES, LARGE_REPLICATES * seed + replicate)


# How each suite is designed, and the families that it has unless others are named.
_SUITES: Mapping[str, tuple[Callable[[Families, int], Iterator[Specification]], Sequence[str]]] = {
    "smoke": (_smoke, SMOKE),
    "standard": (_standard, ALL),
    "large": (_large, ALL),
}


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
        experiment over families × n × d × margin × radius (more than 300). large: more shapes and
        three draws of each (more than 2,000).
    seed : int
        At least 0.
    families : sequence of str or Family
        The same design with these families, by name or themselves, in place of the suite's own;
        a family that is registered does not change the suite otherwise.

    Returns
    -------
    Suite
        Member i depends on (name, seed, families, i) only.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown (the closest one is suggested), the seed is no integer of at least 0,
        or a family is named twice.
    """
    if isinstance(families, (str, Family)):
        raise TypeError(f"families must be a sequence, got {families!r}; pass [{families!r}]")
    design, own = find_named("suite", name, _SUITES)
    chosen = [find_family(family) for family in families or own]
    names = [family.name for family in chosen]
    if len(set(names)) < len(names):
        raise ValueError(f"families must differ, got {', '.join(names)}; name each once")
    return named_suite(name, seed, {name: partial(design, chosen)})
