"""Support vectors that come in nearly equal pairs."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import even_labels, part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "near_duplicates",
    summary=(
        "Support vectors in nearly equal pairs of one class: the twin steps in when one is left"
        " out; ill-conditioned dual."
    ),
    needs="2·pairs ≤ n",
    options={
        "gap": COMMON_OPTIONS["gap"],
        "pairs": Option(
            default=None,
            meaning="number of pairs of support vectors (by default min(d, n/3)/2, at least 1)",
            kind=int,
            low=1,
        ),
        "distance": Option(
            default=1e-3,
            meaning="distance of twins over the cloud's size, the radius roughly",
            kind=float,
            low=1e-6,
            high=1.0,
        ),
    },
)
def near_duplicates(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, I) after copying the first rows with a small displacement."""
    n, d, pairs = request.n, request.d, request.options["pairs"]
    if pairs is None:
        pairs = max(1, min(d, n // 3) // 2)
    if 2 * pairs > n:
        request.refuse(
            f"pairs={pairs} need {2 * pairs} points, but n={n}; lower the pairs or raise n"
        )
    cloud = rng.standard_normal((n, d))
    size = np.linalg.norm(cloud, axis=1).max()
    for pair in range(pairs):
        cloud[2 * pair + 1] = cloud[2 * pair] + request.options[
            "distance"
        ] * size * random_direction(d, rng)
    twins = np.repeat(np.where(np.arange(pairs) % 2 == 0, 1, -1), 2)
    labels = even_labels(twins, n, rng)
    return part_cloud(
        request,
        cloud,
        random_direction(d, rng),
        rng,
        n_support=2 * pairs,
        labels=labels,
    )
