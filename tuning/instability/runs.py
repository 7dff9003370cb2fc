"""What the measures over R runs share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks
from tunebound._ground.arrays import Floats


def several_runs(name: str, values: ArrayLike, dimensions: int) -> Floats:
    """Finite real numbers of at least two runs, as an array of so many axes."""
    array = checks.real_array(name, values)
    if array.ndim != dimensions or len(array) < 2:
        raise ValueError(
            f"{name} must have {dimensions} axes, the first of them at least 2 runs,"
            f" got shape {array.shape}"
        )
    return array


def predicted_classes(name: str, predictions: ArrayLike, *, runs: int) -> NDArray[np.int64]:
    """Whole numbers of shape (R, N), R at least `runs`."""
    values = checks.as_array(name, predictions)
    if values.dtype.kind not in "iub":
        raise TypeError(
            f"{name} must hold whole numbers, got dtype {values.dtype}; take the arg max of"
            " probabilities first"
        )
    if values.ndim != 2 or len(values) < runs or not values.size:
        count = f"{runs} runs" if runs > 1 else "1 run"
        raise ValueError(
            f"{name} must have shape (R, N) with at least {count} and 1 input, got {values.shape}"
        )
    return values.astype(np.int64)


def over_pairs(runs: Floats | list[Floats], distance: Callable[[Floats, Floats], float]) -> float:
    """Mean of a symmetric distance over pairs of runs."""
    return float(np.mean([distance(runs[q], runs[r]) for r in range(len(runs)) for q in range(r)]))
