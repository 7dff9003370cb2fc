"""Which predictions leaving a sample out changes, counted one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Booleans
from tunebound._ground.checks import real_array, within_float64

BLOCK = 2**21  # entries of a block of points by samples


@within_float64("points", "weights", "left_out")
def left_out_flips(points: ArrayLike, weights: ArrayLike, left_out: ArrayLike) -> Booleans:
    """Whether each point's prediction by the head on S differs from that by each left-out head.

    A head w predicts +1 where x·w > 0 and −1 elsewhere.

    Parameters
    ----------
    points : (m, d) real
        Features at which is predicted.
    weights : (d,) real
        The head on the whole sample.
    left_out : (n, d) real
        The heads without each sample, for example ``run.weights[1:]`` of `tune_heads` or
        ``leave_one_out_separators(X, y).weights``.

    Returns
    -------
    (m, n) bool
        Filled in blocks of points. Its mean is the share of flipped (point, sample) pairs.

    Raises
    ------
    TypeError, ValueError
        For values that are not finite real numbers, or shapes that do not fit.
    """
    points, left_out = real_array("points", points), real_array("left_out", left_out)
    weights = real_array("weights", weights)
    if weights.ndim != 1:
        raise ValueError(f"weights must be one head of shape (d,), got shape {weights.shape}")
    for name, array in (("points", points), ("left_out", left_out)):
        if array.ndim != 2 or array.shape[1] != weights.size:
            raise ValueError(
                f"{name} must have rows of {weights.size} features to meet the weights, got shape"
                f" {array.shape}"
            )
    flips = np.empty((len(points), len(left_out)), dtype=np.bool_)
    rows = max(1, BLOCK // len(left_out))
    for start in range(0, len(points), rows):
        block = points[start : start + rows]
        flips[start : start + rows] = (block @ left_out.T > 0) != (block @ weights > 0)[:, None]
    return flips
