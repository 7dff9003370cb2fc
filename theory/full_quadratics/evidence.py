"""What is computed and measured on one strongly convex problem with known constants, and the
exact worst case beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound import synthetic, tuning
from tunebound.bounds import full
from tunebound.theory.engine.setting import Cell
from tunebound.theory.engine.statement import Claim
from tunebound.theory.full_quadratics import columns

Problem = synthetic.QuadraticProblem | synthetic.SmoothProblem

MEAN = "mean distance of the parameters at step t"
EACH = "distance of the parameters of each sample at step t"
# Steps at which the semidefinite program of the worst case is solved: half a second at 10, minutes
# beyond 20.
WORST_CASE_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class FullEvidence:
    """All that was computed and measured on one problem. n samples, T steps, K of them recorded.

    Attributes
    ----------
    problem : QuadraticProblem or SmoothProblem
        With exact μ, β, L, minimiser and start.
    run : tuning.FullRun
        All n + 1 runs with step 1/β.
    source : ProblemSpecification or the problem itself
        Where the problem comes from.
    """

    problem: Problem
    run: tuning.FullRun
    source: synthetic.ProblemSpecification | Problem

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
            measured=values,
            bound=np.broadcast_to(bound, values.shape),
            steps=self.run.steps,
            resolution=self.resolution,
            provenance="exact",
            quantity=quantity,
            maximum=widest,
        )

    def columns(self) -> dict[str, Cell]:
        problem, source = self.problem, self.source
        return {
            columns.KIND: getattr(source, "kind", "given"),
            columns.SPECTRUM: getattr(source, "spectrum", "given"),
            columns.ROTATED: getattr(source, "rotated", False),
            columns.INTERPOLATES: self.interpolates,
            columns.N: problem.n,
            columns.D: problem.d,
            columns.KAPPA: float(f"{problem.mu / problem.beta:.12g}"),
            columns.DISTANCE: float(f"{problem.distance:.12g}"),
            columns.SEED: getattr(source, "seed", -1),
            columns.WEIGHTING: self.run.weighting,
            columns.LIPSCHITZ: problem.lipschitz,
            columns.MU: problem.mu,
            columns.BETA: problem.beta,
            columns.LARGEST_INSTABILITY: float(self.run.distance.mean(axis=1).max()),
        }


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
