r"""What a separator and a dual prove about the largest margin, rounding included.

Let w separate rows z_j with products p_j = z_j . w, and alpha >= 0. The margin is at least
``min p / |w|``, which w attains, and at most ``|c| / sum alpha`` with ``c = sum_j alpha_j z_j``,
as every unit u has ``min_j z_j . u <= sum_j alpha_j z_j . u / sum alpha``. The sum c is known only
as w up to a small vector, and that is enough, since

    |c|^2 = 2 w . c - |w|^2 + |c - w|^2,   w . c = sum_j alpha_j p_j

has it in square alone. All sums are of terms of one sign; what each may be off by is added to the
side that it harms, so that the gap holds for the exact numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunebound._ground.arrays import Booleans, Floats
from tunebound.bounds.separators.split_products import EPS, Split, product, split

# Wider than float64 on x86; the same as float64 elsewhere, where the gap then says what was lost.
Extended = NDArray[np.longdouble]
EXTENDED_EPS = float(np.finfo(np.longdouble).eps)


def products(rows: Split, weights: Extended) -> tuple[Floats, Floats]:
    """Multiply every row z_j, n of length d, with every w.

    Parameters
    ----------
    rows : Split
        The rows z_j.
    weights : ndarray of longdouble, shape (P, d)

    Returns
    -------
    products, errors : ndarray of float64, shape (P, n)
        z_j . w, and bounds on what they are off by.
    """
    high = weights.astype(np.float64)
    low = (weights - high).astype(np.float64)
    values, errors = product(split(high), rows)
    if low.any():  # the last bits of an extended w; float64 is enough for them
        values += low @ rows.values.T
        size = 1.01 * np.linalg.norm(low, axis=1)
        errors += ((weights.shape[1] + 2) * EPS * size)[:, np.newaxis] * rows.norms
        errors += EPS * np.abs(values)
    return values, errors


def certify(
    values: Floats,
    errors: Floats,
    weights: Extended,
    dual: Floats,
    deviation: Floats,
    left_out: Booleans | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Compute the margins that weights attain and their gaps, problem by problem.

    Parameters
    ----------
    values, errors : ndarray of float64, shape (P, n)
        What `products` gives for `weights`.
    weights : ndarray of longdouble, shape (P, d)
        w of each problem; of any length.
    dual : ndarray of float64, shape (P, n)
        alpha >= 0, 0 at rows that are left out.
    deviation : ndarray of float64, shape (P,)
        Bounds on |c - w|.
    left_out : ndarray of bool, shape (P, n), optional
        Rows that a problem does without.

    Returns
    -------
    smallest : ndarray of float64, shape (P,)
        The smallest product p_j of each w.
    margins : ndarray of float64, shape (P,)
        smallest / |w|; 0 where w is not shown to separate.
    gaps : ndarray of float64, shape (P,)
        1 - (lower/upper)^2 with lower at most the attained and upper at least the largest margin;
        infinite where w is not shown to separate or alpha is 0.
    """
    total = dual.sum(axis=1, dtype=np.longdouble)
    above = (dual * (values + errors)).sum(axis=1, dtype=np.longdouble)
    if left_out is not None:
        values = np.where(left_out, np.inf, values)
    smallest, lowest = values.min(axis=1), (values - errors).min(axis=1)
    proven = (lowest > 0) & (total > 0)
    norms = np.sqrt((weights[proven] ** 2).sum(axis=1))
    terms = int(np.count_nonzero(dual, axis=1).max(initial=0))
    summing = (terms + weights.shape[1] + 8) * EXTENDED_EPS
    upper = (
        np.sqrt(
            2 * above[proven] * (1 + 2 * EPS + summing)
            - norms**2 * (1 - summing)
            + (1.01 * np.asarray(deviation[proven], np.longdouble)) ** 2
        )
        / total[proven]
    )
    margins = np.zeros(len(weights))
    gaps = np.full(len(weights), np.inf)
    margins[proven] = (smallest[proven] / norms).astype(np.float64)
    lower = np.minimum(lowest[proven] / norms, margins[proven])
    gaps[proven] = duality_gap(lower * (1 - summing), upper * (1 + summing))
    return smallest, margins, gaps


def duality_gap(attained: Floats | float, largest: Floats | float) -> Floats:
    """Return 1 - (attained/largest)^2 of margins, at least 0."""
    difference = np.maximum(np.asarray(largest) - attained, 0.0)
    return np.asarray(difference * (largest + attained) / np.asarray(largest) ** 2, np.float64)
