r"""Regularised heads, on separable data or not: what leaving a sample out does to the minimiser.

w_S minimises G_S(w) = (1/n) sum_j ln(1 + exp(-z_j . w)) + (lam/2) |w|^2, z_j = y_j x_j; w_{S^i} the
same without the term of i, the weights 1/n of the others unchanged. (The penalty of
`bounds.literature.regularized_distance` has no factor 1/2.) Delta_i = w_S - w_{S^i}.

===========================  ===================================  ==================================
rung                         bounds                               needs
===========================  ===================================  ==================================
ball                         |Delta_i|                            the head on S
path                         the mean distance of the unit        n, B, gamma; separable data
                             directions, for every lam
approximate_leave_one_out    Delta_i itself, with the error of    the head on S; one factorisation
                             its approximation, and every
                             prediction
===========================  ===================================  ==================================

Source: this project, proofs in docs/regularised-heads.md.

Parameters
----------
n : array_like
    Number of samples, at least 2.
lam : array_like
    Weight of the penalty (lam/2) |w|^2, above 0.

Raises
------
TypeError, ValueError
    If an argument is no real number or out of its range.
OverflowError
    If a bound exceeds float64.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike
from scipy.special import expit

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import (
    broadcast,
    fraction_array,
    positive_array,
    real_array,
    real_number,
    true_or_false,
    whole_array,
    within_float64,
)
from tunebound._ground.sample_checks import features, signs
from tunebound.bounds.arguments import margin_and_radius
from tunebound.bounds.arithmetic import finish, product
from tunebound.bounds.head.sharp_constants import anytime_constant
from tunebound.bounds.regularised_bias import both_classes, largest_of_inverse

__all__ = [
    "ApproximateLeaveOneOut",
    "approximate_leave_one_out",
    "ball",
    "distance_from_minimiser",
    "path",
]

UNIT = float(np.finfo(np.float64).eps)
BLOCK = 2**21  # entries of a block of samples by samples
ALL_PAIRS = 2**29  # products of two numbers; beyond, pairs of samples are compared where it decides
LARGEST_ROUNDING = 1e-2  # of what is certified; beyond, float64 does not carry the certificate


def ball(*, n: ArrayLike, lam: ArrayLike, residuals: ArrayLike, norms: ArrayLike) -> float | Floats:
    """Bound on |Delta_i| for each left-out sample: c_i |x_i|, c_i = p_i / (n lam).

    Delta_i lies in the ball with the diameter from 0 to c_i z_i, which `bounds.churn.ball` takes.

    Parameters
    ----------
    residuals : array_like
        p_i = 1/(1 + exp(z_i . w_S)), in [0, 1]: the probability of the wrong label.
    norms : array_like
        |x_i|, above 0.
    """
    n = whole_array("n", n, low=2)
    lam = positive_array("lam", lam)
    residuals = fraction_array("residuals", residuals, zero=True)
    norms = positive_array("norms", norms)
    broadcast(n=n, lam=lam, residuals=residuals, norms=norms)
    return finish("ball", product((residuals, norms), (n, lam)))


def path(*, n: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> float | Floats:
    """Bound on the mean distance of the unit directions of w_S and w_{S^i}, for every lam > 0:
    the smaller of C(rho) rho/n and (4 rho + 2)/(3 n), rho = B/gamma.

    C(rho), from 1 to 1.5396, is that of `bounds.head.anytime`; the second is the smaller one for
    rho above about 6. Assumption: separable data.

    Parameters
    ----------
    margin, radius : array_like
        Margin of the data and largest norm of a feature; radius >= margin > 0.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    broadcast(n=n, margin=margin, radius=radius)
    cone = product((anytime_constant(margin, radius), radius), (margin, n))
    half_ball = product((4.0, radius), (3.0, margin, n)) + product((2.0,), (3.0, n))
    return finish("path", np.minimum(cone, half_ball))


