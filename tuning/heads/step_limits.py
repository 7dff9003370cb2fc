"""Largest step sizes of gradient descent on heads, from the curvature of the loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks, sample_checks
from tunebound.tuning import arguments

AT_ONCE = 2**21  # features whose curvature is computed at once


def learning_rate_limits(
    X: ArrayLike, *, weighting: str = "1/n", classes: int | None = None
) -> NDArray[np.float64] | float:
    """Largest step size 2/β for which gradient descent on the mean loss is non-expansive.

    Parameters
    ----------
    X : (n, d) or (D, n, d)
        Encoded features.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the remaining samples when one is left out; it decides which of the losses is the
        most curved.
    classes : int, optional
        Number of classes of softmax heads, at least 2; None stands for the logistic loss.

    Returns
    -------
    float or (D,)
        2/β with β = λ_max(XᵀX)/(4n), or λ_max(XᵀX)/(2n) of softmax heads; times n/(n − 1) under
        1/(n − 1) weights.
    """
    features = sample_checks.features(X, batch=True)
    if features.shape[-2] < 2:
        raise ValueError(f"X must hold at least 2 samples, got shape {features.shape}; add samples")
    checks.choice("weighting", weighting, checks.WEIGHTINGS)
    limits = limits_of(
        features.reshape(-1, *features.shape[-2:]), arguments.growth(weighting, features.shape[-2])
    )
    if classes is not None:
        checks.whole_number(
            "classes", classes, low=2, remedy="a softmax head compares two classes at least"
        )
        limits = limits / 2  # of the scores' Hessian the largest eigenvalue is ½, not ¼
    return float(limits[0]) if features.ndim == 2 else limits


def limits_of(X: NDArray, growth: float) -> NDArray[np.float64]:
    """2/β (D,) of the logistic loss on features (D, n, d), its weights times `growth`."""
    batch, n, d = X.shape
    together = max(1, AT_ONCE // (n * d))
    parts = [
        _limits_at_once(X[first : first + together], growth, first)
        for first in range(0, batch, together)
    ]
    return np.concatenate(parts)


def _limits_at_once(X: NDArray, growth: float, first: int) -> NDArray[np.float64]:
    X = X.astype(np.float64, copy=False)
    scale = np.abs(X).max(axis=(1, 2))
    if not (scale > 0).all():
        raise ValueError(
            f"X of data set {first + int(np.argmin(scale))} is zero everywhere; there is nothing to"
            " tune on"
        )
    singular = np.linalg.svd(X / scale[:, None, None], compute_uv=False)[:, 0]
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        limits = 8 * X.shape[1] / (growth * (singular * scale) ** 2)
    if not (np.isfinite(limits).all() and (limits > 0).all()):
        raise ValueError(
            "X: its curvature over- or underflows; rescale the features, for example to a largest"
            " norm of 1"
        )
    return limits
