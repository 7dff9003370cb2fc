"""Hypotheses on remedies for instability: who claims which effect on what.

Those of the contest speak of held-out worlds and of the strength that was chosen on tuning worlds,
one for each regime, method and outcome that is in `chosen.json`. The others compare arms that no
strength was chosen for, in the setting that the claim is made in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tunebound import tuning
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.hypothesis import hypothesize
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.choice import MOST_LOSS, OUTCOMES, Choice, chosen, held_out
from tunebound.theory.remedies.comparison import measured, paired
from tunebound.theory.remedies.regimes import CALM, GIVEN, REGIMES
from tunebound.theory.remedies.variants import MORE_SAMPLES, SWEPT_METHOD, swept

THEORY = "Fu, So & Collier (arXiv:2301.09820)"
EFFECTS = {
    "scores": "the test accuracy of its runs varies less between seeds",
    "seeds": "its runs from different seeds disagree on fewer test inputs",
    "left-out": "its predicted probabilities move less when one training sample is left out",
}
# What the theory is not said to explain; all other methods are in its table or follow from it.
UNEXPLAINED = ("adam_uncorrected", "weight_averaging")
SCORES, LEAVE_ONE_OUT = "scores over seeds", "leave-one-out"  # values of `Method.claims`


def source(method: str, outcome: str) -> str:
    """Whose claim it is that a method improves an outcome.

    Parameters
    ----------
    method : str
        Of the contest.
    outcome : str
        A key of `choice.OUTCOMES`.
    """
    if method == MORE_SAMPLES:
        return f"{THEORY}: bounds fall with n; every practitioner"
    known = tuning.find_method(method)
    if outcome == "scores":
        return known.source
    if outcome == "left-out" and known.claims == LEAVE_ONE_OUT:
        return known.source
    theirs = f"{known.source} speaks of {known.claims}"
    if outcome == "seeds" or method in UNEXPLAINED:
        return f"a question of this study; {theirs}"
    return f"{THEORY}: the theory is said to explain it; {theirs}"


def claimed(method: str) -> tuple[str, ...]:
    """The outcomes for which a method is judged: scores over seeds where its source claims them."""
    scores = method != MORE_SAMPLES and tuning.find_method(method).claims == SCORES
    return tuple(outcome for outcome in OUTCOMES if outcome != "scores" or scores)


def hypothesis_name(method: str, outcome: str, regime: str) -> str:
    """Name of the hypothesis on a method of the contest."""
    return f"R-{method}-{outcome}" + ("" if regime == CALM else f"-{regime}")


def _contest_claim(choice: Choice, outcome: str, regime: str) -> None:
    strength = choice.strengths[outcome]
    where = "" if strength is None else f" at strength {strength:g}, chosen on tuning worlds,"
    marked = (
        ""
        if choice.qualified
        else f"; no strength kept accuracy within {MOST_LOSS:.0%}, this one loses the least"
    )

    @hypothesize(
        hypothesis_name(choice.method, outcome, regime),
        statement=(
            f"{choice.method.replace('_', ' ')}{where} is more stable than plain fine-tuning on"
            f" held-out worlds: {EFFECTS[outcome]} ({REGIMES[regime].summary}{marked})"
        ),
        source=source(choice.method, outcome),
        setting="remedies",
        predicted=-1,
    )
    def effect(results: Results) -> pd.Series:
        tasks = held_out(results.environments, regime)
        return paired(tasks, OUTCOMES[outcome], choice.variant(outcome))


for _regime, _choices in chosen().items():
    for _method, _choice in _choices.items():
        for _outcome in claimed(_method):
            _contest_claim(_choice, _outcome, _regime)


def given(results: Results) -> pd.DataFrame:
    """The tasks that belong neither to the tuning worlds nor to the held-out ones."""
    environments = results.environments
    return environments[environments[columns.POPULATION] == GIVEN]


def _arm(name: str, statement: str, claimant: str, measure: str, variant: str) -> None:
    """A claim on a method at a strength that was fixed before any result was seen, or is named."""

    @hypothesize(name, statement=statement, source=claimant, setting="remedies", predicted=-1)
    def effect(results: Results) -> pd.Series:
        return paired(given(results), measure, variant)


_arm(
    "R-retraining-distance",
    "re-training on the task's own inputs shortens ‖w_0 − w*‖ of the encoder",
    f"{THEORY}: the bound of full tuning grows with √‖w_0 − w*‖, which re-training is to shorten",
    columns.TO_MINIMISER,
    "self_unsupervised",
)
_arm(
    "R-retraining-left-out-common",
    "the theory's setting: from one start that was re-trained on the inputs of all samples, runs"
    " with and without a labelled sample differ less than from the encoder's own start",
    f"{THEORY}: its bound compares runs from a common w_0",
    columns.LEFT_OUT_PREDICTIONS,
    "self_unsupervised_common",
)
_arm(
    "R-retraining-left-out-procedure",
    "the whole procedure, re-training included, moves predictions less when one sample is left out"
    " of it: its input is then missing from re-training as well, and the start differs",
    f"{THEORY}, read as a claim on the algorithm as a whole",
    columns.LEFT_OUT_PREDICTIONS,
    "self_unsupervised",
)
_arm(
    "R-margin",
    "the maximal margin regularizer raises γ relative to B: B/γ of the tuned encoder's training"
    " features falls",
    f"{THEORY}: instability is bounded through B/γ, which the regularizer is to lower",
    columns.RADIUS_OVER_MARGIN,
    SWEPT_METHOD,
)
_arm(
    "R-margin-head-left-out",
    "the theory's setting, two phases: on the frozen features of an encoder that was tuned with the"
    " maximal margin regularizer, the directions of heads tuned with and without a sample are"
    " closer than on those of plain fine-tuning",
    f"{THEORY}: the bound is one for heads on fixed features",
    columns.HEAD_LEFT_OUT,
    SWEPT_METHOD,
)
_arm(
    "R-margin-moving-left-out",
    "outside the theory's setting, the encoder is tuned too: with the maximal margin regularizer"
    " predicted probabilities move less when one sample is left out",
    f"{THEORY}: the remedy as it is proposed, which no bound of it covers",
    columns.LEFT_OUT_PREDICTIONS,
    SWEPT_METHOD,
)
_arm(
    "R-step-left-out-equal-steps",
    "a quarter of the step size and as many steps, so that ηt is a quarter too: predicted"
    " probabilities move less when one sample is left out",
    f"{THEORY}; Hardt, Recht & Singer (2016): stability falls with Ση",
    columns.LEFT_OUT_PREDICTIONS,
    "smaller_step",
)
_arm(
    "R-step-left-out-equal-time",
    "a quarter of the step size and four times the steps, so that ηt is the same: predicted"
    " probabilities move less when one sample is left out",
    f"{THEORY}: small steps are said to be more stable",
    columns.LEFT_OUT_PREDICTIONS,
    "smaller_step_longer",
)
_arm(
    "R-weak-noise-stability-jensen-shannon",
    "LNSR at weight 0.01 lowers the Jensen–Shannon divergence between seeds; the weight was found"
    " on the tasks of seed 0, so that those of other seeds test it",
    "a question of this study, after Hua, Li, Dou, Xu & Luo (2021)",
    columns.JENSEN_SHANNON,
    "noise_stability@0.01",
)


def along_weight(environments: pd.DataFrame, measure: str) -> pd.Series:
    """Least-squares slope of ln(measure) in ln(weight) on each task; NaN with fewer than three
    weights or values that are not positive.
    """
    variants = swept(environments)
    if len(variants) < 3:
        return pd.Series(np.nan, index=environments[tables.ENVIRONMENT])
    values = measured(environments, measure).reindex(columns=[name for _, name in variants])
    x = np.log([weight for weight, _ in variants])
    x -= x.mean()
    logarithm = np.log(values.where(values > 0))
    return pd.Series(logarithm.to_numpy() @ x / (x @ x), index=values.index)


def _trend(name: str, effect: str, measure: str, claimant: str) -> None:
    @hypothesize(
        name,
        statement=f"the larger the weight of the maximal margin regularizer, {effect}",
        source=claimant,
        setting="remedies",
        predicted=-1,
        scale="trend",
    )
    def slope(results: Results) -> pd.Series:
        return along_weight(given(results), measure)


_trend(
    "R-margin-weight",
    "the smaller B/γ of the tuned encoder's training features",
    columns.RADIUS_OVER_MARGIN,
    f"{THEORY}: instability is bounded through B/γ, which the regularizer is to lower",
)
_trend(
    "R-margin-weight-head-left-out",
    "the closer the directions of heads tuned with and without a sample on its frozen features (the"
    " theory's setting)",
    columns.HEAD_LEFT_OUT,
    f"{THEORY}: the bound is one for heads on fixed features",
)
_trend(
    "R-margin-weight-left-out",
    "the less predicted probabilities move when one sample is left out (outside the theory's"
    " setting: the encoder is tuned too)",
    columns.LEFT_OUT_PREDICTIONS,
    f"{THEORY}: the remedy as it is proposed, which no bound of it covers",
)
_trend(
    "R-margin-weight-seeds",
    "the less predicted probabilities differ between seeds",
    columns.JENSEN_SHANNON,
    "a question of this study",
)
