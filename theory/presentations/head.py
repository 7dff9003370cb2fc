"""How a head-tuning study is told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from theory import plots, study
from theory.plots import head
from theory.presentations.presentation import Illustration, Presentation
from theory.verdict import Verdict


def findings(results: study.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    by_name = {verdict.theorem.name: verdict for verdict in verdicts}
    environments = results.environments
    sentences = [
        f"Measured: leaving one sample out moves the direction of the head by {environments['final_instability'].median():.3g} in the "
        f"median data set (largest {environments['final_instability'].max():.3g}) after the last step, and by "
        f"{environments['limit_instability'].median():.3g} (largest {environments['limit_instability'].max():.3g}) in the limit."
    ]
    published = by_name.get("P-Head")
    if published is not None:
        sentences.append(
            f"The published bound P-Head is untestable as stated: it holds for some {', '.join(published.theorem.free_constants)}."
        )
    for name, what in (
        ("P-Head-fitted", "With λ certified, ν exact and C fitted on early steps, P-Head"),
        ("H-kkt", "Its second term alone, all constants certified (H-kkt),"),
        ("H-anytime", "H-anytime, which has no unspecified constant and holds at every step,"),
        ("H-trajectory", "H-trajectory, computed along the run on the whole sample,"),
    ):
        verdict = by_name.get(name)
        if verdict is None or verdict.tightness is None:
            continue
        tight = verdict.tightness
        sentences.append(
            f"{what} has {verdict.violations} violations on {verdict.environments} data sets and is vacuous on "
            f"{verdict.vacuous_share:.0%}; measured/bound is {tight['median']:.3g} in the median and {tight['loosest']:.3g} at worst "
            f"({tight['loosest_environment']})."
        )
    first = by_name.get("P-Head-first-term")
    if first is not None and first.environments:
        sentences.append(
            f"A constant C seen early does not always carry over: C ln ln t/ln t with C fitted on e^e ≤ t ≤ √T is exceeded "
            f"at some later t on {first.violations} of {first.environments} data sets. That is no contradiction to P-Head, "
            "whose C is free; it says what fitting it on a run is worth."
        )
    chain = by_name.get("H-chain")
    if chain is not None and chain.environments:
        sentences.append(
            f"The order of the ladder (H-pair ≤ H-dual ≤ H-support ≤ H-free, H-trajectory ≤ H-anytime) is violated on {chain.violations} "
            f"of {chain.environments} data sets."
        )
    return sentences


def certificates(environments: pd.DataFrame) -> list[str]:
    error = environments["planted_margin_error"]
    return [
        f"Largest relative duality gap of a maximum-margin separator: {environments['gap'].max():.1e}; of a left-out one: "
        f"{environments['worst_left_out_gap'].max():.1e}.",
        f"Largest relative difference between the computed margin and the planted one: {np.nanmax(error):.1e} "
        f"({int(error.notna().sum())} data sets with planted truth).",
    ]


def _against(factor: str, caption: str) -> Illustration:
    return Illustration(partial(head.ladder, factor=factor), caption, partial(head.varies, factor=factor))


def subtitle(results: study.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    heads = int((results.environments["n"] + 1).sum())
    return (
        f"{len(results.environments)} data sets with planted truth; {manifest['options']['steps']:,} steps of gradient descent with every "
        f"sample left out in turn: {heads:,} heads."
    )


PRESENTATION = Presentation(
    title="Head tuning: does the theory of its stability hold?",
    subtitle=subtitle,
    findings=findings,
    certificates=certificates,
    group="family",
    illustrations={
        "bound-against-measured": Illustration(
            plots.bound_against_measured,
            "Each point is one data set at the last step. On the black line a bound is attained; below it, it is violated; above the "
            "dashed line it says nothing, since unit directions are at most 2 apart. Data sets without any instability have no place on "
            "logarithmic axes and are left out.",
        ),
        "instability-against-n": _against(
            "n", "Instability and the bounds when only the number of samples changes. A rung's slope is its rate."
        ),
        "instability-against-margin": _against("margin", "The same when only the margin changes, at a fixed radius."),
        "instability-against-radius": _against("radius", "The same when only the radius changes, at a fixed margin."),
        "instability-along-steps": Illustration(
            head.along_steps,
            "Instability along gradient descent, the bounds that hold at every step, and the levels of those that hold in the limit. "
            "P-Head-fitted uses a constant fitted on t ≤ √T and is drawn where it is tested.",
        ),
        "direction-error-along-steps": Illustration(
            head.direction_error,
            "How slowly the heads approach their separators, certified by the margin that they have reached, beside the published rate "
            "with a constant fitted on early steps.",
        ),
        "tightness-by-family": Illustration(
            head.tightness_by_family, "Which bound is close to the truth on which kind of data. Bright is tight."
        ),
    },
)
