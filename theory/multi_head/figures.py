"""Figures of a multi-head study, each made from its tables alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, ScalarFormatter

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import PALETTE
from tunebound.theory.multi_head import columns, theorems
from tunebound.theory.multi_head.evidence import ERROR, INSTABILITY

MARKERS = "osD^vP*X"
HEADS_LABEL = "number of heads H"


def error_against_heads(results: Results) -> Figure:
    """Direction error of the mean head against H, a panel a scale of the starts, a line a number of
    features.
    """
    figure, axes, table = _panels(results, theorems.sharp.name, ERROR)
    for axis, (scale, rows) in zip(axes, table.groupby(columns.SCALE), strict=True):
        for index, (d, one) in enumerate(rows.groupby(columns.D)):
            middle = one.groupby("heads")[tables.MEASURED].median()
            colour = PALETTE[index % len(PALETTE)]
            axis.loglog(
                middle.index,
                middle,
                color=colour,
                marker=MARKERS[index % len(MARKERS)],
                label=f"measured, d/n = {d / _samples(one):.2g}",
            )
            bias = _environments(results, one)[columns.BIAS].median()
            axis.axhline(bias, color=colour, ls=":", lw=1.2)
            axis.loglog(
                middle.index, middle.iloc[0] / np.sqrt(middle.index), color=colour, ls="--", lw=0.8
            )
        _heads_axis(axis, scale, sorted(rows["heads"].unique()))
    axes[0].set_ylabel(r"distance of $\hat w_H(t)$ from the maximum-margin direction")
    axes[0].plot(
        [], [], color="black", ls="--", lw=0.8, label=f"1/√H from H = 1 ({theorems.scaling.name})"
    )
    axes[0].plot([], [], color="black", ls=":", lw=1.2, label="common bias, fitted")
    return _finished(
        figure,
        axes,
        f"Direction error of the mean head at t = {table[tables.STEPS].max():,.0f}, n ="
        f" {_samples(table)}",
    )


def error_along_steps(results: Results) -> Figure:
    """The same at every recorded t, for the largest scale of the starts and the smallest and
    largest d.
    """
    table = _table(results, theorems.sharp.name, ERROR)
    table = table[table[columns.SCALE] == table[columns.SCALE].max()]
    sizes = sorted(table[columns.D].unique())
    chosen = sizes if len(sizes) == 1 else [sizes[0], sizes[-1]]
    figure = Figure(figsize=(4.2 * len(chosen) + 2.6, 4.4), layout="constrained")
    axes = figure.subplots(1, len(chosen), squeeze=False, sharey=True)[0]
    for axis, d in zip(axes, chosen, strict=True):
        rows = table[table[columns.D] == d]
        for index, (t, one) in enumerate(rows.groupby(tables.STEPS)):
            middle = one.groupby("heads")[tables.MEASURED].median()
            axis.loglog(
                middle.index,
                middle,
                color=PALETTE[index],
                marker=MARKERS[index],
                label=f"t = {t:,.0f}",
            )
        _heads_axis(axis, rows[columns.SCALE].iloc[0], sorted(rows["heads"].unique()))
        axis.set_title(f"n = {_samples(rows)}, d = {d}, σ = {rows[columns.SCALE].iloc[0]:g}")
    axes[0].set_ylabel(r"distance of $\hat w_H(t)$ from the maximum-margin direction")
    return _finished(figure, axes, "Direction error of the mean head along gradient descent")


def floor(results: Results) -> Figure:
    """The number of heads from which on the common bias is the larger part, against d/n."""
    environments = results.environments[
        results.environments[columns.N] == _usual_n(results.environments)
    ]
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axis = figure.subplots()
    for index, (scale, rows) in enumerate(environments.groupby(columns.SCALE)):
        middle = rows.groupby(columns.RATIO)[columns.FLOOR_HEADS].median().clip(lower=1e-3)
        axis.loglog(
            middle.index,
            middle,
            marker=MARKERS[index],
            color=PALETTE[index],
            label=f"σ = {scale:g}",
        )
    axis.axhline(1, color="black", ls=":", lw=1.2, label="one head")
    axis.set(
        xlabel="d/n",
        ylabel="H at which the spread's part equals the bias",
    )
    axis.set_title(
        f"Where the floor starts (n = {environments[columns.N].iloc[0]}, last step, median over"
        " families)",
        fontsize="medium",
    )
    _plain(axis, "xaxis", sorted(environments[columns.RATIO].unique()))
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def instability_against_heads(results: Results) -> Figure:
    """Leave-one-out instability of the mean head against H, a panel a scale of the starts, a line a
    number of features.
    """
    figure, axes, table = _panels(results, theorems.anytime.name, INSTABILITY)
    for axis, (scale, rows) in zip(axes, table.groupby(columns.SCALE), strict=True):
        for index, (d, one) in enumerate(rows.groupby(columns.D)):
            middle = one.groupby("heads")[[tables.MEASURED, tables.BOUND]].median()
            colour = PALETTE[index % len(PALETTE)]
            marker = MARKERS[index % len(MARKERS)]
            axis.loglog(
                middle.index,
                middle[tables.MEASURED],
                color=colour,
                marker=marker,
                label=f"measured, d/n = {d / _samples(one):.2g}",
            )
            axis.loglog(middle.index, middle[tables.BOUND], color=colour, ls="--", lw=0.8)
        _heads_axis(axis, scale, sorted(rows["heads"].unique()))
    axes[0].set_ylabel(r"mean distance of $\hat w_H(t)$ on $S$ and $S^i$")
    axes[0].plot([], [], color="black", ls="--", lw=0.8, label=theorems.anytime.name)
    return _finished(
        figure,
        axes,
        f"Leave-one-out instability of the mean head at t = {table[tables.STEPS].max():,.0f}, n ="
        f" {_samples(table)}",
    )


def bias_and_mean_start(results: Results) -> Figure:
    """The common bias against the error of the run from the mean of the starts, one point an
    environment.
    """
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axis = figure.subplots()
    for index, (scale, rows) in enumerate(results.environments.groupby(columns.SCALE)):
        axis.loglog(
            rows[columns.MEAN_START_ERROR],
            rows[columns.BIAS].clip(lower=1e-6),
            MARKERS[index],
            color=PALETTE[index],
            label=f"σ = {scale:g}",
        )
    ends = np.array(
        [
            results.environments[columns.MEAN_START_ERROR].min(),
            results.environments[columns.MEAN_START_ERROR].max(),
        ]
    )
    axis.loglog(ends, ends, color="black", lw=1, label="equal")
    axis.set(
        xlabel="direction error of the head that starts at the mean of the starts",
        ylabel="common bias of the heads, fitted",
    )
    axis.set_title("The expected head is not the head of the expected start", fontsize="medium")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(LogLocator(subs=(1, 2, 5)))
        side.set_major_formatter(ScalarFormatter())
        side.set_minor_locator(NullLocator())
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def _samples(rows: pd.DataFrame) -> int:
    return int(rows[columns.N].iloc[0])


def _usual_n(table: pd.DataFrame) -> int:
    """The number of samples at which most numbers of features were tried."""
    return int(table.groupby(columns.N)[columns.D].nunique().idxmax())


def _table(results: Results, theorem: str, quantity: str) -> pd.DataFrame:
    rows = results.rows[results.rows[tables.THEOREM] == theorem]
    rows = rows[rows[columns.N] == _usual_n(rows)]
    return rows.assign(
        heads=rows[tables.QUANTITY].str.removeprefix(quantity.format("")).astype(int)
    )


def _panels(
    results: Results, theorem: str, quantity: str
) -> tuple[Figure, list[Axes], pd.DataFrame]:
    table = _table(results, theorem, quantity)
    table = table[table[tables.STEPS] == table[tables.STEPS].max()]
    scales = table[columns.SCALE].nunique()
    figure = Figure(figsize=(3.4 * scales + 2.6, 4.4), layout="constrained")
    return figure, list(figure.subplots(1, scales, squeeze=False, sharey=True)[0]), table


def _environments(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    return results.environments[results.environments[tables.MEMBER].isin(rows[tables.MEMBER])]


def _heads_axis(axis: Axes, scale: float, heads: list[int]) -> None:
    axis.set(xlabel=HEADS_LABEL, title=f"σ = {scale:g}")
    _plain(axis, "xaxis", heads)


def _plain(axis: Axes, which: str, values: Sequence[float]) -> None:
    side = getattr(axis, which)
    side.set_major_locator(FixedLocator(values))
    side.set_major_formatter(ScalarFormatter())
    side.set_minor_locator(NullLocator())


def _finished(figure: Figure, axes: list[Axes], title: str) -> Figure:
    figure.suptitle(f"{title}\n(median over families)", fontsize="medium")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure
