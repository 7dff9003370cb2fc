"""What a family of separable data is, and the register of all families."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_number, true_or_false, whole_number
from tunebound._ground.registry import find_named


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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Request:
    """What was asked of a family: sizes, margin, radius and every option, checked."""

    family: str
    n: int
    d: int
    margin: float
    radius: float
    options: Mapping[str, Any]

    def refuse(self, reason: str) -> NoReturn:
        """Raise ValueError: the family cannot honour the request."""
        raise ValueError(f"family {self.family!r}: {reason}")

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


@dataclass(frozen=True)
class Family:
    """A kind of separable data.

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
    needs: str
    options: Mapping[str, Option]
    draw: Draw = field(repr=False)

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


# Options of every family whose cloud is parted by `synthetic.planting.part_cloud`.
COMMON: Mapping[str, Option] = MappingProxyType(
    {
        "n_support": Option(
            None, "number of support vectors (by default a third of n, at most d)", int, low=1
        ),
        "gap": Option(
            0.1,
            "distance of the other points beyond the margin, in units of the margin",
            float,
            low=1e-6,
            high=1e6,
        ),
    }
)

_FAMILIES: dict[str, Family] = {}


def register(
    name: str, *, summary: str, needs: str = "nothing more", options: Mapping[str, Option] = COMMON
) -> Callable[[Draw], Draw]:
    """Decorator that registers a drawing function as the family ``name``.

    Raises
    ------
    ValueError
        If the name is taken by another function.
    """

    def enter(draw: Draw) -> Draw:
        known = _FAMILIES.get(name)
        if known is not None and known.draw.__module__ != draw.__module__:
            raise ValueError(
                f"family {name!r} is registered by {known.draw.__module__} already; choose another"
                " name"
            )
        _FAMILIES[name] = Family(name, summary, needs, MappingProxyType(dict(options)), draw)
        return draw

    return enter


def discover() -> None:
    """Import every module of `synthetic.family`, each of which registers its family."""
    package = importlib.import_module("tunebound.synthetic.family")
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)


def families() -> dict[str, Family]:
    """All families by name, in alphabetical order."""
    discover()
    return dict(sorted(_FAMILIES.items()))


def family_called(name: Any) -> Family:
    """The family ``name``; ValueError with the closest known name if there is none, TypeError if it
    is no text.
    """
    return find_named("family", name, families())
