"""How a study of full fine-tuning of networks is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunebound.theory.engine import computing
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.full_network import columns, theorems
from tunebound.theory.full_network import figures as drawn


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    replicas = int((results.environments[columns.N] + 1).sum())
    sizes = results.environments[columns.PARAMETERS]
    several = f"{sizes.min():,} to " if sizes.nunique() > 1 else ""
    return (
        f"{len(results.environments)} networks of {several}{sizes.max():,} parameters,"
        f" {manifest['options']['steps']:,} steps of full-batch descent with every sample left out"
        f" in turn ({replicas:,} replicas)."
    )


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    by_name = {verdict.theorem.name: verdict for verdict in verdicts}
    environments, sentences = results.environments, []
    published = by_name.get(theorems.published.name)
    if published is not None:
        if published.environments:
            sentences.append(
                f"The assumptions of P-Full hold here on {published.environments} of"
                f" {len(environments)} networks."
            )
        else:
            negative = int((environments[columns.MU] - environments[columns.MU_ERROR] <= 0).sum())
            sentences.append(
                f"The assumptions of P-Full fail here on all {len(environments)} networks: on"
                f" {negative} the smallest curvature of a sample's loss at w* is not above zero by"
                " more than its error. It cannot be: where a network fits a sample exactly, the"
                " Hessian of that sample's loss has rank one. So P-Full says nothing of them."
            )
    levels = environments.groupby(columns.PRETRAINING)[
        [columns.DISTANCE, columns.FINAL_INSTABILITY]
    ].median()
    if len(levels) > 1:
        first, last = levels.index.min(), levels.index.max()
        sentences.append(
            f"Pre-training for {last} steps instead of {first} changes the median ‖w_0 − w*‖ from"
            f" {levels.loc[first, columns.DISTANCE]:.3g} to"
            f" {levels.loc[last, columns.DISTANCE]:.3g} and the median instability from"
            f" {levels.loc[first, columns.FINAL_INSTABILITY]:.3g} to"
            f" {levels.loc[last, columns.FINAL_INSTABILITY]:.3g}."
        )
    drift = by_name.get(theorems.drift.name)
    if drift is not None and drift.environments:
        for rate in drift.rates:
            sentences.append(
                f"Instability goes with {rate.factor} to the power {rate.slope.value:+.2f}"
                f" [{rate.low:+.2f}, {rate.high:+.2f}] (predicted {rate.predicted:+g}; sign"
                f" {rate.sign})."
            )
        sentences.append(
            f"The drift bound of convex losses is violated on {drift.violations} networks: without"
            " convexity it is no theorem."
        )
    return sentences


def headline(results: computing.Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    moved = results.environments.groupby(columns.PRETRAINING)[columns.FINAL_INSTABILITY].median()
    parts = [
        f"{value:.3g} {f'after {steps} steps of' if steps else 'without'} pre-training"
        for steps, value in moved.items()
    ]
    return (
        "Leaving one sample out moves the parameters, in the median network, by"
        f" {', by '.join(parts)}."
    )


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants: error bars."""
    return [
        (
            "β: Lanczos on Hessian–vector products at both ends of the run, error at most"
            f" {environments[columns.BETA_ERROR].max():.1e}; it is not known between them."
        ),
        (
            "‖w_0 − w*‖: long training; the path left is at most"
            f" {environments[columns.DISTANCE_ERROR].max():.2g}, if the gradient goes on falling."
        ),
        (
            "L: largest gradient along the run on S, error at most"
            f" {environments[columns.LIPSCHITZ_ERROR].max():.2g}."
        ),
    ]


PRESENTATION = Presentation(
    title="Full fine-tuning of pre-trained networks: what of its theory applies?",
    question=(
        "When one training sample is left out, how far do the parameters of a small pre-trained"
        " network move, and what of the theory applies to it?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    member="network",
    certificates=certificates,
    group=columns.PRETRAINING,
    illustrations={
        "instability-against-n": Illustration(
            drawn.against_n,
            "Medians over seeds, by how long the network was pre-trained. Lower is more stable.",
        ),
        "instability-against-distance": Illustration(
            drawn.against_distance,
            "Each point is one network. Left: the start is closer to the minimiser. Lower is more"
            " stable.",
        ),
        "instability-along-steps": Illustration(
            drawn.along_steps,
            "Solid: measured. Dashed: the sum of the left-out sample's gradients along the run on"
            " the whole sample, a bound for convex losses.",
            reads=(theorems.drift.name,),
        ),
    },
)
