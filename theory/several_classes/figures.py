"""Figures of a study of several classes, each made from its tables alone."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import look
from tunebound.theory.engine.statement import Theorem
from tunebound.theory.engine.tightness import judged_rows
from tunebound.theory.several_classes import columns, theorems

TITLES = {
    "one": "support samples held against one class",
    "all": "support samples held against all classes",
}

ALL_OTHERS = [columns.N, columns.D, columns.MARGIN, columns.RADIUS]


def varies_in_classes(results: Results) -> bool:
    """Whether a study has several numbers of classes at otherwise equal factors."""
    return results.environments[columns.CLASSES].nunique() > 1


def against_classes(results: Results) -> Figure:
    """Instability and its bounds against the number of classes, where it alone varies; else medians
    over n and d at one margin and radius.
    """
    rows, fixed = _alike(judged_rows(results.rows, "last"))
    kinds = list(rows[columns.RIVALS].unique())
    figure = Figure(figsize=(4.4 * len(kinds) + 2.4, 4.4), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for axis, kind in zip(axes, kinds, strict=True):
        part = rows[rows[columns.RIVALS] == kind]
        for measured_by, style, label in (
            (theorems.anytime, "-", "measured, last step"),
            (theorems.limit, "--", "measured, limit t → ∞"),
        ):
            middle = _median(part, measured_by, tables.MEASURED)
            axis.plot(middle.index, middle, style, color="black", marker="o", lw=2, label=label)
        for theorem in (
            theorems.trajectory,
            theorems.anytime,
            theorems.deletion,
            theorems.limit,
        ):
            middle = _median(part, theorem, tables.BOUND)
            axis.plot(middle.index, middle, ms=4, label=theorem.name, **look(theorem.name))
        axis.set(yscale="log", xlabel="number of classes K")
        axis.set_title(TITLES.get(kind, kind), fontsize="medium")
        axis.set_xticks(sorted(part[columns.CLASSES].unique()))
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("mean distance of unit directions (0 to 2)")
    figure.suptitle(f"Instability of softmax heads ({fixed})")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure


def _alike(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of the factors at which most numbers of classes were computed, and these factors."""
    for factors in (ALL_OTHERS, [columns.MARGIN, columns.RADIUS]):
        numbers = rows.groupby(factors)[columns.CLASSES].nunique()
        if numbers.max() > 1:
            break
    chosen = dict(zip(factors, numbers.idxmax(), strict=True))
    for factor, value in chosen.items():
        rows = rows[rows[factor] == value]
    return rows, ", ".join(f"{factor} = {value:g}" for factor, value in chosen.items())


def _median(rows: pd.DataFrame, theorem: Theorem, column: str) -> pd.Series:
    own = rows[rows[tables.THEOREM] == theorem.name]
    return own.groupby(columns.CLASSES)[column].median()
