"""Matrix products with a bound on their rounding error, more exact than float64.

A vector is cut at a fixed place below its largest entry, ``a = high + low``, where ``high`` keeps
so few bits that float64 holds every sum of products of two such parts exactly, in whatever order
it is taken. What is left, ``a.high b.low + a.low b``, is smaller by 2**-bits, and so is its
rounding error (Ozaki, Ogita, Oishi and Rump, Numerical Algorithms 59, 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tunebound._ground.arrays import Floats

EPS = float(np.finfo(np.float64).eps)
_SLACK = 1.01  # covers the rounding of the bounds themselves


@dataclass(frozen=True)
class Split:
    """Vectors of one length, each cut in two.

    Attributes
    ----------
    values, high, low : ndarray of float64, shape (m, length)
        ``values = high + low``, exactly.
    norms, low_norms : ndarray of float64, shape (m,)
        Bounds on the norms of `values` and `low`.
    """

    values: Floats
    high: Floats
    low: Floats
    norms: Floats
    low_norms: Floats


def split(vectors: Floats) -> Split:
    """Cut each row of a matrix."""
    length = vectors.shape[1]
    bits = (53 - int(np.ceil(np.log2(length)))) // 2
    exponents = np.frexp(np.abs(vectors).max(axis=1, keepdims=True))[1]
    # adding and taking off a number whose last place is 2**(exponent - bits) rounds to that place
    shift = np.ldexp(1.5, exponents + (52 - bits))
    high = (vectors + shift) - shift
    low = vectors - high
    return Split(
        values=vectors,
        high=high,
        low=low,
        norms=_SLACK * np.linalg.norm(vectors, axis=1),
        low_norms=_SLACK * np.linalg.norm(low, axis=1),
    )


def product(left: Split, right: Split) -> tuple[Floats, Floats]:
    """Multiply the rows of two matrices.

    Returns
    -------
    value, error : ndarray of float64, shape (rows of left, rows of right)
        Inner products, and bounds on what they are off by: half a unit in the last place and
        ``length * 2**-53 (|left.high| |right.low| + |left.low| |right|)``.
    """
    length = left.values.shape[1]
    value = left.high @ right.high.T
    rest = left.high @ right.low.T
    rest += left.low @ right.values.T
    value += rest
    high_norms = left.norms + left.low_norms
    error = np.outer(high_norms, right.low_norms) + np.outer(left.low_norms, right.norms)
    error *= _SLACK * (length + 2) * EPS / 2
    error += EPS / 2 * np.abs(value)
    return value, error
