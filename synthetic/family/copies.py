"""Copies of one sample and one other, at right angles: heads approach the separator more slowly the
more copies there are.
"""

from __future__ import annotations

import math

import numpy as np

from tunebound.synthetic.planting import random_frame
from tunebound.synthetic.registry import Option, Planted, Request, register_family


@register_family(
    "copies",
    summary=(
        "n − 1 copies of z = radius·e_1 and one z orthogonal to them: the direction error of the"
        " head is known at every step, and grows with n."
    ),
    needs="margin ≤ radius/√2 (equality: all norms equal)",
    options={
        "rotate": Option(
            default=True,
            meaning="switch between coordinate axes (False) and a random frame (True)",
            kind=bool,
        )
    },
)
def copies(request: Request, rng: np.random.Generator) -> Planted:
    """Two orthogonal vectors of norms B and r, 1/margin² = 1/B² + 1/r²; the copies share the dual
    1/B².
    """
    n, d = request.n, request.d
    ratio = request.margin / request.radius
    # a margin that the caller computed as radius/√2 may lie one rounding error above it
    if ratio > math.sqrt(0.5) * (1.0 + 1e-14):
        request.refuse(
            f"the margin of two orthogonal samples inside radius={request.radius:g} is at most"
            f" radius/√2 = {request.radius * math.sqrt(0.5):.17g}, got"
            f" margin={request.margin:.17g}; lower the margin or raise the radius"
        )
    # of the separator along the other sample, and so margin over its norm
    cosine = math.sqrt((1.0 - ratio) * (1.0 + ratio))
    frame = random_frame(d, 2, rng) if request.options["rotate"] else np.eye(d, 2)
    Z = np.tile(request.radius * frame[:, 0], (n, 1))
    Z[-1] = min(request.margin / cosine, request.radius) * frame[:, 1]
    dual = np.full(n, (ratio / request.margin) ** 2 / (n - 1))
    dual[-1] = (cosine / request.margin) ** 2
    return Planted(Z, frame @ np.array([ratio, cosine]), dual)
