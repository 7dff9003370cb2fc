"""Rates: log–log slopes within groups of environments that differ in one factor only, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

CONFIDENCE = 0.95
DRAWS = 2000


@dataclass(frozen=True)
class Rate:
    """A predicted exponent against the measured one.

    Attributes
    ----------
    factor : str
        Column that varies while all other factors stay.
    predicted, slope, low, high : float
        Predicted exponent; least-squares slope of ln(measured) in ln(factor) with group effects, and its 95 % interval.
    bound_slope : float
        The same slope of the bound.
    groups, environments : int
        How many groups, and environments in them, the slope rests on.
    """

    factor: str
    predicted: float
    slope: float
    low: float
    high: float
    bound_slope: float
    groups: int
    environments: int

    @property
    def sign(self) -> str:
        """Whether the measured effect has the predicted direction: "confirmed", "reversed" or "not decided"."""
        if self.low <= 0 <= self.high:
            return "not decided"
        return "confirmed" if np.sign(self.slope) == np.sign(self.predicted) else "reversed"

    @property
    def exponent(self) -> str:
        """Where the predicted exponent lies: "shows" (in the interval), or the measured effect is "stronger" or "weaker"."""
        if self.low <= self.predicted <= self.high:
            return "shows"
        return "stronger" if self.slope / self.predicted > 1 else "weaker"


def within_group_rate(frame: pd.DataFrame, factor: str, predicted: float, factors: Sequence[str], *, seed: int = 0) -> Rate | None:
    """Slope of ln(measured) in ln(factor) across environments alike in all other factors.

    Parameters
    ----------
    frame : DataFrame
        One row an environment, with the columns `factors`, measured and bound.
    factor : str
    predicted : float
        Exponent that the theorem predicts.
    factors : sequence of str
        All design factors.
    seed : int
        Of the bootstrap, which draws whole groups with replacement.

    Returns
    -------
    Rate or None
        None where fewer than three groups vary in the factor, or fewer than half of the measured values are positive.
    """
    positive = frame[(frame["measured"] > 0) & (frame["bound"] > 0)]
    if len(positive) < len(frame) / 2:
        return None
    others = [name for name in factors if name != factor]
    groups = [group for _, group in positive.groupby(others, dropna=False) if group[factor].nunique() > 1]
    if len(groups) < 3:
        return None

    def moments(column: str) -> np.ndarray:
        pairs = []
        for group in groups:
            x = np.log(group[factor].to_numpy(dtype=float))
            y = np.log(group[column].to_numpy(dtype=float))
            x = x - x.mean()
            pairs.append((x @ x, x @ (y - y.mean())))
        return np.array(pairs)

    measured, bound = moments("measured"), moments("bound")
    draws = np.random.default_rng(seed).integers(len(groups), size=(DRAWS, len(groups)))
    sums = measured[draws].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(sums[:, 1] / sums[:, 0], [tail, 1 - tail])
    return Rate(
        factor,
        predicted,
        float(measured[:, 1].sum() / measured[:, 0].sum()),
        float(low),
        float(high),
        float(bound[:, 1].sum() / bound[:, 0].sum()),
        len(groups),
        sum(len(group) for group in groups),
    )
