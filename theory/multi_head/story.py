"""How a multi-head study is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine import computing
from tunebound.theory.engine import scatter as plots
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.multi_head import columns, theorems
from tunebound.theory.multi_head import figures as drawn
from tunebound.theory.multi_head.evidence import SIZES
from tunebound.theory.multi_head.starts import HEADS, TESTED

SAME = 0.05  # relative change that counts as none


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    environments = results.environments
    heads = int((HEADS + environments[columns.N] * environments[columns.LEFT_OUT_HEADS]).sum())
    return (
        f"{len(environments)} data sets with random starts; {manifest['options']['steps']:,} steps"
        f" of gradient descent of {HEADS:,} heads each, and of up to"
        f" {environments[columns.LEFT_OUT_HEADS].max():,} with every sample left out in turn:"
        f" {heads:,} heads."
    )


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    by_name = {verdict.theorem.name: verdict for verdict in verdicts}
    environments = results.environments
    wide = environments[columns.D] > environments[columns.N]
    sentences = []
    for rows, name in ((environments[~wide], "d ≤ n"), (environments[wide], "d > n")):
        if not len(rows):
            continue
        sentences.append(
            f"Where {name}, {SIZES[-1]} heads instead of one bring the mean head's direction error"
            f" from {rows[columns.ERROR_ONE].median():.3g} to"
            f" {rows[columns.ERROR_MOST].median():.3g} (medians). The common bias is the larger"
            f" part from H = {rows[columns.FLOOR_HEADS].median():.2g} on in the median data set,"
            f" and from H = {rows[columns.FLOOR_HEADS].max():.3g} on at the latest."
        )
    slopes = environments[[columns.SLOPE_FEW, columns.SLOPE_MANY]].median()
    sentences.append(
        f"Between H = 1 and 4 the error goes with H to the power {slopes[columns.SLOPE_FEW]:+.2f}"
        f" in the median (steepest {environments[columns.SLOPE_FEW].min():+.2f}), between"
        f" {SIZES[-2]} and {SIZES[-1]} to the power {slopes[columns.SLOPE_MANY]:+.3f}; 1/√H would"
        " be −0.5."
    )
    scaling = by_name.get(theorems.scaling.name)
    if scaling is not None and scaling.environments:
        sentences.append(
            f"That the whole direction error falls like 1/√H ({theorems.scaling.name}), a step on"
            f" the way to {theorems.published.name}, is {scaling.test}:"
            f" {scaling.violations} of {scaling.environments} data sets violate it. The theorem"
            " itself bounds another distance."
        )
    for name, what in (
        (theorems.refined.name, f"Bias and spread apart ({theorems.refined.name})"),
        (theorems.sharp.name, f"The same with sharper constants ({theorems.sharp.name})"),
        (
            theorems.mean_start.name,
            (
                "With the run from the mean of the starts in place of the expected head"
                f" ({theorems.mean_start.name})"
            ),
        ),
    ):
        verdict = by_name.get(name)
        if verdict is not None and verdict.tightness is not None:
            sentences.append(
                f"{what}: {verdict.violations} violations on {verdict.environments} data sets;"
                f" measured/bound is {verdict.tightness['median']:.3g} in the median and"
                f" {verdict.tightness['tightest']:.3g} at most."
            )
    change = environments[columns.INSTABILITY_MOST] / environments[columns.INSTABILITY_ONE]
    sentences.append(
        "Leave-one-out instability, the same starts on S and S^i: averaging lowers it by more than"
        f" {SAME:.0%} on {int((change < 1 - SAME).sum())} of {len(change)} data sets, raises it by"
        f" more than {SAME:.0%} on {int((change > 1 + SAME).sum())} (largest factor"
        f" {change.max():.2g}), and changes it less on the others: a large random start that both"
        " heads share hides what the left-out sample does."
    )
    return sentences


def headline(results: computing.Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    environments = results.environments
    error = environments[[columns.ERROR_ONE, columns.ERROR_MOST]]
    wide = environments[columns.D] > environments[columns.N]
    parts = [
        f"from {rows[columns.ERROR_ONE].median():.3g} to {rows[columns.ERROR_MOST].median():.3g}"
        f" where {name}"
        for rows, name in ((error[~wide], "d ≤ n"), (error[wide], "d > n"))
        if len(rows)
    ]
    return (
        f"Averaging {SIZES[-1]} heads instead of one brings the direction nearer to its limit,"
        f" {' and '.join(parts)} (medians); 1/√H would divide it by {SIZES[-1] ** 0.5:g}."
    )


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    width = (
        np.sqrt(environments[columns.D] / (HEADS - TESTED))
        * environments[columns.SCALE]
        / environments[columns.EXPECTED_NORM]
    )
    return [
        (
            "Largest relative duality gap of a maximum-margin separator:"
            f" {environments[columns.GAP].max():.1e}."
        ),
        (
            f"The expected head is estimated by the mean of {HEADS - TESTED} heads, and bounds that"
            f" use it are tested on {TESTED} others. In the root mean square the estimate is off by"
            f" at most {width.max():.2g} of its norm. Statements that hold with probability 1 − δ"
            " are tested at δ = 1e-9."
        ),
    ]


PRESENTATION = Presentation(
    title="Multi-head tuning: what do more heads change?",
    question=(
        "Does averaging many heads from random starts bring the head nearer to its limit, and "
        "make it more stable?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    certificates=certificates,
    group=columns.SCALE,
    illustrations={
        "error-against-heads": Illustration(
            drawn.error_against_heads,
            "The mean of H heads against the maximum-margin direction. Dashed: what"
            f" the rule 1/√H ({theorems.scaling.name}) would make of the error of one head. Dotted:"
            " the common bias, which no number of heads removes.",
            reads=(theorems.sharp.name,),
        ),
        "error-along-steps": Illustration(
            drawn.error_along_steps,
            "With no more features than samples the starts are forgotten in the end; with more, the"
            " part of a start that no sample sees stays for good, and averaging is all that"
            " removes it.",
            reads=(theorems.sharp.name,),
        ),
        "where-the-floor-starts": Illustration(
            drawn.floor,
            "More heads than this gain little. Below one head, they gain nothing: the common bias"
            " is all of the error.",
        ),
        "bias-and-mean-start": Illustration(
            drawn.bias_and_mean_start,
            "Each point is one data set. Above the line, the mean of infinitely many heads is worse"
            " than one head that starts at zero.",
        ),
        "instability-against-heads": Illustration(
            drawn.instability_against_heads,
            "What leaving one sample out does to the mean of H heads, each with the same start on S"
            f" and on S^i. Dashed: {theorems.anytime.name}.",
            reads=(theorems.anytime.name,),
        ),
        "bound-against-measured": Illustration(
            plots.bound_against_measured,
            "Each point is one data set and number of heads at the last step. On the diagonal a"
            " bound is attained; below it, it is violated; above the dashed line it says nothing.",
            plots.has_points,
        ),
    },
)
