"""Figures of a study of full fine-tuning of networks."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import graded
from tunebound.theory.full_network import columns, theorems

MARKERS = "osD^v"


def _pretraining_colours(environments: pd.DataFrame) -> dict[int, tuple[float, float, float]]:
    levels = sorted(environments[columns.PRETRAINING].unique())
    return dict(zip(levels, graded(len(levels)), strict=True))


def _label(steps: int) -> str:
    return f"{steps} steps of pre-training" if steps else "not pre-trained"


def against_n(results: Results) -> Figure:
    """Instability after the last step against n, one line a level of pre-training; medians over
    seeds.
    """
    return _final(results, "n", "number of samples n")


def against_distance(results: Results) -> Figure:
    """Instability after the last step against the estimated distance to the minimiser, one point a
    network.
    """
    return _final(results, "distance", r"$\Vert w_0 - w^*\Vert$, estimated by long training")


def _final(results: Results, column: str, label: str) -> Figure:
    environments = results.environments
    kinds = list(environments[columns.ENCODER].unique())
    figure = Figure(figsize=(4.4 * len(kinds) + 2.6, 4.2), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for axis, kind in zip(axes, kinds, strict=True):
        for (level, colour), marker in zip(
            _pretraining_colours(environments).items(), MARKERS, strict=False
        ):
            rows = environments[
                (environments[columns.ENCODER] == kind)
                & (environments[columns.PRETRAINING] == level)
            ]
            if not len(rows):
                continue
            if column == "n":
                middle = rows.groupby(columns.N)[columns.FINAL_INSTABILITY].median()
                axis.loglog(
                    middle.index, middle, "-", marker=marker, color=colour, label=_label(level)
                )
                axis.set_xticks(sorted(rows[columns.N].unique()))
            else:
                axis.loglog(
                    rows[column],
                    rows[columns.FINAL_INSTABILITY],
                    marker,
                    color=colour,
                    label=_label(level),
                )
        if column != "n":
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set(xlabel=label, title=f"{kind} encoder")
    axes[0].set_ylabel("mean distance of parameters, last step")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure


def along_steps(results: Results) -> Figure:
    """Instability along the steps for the largest sample, with the drift of its gradients; medians
    over seeds.
    """
    rows = results.rows[
        (results.rows[tables.THEOREM] == theorems.drift.name)
        & (results.rows[columns.ENCODER] == results.rows[columns.ENCODER].iloc[0])
    ]
    rows = rows[rows[columns.N] == rows[columns.N].max()]
    figure = Figure(figsize=(8.2, 4.4), layout="constrained")
    axis = figure.subplots()
    for level, colour in _pretraining_colours(results.environments).items():
        part = (
            rows[rows[columns.PRETRAINING] == level]
            .groupby(tables.STEPS)[[tables.MEASURED, tables.BOUND]]
            .median()
        )
        if len(part):
            axis.loglog(
                part.index,
                part[tables.MEASURED],
                color=colour,
                lw=2.5,
                label=f"measured, {_label(level)}",
            )
            axis.loglog(
                part.index,
                part[tables.BOUND],
                color=colour,
                ls="--",
                lw=1.2,
                label=f"drift, {_label(level)}",
            )
    axis.set(xlabel="number of gradient steps T", ylabel="mean distance of parameters")
    axis.set_title(
        f"{rows[columns.ENCODER].iloc[0]} encoder, n = {rows[columns.N].iloc[0]}, step 1/β",
        fontsize="medium",
    )
    figure.legend(loc="outside right upper", frameon=False)
    return figure
