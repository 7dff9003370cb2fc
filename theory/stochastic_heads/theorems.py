"""Theorems on heads on mini-batches, and what momentum and Adam refute."""

from __future__ import annotations

from tunebound.theory.engine.assumptions import SEPARABLE
from tunebound.theory.engine.statement import A_POSTERIORI, Assumption, Claim, theorem
from tunebound.theory.stochastic_heads.evidence import StochasticEvidence

OURS = "this project, docs/stochastic-heads.md"
EXTENSION = f"what gradient descent does, said of another optimiser; its refutation: {OURS}"
DESCENT = Assumption(
    "gradient descent, every step at most 8/B² and so non-expansive on every batch",
    lambda evidence: evidence.task.optimiser == "descent" and 0 < evidence.rate_fraction <= 1,
)
WITH_MOMENTUM = ("heavy-ball", "nesterov")
MOMENTUM = Assumption(
    "heavy balls or Nesterov", lambda evidence: evidence.task.optimiser in WITH_MOMENTUM
)
FULL = Assumption("all samples in every step", lambda evidence: evidence.task.order == "full")
BATCHES = Assumption("mini-batches", lambda evidence: evidence.task.order != "full")
ADAM = Assumption("Adam", lambda evidence: evidence.task.optimiser == "adam")


@theorem(
    "S-drift",
    statement=(
        "‖w_S(t) − w_{S^i}(t)‖ ≤ c_i‖x_i‖ with w_S(t) = Σ_j c_j z_j, for every i, t and sequence of"
        " batches"
    ),
    formula=r"\lVert w_S(t)-w_{S^i}(t)\rVert\le c_i\lVert x_i\rVert,\quad w_S(t)=\sum_jc_jz_j",
    source=OURS,
    setting="stochastic-heads",
    proof="proved here",
    kind=A_POSTERIORI,
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
    formula=(
        r"\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le2\sin\bigl(\tfrac12\arcsin\delta\bigr),\quad"
        r"\delta=\frac{c_i\lVert x_i\rVert}{\lVert w_S(t)\rVert}<1"
    ),
    source=OURS,
    setting="stochastic-heads",
    proof="proved here",
    kind=A_POSTERIORI,
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
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C(\rho)\frac B{\gamma n"
        r"},\quad C\le8/\sqrt{27}"
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
    "S-momentum-drift",
    statement=(
        "S-drift for heavy balls and Nesterov, at steps that are stable on every quadratic of the"
        " largest curvature of a step"
    ),
    formula=r"\lVert w_S(t)-w_{S^i}(t)\rVert\le c_i\lVert x_i\rVert,\quad w_S(t)=\sum_jc_jz_j",
    source=EXTENSION,
    setting="stochastic-heads",
    proof="conjecture",
    domain=(
        "true on quadratics with all samples in every step; on the logistic loss false for heavy"
        " balls: with all samples at n = 12 (m = 0.99, largest step), and on drawn data with"
        " reshuffled batches; false for Nesterov in a fixed cycle of batches"
    ),
    assumptions=(MOMENTUM,),
)
def momentum_drift(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Does what a sample has moved bound the distance of heads with momentum?"""
    return (evidence.drift_claim(),)


@theorem(
    "S-momentum",
    statement=(
        "S-anytime for heavy balls and Nesterov with all samples in every step, at steps up to 2(1"
        " + m)/β and 2(1 + m)/((1 + 2m)β)"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C(\rho)\frac B{\gamma n"
        r"},\quad\text{all samples in every step}"
    ),
    source=EXTENSION,
    setting="stochastic-heads",
    proof="conjecture",
    domain=(
        "false for heavy balls: n = 30 for m = 0.99 and n = 40 for m = 0.9 at the largest step, n ="
        " 100 for m = 0.99 at gradient descent's largest step 2/β; false for Nesterov with m = 0.99"
        " and n = 400; open for heavy balls with m = 0.9 at steps up to 2/β and for Nesterov with m"
        " = 0.9, where a search found no violation"
    ),
    assumptions=(SEPARABLE, MOMENTUM, FULL),
    maximum=2,
)
def momentum(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Does momentum on all samples keep the bound of gradient descent on the mean?"""
    return (evidence.mean_claim(),)


@theorem(
    "S-momentum-batches",
    statement=(
        "S-anytime for heavy balls and Nesterov on every sequence of batches, at steps up to 8/B²"
        " times what m allows on one quadratic"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C(\rho)\frac B{\gamma n"
        r"},\quad\text{every sequence of batches}"
    ),
    source=EXTENSION,
    setting="stochastic-heads",
    proof="conjecture",
    domain=(
        "false for every m in (0, 1), with any constant in place of C(ρ), on batches in a fixed"
        " cycle: for heavy balls from steps of 8(1 − m)/B² on, if the cycle is long"
    ),
    assumptions=(SEPARABLE, MOMENTUM, BATCHES),
    maximum=2,
)
def momentum_on_batches(evidence: StochasticEvidence) -> tuple[Claim, ...]:
    """Does momentum on mini-batches keep the bound of gradient descent on the mean?"""
    return (evidence.mean_claim(),)


@theorem(
    "S-adam",
    statement="mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ C(ρ)B/(γn) for every t, by Adam",
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C(\rho)\frac B{\gamma n"
        r"},\quad\text{Adam}"
    ),
    source=EXTENSION,
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
