"""Which test predictions of regularised heads removals can change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from tunebound import tuning
from tunebound._ground.arrays import Booleans, Floats, Integers
from tunebound.theory.certification.certificate import Predictions, Rows

if TYPE_CHECKING:
    from tunebound.theory.certification.regularised import Head

BLOCK = 2**21  # entries of a block of points by samples
UNIT = float(np.finfo(np.float64).eps)


def regularised_predictions(
    heads: Sequence[Head],
    points: Floats,
    *,
    lam: float,
    classes: tuple[Any, ...],
    rows: Rows,
    minimised: Sequence[tuning.MinimisedHeads],
    group: int,
    progress: bool,
) -> Predictions:
    """Certify predictions from intervals of all left-out scores, block by block of points.

    Parameters
    ----------
    heads : one for two classes, else one a class
    points : ndarray of float64, shape (m, d)
    rows : ndarray of int
        Samples whose left-out minimisers were computed.
    minimised : as `heads`
        The minimisers on S and without each of `rows`.
    """
    n, m = len(heads[0].signs), len(points)
    labels = np.empty(m, dtype=np.intp)
    fixed, together = np.ones((2, m), dtype=np.bool_)
    flippers, reach = np.zeros(m, dtype=np.intp), np.zeros(n, dtype=np.intp)
    flips = np.full(n, -1, dtype=np.intp)
    flips[rows] = 0
    complete = rows.size == n
    size = max(1, BLOCK // (n * len(heads)))
    disable = None if progress else True
    with tqdm(total=m, desc="predictions", delay=2, disable=disable) as bar:
        for start in range(0, m, size):
            block = slice(start, start + size)
            here = points[block]
            norms = np.linalg.norm(here, axis=1)
            scores = _two_sided(np.stack([here @ head.weights for head in heads]))
            own = np.stack([norms * (head.error + _rounding(head.weights)) for head in heads])
            winner = scores.argmax(axis=0)
            labels[block] = winner
            sure = _wins(winner, scores, _both(own))
            changeable = np.ones((len(here), n), dtype=np.bool_)
            if not complete:
                intervals = [_interval(head, here, lam) for head in heads]
                middle = np.stack([(low + high) / 2 for low, high in intervals])
                half = np.stack([(high - low) / 2 for low, high in intervals])
                changeable = ~_wins(winner, _two_sided(middle), _both(half))
            if rows.size:
                left = np.stack([here @ found.weights[1:].T for found in minimised])
                off = [found.error[1:] + _rounding(found.weights[1:]) for found in minimised]
                errors = norms[:, np.newaxis] * np.stack(off)[:, np.newaxis]
                left = _two_sided(left)
                changeable[:, rows] = ~_wins(winner, left, _both(errors))
                flips[rows] += (left.argmax(axis=0) != winner[:, np.newaxis]).sum(axis=0)
            changeable |= ~sure[:, np.newaxis]
            flippers[block] = changeable.sum(axis=1)
            reach += changeable.sum(axis=0)
            fixed[block] = ~changeable.any(axis=1)
            if group > 1:
                together[block] = sure & _group_wins(heads, here, winner, scores, lam, group)
            bar.update(len(here))
    return Predictions(
        labels=np.array(classes)[labels],
        fixed=fixed,
        flippers=flippers,
        reach=reach,
        flips=flips,
        computed=complete,
        group=group,
        fixed_by_group=together & fixed if group > 1 else None,
    )


def _rounding(weights: Floats) -> Floats:
    """Of a product with a vector, over its norm."""
    return np.asarray(4 * (weights.shape[-1] + 8) * UNIT * np.linalg.norm(weights, axis=-1))


def _two_sided(scores: Floats) -> Floats:
    """Scores of all classes, (K, ...): a head of two classes scores them with opposite signs."""
    return np.concatenate([-scores, scores]) / 2 if len(scores) == 1 else scores


def _both(errors: Floats) -> Floats:
    return np.concatenate([errors, errors]) / 2 if len(errors) == 1 else errors


def _wins(winner: Integers, scores: Floats, errors: Floats) -> Booleans:
    """Where the winning class (m,) stays ahead: scores and errors (K, m) or (K, m, n)."""
    index = winner.reshape(1, -1, *(1,) * (scores.ndim - 2))
    low = np.take_along_axis(scores - errors, index, axis=0)[0]
    high = scores + errors
    np.put_along_axis(high, np.broadcast_to(index, (1, *scores.shape[1:])), -np.inf, axis=0)
    return np.asarray(low > high.max(axis=0))


def _interval(head: Head, points: Floats, lam: float) -> tuple[Floats, Floats]:
    """Bounds (m, n) on the scores x . w_{S^i}: of Newton's step and of the ball together."""
    values, errors = head.without.predict(points)
    low, high = _ball(head, points, lam)
    score = (points @ head.weights)[:, np.newaxis]
    slack = np.linalg.norm(points, axis=1)[:, np.newaxis] * _rounding(head.weights)
    low, high = score - high - slack, score - low + slack
    # the two can only miss each other by rounding
    low = np.maximum(low, values - errors)
    return low, np.maximum(low, np.minimum(high, values + errors))


def _ball(head: Head, points: Floats, lam: float) -> tuple[Floats, Floats]:
    """Bounds (m, n) on x . Delta_i, for Delta_i in the ball with the diameter from 0 to g_i/lam."""
    diameters = head.without.gradients / lam
    along = points @ diameters.T
    size = np.linalg.norm(points, axis=1)[:, np.newaxis] * np.linalg.norm(diameters, axis=1)
    # error is at least the rounding of the gradient over lam
    slack = 4 * (points.shape[1] + 8) * UNIT * size
    slack += np.linalg.norm(points, axis=1)[:, np.newaxis] * head.error
    return (along - size) / 2 - slack, (along + size) / 2 + slack


def _group_wins(
    heads: Sequence[Head], points: Floats, winner: Integers, scores: Floats, lam: float, group: int
) -> Booleans:
    """Where no removal of up to `group` samples takes the lead of the winning class, by the ball
    with the summed gradients; see Groups in docs/regularised-heads.md.
    """
    intervals = [_ball(head, points, lam) for head in heads]
    norms = np.linalg.norm(points, axis=1)
    # the gradient on S is in every g_i: once for each of the group too often, or for none of it
    extra = (group + 1) * norms * np.stack([head.error for head in heads])[:, np.newaxis]
    rounding = norms * np.stack([_rounding(head.weights) for head in heads])[:, np.newaxis]
    fall = _both_ends(np.stack([high for _, high in intervals]), intervals)
    rise = _both_ends(np.stack([-low for low, _ in intervals]), intervals, rise=True)
    extra, ahead = _both(extra + rounding), np.ones(len(points), dtype=np.bool_)
    everyone = np.arange(len(points))
    for rival in range(len(scores)):
        lost = np.maximum(fall[winner, everyone] + rise[rival], 0.0)
        lost = np.partition(lost, -group, axis=1)[:, -group:].sum(axis=1)
        lead = scores[winner, everyone] - scores[rival]
        enough = lead > lost + extra[winner, everyone] + extra[rival]
        ahead &= enough | (winner == rival)
    return ahead


def _both_ends(
    ends: Floats, intervals: Sequence[tuple[Floats, Floats]], *, rise: bool = False
) -> Floats:
    """Largest loss (or gain) of each class's score, (K, m, n)."""
    if len(ends) > 1:
        return ends
    low, high = intervals[0]
    first, second = (high, -low) if rise else (-low, high)
    return np.stack([first, second]) / 2
