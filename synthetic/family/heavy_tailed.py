"""Student's t coordinates."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "heavy_tailed",
    summary="Student t coordinates: a few outliers set the radius, most samples lie far inside it.",
    options={
        **COMMON_OPTIONS,
        "degrees": Option(
            default=3.0,
            meaning="degrees of freedom; smaller is heavier",
            kind=float,
            low=1.0,
            high=1e3,
        ),
    },
)
def heavy_tailed(request: Request, rng: np.random.Generator) -> Planted:
    """Part independent Student t coordinates."""
    cloud = rng.standard_t(request.options["degrees"], (request.n, request.d))
    return part_cloud(request, cloud, random_direction(request.d, rng), rng)
