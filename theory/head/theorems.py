"""Theorems on head tuning in the order of the ladder: as published, in the limit, along the run,
and what ties them. Those on the published statement are in `published`, those in the limit in
`limit`, that on copies of one sample in `two_directions`.
"""

from __future__ import annotations

import numpy as np

from tunebound.bounds import head
from tunebound.theory.engine.assumptions import REMAINING_WEIGHTS, SEPARABLE, STABLE_STEP
from tunebound.theory.engine.statement import A_POSTERIORI, Assumption, Claim, theorem
from tunebound.theory.head import columns
from tunebound.theory.head.evidence import ERROR, HeadEvidence
from tunebound.theory.head.limit import (
    deletion,
    dual,
    free,
    label,
    limit,
    pair,
    ratio,
    replacement,
    support,
)
from tunebound.theory.head.published import (
    OURS,
    first_term,
    kkt,
    published,
    published_certified,
    published_fitted,
)
from tunebound.theory.head.two_directions import copies

__all__ = [
    "anytime",
    "anytime_flow",
    "anytime_plain",
    "asymptotic",
    "chain",
    "chord",
    "constant_one",
    "copies",
    "deletion",
    "deletion_early",
    "direction",
    "dual",
    "first_term",
    "free",
    "kkt",
    "label",
    "limit",
    "pair",
    "published",
    "published_certified",
    "published_fitted",
    "ratio",
    "replacement",
    "simplex",
    "support",
    "trajectory",
]


