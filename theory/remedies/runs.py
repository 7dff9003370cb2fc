"""All runs of a way of fine-tuning on one task."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunebound import tuning
from tunebound.theory.engine.options import Options
from tunebound.theory.remedies.regimes import REGIMES
from tunebound.theory.remedies.task import Task
from tunebound.theory.remedies.variants import Variant, variant


@dataclass(frozen=True, kw_only=True)
class RemedyOptions(Options):
    """Options of a study of remedies.

    Attributes
    ----------
    steps : int
        Of every run, at least 1.
    batch_size : int
        At least 1.
    dropout : float
        Share of features that is dropped, in [0, 1).
    methods : tuple of str
        Ways of fine-tuning to try, instead of those that are written out in the suite: registered
        names, with a strength as in "maximal_margin@3" or without.
    """

    steps: int = 100
    batch_size: int = 16
    dropout: float = 0.1
    methods: tuple[str, ...] = ()


def tune(task: Task, method: str | Variant, options: RemedyOptions) -> tuning.FineTuned:
    """All runs of a variant on a task: one a seed, then one a sample that is left out, with the
    seeds again in order.

    Parameters
    ----------
    task : Task
        Its regime sets the optimiser and the step size.
    method : str or Variant
        See `theory.remedies.variants`.
    options : RemedyOptions
        Of the study.
    """
    specification = task.specification
    tried, regime = variant(method), REGIMES[specification.regime]
    tokens, labels = task.sample(tried.samples)
    seeds = 1000 * specification.world + np.arange(specification.seeds)  # tasks share no seeds
    return tuning.fine_tune(
        task.encoder,
        tokens,
        labels,
        method=for_task(task, tried.method),
        seeds=[int(seed) for seed in (*seeds, *seeds[partners(task)])],
        left_out=[None] * specification.seeds + [int(sample) for sample in left_out_samples(task)],
        optimiser=regime.optimiser,
        learning_rate=regime.learning_rate,
        steps=options.steps,
        batch_size=options.batch_size,
        dropout=options.dropout,
    )


def partners(task: Task) -> NDArray[np.int64]:
    """The run with all samples that each run without one is compared with: of the same seed."""
    return np.arange(task.specification.left_out) % task.specification.seeds


def left_out_samples(task: Task) -> NDArray[np.int64]:
    """The training samples that are left out in turn: drawn without replacement from the task's
    seed.
    """
    rng = np.random.default_rng([task.specification.seed, task.specification.world, 11])
    return rng.choice(len(task.labels), size=task.specification.left_out, replace=False)


def for_task(task: Task, method: tuning.Method) -> tuning.Method:
    """The method as it is tried on a task: with the task's own decoder, and its further sequences
    without labels, where it has fields for them.
    """
    given: dict[str, Any] = {"decoder": task.decoder, "corpus": task.further_tokens}
    asked = {field.name for field in fields(method)} & set(given)
    return replace(method, **{name: given[name] for name in asked}) if asked else method
