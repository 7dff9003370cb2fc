"""Least distance programming: the shortest w with Z w >= 1, by non-negative least squares or an
interior-point method, and an active-set polish.

``min |E u - f|, u >= 0`` with ``E = [Z^T; 1^T]``, ``f = (0, ..., 0, 1)`` has a residual that is
proportional to ``(-w, 1)`` (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23).
It loses digits when the margin is far from 1, so the data are scaled by a power of two first; large
problems, and those that it gives up, go to an interior-point method. What either is trusted for is
the active set alone: given that, w and the dual solve a linear system, refined here with residuals
in extended precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from tunebound._ground.arrays import Floats
from tunebound.bounds.separators import interior_point
from tunebound.bounds.separators.certificates import EXTENDED_EPS, Extended, certify, products
from tunebound.bounds.separators.split_products import EPS, Split, split

# relative to the largest entry: below, float64 data cannot tell a margin from none
_SMALLEST_MARGIN = 1e-14
_LARGEST_GAP = 1e-6
_EXPECTED_GAP = 1e-9  # of a start that was right
_PIVOTING = 10**6  # entries of Z up to which non-negative least squares is the faster way

_UNRESOLVED = (
    "X, y: float64 shows no separator through the origin; either there is none, or its margin is"
    " below about 1e-13 of the largest entry of X"
)
_REMEDY = (
    "Append a constant feature for an intercept, add features, or remove contradictory samples;"
    " tune_heads and minimise_heads take them as they are"
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
        to be the largest, rounding included; see `certificates`.
    """

    weights: Floats
    margin: float
    dual: Floats
    gap: float