@theorem(
    "H-trajectory",
    statement=(
        "‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2 η Σ_{s<t} ‖∇F_S(w_S(s)) − ∇F_{S^i}(w_S(s))‖ / (‖w_S(t)‖ +"
        " ‖w_{S^i}(t)‖) for every i and t"
    ),
    formula=(
        r"\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le\frac{2\eta\sum_{s<t}\left\lVert\nabla F_S(w_S"
        r"(s))-\nabla F_{S^i}(w_S(s))\right\rVert}{\lVert w_S(t)\rVert+\lVert w_{S^i}(t)\rVert}"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    kind=A_POSTERIORI,
    assumptions=(STABLE_STEP,),
    maximum=2,
)
def trajectory(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability at step t from the run on the whole sample and the heads' norms."""
    run = evidence.run
    bound = head.trajectory(
        drift=run.certificate, norm=run.norm[:, :1], left_out_norms=run.norm[:, 1:]
    )
    return (evidence.run_claim(bound),)


@theorem(
    "H-chord",
    statement=(
        "‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ √(2 − 2√(1 − δ_i²)), δ_i = η Σ_{s<t} ‖∇F_S(w_S(s)) −"
        " ∇F_{S^i}(w_S(s))‖/‖w_S(t)‖ < 1, else 2, for every i and t"
    ),
    formula=(
        r"\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le\sqrt{2-2\sqrt{1-\delta_i^2}},\quad\delta_i="
        r"\frac{\eta\sum_{s<t}\left\lVert\nabla F_S(w_S(s))-\nabla F_{S^i}(w_S(s))\right\rVert}{"
        r"\lVert w_S(t)\rVert}<1"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    kind=A_POSTERIORI,
    assumptions=(STABLE_STEP,),
    maximum=2,
)
def chord(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Instability at step t from the run on the whole sample alone, by the chord of the largest
    angle.
    """
    run = evidence.run
    bound = head.chord(drift=run.certificate, norm=run.norm[:, :1])
    return (evidence.run_claim(bound),)


@theorem(
    "H-anytime",
    statement=(
        "mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ C(B/γ) B/(γn) for every t, C ≤ 8/√27, start at zero (under"
        " 1/(n − 1) weights the distance of the two weightings is added)"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C(B/\gamma)\,\frac B{"
        r"\gamma n},\quad C\le8/\sqrt{27}"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={columns.N: -1, columns.RADIUS_OVER_MARGIN: 1},
    maximum=2,
)
def anytime(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability at every step from n, margin and radius alone."""
    bound = head.anytime(**_size(evidence), weighting=evidence.run.weighting)
    return (evidence.mean_run_claim(bound),)


SHIFTED_WEIGHTS = Assumption(
    "left-out losses with weights 1/(n − 1)",
    lambda evidence: evidence.run.weighting == "1/(n-1)",
    under={"weighting": "1/(n-1)"},
)


@theorem(
    "H-anytime-flow",
    statement=(
        "mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ C(B/γ) B/(γn) + 2 sin(½ ln(n/(n − 1)) sin min(2ψ, 90°)) for"
        " every t, weights 1/(n − 1), start at zero; at most 2B/(γn) for n ≥ 4"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C(B/\gamma)\,\frac B{"
        r"\gamma n}+2\sin\Bigl(\tfrac12\ln\tfrac n{n-1}\,\sin\min(2\psi,90^\circ)\Bigr)"
    ),
    source=OURS,
    setting="head",
    domain="proved for gradient flow; nothing above it was found for descent",
    assumptions=(SEPARABLE, STABLE_STEP, SHIFTED_WEIGHTS),
    rates={columns.N: -1, columns.RADIUS_OVER_MARGIN: 1},
    maximum=2,
)
def anytime_flow(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Does gradient descent with weights 1/(n − 1) keep to what is proved for gradient flow?"""
    return (evidence.mean_run_claim(head.anytime_flow(**_size(evidence))),)


@theorem(
    "H-anytime-plain",
    statement=(
        "mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2B/(γn) for every t (4B/(γn) under 1/(n − 1) weights),"
        " start at zero"
    ),
    formula=r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le\frac{2B}{\gamma n}",
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={columns.N: -1, columns.RADIUS_OVER_MARGIN: 1},
    maximum=2,
)
def anytime_plain(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The form of H-anytime whose constant needs no cone, so that it extends to other starts."""
    bound = head.anytime_plain(**_size(evidence), weighting=evidence.run.weighting)
    return (evidence.mean_run_claim(bound),)


@theorem(
    "H-simplex",
    statement=(
        "mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ s_n B/(γn) for every t, s_n the largest value that it has"
        " on a simplex of n samples, start at zero"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le s_n\,\frac B{\gamma n},"
        r"\quad s_n\text{ the largest value on a simplex}"
    ),
    source=OURS,
    setting="head",
    domain="proved for n = 2; nothing above it was found for larger n",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={columns.N: -1, columns.RADIUS_OVER_MARGIN: 1},
    maximum=2,
)
def simplex(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Is the simplex the worst of all data? No larger constant could be needed then."""
    return (evidence.mean_run_claim(head.simplex_worst(**_size(evidence))),)


@theorem(
    "H-constant-1",
    statement="mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ B/(γn) for every t, start at zero",
    formula=r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le\frac B{\gamma n}",
    source=OURS,
    setting="head",
    domain=(
        "false for every n: a simplex of n samples exceeds it, by 8.9 % for n = 2, 3.8 % for n = 4"
    ),
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def constant_one(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Is the constant of H-anytime 1?"""
    bound = evidence.radius / (evidence.margin * evidence.n)
    return (evidence.mean_run_claim(bound),)


@theorem(
    "H-deletion-early",
    statement=(
        "‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2 sin(θ_i/2) for every i after the last step, θ_i the angle"
        " between w_S(t) and w_S(t) − c_i z_i, c_i what sample i has moved it by"
    ),
    formula=(
        r"\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le2\sin\frac{\theta_i}2,\quad\theta_i=\angle"
        r"\bigl(w_S(t),\,w_S(t)-c_iz_i\bigr)"
    ),
    source="this project: H-deletion, read before the limit",
    setting="head",
    domain="false on small data at a few steps: `tunebound falsify H-deletion-early` finds some",
    assumptions=(SEPARABLE, STABLE_STEP, REMAINING_WEIGHTS),
    maximum=2,
)
def deletion_early(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Does H-deletion hold at a finite number of steps, with shares of the run for the dual?"""
    run, data = evidence.run, evidence.data
    moved = (run.certificate[-1] / evidence.norms)[:, None] * (data.X * data.y[:, None])
    whole = run.weights[0]
    rest = whole - moved
    along = np.clip(
        (rest @ whole) / (np.linalg.norm(rest, axis=1) * np.linalg.norm(whole)), -1.0, 1.0
    )
    return (
        Claim(
            measured=run.direction_distance[-1:],
            bound=np.sqrt(2.0 - 2.0 * along)[None],
            steps=run.steps[-1:],
            # an angle from its cosine, and the rounding of the run
            resolution=3e-8 + evidence.run_resolution[-1:],
            provenance=evidence.run_provenance,
            quantity="instability of each sample after the last step",
        ),
    )


def _size(evidence: HeadEvidence) -> dict[str, float]:
    return {"n": evidence.n, "margin": evidence.margin, "radius": evidence.radius}


@theorem(
    "H-direction",
    statement=(
        "‖ŵ − û‖ ≤ √(2(1 − γ_w/γ)), γ_w = min_j z_jᵀw/‖w‖, for every head w, tuned on S or on S^i"
    ),
    formula=(
        r"\lVert\hat w-\hat u\rVert\le\sqrt{2(1-\gamma_w/\gamma)},\quad\gamma_w=\min_jz_j^\top w/"
        r"\lVert w\rVert"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    kind=A_POSTERIORI,
    assumptions=(SEPARABLE,),
    maximum=2,
)
def direction(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """How far a head is from the maximum-margin direction, from its normalised margin."""
    run = evidence.run
    measured = np.asarray(run.direction_error)
    bound = np.asarray(head.direction(margin=evidence.margins, head_margin=run.margin))
    resolution = evidence.run_resolution + evidence.limit_resolution.max()
    return (
        Claim(
            measured=measured[:, :1],
            bound=bound[:, :1],
            steps=run.steps,
            resolution=resolution,
            provenance=evidence.run_provenance,
            quantity=ERROR,
        ),
        Claim(
            measured=measured[:, 1:],
            bound=bound[:, 1:],
            steps=run.steps,
            resolution=resolution,
            provenance=evidence.run_provenance,
            quantity="direction error of the left-out heads at step t",
        ),
    )


# a choice, as is the half percent of the expansion that the onset stands for, to first order
TOLERANCE = 0.02
REACHED = Assumption(
    "the support vectors span the samples, and the run goes on beyond the onset of the asymptotics",
    lambda evidence: np.log(evidence.run.steps[-1]) >= evidence.asymptote.onset,
)


@theorem(
    "H-asymptotic",
    statement=(
        "‖ŵ_S(t) − û_S‖ is within 2 % of that of w_S ln t + w̃ with (η/n) exp(−z_iᵀw̃) = α_i on the"
        " support vectors, from the computed onset on"
    ),
    formula=(
        r"\lVert\hat w_S(t)-\hat u_S\rVert\approx\left\lVert\frac{w_S\ln t+\tilde w}{\lVert w_S"
        r"\ln t+\tilde w\rVert}-\hat u_S\right\rVert,\quad\frac\eta n\exp(-z_i^\top\tilde w)="
        r"\alpha_i"
    ),
    source="Soudry et al. 2018, Theorem 4; the onset by this project, docs/head-tuning.md",
    setting="head",
    proof="extrapolation of ours",
    domain=(
        "the expansion is a theorem, true as t grows; from when on it is good to 2 % is an estimate"
        " of ours, to first order"
    ),
    assumptions=(SEPARABLE, REACHED),
)
def asymptotic(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The direction error of a head from its asymptotic expansion, once the expansion is good."""
    run, asymptote = evidence.run, evidence.asymptote
    past = np.log(run.steps) >= max(asymptote.onset, np.log(3))
    error = np.asarray(run.direction_error)[past, 0]
    predicted = asymptote.direction_error(run.steps[past])
    resolution = (evidence.run_resolution[past] + evidence.limit_resolution.max()) / predicted
    deviation = np.abs(error / predicted - 1)
    return (
        Claim(
            measured=deviation,
            bound=np.full_like(deviation, TOLERANCE),
            steps=run.steps[past],
            resolution=resolution,
            provenance="estimated",
            quantity="relative deviation from the expansion",
        ),
    )


@theorem(
    "H-chain",
    statement=(
        "mean H-pair ≤ H-dual ≤ H-support ≤ H-free, mean H-deletion ≤ H-limit ≤ √(32/27) B/(γn),"
        " H-limit ≤ H-anytime, and mean H-trajectory(t) ≤ H-anytime-plain for every t"
    ),
    formula=(
        r"\operatorname{mean}\,\text{H-pair}\le\text{H-dual}\le\text{H-support}\le\text{H-free},"
        r"\quad\operatorname{mean}\,\text{H-deletion}\le\text{H-limit}\le\sqrt{\tfrac{32}{27}}"
        r"\frac B{\gamma n},\quad\text{H-limit}\le\text{H-anytime}"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP, REMAINING_WEIGHTS),
    maximum=np.inf,
)
def chain(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The order of the ladder: each rung of the head-tuning bounds is at most the next."""
    run, separator = evidence.run, evidence.separator
    n, margin, radius = evidence.n, evidence.margin, evidence.radius
    pair = float(
        np.mean(head.pair(margin=margin, dual=separator.dual, hinge=evidence.left_out.hinge))
    )
    dual = head.dual(margin=margin, dual=separator.dual, norms=evidence.norms)
    support = head.support(n=n, margin=margin, radius=radius, n_support=len(separator.support))
    free = head.free(n=n, margin=margin, radius=radius)
    trajectory = np.mean(
        head.trajectory(
            drift=run.certificate, norm=run.norm[:, :1], left_out_norms=run.norm[:, 1:]
        ),
        axis=1,
    )
    plain = np.full_like(trajectory, head.anytime_plain(n=n, margin=margin, radius=radius))
    deletion = float(
        np.mean(head.deletion(margin=margin, dual=separator.dual, norms=evidence.norms))
    )
    limit = head.limit(n=n, margin=margin, radius=radius)
    rungs = (
        ("H-deletion ≤ H-limit", deletion, limit),
        ("H-limit ≤ √(32/27) B/(γn)", limit, np.sqrt(32 / 27) * radius / (margin * n)),
        ("H-limit ≤ H-anytime", limit, head.anytime(n=n, margin=margin, radius=radius)),
        ("H-pair ≤ H-dual", pair, dual),
        ("H-dual ≤ H-support", dual, support),
        ("H-support ≤ H-free", support, free),
    )
    resolution = float(evidence.limit_resolution.max())
    return (
        *(
            Claim(
                measured=lower,
                bound=upper,
                steps=np.inf,
                resolution=resolution,
                provenance="exact",
                quantity=quantity,
            )
            for quantity, lower, upper in rungs
        ),
        Claim(
            measured=trajectory,
            bound=plain,
            steps=run.steps,
            resolution=evidence.run_resolution,
            provenance=evidence.run_provenance,
            quantity="H-trajectory ≤ H-anytime-plain",
        ),
    )
