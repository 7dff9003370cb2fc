"""The hard-margin separator in exact rational arithmetic: its squared margin, proved by the
optimality conditions.
"""

from fractions import Fraction
from itertools import combinations

import numpy as np


def squared_margin(X, y, guess=()):
    """gamma^2 of the very numbers in X, or None where nothing separates them.

    Tries the support set `guess` first, then every set of at most d rows; which one passes the
    conditions does not matter, since they prove optimality.
    """
    Z = [[Fraction(float(x)) * int(label) for x in row] for row, label in zip(X, y, strict=True)]
    sets = [tuple(int(j) for j in guess)]
    sets += [s for size in range(1, len(Z[0]) + 1) for s in combinations(range(len(Z)), size)]
    for support in sets:
        square = _optimal(Z, support)
        if square is not None:
            return 1 / square
    return None


def _optimal(Z, support):
    """|w|^2 if the shortest w with z_j . w = 1 on the support is optimal, else None."""
    if not support:
        return None
    gram = [[_dot(Z[a], Z[b]) for b in support] + [Fraction(1)] for a in support]
    alpha = solved(gram)
    if alpha is None or min(alpha) < 0:
        return None
    w = [_dot(alpha, [Z[j][k] for j in support]) for k in range(len(Z[0]))]
    return _dot(w, w) if min(_dot(z, w) for z in Z) >= 1 else None


def _dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def solved(system):
    """Gauss and Jordan; None for a singular matrix."""
    size = len(system)
    for c in range(size):
        pivot = next((r for r in range(c, size) if system[r][c]), None)
        if pivot is None:
            return None
        system[c], system[pivot] = system[pivot], system[c]
        system[c] = [x / system[c][c] for x in system[c]]
        for r in range(size):
            if r != c and system[r][c]:
                system[r] = [
                    x - system[r][c] * p for x, p in zip(system[r], system[c], strict=True)
                ]
    return [row[-1] for row in system]


def thin(rng, n, d, margin):
    """Rows of norm about 1 at `margin` to twice that from a plane, in a random position; every
    other set has rows that are almost parallel.
    """
    X = rng.normal(size=(n, d))
    if rng.random() < 0.5:
        X = X[:1] * rng.choice([-1.0, 1.0], size=(n, 1)) + 1e-2 * X
    X /= np.linalg.norm(X, axis=1)[:, None]
    y = np.tile([1, -1], n)[:n]
    X[:, 0] = y * margin * (1 + rng.random(n))
    rotation, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return X @ rotation, y
