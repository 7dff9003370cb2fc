"""How a study of several classes is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine import computing
from tunebound.theory.engine import scatter as plots
from tunebound.theory.engine.answering import moved_direction
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.several_classes import columns, theorems
from tunebound.theory.several_classes import figures as drawn


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    environments = results.environments
    heads = int((environments[columns.N] + 1).sum())
    fewest, most = environments[columns.CLASSES].min(), environments[columns.CLASSES].max()
    steps, exact = manifest["options"]["steps"], manifest["options"]["exact"]
    return (
        f"{len(environments)} data sets of {fewest} to {most} classes, every sample left out in"
        f" turn: {heads:,} softmax heads, "
        + (
            f"{steps:,} steps of gradient descent each."
            if exact
            else f"followed along gradient descent to t = {steps:g}."
        )
    )


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    environments = results.environments
    sentences = [
        "Measured: leaving one sample out moves the direction of the softmax head by"
        f" {environments[columns.FINAL_INSTABILITY].median():.3g} in the median data set (largest"
        f" {environments[columns.FINAL_INSTABILITY].max():.3g}) after the last step, and by"
        f" {environments[columns.LIMIT_INSTABILITY].median():.3g} (largest"
        f" {environments[columns.LIMIT_INSTABILITY].max():.3g}) in the limit."
    ]
    for verdict in verdicts:
        if verdict.theorem.name == theorems.chain.name or verdict.tightness is None:
            continue
        sentences.append(
            f"{verdict.theorem.name} has {verdict.violations} violations on"
            f" {verdict.environments} data sets and is vacuous on {verdict.vacuous_share:.0%};"
            f" measured/bound is {verdict.tightness['median']:.3g} in the median."
        )
    return sentences


def headline(results: computing.Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    return moved_direction(results.environments[columns.FINAL_INSTABILITY], "the softmax head")


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    error = environments[columns.PLANTED_MARGIN_ERROR]
    planted = int(error.notna().sum())
    sentences = [
        "Largest relative duality gap of a separator of several classes:"
        f" {environments[columns.GAP].max():.1e}; of a left-out one:"
        f" {environments[columns.WORST_LEFT_OUT_GAP].max():.1e}."
    ]
    if planted:
        sentences.append(
            "Largest relative difference between the computed margin and the planted one:"
            f" {np.nanmax(error):.1e} ({planted} data sets with planted truth)."
        )
    return sentences


PRESENTATION = Presentation(
    title="Softmax heads for several classes: does the theory of their stability hold?",
    question=(
        "When one training sample is left out, how far does the direction of a softmax head "
        "move, and do the bounds on that hold?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    certificates=certificates,
    group=columns.CLASSES,
    illustrations={
        "bound-against-measured": Illustration(
            plots.bound_against_measured,
            "Each point is one data set at the last step. On the diagonal a bound is attained;"
            " below it, it is violated; above the dashed line it says nothing. Data sets without"
            " any instability have no place on logarithmic axes and are left out.",
            plots.has_points,
        ),
        "instability-against-classes": Illustration(
            drawn.against_classes,
            "Instability and its bounds where only the number of classes changes; where no others"
            " were computed, medians over n and d at one margin and radius.",
            drawn.varies_in_classes,
            tuple(
                each.name
                for each in (
                    theorems.trajectory,
                    theorems.anytime,
                    theorems.deletion,
                    theorems.limit,
                )
            ),
        ),
    },
)
