"""What is measured of a way of fine-tuning on one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from tunebound import bounds, tuning
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Cell
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.comparison import REFERENCE, column
from tunebound.theory.remedies.task import Task, with_constant
from tunebound.theory.remedies.variants import Variant, variant
from tunebound.tuning import instability

REPRESENTED = 128  # test inputs on which representations are compared: four times the features

# ‖w_0 − w*‖ is measured for plain fine-tuning and for what claims to shorten it.
MINIMISED = (REFERENCE, "self_unsupervised")
STARTS, MINIMISER_STEPS, MINIMISER_TOLERANCE = 2, 3000, 2e-3


@dataclass(frozen=True, kw_only=True)
class RemedyOptions(Options):
    """Options of a study of remedies.

    Attributes
    ----------
    steps : int
        Of every run, at least 1.
    learning_rate : float
        Above 0.
    batch_size : int
        At least 1.
    dropout : float
        Share of features that is dropped, in [0, 1).
    methods : tuple of str
        Ways of fine-tuning to try, instead of those that are written out in the suite: registered
        names, with a strength as in "maximal_margin@3" or without.
    """

    steps: int = 100
    learning_rate: float = 0.2
    batch_size: int = 16
    dropout: float = 0.1
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemedyEvidence:
    """All that was measured on one task.

    Attributes
    ----------
    task : Task
    values : mapping
        One number a method and measure, under `comparison.column`.
    """

    task: Task
    values: Mapping[str, float]

    def columns(self) -> dict[str, Cell]:
        specification = self.task.specification
        runs = len(specification.methods) * (specification.seeds + specification.left_out)
        return {
            **specification.values,
            columns.FLIPS: self.task.flips,
            columns.RUNS: runs,
            **self.values,
        }


def remedy_evidence(task: Task, options: RemedyOptions) -> RemedyEvidence:
    """Every method of the specification on a task."""
    return RemedyEvidence(
        task,
        {
            column(tried.name, measure): value
            for tried in task.specification.methods
            for measure, value in measure_method(task, tried, options).items()
        },
    )


def left_out_samples(task: Task) -> NDArray[np.int64]:
    """The training samples that are left out in turn: drawn without replacement from the task's
    seed.
    """
    rng = np.random.default_rng([task.specification.seed, task.specification.world, 11])
    return rng.choice(len(task.labels), size=task.specification.left_out, replace=False)


def measure_method(task: Task, method: str | Variant, options: RemedyOptions) -> dict[str, float]:
    """Every measure of one method on one task, by name; see `comparison.MEASURES`.

    Parameters
    ----------
    task : Task
    method : str or Variant
        See `theory.remedies.variants`.
    options : RemedyOptions
        Of the study.

    Notes
    -----
    All runs of a method advance together; run r < seeds is that of seed r, and run seeds + k that
    of seed k mod seeds without the k-th of the samples to leave out.
    """
    seeds = task.specification.seeds
    tried = variant(method)
    tuned = tune(task, tried, options)
    partners = np.arange(task.specification.left_out) % seeds
    logits, features = (
        tuned.logits(task.test_tokens),
        tuned.features(task.test_tokens)[:seeds, :REPRESENTED],
    )
    predictions = (logits[:seeds] > 0).astype(np.int64)
    probabilities = class_probabilities(logits)
    correct = (predictions > 0) == (task.test_labels > 0)
    fitted = (tuned.logits(task.tokens)[:seeds] > 0) == (task.labels > 0)
    values = {
        columns.ACCURACY: float(correct.mean()),
        columns.TRAINING_ACCURACY: float(fitted.mean()),
        columns.ACCURACY_DEVIATION: instability.score_deviation(correct.mean(axis=1)),
        columns.DISAGREEMENT: instability.disagreement(predictions),
        columns.KAPPA_DISTANCE: instability.kappa_distance(predictions),
        columns.JENSEN_SHANNON: instability.jensen_shannon(probabilities[:seeds]),
        columns.CKA_DISTANCE: instability.cka_distance(features),
        columns.PROCRUSTES_DISTANCE: instability.procrustes_distance(features),
        columns.SVCCA_DISTANCE: instability.svcca_distance(features),
        columns.MOVED: float(np.median(tuned.distance[:seeds])),
        **margins(tuned.features(task.tokens)[:seeds], task.labels),
    }
    if len(partners):
        weights = tuned.flat_parameters
        values |= {
            columns.LEFT_OUT_PREDICTIONS: instability.left_out_distance(
                probabilities[partners], probabilities[seeds:]
            ),
            columns.LEFT_OUT_PARAMETERS: instability.left_out_distance(
                weights[partners], weights[seeds:]
            ),
        }
    if tried.name in MINIMISED:
        values |= distance_to_minimiser(task, tuned)
    return values


def class_probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (..., 2) of the labels −1 and +1; both accurate where one of them vanishes."""
    return np.stack([expit(-logits), expit(logits)], axis=-1)


def margins(features: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """γ, B and B/γ of training features (R, n, d) with a constant: medians over the runs whose
    features are separable.
    """
    found = []
    for run in with_constant(features):
        try:
            margin = bounds.max_margin(run, labels).margin
        except bounds.NotSeparableError:
            continue
        radius = float(np.linalg.norm(run, axis=1).max())
        found.append((margin, radius, radius / margin))
    values = dict(
        zip(
            ("margin", "radius", "radius_over_margin"),
            np.median(found, axis=0) if found else (np.nan,) * 3,
            strict=True,
        )
    )
    return {
        **{name: float(value) for name, value in values.items()},
        columns.SEPARABLE: len(found) / len(features),
    }


def for_task(task: Task, method: tuning.Method) -> tuning.Method:
    """The method as it is tried on a task: re-training gets the task's own decoder."""
    if "decoder" in {field.name for field in fields(method)}:
        changes: dict[str, Any] = {"decoder": task.decoder}
        return replace(method, **changes)
    return method


def tune(task: Task, method: str | Variant, options: RemedyOptions) -> tuning.FineTuned:
    """All runs of a variant on a task: one a seed, then one a sample that is left out, with the
    seeds again in order.
    """
    specification = task.specification
    seeds = 1000 * specification.world + np.arange(specification.seeds)  # tasks share no seeds
    partners = np.arange(specification.left_out) % specification.seeds
    return tuning.fine_tune(
        task.encoder,
        task.tokens,
        task.labels,
        method=for_task(task, variant(method).method),
        seeds=[int(seed) for seed in (*seeds, *seeds[partners])],
        left_out=[None] * specification.seeds + [int(sample) for sample in left_out_samples(task)],
        steps=options.steps,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        dropout=options.dropout,
    )


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
    return torch.cat([value.detach().double().flatten() for value in model.parameters()]).numpy()
