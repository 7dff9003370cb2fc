"""How a study of remedies is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tunebound.theory.engine import computing
from tunebound.theory.engine.decision import decide
from tunebound.theory.engine.hypothesis import hypotheses
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.remedies import columns, curves
from tunebound.theory.remedies import figures as drawn
from tunebound.theory.remedies.axes import readable
from tunebound.theory.remedies.choice import OUTCOMES, at_chosen
from tunebound.theory.remedies.comparison import MEASURES, effects, measured, ranks
from tunebound.theory.remedies.mechanism import MINIMISER_TOLERANCE
from tunebound.theory.remedies.regimes import GIVEN, HELD_OUT, REGIMES, TUNING
from tunebound.theory.remedies.tables import compared, comparisons
from tunebound.theory.remedies.variants import REFERENCE, tried


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    environments, options = results.environments, manifest["options"]
    runs = int(environments[columns.RUNS].sum())
    return (
        f"{len(environments)} tasks, each with a pre-trained encoder of its own,"
        f" {len(tried(environments))} variants of fine-tuning, {environments[columns.SEEDS].min()}"
        f" seeds and {environments[columns.LEFT_OUT].min()} runs without a sample for each:"
        f" {runs:,} runs of {options['steps']} steps. All comparisons are within tasks, all"
        " intervals over tasks."
    )


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    sentences = [
        sentence
        for title, environments in compared(results.environments)
        for sentence in _comparison(title, environments)
    ]
    if (results.environments[columns.POPULATION] == TUNING).any():
        sentences.append(
            "Strengths are chosen here, so nothing is judged here: the smallest of five medians"
            " flatters its method. What holds of the chosen strengths is what the contest finds on"
            " held-out worlds."
        )
    decisions = decide(list(hypotheses("remedies").values()), results)
    for status in ("confirmed", "refuted", "not decided"):
        names = [decision.hypothesis.name for decision in decisions if decision.status == status]
        if names:
            sentences.append(
                f"Hypotheses {status}, at the strength and on the population that each names:"
                f" {', '.join(names)}."
            )
    return sentences


def headline(results: computing.Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence; empty where strengths are chosen and nothing is compared."""
    parts = compared(results.environments)
    if not parts:
        return ""
    title, environments = parts[0]
    churn = measured(environments, columns.DISAGREEMENT)[REFERENCE].median()
    better = effects(environments, (columns.DISAGREEMENT,)).query("high < 0").sort_values("median")
    return (
        f"{title}: two runs of plain fine-tuning disagree on {churn:.2%} of the test inputs (median"
        " over tasks); methods under which they disagree less, each by its own 95 % interval:"
        f" {_listed(better)}."
    )


def _comparison(title: str, environments: pd.DataFrame) -> list[str]:
    sentences = []
    failed = measured(environments, columns.FAILED)[REFERENCE]
    deviation = measured(environments, columns.ACCURACY_DEVIATION)[REFERENCE]
    churn = measured(environments, columns.DISAGREEMENT)[REFERENCE]
    sentences.append(
        f"{title}: of the runs of plain fine-tuning {failed.mean():.1%} fail, on"
        f" {int((failed > 0).sum())} of {len(failed)} tasks; its test accuracy has a standard"
        f" deviation of {100 * deviation.median():.2g} points over seeds and two of its runs"
        f" disagree on {churn.median():.2%} of the test inputs (medians over tasks)."
    )
    for measure in drawn.RANKED:
        table = effects(environments, (measure,)).sort_values("median")
        better, worse = table[table["high"] < 0], table[table["low"] > 0]
        label = MEASURES[measure].label
        sentences.append(
            f"{title}: by {label}, more stable than plain fine-tuning: {_listed(better)}; less"
            f" stable: {_listed(worse.iloc[::-1])}."
        )
        found = ranks(environments, measure)
        if found is not None:
            sentences.append(
                f"{title}: by {label} the best mean rank is that of"
                f" {readable(str(found.mean.index[0]))} ({found.mean.iloc[0]:.2f}; plain"
                f" {found.mean[REFERENCE]:.2f}; critical difference {found.difference:.2f},"
                f" unadjusted across measures; Friedman's test p = {found.p:.1g})."
            )
    accuracy = measured(environments, columns.ACCURACY)
    change = (accuracy.sub(accuracy[REFERENCE], axis=0)).median().drop(REFERENCE).sort_values()
    if len(change):
        sentences.append(
            f"{title}: the median change of test accuracy against plain fine-tuning goes from"
            f" {change.iloc[0]:+.3f} ({readable(str(change.index[0]))}) to {change.iloc[-1]:+.3f}"
            f" ({readable(str(change.index[-1]))})."
        )
    return sentences


