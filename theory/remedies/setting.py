"""Ways of fine-tuning compared on many small tasks: how stable is each, over seeds and without one
sample?
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunebound import synthetic
from tunebound._ground.checks import choice, real_number, whole_number
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.remedies import columns
from tunebound.theory.remedies.measures import RemedyEvidence, RemedyOptions, remedy_evidence
from tunebound.theory.remedies.task import Task, TaskSpecification, load, save
from tunebound.theory.remedies.variants import (
    METHODS,
    SWEPT,
    SWEPT_METHOD,
    at_strength,
    variant,
)

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation

SEEDS, LEFT_OUT = 20, 10


@dataclass(frozen=True, kw_only=True)
class Design:
    """Tasks over every combination of levels, each in a world of its own.

    Attributes
    ----------
    sizes, noises, balances, shifts : tuple
        Levels of the factors.
    draws : int
        How often every combination is drawn.
    methods : tuple of str
        What is tried on each task.
    seeds, left_out : int
        Runs of each method, and those of them that are repeated without a sample.
    """

    sizes: tuple[int, ...]
    noises: tuple[float, ...] = (0.0, 0.1)
    balances: tuple[float, ...] = (0.5, 0.25)
    shifts: tuple[float, ...] = (0.1, 0.7)
    draws: int = 1
    methods: tuple[str, ...] = METHODS
    seeds: int = SEEDS
    left_out: int = LEFT_OUT


SUITES: Mapping[str, Design] = {
    "smoke": Design(
        sizes=(16,),
        balances=(0.5,),
        methods=("plain", "maximal_margin", "self_unsupervised"),
        seeds=4,
        left_out=3,
    ),
    "remedies": Design(sizes=(16, 32, 48), draws=3),
    "margin": Design(
        sizes=(16, 32),
        draws=2,
        methods=("plain", *(at_strength(SWEPT_METHOD, strength) for strength in SWEPT)),
    ),
}


def make_suite(name: str, seed: int, methods: Sequence[str] = ()) -> synthetic.Suite[Task]:
    """Tasks over sample size, label noise, class balance and distance from pre-training; each has
    its own world and encoder.

    Parameters
    ----------
    name : {"smoke", "remedies", "margin"}
        "remedies": all methods that are written out. "margin": the maximal margin regularizer at
        several strengths, on half of the tasks. "smoke": three methods on four tasks with few
        seeds.
    seed : int
        Of worlds and samples, at least 0.
    methods : sequence of str
        What is tried instead of the suite's own methods.
    """
    design = SUITES[choice("suite", name, tuple(SUITES))]
    first = whole_number("seed", seed, low=0) * 10_000  # suites of different seeds share no world
    tried = tuple(variant(method) for method in methods or design.methods)
    combinations = itertools.product(
        range(design.draws), design.sizes, design.noises, design.balances, design.shifts
    )
    return synthetic.Suite(
        name,
        seed,
        tuple(
            TaskSpecification(
                n=n,
                noise=noise,
                balance=balance,
                shift=shift,
                world=first + number,
                seed=first + draw,
                methods=tried,
                seeds=design.seeds,
                left_out=design.left_out,
            )
            for number, (draw, n, noise, balance, shift) in enumerate(combinations)
        ),
    )


class Remedies(Setting[TaskSpecification, Task, RemedyEvidence, RemedyOptions]):
    """Every method on every task: runs over seeds, and runs without one sample."""

    name = "remedies"
    summary = (
        "ways of fine-tuning a small pre-trained encoder: instability over seeds and without"
        " one sample, method against method"
    )
    measures = "differences between runs"
    factors = (
        columns.N,
        columns.NOISE,
        columns.BALANCE,
        columns.SHIFT,
        columns.WORLD,
        columns.SEED,
    )
    options = RemedyOptions

    def suite_names(self) -> tuple[str, ...]:
        return tuple(SUITES)

    def suite(self, name: str, seed: int, options: RemedyOptions) -> synthetic.Suite[Task]:
        return make_suite(name, seed, options.methods)

    def check(self, options: RemedyOptions) -> None:
        whole_number("steps", options.steps, low=1)
        whole_number("batch_size", options.batch_size, low=1)
        real_number("learning_rate", options.learning_rate, above=0)
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
