"""Eigenvalues in [μ, β] of chosen shape, and the frames that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import real_number
from tunebound._ground.registry import find_named
from tunebound.synthetic.planting import random_frame

# Squares of curvature times distance must neither overflow nor vanish.
SMALLEST, LARGEST = 1e-100, 1e100
# Below it the rounding of QΛQᵀ would exceed a ten-thousandth of the smallest eigenvalue.
ROTATED_RATIO = 1e-12
POWER = 1.5


def _uniform(u: Floats, mu: float, beta: float) -> Floats:
    return mu + (beta - mu) * u


def _log_uniform(u: Floats, mu: float, beta: float) -> Floats:
    return np.asarray(mu * (beta / mu) ** u)


def _two_point(u: Floats, mu: float, beta: float) -> Floats:
    return np.where(u < 0.5, mu, beta)


def _power_law(u: Floats, mu: float, beta: float) -> Floats:
    return np.asarray(mu + (beta - mu) * u * np.arange(1.0, u.shape[1] + 1) ** -POWER)


# Each maps uniform variates (n, d) to eigenvalues in [μ, β].
SPECTRA: dict[str, Callable[[Floats, float, float], Floats]] = {
    "uniform": _uniform,
    "log-uniform": _log_uniform,
    "two-point": _two_point,
    "power-law": _power_law,
}


def curvature_range(mu: Any, beta: Any, *, rotated: bool) -> tuple[float, float]:
    """Check 0 < μ ≤ β and return both as floats."""
    high = real_number(
        "beta",
        beta,
        low=SMALLEST,
        high=LARGEST,
        remedy="it is the largest eigenvalue of the samples' Hessians",
    )
    low = real_number(
        "mu",
        mu,
        low=SMALLEST,
        high=high,
        remedy="strong convexity lies above 0 and at most at beta",
    )
    if rotated and low < ROTATED_RATIO * high:
        raise ValueError(
            f"mu must be at least {ROTATED_RATIO:g} * beta when rotated=True, got"
            f" mu/beta={low / high:g}: rounding would change the smallest eigenvalue; pass"
            " rotated=False"
        )
    return low, high


def draw_eigenvalues(
    shape: str, n: int, d: int, mu: float, beta: float, rng: np.random.Generator
) -> Floats:
    """Eigenvalues (n, d) of the given shape; one is exactly μ, one exactly β, and they belong to
    different samples.
    """
    values = find_named("spectrum", shape, SPECTRA)(rng.random((n, d)), mu, beta)
    # Powers and sums round: an eigenvalue one unit outside the range would falsify the planted
    # constants.
    values = np.minimum(np.maximum(values, mu), beta)
    steep, flat = rng.permutation(n)[:2]
    values[steep, 0] = beta
    values[flat, d - 1] = mu
    return values


def draw_frames(n: int, d: int, rng: np.random.Generator, *, rotated: bool) -> Floats:
    """Orthonormal rows (n, d, d), one frame a sample: Haar if rotated, the coordinate axes if
    not.
    """
    if not rotated:
        return np.broadcast_to(np.eye(d), (n, d, d)).copy()
    return np.stack([random_frame(d, d, rng).T for _ in range(n)])
