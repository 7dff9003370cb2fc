"""Formulas as MathML: a page shows them without a script and without a network."""

from __future__ import annotations

import re

from latex2mathml.converter import convert

# A name of a function and what it is taken of stand apart, as in print; brackets need no space.
NAMED = re.compile(r"(<mi>(?:ln|sin|cos|tan|exp|arcsin|arccos)</mi>)(?=<m(?:i|n|sub|sup|over))")

# Words are no space: an operator between words alone would lose the space around it.
WORDS = re.compile(r"<mtext>([^<]{2,})</mtext>")

# Bars grow with what stands between them only where the formula says so.
BARS = re.compile(r"<mo>(&#x02016;|&#x0007C;)</mo>")

OPENING = ("{", "(", "[", "\\{", "\\left", "\\begin", "\\lVert", "\\lvert")
CLOSING = ("}", ")", "]", "\\}", "\\right", "\\end", "\\rVert", "\\rvert")
RELATIONS = ("=", "<", ">", "\\le", "\\ge", "\\approx")
WIDE = "\\quad"


def mathml(formula: str, *, display: str = "inline") -> str:
    """A formula in LaTeX as a ``math`` element.

    Parameters
    ----------
    formula : str
    display : {"inline", "block"}

    Raises
    ------
    ValueError
        If it has a command that the converter does not know, which a page would show as text.
    """
    written = convert(formula.replace("\n", " "), display=display)
    unknown = re.findall(r"\\[A-Za-z]*\S", written)
    if unknown:
        raise ValueError(f"no MathML for {', '.join(unknown)} in {formula}")
    written = BARS.sub(r'<mo stretchy="false">\1</mo>', written)
    written = WORDS.sub(r"<mi>\1</mi>", written)
    return NAMED.sub(r'\1<mspace width="0.17em" />', written)


def in_parts(formula: str) -> list[str]:
    """A formula in LaTeX cut where a line may end: behind a wide space, and before the relations in
    front of the first one, all outside of brackets. The parts, put together again, are the formula.
    """
    parts, depth, conditions = [""], 0, False
    for token in re.findall(r"\\[A-Za-z]+\s*|\\.|.", formula.replace("\n", " ")):
        name = token.strip()
        depth += (name in OPENING) - (name in CLOSING)
        if name in RELATIONS and depth == 0 and not conditions:
            parts.append("")
        parts[-1] += token
        if name == WIDE and depth == 0:
            parts.append("")
            conditions = True
    return [part for part in parts if part]
