"""Grids of one's own: every combination of families, sizes, margins, radii and seeds."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NamedTuple

from tqdm import tqdm

from tunebound._ground.checks import file_name, real_number, sequence, shown, whole_number
from tunebound.synthetic.dataset import SeparableDataset, dataset_name
from tunebound.synthetic.lazy_suite import Suite
from tunebound.synthetic.registry import Family, Refused, find_family
from tunebound.synthetic.separable import LARGEST, SMALLEST
from tunebound.synthetic.suites import Specification, is_one_problem

MOST = 1_000_000  # combinations: their names alone take a quarter of a gigabyte
TOLD = 12  # reasons that the text of a grid names


@dataclass(frozen=True, kw_only=True)
class GridSpecification(Specification):
    """The arguments of one `make_separable` call in a grid, where seeds meet many margins."""

    @property
    def draw(self) -> str:
        """The cloud it comes from, which sets that differ in margin or radius alone share; without
        the seed where all seeds are one problem, turned.
        """
        family = find_family(self.family).name
        cloud = f"{family}-n{self.n}-d{self.d}"
        if is_one_problem(family, self.n, self.radius / self.margin):
            return cloud
        return f"{cloud}-s{self.seed}"


@dataclass(frozen=True)
class Grid(Suite[SeparableDataset]):
    """The data sets of a grid, made when asked for as those of a `Suite` are.

    Attributes
    ----------
    name : str
    seed : None
    specifications : tuple of GridSpecification
        In the order of the product: families, n, d, margin, radius, seeds; the last varies fastest.
    design : mapping
        Arguments of `make_grid` that give the same grid, as lists of plain values; families by
        name.
    left_out : mapping
        Combination that its family cannot honour, as the name of its sets without the seed → why.
    """

    design: Mapping[str, Any] = field(repr=False, hash=False)
    left_out: Mapping[str, str] = field(repr=False, hash=False)

    @property
    def draws(self) -> int:
        """Independent draws among the sets, see `make_grid`."""
        return len({source.draw for source in self._sources()})

    @property
    def nbytes(self) -> int:
        """Bytes of the samples X of all sets together; a study holds a few sets at a time."""
        return sum(8 * source.n * source.d for source in self._sources())

    def __str__(self) -> str:
        levels = " × ".join(f"{len(values)} {name}" for name, values in self.design.items())
        lines = [
            f"grid {self.name}: {len(self)} data sets ({self.draws} independent draws) of {levels};"
            f" their samples take {self.nbytes / 1e6:.3g} MB"
        ]
        if self.left_out:
            sets = len(self.left_out) * len(self.design["seeds"])
            lines.append(f"left out, being impossible: {sets} data sets")
            told = _by_reason(self.left_out)
            lines += told[:TOLD]
            if len(told) > TOLD:
                lines.append(f"    and for {len(told) - TOLD} more reasons, see left_out")
        return "\n".join(lines)

    def _sources(self) -> Iterator[GridSpecification]:
        return (each for each in self.specifications if isinstance(each, GridSpecification))


class _Cell(NamedTuple):
    """A combination without its seed."""

    family: Family
    n: int
    d: int
    margin: float
    radius: float

    @property
    def name(self) -> str:
        return dataset_name(self.family.name, self.n, self.d, self.margin, self.radius, None, {})


def make_grid(
    families: str | Family | Sequence[str | Family],
    *,
    n: int | Iterable[int],
    d: int | Iterable[int],
    margin: float | Iterable[float],
    radius: float | Iterable[float] | None = None,
    radius_over_margin: float | Iterable[float] | None = None,
    seeds: int | Iterable[int] = 0,
    name: str = "grid",
) -> Grid:
    """Every combination of the given levels as a lazy sequence of data sets.

    Parameters
    ----------
    families : str, Family or sequence of them
        See `families`; each with the defaults of its options.
    n, d : int or sequence of int
        Samples, at least 4, and features, at least 2.
    margin : float or sequence of float
        Planted margins, above 0.
    radius : float or sequence of float, optional
        Largest norms of a sample, above 0.
    radius_over_margin : float or sequence of float, optional
        In place of `radius`: its ratio to each margin, above 1.
    seeds : int or sequence of int
        At least 0. Sets of one family, n, d and seed are one cloud, parted and stretched
        differently: studies count them as one independent draw. All simplices of one n and d are
        one draw too, and all orthogonal samples of equal norm.
    name : str
        What verdicts and reports call the design.

    Returns
    -------
    Grid
        Its members are what `make_separable` gives for the same arguments. Combinations that their
        family cannot honour (d below n for orthogonal samples, a margin that reaches the radius)
        are in `left_out` with the reason; one set of each other combination is made to find out.

    Raises
    ------
    TypeError, ValueError
        If a level is of the wrong kind, out of its range or given twice, a family is unknown, not
        exactly one of `radius` and `radius_over_margin` is given, no combination is possible, or
        there are more than a million of them.

    Examples
    --------
    >>> grid = make_grid(["gaussian", "wide"], n=24, d=[8, 48], margin=0.5, radius=[2.0, 4.0])
    >>> len(grid), grid[0].name, list(grid.left_out)
    (6, 'gaussian-n24-d8-m0.5-r2-s0', ['wide-n24-d8-m0.5-r2', 'wide-n24-d8-m0.5-r4'])
    """
    if (radius is None) == (radius_over_margin is None):
        raise ValueError(
            "give exactly one of radius and radius_over_margin, got"
            f" radius={radius!r} and radius_over_margin={radius_over_margin!r}"
        )
    if isinstance(families, (str, Family)):
        families = [families]
    chosen = [find_family(family) for family in _listed("families", families)]
    _differ("families", [family.name for family in chosen])
    design: dict[str, list[Any]] = {
        "families": [family.name for family in chosen],
        "n": _whole("n", n, low=4),
        "d": _whole("d", d, low=2),
        "margin": _real("margin", margin, low=SMALLEST, high=LARGEST),
    }
    if radius_over_margin is None:
        design["radius"] = _real("radius", radius, low=SMALLEST, high=LARGEST)
    else:
        design["radius_over_margin"] = _real("radius_over_margin", radius_over_margin, above=1)
    design["seeds"] = _whole("seeds", seeds, low=0)
    combinations = math.prod(map(len, design.values()))
    if combinations > MOST:
        raise ValueError(
            f"the grid has {combinations:,} combinations, and at most {MOST:,} are taken; name"
            " fewer levels, or make several grids"
        )
    possible, left_out = _tried(_cells(chosen, design), design["seeds"][0])
    if not possible:
        first, reason = next(iter(left_out.items()))
        raise ValueError(f"no combination of the grid is possible; {first}, for one: {reason}")
    _differ("names of combinations (6 digits of each level)", [cell.name for cell in possible])
    specifications = tuple(
        GridSpecification(**cell._asdict(), seed=seed)
        for cell in possible
        for seed in design["seeds"]
    )
    return Grid(file_name("name", name), None, specifications, design, left_out)


def _by_reason(left_out: Mapping[str, str]) -> list[str]:
    """A line for every reason, with the first combination that it is about."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        names.setdefault(reason, []).append(name)
    return [
        f"    {first}{f' and {len(more)} like it' if more else ''}: {reason}"
        for reason, (first, *more) in names.items()
    ]


