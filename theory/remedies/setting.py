"""Ways of fine-tuning compared on many small tasks: how stable is each, over seeds and without one
sample?
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tunebound import synthetic
from tunebound._ground.checks import real_number, whole_number
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.measures import RemedyEvidence, remedy_evidence
from tunebound.theory.remedies.runs import RemedyOptions
from tunebound.theory.remedies.suites import SUITES, make_suite
from tunebound.theory.remedies.task import Task, TaskSpecification, load, save

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation


class Remedies(Setting[TaskSpecification, Task, RemedyEvidence, RemedyOptions]):
    """Every method on every task: runs over seeds, and runs without one sample."""

    name = "remedies"
    summary = (
        "ways of fine-tuning a small pre-trained encoder: instability over seeds and without"
        " one sample, method against method"
    )
    measures = "differences between runs"
    factors = (
        columns.REGIME,
        columns.POPULATION,
        columns.N,
        columns.NOISE,
        columns.BALANCE,
        columns.SHIFT,
        columns.WORLD,
        columns.SEED,
    )
    options = RemedyOptions
    suite_options = ("methods",)

    def suite_names(self) -> tuple[str, ...]:
        return tuple(SUITES)

    def suite(self, name: str, seed: int, options: RemedyOptions) -> synthetic.Suite[Task]:
        return make_suite(name, seed, options.methods)

    def check(self, options: RemedyOptions) -> None:
        whole_number("steps", options.steps, low=1)
        whole_number("batch_size", options.batch_size, low=1)
        real_number("dropout", options.dropout, low=0, below=1)

    def parts(self, source: TaskSpecification) -> Mapping[str, str]:
        return {tried.name: type(tried.method).__module__ for tried in source.methods}

    def evidence(
        self,
        members: Sequence[Task],
        sources: Sequence[TaskSpecification | Task],
        options: RemedyOptions,
    ) -> list[RemedyEvidence]:
        return [remedy_evidence(task, options) for task in members]

    def save(self, member: Task, path: str | os.PathLike[str]) -> None:
        save(member, path)

    def load(self, path: str | os.PathLike[str]) -> Task:
        return load(path)

    def presentation(self) -> Presentation:
        from tunebound.theory.remedies.story import PRESENTATION

        return PRESENTATION


register_setting(Remedies())
