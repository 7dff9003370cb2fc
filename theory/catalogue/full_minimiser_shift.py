"""How far leaving a sample out moves the minimiser itself, where the samples do not share theirs."""

import numpy as np

import synthetic
from bounds import full
from theory.assumptions import NO_INTERPOLATION
from theory.settings.full_quadratics import FullEvidence
from theory.statement import Assumption, Claim, theorem

QUADRATIC = Assumption("the losses are quadratics, so that every minimiser solves a linear system", lambda evidence: evidence.quadratic)


@theorem(
    "F-shift",
    statement="‖w*_S − w*_{S^i}‖ ≤ ‖∇f_i(w*_S)‖/(μ(n − 1)) for every i",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(NO_INTERPOLATION, QUADRATIC),
    rates={"n": -1},
)
def minimiser_shift(evidence: FullEvidence) -> tuple[Claim, ...]:
    problem = evidence.problem
    assert isinstance(problem, synthetic.QuadraticProblem)
    pulls = np.einsum("nij,nj->ni", problem.hessians, problem.minimisers)
    left_out = np.linalg.solve(problem.hessians.sum(axis=0) - problem.hessians, (pulls.sum(axis=0) - pulls)[..., None])[..., 0]
    measured = np.linalg.norm(left_out - problem.minimiser, axis=1)[None]
    bound = np.asarray(full.minimiser_shift(n=problem.n, mu=problem.mu, gradient_norm=evidence.gradients_at_minimiser))[None]
    # A solve is off by the condition number, at most β/μ, times rounding.
    size = float(np.abs(problem.minimisers).max() + np.linalg.norm(problem.minimiser))
    resolution = 16 * problem.d * np.finfo(float).eps * problem.beta / problem.mu * size
    return (Claim(measured, bound, np.inf, resolution, "exact", "distance of the minimisers"),)
