"""Theorems on softmax heads for several classes."""

from __future__ import annotations

import numpy as np

from tunebound.bounds import head, multi_class
from tunebound.theory.engine.assumptions import SEPARABLE, STABLE_STEP
from tunebound.theory.engine.statement import Claim, theorem
from tunebound.theory.several_classes import columns
from tunebound.theory.several_classes.evidence import ClassEvidence

OURS = "this project, docs/several-classes.md"
SETTING = "several-classes"
RATES = {columns.N: -1, columns.MARGIN: -1, columns.RADIUS: 1}


@theorem(
    "K-deletion",
    statement=(
        "‖Û_S − Û_{S^i}‖ ≤ 2 sin(θ_i/2), θ_i the angle between W_S and W_S − Σ_k α_ik (e_{y_i} −"
        " e_k)x_iᵀ or that of the other samples' cone, for every i"
    ),
    formula=(
        r"\lVert\hat U_S-\hat U_{S^i}\rVert\le2\sin\frac{\theta_i}2,\quad\theta_i=\angle\Bigl(W_S,"
        r"\,W_S-\sum_k\alpha_{ik}(e_{y_i}-e_k)x_i^\top\Bigr)"
    ),
    source=OURS,
    setting=SETTING,
    proof="proved here",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def deletion(evidence: ClassEvidence) -> tuple[Claim, ...]:
    """Instability of the limit directions of several classes from the dual of one separator."""
    return (evidence.limit_claim(evidence.deletion),)


@theorem(
    "K-limit",
    statement="mean_i ‖Û_S − Û_{S^i}‖ ≤ κ(ρ) ρ/n ≤ √(32/27) ρ/n, ρ = √2 B/γ",
    formula=(
        r"\operatorname*{mean}_i\lVert\hat U_S-\hat U_{S^i}\rVert\le\kappa(\rho)\frac\rho n\le"
        r"\sqrt{\tfrac{32}{27}}\frac\rho n,\quad\rho=\sqrt2\,B/\gamma"
    ),
    source=OURS,
    setting=SETTING,
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates=RATES,
    maximum=2,
)
def limit(evidence: ClassEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions of several classes from n, margin and radius
    alone.
    """
    return (evidence.mean_limit_claim(limit_bound(evidence)),)


def limit_bound(evidence: ClassEvidence) -> float:
    """κ(ρ) ρ/n."""
    return float(multi_class.limit(n=evidence.n, margin=evidence.margin, radius=evidence.radius))


@theorem(
    "K-trajectory",
    statement=(
        "‖Ŵ_S(t) − Ŵ_{S^i}(t)‖ ≤ 2 η Σ_{s<t} ‖∇F_S(W_S(s)) − ∇F_{S^i}(W_S(s))‖ / (‖W_S(t)‖ +"
        " ‖W_{S^i}(t)‖) for every i and t"
    ),
    formula=(
        r"\lVert\hat W_S(t)-\hat W_{S^i}(t)\rVert\le\frac{2\eta\sum_{s<t}\lVert\nabla F_S(W_S(s))-"
        r"\nabla F_{S^i}(W_S(s))\rVert}{\lVert W_S(t)\rVert+\lVert W_{S^i}(t)\rVert}"
    ),
    source=OURS,
    setting=SETTING,
    proof="proved here",
    assumptions=(STABLE_STEP,),
    maximum=2,
)
def trajectory(evidence: ClassEvidence) -> tuple[Claim, ...]:
    """Instability of softmax heads at step t from the run on the whole sample and the heads'
    norms.
    """
    run = evidence.run
    bound = head.trajectory(
        drift=run.certificate, norm=run.norm[:, :1], left_out_norms=run.norm[:, 1:]
    )
    return (evidence.run_claim(bound),)


@theorem(
    "K-anytime",
    statement=(
        "mean_i ‖Ŵ_S(t) − Ŵ_{S^i}(t)‖ ≤ C(ρ) ρ/n ≤ (8/√27) ρ/n, ρ = √2 B/γ, for every t (with"
        " 1/(n − 1) weights the distance of the two weightings is added), start at zero"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat W_S(t)-\hat W_{S^i}(t)\rVert\le C(\rho)\frac\rho n\le"
        r"\frac8{\sqrt{27}}\frac\rho n,\quad\rho=\sqrt2\,B/\gamma"
    ),
    source=OURS,
    setting=SETTING,
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates=RATES,
    maximum=2,
)
def anytime(evidence: ClassEvidence) -> tuple[Claim, ...]:
    """Mean instability of softmax heads at every step from n, margin and radius alone."""
    bound = multi_class.anytime(
        n=evidence.n,
        margin=evidence.margin,
        radius=evidence.radius,
        weighting=evidence.run.weighting,
    )
    return (evidence.mean_run_claim(bound),)


@theorem(
    "K-chain",
    statement="mean K-deletion ≤ K-limit ≤ √(32/27) ρ/n",
    formula=(
        r"\operatorname{mean}\,\text{K-deletion}\le\text{K-limit}\le\sqrt{\tfrac{32}{27}}\,\frac"
        r"\rho n"
    ),
    source=OURS,
    setting=SETTING,
    proof="proved here",
    assumptions=(SEPARABLE,),
)
def chain(evidence: ClassEvidence) -> tuple[Claim, ...]:
    """The order of the bounds for several classes in the limit."""
    largest = np.sqrt(64 / 27) * evidence.radius / (evidence.margin * evidence.n)
    deleted, limited = float(evidence.deletion.mean()), limit_bound(evidence)
    return tuple(
        Claim(
            measured=lower,
            bound=upper,
            steps=np.inf,
            resolution=1e-12 * upper,
            provenance="exact",
            quantity=quantity,
        )
        for lower, upper, quantity in (
            (deleted, limited, "mean of K-deletion"),
            (limited, largest, "K-limit"),
        )
    )
