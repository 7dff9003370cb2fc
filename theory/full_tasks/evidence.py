"""What is measured of the runs of one environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from tunebound import bounds
from tunebound._ground.arrays import Floats, Integers
from tunebound.bounds import head
from tunebound.theory.engine.setting import Cell
from tunebound.theory.full_tasks import columns
from tunebound.theory.full_tasks.members import TuningTask
from tunebound.theory.full_tasks.options import FullTaskOptions
from tunebound.theory.full_tasks.predictions import packed
from tunebound.theory.full_tasks.runs import runs
from tunebound.tuning import instability

CONSTANT = 0.3  # of the root mean square norm: the feature that stands for a bias
LEAST_MARGIN = 1e-6  # over the radius
NONE = float("nan")


@dataclass(frozen=True)
class FullTaskEvidence:
    """All that was measured of one environment.

    Attributes
    ----------
    task : TuningTask
    values : mapping
    """

    task: TuningTask
    values: Mapping[str, Cell]

    def columns(self) -> dict[str, Cell]:
        specification = self.task.specification
        return {
            columns.TASK: specification.task,
            columns.METHOD: specification.method,
            columns.STRENGTH: float(specification.strength),
            columns.N: len(self.task.labels),
            columns.SEED: specification.seed,
            columns.LEFT_OUT: specification.left_out,
            columns.ENCODER: specification.encoder,
            **self.values,
        }


def examine(task: TuningTask, options: FullTaskOptions) -> FullTaskEvidence:
    """Tune and measure: the run with all texts always; where texts are left out, the runs without
    them against it, and heads on the features of its tuned encoder.
    """
    every = runs(task, options)
    whole = next(every)
    logits = whole.logits(task.test_tokens)[0]
    positive = task.test_labels > 0
    tail = max(1, whole.losses.shape[1] // 10)
    values: dict[str, Cell] = {
        columns.ACCURACY: float(((logits > 0) == positive).mean()),
        columns.MAJORITY: float(max(positive.mean(), 1 - positive.mean())),
        columns.PREDICTIONS: packed(logits > 0),
        columns.PREDICTED: len(logits),
        columns.LOSS: float(whole.losses[0, -tail:].mean()),
        columns.MOVED: float(whole.distance[0]),
    }
    if len(task.without):
        others = np.stack([run.logits(task.test_tokens)[0] for run in every])
        values |= without_a_text(logits, others) | frozen_heads(
            whole.features(task.tokens)[0], task.labels
        )
    else:
        values |= dict.fromkeys((*LEFT_OUT, *HEADS), NONE)
    return FullTaskEvidence(task, values)


LEFT_OUT = (
    columns.LEFT_OUT_DIRECTION,
    columns.LEFT_OUT_CLASSES,
    columns.LEFT_OUT_PREDICTIONS,
)
HEADS = (
    columns.SEPARABLE,
    columns.RADIUS_OVER_MARGIN,
    columns.HEAD_LEFT_OUT,
    columns.HEAD_BOUND,
)


def without_a_text(logits: Floats, others: Floats) -> dict[str, Cell]:
    """How far runs without a text, with logits (k, m), end from the run with all, (m,)."""
    full = np.broadcast_to(logits, others.shape)
    return {
        columns.LEFT_OUT_DIRECTION: instability.left_out_direction(full, others),
        columns.LEFT_OUT_CLASSES: instability.left_out_disagreement(full > 0, others > 0),
        columns.LEFT_OUT_PREDICTIONS: instability.left_out_distance(
            *(np.stack([expit(-each), expit(each)], axis=-1) for each in (full, others))
        ),
    }


def frozen_heads(features: Floats, labels: Integers) -> dict[str, Cell]:
    """B/γ of features (n, d), and the mean distance of heads on them with and without each text, in
    the limit of long tuning.
    """
    constant = CONSTANT * np.sqrt((features**2).sum(axis=1).mean())
    X = np.column_stack([features, np.full(len(features), constant)])
    radius = float(np.linalg.norm(X, axis=1).max())
    values: dict[str, Cell] = dict.fromkeys(HEADS, NONE)
    try:
        separator = bounds.max_margin(X, labels)
    except bounds.NotSeparableError:
        return {**values, columns.SEPARABLE: 0.0}
    if separator.margin <= LEAST_MARGIN * radius:
        return {**values, columns.SEPARABLE: 0.0}
    values |= {columns.SEPARABLE: 1.0, columns.RADIUS_OVER_MARGIN: radius / separator.margin}
    if min((labels > 0).sum(), (labels < 0).sum()) < 2:
        return values
    others = bounds.leave_one_out_separators(X, labels, separator).weights
    unit = separator.weights / np.linalg.norm(separator.weights)
    moved = others / np.linalg.norm(others, axis=1, keepdims=True) - unit
    bound = head.deletion(
        margin=separator.margin, dual=separator.dual, norms=np.linalg.norm(X, axis=1)
    )
    return {
        **values,
        columns.HEAD_LEFT_OUT: float(np.linalg.norm(moved, axis=1).mean()),
        columns.HEAD_BOUND: float(np.mean(bound)),
    }
