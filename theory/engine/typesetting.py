"""Plain text as a page shows it: powers raised, indices lowered, numbers as they are printed."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# What stands in front of a number or an index decides whether it is one, or part of a name.
NUMBER = re.compile(r"(?<![\w.^])(\d+(?:\.\d+)?)e([+-]?)0*(\d+)(?!\w|\.\d)")
POWER = re.compile(r"(?<=[\w)*])\^(\{[^{}]*\}|[-−]?\d+(?:[./]\d+)?(?:e[+-]?\d+)?|\w)")
INDEX = re.compile(
    r"(?<![\w./-])(mean|max|min|(?:\w|[^\W\d_][\u0300-\u036f]))_(\{[^{}]*\}|[^\W_ᵀ]+)"
)
MINUS = re.compile(r"(?<![\w.)\]^-])-(?=[\d.∞])")
PER_CENT = re.compile(r"(?<=\d) ?%")


def typeset(text: str) -> Markup:
    """Plain text as it is printed.

    Powers (``S^i``, ``10^14.3``, ``n^{-1/2}``) are raised, indices of single letters and of mean,
    max and min (``w_S``, ``mean_i``) lowered; ``3.4e-15`` becomes 3.4·10⁻¹⁵, a hyphen in front of a
    number a minus, and a per cent sign stands apart. Names with underscores stay.
    """
    written = str(escape(text))
    written = NUMBER.sub(_scientific, written)
    written = POWER.sub(lambda found: f"<sup>{_inner(found[1])}</sup>", written)
    written = INDEX.sub(lambda found: f"{found[1]}<sub>{_inner(found[2])}</sub>", written)
    written = MINUS.sub("−", written)
    return Markup(PER_CENT.sub("\u202f%", written))


def _scientific(found: re.Match[str]) -> str:
    mantissa, sign, digits = found.groups()
    power = f"10<sup>{'−' if sign == '-' else ''}{digits}</sup>"
    return power if mantissa == "1" else f"{mantissa}·{power}"


def _inner(braced: str) -> str:
    """What is raised or lowered, which may hold a power or an index itself."""
    return str(typeset(Markup(braced.removeprefix("{").removesuffix("}"))))
