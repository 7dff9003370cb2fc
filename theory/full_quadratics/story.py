"""How a study of full tuning on problems with known constants is told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from tunebound.theory.engine import computing, tables
from tunebound.theory.engine import scatter as plots
from tunebound.theory.engine.presentation import Illustration, Presentation
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.full_quadratics import columns, theorems
from tunebound.theory.full_quadratics import figures as drawn


def subtitle(results: computing.Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    options = manifest["options"]
    runs = int((results.environments[columns.N] + 1).sum())
    return (
        f"{len(results.environments)} problems with exact constants, {options['steps']:,} steps of"
        f" size 1/β with every sample left out in turn ({runs:,} runs, {options['weighting']}"
        " weights), and the exact worst case of their class."
    )


def findings(results: computing.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    by_name = {verdict.theorem.name: verdict for verdict in verdicts}
    sentences = [headline(results, verdicts)]
    published = by_name.get(theorems.published.name)
    if published is not None and published.environments:
        rows = results.rows[
            (results.rows[tables.THEOREM] == theorems.published.name)
            & (results.rows[tables.EXCESS] > 0)
        ]
        if len(rows) and published.tightness:
            steps, kappas = (
                ", ".join(f"{level:g}" for level in sorted(rows[name].unique()))
                for name in (tables.STEPS, columns.KAPPA)
            )
            sentences.append(
                f"The published bound {theorems.published.name} is violated on"
                f" {published.violations} problems, all at κ = {kappas} and T = {steps};"
                f" measured/bound goes up to {published.tightness['tightest']:.3g}. The levels of"
                " κ are chosen, so that how many problems it fails on means nothing."
            )
        else:
            sentences.append(
                f"The published bound {theorems.published.name} is violated on none of"
                f" {published.environments} problems."
            )
    for name, what in (
        (theorems.closed.name, f"{theorems.closed.name}, which holds for every T,"),
        (theorems.steps.name, f"{theorems.steps.name}, for a given T,"),
        (
            theorems.trajectory.name,
            f"{theorems.trajectory.name}, from the gradients along the run on the whole sample,",
        ),
        (
            theorems.worst_case.name,
            f"{theorems.worst_case.name}, the exact worst case over the class,",
        ),
    ):
        verdict = by_name.get(name)
        if verdict is not None and verdict.tightness is not None:
            tight = verdict.tightness
            sentences.append(
                f"{what} has {verdict.violations} violations on {verdict.environments} problems;"
                f" measured/bound is {tight['median']:.3g} in the median and {tight['loosest']:.3g}"
                f" at worst ({tight['loosest_environment']})."
            )
    bracket = results.rows[
        results.rows[tables.QUANTITY] == f"quadratic worst case ≤ {theorems.worst_case.name}"
    ]
    if len(bracket):
        ratio = bracket[tables.MEASURED] / bracket[tables.BOUND]
        sentences.append(
            "The exact worst case is bracketed: one-dimensional quadratics attain between"
            f" {ratio.min():.1%} and {ratio.max():.1%} of the semidefinite program's value (median"
            f" {ratio.median():.4%})."
        )
    return sentences


def headline(results: computing.Results, verdicts: Sequence[Verdict]) -> str:
    """The answer in one sentence."""
    environments = results.environments
    moved = environments[columns.LARGEST_INSTABILITY] / environments[columns.DISTANCE]
    return (
        "Leaving one sample out moves the parameters, at the step where it moves them most, by"
        f" {moved.median():.3g} of their start's distance from the minimiser in the median"
        f" problem, and by {moved.max():.3g} at most."
    )


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the constants."""
    common = int(environments[columns.INTERPOLATES].sum())
    return [
        "μ, β, L and w* are planted: exact by construction of the losses.",
        (
            f"{common} of {len(environments)} problems have a common minimiser of all samples; the"
            f" others test what its lack adds ({theorems.off_interpolation.name})."
        ),
        (
            f"Every value of {theorems.worst_case.name} is recomputed from the multipliers of its"
            " semidefinite program by weak duality, so it is an upper bound whatever the solver's"
            " accuracy; the quadratic worst case, in closed form, bounds it from below."
        ),
    ]


def _against(factor: str, caption: str) -> Illustration:
    return Illustration(
        partial(drawn.against, factor=factor),
        caption,
        partial(drawn.varies, factor=factor),
        (theorems.trajectory.name,),
    )


PRESENTATION = Presentation(
    title="Full tuning: does the theory of its stability hold?",
    question=(
        "When one training sample is left out, how far do the parameters of a fully tuned "
        "model move, on losses whose constants are known exactly, and do the bounds on that "
        "hold?"
    ),
    subtitle=subtitle,
    findings=findings,
    headline=headline,
    member="problem",
    certificates=certificates,
    group=columns.KAPPA,
    illustrations={
        "bound-against-measured": Illustration(
            plots.bound_against_measured,
            "Each point is one problem, at the number of steps at which the bound is tightest on"
            " it. On the diagonal a bound is attained; below it, it is violated.",
            plots.has_points,
        ),
        "instability-against-n": _against(
            "n",
            "When only the number of samples changes. Red: no bound from these constants can be"
            " lower.",
        ),
        "instability-against-kappa": _against(
            "kappa", "When only the condition of the losses changes."
        ),
        "instability-against-distance": _against(
            "distance", "When only the distance from the start to the minimiser changes."
        ),
        "instability-along-steps": Illustration(
            drawn.along_steps,
            "With a common minimiser the instability rises, then dies out; bounds that hold for"
            " every T have to cover its peak.",
            reads=(theorems.trajectory.name,),
        ),
        "slack": Illustration(
            drawn.slack,
            "How much of a bound is slack and how much is truth. Lines: against the largest value"
            " over T that one-dimensional quadratics attain; stars: against the exact worst case,"
            " where its peak lies at one of the solved T.",
            reads=(theorems.worst_case.name,),
        ),
    },
)
