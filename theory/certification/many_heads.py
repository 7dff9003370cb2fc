"""Predictions by several heads of two classes: the largest score, or most votes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from tunebound._ground.arrays import Booleans, Floats, Integers
from tunebound.theory.certification.one_head import (
    products,
    rounding,
    sign_kept,
    sign_kept_by_group,
    sign_without,
)
from tunebound.theory.certification.solved import Solved

if TYPE_CHECKING:
    from tunebound.theory.certification.schemes import Found, Without


class OneVsRest:
    """A head for each class against the others; the class of the largest score x . w_k.

    The score of the predicted class falls by at most the largest x . Delta of its ball, that of a
    rival rises by at most the largest -x . Delta of its own: kept where these do not meet.
    """

    says = "one head for each class against the rest, each without penalty; the largest score wins"

    def __init__(self, heads: Sequence[Solved]) -> None:
        self.heads = tuple(heads)
        self.weights = np.stack([head.separator.weights for head in heads])

    def predict(self, points: Floats) -> Integers:
        return np.argmax(points @ self.weights.T, axis=1)

    def certified(self, points: Floats, n: int) -> Booleans:
        fall, rise = np.empty((2, len(self.heads), len(points), n))
        for k, head in enumerate(self.heads):
            for sign, shifts in ((1.0, fall), (-1.0, rise)):
                value, toward, size = products(head, points, np.full(len(points), sign))
                shift = head.balls.shift(value, toward, size) + _rescaled(head) * size
                shifts[k] = shift[:, head.balls.column]
        return self._kept(points, fall, rise)

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        fall, rise = np.empty((2, len(self.heads), len(points), 1))
        for k, head in enumerate(self.heads):
            for sign, shifts in ((1.0, fall), (-1.0, rise)):
                _, toward, norm = products(head, points, np.full(len(points), sign))
                shift = head.balls.worst_shift(toward, norm, size)
                shifts[k, :, 0] = shift + _rescaled(head) * norm[:, 0]
        return self._kept(points, fall, rise)[:, 0]

    def without(self, points: Floats) -> Without:
        winner, each = self.predict(points), np.arange(len(points))
        norms = np.linalg.norm(points, axis=1)[:, np.newaxis]
        whole = points @ self.weights.T
        gaps = np.sqrt([head.separator.gap for head in self.heads])
        whole_errors = (gaps + rounding(points)) * np.linalg.norm(self.weights, axis=1)

        def judge(left_out: Sequence[Found]) -> tuple[Booleans, Booleans]:
            scores, errors = whole.copy(), whole_errors.copy()
            for k, found in enumerate(left_out):
                if found is not None:
                    weights, error = found
                    scores[:, k] = points @ weights
                    errors[k] = (error + rounding(points)) * np.linalg.norm(weights)
            lead = scores[each, winner][:, np.newaxis] - scores
            lead[each, winner] = np.inf
            allowed = (errors[winner][:, np.newaxis] + errors) * norms
            return (lead > allowed).all(axis=1), np.argmax(scores, axis=1) != winner

        return judge

    def _kept(self, points: Floats, fall: Floats, rise: Floats) -> Booleans:
        winner, scores = self.predict(points), points @ self.weights.T
        each = np.arange(len(winner))
        lowest = scores[each, winner][:, np.newaxis] - fall[winner, each]
        kept = np.ones(lowest.shape, dtype=np.bool_)
        for k in range(len(self.heads)):
            behind = scores[:, k][:, np.newaxis] + rise[k] < lowest
            kept &= behind | (winner == k)[:, np.newaxis]
        return kept


class AllPairs:
    """A head for each pair of classes; the class of most votes, the first of them in a tie.

    Kept where the predicted class stays ahead whatever the pairs vote whose sign may change: a
    rival gains every open vote that it lacks, the predicted class loses every open one that it has.
    """

    says = "one head for each pair of classes, each without penalty; most votes win"

    def __init__(self, heads: Sequence[Solved], count: int) -> None:
        self.heads, self.count = tuple(heads), count
        self.weights = np.stack([head.separator.weights for head in heads])
        # votes of class k: pairs won as the first of them, and lost by the first
        self.first, self.second = np.zeros((2, count, len(heads)), dtype=np.float32)
        for pair, (first, second) in enumerate(combinations(range(count), 2)):
            self.first[first, pair] = self.second[second, pair] = 1.0

    def predict(self, points: Floats) -> Integers:
        return np.argmax(self._votes(self.weights @ points.T > 0), axis=0)

    def certified(self, points: Floats, n: int) -> Booleans:
        unsure = np.zeros((len(self.heads), len(points), n), dtype=np.bool_)
        for pair, head in enumerate(self.heads):
            kept = sign_kept(head, points)
            unsure[pair] = ~kept[:, -1:]
            unsure[pair][:, head.rows] = ~kept[:, head.balls.column]
        return self._kept(self.weights @ points.T > 0, unsure)

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        kept = np.stack([sign_kept_by_group(head, points, size) for head in self.heads])
        return self._kept(self.weights @ points.T > 0, ~kept[:, :, np.newaxis])[:, 0]

    def without(self, points: Floats) -> Without:
        wins, norms = self.weights @ points.T > 0, np.linalg.norm(points, axis=1)
        winner = np.argmax(self._votes(wins), axis=0)
        sure = np.stack([sign_without(head, points, norms, None)[1] for head in self.heads])

        def judge(left_out: Sequence[Found]) -> tuple[Booleans, Booleans]:
            other, unsure = wins.copy(), ~sure
            for pair, found in enumerate(left_out):
                if found is not None:
                    head = self.heads[pair]
                    other[pair], beyond = sign_without(head, points, norms, found)
                    unsure[pair] = ~beyond
            differs = np.argmax(self._votes(other), axis=0) != winner
            return self._kept(other, unsure[:, :, np.newaxis])[:, 0] & ~differs, differs

        return judge

    def _votes(self, wins: Booleans) -> Floats:
        """Votes of each class, shape (K, ...), for pairs that the first class wins or not."""
        flat = wins.reshape(len(wins), -1)
        votes = self.first @ flat.astype(np.float32) + self.second @ (~flat).astype(np.float32)
        return votes.reshape(self.count, *wins.shape[1:]).astype(np.float64)

    def _kept(self, wins: Booleans, unsure: Booleans) -> Booleans:
        """Where the class of most votes, of shape (pairs, m), stays ahead: (m, columns)."""
        votes = self._votes(wins)
        winner, each = np.argmax(votes, axis=0), np.arange(wins.shape[1])
        own, lost = unsure & wins[:, :, np.newaxis], unsure & ~wins[:, :, np.newaxis]
        shape = (self.count, *unsure.shape[1:])
        won_flat = own.reshape(len(own), -1).astype(np.float32)
        lost_flat = lost.reshape(len(lost), -1).astype(np.float32)
        loses = (self.first @ won_flat + self.second @ lost_flat).reshape(shape)
        gains = (self.second @ won_flat + self.first @ lost_flat).reshape(shape)
        least = votes[winner, each][:, np.newaxis] - loses[winner, each]
        kept = np.ones(least.shape, dtype=np.bool_)
        for k in range(self.count):
            most = votes[k][:, np.newaxis] + gains[k]
            ahead = (least > most) | ((winner < k)[:, np.newaxis] & (least == most))
            kept &= ahead | (winner == k)[:, np.newaxis]
        return kept


def _rescaled(head: Solved) -> float:
    """How far the weights of the balls, scaled to products of 1, are from the head's."""
    return float(np.linalg.norm(head.balls.weights - head.separator.weights))
