"""Theorems on heads on mini-batches, and what momentum and Adam refute."""

from __future__ import annotations

from tunebound.theory.engine.assumptions import SEPARABLE
from tunebound.theory.engine.statement import Assumption, Claim, theorem
from tunebound.theory.stochastic_heads.evidence import StochasticEvidence

OURS = "this project, docs/stochastic-heads.md"
DESCENT = Assumption(
    "gradient descent, every step at most 8/B² and so non-expansive on every batch",
    lambda evidence: evidence.task.optimiser == "descent" and 0 < evidence.rate_fraction <= 1,
)
MOMENTUM = Assumption(
    "heavy balls or Nesterov, on all samples in every step",
    lambda evidence: (
        evidence.task.optimiser in ("heavy-ball", "nesterov") and evidence.task.order == "full"
    ),
)
MOMENTUM_ON_BATCHES = Assumption(
    "heavy balls or Nesterov, on mini-batches",
    lambda evidence: (
        evidence.task.optimiser in ("heavy-ball", "nesterov") and evidence.task.order != "full"
    ),
)
ADAM = Assumption("Adam", lambda evidence: evidence.task.optimiser == "adam")


@theorem(
    "S-drift",
    statement=(
        "‖w_S(t) − w_{S^i}(t)‖ ≤ c_i‖x_i‖ with w_S(t) = Σ_j c_j z_j, for every i, t and sequence of"
        " batches"
    ),
    source=OURS,
    setting="stochastic-heads",
    proof="proved here",
    assumptions=(DESCENT,),
)
def drift(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Distance of heads on shared batches from what the left-out sample has moved."""
    return (evidence.drift_claim(),)


@theorem(
    "S-chord",
    statement=(
        "‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2 sin(½ arcsin δ), δ = c_i‖x_i‖/‖w_S(t)‖ < 1, else 2, for every i,"
        " t and sequence of batches"
    ),
    source=OURS,
    setting="stochastic-heads",
    proof="proved here",
    assumptions=(DESCENT,),
    maximum=2,
)
def chord(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Instability of each sample on shared batches from one run on the whole sample."""
    return (evidence.chord_claim(),)


@theorem(
    "S-anytime",
    statement=(
        "mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ C(ρ)B/(γn), C ≤ 8/√27, for every t and sequence of batches"
        " that has used two samples, start at zero"
    ),
    source=OURS,
    setting="stochastic-heads",
    proof="proved here",
    assumptions=(SEPARABLE, DESCENT),
    maximum=2,
)
def anytime(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Mean instability on shared batches, however they are drawn, from n, margin and radius."""
    return (evidence.mean_claim(),)


@theorem(
    "S-momentum",
    statement=(
        "S-drift and S-anytime for heavy balls and Nesterov on all samples, at steps up to 2(1 +"
        " m)/β and 2(1 + m)/((1 + 2m)β)"
    ),
    source=f"an extension of gradient descent's; where it fails: {OURS}",
    setting="stochastic-heads",
    proof="conjecture",
    domain=(
        "false for heavy balls: from n = 40 for m = 0.9 at the largest step, from n = 100 for m ="
        " 0.99 at gradient descent's largest step; false for Nesterov with m = 0.99; S-drift is true"
        " for heavy balls on quadratics; no violation is known for m = 0.9 at gradient descent's"
        " steps, where it is open"
    ),
    assumptions=(SEPARABLE, MOMENTUM),
    maximum=2,
)
def momentum(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Does momentum keep the bounds of gradient descent on all samples?"""
    return (evidence.mean_claim(), evidence.drift_claim())


@theorem(
    "S-momentum-batches",
    statement=(
        "S-drift and S-anytime for heavy balls and Nesterov on every sequence of batches, at steps"
        " up to 8/B² times what m allows on one quadratic"
    ),
    source=f"an extension of gradient descent's; its refutation: {OURS}",
    setting="stochastic-heads",
    proof="conjecture",
    domain=(
        "false for every m in (0, 1): on batches in a fixed cycle heavy balls have no bound C·B/(γn)"
        " at all, for steps from about 8(1 − m)/B² on"
    ),
    assumptions=(SEPARABLE, MOMENTUM_ON_BATCHES),
    maximum=2,
)
def momentum_on_batches(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Does momentum keep the bounds of gradient descent on mini-batches?"""
    return (evidence.mean_claim(), evidence.drift_claim())


@theorem(
    "S-adam",
    statement="mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ C(ρ)B/(γn) for every t, by Adam",
    source=f"an extension of gradient descent's; its refutation: {OURS}",
    setting="stochastic-heads",
    proof="conjecture",
    domain=(
        "false, with any constant in place of C(ρ): after one step the mean tends to √2/2 on data"
        " with ρ near 1 as n grows"
    ),
    assumptions=(SEPARABLE, ADAM),
    maximum=2,
)
def adam(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Does Adam keep the bound of gradient descent?"""
    return (evidence.mean_claim(),)
