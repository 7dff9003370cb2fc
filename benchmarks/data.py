"""The data sets all candidates share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunebound import synthetic
from tunebound.tuning import learning_rate_limits


@dataclass(frozen=True)
class Batch:
    """D data sets of one shape: features, labels, Z = yX and half the largest step sizes."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    Z: NDArray[np.float64]
    rates: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        sets, n, d = self.Z.shape
        return sets, n, d

    @property
    def units(self) -> int:
        """(head, sample) pairs of a step."""
        sets, n, _ = self.shape
        return sets * (n + 1) * n

    def first(self, sets: int) -> Batch:
        """The first data sets."""
        return Batch(self.X[:sets], self.y[:sets], self.Z[:sets], self.rates[:sets])


def batch(n: int, d: int, sets: int, family: str = "gaussian", seed: int = 0) -> Batch:
    """Data sets of margin 0.5 and radius about twice the typical norm, rounded to float32, so that
    all precisions see the same.
    """
    radius = 2 * np.sqrt(d) + 1
    drawn = [
        synthetic.make_separable(family, n=n, d=d, margin=0.5, radius=radius, seed=seed + k)
        for k in range(sets)
    ]
    X = np.stack([data.X for data in drawn]).astype(np.float32).astype(np.float64)
    y = np.stack([data.y for data in drawn]).astype(np.float64)
    return Batch(X, y, X * y[..., None], np.asarray(learning_rate_limits(X)) / 2)
