"""Rates: log–log slopes within groups of environments that differ in one factor only, with
bootstrap intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

CONFIDENCE = 0.95
DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A predicted exponent against the measured one.

    Attributes
    ----------
    factor : str
        Column that varies while all other factors stay.
    predicted, slope, low, high : float
        Predicted exponent; least-squares slope of ln(measured) in ln(factor) with group effects,
        and its 95 % interval.
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
        """Whether the measured effect has the predicted direction: "confirmed", "reversed" or "not
        decided".
        """
        if self.low <= 0 <= self.high:
            return "not decided"
        return "confirmed" if np.sign(self.slope) == np.sign(self.predicted) else "reversed"

    @property
    def exponent(self) -> str:
        """Where the predicted exponent lies: "shows" (in the interval), or the measured effect is
        "stronger" or "weaker".
        """
        if self.low <= self.predicted <= self.high:
            return "shows"
        return "stronger" if self.slope / self.predicted > 1 else "weaker"


def within_group_rate(
    frame: pd.DataFrame, factor: str, predicted: float, factors: Sequence[str], *, seed: int = 0
) -> Rate | None:
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
        None where fewer than three groups vary in the factor, or fewer than half of the measured
        values are positive.
    """
    positive = frame[(frame["measured"] > 0) & (frame["bound"] > 0)]
    if len(positive) < len(frame) / 2:
        return None
    others = [name for name in factors if name != factor]
    groups = positive.groupby(others, dropna=False)
    varied = positive[groups[factor].transform("nunique") > 1]
    kept, number = np.unique(groups.ngroup()[varied.index], return_inverse=True)
    count = len(kept)
    if count < 3:
        return None

    def centred(column: str) -> np.ndarray:
        logs = np.log(varied[column].to_numpy(dtype=float))
        return logs - (np.bincount(number, logs) / np.bincount(number))[number]

    x = centred(factor)
    squares = np.bincount(number, x * x)
    measured, bound = (
        np.stack([squares, np.bincount(number, x * centred(column))], axis=1)
        for column in ("measured", "bound")
    )
    draws = np.random.default_rng(seed).integers(count, size=(DRAWS, count))
    sums = measured[draws].sum(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(sums[:, 1] / sums[:, 0], [tail, 1 - tail])
    return Rate(
        factor=factor,
        predicted=predicted,
        slope=float(measured[:, 1].sum() / measured[:, 0].sum()),
        low=float(low),
        high=float(high),
        bound_slope=float(bound[:, 1].sum() / bound[:, 0].sum()),
        groups=count,
        environments=len(varied),
    )
