"""The hard-margin separator of a labelled sample, with its dual and a certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats
from tunebound._ground.sample_checks import labelled_sample
from tunebound.bounds.separators.least_distance import least_distance


@dataclass(frozen=True, kw_only=True)
class Separator:
    """Hard-margin separator w_S = argmin { |w| : y_j x_j . w >= 1 for all j }.

    Attributes
    ----------
    weights : ndarray of float64, shape (d,)
        w_S, of norm 1/margin.
    margin : float
        Distance of the nearest sample to the hyperplane, in the units of X.
    dual : ndarray of float64, shape (n,)
        alpha >= 0 with w_S = sum_j alpha_j y_j x_j and sum_j alpha_j = 1/margin^2.
    support : ndarray of int, shape (k,)
        Samples with a dual above 0. Where several duals fit, one with independent support vectors.
    gap : float
        Relative duality gap. The true margin is at most margin / sqrt(1 - gap), so `weights` is
        within sqrt(gap) * |weights| of the separator.

    Notes
    -----
    Margin, dual and gap come from extended precision where the platform has it. Rounding the
    weights to float64 moves the products y_j x_j . w by up to 1e-16 * radius / margin.
    """

    weights: Floats
    margin: float
    dual: Floats
    support: NDArray[np.intp]
    gap: float

    @property
    def direction(self) -> Floats:
        """Unit vector along `weights`, shape (d,)."""
        return self.weights * self.margin


def max_margin(X: ArrayLike, y: ArrayLike) -> Separator:
    """Compute the hard-margin separator through the origin.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features; finite, n >= 2. Append a constant feature for an intercept.
    y : array_like of shape (n,)
        Labels, -1 or +1; both must occur.

    Returns
    -------
    Separator

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, or the margin's inverse square leaves float64.
    NotSeparableError
        If no hyperplane through the origin separates the classes, or only within rounding.

    Notes
    -----
    Least distance programming by NNLS (Lawson and Hanson 1974, chapter 23), polished on the active
    set. A primal-dual interior-point method finds that set for more than a million entries of X,
    and where NNLS gives up.
    """
    X, y = labelled_sample(X, y)
    solution = least_distance(X * y[:, np.newaxis])
    return Separator(
        weights=solution.weights,
        margin=solution.margin,
        dual=solution.dual,
        support=np.flatnonzero(solution.dual > 0),
        gap=solution.gap,
    )
