"""Linear heads on mini-batches and by optimisers with a memory, every sample left out of one
sequence that all runs share.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.checks import real_number
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.stochastic_heads import columns, tasks
from tunebound.theory.stochastic_heads.evidence import StochasticEvidence
from tunebound.theory.stochastic_heads.tasks import StochasticSpecification, StochasticTask

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class StochasticOptions(Options):
    """Options of a study of heads on mini-batches.

    Attributes
    ----------
    steps : int
        Steps of every run, at least 1.
    rate_fraction : float
        Step size as a share of the optimiser's limit on each data set, in (0, 1]; Adam's steps have
        no limit.
    adam_rate : float
        Step size of Adam times the radius, above 0.
    device : str
        "auto" (CUDA where there is one), "cpu" or "cuda".
    """

    steps: int = 300
    rate_fraction: float = 1.0
    adam_rate: float = 0.01
    device: str = "auto"


class StochasticHeads(
    Setting[StochasticSpecification, StochasticTask, StochasticEvidence, StochasticOptions]
):
    """Separator and all heads of each task."""

    name = "stochastic-heads"
    summary = (
        "a linear head tuned on mini-batches or by momentum or Adam, each sample left out of one"
        " sequence in turn"
    )
    measures = "leave-one-out distance of unit directions (0 to 2)"
    factors = (
        columns.FAMILY,
        columns.N,
        columns.D,
        columns.MARGIN,
        columns.RADIUS,
        columns.OPTIMISER,
        columns.MOMENTUM,
        columns.ORDER,
        columns.SIZE,
    )
    judged_at = "tightest"
    options = StochasticOptions

    def suite_names(self) -> tuple[str, ...]:
        return tasks.SUITES

    def suite(
        self, name: str, seed: int, options: StochasticOptions
    ) -> synthetic.Suite[StochasticTask]:
        return tasks.make_suite(name, seed)

    def check(self, options: StochasticOptions) -> None:
        tuning.record_steps(options.steps)
        real_number("rate_fraction", options.rate_fraction, above=0, high=1)
        real_number("adam_rate", options.adam_rate, above=0)
        tuning.torch_device("device", options.device)

    def evidence(
        self,
        members: Sequence[StochasticTask],
        sources: Sequence[StochasticSpecification | StochasticTask],
        options: StochasticOptions,
    ) -> list[StochasticEvidence]:
        return [_examine(task, options) for task in members]

    def save(self, member: StochasticTask, path: str | os.PathLike[str]) -> None:
        tasks.save(member, path)

    def load(self, path: str | os.PathLike[str]) -> StochasticTask:
        return tasks.load(path)

    def search_space(self) -> SearchSpace:
        from tunebound.theory.stochastic_heads.search import StochasticSearch

        return StochasticSearch()

    def presentation(self) -> Presentation:
        from tunebound.theory.stochastic_heads.story import PRESENTATION

        return PRESENTATION


def _examine(task: StochasticTask, options: StochasticOptions) -> StochasticEvidence:
    data, rule, batches = task.data, task.rule, task.batches(options.steps)
    rate, fraction = learning_rate(task, options)
    run = tuning.tune_heads(
        data.X,
        data.y,
        steps=options.steps,
        learning_rate=rate,
        batches=batches,
        optimiser=rule,
        device=options.device,
    )
    return StochasticEvidence(
        task=task,
        separator=bounds.max_margin(data.X, data.y),
        run=run,
        rate_fraction=fraction,
    )


def learning_rate(task: StochasticTask, options: StochasticOptions) -> tuple[float, float]:
    """Step size of a task, and its share of the optimiser's limit, NaN where there is none."""
    if not np.isfinite(task.rule.stable):
        return options.adam_rate / task.data.radius, np.nan
    full = task.order == "full"
    whole = float(tuning.learning_rate_limits(task.data.X)) if full else 8 / task.data.radius**2
    return options.rate_fraction * task.rule.stable / 2 * whole, options.rate_fraction


register_setting(StochasticHeads())
