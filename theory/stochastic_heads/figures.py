"""Figures of a study of heads on mini-batches."""

from __future__ import annotations

from matplotlib.figure import Figure

from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import PALETTE
from tunebound.theory.stochastic_heads import columns, evidence


def has_means(results: Results) -> bool:
    """Whether a study has what `along_steps` shows."""
    return bool(len(results.rows)) and bool((results.rows[tables.QUANTITY] == evidence.MEAN).any())


def along_steps(results: Results) -> Figure:
    """Mean instability over the bound of gradient descent along the steps, one line a task, one
    panel an optimiser.
    """
    rows = results.rows[results.rows[tables.QUANTITY] == evidence.MEAN]
    names = list(rows[columns.OPTIMISER].unique())
    figure = Figure(figsize=(3.2 * len(names) + 0.6, 3.6), layout="constrained")
    axes = figure.subplots(1, len(names), squeeze=False, sharex=True, sharey=True)[0]
    for axis, name in zip(axes, names, strict=True):
        part = rows[rows[columns.OPTIMISER] == name]
        for _, task in part.groupby(tables.MEMBER):
            axis.loglog(
                task[tables.STEPS],
                task[tables.MEASURED] / task[tables.BOUND],
                color=PALETTE[0 if task[columns.ORDER].iloc[0] == "full" else 1],
                lw=0.8,
                alpha=0.6,
            )
        axis.axhline(1, color="black", lw=1)
        axis.set(title=name, xlabel="number of steps t")
    axes[0].set_ylabel("mean instability / C(ρ)B/(γn)")
    axes[0].plot([], [], color=PALETTE[0], label="all samples in a step")
    axes[0].plot([], [], color=PALETTE[1], label="mini-batches")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure
