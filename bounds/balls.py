r"""What removing samples can do to a computed separator: where the left-out separators can lie.

For any w with a product of at least 1 with every row, any dual alpha >= 0 and the part p_i = sum_k
alpha_ik z_ik that sample i has in P = sum_i p_i, put r_I = P - sum_{i in I} p_i. Then Delta = w -
w_{S without I} satisfies

    |Delta|^2 <= Delta . w    and    Delta . r_I <= epsilon,

epsilon = sum alpha_ik (z_ik . w - 1), which is 0 for an exact separator and measured for any other:
nothing here rests on a solver. For every lam >= 0 Delta lies in the ball around (w - lam r_I)/2 of
radius sqrt(|w - lam r_I|^2/4 + lam epsilon). The rows z_ik of two classes are y_i x_i, those of
several (e_y - e_k) x_i^T. Source: this project, proofs in docs/churn.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import (
    broadcast,
    non_negative_array,
    real_array,
    whole_number,
    within_float64,
)
from tunebound._ground.sample_checks import labelled_classes, labelled_sample
from tunebound.bounds.arguments import sample_duals
from tunebound.bounds.arithmetic import SQRT2
from tunebound.bounds.turning import chord_within_cone, largest_of_others

UNIT = float(np.finfo(np.float64).eps)

__all__ = ["DeletionBalls", "classes", "two_classes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DeletionBalls:
    """Where the separators without a sample lie, of n samples of which s have a dual above 0.

    Rows of arrays over r_i are those of the support vectors in order, and at the end that of every
    other sample, which removes nothing.

    Attributes
    ----------
    weights : ndarray of float64, shape (D,)
        w, a row after the other for several classes; its smallest product with a row is 1.
    support : ndarray of int, shape (s,)
    column : ndarray of int, shape (n,)
        The row of each sample's r_i, from 0 to s.
    units, lengths : ndarray of float64, shape (s + 1, D) and (s + 1,)
        r_i/|r_i|, 0 where r_i is 0, and |r_i|.
    reach, across : ndarray of float64, shape (s + 1,)
        w . r_i/|r_i|, and the norm of the part of w across r_i.
    parts, along : ndarray of float64, shape (s + 1,)
        |p_i|, and p_i . w.
    slack : float
        epsilon, with the rounding of all products that it is made of.
    residual : float
        |w - P|.
    cone : ndarray of float64, shape (n,)
        Chord of the angle of the cone around w that holds the rows of all other samples.
    rounding : float
        Largest relative error of an inner product.
    """

    weights: Floats
    support: NDArray[np.intp]
    column: NDArray[np.intp]
    units: Floats
    lengths: Floats
    reach: Floats
    across: Floats
    parts: Floats
    along: Floats
    slack: float
    residual: float
    cone: Floats
    rounding: float

    @property
    def length(self) -> float:
        """|w|."""
        return float(np.linalg.norm(self.weights))

    def distance(self) -> Floats:
        """Bound on the distance of the unit directions of w and the separator without each sample.

        The smallest of three: sin <= |Delta|/|w| by the ball of the nearest point on the ray of
        r_i, by that of lam = 1 with the largest hinge loss that sample i can have (`by_hinge`), and
        the cone of the others.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        half = self.across / 2.0
        ball = half + np.sqrt(half * half + self.reach * self._slack_per_length())
        sine = ball / self.length + self.rounding
        chord = np.where(self.reach > 0, _acute_chord(sine), SQRT2)
        return np.minimum(np.minimum(chord[self.column], self.by_hinge()), self.cone)

    def by_hinge(self) -> Floats:
        """The same from |Delta|^2 <= p_i . w + |p_i| |w| alone, shape (n,); see `head.dual`."""
        length = self.length
        squared = self.along + length * (self.parts + self.residual) + self.slack
        sine = np.sqrt(np.maximum(squared, 0.0)) / length + self.rounding
        return np.asarray(_acute_chord(sine)[self.column])

    def worst_distance(self, size: int) -> float:
        """The same for every set of `size` samples, whoever chooses them.

        tan theta <= the `size` largest parts across w, over what the `size` largest parts along w
        leave of P; two sums that need not be of the same samples.
        """
        size = whole_number("size", size, low=1)
        length = self.length
        along = self.along / length
        across = np.sqrt(np.maximum(self.parts**2 - along**2, 0.0)) + self.rounding * length
        moved = _largest(across, size) + self.residual
        left = length - self.residual - _largest(along, size)
        if left <= 0:
            return float(min(SQRT2, self.cone.max()))
        half = length * moved / np.hypot(moved, left) / 2.0
        ball = half + np.sqrt(half * half + length / left * self.slack)
        chord = _acute_chord(np.array(ball / length + self.rounding))
        return float(min(float(chord), self.cone.max()))

    def shift(self, value: Floats, toward: Floats, size: Floats) -> Floats:
        """Largest v . Delta of a vector v, for every r_i, by the best ball.

        Parameters
        ----------
        value, size : ndarray of shape (..., 1)
            v . w, and |v|.
        toward : ndarray of shape (..., s + 1)
            v . r_i/|r_i|.

        Returns
        -------
        ndarray of float64, shape (..., s + 1)
            With the rounding of the products, so that v . w above it proves v . w_{S^i} > 0.

        Raises
        ------
        TypeError, ValueError
            If an argument is no array of real numbers, of another shape, or a norm below 0.
        """
        value = _one_a_vector("value", real_array("value", value))
        toward, size = self._vectors(toward, size)
        broadcast(value=value, toward=toward, size=size)
        with within_float64("value", "toward", "size"):
            beside = np.sqrt(np.maximum(size * size - toward * toward, 0.0))
            # w - lam r_i = e_i - tilt r_i/|r_i|; every lam >= 0 gives a ball, this one the best
            tilt = self.across * toward / np.where(beside > 0, beside, np.inf)
            tilt = np.clip(tilt, -self.reach, self.length)
            centre = value - (self.reach + tilt) * toward
            paid = 4.0 * (self.reach + tilt) * self._slack_per_length()
            radius = np.sqrt(self.across**2 + tilt**2 + paid)
            return np.asarray(
                (centre + size * radius) / 2.0 + 4.0 * self.rounding * size * self.length
            )

    def worst_shift(self, toward: Floats, size: Floats, removed: int) -> Floats:
        """Largest v . Delta of a vector v when any `removed` samples are left out, by lam = 1.

        Delta is in the ball around (w - r_I)/2, so v . Delta is at most half the sum of |v||p_i| +
        v . p_i over I: the sum of the largest. Arguments and errors as for `shift`.

        Returns
        -------
        ndarray of float64, shape (...)
        """
        toward, size = self._vectors(toward, size)
        broadcast(toward=toward, size=size)
        removed = whole_number("removed", removed, low=1)
        with within_float64("toward", "size"):
            part = toward[..., -1:] * self.lengths[-1] - toward * self.lengths
            terms = np.maximum((size * self.parts + part) / 2.0, 0.0)
            paid = self.residual + np.sqrt(self.slack) + 8.0 * removed * self.rounding * self.length
            return np.asarray(_largest(terms, removed) + size[..., 0] * paid)

    def _vectors(self, toward: ArrayLike, size: ArrayLike) -> tuple[Floats, Floats]:
        """Products of vectors with all units, and the vectors' norms."""
        toward = real_array("toward", toward)
        if toward.ndim < 1 or toward.shape[-1] != self.lengths.size:
            raise ValueError(
                f"toward must have shape (..., {self.lengths.size}), a product with each of units,"
                f" got {toward.shape}"
            )
        return toward, _one_a_vector("size", non_negative_array("size", size))

    def _slack_per_length(self) -> Floats:
        return np.divide(
            self.slack, self.lengths, out=np.zeros_like(self.lengths), where=self.lengths > 0
        )


