"""The page of a certificate: one HTML file, the answer first."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from tunebound._ground import checks
from tunebound._ground.storage import write_text
from tunebound.theory.certification import wording
from tunebound.theory.certification.certificate import Certificate
from tunebound.theory.certification.figures import drawings
from tunebound.theory.certification.glossary import GLOSSARY
from tunebound.theory.certification.rounding import number, ratio
from tunebound.theory.certification.shown import shown
from tunebound.theory.engine.html import render, svg

PACKAGE = "tunebound.theory.certification"
ROWS = 20  # pivotal samples in the table
TITLE = "How much does the head depend on single training samples?"


def write(certificate: Certificate, path: str | os.PathLike[str]) -> Path:
    """Write the page, whole or not at all.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If the file cannot be there.
    """
    target = checks.path("path", path)
    if target.is_dir():
        raise IsADirectoryError(f"path: {target} is a directory: name a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path: there is no directory {target.parent}: make it first")
    write_text(target, html(certificate))
    return target


def html(certificate: Certificate) -> str:
    """The page."""
    predictions = certificate.predictions
    together = certificate.group
    return render(
        PACKAGE,
        "certificate.html.jinja",
        title=TITLE,
        subtitle=wording.about(certificate)[0],
        answer=wording.answer(certificate),
        about=[*wording.about(certificate)[1:-2], *_remarks(certificate)],
        regularised=certificate.inseparable is not None,
        figures=_figures(certificate),
        samples=[_sample(certificate, int(row)) for row in certificate.pivotal[:ROWS]],
        movers=f"{certificate.pivotal.size:,}",
        shows=certificate.content is not None,
        tests="" if predictions is None else f"{predictions.fixed.size:,}",
        removals="one removal" if together == 1 else f"removals of up to {together:,} samples",
        numbers=_numbers(certificate),
        provenance=[(name, _sentence(said)) for name, said in certificate.provenance.items()],
        ladder=[
            (name, number(value, "up"))
            for name, value in certificate.ladder.items()
            if math.isfinite(value)
        ],
        times=[(part, number(value, "up", 2)) for part, value in certificate.seconds.items()],
        glossary=GLOSSARY,
    )


def cell(certificate: Certificate) -> str:
    """The answer and two figures, as a part of another page."""
    return render(
        PACKAGE,
        "cell.html.jinja",
        answer=wording.answer(certificate),
        figures=_figures(certificate)[:2],
        more=wording.about(certificate)[-2:],
    )


def _figures(certificate: Certificate) -> list[dict[str, str]]:
    return [
        {"name": each.name, "title": each.title, "said": each.said, "data": svg(each.figure)}
        for each in drawings(certificate)
    ]


def _remarks(certificate: Certificate) -> list[str]:
    """Notes, and what follows the first clause of a step of preparation, each once."""
    rests = (step.partition("; ")[2] for step in certificate.preparation)
    said = [*certificate.notes, *(rest for rest in rests if rest)]
    return list(dict.fromkeys(map(_sentence, said)))


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _sample(certificate: Certificate, row: int) -> dict[str, str]:
    content = "" if certificate.content is None else certificate.content[row]
    seen = shown(content)
    predictions = certificate.predictions
    flips = -1 if predictions is None else int(predictions.flips[row])
    return {
        "row": str(row),
        "text": seen.text,
        "image": seen.image,
        "bound": number(wording.most(certificate, row), "up"),
        "how": "certified" if np.isnan(certificate.exact[row]) else "computed",
        "reach": "" if predictions is None else f"{int(predictions.reach[row]):,}",
        "flips": "not computed" if flips < 0 else f"{flips:,}",
    }


def _numbers(certificate: Certificate) -> list[dict[str, str]]:
    """Rows of the table of numbers; what is no number is left out."""
    c, rows = certificate, []

    def add(term: str, name: str, value: str, said: str) -> None:
        rows.append({"term": term, "name": name, "value": value, "said": said})

    add(
        "instability",
        "instability, certified",
        number(c.instability, "up"),
        "average change of the head over all left-out samples, at most; from one computation",
    )
    if not np.isnan(c.exact).any():
        add(
            "computed",
            "instability, computed",
            number(float(c.exact.mean() + c.exact_error.mean()), "up"),
            "the same from the heads without each sample, their error added",
        )
    if math.isfinite(c.along_training):
        add(
            "bound",
            "at every step",
            number(c.along_training, "up"),
            "bound on the average at every step of gradient descent from zero weights",
        )
    if c.group > 1 and math.isfinite(c.by_group):
        add(
            "bound",
            f"any {c.group:,} samples",
            number(c.by_group, "up"),
            "change of the head when the worst so many samples are left out together, at most",
        )
    if c.separable:
        add("margin", "margin γ", number(c.margin, "down"), "at least; in units of the features")
    add("radius", "radius B", number(c.radius, "up"), "length of the longest row of features")
    if c.separable and c.inseparable is None:
        add("B/γ", "B/γ", ratio(c.radius, c.margin, "up"), "radius over margin, at most")
        add(
            "support vector",
            "support vectors",
            f"{c.support.size:,}",
            f"of {c.n:,} samples hold the separator in place",
        )
    gap = ("duality gap", "duality gap") if c.inseparable is None else ("penalty", "relative error")
    add(*gap, number(c.gap, "up", 2), "how exact the computation was; 0 is exact up to rounding")
    return rows
