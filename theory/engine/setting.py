"""What a setting is, and the registry of settings."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Evidence(Protocol):
    """What one environment gave: known to its theorems in full, to everything else by columns."""

    def columns(self) -> dict[str, Any]:
        """The design factors, then constants and certificates, one value each."""


@dataclass(frozen=True)
class Setting:
    """How a suite of environments becomes evidence.

    Attributes
    ----------
    name, summary : str
    measures : str
        What the instability is a distance of, with its range, for axes.
    factors : tuple of str
        Columns that a suite varies by design; slopes compare environments that differ in one of
        them only.
    stands_for : mapping
        Measured column → the factor through which a suite varies it, where a rate is predicted in
        the measured column.
    options : mapping
        Options of a study with their defaults, all plain values that JSON can hold.
    check : callable
        options → None; raises on values out of range, before any work.
    judged_at : {"last", "tightest"}
        The number of steps at which a bound is called vacuous and its tightness and rates are read:
        the last one, or the one with the largest measured/bound (where the instability dies out
        with the steps).
    suite_names : callable
        () → the names of its suites.
    suite : callable
        (name, seed) → a lazy suite with `specifications`.
    cost : callable
        (specification, options) → work to expect, in arbitrary units; specifications of equal
        `batch_key` run together.
    batch_key : callable
        specification → hashable.
    evidence : callable
        (members, their specifications, options) → one evidence a member, in order. The
        specification of a member that a user hands over is the member itself.
    save : callable
        (member, path) → None; writes one member so that `load` and one command replay it.
    load : callable
        path → member.
    """

    name: str
    summary: str
    measures: str
    factors: tuple[str, ...]
    stands_for: Mapping[str, str]
    options: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], None]
    judged_at: str
    suite_names: Callable[[], tuple[str, ...]]
    suite: Callable[[str, int], Any]
    cost: Callable[[Any, Mapping[str, Any]], float]
    batch_key: Callable[[Any], Any]
    evidence: Callable[[Sequence[Any], Sequence[Any], Mapping[str, Any]], list[Any]]
    save: Callable[[Any, Any], None]
    load: Callable[[Any], Any]


_registry: dict[str, Setting] = {}


def register(new: Setting) -> Setting:
    """Register a setting."""
    if new.name in _registry and _registry[new.name] is not new:
        raise ValueError(f"a setting named {new.name!r} is registered already; choose another name")
    _registry[new.name] = new
    return new


def settings() -> dict[str, Setting]:
    """The registered settings by name."""
    package = importlib.import_module("tunebound.theory")
    for module in sorted(
        found.name
        for found in pkgutil.iter_modules(package.__path__)
        if found.ispkg and found.name != "engine"
    ):
        importlib.import_module(f"tunebound.theory.{module}.setting")
    return dict(_registry)


def find_setting(name: str) -> Setting:
    """The setting of that name."""
    known = settings()
    if name not in known:
        raise ValueError(f"no setting is named {name!r}. Known: {', '.join(known)}")
    return known[name]