def _one_a_vector(name: str, array: Floats) -> Floats:
    if array.ndim < 1 or array.shape[-1] != 1:
        raise ValueError(
            f"{name} must have shape (..., 1), one number a vector, got {array.shape}; add an axis"
            f" as in {name}[..., None]"
        )
    return array


@within_float64("X", "weights", "dual")
def two_classes(
    *, X: ArrayLike, y: ArrayLike, weights: ArrayLike, dual: ArrayLike
) -> DeletionBalls:
    """Where the separators of two classes without a sample lie.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features.
    y : array_like of shape (n,)
        Labels, -1 or +1; both must occur.
    weights, dual : array_like of shape (d,) and (n,)
        A separator and its dual, such as `max_margin(X, y)` gives. Neither has to be exact.

    Returns
    -------
    DeletionBalls

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of real numbers, of another shape, or the weights separate
        nothing.
    """
    weights = real_array("weights", weights)
    X, y = labelled_sample(X, y)
    if weights.shape != (X.shape[1],):
        raise ValueError(
            f"weights have shape {weights.shape}, X has {X.shape[1]} features: pass one head of"
            f" shape ({X.shape[1]},)"
        )
    dual = sample_duals(dual)
    if dual.shape != y.shape:
        raise ValueError(f"dual must have shape {y.shape}, one a sample, got {dual.shape}")
    Z = X * y[:, np.newaxis]
    support = np.flatnonzero(dual)
    norms = np.linalg.norm(Z, axis=1)
    return _balls(
        weights=weights,
        products=Z @ weights,
        dual=dual,
        row_norms=norms,
        sample_norms=norms,
        support=support,
        parts=dual[support, np.newaxis] * Z[support],
        terms=X.shape[1],
        remedy="pass max_margin(X, y).weights",
    )


