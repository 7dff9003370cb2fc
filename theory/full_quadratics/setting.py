"""Full fine-tuning of strongly convex problems with known constants: every left-out run, and the
exact worst case beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound import synthetic, tuning
from tunebound.bounds import full
from tunebound.theory.engine.setting import Setting, register
from tunebound.theory.engine.statement import Claim
from tunebound.tuning.recording import record_steps

Problem = synthetic.QuadraticProblem | synthetic.SmoothProblem

MEAN = "mean distance of the parameters at step t"
EACH = "distance of the parameters of each sample at step t"
# Steps at which the semidefinite program of the worst case is solved: half a second at 10, minutes
# beyond 20.
WORST_CASE_STEPS = (1, 2, 5, 10)
OPTIONS = {"steps": 200, "weighting": "1/n"}


@dataclass(frozen=True)
class FullEvidence:
    """All that was computed and measured on one problem. n samples, T steps, K of them recorded.

    Attributes
    ----------
    problem : QuadraticProblem or SmoothProblem
        With exact μ, β, L, minimiser and start.
    run : tuning.FullRun
        All n + 1 runs with step 1/β.
    specification : ProblemSpecification or the problem itself
        Where the problem comes from.
    """

    problem: Problem
    run: tuning.FullRun
    specification: Any

    @property
    def n(self) -> int:
        return self.problem.n

    @property
    def interpolates(self) -> bool:
        return bool(getattr(self.problem, "interpolates", True))

    @property
    def quadratic(self) -> bool:
        return isinstance(self.problem, synthetic.QuadraticProblem)

    @property
    def constants(self) -> dict[str, Any]:
        """The arguments n, lipschitz, mu, beta and distance of the published bound."""
        problem = self.problem
        return {
            "n": problem.n,
            "lipschitz": problem.lipschitz,
            "mu": problem.mu,
            "beta": problem.beta,
            "distance": problem.distance,
        }

    @property
    def curvature(self) -> dict[str, Any]:
        """The arguments n, mu and beta alone."""
        return {name: self.constants[name] for name in ("n", "mu", "beta")}

    @property
    def class_size(self) -> dict[str, Any]:
        """The arguments n, mu, beta and distance of the class of problems."""
        return {name: self.constants[name] for name in ("n", "mu", "beta", "distance")}

    @cached_property
    def excess_loss(self) -> float:
        """F_S(w_0) − F_S(w*)."""
        return self.run.initial_loss - float(self.problem.losses(self.problem.minimiser).mean())

    @cached_property
    def gradients_at_minimiser(self) -> NDArray[np.float64]:
        """‖∇f_i(w*_S)‖, shape (n,); zero where the samples share their minimiser."""
        return np.linalg.norm(self.problem.gradients(self.problem.minimiser), axis=-1)

    @cached_property
    def trajectory_bound(self) -> NDArray[np.float64]:
        """F-trajectory of each sample at every recorded step, shape (K, n)."""
        norms = self.run.gradient_norms
        return np.stack(
            [full.trajectory(**self.curvature, gradient_norms=norms[:t].T) for t in self.run.steps]
        )

    @property
    def resolution(self) -> NDArray[np.float64]:
        """Rounding of t steps of size at most ‖w_0 − w*‖, shape (K,): steps do not expand, so it
        adds up at most linearly.
        """
        size = self.problem.distance + float(
            np.linalg.norm(self.problem.minimiser - self.problem.start)
        )
        return (self.problem.d + 8) * np.finfo(float).eps * (self.run.steps + 4.0) * size

    def claim(self, measured: ArrayLike, bound: ArrayLike, quantity: str) -> Claim:
        """A claim at every recorded step, all constants exact; two runs inside the ball around w*
        are at most its diameter apart.
        """
        widest = 2 * self.problem.distance if self.interpolates else np.inf
        values = np.asarray(measured)
        return Claim(
            values,
            np.broadcast_to(bound, values.shape),
            self.run.steps,
            self.resolution,
            "exact",
            quantity,
            widest,
        )

    def columns(self) -> dict[str, Any]:
        problem, specification = self.problem, self.specification
        return {
            "kind": getattr(specification, "kind", "given"),
            "spectrum": getattr(specification, "spectrum", "given"),
            "rotated": getattr(specification, "rotated", False),
            "interpolates": self.interpolates,
            "n": problem.n,
            "d": problem.d,
            "kappa": float(f"{problem.mu / problem.beta:.12g}"),
            "distance": float(f"{problem.distance:.12g}"),
            "seed": getattr(specification, "seed", -1),
            "weighting": self.run.weighting,
            "lipschitz": problem.lipschitz,
            "mu": problem.mu,
            "beta": problem.beta,
            "largest_instability": float(self.run.distance.mean(axis=1).max()),
        }


def full_evidence(
    members: Sequence[Problem], specifications: Sequence[Any], options: Mapping[str, Any]
) -> list[FullEvidence]:
    """All leave-one-out runs of each problem."""
    steps, weights = options["steps"], options["weighting"]
    recorded = np.union1d(record_steps(steps), [t for t in WORST_CASE_STEPS if t <= steps]).tolist()
    found = []
    for problem, specification in zip(members, specifications, strict=True):
        if isinstance(problem, synthetic.QuadraticProblem):
            run = tuning.tune_quadratics(
                problem.hessians,
                problem.minimisers,
                problem.start,
                steps=steps,
                weighting=weights,
                record=recorded,
            )
        else:
            run = tuning.tune_losses(
                problem.losses,
                problem.gradients,
                problem.start,
                beta=problem.beta,
                steps=steps,
                weighting=weights,
                record=recorded,
            )
        found.append(FullEvidence(problem, run, specification))
    return found


def worst_cases(evidence: FullEvidence) -> tuple[NDArray[np.intp], list[full.WorstCase]]:
    """Positions of the records at which the exact worst case is computed, and its values; equal
    problems are solved once.
    """
    where = np.flatnonzero(np.isin(evidence.run.steps, WORST_CASE_STEPS))
    problem = evidence.problem
    # Rounded, so that problems whose constants differ by rounding share a program; the value moves
    # by as little.
    kappa, distance = (
        float(f"{value:.12g}") for value in (problem.mu / problem.beta, problem.distance)
    )
    size: dict[str, Any] = {
        "n": problem.n,
        "mu": kappa,
        "beta": 1.0,
        "distance": distance,
        "weighting": evidence.run.weighting,
    }
    return where, [full.worst_case(**size, steps=int(t)) for t in evidence.run.steps[where]]


def check_options(options: Mapping[str, Any]) -> None:
    """Try the options on one small problem, so that a bad one is refused before any other is
    generated.
    """
    record_steps(options["steps"])
    problem = synthetic.make_quadratics(2, 1, mu=0.5, beta=1.0, distance=1.0)
    tuning.tune_quadratics(
        problem.hessians, problem.minimisers, problem.start, steps=1, weighting=options["weighting"]
    )


def load_problem(path: str | os.PathLike[str]) -> Problem:
    """Read a stored problem of either kind."""
    try:
        return synthetic.QuadraticProblem.from_npz(path)
    except ValueError as error:
        try:
            return synthetic.SmoothProblem.from_npz(path)
        except ValueError:
            raise error from None


register(
    Setting(
        name="full-quadratics",
        summary=(
            "full tuning of strongly convex problems with exact constants by gradient descent, each"
            " sample left out in turn"
        ),
        measures="leave-one-out distance of parameters (units of the parameters)",
        factors=("kind", "spectrum", "rotated", "interpolates", "n", "d", "kappa", "distance"),
        stands_for={},
        options=OPTIONS,
        check=check_options,
        judged_at="tightest",
        suite_names=synthetic.problem_suite_names,
        suite=synthetic.make_problem_suite,
        # The semidefinite programs cost most, and problems of equal n and κ share theirs: one shard
        # each.
        cost=lambda specification, options: 1.0,
        batch_key=lambda specification: (
            specification.n,
            getattr(specification, "kappa", None) or specification.mu / specification.beta,
        ),
        evidence=full_evidence,
        save=lambda problem, path: problem.to_npz(path),
        load=load_problem,
    )
)
