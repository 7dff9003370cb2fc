"""Normal cloud whose covariance has a power-law spectrum."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction, random_frame
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "anisotropic",
    summary=(
        "Normal cloud with covariance eigenvalues j^(-decay) in a random basis: features of unequal"
        " strength."
    ),
    options={
        **COMMON_OPTIONS,
        "decay": Option(
            default=1.0,
            meaning="exponent of the eigenvalues j^(-decay)",
            kind=float,
            low=0.0,
            high=6.0,
        ),
    },
)
def anisotropic(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, Q diag(j^(-decay)) Qᵀ)."""
    spread = np.arange(1.0, request.d + 1.0) ** (-0.5 * request.options["decay"])
    cloud = (rng.standard_normal((request.n, request.d)) * spread) @ random_frame(
        request.d, request.d, rng
    ).T
    return part_cloud(request, cloud, random_direction(request.d, rng), rng)
