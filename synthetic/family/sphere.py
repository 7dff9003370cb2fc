"""Uniform distribution on a sphere."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Floats
from tunebound.synthetic.planting import check_gap, orthogonal_part, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family

ROUNDS = 10_000


def balanced_units(directions: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Unit vectors (k, d) near the given ones and positive weights (k,), sum 1, with weighted sum
    zero.

    Subtracting the weighted mean and normalising again is repeated until the mean vanishes. The
    fixed point exists when no weight reaches the sum of the others. Tens of rounds are usual.

    Raises
    ------
    ValueError
        If the mean has not vanished after 10,000 rounds.
    """
    k = directions.shape[0]
    sizes: Floats = np.asarray(rng.uniform(0.75, 1.25, k)) if k > 3 else np.ones(k)
    weights = sizes / sizes.sum()
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    if k == 2:
        return np.stack([units[0], -units[0]]), weights
    for _ in range(ROUNDS):
        mean = weights @ units
        if np.linalg.norm(mean) < 1e-15:
            return units, weights
        units = units - mean
        units /= np.linalg.norm(units, axis=1, keepdims=True)
    raise ValueError(
        f"{k} unit vectors could not be balanced in {ROUNDS} rounds; choose another seed or"
        " n_support"
    )


@register_family(
    "sphere",
    summary="Uniform on a sphere: every norm equals the radius, as after layer normalisation.",
    needs="2 ≤ n_support; n_support = 2 when d = 2",
    options={
        **COMMON_OPTIONS,
        "n_support": Option(
            default=None,
            meaning="number of support vectors (by default n/3, at most d)",
            kind=int,
            low=2,
        ),
    },
)
def sphere(request: Request, rng: np.random.Generator) -> Planted:
    """Part uniform points of the sphere and put them back onto it."""
    n, d, margin, radius = request.n, request.d, request.margin, request.radius
    k = request.support_size(at_most=d)
    if d == 2 and k > 2:
        request.refuse(
            f"n_support={k} samples of one norm on the margin do not exist in d=2; raise d or lower"
            " it to 2"
        )
    start = check_gap(request, k)
    separator = random_direction(d, rng)
    cloud = rng.standard_normal((n, d))
    along = np.abs(cloud @ separator) / np.linalg.norm(cloud, axis=1)
    lateral = orthogonal_part(cloud, separator)
    lateral /= np.linalg.norm(lateral, axis=1, keepdims=True)
    lateral[:k], weights = balanced_units(lateral[:k], rng)
    distance = start + (radius - start) * along
    distance[:k] = margin
    width = np.sqrt((radius - distance) * (radius + distance))
    dual = np.zeros(n)
    dual[:k] = weights / margin**2
    return Planted(np.outer(distance, separator) + width[:, None] * lateral, separator, dual)
