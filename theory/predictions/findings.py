"""What a study says of each prediction: its sign, its exponent, and how much it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.decision import decide
from tunebound.theory.engine.hypothesis import hypotheses
from tunebound.theory.engine.statistics.effects import median_interval
from tunebound.theory.engine.statistics.rates import CONFIDENCE
from tunebound.theory.predictions.design import Design, Prediction, designs
from tunebound.theory.predictions.slopes import Sweeps, sweeps

# An exponent is a statement about large n or t, and shows where the interval comes this near to it.
EXPONENT_MARGIN = 0.05
# A change over all levels that is certainly within this factor is called small.
SMALL_FACTOR = 1.05


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A prediction, measured and decided.

    Attributes
    ----------
    prediction : str
    status : {"confirmed", "refuted", "not decided", "not tested"}
        Of the sign: the exact sign test over draws, by Holm's method for all predictions at 5 %.
    draws, agreeing, opposed : int
        Draws with a slope; those with the predicted sign, and the opposite one.
    slope, low, high : float
        Median slope over draws, with an exact interval that holds for all predictions at once with
        95 % (Bonferroni).
    change : (float, float, float)
        The slope and its interval as the factor on the outcome from the first to the last level.
    exponents : mapping
        Who predicts one → "shows", "stronger", "weaker", "reversed" or "open".
    values, dropped : int
        Values measured, and those not used because they do not exceed their resolution or are
        missing.
    adjusted : float
        p-value of the sign test after Holm's adjustment.
    """

    prediction: str
    status: str
    draws: int
    agreeing: int
    opposed: int
    slope: float
    low: float
    high: float
    change: tuple[float, float, float]
    exponents: Mapping[str, str]
    values: int
    dropped: int
    adjusted: float

    @property
    def small(self) -> bool:
        """Whether the whole interval of the change lies within 5 % of no change."""
        ends = self.change[1:]
        return self.draws > 0 and all(1 / SMALL_FACTOR <= end <= SMALL_FACTOR for end in ends)


def judge(results: Results) -> list[Finding]:
    """All registered predictions, judged together, in the order of the designs.

    Parameters
    ----------
    results : Results
        Of a study of predictions.
    """
    decisions = {
        each.hypothesis.name: each
        for each in decide(list(hypotheses("predictions").values()), results)
    }
    together = max(1, sum(each.units > 0 for each in decisions.values()))
    findings = []
    for design in designs().values():
        for prediction in design.predictions:
            decision = decisions[prediction.name]
            found = sweeps(results.environments, design, prediction)
            slope, low, high = np.nan, -np.inf, np.inf
            if decision.units:
                slope, low, high = median_interval(
                    found.slopes().dropna(), 1 - (1 - CONFIDENCE) / together
                )
            findings.append(
                Finding(
                    prediction=prediction.name,
                    status=decision.status,
                    draws=decision.units,
                    agreeing=decision.agreeing,
                    opposed=decision.opposed,
                    slope=slope,
                    low=low,
                    high=high,
                    change=_change(found, (slope, low, high)),
                    exponents={
                        who: exponent(predicted, low, high)
                        for who, predicted in prediction.exponents.items()
                    },
                    values=found.values.size,
                    dropped=int((~found.used).sum()),
                    adjusted=decision.adjusted,
                )
            )
    return findings


def exponent(predicted: float, low: float, high: float) -> str:
    """Where a predicted exponent lies against the interval of the measured one.

    Parameters
    ----------
    predicted : float
        Not 0.
    low, high : float

    Returns
    -------
    str
        "shows": the interval comes within `EXPONENT_MARGIN` of it and has one sign. "stronger" or
        "weaker": the whole interval is further from 0, or nearer to it (or beyond, but not
        wholly). "reversed": the whole interval has the other sign. "open": it reaches from the
        prediction to 0.
    """
    ends = (low, high) if predicted > 0 else (-high, -low)
    size = abs(predicted)
    if ends[1] < 0:
        return "reversed"
    if ends[0] > size + EXPONENT_MARGIN:
        return "stronger"
    if ends[1] < size - EXPONENT_MARGIN:
        return "weaker"
    return "open" if ends[0] <= 0 else "shows"


def _change(found: Sweeps, slopes: tuple[float, float, float]) -> tuple[float, float, float]:
    """exp(slope · Δ ln coordinate), from the first level to the last, of the slope and the ends of
    its interval, the smaller end first.
    """
    if not found.values.size:
        return np.nan, 0.0, np.inf
    first, last = found.coordinates[[0, -1]]
    with np.errstate(over="ignore"):
        middle, *ends = (float(np.exp(slope * np.log(last / first))) for slope in slopes)
    return middle, min(ends), max(ends)


def registered() -> dict[str, tuple[Design, Prediction]]:
    """Every prediction by name, with its design."""
    return {
        prediction.name: (design, prediction)
        for design in designs().values()
        for prediction in design.predictions
    }
