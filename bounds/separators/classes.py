"""Hard-margin separators of several classes, whole and with each sample left out.

A head for K classes is a matrix W with a row a class; sample i is classified by a margin
``(w_y - w_k) . x_i`` against each other class k. With ``z_ik = (e_y - e_k) x_i^T`` these are the
products ``<z_ik, W>``, so that W is the solution of a least distance program over n (K - 1) rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Booleans, Floats, Integers
from tunebound._ground.checks import instance
from tunebound._ground.sample_checks import labelled_classes, sample_numbers
from tunebound.bounds.separators import left_out
from tunebound.bounds.separators.least_distance import NotSeparableError, least_distance


@dataclass(frozen=True, kw_only=True)
class ClassSeparator:
    """Separator W_S = argmin { |W|_F : (w_{y_i} - w_k) . x_i >= 1 for all i and k != y_i }.

    Attributes
    ----------
    weights : ndarray of float64, shape (K, d)
        W_S, of Frobenius norm 1/margin; its rows sum to 0.
    margin : float
        Largest min_{i, k} (u_{y_i} - u_k) . x_i of a U of Frobenius norm 1. For K = 2 it is sqrt(2)
        times the distance of the nearest sample to the hyperplane.
    dual : ndarray of float64, shape (n, K)
        alpha >= 0, 0 at a sample's own class, with W_S = sum_ik alpha_ik (e_{y_i} - e_k) x_i^T and
        sum alpha = 1/margin^2.
    support : ndarray of int, shape (k,)
        Samples with a dual above 0 against some class.
    gap : float
        Relative duality gap. The true margin is at most margin / sqrt(1 - gap), so `weights` is
        within sqrt(gap) * |weights| of the separator.
    """

    weights: Floats
    margin: float
    dual: Floats
    support: NDArray[np.intp]
    gap: float

    @property
    def direction(self) -> Floats:
        """`weights` over their Frobenius norm, shape (K, d)."""
        return self.weights * self.margin


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutClasses:
    """Separators of the left-out data; row i has sample i left out, or the i-th of the chosen ones.

    Attributes
    ----------
    weights : ndarray of float64, shape (n, K, d)
        W_{S^i}; equal to W_S where sample i is no support vector.
    margins : ndarray of float64, shape (n,)
        Margins of S^i; none is below the margin of S.
    gaps : ndarray of float64, shape (n,)
        Relative duality gaps, rounding included: the true margin is at most margin / sqrt(1 - gap).
    """

    weights: Floats
    margins: Floats
    gaps: Floats


def max_margin_classes(X: ArrayLike, y: ArrayLike) -> ClassSeparator:
    """Compute the hard-margin separator of several classes, without a bias.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features; finite. Append a constant feature for a bias.
    y : array_like of shape (n,)
        Labels 0, 1, ..., K - 1; all of them occur, and there are at least two.

    Returns
    -------
    ClassSeparator

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, or the margin's inverse square leaves float64.
    NotSeparableError
        If no W gives every sample its largest score in its own class, or only within rounding.

    Notes
    -----
    The least distance program of `max_margin`, over the n (K - 1) differences in K d dimensions.
    """
    points, labels, classes = labelled_classes(X, y, classes=None, members=1)
    rivals = np.arange(classes) != labels[:, np.newaxis]
    try:
        solution = least_distance(_differences(points, labels, classes))
    except NotSeparableError as error:
        raise NotSeparableError(
            "X, y: no head without a bias gives every sample its largest score in its own class, or"
            " float64 does not show it. Append a constant feature for a bias, add features, or"
            " remove contradictory samples"
        ) from error
    dual = np.zeros(rivals.shape)
    dual[rivals] = solution.dual
    return ClassSeparator(
        weights=solution.weights.reshape(classes, -1),
        margin=solution.margin,
        dual=dual,
        support=np.flatnonzero(dual.any(axis=1)),
        gap=solution.gap,
    )


def leave_one_out_classes(
    X: ArrayLike,
    y: ArrayLike,
    separator: ClassSeparator | None = None,
    *,
    samples: ArrayLike | None = None,
) -> LeaveOneOutClasses:
    """Compute the hard-margin separators of all left-out data of several classes.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite.
    y : array_like of shape (n,)
        Labels 0, 1, ..., K - 1; each occurs twice.
    separator : ClassSeparator, optional
        ``max_margin_classes(X, y)``, if it is known already.
    samples : array_like of int, optional
        Numbers of the samples to leave out, in the order of the rows of the result; all by default.
        Many samples may be done in parts, so that what is done can be kept.

    Returns
    -------
    LeaveOneOutClasses

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, a class has one sample only, `separator` belongs to other data,
        or `samples` are no numbers of samples.
    NotSeparableError
        If no W separates the classes.

    Notes
    -----
    Leaving sample i out drops its K - 1 rows. Where all of them have the dual 0, W_S solves the
    problem without them too, and nothing is computed; the other problems are solved together, as
    `leave_one_out_separators` does.
    """
    points, labels, classes = labelled_classes(X, y, classes=None, members=2)
    Z = _differences(points, labels, classes)
    if separator is None:
        separator = max_margin_classes(points, labels)
    else:
        _check_belongs(Z, separator, (classes, points.shape[1]))
    chosen = sample_numbers("samples", samples, len(points))
    weights = np.tile(separator.weights, (chosen.size, 1, 1))
    margins = np.full(chosen.size, separator.margin)
    gaps = np.full(chosen.size, separator.gap)
    at = np.flatnonzero(separator.dual[chosen].any(axis=1))
    rows = chosen[at, np.newaxis] * (classes - 1) + np.arange(classes - 1)
    dual = separator.dual[np.arange(classes) != labels[:, np.newaxis]]
    found, margins[at], gaps[at] = left_out.resolve(
        Z, separator.margin, dual, rows, solver="active-set"
    )
    weights[at] = found.reshape(at.size, *weights.shape[1:])
    return LeaveOneOutClasses(weights=weights, margins=margins, gaps=gaps)


def _differences(X: Floats, labels: Integers, classes: int) -> Floats:
    """The rows z_ik = (e_y - e_k) x_i^T, k != y in order, sample after sample: (n (K - 1), K d)."""
    unit = np.eye(classes)
    rivals: Booleans = np.arange(classes) != labels[:, np.newaxis]
    against = (unit[labels][:, np.newaxis] - unit)[rivals]
    owner = np.repeat(X, classes - 1, axis=0)
    return (against[:, :, np.newaxis] * owner[:, np.newaxis]).reshape(len(owner), -1)


def _check_belongs(Z: Floats, separator: ClassSeparator, shape: tuple[int, int]) -> None:
    remedy = "pass max_margin_classes(X, y) of the same X and y, or leave it out"
    instance("separator", separator, ClassSeparator, remedy=remedy)
    if (
        separator.weights.shape != shape
        or separator.dual.size * (shape[0] - 1) != len(Z) * shape[0]
    ):
        raise ValueError(
            f"separator has weights {separator.weights.shape} for {len(separator.dual)} samples, X"
            f" and y ask for {shape} and {len(Z) // (shape[0] - 1)}: {remedy}"
        )
    smallest, possible = left_out.smallest_product(Z, separator.weights.ravel())
    if not possible:
        raise ValueError(
            f"separator has a smallest margin of {smallest:.6g} on X, y instead of 1: {remedy}"
        )
