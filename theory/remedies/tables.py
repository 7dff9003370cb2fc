"""Tables of a study of remedies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Table
from tunebound.theory.engine.statistics.effects import median_interval
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.axes import readable
from tunebound.theory.remedies.choice import OUTCOMES, Choice, at_chosen, choose, chosen, held_out
from tunebound.theory.remedies.comparison import MEASURES, SHOWN, effects, measured, paired
from tunebound.theory.remedies.regimes import GIVEN, REGIMES
from tunebound.theory.remedies.variants import REFERENCE

BOUNDED_BY = (
    columns.MARGIN,
    columns.RADIUS,
    columns.RADIUS_OVER_MARGIN,
    columns.MOVED,
    columns.TO_MINIMISER,
)


def compared(environments: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The groups of tasks on which methods are compared, each with a title: the held-out ones of a
    regime, at the chosen strengths, and those of no contest.
    """
    groups = [
        (f"Held-out worlds, {regime} regime", at_chosen(environments, regime)) for regime in REGIMES
    ]
    given = environments[environments[columns.POPULATION] == GIVEN]
    groups.append(("All tasks", given))
    return [(title, tasks) for title, tasks in groups if len(tasks)]


def comparisons(results: Results) -> list[Table]:
    """Who is more stable than plain fine-tuning, by how much, with which interval, at which
    strength; and what that costs.
    """
    environments = results.environments
    found = []
    for regime, choices in choose(environments).items():
        found.append(_strengths(regime, choices))
    for regime, choices in chosen().items():
        if len(tasks := held_out(environments, regime)):
            found.append(_judged(regime, choices, tasks))
    for title, tasks in compared(environments):
        found += _comparison(title, tasks)
    return found


def _strengths(regime: str, choices: dict[str, Choice]) -> Table:
    def cell(choice: Choice, strength: float | None, outcome: str, middle: float) -> str:
        mark = " ●" if strength == choice.strengths[outcome] else ""
        return f"{middle:.3g}{mark}"

    return Table(
        f"Every strength on the tuning worlds: {regime} regime",
        "Median factor against plain fine-tuning on the same task; ● marks the strength that is"
        " chosen for the outcome, among those that keep accuracy within 1 % on average.",
        (
            "method",
            "mean change of accuracy",
            *(MEASURES[measure].label for measure in OUTCOMES.values()),
        ),
        tuple(
            (
                readable(choice.variant(outcome="seeds"))
                if point.strength is None
                else f"{readable(choice.method)}, {point.strength:g}",
                f"{point.accuracy:+.3f}" + ("" if point.qualifies else " ✗"),
                *(
                    cell(choice, point.strength, outcome, point.factors[outcome][0])
                    for outcome in OUTCOMES
                ),
            )
            for choice in choices.values()
            for point in choice.curve
        ),
    )


def _judged(regime: str, choices: dict[str, Choice], tasks: pd.DataFrame) -> Table:
    accuracy = measured(tasks, columns.ACCURACY)

    def cell(choice: Choice, outcome: str) -> str:
        name, strength = choice.variant(outcome), choice.strengths[outcome]
        ratios = paired(tasks, OUTCOMES[outcome], name).dropna()
        if not len(ratios):
            return "–"
        change = (accuracy[name] - accuracy[REFERENCE]).mean()
        at = "" if strength is None else f" at {strength:g}"
        return f"{factor(*median_interval(ratios))}{at}; accuracy {change:+.3f}"

    return Table(
        f"Held-out worlds, at the strengths chosen on tuning worlds: {regime} regime",
        "Factor against plain fine-tuning on the same task: median over held-out tasks [exact 95 %"
        " interval], the strength that was chosen for this outcome, and the mean change of test"
        " accuracy. A star: no strength kept accuracy within 1 % on the tuning worlds, so that the"
        " one of the least loss is judged. Each interval is for itself; the verdicts above account"
        " for their number.",
        ("method", *(MEASURES[measure].label for measure in OUTCOMES.values())),
        tuple(
            (
                readable(choice.method) + ("" if choice.qualified else " *"),
                *(cell(choice, outcome) for outcome in OUTCOMES),
            )
            for choice in choices.values()
        ),
    )


def _comparison(title: str, environments: pd.DataFrame) -> list[Table]:
    changed = effects(environments)
    shown = [measure for measure in SHOWN if (changed["measure"] == measure).any()]
    if not shown:
        return []
    order = changed[changed["measure"] == shown[0]].sort_values("median")["method"]
    cells = {
        (row.measure, row.method): factor(row.median, row.low, row.high)
        for row in changed.itertuples()
    }
    accuracy = measured(environments, columns.ACCURACY).median()
    failed = measured(environments, columns.FAILED).mean()
    first = Table(
        f"Who is more stable than plain fine-tuning? {title}",
        "Factor against plain fine-tuning on the same task: median over tasks [exact 95 %"
        " interval]. Below 1: more stable. Marked ▼ or ▲ where the interval leaves out 1. Each"
        " interval is for itself; the verdicts above account for their number. Of a contest, every"
        " measure is read at the strength that was chosen for its outcome: leave-one-out where it"
        " belongs to none, scores for failed runs.",
        (
            "method",
            *(MEASURES[measure].label for measure in shown),
            "median test accuracy",
            "failed runs",
        ),
        tuple(
            (
                readable(method),
                *(cells.get((measure, method), "–") for measure in shown),
                f"{accuracy[method]:.3f}",
                f"{failed[method]:.1%}",
            )
            for method in (*order, REFERENCE)
        ),
    )
    middle = {
        measure: values.median()
        for measure in BOUNDED_BY
        if (values := measured(environments, measure)).notna().to_numpy().any()
    }
    second = Table(
        f"What each method changes in the quantities that bounds are made of. {title}",
        "Medians over tasks of medians over seeds. γ and B with a constant feature for the"
        " intercept.",
        ("method", *(MEASURES[measure].label for measure in middle)),
        tuple(
            (
                readable(method),
                *(
                    f"{values[method]:.3g}" if np.isfinite(values.get(method, np.nan)) else "–"
                    for values in middle.values()
                ),
            )
            for method in (*order, REFERENCE)
        ),
    )
    return [first, second]


def factor(middle: float, low: float, high: float) -> str:
    """A factor with its interval, from logarithms; marked where the interval leaves out 1."""
    if (low, high) == (-np.inf, np.inf):
        return f"{np.exp(middle):.2g} (no interval)"
    mark = " ▼" if high < 0 else " ▲" if low > 0 else ""
    with np.errstate(over="ignore"):
        factors = "{:.2g} [{:.2g}, {:.2g}]".format(*np.exp((middle, low, high)))
    return factors.replace("inf", "∞") + mark
