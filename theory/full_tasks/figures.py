"""Figures of a study of fully fine-tuned tasks."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from tunebound.theory.engine.computing import Results
from tunebound.theory.full_tasks.claims import READABLE, at_chosen, findings
from tunebound.theory.full_tasks.measures import LEFT_OUT, OUTCOMES, SCORES, SEEDS, Runs
from tunebound.theory.full_tasks.variants import LADDER

DRAWN = (SEEDS, SCORES, LEFT_OUT)
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def against_plain(results: Results) -> Figure:
    """Factor of every method against plain fine-tuning, one point a task, and the mean with its
    interval over tasks.
    """
    runs = Runs.of(results.environments)
    chosen = {method: found for method in LADDER if (found := at_chosen(runs, method))}
    methods, judged = list(chosen)[::-1], findings(results.environments)
    tasks = runs.tasks
    colours = dict(zip(tasks, sns.color_palette("husl", len(tasks)), strict=True))
    figure = Figure(figsize=(12.5, 0.5 * len(methods) + 1.6), layout="constrained")
    axes = figure.subplots(1, len(DRAWN), sharey=True)
    for axis, outcome in zip(axes, DRAWN, strict=True):
        for place, method in enumerate(methods):
            for task, (_, comparison) in chosen[method].items():
                ratio = np.exp(comparison.measured(outcome).log_ratio_of_all(outcome))
                axis.plot(ratio, place - 0.15, "o", ms=4, alpha=0.8, color=colours[task])
            for each in judged:
                if (each.method, each.outcome) == (method, outcome):
                    axis.plot([each.low, each.high], [place + 0.15] * 2, color="0.3", lw=2)
                    axis.plot(each.factor, place + 0.15, "D", ms=5, color="0.3")
        axis.axvline(1, color="black", lw=1)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(FixedLocator(TICKS))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        axis.set_ylim(-0.6, len(methods) - 0.4)
        axis.set_title(OUTCOMES[outcome], fontsize="small")
        axis.set_xlabel("factor against plain fine-tuning")
    axes[0].set_yticks(range(len(methods)), [READABLE[method] for method in methods])
    for task, colour in colours.items():
        axes[-1].plot([], [], "o", ms=4, color=colour, label=task)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def is_compared(results: Results) -> bool:
    """Whether a remedy stands beside plain fine-tuning at a chosen strength."""
    runs = Runs.of(results.environments)
    return any(at_chosen(runs, method) for method in LADDER)
