"""Methods compared on the same tasks: paired log ratios with intervals over tasks, and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tunebound.theory.engine import tables
from tunebound.theory.engine.statistics.effects import log_ratio, median_interval
from tunebound.theory.engine.statistics.ranks import Ranks, mean_ranks
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.variants import REFERENCE


@dataclass(frozen=True)
class Measure:
    """One number that is taken of each method on each task.

    Attributes
    ----------
    label : str
        For tables and axes.
    unstable : bool
        Whether it is a measure of instability: 0 is perfectly stable.
    """

    label: str
    unstable: bool = False


MEASURES: Mapping[str, Measure] = {
    columns.ACCURACY: Measure("test accuracy, mean over seeds"),
    columns.TRAINING_ACCURACY: Measure("training accuracy, mean over seeds"),
    columns.FAILED: Measure("share of failed runs"),
    columns.DIVERGED: Measure("share of tasks with a run that is no longer finite"),
    columns.ACCURACY_DEVIATION: Measure("standard deviation of test accuracy", unstable=True),
    columns.DISAGREEMENT: Measure("pairwise disagreement (churn)", unstable=True),
    columns.KAPPA_DISTANCE: Measure("1 − Fleiss' κ", unstable=True),
    columns.JENSEN_SHANNON: Measure("Jensen–Shannon divergence (nats)", unstable=True),
    columns.CKA_DISTANCE: Measure("CKA distance of features", unstable=True),
    columns.PROCRUSTES_DISTANCE: Measure("Procrustes distance of features", unstable=True),
    columns.SVCCA_DISTANCE: Measure("SVCCA distance of features", unstable=True),
    columns.LEFT_OUT_PREDICTIONS: Measure(
        "leave-one-out instability of predictions", unstable=True
    ),
    columns.LEFT_OUT_CLASSES: Measure("leave-one-out changes of class", unstable=True),
    columns.LEFT_OUT_DIRECTION: Measure(
        "leave-one-out instability of the logits' direction", unstable=True
    ),
    columns.LEFT_OUT_PARAMETERS: Measure("leave-one-out instability of parameters", unstable=True),
    columns.HEAD_LEFT_OUT: Measure(
        "leave-one-out instability of heads on frozen features", unstable=True
    ),
    columns.MOVED: Measure("‖w_T − w_0‖ of the encoder"),
    columns.TO_MINIMISER: Measure("‖w_0 − w*‖ of the encoder"),
    columns.TO_MINIMISER_ERROR: Measure("relative error of ‖w_0 − w*‖: path left"),
    columns.MARGIN: Measure("margin γ of the training features"),
    columns.RADIUS: Measure("radius B of the training features"),
    columns.RADIUS_OVER_MARGIN: Measure("B/γ of the training features"),
    columns.SEPARABLE: Measure("share of runs with separable training features"),
}
# In the order in which the theory and its rivals speak of them; figures and tables show these.
SHOWN = (
    columns.LEFT_OUT_PREDICTIONS,
    columns.LEFT_OUT_CLASSES,
    columns.LEFT_OUT_DIRECTION,
    columns.LEFT_OUT_PARAMETERS,
    columns.HEAD_LEFT_OUT,
    columns.DISAGREEMENT,
    columns.JENSEN_SHANNON,
    columns.ACCURACY_DEVIATION,
    columns.CKA_DISTANCE,
)


def column(method: str, measure: str) -> str:
    """Where the environments hold a measure of a method."""
    return f"{method}{columns.SEPARATOR}{measure}"


def measured(environments: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One row a task (its name), one column a method; NaN where the method was not tried or has no
    value.

    Parameters
    ----------
    environments : DataFrame
        Of a study of remedies.
    measure : str
        A key of `MEASURES`.
    """
    _require_known(measure)
    ending = f"{columns.SEPARATOR}{measure}"
    tried = {
        name: name.removesuffix(ending)
        for name in environments.columns
        if str(name).endswith(ending)
    }
    named = environments[list(tried)].rename(columns=tried)
    return named.set_axis(environments[tables.ENVIRONMENT], axis=0)


def measured_of(environments: pd.DataFrame, measure: str, method: str) -> pd.Series:
    """A measure of one method on each task, by its name; NaN where it has no value.

    Parameters
    ----------
    environments : DataFrame
    measure, method : str
    """
    _require_known(measure)
    tasks = environments[tables.ENVIRONMENT]
    name = column(method, measure)
    if name not in environments.columns:
        return pd.Series(float("nan"), index=tasks)
    return environments[name].set_axis(tasks)


def paired(
    environments: pd.DataFrame, measure: str, method: str, reference: str = REFERENCE
) -> pd.Series:
    """ln(method/reference) of a measure on each task; NaN where one of the two is missing.

    Parameters
    ----------
    environments : DataFrame
    measure, method, reference : str
    """
    return log_ratio(
        measured_of(environments, measure, method), measured_of(environments, measure, reference)
    )


def effects(
    environments: pd.DataFrame, measures: Sequence[str] = SHOWN, reference: str = REFERENCE
) -> pd.DataFrame:
    """Median log ratio of each method to the reference with its exact 95 % interval over tasks.

    Parameters
    ----------
    environments : DataFrame
    measures : sequence of str
    reference : str
        Method to compare with.

    Returns
    -------
    DataFrame
        One row a measure and method: measure, method, median, low, high (natural logarithms),
        tasks.
    """
    rows = []
    for measure in measures:
        for method in measured(environments, measure).columns:
            ratios = paired(environments, measure, method, reference).dropna()
            if method == reference or not len(ratios):
                continue
            middle, low, high = median_interval(ratios)
            rows.append(
                {
                    "measure": measure,
                    "method": method,
                    "median": middle,
                    "low": low,
                    "high": high,
                    "tasks": len(ratios),
                }
            )
    return pd.DataFrame(rows, columns=["measure", "method", "median", "low", "high", "tasks"])


def ranks(environments: pd.DataFrame, measure: str) -> Ranks | None:
    """Mean ranks of all methods over the tasks that have all of them; None for fewer than three
    methods or two tasks.

    Parameters
    ----------
    environments : DataFrame
    measure : str
    """
    values = measured(environments, measure).dropna()
    return mean_ranks(values) if values.shape[1] >= 3 and len(values) >= 2 else None


def _require_known(measure: str) -> None:
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}, got {measure!r}")
