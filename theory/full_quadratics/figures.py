"""Figures of a study of full tuning on problems with known constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from tunebound.bounds import full
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import graded, look
from tunebound.theory.full_quadratics import columns, theorems

# what is compared along a factor; dashed what was published or holds for every step
COMPARED = {
    theorems.published.name: "--",
    theorems.closed.name: "--",
    theorems.steps.name: "-",
    theorems.data.name: "-",
    theorems.contraction.name: "-",
    theorems.trajectory.name: "-",
    theorems.worst_case.name: "-",
}
LABELS = {
    theorems.worst_case.name: f"{theorems.worst_case.name} (exact worst case)",
    theorems.published.name: f"{theorems.published.name} (published)",
}
FACTORS = {
    "n": "number of samples n",
    "kappa": "condition κ = μ/β",
    "distance": r"distance $\Vert w_0 - w^*\Vert$",
}
AT_STEP = 5
BASE = {"kind": "quadratic", "interpolates": True, "rotated": False}
DISTANCE = r"distance of parameters $\Vert w_S(T) - w_{S^i}(T)\Vert$"


def _lines(axis: Axes, rows: pd.DataFrame, factor: str) -> None:
    measured = (
        rows[rows[tables.THEOREM] == theorems.trajectory.name]
        .groupby(factor)[tables.MEASURED]
        .median()
    )
    axis.plot(measured.index, measured, color="black", lw=3, label="measured, mean over samples")
    for name, style in COMPARED.items():
        middle = rows[rows[tables.THEOREM] == name].groupby(factor)[tables.BOUND].median()
        if len(middle):
            label = LABELS.get(name, name)
            axis.plot(middle.index, middle, ms=6, lw=1.3, ls=style, label=label, **look(name))
    axis.set(xscale="log", yscale="log", ylabel=DISTANCE)


def _base(results: Results, **fixed: float) -> pd.DataFrame:
    rows = results.rows
    for name, value in (BASE | fixed).items():
        rows = rows[rows[name] == value]
    return rows


def _central(results: Results) -> dict[str, float]:
    """The n, κ, distance and d in the middle of the sweeps: the values that most problems of the
    design share.
    """
    rows = results.environments
    for name, value in BASE.items():
        rows = rows[rows[name] == value]
    d, distance = rows[columns.D].mode().iloc[0], rows[columns.DISTANCE].mode().iloc[0]
    n = rows[rows[columns.D] == d][columns.N].mode().iloc[0]
    kappas = np.sort(rows[columns.KAPPA].unique())
    return {
        "n": n,
        "d": d,
        "distance": distance,
        "kappa": kappas[np.abs(np.log(kappas / 0.1)).argmin()],
    }


def varies(results: Results, factor: str) -> bool:
    """Whether the study has problems that differ in the factor only."""
    fixed = {name: value for name, value in _central(results).items() if name != factor}
    return bool(_base(results, **fixed)[factor].nunique() > 1)


def against(results: Results, factor: str) -> Figure:
    """Measured value, exact worst case and every bound after five steps, against one factor;
    medians over spectra.
    """
    fixed = {name: value for name, value in _central(results).items() if name != factor}
    rows = _base(results, **fixed)
    rows = rows[rows[tables.STEPS] == AT_STEP]
    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    axis = figure.subplots()
    _lines(axis, rows, factor)
    axis.set_xlabel(FACTORS[factor])
    ticks = np.sort(rows[factor].unique())
    axis.set_xticks([tick for k, tick in enumerate(ticks) if k == 0 or tick > 1.2 * ticks[k - 1]])
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_formatter(NullFormatter())
    about = ", ".join(f"{tables.symbol(name)} = {value:g}" for name, value in fixed.items())
    axis.set_title(
        f"Full tuning after T = {AT_STEP} steps against {FACTORS[factor]}\n({about},"
        " step 1/β; median over spectra)",
        fontsize="medium",
    )
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def along_steps(results: Results) -> Figure:
    """Measured value, exact worst case and every bound along T."""
    fixed = _central(results)
    figure = Figure(figsize=(8.4, 4.8), layout="constrained")
    axis = figure.subplots()
    rows = _base(results, **fixed)
    _lines(axis, rows, "steps")
    positive = rows[
        (rows[tables.THEOREM] == theorems.trajectory.name) & (rows[tables.MEASURED] > 0)
    ][tables.MEASURED]
    axis.set_ylim(bottom=max(positive.min(), positive.max() * 1e-6))
    about = ", ".join(f"{tables.symbol(name)} = {value:g}" for name, value in fixed.items())
    axis.set_xlabel("number of gradient steps T")
    axis.set_title(
        f"Full tuning along the steps\n({about}, step 1/β;\nmedian over spectra)",
        fontsize="medium",
    )
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def slack(results: Results) -> Figure:
    """How far the bounds that hold for every T lie above the worst case over T, against κ and n."""
    environments = results.environments[results.environments[columns.INTERPOLATES]]
    kappas = np.sort(environments[columns.KAPPA].unique())
    sizes = np.sort(environments[columns.N].unique())
    weights = str(environments[columns.WEIGHTING].iloc[0])
    steps = np.unique(np.round(np.geomspace(1, 10_000, 200)))
    figure = Figure(figsize=(9.4, 4.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    colours = graded(len(sizes))
    solved = results.rows[results.rows[tables.THEOREM] == theorems.worst_case.name]
    for axis, name in zip(axes, (theorems.published.name, theorems.closed.name), strict=True):
        for n, colour in zip(sizes, colours, strict=True):
            size: dict[str, Any] = {"n": int(n), "mu": kappas, "beta": 1.0, "distance": 1.0}
            top = (
                full.published(**size, lipschitz=1.0)
                if name == theorems.published.name
                else full.closed(**size, lipschitz=1.0, weighting=weights)
            )
            table = full.worst_quadratic(
                **{**size, "mu": kappas[:, None]}, steps=steps, weighting=weights
            )
            axis.loglog(
                kappas,
                np.asarray(top) / np.asarray(table).max(axis=1),
                "-",
                color=colour,
                label=f"n = {n}",
            )
            exact = (
                solved[(solved[columns.N] == n) & (solved[columns.DISTANCE] == 1)]
                .groupby([columns.KAPPA, tables.STEPS])[tables.BOUND]
                .max()
                .unstack()
            )
            # else the largest value may lie beyond the solved T
            inside = exact[exact.idxmax(axis=1) < exact.columns.max()]
            if len(inside):
                reached = np.interp(inside.index, kappas, np.asarray(top))
                axis.loglog(inside.index, reached / inside.max(axis=1), "*", color=colour, ms=9)
        axis.axhline(1, color="black", lw=1)
        axis.set(xlabel="condition κ = μ/β", title=f"{name} / worst case over T")
    axes[0].set_ylabel("slack (1: attained; below 1: violated)")
    axes[0].plot([], [], "*", color="grey", ms=9, label="semidefinite program")
    axes[0].plot([], [], "-", color="grey", label="one-dimensional quadratics")
    figure.suptitle(
        f"Slack of the bounds that hold for every T ({weights} weights)", fontsize="large"
    )
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure
