"""Ways of fine-tuning compared on many small tasks: how stable is each, over seeds and without one
sample?
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from tunebound import synthetic, tuning
from tunebound.theory.engine.setting import Setting, register
from tunebound.theory.remedies.measures import OPTIONS, remedy_evidence
from tunebound.theory.remedies.task import Task, TaskSpecification, load, save
from tunebound.theory.remedies.variants import SWEPT, variant

# How each factor varies in the suite "remedies": every combination, DRAWS times, each time in a
# world of its own.
SIZES, NOISES, BALANCES, SHIFTS = (16, 32, 48), (0.0, 0.1), (0.5, 0.25), (0.1, 0.7)
DRAWS = 3
SEEDS, LEFT_OUT = 20, 10


def suite_names() -> tuple[str, ...]:
    """Names of the suites of tasks."""
    return ("smoke", "remedies", "margin")


def make_suite(name: str, seed: int) -> synthetic.Suite[Task]:
    """Tasks over sample size, label noise, class balance and distance from pre-training; each has
    its own world and encoder.

    Parameters
    ----------
    name : {"smoke", "remedies", "margin"}
        "remedies": all methods. "margin": the maximal margin regularizer at several weights, on
        half of the tasks. "smoke": three methods on four tasks with few seeds.
    seed : int
        Of worlds and samples.

    Raises
    ------
    ValueError
        For another name or a seed below 0.
    """
    if name not in suite_names():
        raise ValueError(
            f"no suite of remedies is named {name!r}. Known: {', '.join(suite_names())}"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be an integer of at least 0, got {seed!r}")
    known = tuple(tuning.methods())
    if name == "smoke":
        return _suite(
            name,
            seed,
            ((16,), NOISES, (0.5,), SHIFTS),
            1,
            ("plain", "maximal_margin", "self_unsupervised"),
            4,
            3,
        )
    if name == "margin":
        weights = ("plain", *(variant(weight) for weight in SWEPT))
        return _suite(name, seed, ((16, 32), NOISES, BALANCES, SHIFTS), 2, weights, SEEDS, LEFT_OUT)
    return _suite(name, seed, (SIZES, NOISES, BALANCES, SHIFTS), DRAWS, known, SEEDS, LEFT_OUT)


def _suite(
    name: str,
    seed: int,
    levels: tuple[tuple[Any, ...], ...],
    draws: int,
    methods: tuple[str, ...],
    seeds: int,
    left_out: int,
) -> synthetic.Suite[Task]:
    designed = list(itertools.product(range(draws), *levels))
    first = seed * 10_000  # suites of different seeds share no world
    return synthetic.Suite(
        name,
        seed,
        tuple(
            TaskSpecification(
                n, noise, balance, shift, first + number, first + draw, methods, seeds, left_out
            )
            for number, (draw, n, noise, balance, shift) in enumerate(designed)
        ),
    )


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options out of range before any work."""
    tuning.arguments.integer("steps", options["steps"], 1)
    tuning.arguments.integer("batch_size", options["batch_size"], 1)
    tuning.arguments.positive("learning_rate", options["learning_rate"])
    if (
        isinstance(options["dropout"], bool)
        or not isinstance(options["dropout"], float)
        or not 0 <= options["dropout"] < 1
    ):
        raise ValueError(
            f"dropout must be a number in [0, 1), got {options['dropout']!r}; it is the share of"
            " features that is dropped"
        )


register(
    Setting(
        name="remedies",
        summary=(
            "ways of fine-tuning a small pre-trained encoder: instability over seeds and without"
            " one sample, method against method"
        ),
        measures="differences between runs",
        factors=("n", "noise", "balance", "shift", "world", "seed"),
        stands_for={},
        options=OPTIONS,
        check=check_options,
        judged_at="last",
        suite_names=suite_names,
        suite=make_suite,
        cost=lambda specification, options: 1e12,  # a shard each: some seconds
        batch_key=lambda specification: getattr(specification, "name", id(specification)),
        evidence=remedy_evidence,
        save=save,
        load=load,
    )
)
