"""The published head-tuning bound with a certified λ, an exact ν, and C fitted on early steps, tested on late ones."""

from bounds import constants, head
from theory.assumptions import LONG_RUN, SEPARABLE
from theory.settings.head import HeadEvidence, early_and_late
from theory.statement import Claim, theorem


@theorem(
    "P-Head-fitted",
    statement="the bound of P-Head with λ = 1/(n max_j α_j), ν = max_i ‖û_S − û_{S^i}‖/‖w_S − w_{S^i}‖ "
    "and C fitted on e^e ≤ t ≤ √T, for √T < t ≤ T",
    source="Fu, So & Collier, arXiv:2301.09820, head tuning; constants by this project",
    setting="head",
    assumptions=(SEPARABLE, LONG_RUN),
    rates={"n": -0.5, "margin": -0.5, "radius": 0.5, "ln ln t/ln t": 1},
    maximum=2,
)
def published_fitted(evidence: HeadEvidence) -> tuple[Claim, ...]:
    early, late = early_and_late(evidence.run.steps)
    error = evidence.direction_error_sum
    bound = head.published(
        n=evidence.n,
        margin=evidence.margin,
        radius=evidence.radius,
        steps=evidence.run.steps[late],
        C=constants.fit_direction_constant(evidence.run.steps[early], error[early]).value,
        lam=constants.kkt_lambda(evidence.separator).value,
        nu=evidence.nu,
    )
    measured = evidence.run.direction_distance[late].mean(axis=1)
    return (Claim(measured, bound, evidence.run.steps[late], evidence.run_resolution[late], "fitted", "mean instability at step t"),)
