"""A smaller B/γ: the same cloud with a larger and larger margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunebound import synthetic
from tunebound.theory.predictions import heads
from tunebound.theory.predictions.design import Design, Measured, Prediction, sweep


def _design(family: str, words: str, n: int, d: int) -> Design:
    """B/γ on data of one family and shape."""
    data = f"{words} data, n = {n}, d = {d}"

    @sweep(
        name=f"ratio-{family}-n{n}-d{d}",
        title=f"heads, {words}, n = {n}, d = {d}",
        factor="B/γ",
        levels=(4, 8, 16, 32),
        population=data,
        held="B, n, d; one cloud, parted in one direction by several margins",
        predictions=(
            Prediction(
                name=f"ratio-heads-{family}-n{n}-d{d}",
                outcome="instability",
                label="leave-one-out instability in the limit",
                statement=f"heads are more stable the smaller B/γ is ({data})",
                source="Fu, So & Collier (arXiv:2301.09820): √(B/γ) at fixed n; H-anytime: B/γ",
                sign=1,
                exponents={"published": 0.5, "H-anytime": 1.0},
            ),
        ),
    )
    def along_ratio(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
        found = []
        for ratio in levels:
            data = synthetic.make_separable(
                family, n=n, d=d, margin=heads.RADIUS / ratio, radius=heads.RADIUS, seed=seed
            )
            found.append(heads.limit_instability(data.X, data.y))
        return {"instability": Measured.of(*zip(*found, strict=True))}

    return along_ratio


# The sign depends on how many samples a feature has.
MANY_SAMPLES = _design("gaussian", "Gaussian", 96, 8)
FEW_SAMPLES = _design("gaussian", "Gaussian", 48, 32)
ENCODED = _design("relu_encoder", "random-ReLU", 48, 32)
WIDE = _design("wide", "wide", 48, 64)
