"""Least distance problems without some rows, one at a time on the dense matrix K = Z Z^T: the path
of active sets that pivots by single rows take, and the pivot transform of K.
"""

from dataclasses import dataclass, replace

import numpy as np

DEPENDENT = 1e-12


def pivot_transform(Z, dual):
    """H and h for the support set of `dual`, with a row of zeros at the end."""
    n, K = len(Z), Z @ Z.T
    A = np.flatnonzero(dual > 0)
    B = np.setdiff1d(np.arange(n), A)
    G = np.linalg.inv(K[np.ix_(A, A)])
    H = np.zeros((n + 1, n + 1))
    H[np.ix_(A, A)] = -G
    H[np.ix_(A, B)] = G @ K[np.ix_(A, B)]
    H[np.ix_(B, A)] = H[np.ix_(A, B)].T
    H[np.ix_(B, B)] = K[np.ix_(B, B)] - K[np.ix_(B, A)] @ G @ K[np.ix_(A, B)]
    h = np.append(1 - K @ dual, 0.0)
    h[A] = dual[A]
    return H, h


@dataclass(frozen=True)
class Stage:
    """Where a problem is between two pivots: its active rows, its last feasible dual (n,), the row
    that entered last (-1 at first) and the rows that may not enter.
    """

    active: frozenset
    dual: np.ndarray
    latest: int = -1
    refused: frozenset = frozenset()


def path(Z, dual, left_out):
    """All stages, the last of which has the solution as its dual; and the solution, None where a
    row can neither enter nor replace another.
    """
    out = {int(i) for i in left_out if i < len(Z)}
    start = np.where(np.isin(np.arange(len(Z)), list(out)), 0.0, dual)
    stages = [Stage(frozenset(np.flatnonzero(start).tolist()), start)]
    while True:
        following = step(Z, stages[-1], out)
        if following is None:
            return stages, None
        if not isinstance(following, Stage):
            return [*stages, replace(stages[-1], dual=following)], following
        stages.append(following)


def step(Z, stage, out):
    """The next stage; the solution, or None, at the end."""
    own = sorted(stage.active)
    target = np.zeros(len(Z))
    target[own] = np.linalg.solve((Z @ Z.T)[np.ix_(own, own)], np.ones(len(own)))
    lengths = {
        j: stage.dual[j] / (stage.dual[j] - target[j]) if stage.dual[j] > target[j] else 0.0
        for j in own
        if target[j] <= 0
    }
    if lengths:
        gone = min(lengths, key=lengths.get)
        moved = stage.dual + lengths[gone] * (target - stage.dual)
        moved[gone] = 0.0
        at_once = lengths[gone] == 0 and gone == stage.latest
        return replace(
            stage,
            active=stage.active - {gone},
            dual=np.maximum(moved, 0.0),
            refused=stage.refused | {gone} if at_once else stage.refused - {gone},
        )
    refused = frozenset() if stage.latest in stage.active | {-1} else stage.refused
    violation = 1.0 - Z @ (target @ Z)
    violation[[*own, *out, *refused]] = -np.inf
    entering = int(np.argmax(violation))
    if violation[entering] <= 1e-14 * np.linalg.norm(Z, axis=1).max():
        return target
    moved, kept = target.copy(), stage.active
    image = np.zeros(len(Z))
    image[own] = np.linalg.lstsq(Z[own].T, Z[entering], rcond=None)[0]
    if np.sum((Z[entering] - image @ Z) ** 2) <= DEPENDENT * np.sum(Z[entering] ** 2):
        lengths = {j: target[j] / image[j] for j in own if image[j] > 0}
        if not lengths:
            return None
        gone = min(lengths, key=lengths.get)
        moved = np.maximum(target - lengths[gone] * image, 0.0)
        moved[entering], moved[gone] = lengths[gone], 0.0
        kept = kept - {gone}
    return Stage(kept | {entering}, moved, entering, refused)