@dataclass(frozen=True, kw_only=True)
class ApproximateLeaveOneOut:
    """Newton's step from w_S towards every w_{S^i}, and how far it can be off.

    Norms |v|_A = sqrt(v . A v), with H_i the Hessian of G_{S^i} at w_S. Samples whose `tau` is 1 or
    more are not certified: their `reach` and `error` are infinite.

    Attributes
    ----------
    weights : ndarray of float64, shape (n, d)
        The approximations of w_{S^i}.
    gradients : ndarray of float64, shape (n, d)
        g_i, the gradient of G_{S^i} at w_S; at the minimiser p_i z_i / n. Delta_i lies in the ball
        with the diameter from 0 to g_i / lam, certified or not; not with an unpenalised bias.
    tau : ndarray of float64, shape (n,)
        max_{j != i} |x_j|_{H_i^-1} times |g_i|_{H_i^-1}.
    reach : ndarray of float64, shape (n,)
        R_i = -ln(1 - tau_i) >= max_{j != i} |x_j . Delta_i|.
    error : ndarray of float64, shape (n,)
        (R_i / tau_i - 1) |g_i|_{H_i^-1}, a bound on the distance of `weights` from w_{S^i} in
        |.|_{H_i}.
    distance : ndarray of float64, shape (n,)
        The same in the Euclidean norm, without an unpenalised bias: error / sqrt(lam).
    """

    weights: Floats
    gradients: Floats
    tau: Floats
    reach: Floats
    error: Floats
    distance: Floats
    _factor: Floats = field(repr=False)
    _rows: Floats = field(repr=False)
    _curvatures: Floats = field(repr=False)
    _inflation: Floats = field(repr=False)

    def predict_left_out(self) -> tuple[Floats, Floats]:
        """y_i x_i . w_{S^i} of each sample without itself, and the largest error of each.

        Returns
        -------
        values, errors : ndarray of float64, shape (n,)
            Infinite errors where sample i is not certified.
        """
        own = np.einsum("nd,nd->n", self._rows, self._rows)
        sizes = np.sqrt(own + self._curvatures * own**2)
        Z = self._rows @ self._factor.T
        values = np.einsum("nd,nd->n", Z, self.weights)
        rounding = np.linalg.norm(Z, axis=1) * np.linalg.norm(self.weights, axis=1)
        rounding = rounding * (4 * (self.weights.shape[1] + 8) * UNIT)
        return values, sizes * self._inflation * self.error + rounding

    @within_float64("points")
    def predict(self, points: ArrayLike) -> tuple[Floats, Floats]:
        """x . w_{S^i} at any points, approximately, and the largest error of each.

        Parameters
        ----------
        points : array_like of shape (m, d)

        Returns
        -------
        values, errors : ndarray of float64, shape (m, n)
            |x . w_{S^i} - value| <= error; infinite where sample i is not certified.
        """
        points = real_array("points", points)
        d = self.weights.shape[1]
        if points.ndim != 2 or points.shape[1] != d:
            raise ValueError(f"points must have shape (m, {d}), got {points.shape}")
        scaled = scipy.linalg.solve_triangular(self._factor, points.T, lower=True).T
        sizes = np.einsum("md,md->m", scaled, scaled)[:, np.newaxis]
        sizes = np.sqrt(sizes + self._curvatures * (scaled @ self._rows.T) ** 2)
        values = points @ self.weights.T
        rounding = (d + 8) * UNIT * np.linalg.norm(points, axis=1)[:, np.newaxis]
        rounding = rounding * np.linalg.norm(self.weights, axis=1)
        return values, sizes * self._inflation * self.error + rounding


@within_float64("X", "weights", "lam")
def approximate_leave_one_out(
    X: ArrayLike, y: ArrayLike, weights: ArrayLike, *, lam: float, bias: bool = False
) -> ApproximateLeaveOneOut:
    """All left-out minimisers from the one on S, by one factorisation, each with a certificate.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, n >= 2.
    y : array_like of shape (n,)
        Labels, -1 or +1. The data may be separable or not.
    weights : array_like of shape (d,)
        w_S. It has not to be the exact minimiser: its gradient enters g_i, so that what is
        certified is the way from these weights to the true w_{S^i}.
    lam : float
        Weight of the penalty (lam/2) |w|^2, above 0.
    bias : bool
        Whether the last column of X is a constant whose weight has no penalty, y twice -1 and +1.

    Returns
    -------
    ApproximateLeaveOneOut

    Raises
    ------
    TypeError, ValueError
        If an argument is malformed, or lam or the curvatures too small for float64.

    Notes
    -----
    O(n d^2 + n^2 d) for all samples where n^2 d is at most 2^29. Beyond that `tau` has the bound
    max_{j != i} |x_j|_{H_i^-1}^2 <= max_{j != i} |x_j|_{H^-1}^2 / (1 - leverage_i), which is too
    large by the second factor at most, and pairs are compared only for samples that this leaves
    open and that can still be certified: O(n d^2) for the rest. The rounding of the factorisation,
    (d + 8) 2^-52 times the condition of H and the growth 1/(1 - leverage) of each sample, is added
    to every bound.
    """
    X = features(X)
    n, d = X.shape
    if n < 2:
        raise ValueError("X has one sample: at least 2 are needed to leave one out")
    y = signs(y, (n,))
    weights = real_array("weights", weights)
    if weights.shape != (d,):
        raise ValueError(f"weights must have shape ({d},) to meet X, got {weights.shape}")
    lam = real_number("lam", lam, above=0)
    penalty = np.full(d, lam)
    if true_or_false("bias", bias):
        both_classes(y, 2)
        penalty[-1] = 0.0
    Z = X * y[:, np.newaxis]
    residuals = expit(-(Z @ weights))
    curvatures = residuals * (1.0 - residuals) / n
    norms = np.linalg.norm(X, axis=1)
    inverse = largest_of_inverse(X, curvatures, lam) if bias else 1.0 / lam
    condition = (lam + float(curvatures @ norms**2)) * inverse
    rounding = 4.0 * (d + 8) * UNIT * condition
    _refuse_rounding(rounding, condition, lam)
    gradient = penalty * weights - residuals @ Z / n
    factor = scipy.linalg.cholesky((X.T * curvatures) @ X + np.diag(penalty), lower=True)
    rows = scipy.linalg.solve_triangular(factor, Z.T, lower=True).T
    own = np.einsum("nd,nd->n", rows, rows)
    kept = 1.0 - curvatures * own  # 1 - leverage, above 0 on paper
    least = max(float(kept.min()), UNIT)
    _refuse_rounding(rounding / least, condition / least, lam)
    inflation = 1.0 + rounding / kept
    without = curvatures / kept  # H_i^-1 = L^-T (I + without_i r_i r_i^T) L^-1
    scaled = scipy.linalg.solve_triangular(factor, gradient, lower=True) + (
        residuals[:, np.newaxis] / n * rows
    )
    along = np.einsum("nd,nd->n", rows, scaled)
    # what the gradient itself is rounded by, in the norm of H_i^-1, at most I/lam or H^-1/kept
    floor = residuals @ norms / n + (curvatures @ norms**2 + lam) * np.linalg.norm(weights)
    floor = floor * (n + d + 8) * UNIT * np.sqrt(inverse / kept if bias else inverse)
    size = np.sqrt(np.einsum("nd,nd->n", scaled, scaled) + without * along**2) * inflation + floor
    tau = _largest_others(rows, own, kept, without, inflation * size) * inflation * size
    steps = scipy.linalg.solve_triangular(
        factor, (scaled + (without * along)[:, np.newaxis] * rows).T, lower=True, trans="T"
    ).T
    certified = tau < 1
    safe = np.where(certified, tau, 0.5)
    reach = np.where(certified, -np.log1p(-safe), np.inf)
    relative = np.where(certified, _excess(safe), np.inf)
    error = relative * size + (inflation - 1.0) * size + floor
    return ApproximateLeaveOneOut(
        weights=weights - steps,
        gradients=gradient + residuals[:, np.newaxis] / n * Z,
        tau=tau,
        reach=reach,
        error=error,
        distance=error / np.sqrt(lam),
        _factor=factor,
        _rows=rows,
        _curvatures=without,
        _inflation=inflation,
    )


