"""Every sample on the margin."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import (
    centre,
    dual_weights,
    largest_scale,
    orthogonal_part,
    random_direction,
)
from tunebound.synthetic.registry import Planted, Request, register_family


@register_family(
    "all_support",
    summary=(
        "Every sample is a support vector: two parallel sheets, no sample can be left out unnoticed"
        " (the dual is not unique when n > d)."
    ),
    options={},
)
def all_support(request: Request, rng: np.random.Generator) -> Planted:
    """Put a balanced normal cloud onto the two margin hyperplanes."""
    separator = random_direction(request.d, rng)
    weights = dual_weights(request.n, rng)
    lateral = centre(
        orthogonal_part(rng.standard_normal((request.n, request.d)), separator), weights
    )
    base = np.full(request.n, request.margin)
    scale = largest_scale(
        base, np.zeros(request.n), np.linalg.norm(lateral, axis=1), request.radius
    )
    return Planted(
        request.margin * separator + scale * lateral, separator, weights / request.margin**2
    )
