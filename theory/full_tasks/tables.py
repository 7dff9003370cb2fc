"""Tables of a study of fully fine-tuned tasks, as text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tunebound.theory.full_tasks import columns
from tunebound.theory.full_tasks.choice import PLAIN, tried_elsewhere
from tunebound.theory.full_tasks.claims import READABLE, at_chosen, findings
from tunebound.theory.full_tasks.measures import OUTCOMES, Runs, classes
from tunebound.theory.full_tasks.variants import LADDER, PROCEDURE
from tunebound.tuning import instability

Cells = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


def by_task(rows: pd.DataFrame) -> Cells:
    """Plain fine-tuning on every task."""
    head = (
        "task",
        "texts",
        "seeds",
        "accuracy %",
        "larger class %",
        "SD of accuracy, points",
        "churn %",
        "one text fewer: logits' direction",
        "classes changed %",
        "B/γ",
        "frozen heads: mean distance",
        "by one solve",
    )
    table, every = [], Runs.of(rows)
    for task in every.tasks:
        runs = every.on(task, *PLAIN)
        if runs is None:
            continue
        several = len(runs) > 1
        accuracy = runs[columns.ACCURACY].to_numpy(dtype=float)
        middle = runs.mean(numeric_only=True)
        table.append(
            (
                task,
                str(runs[columns.N].iloc[0]),
                str(len(runs)),
                _number(100 * accuracy.mean(), 1),
                _number(100 * middle[columns.MAJORITY], 1),
                _number(100 * instability.score_deviation(accuracy) if several else np.nan, 2),
                _number(100 * instability.disagreement(classes(runs)) if several else np.nan, 1),
                _number(middle[columns.LEFT_OUT_DIRECTION], 3),
                _number(100 * middle[columns.LEFT_OUT_CLASSES], 1),
                _number(middle[columns.RADIUS_OVER_MARGIN], 1),
                _number(middle[columns.HEAD_LEFT_OUT], 3),
                _number(middle[columns.HEAD_BOUND], 3),
            )
        )
    return head, tuple(table)


def by_strength(rows: pd.DataFrame) -> Cells:
    """Every strength of every method: what it does on all tasks that all of its strengths were run
    on, and for which tasks it was chosen.
    """
    table, runs = [], Runs.of(rows)
    for method in LADDER:
        chosen = {task: strength for task, (strength, _) in at_chosen(runs, method).items()}
        for each in tried_elsewhere(runs, method, task=""):
            tasks = [task for task, strength in chosen.items() if strength == each.strength]
            table.append(
                (
                    READABLE[method],
                    f"{each.strength:g}",
                    _number(each.factor, 2),
                    f"{100 * each.accuracy:+.1f}" + ("" if each.qualifies else " ✗"),
                    ", ".join(tasks) or "none",
                )
            )
    head = ("method", "strength", "churn, factor", "accuracy, points", "chosen for")
    return head, tuple(table)


def by_method(rows: pd.DataFrame) -> Cells:
    """Factors against plain fine-tuning of every method and task at the chosen strength."""
    table, runs = [], Runs.of(rows)
    for method in (*LADDER, PROCEDURE):
        for task, (strength, comparison) in at_chosen(runs, method).items():
            ratios = (
                comparison.measured(outcome).log_ratio_of_all(outcome) for outcome in OUTCOMES
            )
            table.append(
                (
                    READABLE[method],
                    task,
                    f"{strength:g}",
                    str(len(comparison.seeds)),
                    *(_number(float(np.exp(ratio)), 2) for ratio in ratios),
                    f"{100 * comparison.gain:+.1f}",
                )
            )
    head = ("method", "task", "strength", "seeds", *OUTCOMES.values(), "accuracy, points")
    return head, tuple(table)


def decided(rows: pd.DataFrame) -> Cells:
    """The claims, and what was found."""
    return (
        "claim",
        "strengths",
        "factor",
        "over tasks",
        "over seeds",
        "tasks, seeds",
        "p by Holm",
        "decided",
    ), tuple(
        (
            each.claim,
            ", ".join(f"{strength:g}" for strength in sorted(set(each.strengths.values()))),
            _number(each.factor, 2),
            f"[{each.low:.2f}, {each.high:.2f}]",
            "–" if np.isnan(each.seeds_low) else f"[{each.seeds_low:.2f}, {each.seeds_high:.2f}]",
            f"{each.tasks}, {_span(*each.seeds)}",
            f"{each.adjusted:.2g}",
            each.verdict,
        )
        for each in findings(rows)
    )


def _span(fewest: int, most: int) -> str:
    return str(fewest) if fewest == most else f"{fewest}–{most}"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}" if np.isfinite(value) else "–"
