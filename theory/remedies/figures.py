"""Figures of a study of remedies: methods against plain fine-tuning, and against each other."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunebound.theory.engine.looks import PALETTE
from tunebound.theory.engine.statistics.ranks import Ranks
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.axes import drawable, factor_axis, readable
from tunebound.theory.remedies.comparison import MEASURES, SHOWN, effects, ranks
from tunebound.theory.remedies.variants import REFERENCE

BETTER, WORSE, OPEN = PALETTE[2], PALETTE[3], "0.45"
TITLE_SIGNS = 36  # in a line over a panel of three inches
RANKED = (columns.LEFT_OUT_PREDICTIONS, columns.DISAGREEMENT)


def against_plain(environments: pd.DataFrame) -> Figure:
    """Factor by which each method changes each measure of instability; median and exact interval
    over tasks.
    """
    table = effects(environments)
    shown = [measure for measure in SHOWN if (table["measure"] == measure).any()]
    order = (
        table[table["measure"] == shown[0]]
        .sort_values("median", ascending=False)["method"]
        .tolist()
    )
    across = 3
    lines = -(-len(shown) // across)
    figure = Figure(figsize=(12.5, lines * (0.26 * len(order) + 1.5)), layout="constrained")
    grid = figure.subplots(lines, across, sharey=True, squeeze=False)
    for axis, measure in zip(grid.flat, shown, strict=False):
        rows = table[table["measure"] == measure].set_index("method").reindex(order)
        _factors(axis, rows, [readable(method) for method in order])
        axis.set_title(fill(MEASURES[measure].label, TITLE_SIGNS), fontsize="medium")
    for axis in grid[-1]:
        axis.set_xlabel("factor against plain fine-tuning")
    for axis in grid[:, 0]:
        axis.set_ylabel("method")
    for axis in grid.flat[len(shown) :]:
        axis.set_visible(False)
    figure.suptitle("Left of the line: more stable than plain fine-tuning", fontsize="large")
    return figure


def _factors(axis: Axes, rows: pd.DataFrame, labels: list[str]) -> None:
    with np.errstate(over="ignore"):
        middle, low, high = (
            drawable(np.exp(rows[name].to_numpy(dtype=float))) for name in ("median", "low", "high")
        )
    for place, (centre, start, end) in enumerate(zip(middle, low, high, strict=True)):
        colour = BETTER if end < 1 else WORSE if start > 1 else OPEN
        axis.plot([start, end], [place, place], color=colour, lw=2, solid_capstyle="butt")
        axis.plot(centre, place, "o", color=colour, ms=5)
    axis.axvline(1, color="black", lw=1)
    axis.set_yticks(range(len(labels)), labels)
    factor_axis(axis, "x")
    axis.grid(axis="x", color="0.9")


def critical_differences(environments: pd.DataFrame) -> Figure:
    """Mean ranks of the methods; bars join those that chance alone may part. One critical
    difference a measure, unadjusted across measures.
    """
    drawn = [
        (measure, found)
        for measure in RANKED
        if (found := ranks(environments, measure)) is not None
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
            fontsize="small",
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
        fontsize="small",
    )
    axis.set_ylim(-(depth + half - 0.3), 1.8)
    axis.set_xlim(-1.4, count + 2.4)
    axis.set_xticks(range(1, count + 1))
    axis.xaxis.set_ticks_position("top")
    axis.spines[["left", "right", "bottom"]].set_visible(False)
    axis.spines["top"].set_bounds(1, count)
    axis.spines["top"].set_position(("data", 0))
    axis.set_yticks([])
    axis.set_title(
        f"mean rank by {MEASURES[measure].label}, {found.tasks} tasks; 1 is the most stable",
        fontsize="medium",
    )
    axis.set_ylabel(" ")


def has_ranks(environments: pd.DataFrame) -> bool:
    """Whether three methods and two tasks are there to be ranked."""
    return any(ranks(environments, measure) is not None for measure in RANKED)
