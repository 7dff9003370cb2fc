"""Figures of a study of remedies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.statistics.effects import median_interval
from tunebound.theory.engine.statistics.ranks import Ranks
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.comparison import MEASURES, REFERENCE, SHOWN, effects, paired, ranks
from tunebound.theory.remedies.variants import split, swept

BETTER, WORSE, OPEN = sns.color_palette("colorblind")[2], sns.color_palette("colorblind")[3], "0.45"
RANKED = (columns.LEFT_OUT_PREDICTIONS, columns.DISAGREEMENT)
ALONG_WEIGHT = (
    columns.MARGIN,
    columns.RADIUS,
    columns.RADIUS_OVER_MARGIN,
    columns.DISAGREEMENT,
    columns.LEFT_OUT_PREDICTIONS,
    columns.ACCURACY,
)
SURT = "self_unsupervised"
# Ticks within a decade; the finest that leaves no more than MOST_TICKS is taken.
TICKS = (
    *(tuple(np.arange(100, 1000, step) / 100) for step in (1, 2, 5, 10)),
    (1, 1.2, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1, 3),
    (1,),
)
MOST_TICKS = 6
WIDEST = 1e3  # factors beyond it, infinite ones among them, are drawn at the edge


def readable(method: str) -> str:
    """A method's name for a reader, with its weight where that was set."""
    name, weight = split(method)
    return name.replace("_", " ") + ("" if weight is None else f", α = {weight:g}")


