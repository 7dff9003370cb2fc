"""Predicted exponents against measured slopes, all of a report decided together."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tunebound.theory.engine import tables
from tunebound.theory.engine.setting import Setting
from tunebound.theory.engine.statement import Theorem
from tunebound.theory.engine.statistics.rates import (
    CONFIDENCE,
    Slope,
    slope_beside,
    within_group_slope,
)
from tunebound.theory.engine.tightness import judged_rows

# a factor like any other, but it varies along each run instead of across environments
ALONG_STEPS = "ln ln t/ln t"

# the factor of a slope, and the values that it is measured on
Measured = tuple[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A predicted exponent against the measured one.

    Attributes
    ----------
    theorem, factor, quantity : str
        Who predicts it, in what, of what.
    predicted : float
    slope : Slope
        Measured; theorems that speak of the same measured values share it.
    low, high : float
        Its interval: all intervals that were decided together cover their slopes with probability
        95 % (Bonferroni, over the slopes), so that every decision read off them is one of them.
    together : int
        How many slopes were decided together.
    bound_slope : float
        The bound's slope over the same environments.
    """

    theorem: str
    factor: str
    quantity: str
    predicted: float
    slope: Slope
    low: float
    high: float
    together: int
    bound_slope: float

    @property
    def sign(self) -> str:
        """Whether the measured effect has the predicted direction: "confirmed", "reversed" or "not
        decided".
        """
        if self.low <= 0 <= self.high:
            return "not decided"
        return "confirmed" if np.sign(self.low) == np.sign(self.predicted) else "reversed"

    @property
    def exponent(self) -> str:
        """Where the predicted exponent lies: "compatible" (in the interval), or the measured effect
        is "stronger" or "weaker".
        """
        if self.low <= self.predicted <= self.high:
            return "compatible"
        return "stronger" if self.slope.value / self.predicted > 1 else "weaker"

    def __str__(self) -> str:
        return (
            f"rate in {self.factor}: predicted {self.predicted:+g}, measured"
            f" {self.slope.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}] over"
            f" {self.slope.draws} draws: {self.exponent}, sign {self.sign}"
        )


def decide_rates(
    setting: Setting, tested: Iterable[tuple[Theorem, pd.DataFrame]]
) -> dict[str, tuple[Rate, ...]]:
    """What the predicted exponents of some theorems are worth, decided together.

    Parameters
    ----------
    setting : Setting
    tested : iterable of (Theorem, DataFrame)
        Theorems and their rows. Members that were handed over belong to no population and are left
        out.

    Returns
    -------
    dict
        Theorem → its rates; without those that too few environments vary in. Theorems with the
        same measured values share one slope, which counts once.
    """
    asked = []
    for theorem, rows in tested:
        drawn = rows[rows[tables.DRAW] != ""]
        for factor, predicted in theorem.rates.items():
            frame = _varying(drawn, factor, setting)
            shown = frame[[tables.MEMBER, tables.STEPS, tables.MEASURED]].to_numpy(dtype=float)
            asked.append((theorem, factor, predicted, frame, (factor, shown.tobytes())))
    slopes = _slopes({key: (frame, factor) for _, factor, _, frame, key in asked}, setting)
    together = len(slopes)
    intervals = {
        key: slope.interval(1 - (1 - CONFIDENCE) / together) for key, slope in slopes.items()
    }
    rates: dict[str, tuple[Rate, ...]] = {}
    for theorem, factor, predicted, frame, key in asked:
        if key not in slopes:
            continue
        low, high = intervals[key]
        rate = Rate(
            theorem=theorem.name,
            factor=factor,
            quantity=str(frame[tables.QUANTITY].iloc[0]),
            predicted=predicted,
            slope=slopes[key],
            low=low,
            high=high,
            together=together,
            bound_slope=slope_beside(frame, tables.BOUND, factor, _others(factor, setting)),
        )
        rates[theorem.name] = (*rates.get(theorem.name, ()), rate)
    return rates


def _slopes(
    measured: Mapping[Measured, tuple[pd.DataFrame, str]], setting: Setting
) -> dict[Measured, Slope]:
    """Those that there are, several at once: most of their time is NumPy's, without Python's
    lock.
    """

    def slope(asked: tuple[pd.DataFrame, str]) -> Slope | None:
        frame, factor = asked
        return within_group_slope(frame, factor, _others(factor, setting), setting.family)

    with ThreadPoolExecutor(max(1, min(len(measured), os.cpu_count() or 1))) as pool:
        found = pool.map(slope, measured.values())
        return {key: each for key, each in zip(measured, found, strict=True) if each is not None}


def by_slope(rates: Iterable[Rate]) -> list[tuple[Rate, ...]]:
    """Rates that share one slope together, in the order of the first of each."""
    together: dict[int, list[Rate]] = {}
    for rate in rates:
        together.setdefault(id(rate.slope), []).append(rate)
    return [tuple(each) for each in together.values()]


def by_family(rates: Iterable[Rate]) -> dict[str, Mapping[str, float]]:
    """Slopes of each family, by what they are slopes of; slopes without families are left out."""
    return {
        f"{rate.quantity}, in {tables.symbol(rate.factor)}": rate.slope.families
        for rate, *_ in by_slope(rates)
        if rate.slope.families
    }


def _varying(rows: pd.DataFrame, factor: str, setting: Setting) -> pd.DataFrame:
    """The rows that a slope in the factor is measured on, with the factor as a column."""
    if factor != ALONG_STEPS:
        return judged_rows(rows, setting.judged_at).drop_duplicates(tables.MEMBER, keep="last")
    late = rows[np.isfinite(rows[tables.STEPS]) & (rows[tables.STEPS] > math.exp(math.e))]
    logarithm = np.log(late[tables.STEPS])
    return late.assign(**{factor: np.log(logarithm) / logarithm})


def _others(factor: str, setting: Setting) -> list[str]:
    """What is alike within a group."""
    if factor == ALONG_STEPS:
        return [tables.MEMBER]
    varied = setting.stands_for.get(factor)
    return [name for name in setting.factors if name not in (factor, varied)]
