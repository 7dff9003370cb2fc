"""Classes of unequal size."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "imbalanced",
    summary="Normal cloud with a rare class (two samples at least).",
    options={
        **COMMON_OPTIONS,
        "minority": Option(
            default=0.1, meaning="share of the rare class, +1", kind=float, low=0.0, high=0.5
        ),
    },
)
def imbalanced(request: Request, rng: np.random.Generator) -> Planted:
    """Part N(0, I) and give the label +1 to a small share of the samples, support vectors among
    them.
    """
    n = request.n
    rare = max(2, round(request.options["minority"] * n))
    cloud = rng.standard_normal((n, request.d))
    labels = np.full(n, -1)
    labels[0] = 1
    labels[1 + rng.permutation(n - 1)[: rare - 1]] = 1
    return part_cloud(request, cloud, random_direction(request.d, rng), rng, labels=labels)
