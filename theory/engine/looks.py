"""Colour and marker of a theorem, alike in every figure and chart."""

from __future__ import annotations

from typing import TypedDict

import seaborn as sns

from tunebound.theory.engine.statement import find_theorem, theorems

_PALETTE = sns.color_palette("colorblind").as_hex()
TRIVIAL = _PALETTE[3]  # of the largest value that can be; no theorem has it
COLOURS = [colour for colour in _PALETTE if colour != TRIVIAL]
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


class Look(TypedDict):
    """What a line or point of a theorem is drawn with."""

    color: str
    marker: str


def look(name: str) -> Look:
    """The look of a theorem, unlike that of any other of its setting."""
    index = list(theorems(find_theorem(name).setting)).index(name)
    markers = list(MARKERS)
    return {"color": COLOURS[index % len(COLOURS)], "marker": markers[index % len(markers)]}