@within_float64("X", "weights", "lam")
def distance_from_minimiser(X: ArrayLike, y: ArrayLike, weights: ArrayLike, *, lam: float) -> float:
    """Bound on |weights - w_S|: the norm of the gradient of G_S, with its rounding, over lam.

    G_S is lam-strongly convex. For weights from any solver.

    Parameters
    ----------
    X : array_like of shape (n, d)
    y : array_like of shape (n,)
        Labels, -1 or +1.
    weights : array_like of shape (d,)
    lam : float
        Weight of the penalty (lam/2) |w|^2, above 0.
    """
    X = features(X)
    n, d = X.shape
    y = signs(y, (n,))
    weights = real_array("weights", weights)
    if weights.shape != (d,):
        raise ValueError(f"weights must have shape ({d},) to meet X, got {weights.shape}")
    lam = real_number("lam", lam, above=0)
    Z = X * y[:, np.newaxis]
    residuals = expit(-(Z @ weights))
    norms, size = np.linalg.norm(X, axis=1), float(np.linalg.norm(weights))
    gradient = float(np.linalg.norm(lam * weights - residuals @ Z / n))
    # a product rounded by u |z| |w| moves its residual by that share of itself
    terms = lam * size + float(residuals @ (norms * (1.0 + norms * size))) / n
    return (gradient + (n + d + 8) * UNIT * terms) / lam


def _refuse_rounding(rounding: float, condition: float, lam: float) -> None:
    if rounding > LARGEST_ROUNDING:
        said = f"lam = {lam:g} is too small for float64: the condition of a Hessian is up to"
        raise ValueError(f"{said} {condition:.2g}; raise lam or rescale X")


def _excess(tau: Floats) -> Floats:
    """-ln(1 - tau)/tau - 1, by its series tau/2 + tau^2/3 + ... where the difference cancels."""
    series = tau / 2 + tau**2 / 3 + tau**3 / 4 + tau**4 / 5 + tau**5 / 5  # rest below tau^5/5
    positive = np.where(tau > 0, tau, 1.0)
    return np.where(tau < 1e-3, series, -np.log1p(-tau) / positive - 1.0)


def _largest_others(
    rows: Floats, own: Floats, kept: Floats, without: Floats, size: Floats
) -> Floats:
    """max over j != i of |x_j|_{H_i^-1}, or a bound on it where it decides nothing."""
    n, d = rows.shape
    order = np.argsort(own)
    others = np.where(np.arange(n) == order[-1], own[order[-2]], own[order[-1]])
    largest = np.sqrt(others / kept)
    if n * n * d <= ALL_PAIRS:
        open_ = np.arange(n)
    else:
        open_ = np.flatnonzero((largest * size >= 1) & (np.sqrt(others) * size < 1))
    step = max(1, BLOCK // n)
    for start in range(0, len(open_), step):
        block = open_[start : start + step]
        squares = own + without[block, np.newaxis] * (rows[block] @ rows.T) ** 2
        squares[np.arange(block.size), block] = 0.0
        largest[block] = np.sqrt(squares.max(axis=1))
    return largest