def _cells(families: Sequence[Family], design: Mapping[str, list[Any]]) -> list[_Cell]:
    sizes = itertools.product(families, design["n"], design["d"], design["margin"])
    if "radius" in design:
        return [_Cell(*size, radius) for size in sizes for radius in design["radius"]]
    return [
        _Cell(*size, size[-1] * ratio) for size in sizes for ratio in design["radius_over_margin"]
    ]


def _tried(cells: Sequence[_Cell], seed: int) -> tuple[list[_Cell], dict[str, str]]:
    """The combinations that can be had, and why the others cannot."""
    possible, left_out = [], {}
    for cell in tqdm(cells, desc="grid", unit="set", delay=2, disable=None):
        try:
            GridSpecification(**cell._asdict(), seed=seed).make()
        except Refused as reason:
            left_out[cell.name] = str(reason)
        else:
            possible.append(cell)
    return possible, left_out


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        rule = "must be a value or a sequence of values"
        raise TypeError(f"{name} {rule}, got {shown(values)}")
    listed = sequence(name, values, of="values")
    if not listed:
        raise ValueError(f"{name} is empty; name at least one level")
    return listed


def _differ(name: str, levels: Sequence[Any]) -> None:
    (most, times), *_ = Counter(levels).most_common(1)
    if times > 1:
        raise ValueError(f"{name} must differ, got {most!r} {times} times; name each once")


def _whole(name: str, values: Any, *, low: int) -> list[int]:
    listed = [values] if isinstance(values, Real) else _listed(name, values)
    levels = [whole_number(f"{name}[{i}]", value, low=low) for i, value in enumerate(listed)]
    _differ(name, levels)
    return levels


def _real(name: str, values: Any, **limits: Any) -> list[float]:
    listed = [values] if isinstance(values, Real) else _listed(name, values)
    levels = [real_number(f"{name}[{i}]", value, **limits) for i, value in enumerate(listed)]
    _differ(name, levels)
    return levels
