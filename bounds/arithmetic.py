"""Floating-point building blocks of the formulas: no intermediate overflows unless the result
does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tunebound._ground.arrays import Floats

Factor = Floats | float

SQRT2 = float(np.sqrt(2.0))


def product(numerators: Sequence[Factor], denominators: Sequence[Factor] = ()) -> Floats:
    """Multiply and divide with mantissas and exponents kept apart.

    Parameters
    ----------
    numerators, denominators : sequence of float or ndarray of float64
        Finite factors that broadcast; denominators are not 0.

    Returns
    -------
    ndarray of float64
        Infinite only where the result itself exceeds float64; rounded to a subnormal number or 0
        where it is that small.
    """
    mantissa: Floats = np.asarray(1.0)
    exponent = np.asarray(0)
    for factor in numerators:
        part, power = np.frexp(factor)
        mantissa, exponent = mantissa * part, exponent + power
    for factor in denominators:
        part, power = np.frexp(factor)
        mantissa, exponent = mantissa / part, exponent - power
    with np.errstate(over="ignore"):
        return np.asarray(np.ldexp(mantissa, exponent))


def root_of_one_plus_ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return sqrt(1 + numerator / denominator) without forming the ratio."""
    return np.asarray(np.hypot(1.0, np.sqrt(numerator) / np.sqrt(denominator)))


def finish(name: str, bound: Floats) -> float | Floats:
    """Refuse what exceeds float64; hand back a float where no axis is left."""
    if not np.all(np.isfinite(bound)):
        raise OverflowError(
            f"{name} exceeds float64 (1.8e308) for these arguments: rescale the data or the"
            " constants"
        )
    return float(bound) if bound.ndim == 0 else bound
