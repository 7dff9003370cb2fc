"""A start nearer to the minimiser."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from tunebound import tuning
from tunebound.theory.predictions import full_tuning, tokens
from tunebound.theory.predictions.design import Measured, Prediction, sweep

SOURCE = (
    "Fu, So & Collier (arXiv:2301.09820): √‖w_0 − w*‖, which further pre-training, re-training,"
    " L2-SP and Mixout are to shorten"
)
LIPSCHITZ = 0.5
TOKENS, STEPS, MINIMISER_STEPS, MINIMISER_TOLERANCE = 12, 100, 3000, 1e-4


@sweep(
    name="distance-losses",
    title="full tuning, log-cosh losses",
    factor="‖w_0 − w*‖",
    levels=(1, 2, 4, 8),
    population=f"{full_tuning.POPULATION}; L = {LIPSCHITZ:g}β",
    held="n, L, β, μ, frames and curvatures at w*; the width of the log-cosh sets L",
    predictions=(
        Prediction(
            name="distance-full",
            outcome="instability",
            label=full_tuning.LABEL,
            statement="at fixed L full tuning is more stable the nearer it starts to the minimiser",
            source=SOURCE,
            sign=1,
            exponents={"published": 0.5},
        ),
    ),
)
def of_losses(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Starts on one ray from w*."""
    found = [
        full_tuning.instability(full_tuning.losses(seed, distance=distance, lipschitz=LIPSCHITZ))
        for distance in levels
    ]
    return {"instability": Measured.of(*zip(*found, strict=True))}


@sweep(
    name="distance-network",
    title="full tuning, small pre-trained MLP",
    factor="‖w_0 − w*‖",
    levels=(0.25, 0.5, 1.0),
    draws=40,
    population=(
        f"token tasks, each with a pre-trained encoder of its own, n = {TOKENS}, squared loss,"
        f" {STEPS} full-batch steps of 1/β; w_0 on the segment to w*"
    ),
    held="task, network, w*, step size and steps; L, which falls with the distance, is not held",
    predictions=(
        Prediction(
            name="distance-network",
            outcome="instability",
            label="leave-one-out distance of the parameters",
            statement="a network is more stable the nearer it starts to its minimiser",
            source=SOURCE,
            sign=1,
        ),
    ),
)
def of_a_network(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """w* is where long descent from the pre-trained w_0 ends; 1 is w_0 itself."""
    task = tokens.make_task(seed, TOKENS)
    model = tuning.SequenceClassifier(task.encoder, seed=seed).double()
    sample = (task.tokens, task.labels)
    curvature = tuning.network_curvature(model, *sample, iterations=8, starts=2, device="cpu")
    rate = 1 / curvature.largest.value
    minimiser = tuning.estimate_minimiser(
        model,
        *sample,
        learning_rate=rate,
        steps=MINIMISER_STEPS,
        tolerance=MINIMISER_TOLERANCE,
        device="cpu",
    ).weights
    start = parameters_to_vector(model.parameters()).detach().numpy()
    found, resolution = [], []
    for share in levels:
        run = tuning.tune_networks(
            _at(model, minimiser + share * (start - minimiser)),
            *sample,
            steps=STEPS,
            learning_rate=rate,
            record=[STEPS],
            device="cpu",
        )
        found.append(float(run.distance[-1].mean()))
        resolution.append(full_tuning.rounding(STEPS, float(np.linalg.norm(run.weights[0]))))
    return {"instability": Measured.of(found, resolution)}


def _at(model: nn.Module, weights: np.ndarray) -> nn.Module:
    """A copy of the model with flat weights."""
    moved = copy.deepcopy(model)
    vector_to_parameters(torch.as_tensor(weights), moved.parameters())
    return moved
