"""Figures of a study as files: for a page, a slide, or one column of a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
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
    if width < wide:
        for legend in list(figure.legends):
            handles = [each for each in legend.legend_handles if each is not None]
            labels = [text.get_text() for text in legend.texts]
            legend.remove()
            columns = max(1, characters // (max(map(len, labels)) + 6))
            figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
            height += -(-len(labels) // columns) * points * 1.5 / 72
    placed = ((axis, axis.get_subplotspec()) for axis in figure.axes)
    drawn = [(axis, place) for axis, place in placed if place is not None]
    panels = max((place.get_gridspec().ncols for _, place in drawn), default=1)
    for axis, place in drawn:
        axis.set_title(_broken(axis.get_title(), characters // panels), fontsize="medium")
        # the figure's own label would lie on a legend below it
        label = axis.get_xlabel() or (figure.get_supxlabel() if place.is_last_row() else "")
        axis.set_xlabel(_broken(label, characters // panels))
        axis.set_ylabel(_broken(axis.get_ylabel(), characters // 2))
    figure.supxlabel("")
    if figure.get_suptitle():
        figure.suptitle(_broken(figure.get_suptitle(), characters))
    broken = max((axis.get_xlabel() + axis.get_title()).count("\n") for axis, _ in drawn)
    figure.set_size_inches(width, height + broken * points * 1.4 / 72)


def _broken(title: str, characters: int) -> str:
    return "\n".join(
        part for line in title.split("\n") for part in textwrap.wrap(line, characters) or [""]
    )
