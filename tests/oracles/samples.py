"""Small separable samples for tests; nothing about their margin is planted."""

import numpy as np


def separable(rng, n, d, *, gap=0.3, scale=1.0):
    """Gaussian points pushed to their side of a random hyperplane by at least `gap`; two of each
    class at least.
    """
    w = rng.normal(size=d)
    w /= np.linalg.norm(w)
    X = rng.normal(size=(n, d))
    y = np.where(X @ w > 0, 1, -1)
    y[:4] = 1, 1, -1, -1
    along = np.abs(X @ w) + gap
    X = X - np.outer(X @ w, w) + np.outer(along * y, w)
    return X * scale, y


def flat(rng, n, d, margin):
    """Unit-sized points whose separating coordinate is `margin` to twice that: a tiny
    margin/radius.
    """
    X = rng.normal(size=(n, d))
    X /= np.linalg.norm(X, axis=1)[:, None]
    y = np.where(rng.random(n) < 0.5, 1, -1)
    y[:4] = 1, 1, -1, -1
    X[:, 0] = y * margin * (1 + rng.random(n))
    return X, y


def lattice(rng, n, d):
    """Points with small whole coordinates, labelled by a whole-numbered plane: ties, duplicates,
    degenerate supports.
    """
    while True:
        X = rng.integers(-2, 3, size=(n, d)).astype(float)
        products = X @ rng.integers(-2, 3, size=d)
        X, y = X[products != 0], np.sign(products[products != 0]).astype(int)
        if min(np.sum(y == 1), np.sum(y == -1)) >= 2:
            return X, y
