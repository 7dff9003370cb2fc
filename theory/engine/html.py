"""Templates and figures of pages that are one file each."""

from __future__ import annotations

import base64
import io
from importlib.resources import files
from typing import Any

import jinja2
import matplotlib
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tunebound.theory.engine.typesetting import typeset

INK, PAPER = "#000001", "#fffffe"  # what a vector figure is drawn in, to be replaced
COLOURS = (
    "<style>:root{--ink:#1a1a1a;--paper:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#1b1b1b}}</style>"
)


def render(package: str, template: str, **values: Any) -> str:
    """A template of a package, every value escaped and none missing.

    ``style`` in it is what all pages share.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["typeset"] = typeset
    source = (files(package) / template).read_text(encoding="utf-8")
    style = (files("tunebound.theory.engine") / "style.css").read_text(encoding="utf-8")
    return environment.from_string(source).render(style=Markup(style), **values)


def png(figure: Figure) -> str:
    """A figure as the address of an image, in pixels."""
    buffer = io.BytesIO()
    figure.set_dpi(110)
    # savefig would lay the figure out and draw it once for nothing before
    FigureCanvasAgg(figure).print_png(buffer)
    return data_address("image/png", buffer.getvalue())


def svg(figure: Figure) -> str:
    """A figure as the address of an image, in vectors, whose text is text.

    What is drawn in `INK` and `PAPER` follows the reader's light or dark scheme.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tunebound"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().replace(INK, "var(--ink)").replace(PAPER, "var(--paper)")
    text = text.replace("<defs>", COLOURS + "<defs>", 1)
    return data_address("image/svg+xml", text.encode("utf-8"))


def data_address(kind: str, content: bytes) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
