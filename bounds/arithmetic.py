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
    with np.errstate(over="ignore"):  # of a ratio beyond 1e616
        return np.asarray(np.hypot(1.0, np.sqrt(numerator) / np.sqrt(denominator)))


def complement(factors: Sequence[Factor]) -> Floats:
    """1 minus a product of factors that are 0 or more, without cancellation; not above 0, or no
    number, where the product is above 1.

    The product is carried as a sum of two numbers (Dekker's exact products), so that the digits
    that 1 takes away are there.
    """
    high: Floats = np.asarray(1.0)
    low: Floats = np.asarray(0.0)
    exponent = np.asarray(0)
    for factor in factors:
        part, power = np.frexp(factor)
        high, rest = _exact_product(high, part)
        low, exponent = low * part + rest, exponent + power
    with np.errstate(over="ignore", invalid="ignore"):  # of a product that is far above 1
        return np.asarray((1.0 - np.ldexp(high, exponent)) - np.ldexp(low, exponent))


def _exact_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product of numbers of ordinary size, and what rounding took from it."""
    result = np.asarray(a * b)
    a_high, b_high = _leading_half(a), _leading_half(b)
    a_low, b_low = a - a_high, b - b_high
    rest = ((a_high * b_high - result) + a_high * b_low + a_low * b_high) + a_low * b_low
    return result, np.asarray(rest)


def _leading_half(a: Floats) -> Floats:
    scaled = a * 134217729.0  # 2**27 + 1
    return np.asarray(scaled - (scaled - a))


def chord_of_sine(sine: Floats, cosine: Floats) -> Floats:
    """2 sin(θ/2), the distance of two unit vectors at the angle θ in [0°, 90°], from sin θ and
    cos θ.
    """
    return np.asarray(sine * np.sqrt(2.0 / (1.0 + cosine)))


def finish(name: str, bound: Floats) -> float | Floats:
    """Refuse what exceeds float64; hand back a float where no axis is left."""
    if not np.all(np.isfinite(bound)):
        raise OverflowError(
            f"{name} exceeds float64 (1.8e308) for these arguments: rescale the data or the"
            " constants"
        )
    return float(bound) if bound.ndim == 0 else bound
