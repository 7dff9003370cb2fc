"""Findings as text: predicted, measured, decided."""

from __future__ import annotations

import numpy as np

from tunebound.theory.predictions.design import Design, Prediction
from tunebound.theory.predictions.findings import (
    EXPONENT_MARGIN,
    SMALL_FACTOR,
    Finding,
    registered,
)

COLUMNS = (
    "factor",
    "what is tuned",
    "what is measured",
    "predicted",
    "measured slope",
    "first level to last",
    "decided",
)
NOTE = (
    "One factor varies, everything else is held, and every draw is measured at every level. The"
    " slope is that of ln(what is measured) in ln(factor) by least squares on each draw: its median"
    " over draws, with an exact interval that holds for all rows at once with 95 % (Bonferroni)."
    " The column beside it is the same as a factor from the first level to the last. Decided:"
    " first the sign, by the exact sign test over draws, by Holm's method for all rows at 5 %;"
    f" within {SMALL_FACTOR - 1:.0%}: the whole interval of the factor lies that near to 1. Then"
    f" each predicted exponent: it shows (the interval comes within {EXPONENT_MARGIN:g} of it), or"
    " the measured effect is stronger, weaker or reversed; open where the interval reaches from it"
    " to 0. Bounds are upper bounds: one may be true although its exponent, or even its sign, does"
    " not show. All that is said holds for the named population."
)
# the simplest fractions among exponents
FRACTIONS = {0.5: "1/2", 1.0: "1"}


def cells(finding: Finding) -> tuple[str, ...]:
    """One row of the table, under `COLUMNS`."""
    design, prediction = registered()[finding.prediction]
    return (
        design.axis,
        design.title,
        prediction.label,
        predicted(prediction),
        slope(finding),
        change(finding),
        decided(finding),
    )


def details(finding: Finding) -> tuple[str, ...]:
    """What stands behind a row: draws, those with the predicted sign, with the opposite one, p by
    Holm, values not used.
    """
    return (
        str(finding.draws),
        str(finding.agreeing),
        str(finding.opposed),
        f"{finding.adjusted:.2g}" if finding.draws else "–",
        f"{finding.dropped} of {finding.values}",
    )


DETAILS = ("draws", "predicted sign", "opposite", "p, Holm", "values not used")


def predicted(prediction: Prediction) -> str:
    """The predicted sign, and who predicts which exponent."""
    word = "grows" if prediction.sign > 0 else "falls"
    exponents = [f"{_fraction(value)} ({who})" for who, value in prediction.exponents.items()]
    return f"{word}: {', '.join(exponents)}" if exponents else word


def slope(finding: Finding) -> str:
    """The median slope with its interval."""
    if not finding.draws:
        return "–"
    values = (finding.slope, finding.low, finding.high)
    kind = "+.2g" if max(map(abs, values)) < 0.1 else "+.2f"
    middle, low, high = (_signed(value, kind) for value in values)
    return f"{middle} [{low}, {high}]"


def change(finding: Finding) -> str:
    """The factor from the first level to the last, with its interval."""
    if not finding.draws:
        return "–"
    middle, low, high = (f"{value:.3g}" for value in finding.change)
    return f"×{middle} [{low}, {high}]".replace("inf", "∞")


def decided(finding: Finding) -> str:
    """The verdict on the sign, then on each exponent."""
    size = f" (within {SMALL_FACTOR - 1:.0%})" if finding.small else ""
    exponents = [f"{who}: {word}" for who, word in finding.exponents.items()]
    return "; ".join([f"{finding.status}{size}", *exponents] if finding.draws else ["not tested"])


def levels(design: Design) -> str:
    """The levels of the factor, for a reader."""
    return ", ".join(f"{level:g}" for level in design.levels)


def _fraction(value: float) -> str:
    return ("−" if value < 0 else "+") + FRACTIONS.get(abs(value), f"{abs(value):g}")


def _signed(value: float, kind: str) -> str:
    if not np.isfinite(value):
        return "−∞" if value < 0 else "∞"
    return f"{value:{kind}}".replace("-", "−")
