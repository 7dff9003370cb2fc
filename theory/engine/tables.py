"""Columns of the tables of a study that every setting has; each setting adds its own."""

from __future__ import annotations

import numpy as np

MEMBER = "member"  # number of the member in its suite
ENVIRONMENT = "environment"  # name of the member
DRAW = "draw"  # the independent draw that it comes from; empty for what was handed over
THEOREM = "theorem"  # name of the theorem
QUANTITY = "quantity"  # what was measured
STEPS = "steps"  # number of steps t; infinity is the limit
MEASURED = "measured"  # mean over what is bounded one by one
BOUND = "bound"  # mean over what is bounded one by one
EXCESS = "excess"  # measured − bound − resolution, the worst
RESOLUTION = "resolution"  # what rounding and certificates leave open
WORST = "worst"  # where the excess is largest
WORST_MEASURED = "worst_measured"  # measured there
WORST_BOUND = "worst_bound"  # the bound there
PROVENANCE = "provenance"  # of the weakest constant
MAXIMUM = "maximum"  # the largest value that can be measured
# of the rows of every setting, which add their factors
ROWS = (
    MEMBER,
    ENVIRONMENT,
    DRAW,
    THEOREM,
    QUANTITY,
    STEPS,
    MEASURED,
    BOUND,
    EXCESS,
    RESOLUTION,
    WORST,
    WORST_MEASURED,
    WORST_BOUND,
    PROVENANCE,
    MAXIMUM,
)
# what factors are called beside their values; others by the name of their column
SYMBOLS = {"radius_over_margin": "B/γ", "margin": "γ", "radius": "B", "kappa": "κ"}
ASSUMPTION = "assumption"  # the first assumption that failed


def symbol(factor: str) -> str:
    """What a factor is called beside its values."""
    return SYMBOLS.get(factor, factor.replace("_", " "))


def level(value: object) -> str:
    """A level of a factor in words."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        return f"{value:g}"
    return str(value).replace("_", " ")
