"""Theorems on full tuning with known constants in the order of the ladder, from the published bound
to the exact worst case.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tunebound import synthetic
from tunebound.bounds import full
from tunebound.theory.engine.assumptions import INTERPOLATION, NO_INTERPOLATION, REMAINING_WEIGHTS
from tunebound.theory.engine.statement import A_POSTERIORI, Assumption, Claim, theorem
from tunebound.theory.full_quadratics import columns
from tunebound.theory.full_quadratics.evidence import EACH, MEAN, FullEvidence, worst_cases


@theorem(
    "P-Full",
    statement=(
        "mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2L‖w_0 − w*‖/β)/(n((1 − μ/β)^{−1/4} − 1)) for every T,"
        " step 1/β"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac{\sqrt{2L\lVert w_0-w^*"
        r"\rVert/\beta}}{n\bigl((1-\mu/\beta)^{-1/4}-1\bigr)}"
    ),
    source="Fu, So & Collier, arXiv:2301.09820, full tuning",
    setting="full-quadratics",
    proof="published",
    domain=(
        "true for μ/β ≤ 12√2 − 16 ≈ 0.9706 with weights 1/n, and for every μ/β with weights"
        " 1/(n − 1); false above with weights 1/n, at one step"
    ),
    assumptions=(INTERPOLATION,),
    rates={columns.N: -1},
)
def published(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The published full-tuning bound: no constant is left open, so it can be tested as it
    stands.
    """
    run = evidence.run
    return (evidence.claim(run.distance.mean(axis=1), full.published(**evidence.constants), MEAN),)


