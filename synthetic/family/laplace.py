"""Laplace coordinates."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import Planted, Request, register_family


@register_family(
    "laplace",
    summary=(
        "Laplace coordinates: exponential tails, between the normal and the heavy-tailed cloud."
    ),
)
def laplace(request: Request, rng: np.random.Generator) -> Planted:
    """Part independent Laplace coordinates."""
    cloud = rng.laplace(size=(request.n, request.d))
    return part_cloud(request, cloud, random_direction(request.d, rng), rng)
