"""Gradient descent on the mean logistic loss, one head at a time in plain NumPy: the slow route."""

from __future__ import annotations

import numpy as np


def logistic_path(X, y, rate, steps, *, start=None, weights=None):
    """Iterates (steps + 1, d) of w ← w + rate Σ_j weights_j σ(−z_jᵀw) z_j; weights 1/n each by
    default.
    """
    Z = X * y[:, None]
    n, d = Z.shape
    weights = np.full(n, 1 / n) if weights is None else weights
    path = np.empty((steps + 1, d))
    path[0] = 0 if start is None else start
    for t in range(steps):
        with np.errstate(over="ignore"):
            activity = 1 / (1 + np.exp(Z @ path[t]))
        path[t + 1] = path[t] + rate * (weights * activity) @ Z
    return path


def leave_one_out_paths(X, y, rate, steps, *, start=None, weighting="1/n"):
    """Paths of S and of each S^i, shape (n + 1, steps + 1, d)."""
    n = len(y)
    others = 1 / n if weighting == "1/n" else 1 / (n - 1)
    paths = [logistic_path(X, y, rate, steps, start=start)]
    for i in range(n):
        kept = np.full(n, others)
        kept[i] = 0
        paths.append(logistic_path(X, y, rate, steps, start=start, weights=kept))
    return np.array(paths)
