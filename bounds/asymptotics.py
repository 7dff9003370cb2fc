"""Where gradient descent goes in the end: the asymptotic expansion of a head in ln t, and the error
of its direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import (
    broadcast,
    instance,
    non_negative_array,
    real_array,
    real_number,
    whole_array,
)
from tunebound._ground.sample_checks import labelled_sample
from tunebound.bounds.separators import Separator, max_margin
from tunebound.bounds.separators.least_distance import least_distance

_ACTIVE = 1e-9  # excess of y_j x_j . w over 1 below which sample j lies on the margin, or rounding
_RANK = 1e-10
_NEWTON_STEPS = 200
_NEAR = 0.1
_SHIFT = 0.005
_ROUNDING = 1e-12  # an offset along w_S up to this leaves no error to predict
_BALANCED = 1e-6  # a residual up to this is rounding


@dataclass(frozen=True, kw_only=True)
class Asymptote:
    """w(t) = leading ln t + double_log ln ln t + offset + o(1), up to a constant across the support
    vectors' span.

    Attributes
    ----------
    leading : ndarray of float64, shape (d,)
        Hard-margin separator w_S.
    double_log : ndarray of float64, shape (d,)
        Zero unless a sample on the margin has the dual 0 in every dual solution (degenerate data).
        Then it is the hard-margin separator of those samples, projected off the span of the others
        on the margin.
    offset : ndarray of float64, shape (d,)
        The constant term within the span of the support vectors: (eta/n) exp(-y_i x_i . offset) =
        dual_i on them.
    dual : ndarray of float64, shape (n,)
        The dual solution that the samples' shares of the gradient tend to; of all solutions, the
        one of largest entropy.
    spans : bool
        Whether the support vectors span all samples and nothing is degenerate: `offset` is then the
        whole constant term, for a start in the span of the samples.
    onset : float
        ln t from which on the expansion is good, to first order: deviations from the offset, the
        slowest of which falls like t^-lambda with lambda the smallest eigenvalue of sum_i dual_i
        x_i x_i^T, are down from |offset| to 0.5 % of its part across w_S, and the other samples,
        whose shares of the gradient fall like t^(1 - y_j x_j . w_S), shift it by at most 0.5 % of
        that part. Infinite where the support vectors do not span the samples, or the offset has no
        such part.
    residual : float
        Largest entry of sum_i dual_i y_i x_i - w_S, relative to that of w_S; at most 1e-6.
    """

    leading: Floats
    double_log: Floats
    offset: Floats
    dual: Floats
    spans: bool
    onset: float
    residual: float

    @property
    def direction(self) -> Floats:
        """Unit vector along `leading`, shape (d,)."""
        return self.leading / np.linalg.norm(self.leading)

    @property
    def rate(self) -> float:
        """Limit of (direction error) * ln t where nothing is degenerate: |P offset| / |w_S|, P
        projecting off w_S.
        """
        return self._across(self.offset)

    @property
    def double_log_rate(self) -> float:
        """Limit of (direction error) * ln t / ln ln t, the constant C of the published rate:
        |double_log| / |w_S|.
        """
        return self._across(self.double_log)

    def head(self, steps: ArrayLike) -> Floats:
        """The expansion without its o(1), shape (K, d), at numbers of steps (K,), each at least
        3.
        """
        counts = np.atleast_1d(whole_array("steps", steps, low=3))
        if counts.ndim > 1:
            raise ValueError(f"steps must have shape (K,), got {counts.shape}: pass a list")
        logarithm = np.log(counts)[:, np.newaxis]
        return self.leading * logarithm + self.double_log * np.log(logarithm) + self.offset

    def direction_error(self, steps: ArrayLike) -> Floats:
        """Distance of the head's unit direction from that of w_S, shape (K,), at numbers of steps
        (K,), each at least 3.
        """
        heads = self.head(steps)
        along = heads @ self.direction
        across = np.linalg.norm(heads - along[:, np.newaxis] * self.direction, axis=1)
        return direction_distance(across, along)

    def _across(self, vector: Floats) -> float:
        direction = self.direction
        return float(
            np.linalg.norm(vector - (vector @ direction) * direction) / np.linalg.norm(self.leading)
        )


def direction_distance(across: ArrayLike, along: ArrayLike) -> Floats:
    """Distance of a vector's unit direction from an axis: 2 sin(angle/2), the chord of their angle.

    Parameters
    ----------
    across : array_like
        Norm of the vector's part across the axis, 0 or more.
    along : array_like
        Its component along the axis; negative for a vector that points the other way.

    Returns
    -------
    ndarray of float64
        In [0, 2].

    Raises
    ------
    TypeError, ValueError
        If an argument is not made of finite real numbers, `across` is negative, or the shapes do
        not broadcast.
    """
    across, along = non_negative_array("across", across), real_array("along", along)
    broadcast(across=across, along=along)
    return np.asarray(2 * np.sin(np.arctan2(across, along) / 2))  # loses no digits at small angles


def asymptote(
    X: ArrayLike, y: ArrayLike, *, learning_rate: float, separator: Separator | None = None
) -> Asymptote:
    """Compute the asymptotic expansion of gradient descent on the mean logistic loss.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite, linearly separable through the origin.
    y : array_like of shape (n,)
        Labels, -1 or +1.
    learning_rate : float
        Step size eta of descent on (1/n) sum_j ln(1 + exp(-y_j x_j . w)).
    separator : Separator, optional
        ``max_margin(X, y)``, if it is known already.

    Returns
    -------
    Asymptote

    Raises
    ------
    TypeError, ValueError
        If an argument is malformed or out of range, or `separator` is of other data.
    NotSeparableError
        If no hyperplane through the origin separates the classes.
    ArithmeticError
        If rounding leaves a residual above 1e-6, or the offset leaves float64.

    Notes
    -----
    Soudry et al., "The implicit bias of gradient descent on separable data", JMLR 19 (2018),
    Theorem 4, for almost all data; docs/head-tuning.md derives the terms of degenerate data. Which
    samples on the margin have a positive dual in some solution is decided by a linear program; the
    offset minimises the convex (eta/n) sum_i exp(-y_i x_i . v) + w_S . v over their span, by
    Newton's method. All is computed in units of the margin, to a power of 2: X c with
    learning_rate/c^2 gives the same rates.
    """
    X, y = labelled_sample(X, y)
    log_rate = float(np.log(real_number("learning_rate", learning_rate, above=0)))
    separator = max_margin(X, y) if separator is None else separator
    _check_belongs(X * y[:, np.newaxis], separator)
    exponent = int(np.frexp(separator.margin)[1])
    Z = np.ldexp(X * y[:, np.newaxis], -exponent)
    leading = np.ldexp(separator.weights, exponent)
    log_scale = log_rate + 2 * exponent * np.log(2) - np.log(len(y))
    rounding = 8 * np.finfo(float).eps * np.linalg.norm(Z, axis=1) * np.linalg.norm(leading)
    on_margin = np.flatnonzero(Z @ leading <= 1 + np.maximum(_ACTIVE, rounding))
    supporting = on_margin[_can_support(Z[on_margin], leading)] if on_margin.size else on_margin
    degenerate = np.setdiff1d(on_margin, supporting)
    shares = np.zeros(len(y))
    residual = np.inf
    if supporting.size:
        span = _span(Z[supporting])
        offset, dual = _offset(Z[supporting] @ span, leading @ span, log_scale)
        shares[supporting] = dual
        residual = float(np.abs(shares @ Z - leading).max() / np.abs(leading).max())
    if not residual <= _BALANCED:
        raise ArithmeticError(
            f"X: the support vectors miss the separator by {residual:.2g}, relatively, and"
            f" {_BALANCED:g} is allowed: rounding hides which samples lie on a margin below about"
            " 1e-9 radii; choose features with a larger margin"
        )
    double_log = np.zeros_like(leading)
    if degenerate.size:
        projected = Z[degenerate] - (Z[degenerate] @ span) @ span.T
        double_log = least_distance(projected).weights
    spans = not degenerate.size and span.shape[1] == _span(Z).shape[1]
    others = np.setdiff1d(np.arange(len(y)), on_margin)
    onset = (
        _onset(Z[supporting] @ span, dual, Z[others] @ span, leading @ span, offset, log_scale)
        if spans
        else np.inf
    )
    return Asymptote(
        leading=separator.weights,
        double_log=np.ldexp(double_log, -exponent),
        offset=np.ldexp(span @ offset, -exponent),
        dual=np.ldexp(shares, -2 * exponent),
        spans=spans,
        onset=onset,
        residual=residual,
    )


def _check_belongs(Z: Floats, separator: Separator) -> None:
    remedy = "pass max_margin(X, y) of the same X and y, or leave it out"
    instance("separator", separator, Separator, remedy=remedy)
    shape = (len(separator.dual), len(separator.weights))
    if shape != Z.shape:
        raise ValueError(f"separator is of samples of shape {shape}, X has {Z.shape}; {remedy}")
    smallest = float((Z @ separator.weights).min())
    if abs(smallest - 1) > _BALANCED:
        raise ValueError(
            f"separator has min_j y_j x_j . w = {smallest:.6g} on X, y instead of 1; {remedy}"
        )


def _can_support(Z: Floats, leading: Floats) -> NDArray[np.bool_]:
    """Whether each row has a positive coefficient in some conic combination of the rows that gives
    `leading`.

    Independent rows have one combination. Otherwise a linear program maximises sum r over Z^T a = s
    leading, 0 <= r <= a, r <= 1, s >= 0: an optimal r is 1 where it can be positive.
    """
    m, d = Z.shape
    unique, _, rank, _ = np.linalg.lstsq(Z.T, leading, rcond=_RANK)
    if rank == m:
        return np.asarray(unique > _RANK * unique.max())
    scale = float(np.abs(Z).max())
    rows = Z / scale
    target = leading / np.linalg.norm(leading)
    equal = np.hstack([rows.T, np.zeros((d, m)), -target[:, np.newaxis]])
    less = np.hstack([-np.eye(m), np.eye(m), np.zeros((m, 1))])
    solution = scipy.optimize.linprog(
        np.concatenate([np.zeros(m), -np.ones(m), [0.0]]),
        A_ub=less,
        b_ub=np.zeros(m),
        A_eq=equal,
        b_eq=np.zeros(d),
        bounds=[(0, None)] * m + [(0, 1)] * m + [(0, None)],
        method="highs",
    )
    if not solution.success:
        raise ArithmeticError(
            f"X, y: the linear program for the support vectors failed ({solution.message});"
            " rescale X"
        )
    return np.asarray(solution.x[m : 2 * m] > 0.5)


def _span(rows: Floats) -> Floats:
    """Orthonormal basis of the span of the rows, shape (d, rank)."""
    _, singular, right = scipy.linalg.svd(rows, full_matrices=False)
    return np.asarray(right[singular > _RANK * singular[0]].T)


def _offset(Z: Floats, leading: Floats, log_scale: float) -> tuple[Floats, Floats]:
    """Minimise sum exp(log_scale - Z v) + leading . v; return v and the terms of the sum, which are
    the dual.
    """
    # from the least-squares solution with equal shares, rather than from 0, where exp may be far
    # off
    equal = np.log(float(leading @ leading) / len(Z))
    v = np.linalg.lstsq(Z, np.full(len(Z), log_scale - equal), rcond=None)[0]
    before = np.inf
    for _ in range(_NEWTON_STEPS):
        shares = np.exp(log_scale - Z @ v)
        # in the metric of the square roots the system stays well posed when the shares differ by
        # many decades
        step = _normal_solve(np.sqrt(shares)[:, np.newaxis] * Z, shares @ Z - leading)
        change = float(np.abs(Z @ step).max())  # of the logarithm of a share
        if change == 0.0 or (before <= _NEAR and change > before / 2):
            break  # rounding ended the quadratic convergence
        before = change
        # no share grows by more than 1 + change: of all lengths the one that surely lowers the sum
        # most, since the curvature along the step grows by no more than the shares
        v = v + np.log1p(change) / change * step
    return np.asarray(v), np.exp(log_scale - Z @ v)


def _normal_solve(root: Floats, right: Floats) -> Floats:
    """Solve root^T root x = right through root alone, whose condition number is the square root of
    the product's.
    """
    return np.asarray(
        np.linalg.lstsq(root, np.linalg.lstsq(root.T, right, rcond=None)[0], rcond=None)[0]
    )


def _onset(
    support: Floats, dual: Floats, others: Floats, leading: Floats, offset: Floats, log_scale: float
) -> float:
    """ln t from which deviations of the support vectors and the pull of the other samples are both
    down to `_SHIFT`.
    """
    direction = leading / np.linalg.norm(leading)
    root = np.sqrt(dual)[:, np.newaxis] * support
    # a deviation delta from the offset obeys d delta/d ln t = -sum_i dual_i z_i z_i^T delta
    slowest = float(scipy.linalg.svdvals(root)[-1]) ** 2
    across = float(np.linalg.norm(offset - (offset @ direction) * direction))
    if across <= _ROUNDING * np.linalg.norm(offset):
        return np.inf
    relaxed = float(np.log(np.linalg.norm(offset) / (_SHIFT * across))) / slowest
    if not others.size:
        return relaxed
    responses = _normal_solve(root, others.T).T
    responses -= (responses @ direction)[:, np.newaxis] * direction
    with np.errstate(divide="ignore"):
        # logarithms of each sample's share of the shift at t = 1, and how fast it falls in ln t
        height = (
            log_scale
            - others @ offset
            + np.log(np.linalg.norm(responses, axis=1))
            - np.log(_SHIFT * across)
        )
    fall = others @ leading - 1

    def excess(u: float) -> float:
        return float(scipy.special.logsumexp(height - fall * u))

    if excess(relaxed) <= 0:
        return relaxed
    latest = float(np.max((height + np.log(len(height))) / fall))
    return float(scipy.optimize.brentq(excess, relaxed, latest * (1 + 1e-9) + 1.0))
