"""Which test predictions removals can change."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from tunebound._ground.arrays import Floats
from tunebound.theory.certification.certificate import Predictions
from tunebound.theory.certification.left_out import Exact
from tunebound.theory.certification.schemes import Scheme
from tunebound.theory.certification.solved import Rows

BLOCK = 2**22  # entries of a block of points by samples (by heads or classes)


def predictions(
    scheme: Scheme,
    points: Floats,
    *,
    n: int,
    classes: tuple[Any, ...],
    support: Rows,
    exact: Exact,
    group: int,
    progress: bool,
) -> Predictions:
    """Certify the predictions of a scheme, block by block of points.

    A sample whose left-out heads were computed counts by them: as able to change a prediction
    unless it is the same by more than the heads' certified error. The others count by the
    one-solve certificates of the scheme. What a single removal cannot do follows for a group of 1;
    for larger ones `Scheme.certified_by_group` sums the largest shifts.

    Parameters
    ----------
    points : ndarray of float64, shape (m, d)
    n : int
        Number of samples.
    support : ndarray of int
        Samples that support a head.
    """
    complete = len(exact.heads) == support.size
    flippers, fixed = np.zeros(len(points), dtype=np.intp), np.ones(len(points), dtype=np.bool_)
    reach, flips = np.zeros((2, n), dtype=np.intp)
    together = np.ones(len(points), dtype=np.bool_) if group > 1 else None
    labels = np.empty(len(points), dtype=np.intp)
    width = n * max(head.separator.weights.shape[0] if head.several else 1 for head in scheme.heads)
    size = max(1, BLOCK // (n if complete else width * len(scheme.heads)))
    nobody = (None,) * len(scheme.heads)
    disable = None if progress else True
    with tqdm(total=len(points), desc="predictions", delay=2, disable=disable) as bar:
        for start in range(0, len(points), size):
            block = slice(start, start + size)
            here = points[block]
            labels[block] = scheme.predict(here)
            judge = scheme.without(here)
            if complete:
                kept, _ = judge(nobody)
                changeable = np.repeat(~kept[:, np.newaxis], n, axis=1)
            else:
                changeable = ~scheme.certified(here, n)
            for row, heads in exact.heads.items():
                kept, differs = judge(heads)
                changeable[:, row] = ~kept
                flips[row] += differs.sum()
            flippers[block] = changeable.sum(axis=1)
            reach += changeable.sum(axis=0)
            fixed[block] = ~changeable.any(axis=1)
            if together is not None:
                together[block] = scheme.certified_by_group(here, group)
            bar.update(len(here))
    unknown = np.setdiff1d(support, np.fromiter(exact.heads, dtype=np.intp, count=len(exact.heads)))
    flips[unknown] = -1
    return Predictions(
        labels=np.array(classes)[labels],
        fixed=fixed,
        flippers=flippers,
        reach=reach,
        flips=flips,
        computed=complete,
        group=group,
        fixed_by_group=together,
    )
