"""A sample on the margin that the dual does not use."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "degenerate",
    summary=(
        "Normal cloud with a sample exactly on the margin whose dual must be zero: the measure-zero"
        " case in which gradient descent shows ln ln t."
    ),
    needs="n_support + n_degenerate ≤ min(n, d)",
    options={
        **COMMON_OPTIONS,
        "n_degenerate": Option(
            default=1, meaning="number of samples on the margin with dual zero", kind=int, low=1
        ),
    },
)
def degenerate(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, I); the samples on the margin are linearly independent, so the dual is unique and
    the zeros are forced.

    A sample on the margin enters any dual with a weight that leaves Σ α_j z_j = w; by linear
    independence of all samples on the margin only one set of weights does, and it gives the
    degenerate ones none.
    """
    extra = request.options["n_degenerate"]
    size = request.support_size(at_most=max(1, request.d - extra))
    if size + extra > request.d:
        request.refuse(
            f"n_support={size} and n_degenerate={extra} exceed d={request.d}: the dual would not be"
            " unique, so none of its entries need be zero; raise d or lower them"
        )
    cloud = rng.standard_normal((request.n, request.d))
    return part_cloud(
        request, cloud, random_direction(request.d, rng), rng, n_support=size, n_degenerate=extra
    )
