"""What is tried on a task: a method, or a method at another strength, written like
"maximal_margin@3".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from tunebound import tuning
from tunebound._ground.checks import real_number
from tunebound.theory.remedies.comparison import SEPARATOR

SWEPT_METHOD = "maximal_margin"
AT = "@"
SWEPT = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# Written out: a new method must not change what a suite is, nor how many hypotheses are judged
# together.
METHODS = (
    "plain",
    "l2_sp",
    "maximal_margin",
    "mixout",
    "more_iterations",
    "multi_head",
    "noise_stability",
    "reinitialisation",
    "self_unsupervised",
    "smaller_step",
    "smoothness",
    "weight_averaging",
)


@dataclass(frozen=True)
class Variant:
    """A method as it is tried: the object itself, so that processes need not know its name.

    Attributes
    ----------
    name : str
        The method's, with its strength where that is not the method's default.
    method : Method
    """

    name: str
    method: tuning.Method


def variant(method: str | tuning.Method | Variant, strength: float | None = None) -> Variant:
    """A method at a strength.

    Parameters
    ----------
    method : str, Method or Variant
        A registered name, which may carry a strength as "maximal_margin@3" does, or an object.
    strength : float, optional
        Above 0; the method's own by default.

    Raises
    ------
    ValueError
        If no method has the name, or the strength is no number above 0.
    """
    if isinstance(method, Variant):
        return method
    if isinstance(method, str):
        name, own = split(method)
        known, strength = tuning.find_method(name), own if strength is None else strength
    else:
        known = method
    if strength is None:
        return Variant(known.name, known)
    real_number("strength", strength, above=0, remedy="write maximal_margin@3 for example")
    return Variant(at_strength(known.name, strength), replace(known, strength=strength))


def at_strength(method: str, strength: float) -> str:
    """The name of a method at a strength."""
    return f"{method}{AT}{strength:g}"


def split(name: str) -> tuple[str, float | None]:
    """Method and strength of a variant's name; None where the method's own strength holds."""
    method, sign, text = name.partition(AT)
    if not sign:
        return method, None
    try:
        return method, float(text)
    except ValueError:
        raise ValueError(
            f"method {name!r} has no strength behind {AT!r}; write {SWEPT_METHOD}{AT}3 for example"
        ) from None


def swept(environments: pd.DataFrame) -> list[tuple[float, str]]:
    """The strengths of the maximal margin regularizer that a study tried, ascending, with the
    variants' names.

    Parameters
    ----------
    environments : DataFrame
    """
    tried = ((name, *split(name)) for name in _tried(environments.columns))
    return sorted(
        (strength, name)
        for name, method, strength in tried
        if method == SWEPT_METHOD and strength is not None
    )


def _tried(columns: Iterable[object]) -> set[str]:
    return {str(column).split(SEPARATOR)[0] for column in columns if SEPARATOR in str(column)}
