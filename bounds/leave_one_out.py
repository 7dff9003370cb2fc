"""Hard-margin separators of a sample with each member left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from bounds.arguments import Array, labelled_sample
from bounds.least_distance import duality_gap, least_distance
from bounds.separator import Separator, max_margin

_ACCEPTED_GAP = 1e-12  # a warm start that ends above is solved afresh
_FOREIGN = 1e-6


@dataclass(frozen=True)
class LeaveOneOut:
    """Separators of the left-out data; row i has sample i left out.

    Attributes
    ----------
    weights : ndarray of float64, shape (n, d)
        w_{S^i}; equal to w_S where sample i is no support vector.
    margins : ndarray of float64, shape (n,)
        Margins of S^i; none is below the margin of S.
    gaps : ndarray of float64, shape (n,)
        Relative duality gaps.
    hinge : ndarray of float64, shape (n,)
        max(0, 1 - y_i x_i . w_{S^i}), the hinge loss of the left-out sample.
    """

    weights: Array
    margins: Array
    gaps: Array
    hinge: Array


def leave_one_out_separators(X: ArrayLike, y: ArrayLike, separator: Separator | None = None) -> LeaveOneOut:
    """Compute the hard-margin separators of all left-out data.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite.
    y : array_like of shape (n,)
        Labels, -1 or +1; each must occur twice.
    separator : Separator, optional
        ``max_margin(X, y)``, if it is known already.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, a class has one sample only, or `separator` belongs to other data.
    NotSeparableError
        If no hyperplane through the origin separates the classes.

    Notes
    -----
    Where sample i has the dual 0, w_S solves the problem without it too, and nothing is computed. The other problems
    start from the active set of w_S.
    """
    X, y = labelled_sample(X, y)
    for label in (-1, 1):
        members = np.flatnonzero(y == label)
        if members.size == 1:
            raise ValueError(
                f"y has one sample of the class {label:+d}, number {members[0]}: leaving it out leaves one class; "
                "give two samples of each class"
            )
    Z = X * y[:, np.newaxis]
    if separator is None:
        separator = max_margin(X, y)
    else:
        _check_belongs(Z, separator)
    n = Z.shape[0]
    weights = np.tile(separator.weights, (n, 1))
    margins = np.full(n, separator.margin)
    gaps = np.full(n, separator.gap)
    hinge = np.zeros(n)
    exponent = int(np.frexp(separator.margin)[1])
    scaled = np.ldexp(Z, -exponent)
    start = _Start.of(scaled, np.ldexp(separator.dual, 2 * exponent))
    for i in separator.support:
        u = _resolve(start, int(i))
        solution = None if u is None else _certified(scaled, u, int(i))
        if solution is None:
            fresh = least_distance(np.delete(scaled, i, axis=0))
            solution = fresh.weights, fresh.margin, fresh.gap
        w, margin, gaps[i] = solution
        weights[i] = np.ldexp(w, -exponent)
        # w_S separates S^i too, so a smaller margin can only be rounding
        margins[i] = max(float(np.ldexp(margin, exponent)), separator.margin)
        hinge[i] = max(0.0, 1.0 - float(scaled[i] @ w))
    return LeaveOneOut(weights=weights, margins=margins, gaps=gaps, hinge=hinge)


def leave_one_out_margins(X: ArrayLike, y: ArrayLike) -> Array:
    """Compute the margins of all left-out data.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite.
    y : array_like of shape (n,)
        Labels, -1 or +1; each must occur twice.

    Returns
    -------
    ndarray of float64, shape (n,)
        Margins of S^i; none is below the margin of S. Errors as for `leave_one_out_separators`.
    """
    return leave_one_out_separators(X, y).margins


def _certified(Z: Array, u: Array, left_out: int) -> tuple[Array, float, float] | None:
    """Return w, its margin and the duality gap; None where the gap is not at the level of rounding."""
    combination = u @ Z
    products = Z @ combination
    products[left_out] = np.inf
    smallest = float(products.min())
    if u.min() < 0 or smallest <= 0:
        return None
    norm = float(np.linalg.norm(combination))
    margin = smallest / norm
    gap = duality_gap(margin, norm / float(u.sum()))
    return None if gap > _ACCEPTED_GAP else (combination / smallest, margin, gap)


@dataclass(frozen=True)
class _Start:
    """The solved whole problem at margin near 1, as the start of every left-out one.

    With K = Z Z^T + 1, the positive u of the NNLS problem solve K u = 1 on the active set, and w = Z^T u / (1 - sum u).
    """

    rows: Array  # Z, or its coordinates in the span of its rows where that is smaller
    kernel: Array
    active: NDArray[np.intp]
    inverse: Array  # of the kernel on the active set
    u: Array

    @classmethod
    def of(cls, Z: Array, dual: Array) -> _Start:
        rows = Z if Z.shape[1] <= Z.shape[0] else scipy.linalg.qr(Z.T, mode="r")[0][: Z.shape[0]].T
        kernel = rows @ rows.T + 1.0
        active = np.flatnonzero(dual)
        inverse = scipy.linalg.pinvh(kernel[np.ix_(active, active)])
        return cls(rows, kernel, active, inverse, dual[active] / (1.0 + dual.sum()))


def _resolve(start: _Start, left_out: int) -> Array | None:
    """Return the u of the data without one support vector, shape (n,); None if the pivots lead nowhere.

    Lawson and Hanson's NNLS with a warm start: no step raises the objective, so no active set comes twice.
    """
    n = start.rows.shape[0]
    tolerance = 1e-14 * float(np.sqrt(start.kernel.diagonal().max()))
    position = int(np.flatnonzero(start.active == left_out)[0])
    inverse = _without(start.inverse, np.array([position]))
    active, current = np.delete(start.active, position), np.delete(start.u, position)
    for _ in range(3 * n):
        u = inverse.sum(axis=1)
        blocking = u <= 0
        if blocking.any():
            length = np.min(current[blocking] / (current[blocking] - u[blocking]))
            current = current + length * (u - current)
            gone = np.flatnonzero(current <= 1e-15)
            if gone.size in (0, active.size):
                return None
            inverse = _without(inverse, gone)
            active, current = np.delete(active, gone), np.delete(current, gone)
            continue
        solution = np.zeros(n)
        solution[active] = u
        residual = 1.0 - u.sum() - start.rows @ (solution @ start.rows)
        u = u + inverse @ residual[active]
        solution[active] = u
        residual[active] = -np.inf
        residual[left_out] = -np.inf
        entering = int(np.argmax(residual))
        if residual[entering] <= tolerance:
            return solution
        extended = _with(inverse, start.kernel[active, entering], start.kernel[entering, entering])
        if extended is None:
            return None
        inverse = extended
        active, current = np.append(active, entering), np.append(np.maximum(u, 0.0), 0.0)
    return None


def _without(inverse: Array, positions: NDArray[np.intp]) -> Array:
    """Return the inverse of a symmetric matrix after deleting rows and columns of the matrix."""
    kept = np.delete(np.arange(inverse.shape[0]), positions)
    border = inverse[np.ix_(kept, positions)]
    corner = inverse[np.ix_(positions, positions)]
    return np.asarray(inverse[np.ix_(kept, kept)] - border @ scipy.linalg.solve(corner, border.T, assume_a="sym"))


def _with(inverse: Array, column: Array, diagonal: float) -> Array | None:
    """Return the inverse after appending a row and column; None if they depend on the others."""
    image = inverse @ column
    schur = float(diagonal - column @ image)
    if schur <= 1e-12 * diagonal:
        return None
    k = inverse.shape[0]
    extended = np.empty((k + 1, k + 1))
    extended[:k, :k] = inverse + np.outer(image, image / schur)
    extended[:k, k] = extended[k, :k] = -image / schur
    extended[k, k] = 1.0 / schur
    return extended


def _check_belongs(Z: Array, separator: Separator) -> None:
    n, d = Z.shape
    remedy = "pass max_margin(X, y) of the same X and y, or leave it out"
    if separator.weights.shape != (d,) or separator.dual.shape != (n,):
        raise ValueError(
            f"separator is for {separator.dual.shape[0]} samples in {separator.weights.shape[0]} dimensions, "
            f"X has shape {Z.shape}: {remedy}"
        )
    smallest = float((Z @ separator.weights).min())
    if abs(smallest - 1.0) > _FOREIGN:
        raise ValueError(f"separator has min_j y_j x_j . w = {smallest:.6g} on X, y instead of 1: {remedy}")
