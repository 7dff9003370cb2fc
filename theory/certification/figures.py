"""The figures of a certificate.

Colours are of the palette of Okabe and Ito, told apart without colour by line and filling too;
everything else is drawn in the reader's own ink.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tunebound.theory.certification.certificate import Certificate, Predictions
from tunebound.theory.certification.rounding import counted, number, percent
from tunebound.theory.certification.wording import upper_bounds
from tunebound.theory.engine.html import INK, PAPER

BLUE, ORANGE = "#0072b2", "#d55e00"
BINS = 24
POINTS = 400  # of a line; more are not seen


@dataclass(frozen=True)
class Drawing:
    """A figure, its heading, and in words what is seen on it."""

    name: str
    title: str
    figure: Figure
    said: str


def drawings(certificate: Certificate) -> list[Drawing]:
    """All that a certificate can be shown by."""
    shown = [movement(certificate)] if certificate.pivotal.size else []
    if certificate.predictions is not None:
        shown.extend([certain(certificate.predictions), reach(certificate.predictions)])
    return shown


def movement(certificate: Certificate) -> Drawing:
    """How far the samples that can move the head do so."""
    movers = certificate.pivotal
    certified, exact = certificate.per_sample[movers], certificate.exact[movers]
    figure, axis = _drawn()
    if not np.isnan(exact).any():
        others, label = exact, "computed without the sample"
    elif certificate.measured is not None:
        others, label = certificate.measured.distance[-1][movers], "measured: trained without it"
    else:
        others, label = exact[~np.isnan(exact)], "computed without the sample"
    largest = max(float(values.max()) for values in (certified, others) if values.size)
    edges = np.linspace(0.0, largest or 1.0, BINS + 1).tolist()
    axis.hist(certified, edges, color=BLUE, alpha=0.55, label="certified: at most")
    if others.size:
        axis.hist(others, edges, histtype="step", color=ORANGE, lw=2, ls="--", label=label)
        axis.legend(frameon=False, labelcolor=INK)
    axis.set(
        xlabel="change of the head's direction\nwhen the sample is left out",
        ylabel="number of training samples",
    )
    top = number(float(upper_bounds(certificate)[movers].max()), "up")
    half = number(float(np.median(upper_bounds(certificate)[movers])), "up")
    return Drawing(
        "movement",
        "How far single samples move the head",
        figure,
        f"{counted(movers.size, 'sample')} of {certificate.n:,} can move the head; half of them"
        f" change it by at most {half}, and none by more than {top}.{_others(certificate)}",
    )


def _others(certificate: Certificate) -> str:
    others = np.delete(upper_bounds(certificate), certificate.pivotal)
    if others.size == 0:
        return ""
    largest = float(others.max())
    by = "" if largest == 0 else f" by more than {number(largest, 'up', 2)}"
    return f" No other sample can change it{by}."


def certain(predictions: Predictions) -> Drawing:
    """By how many samples predictions can be changed."""
    m = predictions.fixed.size
    flippers = np.sort(predictions.flippers)
    most = max(int(flippers[-1]), 1)
    counts = _thinned(most + 1)
    shares = 100.0 * np.searchsorted(flippers, counts, side="right") / m
    figure, axis = _drawn()
    axis.step(counts, shares, where="post", color=BLUE, lw=2)
    axis.fill_between(counts, shares, step="post", color=BLUE, alpha=0.25)
    axis.set(
        xlabel="number of training samples",
        ylabel="% of test predictions that at most\nso many samples can change",
        ylim=(0, 102),
        xlim=(0, most),
    )
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return Drawing(
        "certain",
        "How many samples can change a prediction",
        figure,
        f"{int(predictions.fixed.sum()):,} of {m:,} test predictions cannot be changed by leaving"
        f" out any one sample; the least certain one can be changed by at most"
        f" {int(flippers[-1]):,} of {predictions.reach.size:,} samples, each alone.",
    )


def reach(predictions: Predictions) -> Drawing:
    """How many predictions each sample can change."""
    m, worst = predictions.fixed.size, int(predictions.reach.max())
    order = np.argsort(-predictions.reach, kind="stable")
    able = int((predictions.reach > 0).sum())
    ranks = _thinned(max(able, 1))
    figure, axis = _drawn()
    axis.step(
        ranks + 1,
        predictions.reach[order][ranks],
        where="mid",
        color=BLUE,
        lw=2,
        label="can change, at most",
    )
    flips = predictions.flips[order][ranks]
    shown = flips >= 0
    if shown.any():
        axis.plot(
            ranks[shown] + 1, flips[shown], "o", ms=4, color=ORANGE, label="does change, computed"
        )
        axis.legend(frameon=False, labelcolor=INK)
    axis.set(
        xlabel="training samples, the most influential first",
        ylabel="number of test predictions",
        ylim=(0, max(worst, 1) * 1.05),
    )
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    verb = "sample" if able == 1 else "samples"
    return Drawing(
        "reach",
        "How many predictions a sample can change",
        figure,
        f"{able:,} {verb} can change a test prediction when left out alone; the one that matters"
        f" most can change at most {worst:,} of {m:,} ({percent(worst, m, 'up')}).",
    )


def _drawn() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.0, 3.3), layout="constrained", facecolor=PAPER)
    axis = figure.subplots()
    axis.set_facecolor(PAPER)
    axis.tick_params(colors=INK)
    axis.xaxis.label.set_color(INK)
    axis.yaxis.label.set_color(INK)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(INK)
    axis.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure, axis


def _thinned(size: int) -> NDArray[np.intp]:
    """Positions 0 to size - 1, at most `POINTS` of them."""
    return np.unique(np.linspace(0, size - 1, min(size, POINTS)).round().astype(np.intp))