@within_float64("X", "weights", "dual")
def classes(*, X: ArrayLike, y: ArrayLike, weights: ArrayLike, dual: ArrayLike) -> DeletionBalls:
    """Where the separators of several classes without a sample lie.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features.
    y : array_like of shape (n,)
        Labels 0, 1, ..., K - 1; each occurs twice.
    weights, dual : array_like of shape (K, d) and (n, K)
        A separator and its dual, such as `max_margin_classes(X, y)` gives. Neither has to be exact.

    Returns
    -------
    DeletionBalls
        Of W as a vector of K d entries.

    Raises
    ------
    TypeError, ValueError
        If an argument is no array of real numbers, of another shape, or the weights separate
        nothing.
    """
    weights, dual = real_array("weights", weights), real_array("dual", dual)
    X, y, count = labelled_classes(X, y, classes=None, members=2)
    if weights.shape != (count, X.shape[1]) or dual.shape != (len(X), count):
        raise ValueError(
            f"weights and dual must have shapes {(count, X.shape[1])} and {(len(X), count)}, got"
            f" {weights.shape} and {dual.shape}: pass those of max_margin_classes(X, y)"
        )
    sample_duals(dual.ravel())
    scores = X @ weights.T
    rivals = np.arange(count) != y[:, np.newaxis]
    dual = np.where(rivals, dual, 0.0)
    support = np.flatnonzero(dual.any(axis=1))
    against = -dual[support]
    against[np.arange(support.size), y[support]] = dual[support].sum(axis=1)
    norms = SQRT2 * np.linalg.norm(X, axis=1)
    rows = np.broadcast_to(norms[:, np.newaxis], rivals.shape)
    own = np.take_along_axis(scores, y[:, np.newaxis], axis=1)
    return _balls(
        weights=weights.ravel(),
        products=(own - scores)[rivals],
        dual=dual[rivals],
        row_norms=rows[rivals],
        sample_norms=norms,
        support=support,
        parts=(against[:, :, np.newaxis] * X[support][:, np.newaxis]).reshape(support.size, -1),
        terms=2 * X.shape[1],
        remedy="pass max_margin_classes(X, y).weights",
    )


def _balls(
    *,
    weights: Floats,
    products: Floats,
    dual: Floats,
    row_norms: Floats,
    sample_norms: Floats,
    support: NDArray[np.intp],
    parts: Floats,
    terms: int,
    remedy: str,
) -> DeletionBalls:
    """The same for both: products and duals of all rows, norms and parts of samples."""
    rounding = 2.0 * (terms + 8) * UNIT
    sure = products - rounding * row_norms * np.linalg.norm(weights)
    if sure.min() <= 0:
        raise ValueError(
            f"weights have a product of {float(sure.min()):.3g} with row {int(sure.argmin())}, less"
            f" rounding: only a separator has a certificate; {remedy}"
        )
    feasible = weights / sure.min()
    length = float(np.linalg.norm(feasible))
    beyond = np.maximum(products / sure.min() - 1.0, 0.0)
    slack = dual @ beyond + (rounding + dual.size * UNIT) * (dual @ (row_norms * length + 1.0))
    total = parts.sum(axis=0)
    others = np.vstack([total - parts, total])
    lengths = np.linalg.norm(others, axis=1)
    units = others / np.where(lengths > 0, lengths, 1.0)[:, np.newaxis]
    reach = np.maximum(units @ feasible, 0.0)
    across = np.linalg.norm(feasible - reach[:, np.newaxis] * units, axis=1)
    column = np.full(sample_norms.size, support.size)
    column[support] = np.arange(support.size)
    largest = largest_of_others(sample_norms)
    margin = np.full_like(largest, (1.0 - rounding) / length)
    return DeletionBalls(
        weights=feasible,
        support=support,
        column=column,
        units=units,
        lengths=lengths,
        reach=reach,
        across=across,
        parts=np.append(np.linalg.norm(parts, axis=1), 0.0),
        along=np.append(parts @ feasible, 0.0),
        slack=float(slack),
        residual=float(np.linalg.norm(feasible - total)),
        cone=chord_within_cone(np.zeros_like(largest), -margin, margin, largest),
        rounding=rounding,
    )


def _largest(values: Floats, count: int) -> Floats:
    """Sum of the `count` largest entries of the last axis."""
    count = min(count, values.shape[-1])
    return np.asarray(np.partition(values, -count, axis=-1)[..., -count:].sum(axis=-1))


def _acute_chord(sine: Floats) -> Floats:
    """Chord of an angle below 90 degrees from a bound on its sine, sqrt(2) from 1 on."""
    known = np.minimum(sine, 1.0)
    cosine = np.sqrt((1.0 - known) * (1.0 + known))
    return np.asarray(SQRT2 * known / np.sqrt(1.0 + cosine))
