"""Figures of a study of tasks."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.ticks import plain_numbers
from tunebound.theory.tasks import columns
from tunebound.theory.tasks.choice import foremost, separable
from tunebound.theory.tasks.members import OWN


def level_against_n(results: Results) -> Figure:
    """√n times the mean distance, and B/γ, against n, as the encoder gives the features; medians
    over subsamples, one line a task.
    """
    rows = separable(foremost(results.environments))
    figure = Figure(figsize=(11.4, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    tasks = sorted(rows[columns.TASK].unique())
    for task, colour in zip(tasks, sns.color_palette("husl", len(tasks)), strict=True):
        own = rows[rows[columns.TASK] == task].groupby(columns.N)
        distance = own[columns.INSTABILITY].median()
        left.plot(distance.index, np.sqrt(distance.index) * distance, "o-", ms=4, color=colour)
        ratio = own[columns.RADIUS_OVER_MARGIN].median()
        right.loglog(ratio.index, ratio, "o-", ms=4, color=colour, label=task)
    left.set(xscale="log", ylabel="√n · mean distance in the limit")
    right.set(ylabel="B/γ")
    for axis in (left, right):
        axis.set_xlabel("number of samples n")
        axis.minorticks_off()
        sizes = sorted(rows[columns.N].unique())
        axis.set_xticks(sizes, [str(n) for n in sizes])
    plain_numbers(right.yaxis)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def distance_against_ratio(results: Results) -> Figure:
    """The mean distance against B/γ, one point a subsample, by preparation."""
    rows = separable(results.environments)
    rows = rows[rows[columns.LABELS] == OWN]
    figure = Figure(figsize=(6.8, 4.4), layout="constrained")
    axis = figure.subplots()
    names = sorted(rows[columns.PREPARATION].unique())
    for name, colour in zip(names, sns.color_palette("colorblind", len(names)), strict=True):
        own = rows[rows[columns.PREPARATION] == name]
        axis.loglog(
            own[columns.RADIUS_OVER_MARGIN],
            np.sqrt(own[columns.N].to_numpy(dtype=float)) * own[columns.INSTABILITY],
            "o",
            ms=4,
            alpha=0.7,
            color=colour,
            label=name,
        )
    axis.set(xlabel="B/γ", ylabel="√n · mean distance in the limit")
    axis.minorticks_off()
    for side in (axis.xaxis, axis.yaxis):
        plain_numbers(side)
    figure.legend(loc="outside right upper", frameon=False)
    return figure
