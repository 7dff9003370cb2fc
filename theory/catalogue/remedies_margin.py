"""The maximal margin regularizer is to raise the margin of the encoded features, and stability with it, more so at larger weights."""

import numpy as np
import pandas as pd

from theory.hypothesis import hypothesize
from theory.remedies.comparison import measured, paired
from theory.remedies.variants import WEIGHTED, weighted
from theory.study import Results

SOURCE = "Fu, So & Collier (arXiv:2301.09820): instability is bounded through B/γ, which the regularizer is to lower"


@hypothesize(
    "R-margin",
    statement="the maximal margin regularizer raises γ relative to B: B/γ of the tuned encoder's training features falls",
    source=SOURCE,
    setting="remedies",
    predicted=-1,
)
def margin(results: Results) -> pd.Series:
    return paired(results.environments, "radius_over_margin", WEIGHTED)


def along_weight(environments: pd.DataFrame, measure: str) -> pd.Series:
    """Least-squares slope of ln(measure) in ln(weight) on each task; NaN with fewer than three weights or values that are not positive."""
    variants = weighted(environments)
    if len(variants) < 3:
        return pd.Series(np.nan, index=environments["environment"])
    values = measured(environments, measure)[[name for _, name in variants]]
    x = np.log([weight for weight, _ in variants])
    x -= x.mean()
    logarithm = np.log(values.where(values > 0))
    return pd.Series(logarithm.to_numpy() @ x / (x @ x), index=values.index)


@hypothesize(
    "R-margin-weight",
    statement="the larger the weight of the maximal margin regularizer, the smaller B/γ of the tuned encoder's training features",
    source=SOURCE,
    setting="remedies",
    predicted=-1,
    scale="trend",
)
def margin_along_weight(results: Results) -> pd.Series:
    return along_weight(results.environments, "radius_over_margin")


@hypothesize(
    "R-margin-weight-left-out",
    statement="the larger the weight of the maximal margin regularizer, the less predicted probabilities move when one sample is left out",
    source=SOURCE,
    setting="remedies",
    predicted=-1,
    scale="trend",
)
def left_out_along_weight(results: Results) -> pd.Series:
    return along_weight(results.environments, "left_out_predictions")


@hypothesize(
    "R-margin-weight-seeds",
    statement="the larger the weight of the maximal margin regularizer, the less predicted probabilities differ between seeds",
    source=SOURCE,
    setting="remedies",
    predicted=-1,
    scale="trend",
)
def seeds_along_weight(results: Results) -> pd.Series:
    return along_weight(results.environments, "jensen_shannon")
