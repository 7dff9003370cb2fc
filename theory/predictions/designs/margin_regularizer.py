"""A larger weight of the maximal margin regularizer, in the theory's own setting: tune the encoder,
freeze it, tune heads on its features with each sample left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tunebound import bounds, tuning
from tunebound.theory.predictions import heads, tokens
from tunebound.theory.predictions.design import Measured, Prediction, sweep

SOURCE = (
    "Fu, So & Collier (arXiv:2301.09820): the regularizer is to raise γ, and heads are bounded"
    " through B/γ"
)
N, SEEDS = 24, 2
STEPS, RATE, BATCH, DROPOUT = 100, 0.2, 16, 0.1


@sweep(
    name="margin-regularizer",
    title="heads on a frozen, MMR-tuned MLP",
    factor="MMR weight",
    levels=(0.3, 1.0, 3.0, 10.0, 30.0),
    population=(
        f"token tasks, each with a pre-trained encoder of its own, n = {N}, tuned with the"
        f" regularizer ({STEPS} steps of {RATE:g}, batches of {BATCH}, dropout {DROPOUT:g}), then"
        f" frozen; a constant feature appended; mean over {SEEDS} seeds"
    ),
    held="task, encoder, seeds (order, dropout, initial head), steps, step size",
    predictions=(
        Prediction(
            name="mmr-instability",
            outcome="instability",
            label="leave-one-out instability in the limit",
            statement=(
                "the larger the weight of the maximal margin regularizer, the more stable are heads"
                " on the frozen features"
            ),
            source=SOURCE,
            sign=-1,
        ),
        Prediction(
            name="mmr-margin",
            outcome="margin",
            label="γ",
            statement="the larger the weight of the regularizer, the larger γ of the features",
            source=SOURCE,
            sign=1,
        ),
        Prediction(
            name="mmr-ratio",
            outcome="ratio",
            label="B/γ",
            statement="the larger the weight of the regularizer, the smaller B/γ of the features",
            source=SOURCE,
            sign=-1,
        ),
    ),
)
def along_weight(seed: int, levels: Sequence[float]) -> Mapping[str, Measured]:
    """NaN where the features of a run are not separable."""
    task = tokens.make_task(seed, N)
    rows = []
    for weight in levels:
        tuned = tuning.fine_tune(
            task.encoder,
            task.tokens,
            task.labels,
            method=replace(tuning.methods()["maximal_margin"], strength=float(weight)),
            seeds=[1000 * seed + run for run in range(SEEDS)],
            steps=STEPS,
            learning_rate=RATE,
            batch_size=BATCH,
            dropout=DROPOUT,
        )
        features = tuned.features(task.tokens)
        constant = np.ones((*features.shape[:-1], 1))
        runs = np.concatenate([features, constant], axis=-1)
        rows.append(np.mean([_of_head(run, task.labels) for run in runs], axis=0))
    instability, resolution, margin, ratio = np.transpose(rows)
    return {
        "instability": Measured(instability, resolution),
        "margin": Measured.of(margin),
        "ratio": Measured.of(ratio),
    }


def _of_head(X: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Instability with its resolution, γ and B/γ."""
    try:
        margin = bounds.max_margin(X, y).margin
    except bounds.NotSeparableError:
        return (np.nan,) * 4
    return *heads.limit_instability(X, y), margin, float(np.linalg.norm(X, axis=1).max()) / margin
