"""Left-out heads that are trained, beside what is promised of them."""

from __future__ import annotations

import numpy as np

from tunebound import tuning
from tunebound.theory.certification.certificate import Measured
from tunebound.theory.certification.schemes import Scheme
from tunebound.theory.certification.solved import Solved

LATEST = 1e30  # steps that the flow is followed to
STEPS = 1_000  # steps of plain descent where following the flow would take too long
FOLLOWED = 1e7  # members squared times features, at most, for the flow


def train(scheme: Scheme, n: int, anytime: float) -> Measured:
    """Train every left-out head: by the flow to 1e30 steps, or 1,000 steps on larger data.

    Distances are means over the heads, as the certificate's.
    """
    follow = all(_size(head) <= FOLLOWED for head in scheme.heads)
    steps, total = np.empty(0), np.empty((0, n))
    for head in scheme.heads:
        count = head.separator.weights.shape[0] if head.several else None
        run = (
            tuning.flow_heads(head.X, head.y, until=LATEST, classes=count)
            if follow
            else tuning.tune_heads(head.X, head.y, steps=STEPS, classes=count)
        )
        if not steps.size:
            steps = np.asarray(run.steps, dtype=np.float64)
            total = np.zeros((len(steps), n))
        total[:, head.rows] += run.direction_distance
    return Measured(steps=steps, distance=total / len(scheme.heads), anytime=anytime)


def _size(head: Solved) -> float:
    return float(len(head.X) ** 2 * min(head.separator.weights.size, len(head.X)))
