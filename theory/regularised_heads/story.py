"""How a study of regularised heads is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.regularised_heads import columns, figures, theorems


def subtitle(results: Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    environments = results.environments
    options = manifest["options"]
    return (
        f"{len(environments)} data sets, {int((~environments[columns.SEPARABLE]).sum())} of them"
        f" not separable; {options['strengths']} strengths λ from {options['strongest']:g} to"
        f" {options['weakest']:g}; every sample left out in turn."
    )


def findings(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences."""
    environments, rows = results.environments, results.rows
    sentences = []
    newton = rows[rows[tables.THEOREM] == theorems.newton.name]
    for quantity, part in newton.groupby(tables.QUANTITY, sort=False):
        ratio = part[tables.WORST_MEASURED] / part[tables.WORST_BOUND]
        sentences.append(
            f"L-newton, {quantity}: at its tightest sample the measured value is"
            f" {ratio.median():.3g} of its bound in the median, {ratio.max():.3g} at most."
        )
    sentences.append(
        f"Of the (sample, strength) pairs {environments[columns.CERTIFIED].mean():.0%} are"
        " certified; the median certified relative error of a left-out step is"
        f" {environments[columns.RELATIVE_ERROR].median():.3g}."
    )
    sentences.append(
        f"{environments[columns.FLIPPED].mean():.2%} of the predictions flip;"
        f" {environments[columns.CERTIFIED_LABELS].mean():.1%} are certified not to by the ball."
    )
    violated = [verdict.theorem.name for verdict in verdicts if verdict.violations]
    sentences.append(f"Violated: {', '.join(violated) or 'nothing'}.")
    return sentences


def headline(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    environments = results.environments
    return (
        f"Leaving one sample out changes {environments[columns.FLIPPED].mean():.2%} of the"
        " predictions of a regularised head; one fit on all samples certifies"
        f" {environments[columns.CERTIFIED_LABELS].mean():.1%} of them not to change."
    )


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    return [
        (
            "Minimisers: within"
            f" {environments[columns.SOLVER_ERROR].max():.1e} of the true ones, by the norm of"
            " their gradients; within"
            f" {environments[columns.PLANTED_ERROR].max():.1e} of the planted ones."
        ),
        "Half of each suite is not separable: a planted convex combination of its samples is 0.",
    ]


PRESENTATION = Presentation(
    title="Regularised heads: what one solve tells of every left-out minimiser",
    question=(
        "What does one regularised fit tell of all the fits that lack a sample, on data that "
        "are separable or not?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    along=("inverse strength", "1/λ"),
    certificates=certificates,
    group=columns.CLOUD,
    illustrations={
        "along-the-path": Illustration(
            figures.along_the_path,
            "Medians over data sets. Solid: measured. Dashed: bound, with no left-out solve.",
            reads=(theorems.newton.name, theorems.path.name),
        ),
        "certified-share": Illustration(
            figures.certified_share,
            "Each point is one data set over all strengths: the samples whose τ is below 1.",
        ),
    },
)
