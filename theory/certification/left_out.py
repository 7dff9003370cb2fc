"""Exact distances: the separators without chosen samples, in every head that they support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from tunebound._ground.arrays import Floats
from tunebound.theory.certification.schemes import Found, Scheme
from tunebound.theory.certification.solved import Rows, Solved, leave_out

AFFORDABLE = 3e8  # support vectors times rows times entries of a head; about ten seconds
CHUNK = 128  # samples between two chances to stop


@dataclass(eq=False)
class Exact:
    """Separators without some samples, as far as they were computed.

    Attributes
    ----------
    distance, error : ndarray of float64, shape (n,)
        Mean over heads of the distance of unit directions, and its certified error; NaN where not
        computed.
    heads : dict
        For each computed row the weights without it and their relative error in every head; None
        in a head that it does not support.
    interrupted : bool
        Whether the caller stopped the work by Ctrl-C.
    """

    distance: Floats
    error: Floats
    heads: dict[int, tuple[Found, ...]] = field(default_factory=dict)
    interrupted: bool = False


def mean_over_heads(scheme: Scheme, values: Mapping[int, Floats], n: int) -> Floats:
    """Mean over all heads of values of their members, 0 in a head that a sample is no member of."""
    total = np.zeros(n)
    for k, head in enumerate(scheme.heads):
        total[head.rows] += values[k]
    return total / len(scheme.heads)


def support_rows(scheme: Scheme) -> Rows:
    """Samples that support a head, in order."""
    return np.unique(np.concatenate([head.rows[head.separator.support] for head in scheme.heads]))


def work(scheme: Scheme) -> float:
    """Estimate of what all left-out separators take: support vectors x rows x entries, summed."""
    return float(
        sum(
            head.separator.support.size
            * len(head.X)
            * head.separator.weights.size
            * (len(head.separator.weights) - 1 if head.several else 1)
            for head in scheme.heads
        )
    )


def compute(scheme: Scheme, rows: Rows, n: int, *, progress: bool) -> Exact:
    """Compute the separators without each of `rows`, all of which support some head.

    Ctrl-C keeps the chunks that are complete.
    """
    exact = Exact(np.full(n, np.nan), np.full(n, np.nan))
    disable = None if progress else True
    with tqdm(total=rows.size, desc="left-out heads", delay=2, disable=disable) as bar:
        try:
            for start in range(0, rows.size, CHUNK):
                _add(exact, scheme, rows[start : start + CHUNK])
                bar.update(min(CHUNK, rows.size - start))
        except KeyboardInterrupt:
            exact.interrupted = True
    return exact


def _add(exact: Exact, scheme: Scheme, rows: Rows) -> None:
    distance, error = np.zeros((2, rows.size))
    found: list[list[Found]] = [[] for _ in rows]
    for head in scheme.heads:
        member = _members(head, rows)
        supports = np.isin(member, head.separator.support) & (member >= 0)
        error[(member >= 0) & ~supports] += 2.0 * head.between
        for where in np.flatnonzero(~supports):
            found[where].append(None)
        if supports.any():
            moved = leave_out(head, member[supports])
            distance[supports] += moved.distance
            error[supports] += moved.distance_error
            heads = zip(moved.weights, moved.errors.tolist(), strict=True)
            for where, one in zip(np.flatnonzero(supports), heads, strict=True):
                found[where].append(one)
    exact.distance[rows] = distance / len(scheme.heads)
    exact.error[rows] = error / len(scheme.heads)
    exact.heads.update(zip(rows.tolist(), map(tuple, found), strict=True))


def _members(head: Solved, rows: Rows) -> Rows:
    """Position of each row among the members of a head, -1 where it is none."""
    place = np.searchsorted(head.rows, rows)
    place = np.minimum(place, head.rows.size - 1)
    return np.where(head.rows[place] == rows, place, -1)
