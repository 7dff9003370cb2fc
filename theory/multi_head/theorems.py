"""Theorems on the mean of many heads: as published, on the random part, and what averaging
brings.
"""

from __future__ import annotations

import numpy as np

from tunebound.bounds import head, multi_head
from tunebound.theory.engine.assumptions import SEPARABLE, STABLE_STEP
from tunebound.theory.engine.statement import A_POSTERIORI, Claim, theorem
from tunebound.theory.multi_head.evidence import (
    FAILURE,
    INSTABILITY,
    SIZES,
    MultiHeadEvidence,
    group_means,
    spread_of,
)
from tunebound.theory.multi_head.starts import TESTED


# The published multi-head bound, as stated.
@theorem(
    "P-Multi",
    statement=(
        "for H > 2 + 8 ln(1/δ), with probability 1 − δ, mean_i ‖û_S(t) − û_{S^i}(t)‖ ≤ √((2 + 8"
        " ln(1/δ))/H) C ξ ln ln t/ln t + ν max{√((2/(λn))(1 + B/γ)), (B + √(B² + 8nλ(1 +"
        " B/γ)))/(2nλ)} for some constants C, ξ, λ, ν"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat u_S(t)-\hat u_{S^i}(t)\rVert\le\sqrt{\frac{2+8\ln(1/"
        r"\delta)}H}\,C\,\xi\,\frac{\ln\ln t}{\ln t}+\nu\max\left\{\sqrt{\tfrac{2}{\lambda n}\bigl"
        r"(1+\tfrac B\gamma\bigr)},\; \tfrac{B+\sqrt{B^2+8n\lambda(1+B/\gamma)}}{2n\lambda}\right\}"
    ),
    source="Fu, So & Collier, arXiv:2301.09820, multi-head loss",
    setting="multi-head",
    proof="published",
    domain=(
        "true with λ = γ², ν = γ, ξ the spread of the starts and a C of the data and the starts,"
        " for starts of mean zero that are the same on S and S^i: docs/multi-head.md, section 6"
    ),
    assumptions=(SEPARABLE,),
    free_constants=("C", "ξ", "λ", "ν"),
    maximum=2,
)
def published(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """Without values for its constants the statement claims nothing of any data set."""
    return ()


DELTA = 0.05
# the first size P-Multi speaks of
FITTED = next(size for size in SIZES if size >= multi_head.heads_needed(delta=DELTA))


@theorem(
    "M-scaling",
    statement=(
        f"‖ŵ_H(t) − û_S‖ ≤ √({FITTED}/H) max ‖ŵ_{FITTED}(t) − û_S‖ for H > {FITTED}, the maximum"
        f" over disjoint groups of {FITTED} other heads, the fewest here that P-Multi allows for δ"
        f" = {DELTA}"
    ),
    formula=(
        r"\lVert\hat w_H(t)-\hat u_S\rVert\le\sqrt{64/H}\;\max\lVert\hat w_{64}(t)-\hat u_S\rVert,"
        r"\quad H>64"
    ),
    source=(
        "this project: a step on the way to P-Multi, that the whole direction error falls like"
        " 1/√H; the theorem itself bounds another distance"
    ),
    setting="multi-head",
    proof="fitted",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def scaling(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """A step on the way to P-Multi: does the whole direction error fall like 1/√H?"""
    groups = group_means(evidence.estimating, FITTED)
    seen = evidence.direction_error(groups).max(axis=1, keepdims=True)
    return evidence.error_claims(
        {size: seen * np.sqrt(FITTED / size) for size in SIZES if size > FITTED}, "fitted"
    )


# The mean of H heads approaches its expectation like 1/√H, in the parameters.
@theorem(
    "M-expectation",
    statement=(
        "with probability 1 − δ, √(mean_g ‖w_{H,g}(t) − E w(t)‖²) ≤ σ(√d + √(2 ln(1/δ)/G))/√H over"
        " G disjoint groups of H heads, starts N(0, σ²I), δ = 1e-9"
    ),
    formula=(
        r"\sqrt{\operatorname*{mean}_g\lVert w_{H,g}(t)-\mathbb E\,w(t)\rVert^2}\le\frac{\sigma"
        r"\bigl(\sqrt d+\sqrt{2\ln(1/\delta)/G}\bigr)}{\sqrt H}"
    ),
    source="this project, docs/multi-head.md",
    setting="multi-head",
    proof="proved here",
    assumptions=(STABLE_STEP,),
)
def expectation(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """The mean of the groups stands in for the expectation; no point is nearer to them in the mean
    square.
    """
    claims = []
    centre = evidence.tested.mean(axis=1, keepdims=True)
    for size in SIZES:
        groups = evidence.groups(size)
        measured = np.sqrt(((groups - centre) ** 2).sum(axis=-1).mean(axis=-1))
        bound = np.full_like(measured, evidence.concentration(size, groups=groups.shape[1]))
        rounding = evidence.resolution * (evidence.expected_norm + bound)
        claims.append(
            Claim(
                measured=measured,
                bound=bound,
                steps=evidence.steps,
                resolution=rounding,
                provenance="exact",
                quantity=f"distance from the expected head, H = {size}",
            )
        )
    return tuple(claims)


@theorem(
    "M-spread",
    statement=(
        "√(mean_h ‖w_h(t) − w_H(t)‖²) ≤ √(mean_h ‖w_h(0) − w_H(0)‖²) for every t, w_H the mean of"
        " the heads"
    ),
    formula=(
        r"\sqrt{\operatorname*{mean}_h\lVert w_h(t)-w_H(t)\rVert^2}\le\sqrt{\operatorname*{mean}_h"
        r"\lVert w_h(0)-w_H(0)\rVert^2}"
    ),
    source="this project, docs/multi-head.md",
    setting="multi-head",
    proof="proved here",
    assumptions=(STABLE_STEP,),
)
def spread(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """The heads never move apart."""
    measured = spread_of(evidence.heads)
    bound = np.full_like(measured, spread_of(evidence.initial))
    rounding = evidence.resolution * (evidence.expected_norm + bound)
    return (
        Claim(
            measured=measured,
            bound=bound,
            steps=evidence.steps,
            resolution=rounding,
            provenance="exact",
            quantity="spread of the heads, in the parameters",
        ),
    )


@theorem(
    "M-refined",
    statement=(
        "with probability 1 − δ, ‖ŵ_H(t) − û_S‖ ≤ ‖E w(t)/‖E w(t)‖ − û_S‖ + (2σ√d/‖E w(t)‖) √((2 +"
        " 8 ln(1/δ))/H), starts N(0, σ²I), δ = 1e-9"
    ),
    formula=(
        r"\lVert\hat w_H(t)-\hat u_S\rVert\le\left\lVert\frac{\mathbb E\,w(t)}{\lVert\mathbb E\,w("
        r"t)\rVert}-\hat u_S\right\rVert+\frac{2\sigma\sqrt d}{\lVert\mathbb E\,w(t)\rVert}\sqrt{"
        r"\frac{2+8\ln(1/\delta)}H}"
    ),
    source="this project, docs/multi-head.md",
    setting="multi-head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def refined(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """Common bias and spread apart: only the spread falls like 1/√H."""
    known = evidence.certified_norm > 0  # elsewhere nothing but the trivial bound is left
    spread = 2 * evidence.start_spread / np.where(known, evidence.certified_norm, 1.0)
    bounds = {}
    for size in SIZES:
        bound = multi_head.refined(
            bias=evidence.certified_bias, spread=spread, heads=size, delta=FAILURE
        )
        bounds[size] = np.where(known, bound, 2.0)[:, None]
    return evidence.error_claims(bounds, "estimated")


@theorem(
    "M-sharp",
    statement=(
        "with probability 1 − δ, ‖ŵ_H(t) − û_S‖ ≤ ‖E w(t)/‖E w(t)‖ − û_S‖ + √(2 − 2√(1 − ε²)), "
        "ε = σ(√d + √(2 ln(1/δ)))/(√H ‖E w(t)‖) < 1, else 2, starts N(0, σ²I), δ = 1e-9"
    ),
    formula=(
        r"\lVert\hat w_H(t)-\hat u_S\rVert\le\left\lVert\frac{\mathbb E\,w(t)}{\lVert\mathbb E\,w("
        r"t)\rVert}-\hat u_S\right\rVert+\sqrt{2-2\sqrt{1-\varepsilon^2}},\quad\varepsilon=\frac{"
        r"\sigma\bigl(\sqrt d+\sqrt{2\ln(1/\delta)}\bigr)}{\sqrt H\,\lVert\mathbb E\,w(t)\rVert}<1"
    ),
    source="this project, docs/multi-head.md",
    setting="multi-head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def sharp(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """The refined statement with the constants of Gaussian concentration, and the chord instead of
    its tangent.
    """
    known = evidence.certified_norm > 0  # elsewhere nothing but the trivial bound is left
    norm = np.where(known, evidence.certified_norm, 1.0)
    bounds = {}
    for size in SIZES:
        bound = evidence.certified_bias + head.chord(drift=evidence.concentration(size), norm=norm)
        bounds[size] = np.where(known, bound, 2.0)[:, None]
    return evidence.error_claims(bounds, "estimated")


@theorem(
    "M-mean-start",
    statement=(
        "M-sharp with ‖ŵ_0(t) − û_S‖, w_0 the head that starts at 0 = E w(0), as the common bias,"
        " and with the heads' spread at t"
    ),
    formula=(
        r"\lVert\hat w_H(t)-\hat u_S\rVert\le\lVert\hat w_0(t)-\hat u_S\rVert+\sqrt{2-2\sqrt{1-"
        r"\varepsilon^2}},\quad w_0\text{ from }0=\mathbb E\,w(0)"
    ),
    source=(
        "a conjecture that docs/multi-head.md refutes: tuning is not linear, so E w(t) is not the"
        " run from E w(0)"
    ),
    setting="multi-head",
    proof="conjecture",
    domain=(
        "false for enough heads: on two samples with σ = 20, t = 1,000 the expected head is at"
        " 0.245 from the separator and the head from zero at 0.077"
    ),
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def mean_start(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """Does the run from the mean of the starts stand in for the expected head?"""
    bounds = {}
    for size in SIZES:
        random = head.chord(
            drift=evidence.concentration(size, spread=evidence.spread), norm=evidence.expected_norm
        )
        bounds[size] = np.asarray(evidence.mean_start_error + random)[:, None]
    return evidence.error_claims(bounds, "estimated")


@theorem(
    "M-one-run",
    statement=(
        "‖ŵ_H(t) − û_S‖ ≤ ‖ŵ_0(t) − û_S‖ + √(2 − 2√(1 − ε²)), ε = mean_h ‖w_h(0)‖/‖w_0(t)‖ < 1,"
        " else 2, w_0 from zero"
    ),
    formula=(
        r"\lVert\hat w_H(t)-\hat u_S\rVert\le\lVert\hat w_0(t)-\hat u_S\rVert+\sqrt{2-2\sqrt{1-"
        r"\varepsilon^2}},\quad\varepsilon=\frac{\operatorname{mean}_h\lVert w_h(0)\rVert}{\lVert "
        r"w_0(t)\rVert}<1"
    ),
    source="this project, docs/multi-head.md",
    setting="multi-head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def one_run(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """The mean head against the one run that starts at the mean of the starts: no probability, no
    estimate.
    """
    norm = np.linalg.norm(evidence.mean_start, axis=-1)[:, None]
    distance = np.linalg.norm(evidence.initial[:TESTED], axis=-1, keepdims=True)
    bounds = {}
    for size in SIZES:
        reach = group_means(distance, size)[:, 0]
        bounds[size] = evidence.mean_start_error[:, None] + head.chord(
            drift=np.broadcast_to(reach, (len(norm), len(reach))),
            norm=np.broadcast_to(norm, (len(norm), len(reach))),
        )
    return evidence.error_claims(bounds, "exact")


@theorem(
    "M-anytime",
    statement=(
        "mean_i ‖ŵ_H(t) − ŵ_H^i(t)‖ ≤ (2B/(γn)) ⟨w_H(t) − w_H(0), û_S⟩/‖w_H(t)‖ for every t and H"
        " (4B/(γn) under 1/(n − 1) weights)"
    ),
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_H(t)-\hat w^i_H(t)\rVert\le\frac{2B}{\gamma n}\cdot"
        r"\frac{\langle w_H(t)-w_H(0),\hat u_S\rangle}{\lVert w_H(t)\rVert}"
    ),
    source="this project, docs/multi-head.md",
    setting="multi-head",
    proof="proved here",
    kind=A_POSTERIORI,
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def anytime(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """Mean instability of the mean head at every step: the same bound as for one head, whatever H
    is.
    """
    claims = []
    for size in evidence.left_out_sizes:
        measured = evidence.instability(size)
        groups = evidence.groups(size)[:, : measured.shape[1]]
        moved = groups - evidence.initial_groups(size)[: measured.shape[1]]
        progress = moved @ evidence.separator.direction / np.linalg.norm(groups, axis=-1)
        bound = head.anytime_plain(
            n=evidence.n,
            margin=evidence.margin,
            radius=evidence.starts.data.radius,
            progress=np.maximum(progress, 0.0),
            weighting=evidence.weighting,
        )
        claims.append(
            Claim(
                measured=measured,
                bound=bound,
                steps=evidence.steps,
                resolution=evidence.resolution,
                provenance="exact",
                quantity=INSTABILITY.format(size),
            )
        )
    return tuple(claims)