@theorem(
    "F-closed",
    statement=(
        "mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2L‖w_0 − w*‖/β)/(n(1 − max(q, r))) for every T, r = √(1 −"
        " κ), q = 1 − κ(n − 1)/n"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac{\sqrt{2L\lVert w_0-w^*"
        r"\rVert/\beta}}{n\bigl(1-\max(q,r)\bigr)}"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(INTERPOLATION,),
    rates={columns.N: -1},
)
def closed(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The closed form that mends the published bound."""
    run = evidence.run
    return (
        evidence.claim(
            run.distance.mean(axis=1),
            full.closed(**evidence.constants, weighting=run.weighting),
            MEAN,
        ),
    )


@theorem(
    "F-steps",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2L‖w_0 − w*‖/β)/n · (r^T − q^T)/(r − q)",
    formula=(
        r"\operatorname*{mean}_i\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac{\sqrt{2L\lVert w_0-w^*"
        r"\rVert/\beta}}{n}\cdot\frac{r^T-q^T}{r-q}"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(INTERPOLATION,),
    rates={columns.N: -1},
)
def steps(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The bound after T steps from the constants of the class."""
    run = evidence.run
    bound = full.steps(**evidence.constants, steps=run.steps, weighting=run.weighting)
    return (evidence.claim(run.distance.mean(axis=1), bound, MEAN),)


@theorem(
    "F-data",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2F_S(w_0)/β)/n · Σ_{t<T} q^{T−1−t} r^t",
    formula=(
        r"\operatorname*{mean}_i\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac{\sqrt{2F_S(w_0)/\beta}}{n}"
        r"\sum_{t<T}q^{T-1-t}r^t"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(INTERPOLATION,),
    rates={columns.N: -1},
)
def data(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The bound after T steps from the initial loss."""
    run = evidence.run
    bound = full.data(
        **evidence.curvature,
        initial_loss=evidence.excess_loss,
        steps=run.steps,
        weighting=run.weighting,
    )
    return (evidence.claim(run.distance.mean(axis=1), bound, MEAN),)


@theorem(
    "F-trajectory",
    statement=(
        "‖w_S(T) − w_{S^i}(T)‖ ≤ (1/(βn)) Σ_{t<T} q^{T−1−t} ‖∇f_i(w_S(t))‖ for every i and T,"
        " common minimiser or not"
    ),
    formula=(
        r"\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac1{\beta n}\sum_{t<T}q^{T-1-t}\lVert\nabla f_i(w_S("
        r"t))\rVert"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    kind=A_POSTERIORI,
    assumptions=(REMAINING_WEIGHTS,),
)
def trajectory(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The bound of each sample from the gradients along the run on the whole sample."""
    return (evidence.claim(evidence.run.distance, evidence.trajectory_bound, EACH),)


@theorem(
    "F-contraction",
    statement=(
        "‖w_S(T) − w_{S^i}(T)‖ ≤ ‖w_0 − w*‖ min((q^T − p^T)/κ, q^T + p^T) for every i and T, p = 1"
        " − κ, q = 1 − κ(n − 1)/n"
    ),
    formula=(
        r"\lVert w_S(T)-w_{S^i}(T)\rVert\le \lVert w_0-w^*\rVert\min\Bigl(\frac{q^T-p^T}\kappa,\;q"
        r"^T+p^T\Bigr)"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(INTERPOLATION,),
    rates={columns.N: -1},
)
def contraction(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The bound of each sample after T steps from the contraction of one step."""
    run = evidence.run
    bound = np.asarray(
        full.contraction(**evidence.class_size, steps=run.steps, weighting=run.weighting)
    )
    return (evidence.claim(run.distance, bound[:, None], EACH),)


@theorem(
    "F-worst",
    statement=(
        "‖w_S(T) − w_{S^i}(T)‖ ≤ the largest value over all μ-strongly convex β-smooth losses, for"
        " every i, T = 1, 2, 5, 10"
    ),
    formula=(
        r"\lVert w_S(T)-w_{S^i}(T)\rVert\le\max_{\mu\text{-strongly convex},\,\beta\text{-smooth}}"
        r"\lVert w_S(T)-w_{S^i}(T)\rVert"
    ),
    source=(
        "performance estimation (Drori & Teboulle 2014; Taylor, Hendrickx & Glineur 2017); this"
        " project, docs/full-tuning.md"
    ),
    setting="full-quadratics",
    proof="proved here",
    assumptions=(INTERPOLATION,),
)
def worst_case(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The exact worst case over the class, by performance estimation: no bound from n, μ, β, ‖w_0 −
    w*‖ and T can be smaller.
    """
    where, cases = worst_cases(evidence)
    run = evidence.run
    measured = run.distance[where]
    bound = np.broadcast_to(np.array([[case.value] for case in cases]), measured.shape)
    return (
        Claim(
            measured=measured,
            bound=bound,
            steps=run.steps[where],
            resolution=evidence.resolution[where],
            provenance="exact",
            quantity=EACH,
            maximum=2 * evidence.problem.distance,
        ),
    )


@theorem(
    "F-apart",
    statement=(
        "mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ F-data with F_S(w_0) − F_S(w*) + mean_i ‖∇f_i(w*)‖ (1 −"
        " q^T)/(μ(n − 1))"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac{\sqrt{2(F_S(w_0)-F_S(w^*))/"
        r"\beta}}{n}\sum_{t<T}q^{T-1-t}r^t+\operatorname*{mean}_i\lVert\nabla f_i(w^*)\rVert\,"
        r"\frac{1-q^T}{\mu(n-1)}"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(NO_INTERPOLATION,),
    rates={columns.N: -1},
)
def off_interpolation(evidence: FullEvidence) -> tuple[Claim, ...]:
    """What a missing common minimiser adds."""
    run = evidence.run
    bound = full.data(
        **evidence.curvature,
        initial_loss=evidence.excess_loss,
        steps=run.steps,
        weighting=run.weighting,
    )
    bound = bound + full.off_interpolation(
        **evidence.curvature,
        steps=run.steps,
        gradient_norm=evidence.gradients_at_minimiser.mean(),
        weighting=run.weighting,
    )
    return (evidence.claim(run.distance.mean(axis=1), bound, MEAN),)


QUADRATIC = Assumption(
    "the losses are quadratics, so that every minimiser solves a linear system",
    lambda evidence: evidence.quadratic,
)


@theorem(
    "F-shift",
    statement="‖w*_S − w*_{S^i}‖ ≤ ‖∇f_i(w*_S)‖/(μ(n − 1)) for every i",
    formula=r"\lVert w^*_S-w^*_{S^i}\rVert\le\frac{\lVert\nabla f_i(w^*_S)\rVert}{\mu(n-1)}",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(NO_INTERPOLATION, QUADRATIC),
    rates={columns.N: -1},
)
def minimiser_shift(evidence: FullEvidence) -> tuple[Claim, ...]:
    """How far leaving a sample out moves the minimiser itself, where the samples do not share
    theirs.
    """
    problem = evidence.problem
    assert isinstance(problem, synthetic.QuadraticProblem)
    pulls = np.einsum("nij,nj->ni", problem.hessians, problem.minimisers)
    left_out = np.linalg.solve(
        problem.hessians.sum(axis=0) - problem.hessians, (pulls.sum(axis=0) - pulls)[..., None]
    )[..., 0]
    measured = np.linalg.norm(left_out - problem.minimiser, axis=1)[None]
    bound = np.asarray(
        full.minimiser_shift(
            n=problem.n, mu=problem.mu, gradient_norm=evidence.gradients_at_minimiser
        )
    )[None]
    # A solve is off by the condition number, at most β/μ, times rounding.
    size = float(np.abs(problem.minimisers).max() + np.linalg.norm(problem.minimiser))
    resolution = 16 * problem.d * np.finfo(float).eps * problem.beta / problem.mu * size
    return (
        Claim(
            measured=measured,
            bound=bound,
            steps=np.inf,
            resolution=resolution,
            provenance="exact",
            quantity="distance of the minimisers",
        ),
    )


@theorem(
    "F-chain",
    statement=(
        "mean F-trajectory ≤ F-data ≤ F-steps ≤ F-closed; quadratic worst case ≤ F-worst ≤"
        " F-contraction"
    ),
    formula=(
        r"\operatorname{mean}\,\text{F-trajectory}\le\text{F-data}\le\text{F-steps}\le\text{F-closed"
        r"};\quad\text{quadratic worst case}\le\text{F-worst}\le\text{F-contraction}"
    ),
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="proved here",
    assumptions=(INTERPOLATION, REMAINING_WEIGHTS),
)
def chain(evidence: FullEvidence) -> tuple[Claim, ...]:
    """The order of the ladder of full tuning: each rung is at most the next, and the worst case
    lies in its bracket.
    """
    run = evidence.run
    trajectory = evidence.trajectory_bound.mean(axis=1)
    data = np.asarray(
        full.data(**evidence.curvature, initial_loss=evidence.excess_loss, steps=run.steps)
    )
    steps = np.asarray(full.steps(**evidence.constants, steps=run.steps))
    closed = np.full_like(steps, full.closed(**evidence.constants))
    where, cases = worst_cases(evidence)
    value, lower = (
        np.array([case.value for case in cases]),
        np.array([case.lower for case in cases]),
    )
    contraction = np.asarray(full.contraction(**evidence.class_size, steps=run.steps[where]))
    rungs = (
        ("F-trajectory ≤ F-data", trajectory, data, slice(None)),
        ("F-data ≤ F-steps", data, steps, slice(None)),
        ("F-steps ≤ F-closed", steps, closed, slice(None)),
        ("quadratic worst case ≤ F-worst", lower, value, where),
        ("F-worst ≤ F-contraction", value, contraction, where),
    )
    # The true worst case lies between the value and the quadratic one, which a problem attains.
    open_gap = np.zeros(len(run.steps))
    open_gap[where] = value - lower
    return tuple(
        Claim(
            measured=low,
            bound=high,
            steps=run.steps[rows],
            resolution=evidence.resolution[rows] + open_gap[rows],
            provenance="exact",
            quantity=name,
        )
        for name, low, high, rows in rungs
    )


@theorem(
    "F-exact",
    statement=(
        "the worst case over the class is ‖w_0 − w*‖(q^T − ((n − 1)p/n)^T) for T ≤ 2n − 1, that of"
        " one-dimensional quadratics; weights 1/n, T = 1, 2, 5, 10"
    ),
    formula=(
        r"\max\lVert w_S(T)-w_{S^i}(T)\rVert=\lVert w_0-w^*\rVert\Bigl(q^T-\bigl(\tfrac{n-1}np"
        r"\bigr)^T\Bigr),\quad T\le2n-1"
    ),
    source="a conjecture of this project, docs/full-tuning.md",
    setting="full-quadratics",
    proof="conjecture",
    domain="not proved; false for T = 2n at n = 2, κ = 0.05",
    assumptions=(INTERPOLATION, REMAINING_WEIGHTS),
)
def exact_for_few_steps(evidence: FullEvidence) -> tuple[Claim, ...]:
    """Do one-dimensional quadratics attain the worst case up to 2n − 1 steps?"""
    steps, cases = _solved(evidence)
    few = [(t, case) for t, case in zip(steps, cases, strict=True) if t <= 2 * evidence.n - 1]
    return (
        Claim(
            measured=[case.attained for _, case in few],
            bound=[case.lower for _, case in few],
            steps=[t for t, _ in few],
            resolution=[_solver_resolution(case) for _, case in few],
            provenance="exact",
            quantity="worst case over the class",
            maximum=2 * evidence.problem.distance,
        ),
    )


@theorem(
    "F-decay",
    statement=(
        "the worst case over the class is at most ‖w_0 − w*‖ q^T; weights 1/n, T = 1, 2, 5, 10"
    ),
    formula=r"\max\lVert w_S(T)-w_{S^i}(T)\rVert\le \lVert w_0-w^*\rVert\,q^T",
    source="a guess that docs/full-tuning.md refutes",
    setting="full-quadratics",
    proof="conjecture",
    domain="false: at n = 2, κ = 0.05, T = 6 the worst case is 0.8689 ‖w_0 − w*‖, and q^6 = 0.8591",
    assumptions=(INTERPOLATION, REMAINING_WEIGHTS),
)
def decay(evidence: FullEvidence) -> tuple[Claim, ...]:
    """Is the worst case below what the left-out run alone may be from the minimiser? No."""
    steps, cases = _solved(evidence)
    problem = evidence.problem
    q = 1 - problem.mu / problem.beta * (evidence.n - 1) / evidence.n
    return (
        Claim(
            measured=[case.attained for case in cases],
            bound=problem.distance * q**steps,
            steps=steps,
            resolution=[_solver_resolution(case) for case in cases],
            provenance="exact",
            quantity="worst case over the class",
            maximum=2 * problem.distance,
        ),
    )


def _solved(evidence: FullEvidence) -> tuple[NDArray[np.int64], list[full.WorstCase]]:
    """The numbers of steps at which the worst case is solved, and what it is."""
    where, cases = worst_cases(evidence)
    return evidence.run.steps[where], cases


def _solver_resolution(case: full.WorstCase) -> float:
    """What the program's solution leaves open: its duality gap, and ten times how far its
    inequalities are missed.
    """
    return abs(case.value - case.attained) + 10 * case.primal_residual * case.value
