"""Theorems and conjectures on full tuning of networks, whose constants are estimates."""

from __future__ import annotations

import numpy as np

from tunebound.bounds import full
from tunebound.theory.engine.assumptions import REMAINING_WEIGHTS
from tunebound.theory.engine.statement import A_POSTERIORI, Assumption, Claim, theorem
from tunebound.theory.full_network import columns
from tunebound.theory.full_network.evidence import MEAN, NetworkEvidence

FITS = Assumption(
    "the network fits every sample at w* (estimated by long training)",
    lambda evidence: evidence.interpolates,
)
CURVED = Assumption(
    "every sample's Hessian at w* is positive definite beyond its error (estimated by Lanczos);"
    " where a network fits a sample, the Hessian of its loss has rank one",
    lambda evidence: evidence.strongly_convex,
)


@theorem(
    "P-Full-network",
    statement="the bound of P-Full with μ, β, L, w* estimated at this network: a local statement",
    formula=(
        r"\operatorname*{mean}_i\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac{\sqrt{2L\lVert w_0-w^*"
        r"\rVert/\beta}}{n\bigl((1-\mu/\beta)^{-1/4}-1\bigr)},\quad \mu,\beta,L,w^*\text{ estimate"
        r"d}"
    ),
    source="Fu, So & Collier, arXiv:2301.09820, full tuning; estimates by this project",
    setting="full-network",
    proof="published",
    kind=A_POSTERIORI,
    assumptions=(FITS, CURVED),
    rates={columns.N: -1, columns.DISTANCE: 0.5},
)
def published(evidence: NetworkEvidence) -> tuple[Claim, ...]:
    """The published full-tuning bound on a network: a local statement, whose assumptions are
    checked with estimates.
    """
    run = evidence.run
    bound = full.published(
        n=evidence.n,
        lipschitz=evidence.lipschitz.value,
        mu=evidence.end.smallest.value,
        beta=evidence.beta,
        distance=evidence.minimiser.distance.value,
    )
    measured = run.distance.mean(axis=1)
    return (
        Claim(
            measured=measured,
            bound=np.full_like(measured, bound),
            steps=run.steps,
            resolution=evidence.resolution,
            provenance="estimated",
            quantity=MEAN,
        ),
    )


LONGEST = 100  # (1 + ηβ)^T leaves float64 at T = 1024 and any meaning long before


@theorem(
    "N-growth",
    statement=(
        "‖w_S(T) − w_{S^i}(T)‖ ≤ (η/n) Σ_{t<T} (1 + ηβ)^{T−1−t} ‖∇f_i(w_S(t))‖ for every i and T ≤"
        " 100, β estimated at w_0 and w*"
    ),
    formula=(
        r"\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac\eta n\sum_{t<T}(1+\eta\beta)^{T-1-t}\lVert\nabla "
        r"f_i(w_S(t))\rVert,\quad T\le100"
    ),
    source="smoothness of the losses alone, docs/full-tuning.md",
    setting="full-network",
    proof="proved here",
    kind=A_POSTERIORI,
    assumptions=(REMAINING_WEIGHTS,),
)
def growth(evidence: NetworkEvidence) -> tuple[Claim, ...]:
    """What smoothness alone promises of a network: differences may grow by 1 + ηβ a step."""
    run = evidence.run
    factor = 1 + run.learning_rate * evidence.beta
    early = run.steps <= LONGEST
    bound = np.stack(
        [factor ** np.arange(t - 1, -1, -1.0) @ run.gradient_norms[:t] for t in run.steps[early]]
    )
    bound *= run.learning_rate / evidence.n
    quantity = "distance of the parameters of each sample at step t"
    return (
        Claim(
            measured=run.distance[early],
            bound=bound,
            steps=run.steps[early],
            resolution=evidence.resolution[early],
            provenance="estimated",
            quantity=quantity,
        ),
    )


@theorem(
    "N-drift",
    statement=(
        "‖w_S(T) − w_{S^i}(T)‖ ≤ (η/n) Σ_{t<T} ‖∇f_i(w_S(t))‖ for every i and T, although the loss"
        " is not convex"
    ),
    formula=r"\lVert w_S(T)-w_{S^i}(T)\rVert\le\frac\eta n\sum_{t<T}\lVert\nabla f_i(w_S(t))\rVert",
    source=(
        "a conjecture: proved in docs/full-tuning.md only where the gradient steps do not expand"
    ),
    setting="full-network",
    proof="conjecture",
    kind=A_POSTERIORI,
    assumptions=(REMAINING_WEIGHTS,),
    rates={columns.N: -1, columns.DISTANCE: 0.5},
)
def drift(evidence: NetworkEvidence) -> tuple[Claim, ...]:
    """Does the drift of convex losses bound a network's instability too? Proved for non-expansive
    steps, conjectured here.
    """
    run = evidence.run
    total = np.cumsum(run.gradient_norms, axis=0)[run.steps - 1]
    bound = run.learning_rate / evidence.n * total
    quantity = "distance of the parameters of each sample at step t"
    return (
        Claim(
            measured=run.distance,
            bound=bound,
            steps=run.steps,
            resolution=evidence.resolution,
            provenance="exact",
            quantity=quantity,
        ),
    )
