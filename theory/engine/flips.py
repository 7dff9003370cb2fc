"""How near predictions that are certified come to flipping."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Booleans, Floats


def nearness_to_flips(
    points: Floats, weights: Floats, left_out: Floats, certified: Booleans
) -> Floats:
    """What the left-out head takes from the value s·xᵀw that the head gives, s its sign, as a share
    of it: above 1 where the prediction flips.

    Parameters
    ----------
    points : (m, d)
    weights : (d,)
        The head on the whole sample.
    left_out : (n, d)
        The heads without each sample.
    certified : (m, n)
        Where a statement says that the prediction stays.

    Returns
    -------
    (m, n)
        At least 0, and 0 where nothing is certified.
    """
    value = (points @ weights)[:, np.newaxis]
    kept = np.sign(value) * (points @ left_out.T)
    size = np.abs(value)
    lost = np.divide(size - kept, size, out=np.ones_like(kept), where=size > 0)
    return np.where(certified, np.maximum(lost, 0.0), 0.0)
