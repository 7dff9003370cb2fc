"""Mean instability of the limit directions from the margin and the radius alone."""

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence, mean_limit_claim
from theory.statement import Claim, theorem


@theorem(
    "H-free",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ √(2(1 + B/γ)/n)",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE,),
    rates={"n": -0.5, "margin": -0.5, "radius": 0.5},
    maximum=2,
)
def free(evidence: HeadEvidence) -> tuple[Claim, ...]:
    bound = head.free(n=evidence.n, margin=evidence.margin, radius=evidence.radius)
    return (mean_limit_claim(evidence, bound),)
