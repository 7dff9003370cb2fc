"""How a study of remedies is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine import computing
from tunebound.theory.engine.hypothesis import decide, hypotheses
from tunebound.theory.engine.presentation import Illustration, Presentation, Table
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.remedies import columns
from tunebound.theory.remedies import figures as drawn
from tunebound.theory.remedies.comparison import (
    MEASURES,
    REFERENCE,
    SHOWN,
    effects,
    measured,
    ranks,
)
from tunebound.theory.remedies.measures import MINIMISER_TOLERANCE


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    environments, options = results.environments, manifest["options"]
    methods = measured(environments, columns.ACCURACY).shape[1]
    runs = int(environments[columns.RUNS].sum())
    return (
        f"{len(environments)} tasks, each with a pre-trained encoder of its own, {methods} ways of"
        f" fine-tuning, {environments[columns.SEEDS].min()} seeds and"
        f" {environments[columns.LEFT_OUT].min()} runs without a sample for each: {runs:,} runs of"
        f" {options['steps']} steps. All comparisons are within tasks, all intervals over tasks."
    )


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    environments = results.environments
    sentences = []
    for measure in drawn.RANKED:
        table = effects(environments, (measure,)).sort_values("median")
        better, worse = table[table["high"] < 0], table[table["low"] > 0]
        label = MEASURES[measure].label
        sentences.append(
            f"By {label}, more stable than plain fine-tuning: {_listed(better)}; less stable:"
            f" {_listed(worse.iloc[::-1])}."
        )
        found = ranks(environments, measure)
        if found is not None:
            sentences.append(
                f"By {label} the best mean rank is that of"
                f" {drawn.readable(str(found.mean.index[0]))} ({found.mean.iloc[0]:.2f}; plain"
                f" {found.mean[REFERENCE]:.2f}; critical difference {found.difference:.2f};"
                f" Friedman's test p = {found.p:.1g})."
            )
    accuracy = measured(environments, columns.ACCURACY)
    change = (accuracy.sub(accuracy[REFERENCE], axis=0)).median().drop(REFERENCE).sort_values()
    if len(change):
        sentences.append(
            "Stability has a price where accuracy falls: the median change of test accuracy"
            f" against plain fine-tuning goes from {change.iloc[0]:+.3f}"
            f" ({drawn.readable(str(change.index[0]))}) to {change.iloc[-1]:+.3f}"
            f" ({drawn.readable(str(change.index[-1]))})."
        )
    decisions = decide(list(hypotheses("remedies").values()), results)
    for status in ("refuted", "not decided"):
        names = [decision.hypothesis.name for decision in decisions if decision.status == status]
        if names:
            sentences.append(f"Hypotheses {status} here: {', '.join(names)}.")
    return sentences


def _listed(table: pd.DataFrame) -> str:
    entries = [
        f"{drawn.readable(row.method)} (×{np.exp(row.median):.2g})" for row in table.itertuples()
    ]
    return ", ".join(entries) or "none"


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the numbers."""
    separable = measured(environments, columns.SEPARABLE)
    error = measured(environments, columns.TO_MINIMISER_ERROR).stack()
    return [
        (
            "Every training sample is linearly separable in the features of the encoder that"
            " tuning starts from, also where labels are flipped"
            f" ({int((environments[columns.FLIPS] > 0).sum())} tasks): a separator with a duality"
            " gap is computed, and flips that allow none are drawn again."
        ),
        (
            "After tuning, the training features of a run are separable on a share of"
            f" {separable.to_numpy().min():.2f} to 1 of the seeds (mean"
            f" {separable.to_numpy().mean():.3f}); γ, B and B/γ are medians over those."
        ),
        (
            f"‖w_0 − w*‖: full-batch descent until the gradient is below {MINIMISER_TOLERANCE:g};"
            f" the path left is estimated at {error.median():.2%} of the distance (median), at most"
            f" {error.max():.2%}."
        ),
        (
            "Effects are paired within a task; intervals and tests take one effect a task, and"
            " tasks have independent worlds."
        ),
    ]


def comparisons(results: computing.Results) -> list[Table]:
    """Who is more stable than plain fine-tuning, by how much, with which interval; and what that
    costs.
    """
    environments = results.environments
    changed = effects(environments)
    shown = [measure for measure in SHOWN if (changed["measure"] == measure).any()]
    if not shown:
        return []
    order = changed[changed["measure"] == shown[0]].sort_values("median")["method"]
    cells = {
        (row.measure, row.method): _factor(row.median, row.low, row.high)
        for row in changed.itertuples()
    }
    accuracy = measured(environments, columns.ACCURACY).median()
    first = Table(
        "Who is more stable than plain fine-tuning?",
        "Factor against plain fine-tuning on the same task: median over tasks [exact 95 %"
        " interval]. Below 1: more stable. Marked ▼ or ▲ where the interval leaves out 1. Each"
        " interval is for itself; the verdicts above account for their number.",
        ("method", *(MEASURES[measure].label for measure in shown), "median test accuracy"),
        tuple(
            (
                drawn.readable(method),
                *(cells.get((measure, method), "–") for measure in shown),
                f"{accuracy[method]:.3f}",
            )
            for method in (*order, REFERENCE)
        ),
    )
    middle = {
        measure: measured(environments, measure).median()
        for measure in (
            columns.MARGIN,
            columns.RADIUS,
            columns.RADIUS_OVER_MARGIN,
            columns.MOVED,
            columns.TO_MINIMISER,
        )
    }
    second = Table(
        "What each method changes in the quantities that bounds are made of",
        "Medians over tasks of medians over seeds. γ and B with a constant feature for the"
        " intercept.",
        ("method", *(MEASURES[measure].label for measure in middle)),
        tuple(
            (
                drawn.readable(method),
                *(
                    f"{values[method]:.3g}" if np.isfinite(values.get(method, np.nan)) else "–"
                    for values in middle.values()
                ),
            )
            for method in (*order, REFERENCE)
        ),
    )
    return [first, second]


def _factor(middle: float, low: float, high: float) -> str:
    mark = " ▼" if high < 0 else " ▲" if low > 0 else ""
    with np.errstate(over="ignore"):
        return "{:.2g} [{:.2g}, {:.2g}]".format(*np.exp((middle, low, high))) + mark


PRESENTATION = Presentation(
    title="Remedies for instability and their rivals: who is more stable than plain fine-tuning?",
    subtitle=subtitle,
    findings=findings,
    certificates=certificates,
    group=columns.N,
    illustrations={
        "against-plain": Illustration(
            drawn.against_plain,
            "Each method against plain fine-tuning on the same tasks: median factor and its exact"
            " 95 % interval over tasks. Green: more stable; orange: less.",
        ),
        "critical-differences": Illustration(
            drawn.critical_differences,
            "Mean ranks over all tasks. Methods joined by a bar differ by no more than Nemenyi's"
            " critical difference at 5 %.",
            drawn.has_ranks,
        ),
        "along-weight": Illustration(
            drawn.along_weight,
            "The maximal margin regularizer at growing weight, each quantity relative to plain"
            " fine-tuning on the same task. Bands: exact 95 % intervals of the median.",
            drawn.has_weights,
        ),
        "retraining-distance": Illustration(
            drawn.retraining_distance,
            "Each point is one task. If the theory holds, re-training brings the start closer to"
            " the minimiser, and tuning is more stable where it does.",
            drawn.has_retraining,
        ),
    },
    tables=comparisons,
)
