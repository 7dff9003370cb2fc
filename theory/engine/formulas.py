"""Formulas as MathML: a page shows them without a script and without a network."""

from __future__ import annotations

import re

from latex2mathml.converter import convert

# A name of a function and what it is taken of stand apart, as in print; brackets need no space.
NAMED = re.compile(r"(<mi>(?:ln|sin|cos|tan|exp|arcsin|arccos)</mi>)(?=<m(?:i|n|sub|sup|over))")


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
    return NAMED.sub(r'\1<mspace width="0.17em" />', written)
