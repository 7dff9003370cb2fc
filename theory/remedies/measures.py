"""What is measured of a way of fine-tuning on one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tunebound import tuning
from tunebound.theory.engine.setting import Cell
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.comparison import MEASURES, column
from tunebound.theory.remedies.mechanism import (
    FROZEN,
    distance_to_minimiser,
    head_left_out,
    margins,
)
from tunebound.theory.remedies.regimes import GIVEN
from tunebound.theory.remedies.runs import RemedyOptions, partners, tune
from tunebound.theory.remedies.task import Task
from tunebound.theory.remedies.variants import REFERENCE, Variant, variant
from tunebound.tuning import instability

REPRESENTED = 128  # test inputs on which representations are compared: four times the features
ABOVE_CHANCE = 0.05  # a run that does not get this far above the larger class has failed

# ‖w_0 − w*‖ is measured for plain fine-tuning and for what claims to shorten it.
MINIMISED = (REFERENCE, "self_unsupervised", "self_unsupervised_common")


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
    of seed k mod seeds without the k-th of the samples to leave out. Where a run stops being
    finite, every measure of instability is infinite and the others are missing.
    """
    tried = variant(method)
    try:
        tuned = tune(task, tried, options)
    except FloatingPointError:
        unstable = {name: np.inf for name, measure in MEASURES.items() if measure.unstable}
        return {columns.DIVERGED: 1.0, **unstable}
    seeds = task.specification.seeds
    values = {
        columns.DIVERGED: 0.0,
        **over_seeds(task, tuned),
        columns.MOVED: float(np.median(tuned.distance[:seeds])),
    }
    if task.specification.left_out:
        values |= without_a_sample(task, tuned)
    tokens, labels = task.sample(tried.samples)
    fitted = (tuned.logits(tokens)[:seeds] > 0) == (labels > 0)
    values[columns.TRAINING_ACCURACY] = float(fitted.mean())
    # a contest is about outcomes, and the features of its strongest variants saturate
    if task.specification.population == GIVEN:
        trained = tuned.features(tokens)[:seeds]
        values |= margins(trained, labels)
        values[columns.HEAD_LEFT_OUT] = head_left_out(trained[:FROZEN], labels)
        if tried.name in MINIMISED:
            values |= distance_to_minimiser(task, tuned)
    return values


def over_seeds(task: Task, tuned: tuning.FineTuned) -> dict[str, float]:
    """How well the runs of all seeds do on the test inputs, and how far they differ."""
    seeds = task.specification.seeds
    logits = tuned.logits(task.test_tokens)[:seeds]
    predictions = (logits > 0).astype(np.int64)
    accuracy = ((predictions > 0) == (task.test_labels > 0)).mean(axis=1)
    features = _varying(tuned.features(task.test_tokens)[:seeds, :REPRESENTED])
    representations = {
        columns.CKA_DISTANCE: instability.cka_distance,
        columns.PROCRUSTES_DISTANCE: instability.procrustes_distance,
        columns.SVCCA_DISTANCE: instability.svcca_distance,
    }
    return {
        columns.ACCURACY: float(accuracy.mean()),
        columns.FAILED: failed_share(accuracy, task.test_labels),
        columns.ACCURACY_DEVIATION: instability.score_deviation(accuracy),
        columns.DISAGREEMENT: instability.disagreement(predictions),
        columns.KAPPA_DISTANCE: instability.kappa_distance(predictions),
        columns.JENSEN_SHANNON: instability.jensen_shannon(class_probabilities(logits)),
        **{
            name: distance(features) if len(features) > 1 else np.nan
            for name, distance in representations.items()
        },
    }


def without_a_sample(task: Task, tuned: tuning.FineTuned) -> dict[str, float]:
    """How far the runs without one sample end from those of the same seeds with all of them."""
    full, others = partners(task), slice(task.specification.seeds, None)
    logits, weights = tuned.logits(task.test_tokens), tuned.flat_parameters
    probabilities = class_probabilities(logits)
    return {
        columns.LEFT_OUT_PREDICTIONS: instability.left_out_distance(
            probabilities[full], probabilities[others]
        ),
        columns.LEFT_OUT_CLASSES: instability.left_out_disagreement(
            logits[full] > 0, logits[others] > 0
        ),
        columns.LEFT_OUT_DIRECTION: instability.left_out_direction(logits[full], logits[others]),
        columns.LEFT_OUT_PARAMETERS: instability.left_out_distance(weights[full], weights[others]),
    }


def failed_share(accuracy: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Share of runs whose test accuracy is at most 0.05 above that of always answering the more
    frequent class.

    Parameters
    ----------
    accuracy : (R,)
    labels : (m,)
        Of the test inputs, −1 or +1.
    """
    constant = max((labels > 0).mean(), (labels < 0).mean())
    return float((accuracy <= constant + ABOVE_CHANCE).mean())


def class_probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (..., 2) of the labels −1 and +1; both accurate where one of them vanishes."""
    return np.stack([expit(-logits), expit(logits)], axis=-1)


def _varying(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The runs that do not encode all inputs alike; the others have no geometry to compare."""
    spread = np.ptp(features, axis=1).max(axis=1)
    return features[spread > 1e-9 * np.abs(features).max(axis=(1, 2))]
