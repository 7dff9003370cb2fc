"""Theorems on regularised heads; 1/λ stands where a run has its number of steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound.bounds import regularised
from tunebound.theory.engine.statement import PROVED, Assumption, Claim, theorem
from tunebound.theory.regularised_heads.evidence import AtStrength, RegularisedEvidence

SOURCE = "this project, docs/regularised-heads.md"
SETTING = "regularised-heads"
SEPARABLE = Assumption(
    "the data are separable by a hyperplane through the origin",
    lambda evidence: evidence.data.margin is not None,
)


def _claim(
    at: AtStrength,
    measured: ArrayLike,
    bound: ArrayLike,
    resolution: ArrayLike,
    quantity: str,
    nearness: ArrayLike | None = None,
) -> Claim:
    """A claim at one strength, of any number of quantities bounded one by one."""

    def row(values: ArrayLike) -> np.ndarray:
        return np.asarray(values, dtype=np.float64).reshape(1, -1)

    return Claim(
        measured=row(measured),
        bound=row(bound),
        steps=1 / at.strength,
        resolution=row(resolution),
        provenance="exact",
        quantity=quantity,
        nearness=nearness,
    )


@theorem(
    "L-ball",
    statement=(
        "‖w_S − w_{S^i}‖ ≤ c_i‖x_i‖, c_i = p_i/(nλ), for every i and λ > 0; sign x·w_S = sign"
        " x·w_{S^i} where |x·w_S| > ½c_i(‖x‖‖x_i‖ + s x·z_i), s = sign x·w_S"
    ),
    formula=r"\lVert w_S-w_{S^i}\rVert\le c_i\lVert x_i\rVert,\quad c_i=\frac{p_i}{n\lambda}",
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
)
def ball(evidence: RegularisedEvidence) -> tuple[Claim, ...]:
    """Where the left-out minimiser can be at all, and which predictions it cannot change."""
    return tuple(
        claim
        for at in evidence.at
        for claim in (
            _claim(
                at,
                np.linalg.norm(at.moved, axis=1),
                at.ball,
                at.open_distance,
                "distance of the minimisers of each sample",
            ),
            _claim(
                at,
                at.flips,
                ~at.by_ball,
                at.undecided,
                "share of (point, sample) pairs that flip",
                at.nearness_to_flips,
            ),
        )
    )


@theorem(
    "L-newton",
    statement=(
        "for every i with τ_i < 1: max_{j≠i}|x_j·(w_S − w_{S^i})| ≤ R_i = −ln(1 − τ_i), ‖w_{S^i} −"
        " ŵ_i‖_{H_i} ≤ (R_i/τ_i − 1)‖g_i‖_{H_i⁻¹}, ŵ_i one Newton step from w_S; and |x·(w_{S^i} −"
        " ŵ_i)| ≤ ‖x‖_{H_i⁻¹} times that"
    ),
    formula=(
        r"\max_{j\ne i}|x_j^\top(w_S-w_{S^i})|\le R_i=-\ln(1-\tau_i),\quad\lVert w_{S^i}-\hat w_i"
        r"\rVert_{H_i}\le\Bigl(\frac{R_i}{\tau_i}-1\Bigr)\lVert g_i\rVert_{H_i^{-1}}"
    ),
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
)
def newton(evidence: RegularisedEvidence) -> tuple[Claim, ...]:
    """Every left-out minimiser from one factorisation, with the error of each and of each
    prediction.
    """
    claims = []
    for at in evidence.at:
        kept, approximation, radius = at.certified, at.approximation, evidence.data.radius
        if not kept.any():
            continue
        left_open = at.heads.error[1:][kept]
        values, errors = approximation.predict(at.points)
        exact = at.points @ at.heads.weights[1:].T
        sizes = np.linalg.norm(at.points, axis=1)[:, None]
        claims += [
            _claim(
                at,
                at.reach[kept],
                approximation.reach[kept],
                radius * left_open,
                "largest change of an activity",
            ),
            _claim(
                at,
                at.approximation_error[kept],
                approximation.error[kept],
                np.sqrt(at.largest_curvature) * left_open,
                "error of the Newton step, in the norm of the Hessian",
            ),
            _claim(
                at,
                np.abs(exact - values)[:, kept],
                errors[:, kept],
                sizes * left_open,
                "error of each prediction",
            ),
        ]
    return tuple(claims)


@theorem(
    "L-path",
    statement=(
        "mean_i ‖w_S/‖w_S‖ − w_{S^i}/‖w_{S^i}‖‖ ≤ min(C(ρ)ρ, (4ρ + 2)/3)/n for every λ > 0, ρ = B/γ"
    ),
    formula=(
        r"\operatorname*{mean}_i\left\lVert\frac{w_S}{\lVert w_S\rVert}-\frac{w_{S^i}}{\lVert w_{S"
        r"^i}\rVert}\right\rVert\le\frac1n\min\Bigl(C(\rho)\rho,\frac{4\rho+2}3\Bigr),\quad\rho=B/"
        r"\gamma"
    ),
    source=SOURCE,
    setting=SETTING,
    proof=PROVED,
    assumptions=(SEPARABLE,),
    maximum=2,
)
def path(evidence: RegularisedEvidence) -> tuple[Claim, ...]:
    """Mean instability of the direction along the whole path of the penalty, from n, margin and
    radius alone.
    """
    data = evidence.data
    assert data.margin is not None
    bound = regularised.path(n=data.n, margin=data.margin, radius=data.radius)
    return tuple(
        _claim(
            at,
            at.direction_distance.mean(),
            bound,
            at.open_direction.mean(),
            "mean distance of unit directions",
        )
        for at in evidence.at
    )
