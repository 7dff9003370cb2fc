"""Real tasks: the whole encoder fine-tuned, by the remedies and plainly."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tunebound import synthetic
from tunebound._ground.checks import choice, real_number, whole_number
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.full_tasks import columns
from tunebound.theory.full_tasks.evidence import FullTaskEvidence, examine
from tunebound.theory.full_tasks.members import RunSpecification, TuningTask, load, save
from tunebound.theory.full_tasks.options import FullTaskOptions
from tunebound.theory.full_tasks.starts import PRECISIONS
from tunebound.theory.full_tasks.suites import SUITES, make_suite
from tunebound.theory.full_tasks.variants import variant
from tunebound.theory.texts.finding import known_tasks

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation


class FullTasks(Setting[RunSpecification, TuningTask, FullTaskEvidence, FullTaskOptions]):
    """Runs of ways of fine-tuning on tasks, by seed, some of them repeated without single texts."""

    name = "full-tasks"
    summary = (
        "a pretrained encoder fine-tuned as a whole on texts: instability over seeds and without"
        " one text, method against method"
    )
    measures = "differences between runs"
    factors = (columns.TASK, columns.METHOD, columns.STRENGTH, columns.SEED)
    family = columns.TASK
    options = FullTaskOptions
    suite_options = ("only", "methods", "seeds", "left_out", "ladder")

    def suite_names(self) -> tuple[str, ...]:
        return SUITES

    def suite(self, name: str, seed: int, options: FullTaskOptions) -> synthetic.Suite[TuningTask]:
        choice("suite", name, SUITES)
        return make_suite(name, whole_number("seed", seed, low=0), options)

    def check(self, options: FullTaskOptions) -> None:
        for name in ("steps", "batch_size", "max_length"):
            whole_number(name, options[name], low=1)
        whole_number("n", options.n, low=4)
        whole_number("seeds", options.seeds, low=2)
        whole_number("left_out", options.left_out, low=0, high=options.n)
        real_number("learning_rate", options.learning_rate, above=0)
        real_number("dropout", options.dropout, low=0, below=1)
        choice("precision", options.precision, PRECISIONS)
        for method in options.methods:
            variant(method)
        for name in options.only:
            choice("only", name, tuple(known_tasks(options.folder)))

    def draw(self, source: RunSpecification) -> str:
        return source.draw

    def parts(self, source: RunSpecification) -> Mapping[str, str]:
        package = source.encoder.replace("-", "_")
        return {
            "transformers": "transformers",
            source.encoder: package,
            source.variant.name: type(source.variant.tuned_by()).__module__,
        }

    def evidence(
        self,
        members: Sequence[TuningTask],
        sources: Sequence[RunSpecification | TuningTask],
        options: FullTaskOptions,
    ) -> list[FullTaskEvidence]:
        return [examine(task, options) for task in members]

    def save(self, member: TuningTask, path: str | os.PathLike[str]) -> None:
        save(member, path)

    def load(self, path: str | os.PathLike[str]) -> TuningTask:
        return load(path)

    def presentation(self) -> Presentation:
        from tunebound.theory.full_tasks.story import PRESENTATION

        return PRESENTATION


register_setting(FullTasks())
