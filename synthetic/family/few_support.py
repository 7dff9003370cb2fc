"""A margin that hangs on few samples."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "few_support",
    summary=(
        "Normal cloud with two support vectors: leaving out any other sample changes nothing in the"
        " limit."
    ),
    options={
        **COMMON_OPTIONS,
        "n_support": Option(default=2, meaning="number of support vectors", kind=int, low=1),
    },
)
def few_support(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, I) with a handful of support vectors."""
    cloud = rng.standard_normal((request.n, request.d))
    return part_cloud(request, cloud, random_direction(request.d, rng), rng)
