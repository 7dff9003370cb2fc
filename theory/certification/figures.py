"""The two figures of a certificate.

Colours are of the palette of Okabe and Ito, told apart without colour by line and filling too;
everything else is drawn in the reader's own ink.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tunebound._ground.arrays import Floats
from tunebound.theory.certification.certificate import Certificate, Predictions
from tunebound.theory.certification.rounding import counted, number, percent
from tunebound.theory.certification.wording import upper_bounds
from tunebound.theory.engine.html import INK, PAPER

BLUE, ORANGE = "#0072b2", "#d55e00"
BINS = 24
POINTS = 400  # of a line; more are not seen
ALL_BUT_NONE = 1e-12  # below this nothing moved


def movement(certificate: Certificate) -> tuple[Figure, str]:
    """How far the samples that can move the head do so, and the same in words."""
    movers = certificate.pivotal
    certified = certificate.per_sample[movers]
    exact = certificate.exact[movers]
    seen: list[tuple[str, Floats]] = [("certified: at most", certified)]
    if not np.isnan(exact).any():
        seen.append(("computed without the sample", exact))
    elif certificate.measured is not None:
        last = certificate.measured.distance[-1][movers]
        seen.append(("measured: heads trained without it", last))
    figure, axis = _drawn(1, 1)
    axis = axis[0]
    largest = max((float(values.max()) for _, values in seen if values.size), default=1.0)
    edges = np.linspace(0.0, max(largest, ALL_BUT_NONE), BINS + 1)
    axis.hist(certified, edges, color=BLUE, alpha=0.55, label=seen[0][0])
    for label, values in seen[1:]:
        axis.hist(
            values, edges, histtype="step", color=ORANGE, lw=2, ls="--", label=label
        )
    axis.set(
        xlabel="change of the head's direction when the sample is left out",
        ylabel="number of training samples",
    )
    _legend(axis)
    still = certificate.n - movers.size
    said = (
        f"Histogram over {counted(movers.size, 'sample')} that can move the head;"
        f" the other {still:,} cannot."
    )
    if movers.size:
        half = number(float(np.median(certified)), "up")
        top = number(float(upper_bounds(certificate)[movers].max()), "up")
        said += f" Half of them change it by at most {half}, and none by more than {top}."
    return figure, said


def churn(predictions: Predictions) -> tuple[Figure, str]:
    """How many samples can change a prediction, and how many predictions a sample can change."""
    figure, (left, right) = _drawn(1, 2)
    m, n = predictions.fixed.size, predictions.reach.size
    flippers = np.sort(predictions.flippers)
    most = max(int(flippers[-1]), 1)
    counts = _thinned(most + 1)
    shares = 100.0 * np.searchsorted(flippers, counts, side="right") / m
    left.step(counts, shares, where="post", color=BLUE, lw=2)
    left.fill_between(counts, shares, step="post", color=BLUE, alpha=0.25)
    left.set(
        xlabel="number of training samples",
        ylabel="% of test predictions that at most\nso many samples can change",
        ylim=(0, 102),
        xlim=(0, most),
    )
    order = np.argsort(-predictions.reach, kind="stable")
    able = max(int((predictions.reach > 0).sum()), 1)
    ranks = _thinned(able)
    right.step(
        ranks + 1,
        predictions.reach[order][ranks],
        where="mid",
        color=BLUE,
        lw=2,
        label="can change, at most",
    )
    flips = predictions.flips[order][ranks]
    if (flips >= 0).any():
        shown = flips >= 0
        right.plot(
            ranks[shown] + 1, flips[shown], "o", ms=4, color=ORANGE, label="does change, computed"
        )
    right.set(
        xlabel="training samples, the most influential first",
        ylabel="test predictions",
        ylim=(0, None),
    )
    _legend(right)
    fixed = int(predictions.fixed.sum())
    worst = int(predictions.reach.max())
    said = (
        f"Left: {fixed:,} of {m:,} test predictions cannot be changed by any single sample; the"
        f" least certain can be changed by at most {int(flippers[-1]):,} of {n:,}."
        f" Right: the sample that matters most can change at most {worst:,}"
        f" ({percent(worst, m, 'up')}) of them."
    )
    return figure, said


def _drawn(rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(4.2 * columns + 1.2, 3.2), layout="constrained", facecolor=PAPER)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_facecolor(PAPER)
        axis.tick_params(colors=INK)
        axis.xaxis.label.set_color(INK)
        axis.yaxis.label.set_color(INK)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color(INK)
        axis.locator_params(integer=False, nbins=6)
    return figure, axes


def _legend(axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    if len(handles) > 1:
        axis.legend(frameon=False, labelcolor=INK)


def _thinned(size: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Positions 0 to size - 1, at most `POINTS` of them."""
    return np.unique(np.linspace(0, size - 1, min(size, POINTS)).round().astype(np.intp))
