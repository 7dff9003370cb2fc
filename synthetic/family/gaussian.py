"""Isotropic Gaussian cloud."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import Planted, Request, register_family


@register_family(
    "gaussian",
    summary="Isotropic normal cloud: the reference that the other families are compared with.",
)
def gaussian(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, I)."""
    cloud = rng.standard_normal((request.n, request.d))
    return part_cloud(request, cloud, random_direction(request.d, rng), rng)
