"""Figures of a study of predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.looks import PALETTE
from tunebound.theory.predictions.design import Design, Prediction
from tunebound.theory.predictions.findings import Finding, judge, registered
from tunebound.theory.predictions.slopes import sweeps

GOOD, BAD, OPEN = PALETTE[2], PALETTE[3], "0.45"
COLOURS = {"confirmed": GOOD, "refuted": BAD}
MARKERS = "D^sv"  # of those who predict an exponent, in the order in which they occur
ACROSS = 4
MOST_TICKS = 5
DIGITS = range(3, 9)  # significant ones on an axis; more where numbers look alike


def tested(results: Results) -> list[Finding]:
    """The findings that rest on a draw."""
    return [finding for finding in judge(results) if finding.draws]


def slopes_of_all(results: Results) -> Figure:
    """One line a prediction: the slope of each draw, the median with its interval, and the
    predicted exponents.
    """
    known, findings = registered(), tested(results)
    figure = Figure(figsize=(11, 0.34 * len(findings) + 1.4), layout="constrained")
    marks: dict[str, str] = {}
    axis = figure.subplots()
    for place, finding in enumerate(findings):
        design, prediction = known[finding.prediction]
        each = sweeps(results.environments, design, prediction).slopes().dropna()
        spread = np.linspace(-0.25, 0.25, len(each)) if len(each) > 1 else np.zeros(1)
        axis.plot(each, place + spread, ".", color="0.75", ms=3, zorder=1)
        colour = COLOURS.get(finding.status, OPEN)
        ends = (finding.low, finding.high)
        if np.isfinite(ends).all():
            axis.plot(ends, (place, place), color=colour, lw=3, solid_capstyle="butt", zorder=2)
        axis.plot(finding.slope, place, "o", color=colour, ms=5, zorder=3)
        for who, predicted in prediction.exponents.items():
            mark = marks.setdefault(who, MARKERS[len(marks) % len(MARKERS)])
            axis.plot(predicted, place, mark, mfc="none", mec="black", ms=7, label=who, zorder=3)
    axis.axvline(0, color="black", lw=1)
    axis.set_yticks(
        range(len(findings)),
        [
            f"{finding.prediction}  ({_printed(known[finding.prediction][0])})"
            for finding in findings
        ],
    )
    axis.invert_yaxis()
    axis.set_xlabel("slope of ln(what is measured) in ln(factor)")
    axis.set_ylabel("prediction, and its factor")
    axis.grid(axis="x", color="0.9")
    handles = dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    if handles:
        figure.legend(
            handles.values(), handles.keys(), title="predicted", loc="outside right upper"
        )
    return figure


def along_the_factors(results: Results) -> Figure:
    """One panel a prediction: every draw along the factor, relative to its own geometric mean, and
    the predicted exponents.
    """
    known, findings = registered(), tested(results)
    lines = -(-len(findings) // ACROSS)
    figure = Figure(figsize=(3.6 * ACROSS, 2.7 * lines + 0.4), layout="constrained")
    axes = figure.subplots(lines, ACROSS, squeeze=False)
    for axis, finding in zip(axes.flat, findings, strict=False):
        _panel(axis, results.environments, *known[finding.prediction])
    for axis in axes.flat[len(findings) :]:
        axis.set_axis_off()
    figure.supylabel("what is measured, relative to the draw's geometric mean")
    return figure


def _printed(design: Design) -> str:
    return design.axis.replace("w_0", "w₀")


def _told_apart(values: tuple[float, ...], digits: int) -> bool:
    return len({f"{value:.{digits}g}" for value in values}) == len(values)


def _panel(axis: Axes, environments: pd.DataFrame, design: Design, prediction: Prediction) -> None:
    found = sweeps(environments, design, prediction)
    x = found.coordinates
    logs = np.log(np.where(found.used, found.values, np.nan))[found.used.any(axis=1)]
    relative = np.exp(logs - np.nanmean(logs, axis=1, keepdims=True))
    axis.plot(x, relative.T, color="0.7", lw=0.6)
    centred = np.log(x) - np.log(x).mean()
    styles = zip(("--", ":"), prediction.exponents.items(), strict=False)
    for style, (who, predicted) in styles:
        axis.plot(x, np.exp(predicted * centred), style, color="black", lw=1.2, label=who)
    axis.set(xscale="log", yscale="log", xlabel=_printed(design))
    axis.set_title(prediction.name, fontsize="small")
    # powers of ten are too far apart for most panels
    shown = x if len(x) <= MOST_TICKS else x[::2]
    axis.set_xticks(shown, [f"{each:.3g}" for each in shown])
    ends = (axis.dataLim.y0, 1.0, axis.dataLim.y1)
    digits = next((few for few in DIGITS if _told_apart(ends, few)), DIGITS[-1])
    axis.set_yticks(ends, [f"{each:.{digits}g}" for each in ends])
    axis.minorticks_off()
    if prediction.exponents:
        axis.legend(fontsize=7)
