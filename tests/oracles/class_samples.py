"""Small separable samples of several classes; nothing about their margin is planted."""

import numpy as np


def separable_classes(rng, n, d, classes, *, gap=0.3):
    """Gaussian points, each moved along its class's row of a random head until its score leads by
    `gap`; two of each class at least.
    """
    W = rng.normal(size=(classes, d))
    X = rng.normal(size=(n, d))
    y = (X @ W.T).argmax(axis=1)
    y[: 2 * classes] = np.repeat(np.arange(classes), 2)
    for i, label in enumerate(y):
        for _ in range(10_000):
            scores = X[i] @ W.T
            rival = int(np.where(np.arange(classes) == label, -np.inf, scores).argmax())
            lead = scores[label] - scores[rival]
            if lead >= gap:
                break
            step = W[label] - W[rival]
            X[i] += (gap * 1.01 - lead) * step / (step @ step)
        else:
            raise AssertionError("the classes' rows are too few features for a separable sample")
    return X, y
