"""More iterations: the same run at later and later steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tunebound import tuning
from tunebound.theory.predictions import heads
from tunebound.theory.predictions.design import Measured, Prediction, sweep

SOURCE = "Fu, So & Collier (arXiv:2301.09820): the first of two terms falls like ln ln t/ln t"
N, D, RATIO = 48, 8, 8.0


def double_log(steps: float) -> float:
    """ln ln t/ln t, which falls in t from t = e^e ≈ 15 on."""
    return float(np.log(np.log(steps)) / np.log(steps))


@sweep(
    name="steps-heads",
    title=f"heads, Gaussian, n = {N}, d = {D}",
    factor="t",
    levels=(1e2, 1e4, 1e6, 1e8, 1e10, 1e12),
    coordinate=double_log,
    in_coordinate="ln ln t/ln t",
    population=f"Gaussian data, n = {N}, d = {D}, B/γ = {RATIO:g}, from w_0 = 0",
    held="the data and the step size, half of the largest stable one",
    predictions=(
        Prediction(
            name="t-heads-instability",
            outcome="instability",
            label="leave-one-out instability at t",
            statement="heads are more stable the longer they are tuned, as ln ln t/ln t falls",
            source=SOURCE,
            sign=1,
            exponents={"first term": 1.0},
        ),
        Prediction(
            name="t-heads-error",
            outcome="error",
            label="direction error at t",
            statement=(
                "the longer a head is tuned, the nearer its direction is to the maximum-margin"
                " direction, as ln ln t/ln t falls"
            ),
            source=SOURCE,
            sign=1,
            exponents={"first term": 1.0},
        ),
    ),
)
def along_the_run(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Heads along gradient descent, followed in log-time."""
    X, y = heads.parted_gaussian(seed, n=N, largest=N, d=D, ratio=RATIO)
    directions, gap = heads.separators(X, y)
    run = tuning.flow_heads(
        X,
        y,
        until=max(levels),
        record=levels,
        learning_rate=heads.RATE_FRACTION * tuning.learning_rate_limits(X),
        reference=directions,
        device="cpu",
    )
    return {
        "instability": Measured(run.direction_distance.mean(axis=1), run.resolution),
        "error": Measured(np.asarray(run.direction_error)[:, 0], run.resolution + gap[0]),
    }
