"""How a study of churn is told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from tunebound.theory.churn import columns, figures
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.scatter import bound_against_measured, has_points
from tunebound.theory.engine.verdict import Verdict


def subtitle(results: Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    environments = results.environments
    pairs = int((environments[columns.POINTS] * environments[columns.N]).sum())
    return (
        f"{len(environments)} data sets, {pairs:,} pairs of a point and a left-out sample, in the"
        f" limit and after {environments[columns.STEPS].max():,.0f} steps."
    )


def findings(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences."""
    environments = results.environments
    share = partial(_share, environments)
    violated = [verdict.theorem.name for verdict in verdicts if verdict.violations]
    return [
        (
            f"In the limit {share(columns.FLIPPED):.2%} of the pairs flip;"
            f" {share(columns.ANGLE):.1%} are certified not to by the angle and"
            f" {share(columns.BALL):.1%} by the ball, both from one solve."
        ),
        (
            f"After the last step {share(columns.FLIPPED_AT_STEP):.2%} flip, and the drift"
            f" certifies {share(columns.DRIFT):.1%}."
        ),
        (
            "In the median data set at least"
            f" {environments[columns.SAFE_POINTS].median():.0%} of the points are certified against"
            f" every single removal, and {environments[columns.UNMOVED_POINTS].median():.0%} are"
            " flipped by none."
        ),
        (
            f"Violated: {', '.join(violated)}."
            if violated
            else "No certified prediction changed, on any data set."
        ),
    ]


def headline(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    flipped, certified = (
        _share(results.environments, column) for column in (columns.FLIPPED, columns.BALL)
    )
    return (
        f"Leaving one sample out changes {flipped:.2%} of the predictions in the limit (one for"
        f" each pair of a point and a sample); one solve certifies {certified:.1%} of them not to"
        " change."
    )


def _share(environments: pd.DataFrame, column: str) -> float:
    """Of all pairs of a point and a sample."""
    pairs = environments[columns.POINTS] * environments[columns.N]
    return float((environments[column] * pairs).sum() / pairs.sum())


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    gap = environments[[columns.GAP, columns.WORST_LEFT_OUT_GAP]].max().max()
    return [
        (
            f"Separators: largest relative duality gap {gap:.1e};"
            f" {environments[columns.UNDECIDED].mean():.2g} of the pairs are nearer to a boundary"
            " than it leaves open."
        )
    ]


PRESENTATION = Presentation(
    title="Churn: which predictions can a left-out sample change?",
    question=(
        "Which predictions of a linear head can change when one training sample is left out, "
        "and how many of them can be certified not to?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    certificates=certificates,
    group=columns.FAMILY,
    illustrations={
        "certified-against-measured": Illustration(
            figures.certified_against_measured,
            "Each point is one data set under one certificate. Below the diagonal a certificate"
            " would be violated.",
        ),
        "safe-points": Illustration(
            figures.safe_points,
            "Points that keep their prediction whichever single sample is left out.",
        ),
        "bound-against-measured": Illustration(
            bound_against_measured,
            "Shares that flip against shares that may; on the diagonal a bound is attained.",
            has_points,
        ),
    },
)
