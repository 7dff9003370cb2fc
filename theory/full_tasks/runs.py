"""The runs of one environment: with all texts, then without each of some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tunebound import tuning
from tunebound.theory.full_tasks.members import TuningTask
from tunebound.theory.full_tasks.options import FullTaskOptions
from tunebound.theory.full_tasks.starts import REDUCED, loaded, retrained
from tunebound.theory.full_tasks.variants import PROCEDURE

WARM_UP = 0.1


def runs(task: TuningTask, options: FullTaskOptions) -> Iterator[tuning.FineTuned]:
    """One run at a time, all from the seed of the environment, the one with all texts first.

    Parameters
    ----------
    task : TuningTask
    options : FullTaskOptions

    Raises
    ------
    FloatingPointError
        If a run stops being finite.
    """
    specification = task.specification
    for sample in (None, *task.without.tolist()):
        yield tuning.fine_tune(
            _start(task, sample, options),
            task.tokens,
            task.labels,
            method=specification.variant.tuned_by(),
            seeds=[specification.seed],
            left_out=[sample],
            steps=options.steps,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            dropout=options.dropout,
            optimiser="adamw",
            warm_up=WARM_UP,
            decay=True,
            precision=REDUCED if options.precision == REDUCED else "own",
        )


def _start(
    task: TuningTask, sample: int | None, options: FullTaskOptions
) -> tuning.PretrainedEncoder:
    """The encoder that a run without this text starts from; the common start has read it."""
    specification, tokens = task.specification, task.tokens["input_ids"]
    if not specification.variant.retrains:
        return loaded(specification.encoder, specification.max_length)
    return retrained(
        specification.encoder,
        specification.max_length,
        tokens,
        steps=int(specification.strength),
        precision=options.precision,
        cache=Path(options.cache),
        left_out=sample if specification.method == PROCEDURE else None,
    )
