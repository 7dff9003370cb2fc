"""More features than samples."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import Planted, Request, register_family


@register_family(
    "wide",
    summary=(
        "Normal cloud with more features than samples, three quarters of the samples on the margin:"
        " over-parametrised heads."
    ),
    needs="d > n",
)
def wide(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, I) in d > n dimensions, where most samples of a natural problem are support
    vectors.
    """
    if request.d <= request.n:
        request.refuse(
            f"needs more features than samples, got d={request.d}, n={request.n}; raise d or"
            " lower n"
        )
    size = request.options["n_support"]
    if size is None:
        size = 3 * request.n // 4
    elif size > request.n:
        size = request.support_size(at_most=request.n)
    cloud = rng.standard_normal((request.n, request.d))
    return part_cloud(request, cloud, random_direction(request.d, rng), rng, n_support=size)
