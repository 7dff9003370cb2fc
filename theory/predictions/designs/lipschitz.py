"""A smaller Lipschitz constant: the same losses, which grow linearly from nearer to w* on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunebound.theory.predictions import full_tuning
from tunebound.theory.predictions.design import Measured, Prediction, sweep

DISTANCE = 1.0


@sweep(
    name="lipschitz-losses",
    title="full tuning, log-cosh losses",
    factor="L",
    levels=(0.1, 0.2, 0.4, 0.8),
    population=f"{full_tuning.POPULATION}; L from 0.1 to 0.8 of β‖w_0 − w*‖",
    held="n, β, μ, w_0, w*, frames and curvatures at w*; the width of the log-cosh sets L",
    predictions=(
        Prediction(
            name="lipschitz-full",
            outcome="instability",
            label=full_tuning.LABEL,
            statement="full tuning is more stable the smaller the Lipschitz constant is",
            source="Fu, So & Collier (arXiv:2301.09820): √L at fixed β, μ, n and ‖w_0 − w*‖",
            sign=1,
            exponents={"published": 0.5},
        ),
    ),
)
def along_lipschitz(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Losses of several widths."""
    found = [
        full_tuning.instability(full_tuning.losses(seed, distance=DISTANCE, lipschitz=lipschitz))
        for lipschitz in levels
    ]
    return {"instability": Measured.of(*zip(*found, strict=True))}
