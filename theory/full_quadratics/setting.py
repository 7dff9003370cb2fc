"""Full fine-tuning of strongly convex problems with known constants."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunebound import synthetic, tuning
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.setting import Setting, register_setting
from tunebound.theory.full_quadratics import columns
from tunebound.theory.full_quadratics.evidence import WORST_CASE_STEPS, FullEvidence, Problem

if TYPE_CHECKING:
    from tunebound.theory.engine.presentation import Presentation
    from tunebound.theory.engine.search_space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class QuadraticsOptions(Options):
    """Options of a study of full tuning with known constants.

    Attributes
    ----------
    steps : int
        Gradient steps of every run, at least 1.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    """

    steps: int = 200
    weighting: str = "1/n"


class QuadraticTuning(
    Setting[synthetic.ProblemSpecification, Problem, FullEvidence, QuadraticsOptions]
):
    """All leave-one-out runs of each problem, with step 1/β."""

    name = "full-quadratics"
    summary = (
        "full tuning of strongly convex problems with exact constants by gradient descent, each"
        " sample left out in turn"
    )
    measures = "leave-one-out distance of parameters (units of the parameters)"
    factors = (
        columns.KIND,
        columns.SPECTRUM,
        columns.ROTATED,
        columns.INTERPOLATES,
        columns.N,
        columns.D,
        columns.KAPPA,
        columns.DISTANCE,
    )
    judged_at = "tightest"
    options = QuadraticsOptions

    def suite_names(self) -> tuple[str, ...]:
        return synthetic.problem_suite_names()

    def suite(self, name: str, seed: int, options: QuadraticsOptions) -> synthetic.Suite[Problem]:
        return synthetic.make_problem_suite(name, seed)

    def check(self, options: QuadraticsOptions) -> None:
        """Try the options on one small problem, so that a bad one is refused before any work."""
        tuning.record_steps(options.steps)
        problem = synthetic.make_quadratics(2, 1, mu=0.5, beta=1.0, distance=1.0)
        tuning.tune_quadratics(
            problem.hessians,
            problem.minimisers,
            problem.start,
            steps=1,
            weighting=options.weighting,
        )

    def cost(
        self, source: synthetic.ProblemSpecification | Problem, options: QuadraticsOptions
    ) -> float:
        """Little: the semidefinite programs cost most, and problems of equal n and κ share theirs
        in one shard.
        """
        return 1.0

    def batch_key(self, source: synthetic.ProblemSpecification | Problem) -> Hashable:
        if isinstance(source, synthetic.ProblemSpecification):
            return source.n, source.kappa
        return source.n, source.mu / source.beta

    def evidence(
        self,
        members: Sequence[Problem],
        sources: Sequence[synthetic.ProblemSpecification | Problem],
        options: QuadraticsOptions,
    ) -> list[FullEvidence]:
        solved = [t for t in WORST_CASE_STEPS if t <= options.steps]
        recorded = np.union1d(tuning.record_steps(options.steps), solved).tolist()
        return [
            FullEvidence(problem, _run(problem, options, recorded), source)
            for problem, source in zip(members, sources, strict=True)
        ]

    def save(self, member: Problem, path: str | os.PathLike[str]) -> None:
        member.to_npz(path)

    def load(self, path: str | os.PathLike[str]) -> Problem:
        """Read a stored problem of either kind."""
        try:
            return synthetic.QuadraticProblem.from_npz(path)
        except ValueError as error:
            try:
                return synthetic.SmoothProblem.from_npz(path)
            except ValueError:
                raise error from None

    def search_space(self) -> SearchSpace:
        from tunebound.theory.full_quadratics.search import QuadraticSearch

        return QuadraticSearch()

    def presentation(self) -> Presentation:
        from tunebound.theory.full_quadratics.story import PRESENTATION

        return PRESENTATION


def _run(problem: Problem, options: QuadraticsOptions, recorded: list[int]) -> tuning.FullRun:
    if isinstance(problem, synthetic.QuadraticProblem):
        return tuning.tune_quadratics(
            problem.hessians,
            problem.minimisers,
            problem.start,
            steps=options.steps,
            weighting=options.weighting,
            record=recorded,
        )
    return tuning.tune_losses(
        problem.losses,
        problem.gradients,
        problem.start,
        beta=problem.beta,
        steps=options.steps,
        weighting=options.weighting,
        record=recorded,
    )


register_setting(QuadraticTuning())
