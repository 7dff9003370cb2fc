"""Axes of factors, and names for readers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
from numpy.typing import ArrayLike, NDArray

from tunebound.theory.remedies.variants import split

# Ticks within a decade; the finest that leaves no more than MOST_TICKS is taken.
TICKS = (
    *(tuple(np.arange(100, 1000, step) / 100) for step in (1, 2, 5, 10)),
    (1, 1.2, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1, 3),
    (1,),
)
MOST_TICKS = 6
WIDEST = 1e3  # factors beyond it, infinite ones among them, are drawn at the edge


def readable(method: str) -> str:
    """A method's name for a reader, with its strength where that was set."""
    name, strength = split(method)
    return name.replace("_", " ") + ("" if strength is None else f", {strength:g}")


def drawable(factors: ArrayLike) -> NDArray[np.float64]:
    """Factors as they are drawn: those beyond 1000, infinite ones among them, at the edge."""
    return np.clip(np.asarray(factors, dtype=float), 1 / WIDEST, WIDEST)


def factor_axis(axis: Axes, which: str) -> None:
    """A logarithmic axis of factors with as many round ticks as its range can hold; call it after
    the data are drawn.
    """
    (axis.set_xscale if which == "x" else axis.set_yscale)("log")
    scale = axis.xaxis if which == "x" else axis.yaxis
    low, high = scale.get_view_interval()
    for ticks in TICKS:
        within = [
            10.0**decade * tick
            for decade in range(-4, 5)
            for tick in ticks
            if low <= 10.0**decade * tick <= high
        ]
        if len(within) <= MOST_TICKS:
            break
    scale.set_major_locator(FixedLocator(within))
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
    scale.set_minor_formatter(NullFormatter())
