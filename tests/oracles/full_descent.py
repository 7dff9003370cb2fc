"""Gradient descent on quadratics, one left-out sample at a time, in extended precision: the slow
route.
"""

from __future__ import annotations

import numpy as np


def quadratic_path(hessians, minimisers, start, rate, steps, sample_weights):
    """Iterates (steps + 1, d), longdouble, of w ← w − rate Σ_j sample_weights_j H_j (w − m_j)."""
    H, m = hessians.astype(np.longdouble), minimisers.astype(np.longdouble)
    path = np.empty((steps + 1, len(start)), dtype=np.longdouble)
    path[0] = start
    for t in range(steps):
        slope = np.zeros(len(start), dtype=np.longdouble)
        for j, weight in enumerate(sample_weights):
            slope += weight * (H[j] @ (path[t] - m[j]))
        path[t + 1] = path[t] - np.longdouble(rate) * slope
    return path


def leave_one_out_quadratic_paths(hessians, minimisers, start, rate, steps, weighting):
    """Paths of S and of each S^i, shape (n + 1, steps + 1, d), longdouble."""
    n = len(hessians)
    one = np.longdouble(1)
    others = one / n if weighting == "1/n" else one / (n - 1)
    paths = [quadratic_path(hessians, minimisers, start, rate, steps, [one / n] * n)]
    for i in range(n):
        kept = [others * (j != i) for j in range(n)]
        paths.append(quadratic_path(hessians, minimisers, start, rate, steps, kept))
    return np.array(paths)