def least_distance(Z: Floats, active: NDArray[np.intp] | None = None) -> LeastDistance:
    """Solve for the shortest w with Z w >= 1.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, d)
        Finite rows y_i x_i.
    active : ndarray of int, optional
        Rows that probably have a positive dual, where the margin is near 1; tried first.

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
    if active is not None and active.size:
        solution = _polish(Z, active)
        if solution.gap <= _EXPECTED_GAP:
            return solution
    exponent = int(np.frexp(np.abs(Z).max())[1])
    scaled = np.ldexp(Z, -exponent)  # exact, but for entries 1e308 times below the largest
    gaps = []
    for route in _routes(scaled.size):
        found = route(scaled)
        if found is None:
            continue
        active, shift = found
        solution = _polish(np.ldexp(scaled, shift), active)
        if solution.gap <= _LARGEST_GAP:
            return unscale(solution, exponent - shift)
        gaps.append(solution.gap)
    found_gap = f" (relative duality gap {min(gaps):.1e})" if gaps else ""
    raise NotSeparableError(f"{_UNRESOLVED}{found_gap}. {_REMEDY}")


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


Found = tuple[NDArray[np.intp], int]  # active set; power of two that brings the margin near 1


def _routes(size: int) -> list[Callable[[Floats], Found | None]]:
    routes: list[Callable[[Floats], Found | None]] = [_by_least_squares, _by_interior_point]
    return routes if size <= _PIVOTING else routes[::-1]


def _columns(Z: Floats) -> Floats:
    """The columns y_i x_i, in coordinates of their span where that is smaller: (min(n, d), n)."""
    n, d = Z.shape
    return Z.T if d <= n else scipy.linalg.qr(Z.T, mode="r")[0][:n]


def _by_least_squares(Z: Floats) -> Found | None:
    n = len(Z)
    columns = _columns(Z)
    target = np.zeros(columns.shape[0] + 1)
    target[-1] = 1.0
    shift = 0
    for _ in range(4):
        system = np.vstack([np.ldexp(columns, shift), np.ones(n)])
        try:
            u, _ = scipy.optimize.nnls(system, target)
        except RuntimeError:  # it used up its iterations
            return None
        wanted = _wanted_shift(columns @ u / u.sum())
        if abs(wanted - shift) <= 6:  # the residual kept 12 binary digits at most below 1
            return np.flatnonzero(u > 0), wanted
        shift = wanted
    return np.flatnonzero(u > 0), shift


def _by_interior_point(Z: Floats) -> Found | None:
    columns = _columns(Z)
    radius = float(np.linalg.norm(columns, axis=0).max())
    active, shares = interior_point.support_of(np.ascontiguousarray(columns.T / radius))
    wanted = _wanted_shift(columns @ shares)
    return (active, wanted) if active.size else None


def _wanted_shift(combination: Floats) -> int:
    """The power of two for a margin of this convex combination of rows; refuses one that is 0."""
    largest = float(np.linalg.norm(combination))
    if largest < _SMALLEST_MARGIN:
        raise NotSeparableError(
            "X, y are not linearly separable through the origin: a convex combination of the"
            f" rows y_i x_i has norm {largest:.1e} where the largest entry of X is scaled to 1."
            f" {_REMEDY}"
        )
    return -int(np.frexp(largest)[1])


def _polish(Z: Floats, active: NDArray[np.intp]) -> LeastDistance:
    """Solve on the active set, and correct the set until no dual is negative and no row is
    violated.

    As Lawson and Hanson do: a solution with negative duals is approached from the last one without
    until the first dual is 0, and that row leaves.
    """
    rows = split(Z)
    current = np.zeros(len(Z))
    best: LeastDistance | None = None
    for _ in range(2 * active.size + 20):
        active, w, dual = _equality_solution(Z, active)
        values, errors = products(rows, w[np.newaxis])
        candidate = _certified(rows, active, w, dual, values, errors)
        if best is None or candidate.gap < best.gap:
            best = candidate
        violation = 1.0 - values[0] - errors[0] - 4 * EPS - 8 * EXTENDED_EPS * rows.norms
        violation[active] = 0.0
        if dual.min() < 0:
            if not current.any():
                current[active] = np.maximum(dual, 0.0)
            start = current[active]
            lengths = np.full(active.size, np.inf)
            np.divide(start, start - dual, out=lengths, where=dual < 0)
            current[active] = np.maximum(start + lengths.min() * (dual - start), 0.0)
            active = np.delete(active, np.argmin(lengths))
        elif violation.max() > 0:
            current[:] = 0.0
            current[active] = np.maximum(dual, 0.0)
            entering = int(np.argmax(violation))
            leaving = _replaced(Z, active, current[active], entering)
            active = np.append(np.delete(active, leaving), entering)
        else:
            return candidate
    assert best is not None  # the loop runs at least once
    return best


def _replaced(Z: Floats, active: NDArray[np.intp], dual: Floats, entering: int) -> NDArray[np.intp]:
    """Which place of the active set a row takes that depends on the others: the one whose dual
    falls to 0 first when the new row takes over; none if it is independent.
    """
    rows = Z[active]
    image = np.linalg.lstsq(rows.T, Z[entering])[0]
    left = float(np.linalg.norm(Z[entering] - image @ rows))
    rounding = Z.shape[1] * EPS * float(np.linalg.norm(Z[entering]))
    falling = image > 0
    if (active.size < Z.shape[1] and left > rounding) or not falling.any():
        return np.empty(0, np.intp)
    lengths = np.full(active.size, np.inf)
    np.divide(dual, image, out=lengths, where=falling)
    return np.array([np.argmin(lengths)])


def _equality_solution(
    Z: Floats, active: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Extended, Extended]:
    """Return the shortest w with Z[active] w = 1 and its multipliers, on independent rows of the
    active set.

    The equations w = A^T alpha, A w = 1 of these rows A are refined together: a residual in
    extended precision, a correction by QR.
    """
    rows = Z[active]
    Q, R, order = scipy.linalg.qr(rows.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int(np.count_nonzero(diagonal > max(rows.shape) * EPS * diagonal[0]))
    active, rows = active[order[:rank]], rows[order[:rank]]
    Q, R = Q[:, :rank], R[:rank, :rank]
    w: Extended = np.zeros(Z.shape[1], np.longdouble)
    dual: Extended = np.zeros(rank, np.longdouble)
    last = np.inf
    for _ in range(8):
        stationarity = (dual @ rows - w).astype(np.float64)
        feasibility = (1.0 - rows @ w).astype(np.float64)
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


def _certified(
    rows: Split,
    active: NDArray[np.intp],
    w: Extended,
    multipliers: Extended,
    values: Floats,
    errors: Floats,
) -> LeastDistance:
    chosen = np.maximum(multipliers, 0.0).astype(np.float64)
    dual = np.zeros(len(rows.values))
    dual[active] = chosen
    combination = chosen.astype(np.longdouble) @ rows.values[active]
    rounding = (active.size + 2) * EXTENDED_EPS * float(chosen @ rows.norms[active])
    deviation = float(np.linalg.norm((combination - w).astype(np.float64))) + rounding
    smallest, margins, gaps = certify(
        values, errors, w[np.newaxis], dual[np.newaxis], np.array([deviation])
    )
    margin = float(margins[0])
    if margin == 0:
        return LeastDistance(w.astype(np.float64), 0.0, dual, np.inf)
    return LeastDistance(
        weights=(w / smallest[0]).astype(np.float64),
        margin=margin,
        dual=dual / (dual.sum() * margin**2),
        gap=float(gaps[0]),
    )
