"""Theorems on head tuning in the order of the ladder: as published, in the limit, along the run,
and what ties them.
"""

from __future__ import annotations

import numpy as np

from tunebound.bounds import constants, head
from tunebound.theory.engine.assumptions import (
    LONG_RUN,
    PUBLISHED_STEP,
    REMAINING_WEIGHTS,
    SEPARABLE,
    STABLE_STEP,
)
from tunebound.theory.engine.statement import A_POSTERIORI, Assumption, Claim, theorem
from tunebound.theory.head import columns
from tunebound.theory.head.evidence import (
    ERROR,
    MEAN_INSTABILITY,
    HeadEvidence,
    early_and_late,
)

PAPER = "Fu, So & Collier, arXiv:2301.09820"
OURS = "this project, docs/head-tuning.md"
FIRST_STEP = (
    3  # from here on ln ln t is positive; without its first term the bound is the same at every t
)


@theorem(
    "P-Head",
    statement=(
        "mean_i ‖û_S(t) − û_{S^i}(t)‖ ≤ C ln ln t/ln t + ν max{√((2/(λn))(1 + B/γ)), "
        "(B + √(B² + 8nλ(1 + B/γ)))/(2nλ)} for some constants C, λ, ν"
    ),
    source=f"{PAPER}, head tuning",
    setting="head",
    proof="published",
    domain=(
        "true with C = 0, λ = γ² and ν = γ (2γ under 1/(n − 1) weights) for every t from a start at"
        " zero and every step up to 2/β, see P-Head-certified"
    ),
    assumptions=(SEPARABLE, PUBLISHED_STEP),
    free_constants=("C", "λ", "ν"),
    maximum=2,
)
def published(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Without values for its constants the statement claims nothing of any data set."""
    return ()


@theorem(
    "P-Head-certified",
    statement=(
        "the bound of P-Head with C = 0, λ = γ² and ν = γ (2γ under 1/(n − 1) weights) for every"
        " t, start at zero, every step size up to 2/β"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={columns.N: -0.5, columns.MARGIN: -0.5, columns.RADIUS: 0.5},
    maximum=2,
)
def published_certified(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The published head-tuning bound with constants that are certified for the mean: no free one
    is left.
    """
    return (evidence.mean_run_claim(certified_second_term(evidence)),)


def certified_second_term(evidence: HeadEvidence) -> float:
    """The published bound without its first term, λ and ν certified for the mean over i."""
    bound = head.published(
        n=evidence.n,
        margin=evidence.margin,
        radius=evidence.radius,
        steps=FIRST_STEP,
        C=0,
        lam=evidence.margin**2,
        nu=evidence.mean_nu,
    )
    return float(bound)


@theorem(
    "P-Head-fitted",
    statement=(
        "the bound of P-Head with λ = γ² and ν = γ (2γ under 1/(n − 1) weights), certified for the"
        " mean, and C fitted on e^e ≤ t ≤ √T, for √T < t ≤ T"
    ),
    source=f"{PAPER}, head tuning; constants by this project",
    setting="head",
    proof="fitted",
    assumptions=(SEPARABLE, PUBLISHED_STEP, LONG_RUN),
    rates={columns.N: -0.5, columns.MARGIN: -0.5, columns.RADIUS: 0.5, "ln ln t/ln t": 1},
    maximum=2,
)
def published_fitted(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The published head-tuning bound with λ and ν certified for the mean, and C fitted on early
    steps, tested on late ones.
    """
    early, late = early_and_late(evidence.run.steps)
    error = evidence.direction_error_sum
    bound = head.published(
        n=evidence.n,
        margin=evidence.margin,
        radius=evidence.radius,
        steps=evidence.run.steps[late],
        C=constants.fit_direction_constant(evidence.run.steps[early], error[early]).value,
        lam=evidence.margin**2,
        nu=evidence.mean_nu,
    )
    measured = evidence.run.direction_distance[late].mean(axis=1)
    return (
        Claim(
            measured=measured,
            bound=bound,
            steps=evidence.run.steps[late],
            resolution=evidence.run_resolution[late],
            provenance="fitted",
            quantity=MEAN_INSTABILITY,
        ),
    )


@theorem(
    "H-first-term",
    statement=(
        "‖ŵ_S(t) − û_S‖ + mean_i ‖ŵ_{S^i}(t) − û_{S^i}‖ ≤ C ln ln t/ln t with C fitted on e^e ≤ t ≤"
        " √T, for √T < t ≤ T"
    ),
    source="this project: a constant seen early, used later; the paper's C only exists",
    setting="head",
    proof="extrapolation of ours",
    assumptions=(SEPARABLE, LONG_RUN),
    rates={"ln ln t/ln t": 1},
    maximum=4,
)
def first_term(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The rate inside the published head-tuning bound, extrapolated: does ln ln t/ln t, fitted
    early, bound the direction error later?
    """
    early, late = early_and_late(evidence.run.steps)
    steps, error = evidence.run.steps, evidence.direction_error_sum
    constant = constants.fit_direction_constant(steps[early], error[early]).value
    bound = constant * np.log(np.log(steps[late])) / np.log(steps[late])
    resolution = evidence.run_resolution[late] + 2 * evidence.limit_resolution.max()
    return (
        Claim(
            measured=error[late],
            bound=bound,
            steps=steps[late],
            resolution=resolution,
            provenance="fitted",
            quantity="direction error of S plus mean over S^i",
        ),
    )


@theorem(
    "H-kkt",
    statement=(
        "‖û_S − û_{S^i}‖ ≤ ν max{√((2/(λn))(1 + B/γ)), (B + √(B² + 8nλ(1 + B/γ)))/(2nλ)} for every"
        " i, λ = 1/(n max_j α_j), ν exact"
    ),
    source=f"{PAPER}, second term; constants certified by this project",
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.N: -0.5, columns.MARGIN: -0.5, columns.RADIUS: 0.5},
    maximum=2,
)
def kkt(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The second term of the published head-tuning bound with certified constants: its limit as t
    grows.
    """
    bound = head.kkt(
        n=evidence.n,
        margin=evidence.margin,
        radius=evidence.radius,
        dual=evidence.separator.dual,
        nu=evidence.nu,
    )
    return (evidence.limit_claim(bound),)


@theorem(
    "H-ratio",
    statement="‖û_S − û_{S^i}‖ ≤ √(2(1 − γ_S/γ_{S^i})) for every i",
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
    statement="‖û_S − û_{S^i}‖ ≤ γ_S √(2 α_i h_i), h_i = max(0, 1 − z_iᵀw_{S^i}), for every i",
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
    "H-dual",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ (1/n) Σ_i γ √(2 α_i (1 + ‖x_i‖/γ))",
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.MARGIN: -0.5, columns.RADIUS: 0.5},
    maximum=2,
)
def dual(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions from the dual variables of one separator."""
    bound = head.dual(margin=evidence.margin, dual=evidence.separator.dual, norms=evidence.norms)
    return (evidence.mean_limit_claim(bound),)


@theorem(
    "H-support",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ √(2 n_sv (1 + B/γ))/n",
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.MARGIN: -0.5, columns.RADIUS: 0.5},
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
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.N: -0.5, columns.MARGIN: -0.5, columns.RADIUS: 0.5},
    maximum=2,
)
def free(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the limit directions from the margin and the radius alone."""
    bound = head.free(n=evidence.n, margin=evidence.margin, radius=evidence.radius)
    return (evidence.mean_limit_claim(bound),)


@theorem(
    "H-trajectory",
    statement=(
        "‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2 η Σ_{s<t} ‖∇F_S(w_S(s)) − ∇F_{S^i}(w_S(s))‖ / (‖w_S(t)‖ +"
        " ‖w_{S^i}(t)‖) for every i and t"
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
        "mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2B/(γn) for every t (4B/(γn) under 1/(n − 1) weights),"
        " start at zero"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={columns.N: -1, columns.MARGIN: -1, columns.RADIUS: 1},
    maximum=2,
)
def anytime(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """Mean instability at every step from n, margin and radius alone."""
    run = evidence.run
    bound = head.anytime(
        n=evidence.n, margin=evidence.margin, radius=evidence.radius, weighting=run.weighting
    )
    return (evidence.mean_run_claim(bound),)


@theorem(
    "H-direction",
    statement=(
        "‖ŵ − û‖ ≤ √(2(1 − γ_w/γ)), γ_w = min_j z_jᵀw/‖w‖, for every head w, tuned on S or on S^i"
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
    source="Soudry et al. 2018, Theorem 4; the onset by this project, docs/head-tuning.md",
    setting="head",
    proof="published",
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
        "mean H-pair ≤ H-dual ≤ H-support ≤ H-free, and mean H-trajectory(t) ≤ H-anytime for"
        " every t"
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
    anytime = np.full_like(trajectory, head.anytime(n=n, margin=margin, radius=radius))
    rungs = (
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
            bound=anytime,
            steps=run.steps,
            resolution=evidence.run_resolution,
            provenance=evidence.run_provenance,
            quantity="H-trajectory ≤ H-anytime",
        ),
    )
