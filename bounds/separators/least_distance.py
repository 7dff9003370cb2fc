"""Least distance programming: the shortest w with Z w >= 1, by non-negative least squares and an
active-set polish.

``min |E u - f|, u >= 0`` with ``E = [Z^T; 1^T]``, ``f = (0, ..., 0, 1)`` has a residual that is
proportional to ``(-w, 1)`` (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23).
It loses digits when the margin is far from 1, so the data are scaled by a power of two first. What
it is trusted for is the active set alone: given that, w and the dual solve a linear system, refined
here with residuals in extended precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from tunebound._ground.arrays import Floats

# Wider than float64 on x86; the same as float64 elsewhere, where the gap then says what was lost.
Extended = NDArray[np.longdouble]

_EPS = float(np.finfo(np.float64).eps)
_EXTENDED_EPS = float(np.finfo(np.longdouble).eps)
# relative to the largest entry: below, float64 data cannot tell a margin from none
_SMALLEST_MARGIN = 1e-14
_LARGEST_GAP = 1e-6

_UNRESOLVED = (
    "X, y: float64 shows no separator through the origin; either there is none, or its margin is"
    " below about 1e-13 of the largest entry of X"
)
_REMEDY = (
    "Append a constant feature for an intercept, add features, or remove contradictory samples"
)


class NotSeparableError(ValueError):
    """The two classes cannot be separated by a hyperplane through the origin, or not within
    float64.
    """


@dataclass(frozen=True)
class LeastDistance:
    """Shortest w with Z w >= 1.

    Attributes
    ----------
    weights : ndarray of shape (d,)
        w; every row of Z has a product of at least 1 with it, up to rounding.
    margin : float
        1/|w|.
    dual : ndarray of shape (n,)
        alpha >= 0 with w = Z^T alpha and sum alpha = |w|^2.
    gap : float
        Relative duality gap 1 - (lower/upper)^2 of a margin that w attains and one that alpha shows
        to be the largest.
    """

    weights: Floats
    margin: float
    dual: Floats
    gap: float


def least_distance(Z: Floats) -> LeastDistance:
    """Solve for the shortest w with Z w >= 1.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, d)
        Finite rows y_i x_i.

    Returns
    -------
    LeastDistance

    Raises
    ------
    NotSeparableError
        If no w has Z w > 0, or the margin is too small to be told from 0.
    """
    zero = np.flatnonzero(~Z.any(axis=1))
    if zero.size:
        raise NotSeparableError(
            f"X[{zero[0]}] is the zero vector, which no hyperplane through the origin separates:"
            " remove it, or append a constant feature"
        )
    exponent = int(np.frexp(np.abs(Z).max())[1])
    scaled = np.ldexp(Z, -exponent)  # exact, but for entries 1e308 times below the largest
    solution = None
    try:
        active, shift = _active_set(scaled)
        solution = _polish(np.ldexp(scaled, shift), active)
    except RuntimeError:  # NNLS used up its iterations
        shift = 0
    if solution is None or solution.gap > _LARGEST_GAP:  # NNLS failed, or lost the active set
        active, shift = _active_set_by_cone_program(scaled)
        solution = _polish(np.ldexp(scaled, shift), active)
    if solution.gap > _LARGEST_GAP:
        raise NotSeparableError(
            f"{_UNRESOLVED} (relative duality gap {solution.gap:.1e}). {_REMEDY}"
        )
    return unscale(solution, exponent - shift)


def unscale(solution: LeastDistance, exponent: int) -> LeastDistance:
    """Carry a solution for Z / 2**exponent over to Z."""
    margin = float(np.ldexp(solution.margin, exponent))
    if not 1e-153 <= margin <= 1e153:
        raise ValueError(
            f"the margin of X is {margin:.1e}: its inverse square leaves float64; rescale X, e.g. X"
            " / scale"
        )
    return LeastDistance(
        weights=np.ldexp(solution.weights, -exponent),
        margin=margin,
        dual=np.ldexp(solution.dual, -2 * exponent),
        gap=solution.gap,
    )


def duality_gap(attained: Floats | float, largest: Floats | float) -> Floats:
    """Return 1 - (attained/largest)^2 of margins, in size: rounding may cross them."""
    return np.asarray(np.abs((largest - attained) * (largest + attained)) / largest**2)


def _active_set(Z: Floats) -> tuple[NDArray[np.intp], int]:
    """Return the samples with a positive dual, by NNLS, and the power of two that brings the margin
    near 1.
    """
    n, d = Z.shape
    columns = Z.T if d <= n else scipy.linalg.qr(Z.T, mode="r")[0][:n]
    target = np.zeros(columns.shape[0] + 1)
    target[-1] = 1.0
    shift = 0
    for _ in range(4):
        system = np.vstack([np.ldexp(columns, shift), np.ones(n)])
        u, _ = scipy.optimize.nnls(system, target)
        combination = columns @ u
        largest = float(np.linalg.norm(combination)) / float(u.sum())
        if largest < _SMALLEST_MARGIN:
            raise NotSeparableError(
                "X, y are not linearly separable through the origin: a convex combination of the"
                f" rows y_i x_i has norm {largest:.1e} where the largest entry of X is scaled to 1."
                f" {_REMEDY}"
            )
        wanted = -int(np.frexp(largest)[1])
        if abs(wanted - shift) <= 6:  # the residual kept 12 binary digits at most below 1
            return np.flatnonzero(u > 0), wanted
        shift = wanted
    return np.flatnonzero(u > 0), shift


def _active_set_by_cone_program(Z: Floats) -> tuple[NDArray[np.intp], int]:
    """Return the same by an interior-point method, which needs no pivoting but knows the active set
    only roughly.
    """
    import cvxpy

    radius = float(np.linalg.norm(Z, axis=1).max())
    w = cvxpy.Variable(Z.shape[1])
    constraint = (Z / radius) @ w >= 1
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [constraint])
    problem.solve(solver=cvxpy.CLARABEL)
    if w.value is None or constraint.dual_value is None:
        raise NotSeparableError(f"{_UNRESOLVED} (the cone program is {problem.status}). {_REMEDY}")
    shift = -int(np.frexp(radius / np.linalg.norm(w.value))[1])
    dual = np.asarray(constraint.dual_value)
    return np.flatnonzero(dual > 1e-7 * dual.max()), shift


def _polish(Z: Floats, active: NDArray[np.intp]) -> LeastDistance:
    """Solve on the active set, and correct the set until no dual is negative and no row is
    violated.
    """
    norms = np.linalg.norm(Z, axis=1)
    best: LeastDistance | None = None
    for _ in range(2 * active.size + 20):
        active, w, dual = _equality_solution(Z, active)
        products = _products(Z, w, norms)
        candidate = _certified(Z, active, w, dual, float(products.min()))
        if best is None or candidate.gap < best.gap:
            best = candidate
        tolerance = 4 * _EPS + 8 * _EXTENDED_EPS * norms
        violation = 1.0 - products - tolerance
        violation[active] = 0.0
        if dual.min() < 0 and active.size > 1:
            active = np.delete(active, np.argmin(dual))
        elif violation.max() > 0:
            active = np.append(active, np.argmax(violation))
        else:
            return candidate
    assert best is not None  # the loop runs at least once
    return best


def _equality_solution(
    Z: Floats, active: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Extended, Extended]:
    """Return the shortest w with Z[active] w = 1 and its multipliers, on independent rows of the
    active set.

    The equations w = A^T alpha, A w = 1 are refined together: a residual in extended precision, a
    correction by QR.
    """
    rows = Z[active]
    Q, R, order = scipy.linalg.qr(rows.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int(np.count_nonzero(diagonal > max(rows.shape) * _EPS * diagonal[0]))
    active, rows = active[order[:rank]], rows[order[:rank]]
    Q, R = Q[:, :rank], R[:rank, :rank]
    A = rows.astype(np.longdouble)
    w: Extended = np.zeros(Z.shape[1], np.longdouble)
    dual: Extended = np.zeros(rank, np.longdouble)
    last = np.inf
    for _ in range(8):
        stationarity = (dual @ A - w).astype(np.float64)
        feasibility = (1.0 - A @ w).astype(np.float64)
        along = (
            scipy.linalg.solve_triangular(R, feasibility, trans="T", check_finite=False)
            - Q.T @ stationarity
        )
        w_correction = Q @ along + stationarity
        size = float(np.linalg.norm(w_correction))
        if size > 0.5 * last:
            break
        w = w + w_correction
        dual = dual + scipy.linalg.solve_triangular(R, along, check_finite=False)
        last = size
    return active, w, dual


def _products(Z: Floats, w: Extended, norms: Floats) -> Floats:
    """Return Z w, in extended precision for the rows that may be the smallest."""
    w64 = w.astype(np.float64)
    products = Z @ w64
    uncertainty = Z.shape[1] * _EPS * norms * float(np.linalg.norm(w64))
    near = np.flatnonzero(products - uncertainty <= np.min(products + uncertainty))
    products[near] = (Z[near].astype(np.longdouble) @ w).astype(np.float64)
    return products


def _certified(
    Z: Floats, active: NDArray[np.intp], w: Extended, multipliers: Extended, smallest: float
) -> LeastDistance:
    dual = np.zeros(Z.shape[0])
    dual[active] = np.maximum(multipliers, 0.0)
    if smallest <= 0 or not dual.any():
        return LeastDistance(w.astype(np.float64), 0.0, dual, np.inf)
    norm = np.sqrt(w @ w)
    attained = float(smallest / norm)
    combination = dual[active].astype(np.longdouble) @ Z[active].astype(np.longdouble)
    largest = float(np.sqrt(combination @ combination) / dual.sum())
    return LeastDistance(
        weights=(w / smallest).astype(np.float64),
        margin=attained,
        dual=dual / (dual.sum() * attained**2),
        gap=float(duality_gap(attained, largest)),
    )
