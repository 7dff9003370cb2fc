"""Theorems on the published bound for heads: as stated, with certified constants, with fitted."""

from __future__ import annotations

import numpy as np

from tunebound.bounds import constants, head
from tunebound.theory.engine.assumptions import (
    LONG_RUN,
    PUBLISHED_STEP,
    SEPARABLE,
    STABLE_STEP,
)
from tunebound.theory.engine.statement import Claim, theorem
from tunebound.theory.head import columns
from tunebound.theory.head.evidence import MEAN_INSTABILITY, HeadEvidence, early_and_late

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
    formula=(
        r"\operatorname*{mean}_i\lVert\hat u_S(t)-\hat u_{S^i}(t)\rVert\le C\,\frac{\ln\ln t}{\ln "
        r"t}+\nu\max\left\{\sqrt{\tfrac{2}{\lambda n}\bigl(1+\tfrac B\gamma\bigr)},\; \tfrac{B+"
        r"\sqrt{B^2+8n\lambda(1+B/\gamma)}}{2n\lambda}\right\}"
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
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le \nu\max\left\{\sqrt{"
        r"\tfrac{2}{\lambda n}\bigl(1+\tfrac B\gamma\bigr)},\; \tfrac{B+\sqrt{B^2+8n\lambda(1+B/"
        r"\gamma)}}{2n\lambda}\right\},\quad\lambda=\gamma^2,\;\nu=\gamma"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={columns.N: -0.5, columns.RADIUS_OVER_MARGIN: 0.5},
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
    formula=(
        r"\operatorname*{mean}_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le C\,\frac{\ln\ln t}{\ln "
        r"t}+\nu\max\left\{\sqrt{\tfrac{2}{\lambda n}\bigl(1+\tfrac B\gamma\bigr)},\; \tfrac{B+"
        r"\sqrt{B^2+8n\lambda(1+B/\gamma)}}{2n\lambda}\right\},\quad\lambda=\gamma^2,\;\nu=\gamma,"
        r"\;C\text{ fitted}"
    ),
    source=f"{PAPER}, head tuning; constants by this project",
    setting="head",
    proof="fitted",
    assumptions=(SEPARABLE, PUBLISHED_STEP, LONG_RUN),
    rates={columns.N: -0.5, columns.RADIUS_OVER_MARGIN: 0.5, "ln ln t/ln t": 1},
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
    formula=(
        r"\lVert\hat w_S(t)-\hat u_S\rVert+\operatorname*{mean}_i\lVert\hat w_{S^i}(t)-\hat u_{S^i"
        r"}\rVert\le C\,\frac{\ln\ln t}{\ln t},\quad C\text{ fitted}"
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
    formula=(
        r"\lVert\hat u_S-\hat u_{S^i}\rVert\le \nu\max\left\{\sqrt{\tfrac{2}{\lambda n}\bigl(1+"
        r"\tfrac B\gamma\bigr)},\; \tfrac{B+\sqrt{B^2+8n\lambda(1+B/\gamma)}}{2n\lambda}\right\},"
        r"\quad\lambda=\frac1{n\max_j\alpha_j}"
    ),
    source=f"{PAPER}, second term; constants certified by this project",
    setting="head",
    proof="proved here",
    assumptions=(SEPARABLE,),
    rates={columns.N: -0.5, columns.RADIUS_OVER_MARGIN: 0.5},
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
