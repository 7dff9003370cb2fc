"""Which runs a study is made of: a first look, every strength on a few seeds, and what is judged,
at strengths that were chosen on other tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tunebound import synthetic
from tunebound.theory.full_tasks.choice import chosen_strength
from tunebound.theory.full_tasks.measures import Runs
from tunebound.theory.full_tasks.members import RunSpecification, TuningTask
from tunebound.theory.full_tasks.options import FullTaskOptions
from tunebound.theory.full_tasks.stored import runs_in
from tunebound.theory.full_tasks.variants import (
    LADDER,
    METHODS,
    PROCEDURE,
    REFERENCE,
    Variant,
    variant,
)
from tunebound.theory.texts.finding import find_task, known_tasks

LOOK, LADDER_SUITE, JUDGED = "look", "ladder", "judged"
SUITES = (LOOK, LADDER_SUITE, JUDGED)
FEW = 3  # seeds of the first look, and of each strength
SHOWN = (REFERENCE, "maximal_margin", "multi_head")  # in the first look
EVERY = 7  # seed whose runs are repeated without single texts, from the first one on


def make_suite(name: str, sample: int, options: FullTaskOptions) -> synthetic.Suite[TuningTask]:
    """All runs, in the order in which they are of use where a study is stopped: strengths method by
    method, each on all seeds and tasks; what is judged seed by seed, each with all methods.

    Parameters
    ----------
    name : {"look", "ladder", "judged"}
    sample : int
        Seed of the choice of texts.
    options : FullTaskOptions
    """
    tasks = options.only or tuple(known_tasks(options.folder))
    digests = {task: find_task(options.folder, task).digest for task in tasks}
    wanted = {LOOK: _look, LADDER_SUITE: _ladder, JUDGED: _judged}[name](tasks, options)
    return synthetic.Suite(
        name,
        sample,
        tuple(
            RunSpecification(
                task=task,
                method=tried.method,
                strength=tried.strength,
                seed=seed,
                left_out=left_out,
                n=options.n,
                sample=sample,
                digest=digests[task],
                encoder=options.encoder,
                max_length=options.max_length,
                folder=options.folder,
            )
            for seed, task, tried, left_out in wanted
        ),
    )


Wanted = Iterator[tuple[int, str, Variant, int]]


def _look(tasks: Sequence[str], options: FullTaskOptions) -> Wanted:
    for seed in range(FEW):
        for task in tasks:
            for method in options.methods or SHOWN:
                yield seed, task, variant(method), min(1, options.left_out) if seed == 0 else 0


def _ladder(tasks: Sequence[str], options: FullTaskOptions) -> Wanted:
    for method, strengths in {REFERENCE: (0.0,), **LADDER}.items():
        if options.methods and method not in options.methods:
            continue
        for seed in range(FEW):
            for task in tasks:
                for strength in strengths:
                    yield seed, task, Variant(method, strength), 0


def _judged(tasks: Sequence[str], options: FullTaskOptions) -> Wanted:
    found: Runs | None = None
    done: dict[tuple[int, str, Variant], int] = {}
    if options.ladder:
        rows = runs_in(Path(options.ladder))
        for run in rows.itertuples():
            tried = Variant(run.method, run.strength)
            done[run.seed, run.task, tried] = run.left_out
        found = Runs.of(rows)
    for seed in range(options.seeds):
        for task in tasks:
            left_out = options.left_out if seed % EVERY == 0 else 0
            for method in options.methods or METHODS:
                if not left_out and method == PROCEDURE:
                    continue
                tried = _at_chosen_strength(found, method, task)
                if done.get((seed, task, tried), -1) < left_out:
                    yield seed, task, tried, left_out


def _at_chosen_strength(found: Runs | None, method: str, task: str) -> Variant:
    """The variant whose strength the ladder says; without one, at the method's first strength."""
    if found is None or method == REFERENCE:
        return variant(method)
    return Variant(method, chosen_strength(found, method, task))
