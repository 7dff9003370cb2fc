"""Figures of a head-tuning study, each made from its tables alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from tunebound.bounds import direction_distance
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import PALETTE, TRIVIAL, look
from tunebound.theory.engine.tightness import judged_rows, tightness
from tunebound.theory.head import columns, theorems
from tunebound.theory.head.evidence import ERROR

QUARTILES = np.array([0.25, 0.5, 0.75])
# what a design varies beside the family
DESIGN = (columns.N, columns.D, columns.RADIUS_OVER_MARGIN)
FACTOR_LABELS = {
    "n": "number of samples n",
    "radius_over_margin": "radius over margin B/γ",
    "d": "number of features d",
}
# the first four bound a head's distance from the separator, the next two what a change of a sample
# costs; the last two are false
NO_RUNGS = (
    theorems.direction.name,
    theorems.asymptotic.name,
    theorems.first_term.name,
    theorems.copies.name,
    theorems.replacement.name,
    theorems.label.name,
    theorems.constant_one.name,
    theorems.deletion_early.name,
)
MEASURED_LIMIT = "measured, limit t → ∞"
LIGHT = -0.867  # where viridis from -3 to 0 has a relative luminance of 0.408


def ladder(results: Results, factor: str) -> Figure:
    """Instability and every rung of the ladder against one factor, the others fixed; medians over
    families.
    """
    factors = _others(factor)
    last = judged_rows(results.rows, "last")
    last = last[np.isfinite(last[tables.MAXIMUM])]
    chosen = _sweep(last, factor, factors)
    figure = Figure(figsize=(8.2, 5.2), layout="constrained")
    axis = figure.subplots()
    values = chosen[factor].unique()
    fixed = _at(chosen, factors)
    mean_limit = chosen[chosen[tables.THEOREM] == theorems.free.name]
    final = chosen[chosen[tables.THEOREM] == theorems.anytime.name]
    for rows, label, colour in (
        (mean_limit, MEASURED_LIMIT, "black"),
        (final, f"measured, t = {final[tables.STEPS].max():g}", "dimgrey"),
    ):
        middle = rows.groupby(factor)[tables.MEASURED].quantile(QUARTILES).unstack()
        axis.plot(middle.index, middle[0.5], color=colour, lw=3, label=label)
        axis.fill_between(middle.index, middle[0.25], middle[0.75], color=colour, alpha=0.15, lw=0)
    along = set(chosen.loc[np.isfinite(chosen[tables.STEPS]), tables.THEOREM])
    for name in chosen[tables.THEOREM].unique():
        if name in NO_RUNGS:
            continue
        middle = chosen[chosen[tables.THEOREM] == name].groupby(factor)[tables.BOUND].median()
        axis.plot(
            middle.index,
            middle,
            lw=1.2,
            ls="--" if name in along else "-",
            label=f"{name} (step t)" if name in along else name,
            **look(name),
        )
    axis.axhline(2, color=TRIVIAL, ls="--", lw=1, label="trivial maximum 2")
    axis.set(
        xscale="log",
        yscale="log",
        xlabel=FACTOR_LABELS.get(factor, factor),
        ylabel="distance of unit directions (0 to 2)",
    )
    axis.set_xticks(sorted(values))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_minor_locator(LogLocator(subs=()))
    axis.set_title(
        f"Instability and its bounds against {FACTOR_LABELS.get(factor, factor)}\n({fixed}; median"
        " over families, band: quartiles)",
        fontsize="medium",
    )
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def along_steps(results: Results) -> Figure:
    """Instability along gradient descent, the bounds that hold at every step, and the levels of
    those that hold in the limit.
    """
    chosen = _sweep(results.rows, None, DESIGN)
    chosen = chosen[~chosen[tables.THEOREM].isin(NO_RUNGS) & np.isfinite(chosen[tables.MAXIMUM])]
    finite = np.isfinite(chosen[tables.STEPS])
    along, limit = chosen[finite], chosen[~finite]
    figure = Figure(figsize=(8.6, 5.2), layout="constrained")
    axis = figure.subplots()
    measured = (
        along[along[tables.THEOREM] == theorems.anytime.name]
        .groupby(tables.STEPS)[tables.MEASURED]
        .quantile(QUARTILES)
        .unstack()
    )
    axis.plot(measured.index, measured[0.5], color="black", lw=3, label="measured")
    axis.fill_between(
        measured.index, measured[0.25], measured[0.75], color="black", alpha=0.15, lw=0
    )
    axis.axhline(
        limit[limit[tables.THEOREM] == theorems.free.name][tables.MEASURED].median(),
        color="black",
        ls=":",
        label=MEASURED_LIMIT,
    )
    names = list(along[tables.THEOREM].unique()) + list(limit[tables.THEOREM].unique())
    for name in names:
        rows = along[along[tables.THEOREM] == name]
        if len(rows):
            middle = rows.groupby(tables.STEPS)[tables.BOUND].median()
            axis.plot(middle.index, middle, ms=4, lw=1.2, label=name, **look(name))
        else:
            level = limit[limit[tables.THEOREM] == name][tables.BOUND].median()
            axis.axhline(level, ls=":", lw=1.2, label=f"{name} (limit)", **look(name))
    axis.axhline(2, color=TRIVIAL, ls="--", lw=1, label="trivial maximum 2")
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="number of gradient steps t",
        ylabel="mean distance of unit directions (0 to 2)",
    )
    fixed = _at(chosen, DESIGN)
    axis.set_title(
        f"Leave-one-out instability along gradient descent\n({fixed}; median over families, band:"
        " quartiles)",
        fontsize="medium",
    )
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def direction_error(results: Results) -> Figure:
    """How far the heads are from their separators along t, with the published rate fitted on early
    steps.
    """
    rows = results.rows[results.rows[tables.THEOREM] == theorems.first_term.name]
    certified = results.rows[results.rows[tables.QUANTITY] == ERROR]
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    axis = figure.subplots()
    direction, first = theorems.direction.name, theorems.first_term.name
    for table, column, label, style in (
        (certified, tables.MEASURED, "measured, head on S", {"color": "black"}),
        (certified, tables.BOUND, f"{direction} certificate", look(direction)),
        (rows, tables.MEASURED, r"measured, $S$ plus mean over $S^i$", {"color": "dimgrey"}),
        (rows, tables.BOUND, f"{first}: C ln ln t/ln t, C fitted on early steps", look(first)),
    ):
        if len(table):
            middle = table.groupby(tables.STEPS)[column].quantile(QUARTILES).unstack()
            axis.plot(middle.index, middle[0.5], ms=4, lw=1.5, label=label, **style)
            low, high = middle[0.25], middle[0.75]
            axis.fill_between(middle.index, low, high, color=style["color"], alpha=0.12, lw=0)
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="number of gradient steps t",
        ylabel="distance of unit directions (0 to 2)",
    )
    axis.set_title(
        "Distance of the heads\nfrom the maximum-margin directions\n(median over all data sets,"
        " band: quartiles)",
        fontsize="medium",
    )
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def asymptotics(results: Results) -> Figure:
    """Where the asymptotic expansion is good: measured against predicted along t, and the share of
    data sets past their onset.
    """
    environments = results.environments
    reached = _reached(results)
    rows = results.rows[
        (results.rows[tables.QUANTITY] == ERROR)
        & results.rows[tables.MEMBER].isin(reached[tables.MEMBER])
    ]
    joined = rows.merge(
        reached[[tables.MEMBER, columns.ASYMPTOTIC_RATE, columns.ASYMPTOTIC_SHIFT]],
        on=tables.MEMBER,
    )
    joined = joined[joined[tables.STEPS] >= 10]
    along = np.log(joined[tables.STEPS]) + joined[columns.ASYMPTOTIC_SHIFT]
    predicted = joined.assign(predicted=direction_distance(joined[columns.ASYMPTOTIC_RATE], along))
    figure = Figure(figsize=(10.4, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    for column, label, colour, style in (
        (tables.MEASURED, tables.MEASURED, "black", "-"),
        ("predicted", r"predicted: $w_S\,\ln t + \tilde w$", PALETTE[0], "--"),
    ):
        middle = predicted.groupby(tables.STEPS)[column].quantile(QUARTILES).unstack()
        left.plot(middle.index, middle[0.5], style, color=colour, lw=2, label=label)
        left.fill_between(middle.index, middle[0.25], middle[0.75], color=colour, alpha=0.12, lw=0)
    left.set(
        xscale="log",
        yscale="log",
        xlabel="number of gradient steps t",
        ylabel="direction error of the head on S (0 to 2)",
    )
    left.set_title(
        f"{len(reached)} data sets whose onset the run reaches\n(median, band: quartiles)",
        fontsize="medium",
    )
    left.legend(frameon=False)
    onset = np.sort(environments[columns.ASYMPTOTIC_ONSET].to_numpy())
    right.step(
        onset, np.arange(1, len(onset) + 1) / len(onset), where="post", color=PALETTE[1], lw=2
    )
    right.axvline(
        np.log10(rows[tables.STEPS].max()), color="black", ls=":", label="end of the runs"
    )
    right.set(
        xscale="log",
        xlabel=r"$\log_{10}t$ at the onset",
        ylabel="share of the data sets",
        ylim=(0, 1),
    )
    spanning = float(np.isfinite(onset).mean())
    right.axhline(spanning, color=TRIVIAL, ls="--", label="support vectors span the samples")
    right.set_title("Share of all data sets whose asymptotics have begun by t", fontsize="medium")
    right.legend(frameon=False, loc="lower right")
    return figure


def has_asymptotics(results: Results) -> bool:
    """Whether the runs of some data sets go beyond the onset of their asymptotics."""
    return bool(len(_reached(results)))


def _reached(results: Results) -> pd.DataFrame:
    last = (
        results.rows[np.isfinite(results.rows[tables.STEPS])]
        .groupby(tables.MEMBER)[tables.STEPS]
        .max()
    )
    onset = results.environments.set_index(tables.MEMBER)[columns.ASYMPTOTIC_ONSET]
    return results.environments[(onset <= np.log10(last.reindex(onset.index))).to_numpy()]


def has_tightness(results: Results) -> bool:
    """Whether some bound of a study has a tightness and a trivial maximum."""
    rows = results.rows
    return bool(len(rows)) and bool(
        ((rows[tables.BOUND] > 0) & np.isfinite(rows[tables.MAXIMUM])).any()
    )


def tightness_by_family(results: Results) -> Figure:
    """Median of measured/bound by family and theorem, at the last step."""
    last = judged_rows(results.rows, "last")
    last = last[(last[tables.BOUND] > 0) & np.isfinite(last[tables.MAXIMUM])]
    table = last.assign(ratio=tightness(last)).pivot_table(
        index=columns.FAMILY, columns=tables.THEOREM, values="ratio", aggfunc="median", sort=False
    )
    figure = Figure(
        figsize=(0.5 * len(table.columns) + 3, 0.36 * len(table) + 2.2), layout="constrained"
    )
    axis = figure.subplots()
    logarithms = np.log10(table.clip(lower=1e-12)).to_numpy()
    cells = axis.pcolormesh(np.ma.masked_invalid(logarithms), cmap="viridis", vmin=-3, vmax=0)
    bar = figure.colorbar(cells, ax=axis, label=r"$\log_{10}$(measured/bound); 0: attained")
    bar.outline.set_linewidth(0)
    axis.invert_yaxis()
    axis.spines[:].set_visible(False)
    for line, logarithm in enumerate(logarithms):
        for place in np.flatnonzero(np.isfinite(logarithm)):
            # the scale is light from where white words on it are hard to read
            axis.text(
                place + 0.5,
                line + 0.5,
                f"{table.iat[line, place]:.2g}",
                color=".15" if logarithm[place] > LIGHT else "white",
                size=8,
                ha="center",
                va="center",
            )
    axis.set(
        xlabel="theorem",
        ylabel="family",
        title="Tightness: median of measured/bound over the data sets of a family",
    )
    axis.set_xticks(np.arange(len(table.columns)) + 0.5, table.columns, rotation=40, ha="right")
    axis.set_yticks(np.arange(len(table)) + 0.5, [tables.level(family) for family in table.index])
    return figure


def varies(results: Results, factor: str) -> bool:
    """Whether some data sets of a study differ in that factor only, so that `ladder` has something
    to show.
    """
    return bool(_sweep(results.rows, factor, _others(factor))[factor].nunique() > 1)


def _others(factor: str) -> list[str]:
    return [name for name in DESIGN if name != factor]


def _at(rows: pd.DataFrame, factors: Sequence[str]) -> str:
    """The levels of the factors that are alike in all rows, in words."""
    return ", ".join(f"{tables.symbol(name)} = {rows[name].iloc[0]:g}" for name in factors)


def _sweep(rows: pd.DataFrame, factor: str | None, fixed: Sequence[str]) -> pd.DataFrame:
    """The rows of one combination of the fixed factors, and of the families that take the same
    values of the factor there.

    The combination is the one with most values of the factor times families: medians then compare
    like with like.
    """
    designs = rows[list(dict.fromkeys([*fixed, factor or columns.FAMILY, columns.FAMILY]))]
    best, richness = None, 0
    for levels, group in designs.drop_duplicates().groupby(list(fixed)):
        families = set(group[columns.FAMILY])
        score = len(families)
        if factor is not None:
            values = group.groupby(columns.FAMILY)[factor].agg(lambda column: tuple(sorted(column)))
            pattern = max(
                set(values), key=lambda taken: (len(taken) * int((values == taken).sum()), taken)
            )
            families = set(values.index[values == pattern])
            score = len(pattern) * len(families) if len(pattern) > 1 else 1
        if score > richness:
            best, richness = (levels, families), score
    if best is None:
        return rows
    levels, families = best
    alike = (rows[list(fixed)].to_numpy() == levels).all(axis=1)
    return rows[alike & rows[columns.FAMILY].isin(families)]
