"""Normal clusters."""

from __future__ import annotations

import numpy as np

from tunebound.synthetic.planting import part_cloud, random_direction
from tunebound.synthetic.registry import COMMON_OPTIONS, Option, Planted, Request, register_family


@register_family(
    "clustered",
    summary=(
        "Normal clusters, each of one class: what a good encoder makes of a task with sub-topics."
    ),
    needs="clusters ≤ n/2",
    options={
        **COMMON_OPTIONS,
        "clusters": Option(
            default=None,
            meaning="number of clusters, of alternating class (by default 4, at most n/2)",
            kind=int,
            low=2,
        ),
        "spread": Option(
            default=0.15,
            meaning="standard deviation in a cluster over that of the centres",
            kind=float,
            low=1e-3,
            high=1e3,
        ),
    },
)
def clustered(request: Request, rng: np.random.Generator) -> Planted:
    """Part a mixture of normals; samples of one cluster share their label."""
    n, d, clusters = request.n, request.d, request.options["clusters"]
    if clusters is None:
        clusters = min(4, n // 2)
    if clusters > n // 2:
        request.refuse(
            f"clusters={clusters} need two samples each, but n={n}; lower the clusters or raise n"
        )
    member = np.arange(n) % clusters
    centres = rng.standard_normal((clusters, d))
    cloud = centres[member] + request.options["spread"] * rng.standard_normal((n, d))
    separator = random_direction(d, rng)
    # Mirrored at the plane, not through the origin: that would tear a cluster apart.
    along = cloud @ separator
    cloud += np.outer(np.abs(along) - along, separator)
    return part_cloud(request, cloud, separator, rng, labels=np.where(member % 2 == 0, 1, -1))
