"""Colours, and the look of a theorem, alike in every figure and chart."""

from __future__ import annotations

from typing import TypedDict

import matplotlib
import numpy as np

from tunebound.theory.engine.statement import find_theorem, theorems

# seaborn's "colorblind", written out: half a second is too long to wait for ten colours
PALETTE = (
    "#0173b2",
    "#de8f05",
    "#029e73",
    "#d55e00",
    "#cc78bc",
    "#ca9161",
    "#fbafe4",
    "#949494",
    "#ece133",
    "#56b4e9",
)
TRIVIAL = PALETTE[3]  # of the largest value that can be; no theorem has it
COLOURS = [colour for colour in PALETTE if colour != TRIVIAL]
# by what Vega calls them; as many as share no divisor with the colours, so that pairs repeat last
MARKERS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    ">": "triangle-right",
    "<": "triangle-left",
}


Colour = tuple[float, float, float]


class Look(TypedDict):
    """What a line or point of a theorem is drawn with."""

    color: str
    marker: str


def look(name: str) -> Look:
    """The look of a theorem, unlike that of any other of its setting."""
    index = list(theorems(find_theorem(name).setting)).index(name)
    markers = list(MARKERS)
    return {"color": COLOURS[index % len(COLOURS)], "marker": markers[index % len(markers)]}


def graded(number: int) -> list[Colour]:
    """So many colours of one scale, dark to light, without its ends."""
    places = np.linspace(0, 1, number + 2)[1:-1]
    return [tuple(colour) for colour in matplotlib.colormaps["viridis"](places)[:, :3].tolist()]
