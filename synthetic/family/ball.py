"""Uniform distribution in a ball."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import Planted, Request, register_family


@register_family("ball", summary="Uniform in a ball: bounded, most norms near the radius.")
def ball(request: Request, rng: np.random.Generator) -> Planted:
    """Part uniform points of the unit ball."""
    directions = rng.standard_normal((request.n, request.d))
    norms = rng.uniform(size=(request.n, 1)) ** (1.0 / request.d)
    cloud = directions / np.linalg.norm(directions, axis=1, keepdims=True) * norms
    return part_cloud(request, cloud, random_direction(request.d, rng), rng)
