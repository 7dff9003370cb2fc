"""The population that a verdict speaks of: new draws of the design that was tested."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from scipy.special import betaincinv

from tunebound.theory.engine.statistics.rates import CONFIDENCE
from tunebound.theory.engine.tables import level, symbol

LISTED = 6  # levels of a factor that are written out
# Of fewer draws the limit is above 5 %.
FEW = 59


def violation_limit(draws: int) -> float:
    """Upper 95 % confidence limit of the share of new draws that violate a bound which none of so
    many violated: 1 − 0.05^(1/draws) (Clopper and Pearson, one-sided).

    The cells of a design are chosen and drawn once each. Then it is a limit of the mean over cells:
    Π(1 − p_c) ≤ (1 − p̄)^draws.
    """
    return float(betaincinv(1, draws, CONFIDENCE))


def described(environments: pd.DataFrame, factors: Iterable[str]) -> str:
    """The levels of a design in words: each factor with its values, or with their number and range
    where they are many.
    """
    return "; ".join(_levels(name, environments[name]) for name in factors)


def _levels(name: str, column: pd.Series) -> str:
    values = sorted(column.unique())
    text, called = [level(value) for value in values], symbol(name)
    if len(values) <= LISTED:
        return f"{called} = {', '.join(text)}"
    if pd.api.types.is_numeric_dtype(column):
        return f"{called} from {text[0]} to {text[-1]} ({len(values)} values)"
    return f"{len(values)} values of {called}"
