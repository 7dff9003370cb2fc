"""How a study of fully fine-tuned tasks is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Illustration, Presentation, Table
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.full_tasks import claims, columns, figures, measures
from tunebound.theory.full_tasks.choice import PLAIN
from tunebound.theory.full_tasks.tables import by_method, by_strength, by_task, decided
from tunebound.tuning import instability


def subtitle(results: Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    rows, options = results.environments, manifest["options"]
    count = int((1 + rows[columns.LEFT_OUT]).sum())
    return (
        f"{count:,} runs of {options['steps']} steps on {rows[columns.TASK].nunique()} tasks,"
        f" {options['encoder']} tuned end to end by AdamW at {options['learning_rate']:g}, texts"
        f" cut to {options['max_length']} tokens."
    )


def findings(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences."""
    found = claims.findings(results.environments)
    if not found:
        return [
            "Too few tasks or seeds to judge a remedy: a claim needs three of each, and its"
            " strength chosen on other tasks."
        ]
    return [
        f"{each.claim}: {each.verdict} (factor {each.factor:.2f}, over tasks [{each.low:.2f},"
        f" {each.high:.2f}], {each.tasks} tasks)."
        for each in found
    ]


def headline(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence, and what was decided of remedies."""
    runs = measures.Runs.of(results.environments)
    plain = [found for task in runs.tasks if (found := runs.on(task, *PLAIN)) is not None]
    said = []
    seeds = [instability.disagreement(measures.classes(each)) for each in plain if len(each) > 1]
    if seeds:
        fewer = np.median([each[columns.LEFT_OUT_CLASSES].mean() for each in plain])
        said.append(
            f"Two seeds of plain fine-tuning disagree on {np.median(seeds):.1%} of the test texts,"
            f" and leaving one text out changes {fewer:.1%} of the predictions (median over"
            " tasks)."
        )
    judged = claims.findings(results.environments)
    confirmed = [each.claim for each in judged if each.verdict == claims.CONFIRMED]
    if judged:
        named = f": {'; '.join(confirmed)}" if confirmed else ""
        said.append(f"Of {len(judged)} claims on remedies {len(confirmed)} are confirmed{named}.")
    else:
        said.append("Too few tasks or seeds were run to judge a remedy.")
    return " ".join(said)


def certificates(rows: pd.DataFrame) -> list[str]:
    """What backs the numbers."""
    sentences = [
        "Methods are compared from the same seeds: the same initial head, order of texts and"
        " dropout. The strength for a task is chosen on the other tasks only."
    ]
    examined = rows[columns.SEPARABLE].dropna()
    if len(examined):
        sentences.append(
            f"Of {len(examined)} tuned encoders whose features were looked at,"
            f" {examined.mean():.0%} separate their training texts."
        )
    return sentences


def shown(results: Results) -> list[Table]:
    """The tables of docs/full-tasks.md, of this study."""
    rows = results.environments
    made = [
        Table("Plain fine-tuning", "Means over seeds.", *by_task(rows)),
        Table("Strengths", "Geometric means over tasks; ✗ loses too much.", *by_strength(rows)),
        Table("Methods", "Factors against plain fine-tuning.", *by_method(rows)),
        Table("Claims", "Judged together.", *decided(rows)),
    ]
    return [table for table in made if table.rows]


PRESENTATION = Presentation(
    title="Real tasks, whole encoders: which remedies make fine-tuning more stable?",
    question=(
        "When a pretrained encoder is fine-tuned as a whole on a few hundred texts, how far do its"
        " predictions depend on the seed and on one text, and which remedies change that?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    member="run",
    certificates=certificates,
    group=columns.TASK,
    illustrations={
        "against-plain": Illustration(
            figures.against_plain,
            "Coloured points: one task each. Diamonds: geometric mean over tasks with its 95 %"
            " interval over tasks. Left of the line is more stable than plain fine-tuning.",
            figures.is_compared,
        ),
    },
    tables=shown,
)
