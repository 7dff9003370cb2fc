"""Figures along a strength, and against the distance to the minimiser."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from tunebound.theory.engine.looks import PALETTE
from tunebound.theory.engine.statistics.effects import median_interval
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.axes import drawable, factor_axis, readable
from tunebound.theory.remedies.choice import OUTCOMES, Choice, choose, chosen, held_out
from tunebound.theory.remedies.comparison import MEASURES, paired
from tunebound.theory.remedies.figures import RANKED
from tunebound.theory.remedies.regimes import TUNING
from tunebound.theory.remedies.variants import swept

BLUE, ORANGE = PALETTE[0], PALETTE[1]
ALONG_WEIGHT = (
    columns.RADIUS_OVER_MARGIN,
    columns.HEAD_LEFT_OUT,
    columns.LEFT_OUT_PREDICTIONS,
    columns.LEFT_OUT_DIRECTION,
    columns.DISAGREEMENT,
    columns.ACCURACY,
)
RETRAINED = ("self_unsupervised_common", "self_unsupervised")


def choices(environments: pd.DataFrame, regime: str) -> Mapping[str, Choice]:
    """What was tried along the strengths in a regime: on the tuning worlds of this study, or on
    those that its strengths were chosen on.
    """
    own = environments[columns.POPULATION] == TUNING
    return (choose(environments) if own.any() else chosen()).get(regime, {})


def strength_curves(environments: pd.DataFrame, regime: str, outcome: str) -> Figure:
    """Each method's factor against plain fine-tuning along its strength on the tuning worlds, and
    at the chosen strength on the held-out worlds.
    """
    tasks, measure = held_out(environments, regime), OUTCOMES[outcome]
    panels = choices(environments, regime)
    across = 5
    lines = -(-len(panels) // across)
    figure = Figure(figsize=(13.5, 2.3 * lines + 0.6), layout="constrained")
    grid = figure.subplots(lines, across, squeeze=False)
    for axis, choice in zip(grid.flat, panels.values(), strict=False):
        ratios = paired(tasks, measure, choice.variant(outcome)).dropna()
        _curve(axis, choice, outcome, ratios)
    for axis in grid.flat[len(panels) :]:
        axis.set_visible(False)
    for axis in grid[:, 0]:
        axis.set_ylabel("factor against plain")
    figure.supxlabel("strength of the method, in its own units", fontsize="medium")
    figure.suptitle(
        f"{MEASURES[measure].label}, {regime} regime: below the line is more stable",
        fontsize="large",
    )
    return figure


def _curve(axis: Axes, choice: Choice, outcome: str, judged: pd.Series) -> None:
    strengths = np.array(
        [1.0 if point.strength is None else point.strength for point in choice.curve]
    )
    middle, low, high = drawable([point.factors[outcome] for point in choice.curve]).T
    qualifies = np.array([point.qualifies for point in choice.curve])
    axis.fill_between(strengths, low, high, color=BLUE, alpha=0.2, lw=0)
    axis.plot(strengths, middle, "-", color=BLUE, lw=1)
    axis.plot(strengths[qualifies], middle[qualifies], "o", color=BLUE, ms=4)
    axis.plot(strengths[~qualifies], middle[~qualifies], "o", color=BLUE, mfc="white", ms=4)
    place = _place(choice.strengths[outcome])
    axis.axvline(place, color="0.7", lw=1, ls=":")
    if len(judged):
        centre, start, end = drawable(np.exp(median_interval(judged)))
        axis.plot([place, place], [start, end], color=ORANGE, lw=2)
        axis.plot(place, centre, "D", color=ORANGE, ms=5)
    axis.axhline(1, color="black", lw=1)
    axis.set_xscale("log")
    axis.set_xticks(strengths, [f"{strength:g}" for strength in strengths])
    axis.xaxis.set_minor_locator(NullLocator())
    factor_axis(axis, "y")
    axis.tick_params(labelsize=7)
    axis.set_title(readable(choice.method) + ("" if choice.qualified else " *"), fontsize="small")


def _place(strength: float | None) -> float:
    """Where a strength stands on the axis; a method without one gets a single place."""
    return 1.0 if strength is None else strength


def along_weight(environments: pd.DataFrame) -> Figure:
    """What the maximal margin regularizer changes, relative to plain fine-tuning, along its weight;
    medians over tasks.
    """
    variants = swept(environments)
    figure = Figure(figsize=(12.5, 6.4), layout="constrained")
    grid = figure.subplots(2, 3, sharex=True)
    for axis, measure in zip(grid.flat, ALONG_WEIGHT, strict=True):
        summary = []
        for weight, method in variants:
            ratios = paired(environments, measure, method).dropna()
            summary.append(
                (weight, *np.exp(median_interval(ratios)))
                if len(ratios)
                else (weight, np.nan, np.nan, np.nan)
            )
        weights, middle, low, high = np.array(summary).T
        axis.fill_between(weights, drawable(low), drawable(high), alpha=0.2, lw=0)
        axis.plot(weights, middle, "o-")
        axis.axhline(1, color="black", lw=1)
        axis.set_xscale("log")
        factor_axis(axis, "y")
        axis.set_title(MEASURES[measure].label, fontsize="medium")
        axis.set_ylabel("factor against plain")
    for axis in grid[-1]:
        axis.set_xlabel("weight α of the maximal margin regularizer")
    return figure


def has_weights(environments: pd.DataFrame) -> bool:
    """Whether the maximal margin regularizer was tried with several weights."""
    return len(environments) > 0 and len(swept(environments)) > 1


def retraining_distance(environments: pd.DataFrame) -> Figure:
    """Self unsupervised re-training on each task: the change of the distance to the minimiser
    against that of instability.
    """
    figure = Figure(figsize=(11.5, 4.8), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True)
    for axis, measure in zip(axes, RANKED, strict=True):
        for method, marker in zip(RETRAINED, "os", strict=True):
            factors = pd.DataFrame(
                {
                    "closer": paired(environments, columns.TO_MINIMISER, method),
                    "changed": paired(environments, measure, method),
                }
            ).dropna()
            finite = factors[np.isfinite(factors).all(axis=1)]
            axis.plot(
                np.exp(finite["closer"]),
                np.exp(finite["changed"]),
                marker,
                ms=5,
                alpha=0.75,
                label=readable(method),
            )
        axis.axvline(1, color="black", lw=1)
        axis.axhline(1, color="black", lw=1)
        factor_axis(axis, "x")
        factor_axis(axis, "y")
        axis.set(
            xlabel=r"$\Vert w_0 - w^*\Vert$ with re-training, factor against without",
            ylabel="instability, factor against without",
        )
        axis.set_title(MEASURES[measure].label, fontsize="medium")
    axes[0].legend(fontsize="small")
    figure.suptitle(
        "Below and left of the lines: closer to the minimiser and more stable", fontsize="large"
    )
    return figure


def has_retraining(environments: pd.DataFrame) -> bool:
    """Whether self unsupervised re-training was tried beside plain fine-tuning, and its start's
    distance to the minimiser measured.
    """
    return any(
        paired(environments, columns.TO_MINIMISER, method).notna().any() for method in RETRAINED
    )
