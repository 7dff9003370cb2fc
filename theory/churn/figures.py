"""Figures of a study of churn."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tunebound.theory.churn import columns, theorems
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import PALETTE, look

CERTIFICATES = (
    (theorems.angle.name, columns.FLIPPED, columns.ANGLE, "in the limit"),
    (theorems.ball.name, columns.FLIPPED, columns.BALL, "in the limit"),
    (theorems.drift.name, columns.FLIPPED_AT_STEP, columns.DRIFT, "after the last step"),
)


def certified_against_measured(results: Results) -> Figure:
    """Share of pairs that are not certified against the share that flips; one point a data set and
    certificate.
    """
    environments = results.environments
    figure = Figure(figsize=(6.6, 4.6), layout="constrained")
    axis = figure.subplots()
    for name, flipped, certified, when in CERTIFICATES:
        axis.plot(
            environments[flipped],
            1 - environments[certified],
            ls="none",
            ms=4,
            alpha=0.7,
            label=f"{name}, {when}",
            **look(name),
        )
    smallest = 1 / float((environments[columns.POINTS] * environments[columns.N]).max())
    for scale in (axis.set_xscale, axis.set_yscale):
        scale("symlog", linthresh=smallest)  # shares of exactly 0 belong on the axes
    axis.plot([0, 1], [0, 1], color="black", lw=1, label="all that is not certified flips")
    axis.set(
        xlabel="measured: share of (point, sample) pairs that flip",
        ylabel="share that is not certified",
        xlim=(0, 1),
        ylim=(0, 1.5),
    )
    axis.minorticks_off()
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def safe_points(results: Results) -> Figure:
    """Share of points whose prediction no single removal changes, certified and measured, against
    n; medians over data sets.
    """
    middle = results.environments.groupby(columns.N)[
        [columns.SAFE_POINTS, columns.UNMOVED_POINTS]
    ].median()
    figure = Figure(figsize=(6.6, 4.0), layout="constrained")
    axis = figure.subplots()
    axis.plot(middle.index, middle[columns.UNMOVED_POINTS], "o-", color="black", label="measured")
    axis.plot(middle.index, middle[columns.SAFE_POINTS], "s--", color=PALETTE[0], label="certified")
    axis.set(xscale="log", xlabel="number of samples n", ylim=(0, 1.02))
    axis.set_ylabel("share of points that no removal flips")
    axis.set_xticks(np.asarray(middle.index), [str(n) for n in middle.index])
    axis.minorticks_off()
    axis.legend(frameon=False)
    return figure
