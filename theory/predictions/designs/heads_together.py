"""More heads: the mean of H of them, from the same random starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tunebound import tuning
from tunebound.theory.predictions import heads
from tunebound.theory.predictions.design import Design, Measured, Prediction, sweep

SOURCE = "Fu, So & Collier (arXiv:2301.09820): the first of two terms falls like 1/√H"
HEADS, STEPS, SCALE, RATIO = 64, 1000, 1.0, 8.0


def _design(name: str, n: int, d: int) -> Design:
    """The mean of H heads on data of one shape."""

    @sweep(
        name=f"heads-{name}-features",
        title=f"mean of heads, Gaussian, n = {n}, d = {d}",
        factor="H",
        levels=(1, 4, 16, 64),
        population=(
            f"Gaussian data, n = {n}, d = {d}, B/γ = {RATIO:g}, from normal starts"
            f" of deviation {SCALE:g}, after {STEPS} steps"
        ),
        held=f"data, step size, steps and the {HEADS} starts, in disjoint groups of H",
        predictions=(
            Prediction(
                name=f"H-instability-{name}-features",
                outcome="instability",
                label="leave-one-out instability",
                statement=f"with d = {d} and n = {n} the mean of more heads is more stable",
                source=SOURCE,
                sign=-1,
                exponents={"first term": -0.5},
            ),
            Prediction(
                name=f"H-error-{name}-features",
                outcome="error",
                label="direction error",
                statement=(
                    f"with d = {d} and n = {n} the mean of more heads is nearer to the"
                    " maximum-margin direction"
                ),
                source=SOURCE,
                sign=-1,
                exponents={"first term": -0.5},
            ),
        ),
    )
    def along_heads(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
        X, y = heads.parted_gaussian(seed, n=n, largest=n, d=d, ratio=RATIO)
        directions, gap = heads.separators(X, y)
        starts = SCALE * np.random.default_rng([seed, 0x57A7]).normal(size=(HEADS, d))
        run = tuning.tune_heads(
            X,
            y,
            steps=STEPS,
            learning_rate=heads.RATE_FRACTION * tuning.learning_rate_limits(X),
            init=starts,
            heads=HEADS,
            record=[STEPS],
            device="cpu",
        )
        tuned = np.asarray(run.head_weights)
        means = [heads.unit(group_means(tuned, int(size))) for size in levels]
        return {
            "instability": Measured.of(
                [float(np.linalg.norm(each[1:] - each[0], axis=-1).mean()) for each in means],
                run.resolution[-1],
            ),
            "error": Measured.of(
                [float(np.linalg.norm(each[0] - directions[0], axis=-1).mean()) for each in means],
                run.resolution[-1] + gap[0],
            ),
        }

    return along_heads


def group_means(weights: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Means (..., H/size, d) over disjoint groups of `size` heads (..., H, d)."""
    *others, count, d = weights.shape
    return weights.reshape(*others, count // size, size, d).mean(axis=-2)


FEW = _design("few", n=24, d=8)
MANY = _design("many", n=24, d=48)
