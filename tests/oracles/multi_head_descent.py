"""Many heads from their own starts by gradient descent, one after another in plain NumPy: the slow
route.
"""

import numpy as np

from tests.oracles.descent import leave_one_out_paths, logistic_path


def heads_at(X, y, rate, steps, starts):
    """Heads after `steps` steps on the whole sample, shape (H, d)."""
    return np.stack([logistic_path(X, y, rate, steps, start=start)[-1] for start in starts])


def left_out_heads_at(X, y, rate, steps, starts):
    """Heads after `steps` steps on S and on each S^i, shape (n + 1, H, d)."""
    return np.stack(
        [leave_one_out_paths(X, y, rate, steps, start=start)[:, -1] for start in starts], axis=1
    )


def many_heads_at(X, y, rate, steps, starts):
    """The same as `heads_at`, all heads in one matrix product, for runs that are long."""
    Z = X * y[:, None]
    W = starts.copy()
    for _ in range(steps):
        with np.errstate(over="ignore"):
            W = W + rate / len(y) * (1 / (1 + np.exp(W @ Z.T))) @ Z
    return W
