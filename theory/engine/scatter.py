"""Every bound against what was measured, in any setting."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import TRIVIAL, graded, look
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import find_theorem
from tunebound.theory.engine.tightness import judged_rows, placed

COLUMNS = 4
LEAST = 1e-6


def has_points(results: Results) -> bool:
    """Whether anything of a study has a place on logarithmic axes."""
    return bool(len(results.rows)) and bool(len(placed(results.rows)))


def bound_against_measured(results: Results) -> Figure:
    """One panel a theorem, one point an environment where the setting judges, on log–log axes."""
    names = list(results.rows[tables.THEOREM].unique())
    setting = find_setting(find_theorem(names[0]).setting)
    positive = placed(judged_rows(results.rows))
    # What has no largest value stands beside what has one in other units, so that it is left out;
    # where nothing has one, all is shown.
    largest = positive.groupby(tables.THEOREM)[tables.MAXIMUM].max()
    names = [name for name in names if np.isfinite(largest.get(name, np.nan))] or names
    columns = min(COLUMNS, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(3.4 * columns + 1.4, 3.2 * lines + 0.6), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    sizes = sorted(positive["n"].unique())
    colours = dict(zip(sizes, graded(len(sizes)), strict=True))
    shown = positive[positive[tables.THEOREM].isin(names)]
    pairs = shown[[tables.MEASURED, tables.BOUND]]
    low, high = max(pairs.min().min() / 2, LEAST), pairs.max().max() * 2
    axes.flat[0].set(xscale="log", yscale="log")  # they share their scales
    for axis, name in zip(axes.flat, names, strict=False):
        rows, marker = shown[shown[tables.THEOREM] == name], look(name)["marker"]
        for n in sizes:
            part = rows[rows["n"] == n]
            axis.plot(
                # what lies beyond stands at the edge
                part[tables.MEASURED].clip(lower=1.2 * low),
                part[tables.BOUND].clip(lower=1.2 * low),
                marker,
                ms=3.5,
                alpha=0.7,
                color=colours[n],
                label=f"n = {n}",
            )
        axis.plot([low, high], [low, high], color="black", lw=1, label="bound = measured")
        if rows[tables.MAXIMUM].nunique() == 1 and np.isfinite(rows[tables.MAXIMUM].iloc[0]):
            axis.axhline(
                rows[tables.MAXIMUM].iloc[0],
                color=TRIVIAL,
                ls="--",
                lw=1,
                label="trivial maximum",
            )
        axis.set(title=name, xlim=(low, high), ylim=(low, high))
        # within a decade they say nothing here, and take most of the drawing's time
        axis.minorticks_off()
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis in axes.flat[max(0, len(names) - columns) : len(names)]:
        axis.tick_params(labelbottom=True)
    figure.supxlabel(f"measured: {setting.measures}")
    figure.supylabel("bound")
    between = " " if columns == COLUMNS else "\n"
    figure.suptitle(
        f"Bound against measured instability:{between}points below the diagonal violate the bound"
    )
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure
