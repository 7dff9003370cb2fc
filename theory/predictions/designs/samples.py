"""More samples: the same draw with its first n samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tunebound import synthetic, tuning
from tunebound.theory.predictions import full_tuning, heads
from tunebound.theory.predictions.design import Measured, Prediction, sweep

PUBLISHED = "Fu, So & Collier (arXiv:2301.09820)"
HEAD_RATES = {"published": -0.5, "H-anytime": -1.0}
LARGEST = 256
GAUSSIAN_D, GAUSSIAN_RATIO = 8, 8.0
ORTHOGONAL, ORTHOGONAL_RATIO = 64, 16.0
LOSSES, LOSSES_D, KAPPA, LOSSES_STEPS = 128, 4, 0.1, 100
LIMIT = "leave-one-out instability in the limit"


@sweep(
    name="samples-gaussian",
    title=f"heads, Gaussian, d = {GAUSSIAN_D}",
    factor="n",
    levels=(32, 64, 128, 256),
    population=f"Gaussian data, d = {GAUSSIAN_D}, B/γ = {GAUSSIAN_RATIO:g}",
    held="B, γ, d; the first n points of one cloud, parted in one direction; 8 support vectors",
    predictions=(
        Prediction(
            name="n-heads-gaussian",
            outcome="instability",
            label=LIMIT,
            statement="on Gaussian data heads are more stable the more samples there are",
            source=f"{PUBLISHED}: 1/√n at fixed B/γ; H-anytime: 1/n",
            sign=-1,
            exponents=HEAD_RATES,
        ),
    ),
)
def gaussian(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Limit directions with the first n points."""
    found = [
        heads.limit_instability(
            *heads.parted_gaussian(
                seed, n=int(n), largest=LARGEST, d=GAUSSIAN_D, ratio=GAUSSIAN_RATIO
            )
        )
        for n in levels
    ]
    return {"instability": Measured.of(*zip(*found, strict=True))}


@sweep(
    name="samples-orthogonal",
    title="heads, orthogonal",
    factor="n",
    levels=(8, 16, 32, 64),
    population=(
        "pairwise orthogonal data, norms within a factor 2 but for one that is B,"
        f" d = {ORTHOGONAL}, B/γ = {ORTHOGONAL_RATIO:g}"
    ),
    held="B, γ, d; the first n of the same samples, all but one scaled together",
    predictions=(
        Prediction(
            name="n-heads-orthogonal",
            outcome="instability",
            label=LIMIT,
            statement="on orthogonal data heads are more stable the more samples there are",
            source=f"{PUBLISHED}: 1/√n at fixed B/γ; H-anytime: 1/n",
            sign=-1,
            exponents=HEAD_RATES,
        ),
    ),
)
def orthogonal(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Limit directions with the first n orthogonal samples."""
    found = [
        heads.limit_instability(
            *heads.orthogonal(seed, n=int(n), largest=ORTHOGONAL, ratio=ORTHOGONAL_RATIO)
        )
        for n in levels
    ]
    return {"instability": Measured.of(*zip(*found, strict=True))}


@sweep(
    name="samples-losses",
    title="full tuning, log-cosh losses",
    factor="n",
    levels=(8, 16, 32, 64, 128),
    population=(
        f"log-cosh losses as wide as ‖w_0 − w*‖, d = {LOSSES_D}, μ/β = {KAPPA:g}, step 1/β,"
        f" {LOSSES_STEPS} steps"
    ),
    held=f"w_0, w*, step size; the first n of {LOSSES} losses, whose μ, β and L are those of all",
    predictions=(
        Prediction(
            name="n-full",
            outcome="instability",
            label="largest leave-one-out distance along the run",
            statement="full tuning is more stable the more samples there are",
            source=f"{PUBLISHED}: 1/n at fixed L, β, μ and ‖w_0 − w*‖",
            sign=-1,
            exponents={"published": -1.0},
        ),
    ),
)
def losses(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """All runs on the first n losses."""
    problem = synthetic.make_smooth_losses(
        LOSSES, LOSSES_D, mu=KAPPA, beta=1.0, distance=1.0, seed=seed
    )
    found = [_largest_distance(problem, int(n)) for n in levels]
    return {"instability": Measured.of(*zip(*found, strict=True))}


def _largest_distance(problem: synthetic.SmoothProblem, n: int) -> tuple[float, float]:
    """Along the runs on the first n losses."""

    def first_losses(w: NDArray[np.float64]) -> NDArray[np.float64]:
        return problem.losses(w)[..., :n]

    def first_gradients(w: NDArray[np.float64]) -> NDArray[np.float64]:
        return problem.gradients(w)[..., :n, :]

    run = tuning.tune_losses(
        first_losses,
        first_gradients,
        problem.start,
        beta=problem.beta,
        steps=LOSSES_STEPS,
        record=range(1, LOSSES_STEPS + 1),
    )
    return full_tuning.largest_distance(run, full_tuning.size_of(problem))
