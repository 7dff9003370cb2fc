"""The hard-margin separator with a bias that is not penalised, and what leaving a sample out of it
costs. Source: this project, proofs in docs/head-tuning.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import instance, within_float64
from tunebound._ground.sample_checks import labelled_sample
from tunebound.bounds.arithmetic import chord_of_sine
from tunebound.bounds.separators.certificates import duality_gap
from tunebound.bounds.separators.least_distance import (
    LeastDistance,
    NotSeparableError,
    least_distance,
)

ON_THE_MARGIN = 1e-9  # relative to the margin; a separator is known to more digits


@dataclass(frozen=True, kw_only=True)
class BiasedSeparator:
    """Separator w, b of smallest |w| with y_j (x_j . w + b) >= 1 for all j.

    Attributes
    ----------
    weights : ndarray of float64, shape (d,)
        w, of norm 1/margin.
    bias : float
        b, halfway between the classes.
    margin : float
        Distance of the nearest sample to the hyperplane, in the units of X.
    dual : ndarray of float64, shape (n,)
        alpha >= 0 with w = sum_j alpha_j y_j x_j, sum_j alpha_j y_j = 0 and sum_j alpha_j =
        1/margin^2.
    gap : float
        Relative duality gap: the true margin is at most margin / sqrt(1 - gap).
    """

    weights: Floats
    bias: float
    margin: float
    dual: Floats
    gap: float


@within_float64("X")
def max_margin_with_bias(X: ArrayLike, y: ArrayLike) -> BiasedSeparator:
    """Compute the hard-margin separator with an unpenalised bias.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite.
    y : array_like of shape (n,)
        Labels, -1 or +1; both occur.

    Returns
    -------
    BiasedSeparator

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed.
    NotSeparableError
        If no hyperplane separates the classes, or only within rounding.

    Notes
    -----
    w is the shortest with w . (x_p - x_q)/2 >= 1 for all p of class +1 and q of class -1. Pairs
    enter one by one, the most violated first, until all are met; the gap is that of all data.
    """
    X, y = labelled_sample(X, y)
    positive, negative = np.flatnonzero(y > 0), np.flatnonzero(y < 0)
    weights = X[positive].mean(axis=0) - X[negative].mean(axis=0)
    pairs: list[tuple[int, int]] = []
    while (worst := _worst_pair(X, positive, negative, weights)) not in pairs:
        pairs.append(worst)
        solution = _separate(X, pairs)
        weights = solution.weights
    one, other = np.array(pairs).T
    dual = np.zeros(len(y))
    np.add.at(dual, one, solution.dual / 2.0)
    np.add.at(dual, other, solution.dual / 2.0)
    nearest, farthest = X[worst[0]] @ weights, X[worst[1]] @ weights
    attained = (nearest - farthest) / 2.0 / np.linalg.norm(weights)
    largest = np.linalg.norm((dual * y) @ X) / dual.sum()
    return BiasedSeparator(
        weights=weights,
        bias=-float(nearest + farthest) / 2.0,
        margin=solution.margin,
        dual=dual,
        gap=float(duality_gap(attained, largest)),
    )


def deletion_with_bias(X: ArrayLike, y: ArrayLike, separator: BiasedSeparator) -> Floats:
    """Bound on the distance of the unit directions of w_S and w_{S^i}, for every sample: from one
    solve.

    2 sin(theta_i/2), sin(theta_i) the distance of the direction of w_S from the cone of all sum_j
    beta_j y_j x_j with beta >= 0 on samples j != i on the margin and sum_j beta_j y_j = 0; 90
    degrees where a class has no other sample on the margin. An equality where the support vectors
    of S^i are on the margin of S. True up to the separator's gap and to rounding.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features.
    y : array_like of shape (n,)
        Labels, -1 or +1; each occurs twice, or no direction is left.
    separator : BiasedSeparator
        ``max_margin_with_bias(X, y)``.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 for samples without a dual; at most sqrt(2).

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, a class has one sample only, or `separator` belongs to other
        data.
    """
    X, y = labelled_sample(X, y)
    for label in (-1, 1):
        if (y == label).sum() < 2:
            raise ValueError(
                f"y has one label {label:+d}: without that sample a bias alone separates and no"
                " direction is left; give at least two of each class"
            )
    remedy = "pass max_margin_with_bias(X, y)"
    instance("separator", separator, BiasedSeparator, remedy=remedy)
    if separator.dual.shape != y.shape or separator.weights.shape != X.shape[1:]:
        raise ValueError(
            f"separator has {separator.dual.size} duals and {separator.weights.size} weights, X has"
            f" shape {X.shape}: pass max_margin_with_bias(X, y) of the same X and y"
        )
    product = y * (X @ separator.weights + separator.bias)
    if abs(product.min() - 1.0) > 1e-6:
        raise ValueError(
            f"separator has a smallest product of {product.min():.6g} with X, y, not 1: pass"
            " max_margin_with_bias(X, y) of the same X and y"
        )
    near = product <= 1.0 + ON_THE_MARGIN
    unit = separator.weights / np.linalg.norm(separator.weights)
    bound = np.zeros(len(y))
    for i in np.flatnonzero(separator.dual > 0):
        near_others = near & (np.arange(len(y)) != i)
        bound[i] = _turned(X[near_others & (y > 0)], X[near_others & (y < 0)], unit)
    return bound


def _worst_pair(
    X: Floats, positive: NDArray[np.intp], negative: NDArray[np.intp], weights: Floats
) -> tuple[int, int]:
    nearest, farthest = np.argmin(X[positive] @ weights), np.argmax(X[negative] @ weights)
    return int(positive[nearest]), int(negative[farthest])


def _separate(X: Floats, pairs: list[tuple[int, int]]) -> LeastDistance:
    one, other = np.array(pairs).T
    try:
        return least_distance((X[one] - X[other]) / 2.0)
    except NotSeparableError:
        raise NotSeparableError(
            "X, y: float64 shows no hyperplane between the classes, with any bias: add features, or"
            " remove contradictory samples"
        ) from None


def _turned(positive: Floats, negative: Floats, unit: Floats) -> Floats:
    """Chord of the angle from a unit vector to the cone of all x_p - x_q."""
    differences = (positive[:, np.newaxis] - negative).reshape(-1, unit.size)
    if not len(differences):
        return np.asarray(np.sqrt(2.0))
    scale = np.linalg.norm(differences, axis=1, keepdims=True)
    sine = min(float(scipy.optimize.nnls((differences / scale).T, unit)[1]), 1.0)
    return chord_of_sine(np.asarray(sine), np.sqrt(np.asarray((1.0 - sine) * (1.0 + sine))))
