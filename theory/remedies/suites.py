"""The suites: which tasks, and what is tried on them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tunebound import synthetic
from tunebound._ground.checks import choice, whole_number
from tunebound.theory.remedies.choice import contestants
from tunebound.theory.remedies.regimes import CALM, FAILING, GIVEN, HELD_OUT, TUNING
from tunebound.theory.remedies.task import Task, TaskSpecification
from tunebound.theory.remedies.variants import (
    METHODS,
    REFERENCE,
    SWEPT,
    SWEPT_METHOD,
    at_every_strength,
    at_strength,
    variant,
)

SEEDS, LEFT_OUT = 20, 10
# The published remedies and what their claims are compared with, each in the theory's own setting.
ARMS = (
    "plain",
    "self_unsupervised",
    "self_unsupervised_common",
    "maximal_margin",
    "smaller_step",
    "smaller_step_longer",
    "l2_sp",
    "noise_stability@0.01",
)


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
        What is tried on each task; of tuning and held-out worlds, everything that is in the
        contest.
    seeds, left_out : int
        Runs of each method, and those of them that are repeated without a sample.
    first_world : int
        Designs share no world with each other.
    regime, population, layers, further
        Of every task, see `TaskSpecification`.
    """

    sizes: tuple[int, ...]
    noises: tuple[float, ...] = (0.0, 0.1)
    balances: tuple[float, ...] = (0.5, 0.25)
    shifts: tuple[float, ...] = (0.1, 0.7)
    draws: int = 1
    methods: tuple[str, ...] = ()
    seeds: int = SEEDS
    left_out: int = LEFT_OUT
    first_world: int = 0
    regime: str = CALM
    population: str = GIVEN
    layers: int = 2
    further: int = 0

    def tried(self) -> tuple[str, ...]:
        """The variants that every task of the design tries."""
        if self.population == TUNING:
            return (REFERENCE, *(each for method in METHODS for each in at_every_strength(method)))
        if self.population == HELD_OUT:
            return (REFERENCE, *contestants(self.regime))
        return self.methods

    def tasks(self, methods: Sequence[str], seed: int) -> Iterator[TaskSpecification]:
        """The specifications, of a suite's seed."""
        tried = tuple(variant(method) for method in methods or self.tried())
        first = seed * 10_000  # suites of different seeds share no world
        combinations = itertools.product(
            range(self.draws), self.sizes, self.noises, self.balances, self.shifts
        )
        for number, (draw, n, noise, balance, shift) in enumerate(combinations):
            yield TaskSpecification(
                n=n,
                noise=noise,
                balance=balance,
                shift=shift,
                world=first + self.first_world + number,
                seed=first + draw,
                methods=tried,
                seeds=self.seeds,
                left_out=self.left_out,
                regime=self.regime,
                population=self.population,
                layers=self.layers,
                further=self.further,
            )


# The two contests: on balanced classes, where a failed run is one that is near chance.
_CALM = Design(sizes=(16, 32, 48), balances=(0.5,), draws=5, layers=4, further=512)
_CALM_HELD_OUT = replace(_CALM, population=HELD_OUT, first_world=5000)
_CALM_TUNING = replace(_CALM, population=TUNING, first_world=2000, draws=2, seeds=10, left_out=5)


def _failing(design: Design, *, draws: int) -> Design:
    return replace(
        design,
        regime=FAILING,
        sizes=(12, 16, 24),
        noises=(0.0,),
        draws=draws,
        first_world=design.first_world + 1000,
    )


SUITES: Mapping[str, tuple[Design, ...]] = {
    "smoke": (
        Design(
            sizes=(16,),
            balances=(0.5,),
            methods=("plain", "maximal_margin", "self_unsupervised"),
            seeds=4,
            left_out=3,
        ),
    ),
    "remedies": (Design(sizes=(16, 32, 48), draws=3, methods=ARMS),),
    "margin": (
        Design(
            sizes=(16, 32),
            draws=2,
            methods=("plain", *(at_strength(SWEPT_METHOD, strength) for strength in SWEPT)),
        ),
    ),
    "strengths": (_CALM_TUNING, _failing(_CALM_TUNING, draws=3)),
    "contest": (_CALM_HELD_OUT, _failing(_CALM_HELD_OUT, draws=5)),
}


def make_suite(name: str, seed: int, methods: Sequence[str] = ()) -> synthetic.Suite[Task]:
    """Tasks over sample size, label noise, class balance and distance from pre-training; each has
    its own world and encoder.

    Parameters
    ----------
    name : {"smoke", "remedies", "margin", "strengths", "contest"}
        "remedies": the published remedies, each with what its claim is compared with. "margin": the
        maximal margin regularizer at several strengths. "strengths": every method of the contest at
        each of its strengths, on tuning worlds. "contest": every method at the strengths that were
        chosen there (`theory.remedies.choice`), on held-out worlds. "smoke": three methods on four
        tasks with few seeds.
    seed : int
        Of worlds and samples, at least 0.
    methods : sequence of str
        What is tried instead of the suite's own methods.
    """
    designs = SUITES[choice("suite", name, tuple(SUITES))]
    checked = whole_number("seed", seed, low=0)
    return synthetic.Suite(
        name,
        seed,
        tuple(task for design in designs for task in design.tasks(methods, checked)),
    )
