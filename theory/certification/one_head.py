"""Predictions by one head: by the sign of two classes, or the largest score of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tunebound._ground.arrays import Booleans, Floats, Integers
from tunebound.theory.certification.solved import EPS, Solved

if TYPE_CHECKING:
    from tunebound.theory.certification.schemes import Found, Without

SQRT2 = float(np.sqrt(2.0))


class Signs:
    """One head of two classes; class 1 where x . w > 0."""

    says = "the head of two classes without penalty, that gradient descent tends to"

    def __init__(self, head: Solved) -> None:
        self.heads: tuple[Solved, ...] = (head,)

    def predict(self, points: Floats) -> Integers:
        return (points @ self.heads[0].separator.weights > 0).astype(np.int64)

    def certified(self, points: Floats, n: int) -> Booleans:
        return sign_kept(self.heads[0], points)[:, self.heads[0].balls.column]

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        return sign_kept_by_group(self.heads[0], points, size)

    def without(self, points: Floats) -> Without:
        head = self.heads[0]
        norms, positive = np.linalg.norm(points, axis=1), points @ head.separator.weights > 0

        def judge(left_out: Sequence[Found]) -> tuple[Booleans, Booleans]:
            wins, sure = sign_without(head, points, norms, left_out[0])
            differs = wins != positive
            return sure & ~differs, differs

        return judge


class Softmax:
    """One head with a row a class; the class of the largest score."""

    says = "the softmax head without penalty, that gradient descent tends to"

    def __init__(self, head: Solved) -> None:
        self.heads: tuple[Solved, ...] = (head,)

    def predict(self, points: Floats) -> Integers:
        return np.argmax(points @ self.heads[0].separator.weights.T, axis=1)

    def certified(self, points: Floats, n: int) -> Booleans:
        balls = self.heads[0].balls
        kept = np.ones((len(points), len(balls.lengths)), dtype=np.bool_)
        for value, toward, size in self._rivals(points):
            kept &= value > balls.shift(value, toward, size)
        return kept[:, balls.column]

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        balls = self.heads[0].balls
        kept = np.ones(len(points), dtype=np.bool_)
        for value, toward, norm in self._rivals(points):
            kept &= value[:, 0] > balls.worst_shift(toward, norm, size)
        return kept

    def without(self, points: Floats) -> Without:
        separator, winner = self.heads[0].separator, self.predict(points)
        norms = SQRT2 * np.linalg.norm(points, axis=1)

        def judge(left_out: Sequence[Found]) -> tuple[Booleans, Booleans]:
            weights, error = left_out[0] or (separator.weights, float(np.sqrt(separator.gap)))
            scores = points @ weights.T
            lead = np.take_along_axis(scores, winner[:, np.newaxis], axis=1) - scores
            np.put_along_axis(lead, winner[:, np.newaxis], np.inf, axis=1)
            allowed = (error + rounding(points)) * norms * np.linalg.norm(weights)
            return lead.min(axis=1) > allowed, np.argmax(scores, axis=1) != winner

        return judge

    def _rivals(self, points: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
        """For each class but the predicted: the lead, the lead of every r_i/|r_i|, and the norm of
        the matrix (e_winner - e_rival) x^T that they are products with.
        """
        balls = self.heads[0].balls
        count, d = self.heads[0].separator.weights.shape
        winner, each = self.predict(points), np.arange(len(points))
        scores = points @ balls.weights.reshape(count, d).T
        toward = np.tensordot(points, balls.units.reshape(-1, count, d), axes=(1, 2))
        size = SQRT2 * np.linalg.norm(points, axis=1)[:, np.newaxis]
        for k in range(1, count):
            rival = (winner + k) % count
            lead = scores[each, winner] - scores[each, rival]
            yield lead[:, np.newaxis], toward[each, :, winner] - toward[each, :, rival], size


def products(head: Solved, points: Floats, sign: Floats) -> tuple[Floats, Floats, Floats]:
    """v . w, v . r_i/|r_i| and |v| for v = sign x, as `DeletionBalls.shift` takes them."""
    balls = head.balls
    signed = sign[:, np.newaxis] * points
    size = np.linalg.norm(points, axis=1)[:, np.newaxis]
    return (signed @ balls.weights)[:, np.newaxis], signed @ balls.units.T, size


def sign_kept(head: Solved, points: Floats) -> Booleans:
    """Where the sign stays without each support vector, and at the end without any other."""
    sign = np.sign(points @ head.balls.weights)
    value, toward, size = products(head, points, sign)
    return np.asarray(value > head.balls.shift(value, toward, size))


def sign_kept_by_group(head: Solved, points: Floats, size: int) -> Booleans:
    """Where the sign stays without any `size` members."""
    sign = np.sign(points @ head.balls.weights)
    value, toward, norm = products(head, points, sign)
    return np.asarray(value[:, 0] > head.balls.worst_shift(toward, norm, size))


def sign_without(
    head: Solved, points: Floats, norms: Floats, found: Found
) -> tuple[Booleans, Booleans]:
    """Where a computed left-out head is positive, and where that is beyond its error."""
    separator = head.separator
    weights, error = found or (separator.weights, float(np.sqrt(separator.gap)))
    value = points @ weights
    allowed = (error + rounding(points)) * norms * np.linalg.norm(weights)
    return value > 0, np.abs(value) > allowed


def rounding(points: Floats) -> float:
    """Largest relative error of an inner product with a point."""
    return 2.0 * (points.shape[1] + 8) * EPS
