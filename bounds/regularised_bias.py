r"""What changes for `bounds.regularised` when the weight of a constant feature has no penalty.

The minimised function is (1/n) sum_j ln(1 + exp(-y_j (x_j . w + b beta))) + (lam/2) |w|^2, b the
constant and beta its weight. Rows are (x_j, b) and weights (w, beta): the constant comes last.

Source: this project, proofs in docs/regularised-heads.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import real_array, real_number, within_float64
from tunebound._ground.sample_checks import features, signs

__all__ = ["distance", "distance_from_minimiser"]

UNIT = float(np.finfo(np.float64).eps)


def constant_of(X: Floats) -> float:
    """The constant in the last column.

    Raises
    ------
    ValueError
        If the last column is not one number other than 0.
    """
    column = X[:, -1]
    if X.shape[1] < 2 or column[0] == 0 or (column != column[0]).any():
        raise ValueError(
            "the last column of X is no constant feature, which bias=True speaks of: append a"
            " column of ones to the features"
        )
    return float(column[0])


def largest_of_inverse(X: Floats, curvatures: Floats, lam: float) -> float:
    """Bound on the largest eigenvalue of H^-1, H = sum_j k_j (x_j, b)(x_j, b)^T + diag(lam, 0):
    1/lam + 1/(b^2 sum_j k_j) + |x_mean|^2/(b^2 lam), the mean weighted by the curvatures k_j.

    Infinite where all curvatures have vanished.
    """
    constant, total = constant_of(X), float(curvatures.sum())
    if total <= 0:
        return float("inf")
    mean = curvatures @ X[:, :-1] / total
    return (1.0 + float(mean @ mean) / constant**2) / lam + 1.0 / (constant**2 * total)


@within_float64("X", "gradients", "lam")
def distance(X: ArrayLike, gradients: ArrayLike, *, lam: float) -> Floats:
    """Bound on the distance of w, without beta, from the minimiser's.

    max_j |g_w - (g_b/b) x_j| / lam, g = (g_w, g_b) the gradient. With g that of the loss without
    sample i, the distance from w_{S^i}: at the minimiser p_i max_j |x_i - x_j| / (n lam).

    Parameters
    ----------
    X : array_like of shape (n, d)
        The samples that may have a loss, with their constant.
    gradients : array_like of shape (k, d)
    lam : float
        Weight of the penalty, above 0.

    Returns
    -------
    ndarray of float64, shape (k,)

    Raises
    ------
    TypeError, ValueError
        If an argument is malformed or the last column of X is not constant.
    """
    X, gradients = features(X), real_array("gradients", gradients)
    if gradients.ndim != 2 or gradients.shape[1] != X.shape[1]:
        raise ValueError(
            f"gradients must have shape (k, {X.shape[1]}) to meet X, got {gradients.shape}"
        )
    lam = real_number("lam", lam, above=0)
    points, constant = X[:, :-1], constant_of(X)
    shares = gradients[:, -1] / constant
    largest = np.zeros(len(gradients))
    for x in points:
        off = gradients[:, :-1] - shares[:, np.newaxis] * x
        largest = np.maximum(largest, np.linalg.norm(off, axis=1))
    return np.asarray(largest / lam)


@within_float64("X", "weights", "lam")
def distance_from_minimiser(X: ArrayLike, y: ArrayLike, weights: ArrayLike, *, lam: float) -> float:
    """Bound on |w - w_S|, the last weight not counted: `distance` of the gradient and its rounding.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Its last column is constant.
    y : array_like of shape (n,)
        Labels, -1 or +1; both occur, or there is no minimiser.
    weights : array_like of shape (d,)
    lam : float
        Weight of the penalty, above 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is malformed, the last column not constant, or a class missing.
    """
    X = features(X)
    n, d = X.shape
    y = signs(y, (n,))
    both_classes(y, 1)
    weights = real_array("weights", weights)
    if weights.shape != (d,):
        raise ValueError(f"weights must have shape ({d},) to meet X, got {weights.shape}")
    lam = real_number("lam", lam, above=0)
    constant = constant_of(X)
    Z = X * y[:, np.newaxis]
    residuals = expit(-(Z @ weights))
    penalised = np.append(weights[:-1], 0.0)
    gradient = lam * penalised - residuals @ Z / n
    norms, size = np.linalg.norm(X, axis=1), float(np.linalg.norm(weights))
    # a product rounded by u |z| |w| moves its residual by that share of itself
    terms = lam * size + float(residuals @ (norms * (1.0 + norms * size))) / n
    rounding = (n + d + 8) * UNIT * terms * (1.0 + float(norms.max()) / abs(constant))
    return float(distance(X, gradient[np.newaxis], lam=lam)[0] + rounding / lam)


def both_classes(y: Floats, count: int) -> None:
    """Raise unless each label occurs `count` times: else the bias has no minimiser."""
    for label in (-1, 1):
        if (y == label).sum() < count:
            raise ValueError(
                f"y has fewer than {count} of label {label:+d}, without which an unpenalised bias"
                " has no minimiser: give more samples of it, or penalise the bias"
            )
