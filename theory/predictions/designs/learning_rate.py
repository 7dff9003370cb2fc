"""Smaller steps: as many of them, or as many more as they are smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tunebound import tuning
from tunebound.theory.predictions import heads, tokens
from tunebound.theory.predictions.design import Measured, Prediction, sweep
from tunebound.tuning import instability

SOURCE = "Fu, So & Collier (arXiv:2301.09820): small steps are explained to be more stable"
N, D, RATIO, STEPS = 48, 8, 8.0, 400
# of the encoder: n labelled sequences, runs over seeds, those repeated without a sample
TOKENS, SEEDS, LEFT_OUT, TUNING_STEPS, TUNING_RATE = 24, 4, 12, 100, 0.2
BATCH, DROPOUT = 16, 0.1


def _predictions(what: str, moves: str, label: str) -> tuple[Prediction, ...]:
    return tuple(
        Prediction(
            name=f"rate-{what}-equal-{measured}",
            outcome=f"equal_{measured}",
            label=f"{label}, {at}",
            statement=f"at {words}, {moves} the smaller the steps are",
            source=SOURCE,
            sign=1,
        )
        for measured, words, at in (
            ("steps", "as many steps", "equal t"),
            ("path", "as many more steps as they are smaller", "equal ηt"),
        )
    )


@sweep(
    name="rate-heads",
    title=f"heads, Gaussian, n = {N}, d = {D}",
    factor="η",
    levels=(0.125, 0.25, 0.5, 1.0),
    population=(
        f"Gaussian data, n = {N}, d = {D}, B/γ = {RATIO:g}, from w_0 = 0; η from"
        " 1/8 of the largest stable step to all of it"
    ),
    held=f"the data; t = {STEPS}, or ηt = {STEPS} largest steps",
    predictions=_predictions("heads", "heads are more stable", "leave-one-out instability"),
)
def of_heads(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Step by step, all step sizes at once."""
    X, y = heads.parted_gaussian(seed, n=N, largest=N, d=D, ratio=RATIO)
    shares = np.asarray(levels)
    steps = np.rint(STEPS / shares).astype(int)
    run = tuning.tune_heads(
        np.broadcast_to(X, (len(shares), *X.shape)),
        np.broadcast_to(y, (len(shares), *y.shape)),
        steps=int(max(steps.max(), STEPS)),
        learning_rate=shares * tuning.learning_rate_limits(X),
        record=sorted({STEPS, *steps.tolist()}),
        device="cpu",
    )
    distance = run.direction_distance.mean(axis=2)
    each, common = np.arange(len(shares)), np.searchsorted(run.steps, STEPS)
    own = np.searchsorted(run.steps, steps)
    return {
        "equal_steps": Measured(distance[common], run.resolution[common]),
        "equal_path": Measured(distance[own, each], run.resolution[own, each]),
    }


@sweep(
    name="rate-encoder",
    title="fine-tuning, small pre-trained MLP",
    factor="η",
    levels=(0.1, 0.2, 0.4),
    draws=60,
    population=(
        "token tasks, each with a pre-trained encoder of its own, plain fine-tuning,"
        f" n = {TOKENS}, batches of {BATCH}, dropout {DROPOUT:g}"
    ),
    held=(
        f"task, encoder, seeds, left-out samples; t = {TUNING_STEPS}, or ηt ="
        f" {TUNING_RATE * TUNING_STEPS:g}"
    ),
    predictions=_predictions(
        "encoder",
        "predictions of a tuned encoder move less without a sample",
        "leave-one-out instability of predictions",
    ),
)
def of_an_encoder(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """Runs over seeds, some of them again without a sample."""
    task = tokens.make_task(seed, TOKENS)
    partners = np.arange(LEFT_OUT) % SEEDS
    samples = np.random.default_rng([seed, 11]).choice(TOKENS, LEFT_OUT, replace=False)

    def moved(rate: float, steps: int) -> float:
        tuned = tuning.fine_tune(
            task.encoder,
            task.tokens,
            task.labels,
            seeds=[1000 * seed + run for run in (*range(SEEDS), *partners.tolist())],
            left_out=[None] * SEEDS + samples.tolist(),
            steps=steps,
            learning_rate=rate,
            batch_size=BATCH,
            dropout=DROPOUT,
        )
        probabilities = _probabilities(tuned.logits(task.others))
        return instability.left_out_distance(probabilities[partners], probabilities[SEEDS:])

    at_equal_steps = [moved(rate, TUNING_STEPS) for rate in levels]
    at_equal_path = [
        moved(rate, round(TUNING_STEPS * TUNING_RATE / rate)) if rate != TUNING_RATE else same
        for rate, same in zip(levels, at_equal_steps, strict=True)
    ]
    return {
        "equal_steps": Measured.of(at_equal_steps),
        "equal_path": Measured.of(at_equal_path),
    }


def _probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the labels −1 and +1, (..., 2)."""
    return np.stack([expit(-logits), expit(logits)], axis=-1)