def _listed(table: pd.DataFrame) -> str:
    entries = [f"{readable(row.method)} (×{np.exp(row.median):.2g})" for row in table.itertuples()]
    return ", ".join(entries) or "none"


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the numbers."""
    separable = measured(environments, columns.SEPARABLE)
    error = measured(environments, columns.TO_MINIMISER_ERROR).stack()
    diverged = measured(environments, columns.DIVERGED)
    lines = [
        (
            "Every training sample is linearly separable in the features of the encoder that"
            " tuning starts from, also where labels are flipped"
            f" ({int((environments[columns.FLIPS] > 0).sum())} tasks): a separator with a duality"
            " gap is computed, and flips that allow none are drawn again."
        ),
        (
            "Effects are paired within a task; intervals and tests take one effect a task, and"
            " tasks have independent worlds."
        ),
    ]
    if separable.notna().to_numpy().any():
        lines.append(
            "After tuning, the training features are separable for"
            f" {np.nanmean(separable.to_numpy()):.1%} of the seeds, of a task and method at least"
            f" {np.nanmin(separable.to_numpy()):.0%}; γ, B and B/γ are medians over those."
        )
    if diverged.to_numpy().any():
        lines.append(
            f"{int(np.nansum(diverged.to_numpy()))} of {diverged.size} pairs of a task and a"
            " variant had a run that stopped being finite; they count as infinitely unstable."
        )
    if len(error):
        lines.append(
            f"‖w_0 − w*‖: full-batch descent until the gradient is below {MINIMISER_TOLERANCE:g};"
            f" the path left is estimated at {error.median():.2%} of the distance (median), at most"
            f" {error.max():.2%}."
        )
    return lines


def _given(environments: pd.DataFrame) -> pd.DataFrame:
    return environments[environments[columns.POPULATION] == GIVEN]


def _illustration(
    of: Callable[[pd.DataFrame], pd.DataFrame],
    draw: Callable[[pd.DataFrame], Figure],
    caption: str,
    applies: Callable[[pd.DataFrame], bool],
) -> Illustration:
    """A figure of a part of the tasks."""
    return Illustration(
        lambda results: draw(of(results.environments)),
        caption,
        lambda results: bool(len(found := of(results.environments))) and applies(found),
    )


def _comparisons(
    ending: str, of: Callable[[pd.DataFrame], pd.DataFrame], where: str
) -> dict[str, Illustration]:
    return {
        f"against-plain{ending}": _illustration(
            of,
            drawn.against_plain,
            f"Each method against plain fine-tuning on the same tasks{where}: median factor and its"
            " exact 95 % interval over tasks, unadjusted. Green: more stable; orange: less. A bar"
            " across the panel: too few tasks for an interval.",
            lambda _: True,
        ),
        f"critical-differences{ending}": _illustration(
            of,
            drawn.critical_differences,
            f"Mean ranks over the tasks{where}. Methods joined by a bar differ by no more than"
            " Nemenyi's critical difference at 5 %, which is one for each measure and not adjusted"
            " for their number.",
            drawn.has_ranks,
        ),
    }


def _curves(regime: str, outcome: str) -> Illustration:
    def has_curves(results: computing.Results) -> bool:
        population = results.environments[columns.POPULATION]
        contest = population.isin((TUNING, HELD_OUT)) & (
            results.environments[columns.REGIME] == regime
        )
        return bool(contest.any()) and bool(curves.choices(results.environments, regime))

    return Illustration(
        lambda results: curves.strength_curves(results.environments, regime, outcome),
        f"{MEASURES[OUTCOMES[outcome]].label} along the strength of each method on the tuning"
        f" worlds ({REGIMES[regime].summary}): median factor with its exact 95 % interval. Open"
        " circles lose more than 1 % of accuracy and are not chosen; the dotted line is the chosen"
        " strength, the diamond what it does on held-out worlds. Where a star stands, no strength"
        " keeps accuracy.",
        has_curves,
    )


def _illustrations() -> dict[str, Illustration]:
    found = _comparisons("", _given, "")
    for regime, about in REGIMES.items():
        found |= _comparisons(
            f"-{regime}",
            partial(at_chosen, regime=regime),
            " of the held-out worlds, at the strength chosen on tuning worlds for each outcome"
            f" ({about.summary})",
        )
        found |= {
            f"{outcome}-along-strength-{regime}": _curves(regime, outcome) for outcome in OUTCOMES
        }
    found["along-weight"] = _illustration(
        _given,
        curves.along_weight,
        "The maximal margin regularizer at growing weight, each quantity relative to plain"
        " fine-tuning on the same task. Heads on frozen features are the theory's setting, runs"
        " that move the encoder are not. Bands: exact 95 % intervals of the median.",
        curves.has_weights,
    )
    found["retraining-distance"] = _illustration(
        _given,
        curves.retraining_distance,
        "Each point is one task. Re-training on the inputs of all samples, which runs with and"
        " without a sample then share (the theory's setting), and re-training without the sample.",
        curves.has_retraining,
    )
    return found


PRESENTATION = Presentation(
    title="Remedies for instability and their rivals: who is more stable than plain fine-tuning?",
    question=(
        "Which fine-tuning methods make a small pre-trained encoder more stable than plain "
        "fine-tuning, at a strength that was chosen on other tasks?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    member="task",
    certificates=certificates,
    group=columns.N,
    illustrations=_illustrations(),
    tables=comparisons,
)