def against_plain(results: Results) -> Figure:
    """Factor by which each method changes each measure of instability; median and exact interval
    over tasks.
    """
    table = effects(results.environments)
    shown = [measure for measure in SHOWN if (table["measure"] == measure).any()]
    order = (
        table[table["measure"] == shown[0]]
        .sort_values("median", ascending=False)["method"]
        .tolist()
    )
    columns = 3
    lines = -(-len(shown) // columns)
    figure = Figure(figsize=(12.5, lines * (0.26 * len(order) + 1.3)), layout="constrained")
    grid = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for axis, measure in zip(grid.flat, shown, strict=False):
        rows = table[table["measure"] == measure].set_index("method").reindex(order)
        _factors(axis, rows, [readable(method) for method in order])
        axis.set_title(MEASURES[measure].label, fontsize=10)
    for axis in grid[-1]:
        axis.set_xlabel("factor against plain fine-tuning")
    for axis in grid[:, 0]:
        axis.set_ylabel("method")
    for axis in grid.flat[len(shown) :]:
        axis.set_visible(False)
    figure.suptitle("Left of the line: more stable than plain fine-tuning", fontsize=11)
    return figure


def _factors(axis: Axes, rows: pd.DataFrame, labels: list[str]) -> None:
    with np.errstate(over="ignore"):
        middle, low, high = (
            np.clip(np.exp(rows[name].to_numpy(dtype=float)), 1 / WIDEST, WIDEST)
            for name in ("median", "low", "high")
        )
    for place, (centre, start, end) in enumerate(zip(middle, low, high, strict=True)):
        colour = BETTER if end < 1 else WORSE if start > 1 else OPEN
        axis.plot([start, end], [place, place], color=colour, lw=2, solid_capstyle="butt")
        axis.plot(centre, place, "o", color=colour, ms=5)
    axis.axvline(1, color="black", lw=1)
    axis.set_yticks(range(len(labels)), labels)
    _factor_axis(axis, "x")
    axis.grid(axis="x", color="0.9")


def _factor_axis(axis: Axes, which: str) -> None:
    """A logarithmic axis of factors with as many round ticks as its range can hold; call it after
    the data are drawn.
    """
    (axis.set_xscale if which == "x" else axis.set_yscale)("log")
    scale = axis.xaxis if which == "x" else axis.yaxis
    low, high = scale.get_view_interval()
    for ticks in TICKS:
        within = [
            10.0**decade * tick
            for decade in range(-4, 5)
            for tick in ticks
            if low <= 10.0**decade * tick <= high
        ]
        if len(within) <= MOST_TICKS:
            break
    scale.set_major_locator(FixedLocator(within))
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
    scale.set_minor_formatter(NullFormatter())


def critical_differences(results: Results) -> Figure:
    """Mean ranks of the methods; bars join those that chance alone may part."""
    drawn = [
        (measure, found)
        for measure in RANKED
        if (found := ranks(results.environments, measure)) is not None
    ]
    most = max(len(found.mean) for _, found in drawn)
    figure = Figure(figsize=(9.5, len(drawn) * (1.5 + 0.2 * most)), layout="constrained")
    for axis, (measure, found) in zip(
        figure.subplots(len(drawn), 1, squeeze=False)[:, 0], drawn, strict=True
    ):
        _ranked(axis, measure, found)
    return figure


def _ranked(axis: Axes, measure: str, found: Ranks) -> None:
    mean, groups = found.mean, found.groups()
    count, half = len(mean), -(-len(mean) // 2)
    depth = 0.55 * len(groups) + 0.6
    axis.set_xlim(0.2, count + 0.8)
    for place, (method, rank) in enumerate(mean.items()):
        left = place < half
        level = -(depth + (place if left else count - 1 - place))
        edge = 0.9 if left else count + 0.1
        colour = "black" if method == REFERENCE else "0.35"
        axis.plot([rank, rank, edge], [0, level, level], color=colour, lw=1)
        text = (
            f"{readable(str(method))}  {rank:.2f}"
            if left
            else f"{rank:.2f}  {readable(str(method))}"
        )
        weight = "bold" if method == REFERENCE else "normal"
        axis.text(
            edge,
            level,
            f"{text} " if left else f" {text}",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
            weight=weight,
        )
    for level, group in enumerate(groups):
        values = mean[list(group)]
        height = -0.55 * (level + 1) + 0.1
        axis.plot(
            [values.min() - 0.04, values.max() + 0.04],
            [height, height],
            color=BETTER,
            lw=4,
            solid_capstyle="butt",
        )
    axis.plot([1, 1 + found.difference], [1.4, 1.4], color="black", lw=2)
    axis.text(
        1 + found.difference + 0.1,
        1.4,
        f"critical difference {found.difference:.2f}",
        va="center",
        fontsize=9,
    )
    axis.set_ylim(-(depth + half - 0.3), 1.8)
    axis.set_xlim(-1.4, count + 2.4)
    axis.set_xticks(range(1, count + 1))
    axis.xaxis.set_ticks_position("top")
    axis.xaxis.set_label_position("top")
    axis.spines[["left", "right", "bottom"]].set_visible(False)
    axis.spines["top"].set_bounds(1, count)
    axis.spines["top"].set_position(("data", 0))
    axis.set_yticks([])
    axis.set_xlabel(
        f"mean rank by {MEASURES[measure].label}, {found.tasks} tasks; 1 is the most stable",
        labelpad=24,
    )
    axis.set_ylabel(" ")


def along_weight(results: Results) -> Figure:
    """What the maximal margin regularizer changes, relative to plain fine-tuning, along its weight;
    medians over tasks.
    """
    variants = swept(results.environments)
    figure = Figure(figsize=(12.5, 6.4), layout="constrained")
    grid = figure.subplots(2, 3, sharex=True)
    for axis, measure in zip(grid.flat, ALONG_WEIGHT, strict=True):
        summary = []
        for weight, method in variants:
            ratios = paired(results.environments, measure, method).dropna()
            summary.append(
                (weight, *np.exp(median_interval(ratios)))
                if len(ratios)
                else (weight, np.nan, np.nan, np.nan)
            )
        weights, middle, low, high = np.array(summary).T
        axis.fill_between(
            weights,
            np.clip(low, 1 / WIDEST, WIDEST),
            np.clip(high, 1 / WIDEST, WIDEST),
            alpha=0.2,
            lw=0,
        )
        axis.plot(weights, middle, "o-")
        axis.axhline(1, color="black", lw=1)
        axis.set_xscale("log")
        _factor_axis(axis, "y")
        axis.set_title(MEASURES[measure].label, fontsize=10)
        axis.set_ylabel("factor against plain")
    for axis in grid[-1]:
        axis.set_xlabel("weight α of the maximal margin regularizer")
    return figure


def has_weights(results: Results) -> bool:
    """Whether the study tried the maximal margin regularizer with several weights."""
    return len(swept(results.environments)) > 1


def retraining_distance(results: Results) -> Figure:
    """Self unsupervised re-training on each task: the change of the distance to the minimiser
    against that of instability.
    """
    environments = results.environments
    figure = Figure(figsize=(11.5, 4.8), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True)
    closer = paired(environments, columns.TO_MINIMISER, SURT)
    for axis, measure in zip(axes, RANKED, strict=True):
        changed = paired(environments, measure, SURT)
        factors = pd.DataFrame(
            {
                "closer": closer,
                "changed": changed,
                "shift": environments.set_index(tables.ENVIRONMENT)[columns.SHIFT],
            }
        ).dropna()
        finite = factors[np.isfinite(factors["closer"]) & np.isfinite(factors["changed"])]
        for (shift, rows), marker in zip(finite.groupby(columns.SHIFT), "osD^v", strict=False):
            axis.plot(
                np.exp(rows["closer"]),
                np.exp(rows["changed"]),
                marker,
                ms=5,
                alpha=0.75,
                label=f"{shift:g}",
            )
        axis.axvline(1, color="black", lw=1)
        axis.axhline(1, color="black", lw=1)
        _factor_axis(axis, "x")
        _factor_axis(axis, "y")
        axis.set(
            xlabel="‖w_0 − w*‖ with re-training, factor against without",
            ylabel="instability, factor against without",
        )
        axis.set_title(MEASURES[measure].label, fontsize=10)
    axes[0].legend(title="distance from pre-training", fontsize=9)
    figure.suptitle(
        "Below and left of the lines: closer to the minimiser and more stable", fontsize=11
    )
    return figure


def has_retraining(results: Results) -> bool:
    """Whether the study tried self unsupervised re-training beside plain fine-tuning."""
    return bool(paired(results.environments, columns.TO_MINIMISER, SURT).notna().any())


def has_ranks(results: Results) -> bool:
    """Whether three methods and two tasks are there to be ranked."""
    return any(ranks(results.environments, measure) is not None for measure in RANKED)


__all__ = [
    "against_plain",
    "along_weight",
    "critical_differences",
    "has_ranks",
    "has_retraining",
    "has_weights",
    "readable",
    "retraining_distance",
]
