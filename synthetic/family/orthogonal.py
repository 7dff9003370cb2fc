"""Pairwise orthogonal samples: the worst case for leave-one-out stability."""

from __future__ import annotations

import math

import numpy as np

from tunebound.synthetic.planting import dual_weights, random_frame
from tunebound.synthetic.registry import Option, Planted, Request, register_family


@register_family(
    "orthogonal",
    summary=(
        "Pairwise orthogonal samples x_i = radius·e_i: every sample supports alone a direction of"
        " its own, the worst case for leave-one-out stability."
    ),
    needs=(
        "d ≥ n; margin ≤ radius/√n (equality: all norms equal; below: all norms but one shrink, by"
        " amounts that are drawn)"
    ),
    options={
        "rotate": Option(
            default=False,
            meaning="switch between coordinate axes (False) and a random frame (True)",
            kind=bool,
        )
    },
)
def orthogonal(request: Request, rng: np.random.Generator) -> Planted:
    """Orthogonal z_i of norms r_i: w = Σ z_i/r_i², dual 1/r_i², 1/margin² = Σ 1/r_i²."""
    n, d = request.n, request.d
    if d < n:
        request.refuse(f"{n} orthogonal samples need d ≥ n, got d={d}; raise d or lower n")
    largest = request.radius / math.sqrt(n)
    # A margin that the caller computed as radius/√n may lie one rounding error above it.
    if request.margin > largest * (1.0 + 1e-14):
        request.refuse(
            f"the margin of {n} orthogonal samples inside radius={request.radius:g} is at most"
            f" radius/√n = {largest:.17g}, got margin={request.margin:.17g}; lower the margin or n,"
            " or raise the radius"
        )
    # dual α_i = 1/r_i² in units of Σ α_i = 1/margin²: 1/radius² for each, and what is left for all
    # but one in shares that are drawn
    least = (request.margin / request.radius) ** 2
    shares = np.full(n, least)
    shares[1:] += dual_weights(n - 1, rng) * max(1.0 - n * least, 0.0)
    norms = np.minimum(request.margin / np.sqrt(shares), request.radius)
    frame = random_frame(d, n, rng) if request.options["rotate"] else np.eye(d, n)
    Z = (frame * norms).T
    separator = frame @ (1.0 / norms)
    return Planted(Z, separator / np.linalg.norm(separator), 1.0 / norms**2)
