"""Theorems on heads in the limit, t → ∞, in the order of the ladder."""

from __future__ import annotations

import numpy as np

from tunebound.bounds import head
from tunebound.theory.engine.assumptions import SEPARABLE
from tunebound.theory.engine.statement import Assumption, Claim, theorem
from tunebound.theory.head import columns
from tunebound.theory.head.evidence import HeadEvidence
from tunebound.theory.head.published import OURS


@theorem(
    "H-ratio",
    statement="‖û_S − û_{S^i}‖ ≤ √(2(1 − γ_S/γ_{S^i})) for every i",
    formula=r"\lVert\hat u_S-\hat u_{S^i}\rVert\le\sqrt{2\bigl(1-\gamma_S/\gamma_{S^i}\bigr)}",
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def ratio(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability of the limit directions from the two margins."""
    # Each margin is known to half its duality gap, and rounding can put γ_{S^i} a hair below γ_S.
    margins = np.maximum(evidence.left_out.margins, evidence.margin)
    bound = head.ratio(margin=evidence.margin, left_out_margins=margins)
    return (evidence.limit_claim(bound),)


@theorem(
    "H-pair",
    statement=(
        "‖û_S − û_{S^i}‖ ≤ φ(γ_S √(α_i h_i)), h_i = max(0, 1 − z_iᵀw_{S^i}), φ(s) = 2 sin(½ arcsin"
        " s), for every i"
    ),
    formula=(
        r"\lVert\hat u_S-\hat u_{S^i}\rVert\le\varphi\bigl(\gamma_S\sqrt{\alpha_ih_i}\bigr),\quad "
        r"h_i=\max\bigl(0,1-z_i^\top w_{S^i}\bigr),\;\varphi(s)=2\sin\bigl(\tfrac12\arcsin s\bigr)"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def pair(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability of the limit directions from the dual variable of the left-out sample and its
    hinge loss.
    """
    bound = head.pair(
        margin=evidence.margin, dual=evidence.separator.dual, hinge=evidence.left_out.hinge
    )
    return (evidence.limit_claim(bound),)


@theorem(
    "H-deletion",
    statement=(
        "‖û_S − û_{S^i}‖ ≤ 2 sin(θ_i/2), tan θ_i = a_i √(‖x_i‖²/γ² − 1)/(1 − a_i), a_i = γ²α_i, θ_i"
        " at most the angle of the others' cone, for every i"
    ),
    formula=(
        r"\lVert\hat u_S-\hat u_{S^i}\rVert\le2\sin\frac{\theta_i}2,\quad\tan\theta_i=\frac{a_i"
        r"\sqrt{\lVert x_i\rVert^2/\gamma^2-1}}{1-a_i},\;a_i=\gamma^2\alpha_i"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def deletion(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability of the limit directions from the dual variable of the left-out sample: one
    solve, every sample.
    """
    separator = evidence.separator
    bound = head.deletion(margin=evidence.margin, dual=separator.dual, norms=evidence.norms)
    return (evidence.limit_claim(bound),)


@theorem(
    "H-replacement",
    statement=(
        "‖û_{S^i} − û_{S^j}‖ ≤ 2 sin((θ_i + θ_j)/2) with the angles of H-deletion, for every pair,"
        " and 2κ(B/γ) B/(γn) in the mean over pairs"
    ),
    formula=(
        r"\lVert\hat u_{S^i}-\hat u_{S^j}\rVert\le2\sin\frac{\theta_i+\theta_j}2,\quad"
        r"\operatorname*{mean}_{i,j}\lVert\hat u_{S^i}-\hat u_{S^j}\rVert\le2\,\kappa(B/\gamma)\,"
        r"\frac B{\gamma n}"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def replacement(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability when a sample is replaced: data that lack i against data that lack j."""
    separator = evidence.separator
    one, other = np.triu_indices(evidence.n, 1)
    each = np.asarray(
        head.deletion(margin=separator.margin, dual=separator.dual, norms=evidence.norms)
    )
    bound = head.replacement(before=each[one], after=each[other])
    mean = 2 * head.limit(n=evidence.n, margin=evidence.margin, radius=evidence.radius)
    return evidence.replacement_claims(one, other, bound, mean)


LEARNABLE = Assumption(
    "some label can be changed so that the data stay separable (such samples are counted in the"
    " column label_changes, the others left out)",
    lambda evidence: evidence.label_changes.samples.size > 0,
)


@theorem(
    "H-label",
    statement=(
        "‖û_S − û_{S'}‖ ≤ 2 sin min((θ_i(S) + θ_i(S'))/2, 90°) with the angles of H-deletion, S'"
        " with the label of i changed, for every i for which S' is separable"
    ),
    formula=(
        r"\lVert\hat u_S-\hat u_{S'}\rVert\le2\sin\min\Bigl("
        r"\frac{\theta_i(S)+\theta_i(S')}2,90^\circ\Bigr)"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, LEARNABLE),
    maximum=2,
)
def label(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability when a label changes, for every sample whose changed label can be learned."""
    separator, changes = evidence.separator, evidence.label_changes
    i, norms = changes.samples, evidence.norms
    before = head.deletion(margin=separator.margin, dual=separator.dual, norms=norms)
    after = head.deletion(margin=changes.margins, dual=changes.duals, norms=norms)
    bound = head.replacement(
        before=np.asarray(before)[i], after=np.asarray(after)[np.arange(len(i)), i]
    )
    return (evidence.label_claim(np.asarray(bound)),)


@theorem(
    "H-limit",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ κ(B/γ) B/(γn), κ ≤ √(32/27)",
    formula=(
        r"\operatorname*{mean}_i\lVert\hat u_S-\hat u_{S^i}\rVert\le\kappa(B/\gamma)\,\frac B{"
        r"\gamma n},\quad\kappa\le\sqrt{32/27}"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.N: -1, columns.RADIUS_OVER_MARGIN: 1},
    maximum=2,
)
def limit(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions from n, margin and radius, with the sharp
    constant.
    """
    bound = head.limit(n=evidence.n, margin=evidence.margin, radius=evidence.radius)
    return (evidence.mean_limit_claim(bound),)


@theorem(
    "H-dual",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ (1/n) Σ_i φ(γ √(α_i (1 + ‖x_i‖/γ)))",
    formula=(
        r"\operatorname*{mean}_i\lVert\hat u_S-\hat u_{S^i}\rVert\le\frac1n\sum_i\varphi\Bigl("
        r"\gamma\sqrt{\alpha_i(1+\lVert x_i\rVert/\gamma)}\Bigr)"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.RADIUS_OVER_MARGIN: 0.5},
    maximum=2,
)
def dual(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions from the dual variables of one separator."""
    bound = head.dual(margin=evidence.margin, dual=evidence.separator.dual, norms=evidence.norms)
    return (evidence.mean_limit_claim(bound),)


@theorem(
    "H-support",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ √(2 n_sv (1 + B/γ))/n",
    formula=(
        r"\operatorname*{mean}_i\lVert\hat u_S-\hat u_{S^i}\rVert\le\frac{\sqrt{2n_{sv}(1+B/\gamma"
        r")}}n"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.RADIUS_OVER_MARGIN: 0.5},
    maximum=2,
)
def support(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions from the number of support vectors."""
    bound = head.support(
        n=evidence.n,
        margin=evidence.margin,
        radius=evidence.radius,
        n_support=len(evidence.separator.support),
    )
    return (evidence.mean_limit_claim(bound),)


@theorem(
    "H-free",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ √(2(1 + B/γ)/n)",
    formula=(
        r"\operatorname*{mean}_i\lVert\hat u_S-\hat u_{S^i}\rVert\le\sqrt{\frac{2(1+B/\gamma)}n}"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.N: -0.5, columns.RADIUS_OVER_MARGIN: 0.5},
    maximum=2,
)
def free(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions from the margin and the radius alone."""
    bound = head.free(n=evidence.n, margin=evidence.margin, radius=evidence.radius)
    return (evidence.mean_limit_claim(bound),)
