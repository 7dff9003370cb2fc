"""A regular simplex across the separator: the data on which leaving one out costs exactly B/(γn)
in the limit of many samples.
"""

from __future__ import annotations

import math

import numpy as np

from tunebound.synthetic.planting import random_frame
from tunebound.synthetic.registry import Option, Planted, Request, register_family


@register_family(
    "simplex",
    summary=(
        "z_i = (margin, √(radius² − margin²)·v_i), v_i the vertices of a regular simplex: all"
        " samples support alike, and the head's directions are known at every step."
    ),
    needs="d ≥ n",
    options={
        "rotate": Option(
            default=True,
            meaning="switch between coordinate axes (False) and a random frame (True)",
            kind=bool,
        )
    },
)
def simplex(request: Request, rng: np.random.Generator) -> Planted:
    """Equal duals 1/(n margin²): the vertices sum to zero."""
    n, d = request.n, request.d
    if d < n:
        request.refuse(f"a simplex of {n} samples needs d ≥ n, got d={d}; raise d or lower n")
    across = math.sqrt((request.radius - request.margin) * (request.radius + request.margin))
    frame = random_frame(d, n, rng) if request.options["rotate"] else np.eye(d, n)
    Z = (frame @ np.vstack([np.full(n, request.margin), across * _vertices(n)])).T
    return Planted(Z, frame[:, 0], np.full(n, 1.0 / (n * request.margin**2)))


def _vertices(n: int) -> np.ndarray:
    """Unit vertices of a regular simplex in n − 1 dimensions, one a column: vertex k leaves the
    axes before k alike, so that row k is (0, …, 0, 1, −1/(n−1−k), …)·what is left of the norm.
    """
    vertices = np.zeros((n - 1, n))
    for k in range(n - 1):
        left = math.sqrt(n / (n - 1) * (n - 1 - k) / (n - k))
        vertices[k, k] = left
        vertices[k, k + 1 :] = -left / (n - 1 - k)
    return vertices
