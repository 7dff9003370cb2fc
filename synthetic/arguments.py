"""Checks of arguments that every generator shares: one place for the wording of the errors."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable
from typing import Any


def whole_number(name: str, value: Any, *, low: int, remedy: str) -> int:
    """Return ``value`` as an int of at least ``low``.

    Raises
    ------
    TypeError
        If ``value`` is a bool or not an integer.
    ValueError
        If it is below ``low``.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r}; {remedy}")
    number = operator.index(value)
    if number < low:
        raise ValueError(f"{name} must be at least {low}, got {number}; {remedy}")
    return number


def real_number(name: str, value: Any, *, low: float, high: float, remedy: str) -> float:
    """Return ``value`` as a finite float in [``low``, ``high``].

    Raises
    ------
    TypeError
        If ``value`` is a bool or not a real number.
    ValueError
        If it is NaN, infinite or out of range.
    """
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a real number, got {value!r}; {remedy}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name} must be a real number, got {value!r}; {remedy}") from error
    if not math.isfinite(number) or not low <= number <= high:
        raise ValueError(
            f"{name} must be finite and within [{low:g}, {high:g}], got {number!r}; {remedy}"
        )
    return number


def unknown_name(kind: str, name: Any, known: Iterable[str]) -> str:
    """Word the error for a name that nobody registered, with the closest known one."""
    choices = sorted(known)
    close = difflib.get_close_matches(str(name), choices, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {kind} {name!r}; {hint}known: {', '.join(choices) or 'none'}"
