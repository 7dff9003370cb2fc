"""How a study of heads on mini-batches is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Illustration, Presentation, Table
from tunebound.theory.engine.scatter import bound_against_measured, has_points
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.stochastic_heads import columns, theorems
from tunebound.theory.stochastic_heads import figures as drawn

# who is measured against C(ρ)B/(γn), and by which theorems
REACHED = {
    "descent on mini-batches": (theorems.anytime.name,),
    "momentum": (theorems.momentum.name, theorems.momentum_on_batches.name),
    "Adam": (theorems.adam.name,),
}
SHOWN = (1, 10, 100, 1000)  # steps of the table on Adam


def subtitle(results: Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    options = manifest["options"]
    return (
        f"{len(results.environments)} tasks, {options['steps']:,} steps of"
        f" {options['rate_fraction']:g} times the largest stable size; Adam with steps of"
        f" {options['adam_rate']:g}/B."
    )


def findings(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    sentences = []
    for verdict in verdicts:
        if not verdict.environments or not verdict.tightness:
            continue
        tightest = verdict.tightness
        sentences.append(
            f"{verdict.theorem.name}: {verdict.violations} violations on {verdict.environments}"
            f" tasks; largest measured/bound {tightest['tightest']:.3g}, on"
            f" {tightest['tightest_environment']}."
        )
    return sentences


def headline(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    tightest = {
        verdict.theorem.name: verdict.tightness["tightest"]
        for verdict in verdicts
        if verdict.environments and verdict.tightness
    }
    parts = [
        f"{who} reaches {max(reached):.3g} times that bound"
        for who, names in REACHED.items()
        if (reached := [tightest[name] for name in names if name in tightest])
    ]
    if not parts:
        return ""
    return f"Against the bound for gradient descent, at the worst: {', '.join(parts)}."


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    return [
        f"Margins: duality gaps of at most {environments[columns.GAP].max():.1e}.",
        "Step sizes: 8/B² bounds 2 over the curvature of every batch, 2/β that of all samples.",
    ]


def adam_by_steps(results: Results) -> list[Table]:
    """How far Adam exceeds the bound where its signs flip, over n and t."""
    if not len(results.rows):
        return []
    rows = results.rows[
        (results.rows[tables.THEOREM] == theorems.adam.name)
        & (results.rows[columns.FAMILY] == "sign-flips")
        & results.rows[tables.STEPS].isin(SHOWN)
    ]
    if not len(rows):
        return []
    measured = rows.pivot_table(index=columns.N, columns=tables.STEPS, values=tables.MEASURED)
    bound = rows.groupby(columns.N)[tables.BOUND].first()
    shown = list(measured.columns)
    return [
        Table(
            title="Adam where one sample flips a sign",
            note="Mean instability after t steps, and in brackets its multiple of C(ρ)B/(γn).",
            columns=("n", *(f"t = {t:g}" for t in shown)),
            rows=tuple(
                (
                    str(n),
                    *(
                        "–"
                        if np.isnan(measured.loc[n, t])
                        else f"{measured.loc[n, t]:.3f} ({measured.loc[n, t] / bound[n]:.1f})"
                        for t in shown
                    ),
                )
                for n in measured.index
            ),
        )
    ]


PRESENTATION = Presentation(
    title="Heads on mini-batches: what of the theory of gradient descent is left?",
    question=("Which bounds for gradient descent survive mini-batches, momentum and Adam?"),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    member="task",
    certificates=certificates,
    group=columns.OPTIMISER,
    illustrations={
        "instability-along-steps": Illustration(
            drawn.along_steps,
            "Each line is one task. Gradient descent stays below the line at 1 on every sequence"
            " of batches; that is proved. Momentum and Adam cross it on data made for it.",
            drawn.has_means,
        ),
        "bound-against-measured": Illustration(
            bound_against_measured,
            "Each point is one task; below the diagonal a bound is violated.",
            has_points,
        ),
    },
    tables=adam_by_steps,
)
