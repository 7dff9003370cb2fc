"""The quantities of the bounds, as one way of fine-tuning leaves them on one task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tunebound import bounds, tuning
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.task import Task, with_constant

if TYPE_CHECKING:
    from torch import nn

STARTS, MINIMISER_STEPS, MINIMISER_TOLERANCE = 2, 3000, 2e-3
LEAST_MARGIN = 1e-6  # over the radius
FROZEN = 3  # seeds whose tuned encoder is frozen


def margins(features: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """γ, B and B/γ of training features (R, n, d) with a constant: medians over the runs whose
    features are separable.
    """
    found = [
        (separator.margin, _radius(run), _radius(run) / separator.margin)
        for run, separator in _separable(features, labels)
    ]
    values = dict(
        zip(
            (columns.MARGIN, columns.RADIUS, columns.RADIUS_OVER_MARGIN),
            np.median(found, axis=0) if found else (np.nan,) * 3,
            strict=True,
        )
    )
    return {
        **{name: float(value) for name, value in values.items()},
        columns.SEPARABLE: len(found) / len(features),
    }


def head_left_out(features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """mean_i ‖û_S − û_{S^i}‖ of heads on frozen features (R, n, d) with a constant, each tuned
    until its direction stops moving: the maximum-margin direction, of all samples and without each.

    Mean over the runs whose features are separable; NaN where there is none, or a class has one
    sample only.
    """
    if min((labels > 0).sum(), (labels < 0).sum()) < 2:
        return float("nan")
    found = []
    for run, whole in _separable(features, labels):
        others = bounds.leave_one_out_separators(run, labels, whole).weights
        moved = others / np.linalg.norm(others, axis=1, keepdims=True) - (
            whole.weights / np.linalg.norm(whole.weights)
        )
        found.append(np.linalg.norm(moved, axis=1).mean())
    return float(np.mean(found)) if found else float("nan")


def _separable(
    features: NDArray[np.float64], labels: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float64], bounds.Separator]]:
    """The runs, with a constant feature, whose classes a hyperplane separates by more than the
    rounding of saturated features.
    """
    for run in with_constant(features):
        try:
            separator = bounds.max_margin(run, labels)
        except bounds.NotSeparableError:
            continue
        if separator.margin > LEAST_MARGIN * _radius(run):
            yield run, separator


def _radius(features: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(features, axis=1).max())


def distance_to_minimiser(task: Task, tuned: tuning.FineTuned) -> dict[str, float]:
    """‖w_0 − w*‖ of the encoder: w* is where long full-batch descent on the squared loss from w_0
    ends, head and encoder together.

    Median over the first `STARTS` seeds, which differ in the head that descent starts from; with
    the largest share of a distance that descent may have left, from the estimate of
    `tuning.estimate_minimiser`.
    """
    distances, left = [], []
    for replica in range(STARTS):
        start = tuned.start_encoder(replica)
        model = tuning.SequenceClassifier(start, seed=int(tuned.seeds[replica]))
        sample = (model, task.tokens, task.labels)
        curvature = tuning.network_curvature(
            *sample, iterations=8, starts=2, device="cpu"
        ).largest.value
        found = tuning.estimate_minimiser(
            *sample,
            learning_rate=1 / curvature,
            steps=MINIMISER_STEPS,
            tolerance=MINIMISER_TOLERANCE,
            device="cpu",
        )
        distances.append(
            float(np.linalg.norm((found.weights - flat(model))[: start.parameter_count]))
        )
        left.append(found.distance.error / found.distance.value)
    return {
        columns.TO_MINIMISER: float(np.median(distances)),
        columns.TO_MINIMISER_ERROR: max(left),
    }


def flat(model: nn.Module) -> NDArray[np.float64]:
    """A module's parameters in the order of `named_parameters`: the encoder's, then the head's."""
    import torch  # what reads tables alone does not wait for it

    return torch.cat([value.detach().double().flatten() for value in model.parameters()]).numpy()
