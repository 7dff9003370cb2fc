"""Axes of factors, and names for readers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
from numpy.typing import ArrayLike, NDArray

from tunebound.theory.engine.ticks import round_ticks
from tunebound.theory.remedies.variants import split

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
    scale.set_major_locator(FixedLocator(round_ticks(low, high)))
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
    scale.set_minor_formatter(NullFormatter())
