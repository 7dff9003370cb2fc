"""Mean instability of the limit directions from the dual variables of one separator."""

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence, mean_limit_claim
from theory.statement import Claim, theorem


@theorem(
    "H-dual",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ (1/n) Σ_i γ √(2 α_i (1 + ‖x_i‖/γ))",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE,),
    rates={"margin": -0.5, "radius": 0.5},
    maximum=2,
)
def dual(evidence: HeadEvidence) -> tuple[Claim, ...]:
    bound = head.dual(margin=evidence.margin, dual=evidence.separator.dual, norms=evidence.norms)
    return (mean_limit_claim(evidence, bound),)
