"""Figures of a study of regularised heads."""

from __future__ import annotations

from matplotlib.figure import Figure

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import PALETTE
from tunebound.theory.engine.ticks import plain_numbers
from tunebound.theory.regularised_heads import columns, theorems

PREDICTION = "error of each prediction"


def along_the_path(results: Results) -> Figure:
    """Errors of the approximate predictions and distances of directions against 1/λ, measured and
    bounded; medians over data sets.
    """
    rows = results.rows
    figure = Figure(figsize=(11.4, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    newton = rows[
        (rows[tables.THEOREM] == theorems.newton.name) & (rows[tables.QUANTITY] == PREDICTION)
    ]
    separable = newton[columns.OVERLAP] == 0
    path = rows[rows[tables.THEOREM] == theorems.path.name]
    for axis, part, label, colour in (
        (left, newton[separable], "separable", PALETTE[0]),
        (left, newton[~separable], "not separable", PALETTE[1]),
        (right, path, "separable", PALETTE[0]),
    ):
        middle = part.groupby(tables.STEPS)[[tables.MEASURED, tables.BOUND]].median()
        axis.loglog(
            middle.index, middle[tables.MEASURED], "o-", color=colour, label=f"measured, {label}"
        )
        axis.loglog(
            middle.index, middle[tables.BOUND], "s--", color=colour, label=f"bound, {label}"
        )
    left.set(ylabel=r"mean error of $x\cdot\hat w_i$, certified samples", title="one Newton step")
    right.set(ylabel="mean distance of unit directions", title="along the path")
    for axis in (left, right):
        axis.set_xlabel("1/λ")
        axis.minorticks_off()
        plain_numbers(axis.yaxis)
        axis.legend(frameon=False, fontsize="small")
    return figure


def certified_share(results: Results) -> Figure:
    """Share of (sample, strength) pairs that are certified, against n; one point a data set."""
    environments = results.environments
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axis = figure.subplots()
    for separable, label, marker, colour in (
        (True, "separable", "o", PALETTE[0]),
        (False, "not separable", "^", PALETTE[1]),
    ):
        part = environments[environments[columns.SEPARABLE] == separable]
        axis.semilogx(
            part[columns.N] / part[columns.D],
            part[columns.CERTIFIED],
            marker,
            ms=4,
            alpha=0.6,
            color=colour,
            label=label,
        )
    axis.set(xlabel="samples per feature n/d", ylabel="share certified", ylim=(0, 1.02))
    axis.minorticks_off()
    figure.legend(loc="outside right upper", frameon=False)
    return figure
