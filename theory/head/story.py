"""How a head-tuning study is told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tunebound.theory.engine import computing, tables
from tunebound.theory.engine import scatter as plots
from tunebound.theory.engine.answering import moved_direction
from tunebound.theory.engine.exponents import by_slope
from tunebound.theory.engine.presentation import Illustration, Presentation, Table
from tunebound.theory.engine.verdict import Verdict, counted
from tunebound.theory.head import columns, theorems
from tunebound.theory.head import figures as head
from tunebound.theory.head.sharpness import upper_against_lower

# the family whose instability in the limit is √(2 − 2√(1 − 1/n)) where all norms are equal
ORTHOGONAL = "orthogonal"
ATTAINED = 0.05  # from the exponent −1/2


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    by_name = {verdict.theorem.name: verdict for verdict in verdicts}
    environments = results.environments
    sentences = [
        "Measured: leaving one sample out moves the direction of the head by"
        f" {environments[columns.FINAL_INSTABILITY].median():.3g} in the median data set (largest"
        f" {environments[columns.FINAL_INSTABILITY].max():.3g}) after the last step, and by"
        f" {environments[columns.LIMIT_INSTABILITY].median():.3g} (largest"
        f" {environments[columns.LIMIT_INSTABILITY].max():.3g}) in the limit."
    ]
    published = by_name.get(theorems.published.name)
    if published is not None:
        sentences.append(
            f"The published bound {theorems.published.name} names no number: it is true for some"
            f" {', '.join(published.theorem.free_constants)}. Proved here for C = 0, λ = γ² and ν ="
            f" γ, it is {theorems.published_certified.name}."
        )
    sentences.append(_on_the_published_step(environments))
    for name, what in (
        (theorems.published_certified.name, theorems.published_certified.name),
        (
            theorems.published_fitted.name,
            f"With a first term whose C is fitted on early steps, {theorems.published.name}",
        ),
        (
            theorems.kkt.name,
            f"The stronger statement for every single sample ({theorems.kkt.name}, λ by the dual)",
        ),
        (
            theorems.anytime.name,
            f"{theorems.anytime.name}, which has no unspecified constant at any step,",
        ),
        (
            theorems.trajectory.name,
            f"{theorems.trajectory.name}, computed along the run on the whole sample,",
        ),
    ):
        verdict = by_name.get(name)
        if verdict is None or verdict.tightness is None:
            continue
        tight = verdict.tightness
        sentences.append(
            f"{what} has {verdict.violations} violations on {verdict.environments} data sets and is"
            f" vacuous on {verdict.vacuous_share:.0%}; measured/bound is {tight['median']:.3g} in"
            f" the median and {tight['loosest']:.3g} at worst ({tight['loosest_environment']})."
        )
    first = by_name.get(theorems.first_term.name)
    if first is not None and first.environments:
        sentences.append(
            "A constant C seen early does not always carry over: C ln ln t/ln t with C fitted on"
            f" e^e ≤ t ≤ √T is exceeded at some later t on {first.violations} data sets. This rule"
            f" is ours and says nothing against {theorems.published.name}, whose C is free; it says"
            " what fitting it on a run is worth."
        )
    sentences += _on_rates(verdicts)
    sentences += _on_asymptotics(results, by_name.get(theorems.asymptotic.name))
    chain = by_name.get(theorems.chain.name)
    if chain is not None and chain.environments:
        sentences.append(
            f"The order of the ladder ({theorems.pair.name} ≤ {theorems.dual.name} ≤"
            f" {theorems.support.name} ≤ {theorems.free.name}, {theorems.trajectory.name} ≤"
            f" {theorems.anytime.name}) is violated on {chain.violations} of {chain.environments}"
            " data sets."
        )
    return sentences


def headline(results: computing.Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    return moved_direction(results.environments[columns.FINAL_INSTABILITY], "the head")


def _on_rates(verdicts: Sequence[Verdict]) -> list[str]:
    """How the slope in n differs from family to family: the pooled one is about their mix."""
    sentences = []
    for rate, *_ in by_slope(each for verdict in verdicts for each in verdict.rates):
        families = rate.slope.families
        if rate.factor != columns.N or len(families) < 2:
            continue
        ordered = sorted(families, key=families.__getitem__)
        ends = " to ".join(
            f"{families[name]:+.2f} ({tables.level(name)})" for name in (ordered[0], ordered[-1])
        )
        attained = abs(families.get(ORTHOGONAL, 0.0) + 0.5) < ATTAINED
        sentences.append(
            f"With n goes the {rate.quantity} to the power {rate.slope.value:+.2f}"
            f" [{rate.low:+.2f}, {rate.high:+.2f}] over all families, by family from {ends}."
            + (" Orthogonal samples attain 1/√n." if attained else "")
        )
    return sentences


def _on_the_published_step(environments: pd.DataFrame) -> str:
    """Which runs are inside the published theorem's own condition."""
    step = environments[columns.STEP_OVER_PUBLISHED]
    inside = int((step < 1).sum())
    sentence = (
        "The published theorem asks for a step below 2/(β σ_max(X)), β = 1/4: the runs on"
        f" {inside} of {len(step)} data sets are inside, the step being {step.median():.3g} times"
        f" that in the median. {theorems.published_fitted.name} is tested on these alone;"
        f" {theorems.published_certified.name} is proved for every step up to the stable limit and"
        " tested on all."
    )
    if inside == len(step):
        return sentence
    return f"{sentence} With --set step_limit=published all runs are inside."


