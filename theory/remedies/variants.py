"""What is tried on a task: a registered method, or one of them at another weight, written like
"maximal_margin@3".
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from tunebound.theory.remedies.comparison import SEPARATOR

WEIGHTED = "maximal_margin"
WEIGHT = "@"
SWEPT = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def variant(weight: float) -> str:
    """The name of the maximal margin regularizer at a weight."""
    return f"{WEIGHTED}{WEIGHT}{weight:g}"


def split(name: str) -> tuple[str, float | None]:
    """Method and weight of a variant; the weight is None where the method's own default holds.

    Parameters
    ----------
    name : str

    Raises
    ------
    ValueError
        If what follows the sign is no number above zero, or the method has no weight to set.
    """
    method, sign, text = name.partition(WEIGHT)
    if not sign:
        return method, None
    try:
        weight = float(text)
    except ValueError:
        weight = float("nan")
    if method != WEIGHTED or not 0 < weight < float("inf"):
        raise ValueError(
            f"method {name!r} is none; write a registered name, or {WEIGHTED}{WEIGHT}WEIGHT with a"
            " positive number"
        )
    return method, weight


def weighted(environments: pd.DataFrame) -> list[tuple[float, str]]:
    """The weights of the maximal margin regularizer that a study tried, ascending, with the
    variants' names.

    Parameters
    ----------
    environments : DataFrame
    """
    return sorted(
        (weight, name)
        for name in _tried(environments.columns)
        if (weight := split(name)[1]) is not None
    )


def _tried(columns: Iterable[object]) -> set[str]:
    return {str(column).split(SEPARATOR)[0] for column in columns if SEPARATOR in str(column)}
