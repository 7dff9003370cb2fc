"""Normal cloud in a subspace."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction, random_frame
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "low_rank",
    summary=(
        "Normal cloud in a random subspace that holds the separator: redundant features, singular"
        " Gram matrix."
    ),
    needs="2 ≤ rank ≤ d",
    options={
        **COMMON_OPTIONS,
        "rank": Option(
            default=None,
            meaning="dimension of the subspace (by default half of d, at least 2)",
            kind=int,
            low=2,
        ),
    },
)
def low_rank(request: Request, rng: np.random.Generator) -> Planted:
    """Part a normal cloud whose samples span ``rank`` dimensions."""
    rank = request.options["rank"]
    if rank is None:
        rank = max(2, request.d // 2)
    if rank > request.d:
        request.refuse(
            f"rank={rank} exceeds the number of features d={request.d}; lower the rank or raise d"
        )
    frame = random_frame(request.d, rank, rng)
    cloud = rng.standard_normal((request.n, rank)) @ frame.T
    separator = frame @ random_direction(rank, rng)
    size = request.support_size(at_most=rank)
    return part_cloud(request, cloud, separator / np.linalg.norm(separator), rng, n_support=size)
