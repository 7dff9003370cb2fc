"""Figures of a study as files: for a page, a slide, or one column of a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from tqdm import tqdm

from tunebound._ground.checks import choice, real_number
from tunebound._ground.registry import find_named
from tunebound.theory.engine.loading import load
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.engine.setting import find_setting

FORMS = ("png", "pdf", "svg")
# Of a character, as a share of the size of the type; what a title has to be broken by.
CHARACTER = 0.62
ROOM, CELLS = 0.7, 0.6  # shares of the width that titles side by side, and cells of a map, have


@dataclass(frozen=True)
class Style:
    """What a figure is for: the size of its type in points, and its width in inches where it has
    to have one.
    """

    points: float
    width: float | None = None


STYLES = {"page": Style(10), "talk": Style(16, 13.3), "column": Style(7, 3.35)}


def draw_figures(
    directory: Path,
    target: Path,
    *,
    form: str = "png",
    only: Sequence[str] = (),
    theorems: Sequence[str] = (),
    style: str = "page",
    width: float | None = None,
) -> Iterator[Path]:
    """Draw a study's figures, all that it can fill by default, and yield the files.

    Parameters
    ----------
    directory, target : Path
        Of the study, and of the files; made where it is missing.
    form : {"png", "pdf", "svg"}
    only : sequence of str
        Names of figures.
    theorems : sequence of str
        Those to be shown; figures that need others are left out.
    style : {"page", "talk", "column"}
        For a page, a slide, or one column of two in a paper.
    width : float
        In inches, above 0; the style's by default.

    Raises
    ------
    ValueError
        For another form or style, and for a figure or theorem that the study does not have.
    """
    choice("--format", form, FORMS)
    choice("--style", style, tuple(STYLES))
    if width is not None:
        real_number("--width", width, above=0)
    results = load(directory, theorems=theorems or None)
    presentation = find_setting(read_manifest(directory)["setting"]).presentation()
    known = presentation.figures(results)
    chosen = {name: find_named("figure", name, known) for name in only} or known
    target.mkdir(parents=True, exist_ok=True)
    kind = STYLES[style]
    with matplotlib.rc_context(_type(kind)):
        for name, illustration in tqdm(chosen.items(), desc="drawing", unit="figure", disable=None):
            figure = illustration.draw(results)
            if width or kind.width:
                _fit(figure, width or kind.width or 0.0, kind.points)
            path = target / f"{name}.{form}"
            figure.savefig(path, dpi=150)
            yield path


def _type(style: Style) -> dict[Any, Any]:
    return {
        "font.size": style.points,
        "axes.titlesize": style.points,
        "figure.titlesize": style.points * 1.1,
        "legend.fontsize": style.points * 0.9,
        "xtick.labelsize": style.points * 0.9,
        "ytick.labelsize": style.points * 0.9,
        "lines.linewidth": style.points * 0.15,
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
    }


def _fit(figure: Figure, width: float, points: float) -> None:
    """Give a figure its width; titles are broken, and a legend beside it goes below."""
    wide, high = figure.get_size_inches()
    height = high * width / wide
    characters = max(12, int(width * 72 / (points * CHARACTER)))
    for line in (line for axis in figure.axes for line in axis.get_lines()):
        line.set_markersize(line.get_markersize() * points / STYLES["page"].points)
    if width < wide:
        height += _legend_below(figure, characters) * points * 1.5 / 72
        height = max([height, *(_map_in(axis, width, points) for axis in figure.axes)])
    placed = ((axis, axis.get_subplotspec()) for axis in figure.axes)
    drawn = [(axis, place) for axis, place in placed if place is not None]
    panels = max((place.get_gridspec().ncols for _, place in drawn), default=1)
    for axis, place in drawn:
        own = int(ROOM * characters) // panels if panels > 1 else characters
        axis.set_title(_broken(axis.get_title(), own), fontsize="medium")
        # the figure's own label would lie on a legend below it
        label = axis.get_xlabel() or (figure.get_supxlabel() if place.is_last_row() else "")
        axis.set_xlabel(_broken(label, own))
        axis.set_ylabel(_broken(axis.get_ylabel(), characters // 2))
    figure.supxlabel("")
    if figure.get_suptitle():
        figure.suptitle(_broken(figure.get_suptitle(), characters))
    rows = max(place.get_gridspec().nrows for _, place in drawn)
    titles, labels = (
        max(text.count("\n") for text in texts)
        for texts in zip(*((axis.get_title(), axis.get_xlabel()) for axis, _ in drawn), strict=True)
    )
    # what stands between rows of panels keeps its size
    lines = rows * (titles + 3) + labels + figure.get_suptitle().count("\n")
    figure.set_size_inches(width, height + lines * points * 1.4 / 72)


def _legend_below(figure: Figure, characters: int) -> int:
    """Put all legends together below the panels, and say how many lines they take."""
    kept: dict[str, Any] = {}
    inside = (axis.get_legend() for axis in figure.axes)
    for legend in [*figure.legends, *filter(None, inside)]:
        for handle, text in zip(legend.legend_handles, legend.texts, strict=True):
            kept.setdefault(text.get_text(), handle)
        legend.remove()
    if not kept:
        return 0
    columns = max(1, characters // (max(map(len, kept)) + 6))
    figure.legend(
        list(kept.values()), list(kept), loc="outside lower center", ncols=columns, frameon=False
    )
    return -(-len(kept) // columns)


def _map_in(axis: Axes, width: float, points: float) -> float:
    """The height that a map of cells needs for its names; numbers that no cell can hold go."""
    if not (axis.texts and any(isinstance(each, QuadMesh) for each in axis.collections)):
        return 0.0
    rows, columns = len(axis.get_yticks()), len(axis.get_xticks())
    longest = max(len(text.get_text()) for text in axis.texts)
    if columns * longest * CHARACTER * points > CELLS * width * 72:
        for text in axis.texts:
            text.set_visible(False)
    axis.tick_params(axis="x", rotation=90)
    for label in axis.get_xticklabels():
        label.set_horizontalalignment("center")
    names = max(len(label.get_text()) for label in axis.get_xticklabels())
    return (1.25 * rows + CHARACTER * names + 6) * points / 72


def _broken(title: str, characters: int) -> str:
    return "\n".join(
        part for line in title.split("\n") for part in textwrap.wrap(line, characters) or [""]
    )
