"""Data for linear heads, and how far their directions move when a sample is left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunebound import bounds, synthetic

RADIUS = 4.0
GAP = 0.1  # of the samples beyond the margin, in units of the margin
RATE_FRACTION = 0.5  # of the largest stable step size


def parted_gaussian(
    seed: int, *, n: int, largest: int, d: int, ratio: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The first n of `largest` normal points, parted so that B/γ is the given ratio.

    Points, labels and separating direction are those of the seed for every n: smaller samples are
    parts of larger ones before they are parted and stretched. At most d points, a third of n, are
    the support vectors.

    Returns
    -------
    X : (n, d)
    y : (n,)
        −1 and +1 in turn.
    """
    rng = np.random.default_rng([seed, d, largest])
    cloud = rng.standard_normal((largest, d))[:n]
    direction = synthetic.planting.random_direction(d, rng)
    request = synthetic.Request(
        family="gaussian",
        n=n,
        d=d,
        margin=RADIUS / ratio,
        radius=RADIUS,
        options={"gap": GAP, "n_support": None},
    )
    labels = alternating(n)
    return labels[:, None] * synthetic.planting.part_cloud(request, cloud, direction, rng).Z, labels


def orthogonal(
    seed: int, *, n: int, largest: int, ratio: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """n pairwise orthogonal samples in R^largest, of norms that differ by at most a factor 2, but
    for one that has the radius.

    1/γ² = Σ 1/‖x_i‖² is held by scaling the others; ratio² ≥ 4n keeps them inside the radius. The
    samples of smaller n are those of larger n, scaled.

    Returns
    -------
    X : (n, largest)
    y : (n,)
        −1 and +1 in turn.
    """
    if ratio**2 < 4 * n:
        raise ValueError(
            f"ratio={ratio:g} is below 2√n = {2 * n**0.5:g}: a sample would leave the radius; raise"
            " the ratio or lower n"
        )
    norms = np.random.default_rng([seed, largest]).uniform(0.5, 1.0, largest)[:n]
    inverse = norms**-2
    inverse[1:] *= (ratio**2 - 1) / inverse[1:].sum()
    inverse[0] = 1.0
    labels = alternating(n)
    return np.diag(labels * RADIUS / np.sqrt(inverse)) @ np.eye(n, largest), labels


def alternating(n: int) -> NDArray[np.int64]:
    """Labels −1 and +1 in turn, (n,)."""
    return np.where(np.arange(n) % 2 == 0, -1, 1)


def unit(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit directions along the last axis."""
    return weights / np.linalg.norm(weights, axis=-1, keepdims=True)


def separators(
    X: NDArray[np.float64], y: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit directions of the separators of S, then of each S^i, (n + 1, d); and what their duality
    gaps leave open in each, (n + 1,).

    A feasible w with relative gap g is within √g ‖w‖ of the separator, since the squared norm is
    strongly convex.
    """
    whole = bounds.max_margin(X, y)
    others = bounds.leave_one_out_separators(X, y, whole)
    gaps = np.append(whole.gap, others.gaps)
    directions = unit(np.concatenate([[whole.weights], others.weights]))
    return directions, np.sqrt(np.maximum(gaps, np.finfo(float).eps))


def limit_instability(X: NDArray[np.float64], y: NDArray[np.int64]) -> tuple[float, float]:
    """mean_i ‖û_S − û_{S^i}‖ of the maximum-margin directions, and its resolution."""
    directions, gap = separators(X, y)
    distance = np.linalg.norm(directions[1:] - directions[0], axis=1)
    return float(distance.mean()), float(gap[0] + gap[1:].mean())
