"""What a figure shows, in words and numbers, for who cannot see it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Longer descriptions are cut between sentences: a screen reader reads them in one go.
LONGEST = 1500


def described(figure: Figure) -> str:
    """The figure's title, and of each panel its title and where its labelled curves and points
    begin and end.
    """
    parts = [figure.get_suptitle().replace("\n", ", ")]
    for axis in figure.axes:
        if axis.axison:
            parts += [axis.get_title().replace("\n", ", "), *_curves(axis), *_points(axis)]
    text = ""
    for part in filter(None, parts):
        more = f"{text}{part.rstrip('.')}. "
        if len(more) > LONGEST:
            return f"{text}And so on."
        text = more
    return text.strip()


def _curves(axis: Axes) -> list[str]:
    said = []
    for line in axis.get_lines():
        label = str(line.get_label())
        x, y = (np.asarray(values, dtype=object) for values in line.get_data())
        if label.startswith("_") or not len(y) or not all(map(_is_number, (*x, *y))):
            continue
        first, last = float(y[0]), float(y[-1])
        if line.get_linestyle() == "None":
            values = y.astype(float)
            said.append(f"{label}: {len(y)} points from {values.min():.3g} to {values.max():.3g}")
        elif first == last:
            said.append(f"{label}: {first:.3g} throughout")
        else:
            begin, end = float(x[0]), float(x[-1])
            said.append(f"{label}: from {first:.3g} at {begin:.3g} to {last:.3g} at {end:.3g}")
    return said


def _points(axis: Axes) -> list[str]:
    said = []
    for drawn in axis.collections:
        values = drawn.get_array()
        if values is not None and np.size(values) and np.isfinite(values).any():
            shown = np.ma.masked_invalid(values)
            said.append(f"{np.size(values)} cells from {shown.min():.3g} to {shown.max():.3g}")
    return said


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and bool(np.isfinite(value))
