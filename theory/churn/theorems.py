"""Theorems on churn: certificates for pairs of a point and a left-out sample, then counts."""

from __future__ import annotations

import numpy as np

from tunebound._ground.checks import ROUNDING
from tunebound.bounds import churn
from tunebound.theory.churn.evidence import ChurnEvidence
from tunebound.theory.engine.statement import PROVED, Claim, theorem

SOURCE = "this project, docs/churn.md"
SETTING = "churn"


@theorem(
    "C-angle",
    statement=(
        "sign x·w_S = sign x·w_{S^i} in the limit, for every x with |x·w_S| > ‖x‖‖w_S‖ sin θ_i, θ_i"
        " the angle that one solve certifies"
    ),
    formula=(
        r"\operatorname{sign}x^\top w_S=\operatorname{sign}x^\top w_{S^i}\quad\text{where}\quad |x"
        r"^\top w_S|>\lVert x\rVert\lVert w_S\rVert\sin\theta_i"
    ),
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
    maximum=1,
)
def angle(evidence: ChurnEvidence) -> tuple[Claim, ...]:
    """A prediction that the largest turn of the separator cannot change, pair by pair."""
    return (evidence.pairs_claim(evidence.by_angle),)


@theorem(
    "C-ball",
    statement=(
        "sign x·w_S = sign x·w_{S^i} in the limit, for every x with |x·w_S| > ½(‖e_i‖‖x'‖ + s"
        " x·e_i), e_i and x' the parts of w_S and x across w_S − α_i z_i, s = sign x·w_S"
    ),
    formula=(
        r"\operatorname{sign}x^\top w_S=\operatorname{sign}x^\top w_{S^i}\quad\text{where}\quad |x"
        r"^\top w_S|>\tfrac12\bigl(\lVert e_i\rVert\lVert x'\rVert+s\,x^\top e_i\bigr)"
    ),
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
    maximum=1,
)
def ball(evidence: ChurnEvidence) -> tuple[Claim, ...]:
    """The same from where the left-out separator can lie at all, by one solve."""
    return (evidence.pairs_claim(evidence.by_ball),)


@theorem(
    "C-drift",
    statement="sign x·w_S(t) = sign x·w_{S^i}(t) for every x with |x·w_S(t)| > ‖x‖ δ_i(t)",
    formula=(
        r"\operatorname{sign}x^\top w_S(t)=\operatorname{sign}x^\top w_{S^i}(t)\quad\text{where}"
        r"\quad |x^\top w_S(t)|>\lVert x\rVert\,\delta_i(t)"
    ),
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
    maximum=1,
)
def drift(evidence: ChurnEvidence) -> tuple[Claim, ...]:
    """A prediction that the drift along the run on S cannot change, pair by pair."""
    return (evidence.pairs_claim_at_step(evidence.by_drift),)


@theorem(
    "C-count",
    statement=(
        "at most (B/γ)/m(x) of the n samples flip x, m(x) = |x·w|/(‖x‖‖w‖), in the limit and after"
        " every step from 0"
    ),
    formula=(
        r"\#\{i: i \text{ flips } x\}\le\frac{B/\gamma}{m(x)},\quad m(x)=\frac{|x^\top w|}{\lVert "
        r"x\rVert\lVert w\rVert}"
    ),
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
    maximum=1,
)
def count(evidence: ChurnEvidence) -> tuple[Claim, ...]:
    """How many samples can flip a point, from margin, radius and the point's own margin."""
    heads = (
        (evidence.flips, evidence.undecided, evidence.separator.weights, np.inf),
        (
            evidence.flips_at_step,
            evidence.undecided_at_step,
            evidence.run.weights[0],
            evidence.last_step,
        ),
    )
    return tuple(
        evidence.claim(
            flips.mean(axis=1),
            evidence.largest_counts(weights) / evidence.n,
            undecided.mean(axis=1),
            steps,
            "share of the samples that flip a point",
        )
        for flips, undecided, weights, steps in heads
    )


@theorem(
    "C-training",
    statement="#{i : z_i·w_{S^i} ≤ 0} ≤ #{i : α_i‖x_i‖² ≥ 1} ≤ (B/γ)²",
    formula=(
        r"\#\{i: z_i^\top w_{S^i}\le0\}\le\#\{i:\alpha_i\lVert x_i\rVert^2\ge1\}\le(B/\gamma)^2"
    ),
    source="Vapnik 1998; Jaakkola & Haussler 1999; proof by this project, docs/churn.md",
    setting=SETTING,
    proof=PROVED,
    maximum=1,
)
def training(evidence: ChurnEvidence) -> tuple[Claim, ...]:
    """Leave-one-out errors in the limit, from the dual of one separator."""
    safe = churn.training(dual=evidence.separator.dual, norms=evidence.norms)
    error = evidence.own_products <= 0
    near = np.abs(evidence.own_products) <= np.sqrt(
        np.maximum(evidence.left_out.gaps, np.finfo(float).eps)
    ) * evidence.norms * np.linalg.norm(evidence.left_out.weights, axis=1)
    largest = (evidence.data.radius / evidence.separator.margin) ** 2 / evidence.n
    return (
        evidence.claim(
            error,
            ~safe,
            near,
            np.inf,
            "share of leave-one-out errors",
            nearness=np.where(safe, np.maximum(1 - evidence.own_products, 0.0), 0.0),
        ),
        evidence.claim(
            (~safe).mean(),
            largest,
            4 * ROUNDING * largest,
            np.inf,
            "share of samples that may be leave-one-out errors",
        ),
    )
