"""Hypotheses on remedies for instability: who claims which effect on what."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tunebound import tuning
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.hypothesis import hypothesize
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.comparison import REFERENCE, measured, paired
from tunebound.theory.remedies.variants import METHODS, SWEPT_METHOD, swept

# The outcome over seeds that practitioners look at, and the one that the theory speaks of.
OUTCOMES = {
    "seeds": (columns.DISAGREEMENT, "its runs from different seeds disagree on fewer test inputs"),
    "left-out": (
        columns.LEFT_OUT_PREDICTIONS,
        "its predicted probabilities move less when one training sample is left out",
    ),
}


def _claim(method: str, outcome: str) -> None:
    """Does a method make fine-tuning more stable than plain fine-tuning? Two claims for every
    method that is written out.
    """
    measure, words = OUTCOMES[outcome]

    @hypothesize(
        f"R-{method}-{outcome}",
        statement=f"{method.replace('_', ' ')} is more stable than plain fine-tuning: {words}",
        source=tuning.methods()[method].source,
        setting="remedies",
        predicted=-1,
    )
    def effect(results: Results) -> pd.Series:
        return paired(results.environments, measure, method)


for _method in METHODS:
    if _method != REFERENCE:
        for _outcome in OUTCOMES:
            _claim(_method, _outcome)


# The maximal margin regularizer is to raise the margin of the encoded features, and stability with
# it, more so at larger weights.
SOURCE = (
    "Fu, So & Collier (arXiv:2301.09820): instability is bounded through B/γ, which the regularizer"
    " is to lower"
)


@hypothesize(
    "R-margin",
    statement=(
        "the maximal margin regularizer raises γ relative to B: B/γ of the tuned encoder's training"
        " features falls"
    ),
    source=SOURCE,
    setting="remedies",
    predicted=-1,
)
def margin(results: Results) -> pd.Series:
    return paired(results.environments, columns.RADIUS_OVER_MARGIN, SWEPT_METHOD)


def along_weight(environments: pd.DataFrame, measure: str) -> pd.Series:
    """Least-squares slope of ln(measure) in ln(weight) on each task; NaN with fewer than three
    weights or values that are not positive.
    """
    variants = swept(environments)
    if len(variants) < 3:
        return pd.Series(np.nan, index=environments[tables.ENVIRONMENT])
    values = measured(environments, measure)[[name for _, name in variants]]
    x = np.log([weight for weight, _ in variants])
    x -= x.mean()
    logarithm = np.log(values.where(values > 0))
    return pd.Series(logarithm.to_numpy() @ x / (x @ x), index=values.index)


@hypothesize(
    "R-margin-weight",
    statement=(
        "the larger the weight of the maximal margin regularizer, the smaller B/γ of the tuned"
        " encoder's training features"
    ),
    source=SOURCE,
    setting="remedies",
    predicted=-1,
    scale="trend",
)
def margin_along_weight(results: Results) -> pd.Series:
    return along_weight(results.environments, columns.RADIUS_OVER_MARGIN)


@hypothesize(
    "R-margin-weight-left-out",
    statement=(
        "the larger the weight of the maximal margin regularizer, the less predicted probabilities"
        " move when one sample is left out"
    ),
    source=SOURCE,
    setting="remedies",
    predicted=-1,
    scale="trend",
)
def left_out_along_weight(results: Results) -> pd.Series:
    return along_weight(results.environments, columns.LEFT_OUT_PREDICTIONS)


@hypothesize(
    "R-margin-weight-seeds",
    statement=(
        "the larger the weight of the maximal margin regularizer, the less predicted probabilities"
        " differ between seeds"
    ),
    source=SOURCE,
    setting="remedies",
    predicted=-1,
    scale="trend",
)
def seeds_along_weight(results: Results) -> pd.Series:
    return along_weight(results.environments, columns.JENSEN_SHANNON)


@hypothesize(
    "R-retraining-distance",
    statement="re-training on the task's own inputs shortens ‖w_0 − w*‖ of the encoder",
    source=(
        "Fu, So & Collier (arXiv:2301.09820): the bound of full tuning grows with √‖w_0 − w*‖,"
        " which re-training is to shorten"
    ),
    setting="remedies",
    predicted=-1,
)
def distance(results: Results) -> pd.Series:
    """Self unsupervised re-training is to bring the start of fine-tuning closer to where it
    ends.
    """
    return paired(results.environments, columns.TO_MINIMISER, "self_unsupervised")