def _on_asymptotics(results: computing.Results, verdict: Verdict | None) -> list[str]:
    environments = results.environments
    spanning = environments[np.isfinite(environments[columns.ASYMPTOTIC_ONSET])]
    if verdict is None or not len(spanning):
        return []
    onset = spanning[columns.ASYMPTOTIC_ONSET]
    sentences = [
        f"When do the asymptotics begin? The support vectors span the samples on {len(spanning)} of"
        f" {len(environments)} data sets; there the expansion w_S ln t + w̃ is good from t ="
        f" 10^{onset.median():.3g} on in the median, from 10^{onset.min():.3g} at the earliest and"
        f" 10^{onset.max():.3g} at the latest. The runs go beyond it on {verdict.environments} data"
        f" sets, and leave the 2 % around the predicted error on {verdict.violations} of them."
    ]
    degenerate = environments[
        (environments[columns.DOUBLE_LOG_RATE] > 0) & environments[columns.DOUBLE_LOG_SLOPE].notna()
    ]
    generic = environments[
        (environments[columns.DOUBLE_LOG_RATE] == 0)
        & environments[columns.DOUBLE_LOG_SLOPE].notna()
    ]
    if len(degenerate):
        sentences.append(
            "ln ln t/ln t shows on degenerate data: the error times ln t grows by"
            f" {degenerate[columns.DOUBLE_LOG_SLOPE].median():.3g} per unit of ln ln t in the"
            f" median of {counted(len(degenerate), 'data set')} (fitted from t = 1e10 on;"
            f" {degenerate[columns.DOUBLE_LOG_RATE].median():.3g} predicted in the limit)"
            + (
                f", against {generic[columns.DOUBLE_LOG_SLOPE].median():.3g} on the others."
                if len(generic)
                else "."
            )
        )
    return sentences


def certificates(environments: pd.DataFrame) -> list[str]:
    error = environments[columns.PLANTED_MARGIN_ERROR].dropna()
    planted = f"{error.max():.1e} ({len(error)} data sets with planted truth)"
    return [
        (
            "Largest relative duality gap of a maximum-margin separator:"
            f" {environments[columns.GAP].max():.1e}; of a left-out one:"
            f" {environments[columns.WORST_LEFT_OUT_GAP].max():.1e}."
        ),
        (
            "Largest relative difference between the computed margin and the planted one:"
            f" {planted if len(error) else 'none is planted'}."
        ),
    ]


def _against(factor: str, caption: str) -> Illustration:
    return Illustration(
        partial(head.ladder, factor=factor),
        caption,
        partial(head.varies, factor=factor),
        (theorems.free.name, theorems.anytime.name),
    )


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    heads = int((results.environments[columns.N] + 1).sum())
    steps, exact = manifest["options"]["steps"], manifest["options"]["exact"]
    planted = results.environments[columns.PLANTED_MARGIN_ERROR].notna().all()
    return (
        f"{len(results.environments)} data sets{' with planted truth' if planted else ''}, every"
        f" sample left out in turn: {heads:,} heads, "
        + (
            f"{steps:,} steps of gradient descent each."
            if exact
            else f"followed along gradient descent to t = {steps:g}."
        )
    )


def sharpness(results: computing.Results) -> list[Table]:
    """What no study can change: how far the bounds by n, B and γ are from their lower bound."""
    return [upper_against_lower()]


PRESENTATION = Presentation(
    title="Head tuning: does the theory of its stability hold?",
    question=(
        "When one training sample is left out, how far does the direction of a linear head on "
        "frozen features move, and do the bounds on that hold?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    certificates=certificates,
    group=columns.FAMILY,
    illustrations={
        "bound-against-measured": Illustration(
            plots.bound_against_measured,
            "Each point is one data set at the last step. On the diagonal a bound is attained;"
            " below it, it is violated; above the dashed line it says nothing, since unit"
            " directions are at most 2 apart. Data sets without any instability have no place on"
            " logarithmic axes and are left out.",
            plots.has_points,
        ),
        "instability-against-n": _against(
            "n",
            "Instability and the bounds when only the number of samples changes. A rung's slope is"
            " its rate.",
        ),
        "instability-against-radius-over-margin": _against(
            columns.RADIUS_OVER_MARGIN,
            "The same when only B/γ changes. A common scale of radius and margin changes nothing.",
        ),
        "instability-against-d": _against(
            "d", "The same when only the number of features changes, which no bound contains."
        ),
        "instability-along-steps": Illustration(
            head.along_steps,
            "Instability along gradient descent, the bounds that hold at every step, and the"
            f" levels of those that hold in the limit. {theorems.published_fitted.name} uses a"
            " constant fitted on t ≤ √T and is drawn where it is tested.",
            reads=(theorems.free.name, theorems.anytime.name),
        ),
        "direction-error-along-steps": Illustration(
            head.direction_error,
            "How slowly the heads approach their separators, certified by the margin that they have"
            " reached, beside the published rate with a constant fitted on early steps.",
            reads=(theorems.direction.name,),
        ),
        "asymptotics": Illustration(
            head.asymptotics,
            "Left: the direction error and what the asymptotic expansion of the head predicts for"
            " it, on the data sets whose asymptotics begin before the end of the runs. Right: when"
            " they begin. Small duals and samples close to the margin put it off beyond any number"
            " of steps; where the support vectors do not span the samples, the expansion leaves a"
            " constant open.",
            head.has_asymptotics,
            (theorems.direction.name,),
        ),
        "tightness-by-family": Illustration(
            head.tightness_by_family,
            "Which bound is close to the truth on which kind of data; 1: it is attained.",
            head.has_tightness,
        ),
    },
    tables=sharpness,
)
