"""Columns of the environments of this setting."""

from __future__ import annotations

DESIGN = "design"
SEED = "seed"
LEVEL = "level"
MEASURED = "measured"
RESOLUTION = "resolution"
SEPARATOR = ":"


def level(number: int) -> str:
    """The factor's value at the level of that number."""
    return f"{LEVEL}{SEPARATOR}{number}"


def measured(outcome: str, number: int) -> str:
    """An outcome there."""
    return f"{outcome}{SEPARATOR}{MEASURED}{SEPARATOR}{number}"


def resolution(outcome: str, number: int) -> str:
    """What rounding and certificates leave open of it."""
    return f"{outcome}{SEPARATOR}{RESOLUTION}{SEPARATOR}{number}"
