"""How a study of tasks is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Illustration, Presentation, Table
from tunebound.theory.engine.scatter import bound_against_measured
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.tasks import claims, columns, figures
from tunebound.theory.tasks.choice import foremost, separable
from tunebound.theory.tasks.members import OWN
from tunebound.theory.tasks.tables import by_size, by_task, decided, inseparable


def subtitle(results: Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    rows = results.environments
    sizes, encoder = rows[columns.N], manifest["options"]["encoder"]
    several = f"{sizes.min()} to " if sizes.nunique() > 1 else ""
    return (
        f"{len(rows)} subsamples of {rows[columns.TASK].nunique()} tasks, {several}{sizes.max()}"
        f" samples each, as {encoder} sees them."
    )


def findings(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences."""
    rows = results.environments
    known = separable(rows)
    violated = [verdict.theorem.name for verdict in verdicts if verdict.violations]
    sentences = [
        f"A head through the origin separates {len(known)} of {len(rows)} subsamples.",
        (
            f"Violated: {', '.join(violated)}."
            if violated
            else "No bound was violated, and no certified prediction changed."
        ),
    ]
    sentences += [
        f"{each.claim[0].upper()}{each.claim[1:]}: {each.verdict} ({each.quantity}"
        f" {each.value:.2f} [{each.low:.2f}, {each.high:.2f}], {each.tasks} tasks)."
        for each in claims.findings(rows)
        if not each.name.startswith("bound-")
    ]
    return sentences


def headline(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    rows = results.environments
    n = claims.compared_size(rows)
    rows = separable(foremost(rows[rows[columns.N] == n]))
    if not len(rows):
        return ""
    middle = rows.groupby(columns.TASK)[[columns.INSTABILITY, columns.CHURN]].median().median()
    return (
        f"Leaving one of {n} texts out moves the direction of the head by"
        f" {middle[columns.INSTABILITY]:.2g} of a distance that can be 2, and changes"
        f" {middle[columns.CHURN]:.1%} of the predictions (median over tasks)."
    )


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    known = separable(environments)
    gap = known[[columns.GAP, columns.WORST_LEFT_OUT_GAP]].max().max()
    asked = known[columns.OTHER_SOLVER].dropna()
    sentences = [f"Separators: largest relative duality gap {gap:.1e}."] if len(known) else []
    if len(asked):
        sentences.append(
            f"{len(asked)} margins were computed by Clarabel too: they differ by at most"
            f" {np.max(asked):.1e} of their size."
        )
    return sentences


def shown(results: Results) -> list[Table]:
    """The tables of docs/real-tasks.md, of this study."""
    rows = results.environments
    return [
        Table("Tasks", "Medians over subsamples.", *by_task(rows)),
        Table("B/γ → mean distance", "Medians over subsamples.", *by_size(rows)),
        Table("Where nothing separates", "Medians over those subsamples.", *inseparable(rows)),
        Table("Claims", "With intervals over tasks and subsamples.", *decided(rows)),
    ]


PRESENTATION = Presentation(
    title="Real tasks: what holds of heads on texts?",
    question=(
        "On real texts as a pretrained encoder sees them, how far does a linear head move when one"
        " text is left out, and which bounds tell?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    member="subsample",
    certificates=certificates,
    group=columns.TASK,
    illustrations={
        "level-against-n": Illustration(
            figures.level_against_n,
            "If the distance fell like 1/√n with one constant for all tasks, the left lines would"
            " be level and fall together.",
            applies=lambda results: len(separable(foremost(results.environments))) > 0,
        ),
        "distance-against-ratio": Illustration(
            figures.distance_against_ratio,
            "If B/γ ordered tasks and preparations, the points would rise.",
            applies=lambda results: (
                OWN in separable(results.environments)[columns.LABELS].to_numpy()
            ),
        ),
        "bound-against-measured": Illustration(
            bound_against_measured,
            "Each point is one subsample; on the diagonal a bound is attained.",
        ),
    },
    tables=shown,
)
