"""A theorem on head tuning: the triangle inequality by way of the separators."""

import numpy as np

from tunebound import theory


@theory.theorem(
    "O-detour",
    statement="‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ ‖ŵ_S(t) − û_S‖ + ‖û_S − û_{S^i}‖ + ‖û_{S^i} − ŵ_{S^i}(t)‖",
    source="the triangle inequality",
    proof="proved here",
    setting="head",
    maximum=2,
)
def detour(evidence):
    """Two heads are no further apart than by way of what they tend to."""
    error = np.asarray(evidence.run.direction_error)
    return [
        theory.Claim(
            measured=evidence.run.direction_distance,
            bound=error[:, :1] + evidence.limit_distance + error[:, 1:],
            steps=evidence.run.steps,
            resolution=evidence.run_resolution,
            provenance="exact",
            quantity="instability of each sample at step t",
        )
    ]
