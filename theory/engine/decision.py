"""Judging directional claims by the signs of their effects over independent tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tunebound._ground.checks import instance, sequence
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.hypothesis import Hypothesis, find_hypothesis
from tunebound.theory.engine.statistics.effects import (
    POWER,
    detectable_share,
    equivalence_test,
    median_interval,
    sign_test,
    signs_needed,
)
from tunebound.theory.engine.statistics.rates import CONFIDENCE
from tunebound.theory.engine.studies import study
from tunebound.theory.engine.verdict import counted

EQUIVALENT = 1.05  # a factor between 1/1.05 and 1.05 counts as no effect worth the name


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a study says of one hypothesis.

    Attributes
    ----------
    hypothesis : Hypothesis
    status : {"confirmed", "refuted", "not decided", "not tested"}
        By the exact two-sided sign test over units, its p-value adjusted by Holm's method for all
        hypotheses judged together, at 5 %: decided for the predicted sign, for the opposite one, or
        not at all.
    units, agreeing, opposed : int
        Units with an effect; those whose effect has the predicted sign, and the opposite one. An
        effect of exactly zero counts against both.
    median, low, high : float
        Median effect and its exact 95 % interval by order statistics, for this hypothesis alone.
    p, adjusted : float
        Of the sign test: alone, and after Holm's adjustment.
    equivalence : float
        Of the two one-sided sign tests that the median factor lies between 1/1.05 and 1.05, after
        Holm's adjustment for all such tests of the study; NaN for effects that are no ratios.
    together : int
        How many hypotheses were judged together.
    """

    hypothesis: Hypothesis
    status: str = "not tested"
    units: int = 0
    agreeing: int = 0
    opposed: int = 0
    median: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    p: float = 1.0
    adjusted: float = 1.0
    equivalence: float = float("nan")
    together: int = 1

    @property
    def equivalent(self) -> bool:
        """Whether the median factor is shown to lie between 1/1.05 and 1.05, at 5 %; a direction
        may be confirmed or refuted beside it.
        """
        return self.equivalence <= 1 - CONFIDENCE

    @property
    def needed(self) -> int | None:
        """How many units had to agree in sign for a decision at the strictest step of Holm's
        method; None where even all of them were too few.
        """
        return signs_needed(self.units, (1 - CONFIDENCE) / self.together)

    @property
    def detectable(self) -> float:
        """The smallest probability of the predicted sign that is found with 80 % power at that
        step; NaN where no number of signs is enough.
        """
        return math.nan if self.needed is None else detectable_share(self.units, self.needed)

    @property
    def note(self) -> str:
        """What belongs beside the status: equivalence, and the power of a test that did not
        decide.
        """
        said = ["within ±5 %"] if self.equivalent else []
        if self.units and self.status == "not decided":
            if self.needed is None:
                few = "unit is" if self.units == 1 else "units are"
                said.append(f"{self.units} {few} too few for {counted(self.together, 'claim')}")
            else:
                said.append(
                    f"{self.needed} of {self.units} signs needed; {100 * POWER:.0f} % power from"
                    f" P(sign) = {self.detectable:.2f}"
                )
        return "; ".join(said)

    @property
    def effect(self) -> str:
        """Median effect with its interval, as a factor for log ratios, else with its sign."""
        values = (self.median, self.low, self.high)
        if self.hypothesis.scale == "log ratio":
            with np.errstate(over="ignore"):
                middle, low, high = (f"{value:.3g}" for value in np.exp(values))
            return f"×{middle} [{low}, {high}]".replace("inf", "∞")
        middle, low, high = (f"{value:+.3g}" for value in values)
        return f"{middle} [{low}, {high}]".replace("inf", "∞")

    def __str__(self) -> str:
        lines = [f"{self.hypothesis.name}: {self.status}", f"  {self.hypothesis.statement}"]
        if self.units:
            lines.append(
                f"  median effect {self.effect} over {self.units} units (exact {CONFIDENCE:.0%}"
                " interval)"
            )
            lines.append(
                f"  predicted sign on {self.agreeing}, opposite on {self.opposed}; sign test p ="
                f" {self.p:.2g}, {self.adjusted:.2g} by Holm for {self.together} judged together"
            )
        if self.note:
            lines.append(f"  {self.note}")
        return "\n".join(lines)


def decide(claims: Sequence[Hypothesis], results: Results) -> list[Decision]:
    """Judge hypotheses together on the tables of one study.

    Parameters
    ----------
    claims : sequence of Hypothesis
        The more there are, the stronger the evidence that each one takes (Holm, 1979).
    results : Results

    Returns
    -------
    list of Decision
        In the order of `claims`.
    """
    instance("results", results, Results, remedy="pass what theory.run or study gave")
    claims = sequence("claims", claims, of="hypotheses")
    for claim in claims:
        instance("claims", claim, Hypothesis, remedy="pass what theory.hypotheses() holds")
    alone = [_alone(claim, claim.effects(results)) for claim in claims]
    tested = [decision for decision in alone if decision.units]
    adjusted = _holm({each.hypothesis.name: each.p for each in tested})
    equivalence = _holm(
        {
            each.hypothesis.name: each.equivalence
            for each in tested
            if not math.isnan(each.equivalence)
        }
    )
    return [
        (
            replace(
                _with_status(decision, adjusted[decision.hypothesis.name], len(tested)),
                equivalence=equivalence.get(decision.hypothesis.name, math.nan),
            )
            if decision.units
            else decision
        )
        for decision in alone
    ]


def _holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values (1979)."""
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def verify_hypothesis(
    claim: str | Hypothesis,
    suite: Any = "smoke",
    *,
    seed: int = 0,
    jobs: int | None = None,
    **options: Any,
) -> Decision:
    """Compute a suite of the hypothesis's setting and judge the hypothesis on it, alone.

    Parameters
    ----------
    claim : str or Hypothesis
    suite : str or Suite
        A suite's name, or a suite.
    seed : int
        Of a suite given by name.
    jobs : int, optional
        Processes; all cores by default.
    **options
        Options of the setting.

    Raises
    ------
    ValueError
        For unknown names or options out of range; before any work.
    """
    known = find_hypothesis(claim) if isinstance(claim, str) else claim
    results = study(suite, setting=known.setting, seed=seed, jobs=jobs, **options)
    return decide([known], results)[0]


def _alone(claim: Hypothesis, effects: pd.Series) -> Decision:
    known = effects.dropna()
    if not len(known):
        return Decision(hypothesis=claim)
    signs = np.sign(known.to_numpy(dtype=float)) * claim.predicted
    median, low, high = median_interval(known)
    return Decision(
        hypothesis=claim,
        units=len(known),
        agreeing=int((signs > 0).sum()),
        opposed=int((signs < 0).sum()),
        median=median,
        low=low,
        high=high,
        p=sign_test(known),
        equivalence=(
            equivalence_test(known, math.log(EQUIVALENT))
            if claim.scale == "log ratio"
            else math.nan
        ),
    )


def _with_status(decision: Decision, adjusted: float, together: int) -> Decision:
    status = "not decided"
    if adjusted <= 1 - CONFIDENCE:
        status = "confirmed" if decision.agreeing > decision.opposed else "refuted"
    return replace(decision, status=status, adjusted=adjusted, together=together)
