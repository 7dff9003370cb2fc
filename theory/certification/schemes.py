"""How heads predict, and which predictions a removal cannot change.

A scheme holds its heads and answers for a block of points. Certificates are about the labels that
the computed heads give, and the true separators without a sample; they are given only where they
hold by more than rounding. Masks have the points on their first axis, samples on their second.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

import numpy as np

from tunebound._ground.arrays import Booleans, Floats, Integers
from tunebound.theory.certification.solved import (
    EPS,
    Solved,
    solve_several,
    solve_two,
)


class Scheme(Protocol):
    """Heads, and the rule by which they predict."""

    heads: tuple[Solved, ...]
    says: str

    def predict(self, points: Floats) -> Integers:
        """Predicted class of each point, shape (m,)."""
        ...

    def certified(self, points: Floats, n: int) -> Booleans:
        """Where leaving a sample out cannot change the prediction, by one solve: (m, n)."""
        ...

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        """Where no removal of `size` samples can change it: (m,)."""
        ...

    def certified_without(
        self, points: Floats, row: int, left_out: Sequence[tuple[Floats, float] | None]
    ) -> tuple[Booleans, Booleans]:
        """Where heads without a sample surely predict the same, and where theirs differs, (m,) each.

        `left_out` has for each head the weights without the sample and their relative error; None
        where the head is that of all samples, within its own error.
        """
        ...


def make_scheme(X: Floats, y: Integers, count: int, classes: str) -> Scheme:
    """Solve for the heads of `count` classes; two of them have one head whatever `classes` says."""
    everyone = np.arange(len(X))
    if count == 2:
        return Signs(solve_two(X, 2 * y - 1, everyone))
    if classes == "softmax":
        return Softmax(solve_several(X, y))
    if classes == "one-vs-rest":
        return OneVsRest([solve_two(X, np.where(y == k, 1, -1), everyone) for k in range(count)])
    heads = []
    for first, second in combinations(range(count), 2):
        rows = np.flatnonzero((y == first) | (y == second))
        heads.append(solve_two(X[rows], np.where(y[rows] == first, 1, -1), rows))
    return AllPairs(heads, count)


class Signs:
    """One head; class 1 where x . w > 0."""

    says = "the head of two classes without penalty, that gradient descent tends to"

    def __init__(self, head: Solved) -> None:
        self.heads = (head,)

    def predict(self, points: Floats) -> Integers:
        return (points @ self.heads[0].separator.weights > 0).astype(np.int64)

    def certified(self, points: Floats, n: int) -> Booleans:
        return _sign_kept(self.heads[0], points)[:, self.heads[0].removal.column]

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        return _sign_kept_by_group(self.heads[0], points, size)

    def certified_without(
        self, points: Floats, row: int, left_out: Sequence[tuple[Floats, float] | None]
    ) -> tuple[Booleans, Booleans]:
        return _sign_without(self.heads[0], points, left_out[0])


class Softmax:
    """One head with a row a class; the class of the largest score."""

    says = "the softmax head without penalty, that gradient descent tends to"

    def __init__(self, head: Solved) -> None:
        self.heads = (head,)

    def predict(self, points: Floats) -> Integers:
        return np.argmax(points @ self.heads[0].separator.weights.T, axis=1)

    def certified(self, points: Floats, n: int) -> Booleans:
        removal = self.heads[0].removal
        kept = np.ones((len(points), len(removal.lengths)), dtype=np.bool_)
        for value, toward, size in self._rivals(points):
            kept &= value > removal.shift(value, toward, size)
        return kept[:, removal.column]

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        removal = self.heads[0].removal
        kept = np.ones(len(points), dtype=np.bool_)
        for value, toward, norm in self._rivals(points):
            kept &= value[:, 0] > removal.worst_shift(toward, norm, size)
        return kept

    def certified_without(
        self, points: Floats, row: int, left_out: Sequence[tuple[Floats, float] | None]
    ) -> tuple[Booleans, Booleans]:
        separator = self.heads[0].separator
        weights, error = left_out[0] or (separator.weights, float(np.sqrt(separator.gap)))
        winner = self.predict(points)
        scores = points @ weights.T
        lead = np.take_along_axis(scores, winner[:, np.newaxis], axis=1) - scores
        size = np.sqrt(2.0) * np.linalg.norm(points, axis=1) * np.linalg.norm(weights)
        np.put_along_axis(lead, winner[:, np.newaxis], np.inf, axis=1)
        kept = lead.min(axis=1) > (error + _rounding(points)) * size
        return kept, np.argmax(scores, axis=1) != winner

    def _rivals(self, points: Floats) -> list[tuple[Floats, Floats, Floats]]:
        """For each class but the predicted: the lead, the lead of every r_i/|r_i|, and the norm."""
        removal = self.heads[0].removal
        count = self.heads[0].separator.weights.shape[0]
        winner = self.predict(points)
        each = np.arange(len(points))
        scores = points @ removal.weights.reshape(count, -1).T
        units = removal.units.reshape(-1, count, points.shape[1])
        # (points, rows of r_i, classes)
        toward = np.tensordot(points, units, axes=(1, 2))
        size = np.sqrt(2.0) * np.linalg.norm(points, axis=1)[:, np.newaxis]
        own, own_toward = scores[each, winner], toward[each, :, winner]
        rivals = []
        for k in range(1, count):
            rival = (winner + k) % count
            rivals.append(
                (
                    (own - scores[each, rival])[:, np.newaxis],
                    own_toward - toward[each, :, rival],
                    size,
                )
            )
        return rivals


class OneVsRest:
    """A head of two classes for each class; the class of the largest product with its separator."""

    says = "one head for each class against the rest, each without penalty; the largest score wins"

    def __init__(self, heads: Sequence[Solved]) -> None:
        self.heads = tuple(heads)

    def predict(self, points: Floats) -> Integers:
        return np.argmax(self._scores(points), axis=1)

    def certified(self, points: Floats, n: int) -> Booleans:
        winner, scores = self.predict(points), self._scores(points)
        down, up = np.empty((2, len(self.heads), len(points), n))
        for k, head in enumerate(self.heads):
            for sign, shifts in ((1.0, down), (-1.0, up)):
                value, toward, size = _products(head, points, np.full(len(points), sign))
                shifts[k] = (
                    head.removal.shift(value, toward, size)[:, head.removal.column]
                    + _scaled(head) * size
                )
        return self._kept(winner, scores, down, up)

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        winner, scores = self.predict(points), self._scores(points)
        down, up = np.empty((2, len(self.heads), len(points), 1))
        for k, head in enumerate(self.heads):
            for sign, shifts in ((1.0, down), (-1.0, up)):
                _, toward, norm = _products(head, points, np.full(len(points), sign))
                shifts[k, :, 0] = (
                    head.removal.worst_shift(toward, norm, size) + _scaled(head) * norm[:, 0]
                )
        return self._kept(winner, scores, down, up)[:, 0]

    def certified_without(
        self, points: Floats, row: int, left_out: Sequence[tuple[Floats, float] | None]
    ) -> tuple[Booleans, Booleans]:
        winner, each = self.predict(points), np.arange(len(points))
        scores, errors = [], []
        for head, found in zip(self.heads, left_out, strict=True):
            weights, error = found or (head.separator.weights, float(np.sqrt(head.separator.gap)))
            scores.append(points @ weights)
            errors.append((error + _rounding(points)) * np.linalg.norm(weights))
        values, reach = np.stack(scores, axis=1), np.array(errors)
        norms = np.linalg.norm(points, axis=1)[:, np.newaxis]
        lead = values[each, winner][:, np.newaxis] - values
        allowed = (reach[winner][:, np.newaxis] + reach) * norms
        lead[each, winner] = np.inf
        return (lead > allowed).all(axis=1), np.argmax(values, axis=1) != winner

    def _scores(self, points: Floats) -> Floats:
        return points @ np.stack([head.separator.weights for head in self.heads]).T

    def _kept(self, winner: Integers, scores: Floats, down: Floats, up: Floats) -> Booleans:
        """The winner's score falls by at most `down`, a rival's rises by at most `up`."""
        each = np.arange(len(winner))
        lowest = scores[each, winner][:, np.newaxis] - down[winner, each]
        kept = np.ones(lowest.shape, dtype=np.bool_)
        for k in range(len(self.heads)):
            rival = (scores[:, k][:, np.newaxis] + up[k] < lowest) | (winner == k)[:, np.newaxis]
            kept &= rival
        return kept


class AllPairs:
    """A head of two classes for each pair; the class of most votes, the first of them in a tie."""

    says = "one head for each pair of classes, each without penalty; most votes win"

    def __init__(self, heads: Sequence[Solved], count: int) -> None:
        self.heads, self.count = tuple(heads), count
        self.pairs = list(combinations(range(count), 2))

    def predict(self, points: Floats) -> Integers:
        return np.argmax(self._votes([p.separator.weights for p in self.heads], points), axis=1)

    def certified(self, points: Floats, n: int) -> Booleans:
        open_pairs = np.zeros((len(self.pairs), len(points), n), dtype=np.bool_)
        for p, head in enumerate(self.heads):
            kept = _sign_kept(head, points)
            open_pairs[p] = ~kept[:, -1:]
            open_pairs[p][:, head.rows] = ~kept[:, head.removal.column]
        return self._kept(points, open_pairs)

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        kept = np.stack([_sign_kept_by_group(head, points, size) for head in self.heads])
        return self._kept(points, ~kept[:, :, np.newaxis])[:, 0]

    def certified_without(
        self, points: Floats, row: int, left_out: Sequence[tuple[Floats, float] | None]
    ) -> tuple[Booleans, Booleans]:
        masks = [
            _sign_without(head, points, found)[0]
            for head, found in zip(self.heads, left_out, strict=True)
        ]
        kept = self._kept(points, ~np.stack(masks)[:, :, np.newaxis])[:, 0]
        weights = [
            head.separator.weights if found is None else found[0]
            for head, found in zip(self.heads, left_out, strict=True)
        ]
        return kept, np.argmax(self._votes(weights, points), axis=1) != self.predict(points)

    def _votes(self, weights: Sequence[Floats], points: Floats) -> Integers:
        votes = np.zeros((len(points), self.count), dtype=np.int64)
        for (first, second), w in zip(self.pairs, weights, strict=True):
            wins = points @ w > 0
            votes[:, first] += wins
            votes[:, second] += ~wins
        return votes

    def _kept(self, points: Floats, open_pairs: Booleans) -> Booleans:
        """Where the winner stays ahead whatever the open pairs vote; shape (m, columns)."""
        votes = self._votes([head.separator.weights for head in self.heads], points)
        winner, each = np.argmax(votes, axis=1), np.arange(len(points))
        shape = (self.count, *open_pairs.shape[1:])
        lost, gained = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for (first, second), head, open_here in zip(
            self.pairs, self.heads, open_pairs, strict=True
        ):
            wins = (points @ head.separator.weights > 0)[:, np.newaxis]
            lost[first] += open_here & wins
            gained[second] += open_here & wins
            lost[second] += open_here & ~wins
            gained[first] += open_here & ~wins
        least = votes[each, winner][:, np.newaxis] - lost[winner, each]
        kept = np.ones(least.shape, dtype=np.bool_)
        for k in range(self.count):
            most = votes[:, k][:, np.newaxis] + gained[k]
            later = (winner < k)[:, np.newaxis]
            ahead = (least > most) | (later & (least == most))
            kept &= ahead | (winner == k)[:, np.newaxis]
        return kept


def _products(head: Solved, points: Floats, sign: Floats) -> tuple[Floats, Floats, Floats]:
    """v . w, v . r_i/|r_i| and |v| for v = sign x."""
    removal = head.removal
    signed = sign[:, np.newaxis] * points
    size = np.linalg.norm(points, axis=1)[:, np.newaxis]
    return (signed @ removal.weights)[:, np.newaxis], signed @ removal.units.T, size


def _scaled(head: Solved) -> float:
    """How far the removal's weights, scaled to products of 1, are from the head's."""
    return float(np.linalg.norm(head.removal.weights - head.separator.weights))


def _sign_kept(head: Solved, points: Floats) -> Booleans:
    sign = np.sign(points @ head.removal.weights)
    value, toward, size = _products(head, points, sign)
    return np.asarray(value > head.removal.shift(value, toward, size))


def _sign_kept_by_group(head: Solved, points: Floats, size: int) -> Booleans:
    sign = np.sign(points @ head.removal.weights)
    value, toward, norm = _products(head, points, sign)
    return np.asarray(value[:, 0] > head.removal.worst_shift(toward, norm, size))


def _sign_without(
    head: Solved, points: Floats, found: tuple[Floats, float] | None
) -> tuple[Booleans, Booleans]:
    separator = head.separator
    weights, error = found or (separator.weights, float(np.sqrt(separator.gap)))
    value, whole = points @ weights, points @ separator.weights
    size = np.linalg.norm(points, axis=1) * np.linalg.norm(weights)
    differs = (value > 0) != (whole > 0)
    return ~differs & (np.abs(value) > (error + _rounding(points)) * size), differs


def _rounding(points: Floats) -> float:
    """Largest relative error of an inner product with a point."""
    return 2.0 * (points.shape[1] + 8) * EPS
