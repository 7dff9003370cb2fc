"""What a family of separable data is, and the register of all families."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_number, true_or_false, whole_number
from tunebound._ground.registry import Registry, find_named, modules_in


class Refused(ValueError):
    """What was asked of a family cannot be had of it, though each value alone is in its range."""


@dataclass(frozen=True)
class Planted:
    """Samples with their truth, as a family returns them.

    Attributes
    ----------
    Z : (n, d) float64
        Label times sample, z_i = y_i x_i.
    separator : (d,) float64
        Unit max-margin direction.
    dual : (n,) float64
        A dual, scaled to Σ dual = 1/margin².
    labels : (n,) int64 or None
        ±1, at least two of each; None lets `make_separable` draw equal classes.
    """

    Z: Floats
    separator: Floats
    dual: Floats
    labels: Integers | None = None


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a family.

    Attributes
    ----------
    default
        None means that the family chooses from n and d.
    meaning : str
        A noun phrase; the errors quote it.
    kind : type
        int, float or bool.
    low, high : float
        Closed range; ``high`` limits real options only.
    """

    default: int | float | bool | None
    meaning: str
    kind: type
    low: float = 0.0
    high: float = float("inf")

    def checked(self, name: str, value: Any) -> int | float | bool:
        """Return ``value`` in its kind; TypeError or ValueError if it does not fit."""
        remedy = f"it is the {self.meaning}"
        if self.kind is bool:
            return true_or_false(name, value, remedy=remedy)
        if self.kind is int:
            return whole_number(name, value, low=int(self.low), remedy=remedy)
        return real_number(name, value, low=self.low, high=self.high, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked of a family: sizes, margin, radius and every option, checked."""

    family: str
    n: int
    d: int
    margin: float
    radius: float
    options: Mapping[str, Any]

    def refuse(self, reason: str) -> NoReturn:
        """Raise a ValueError: the family cannot honour the request."""
        raise Refused(f"family {self.family!r}: {reason}")

    def support_size(self, *, at_most: int) -> int:
        """Option ``n_support``, or by default a third of the samples (two at least), ``at_most``
        the given number.
        """
        given = self.options["n_support"]
        if given is None:
            return max(1, min(at_most, max(2, self.n // 3)))
        if given > self.n:
            self.refuse(
                f"n_support={given} support vectors need as many points, but n={self.n}; raise n or"
                " lower it"
            )
        return int(given)


Draw = Callable[[Request, np.random.Generator], Planted]

# Options of every family whose cloud is parted by `synthetic.planting.part_cloud`.
COMMON_OPTIONS: Mapping[str, Option] = {
    "n_support": Option(
        default=None,
        meaning="number of support vectors (by default a third of n, at most d)",
        kind=int,
        low=1,
    ),
    "gap": Option(
        default=0.1,
        meaning="distance of the other points beyond the margin, in units of the margin",
        kind=float,
        low=1e-6,
        high=1e6,
    ),
}


@dataclass(frozen=True, kw_only=True, repr=False)
class Family:
    """A kind of separable data.

    Families are equal when their names, texts and options are: a function that was sent to another
    process is another object there.

    Attributes
    ----------
    name : str
    summary : str
        What the family is and what it is for, one sentence.
    needs : str
        What it asks of n, d, margin and radius beyond n ≥ 4, d ≥ 2 and margin < radius.
    options : mapping of str to Option
    draw : callable
        (request, generator) → Planted.
    """

    name: str
    summary: str
    needs: str = "nothing more"
    options: Mapping[str, Option] = field(default_factory=lambda: COMMON_OPTIONS, hash=False)
    draw: Draw = field(compare=False)

    def __repr__(self) -> str:
        return f"<Family {self.name}>"

    def checked_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every option with its default or the given value; ValueError or TypeError when one does
        not fit.
        """
        for name in given:
            find_named(f"option of family {self.name!r}", name, self.options)
        values: dict[str, Any] = {}
        for name, option in self.options.items():
            value = given.get(name, option.default)
            values[name] = (
                None if value is None and option.default is None else option.checked(name, value)
            )
        return values


_FAMILIES: Registry[Family] = Registry(
    "family", partial(modules_in, "tunebound.synthetic.family"), "tunebound.families"
)


def register_family(
    name: str,
    *,
    summary: str,
    needs: str = "nothing more",
    options: Mapping[str, Option] = COMMON_OPTIONS,
) -> Callable[[Draw], Draw]:
    """Decorator that registers a drawing function as a family; run again, it replaces it.

    Parameters
    ----------
    name : str
        What `make_separable` and suites call the family.
    summary : str
        What the family is and what it is for, one sentence.
    needs : str
        What it asks of n, d, margin and radius beyond n ≥ 4, d ≥ 2 and margin < radius.
    options : mapping of str to Option
        By default the options of `synthetic.planting.part_cloud`; add to them with
        ``{**COMMON_OPTIONS, "name": Option(...)}``.

    Returns
    -------
    callable
        Takes the function (request, generator) → Planted and gives it back.

    Raises
    ------
    ValueError
        If the name is taken by another function.
    """

    def enter(draw: Draw) -> Draw:
        family = Family(name=name, summary=summary, needs=needs, options=dict(options), draw=draw)
        _FAMILIES.add(name, family, draw)
        return draw

    return enter


def families() -> dict[str, Family]:
    """All families by name, in alphabetical order."""
    return dict(sorted(_FAMILIES.known().items()))


def find_family(family: str | Family) -> Family:
    """The family of that name, or the family itself.

    Parameters
    ----------
    family : str or Family

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If there is none; the message has the closest name.
    """
    return family if isinstance(family, Family) else find_named("family", family, families())
