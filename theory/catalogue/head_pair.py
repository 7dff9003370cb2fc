"""Instability of the limit directions from the dual variable of the left-out sample and its hinge loss."""

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence, limit_claim
from theory.statement import Claim, theorem


@theorem(
    "H-pair",
    statement="‖û_S − û_{S^i}‖ ≤ γ_S √(2 α_i h_i), h_i = max(0, 1 − z_iᵀw_{S^i}), for every i",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def pair(evidence: HeadEvidence) -> tuple[Claim, ...]:
    bound = head.pair(margin=evidence.margin, dual=evidence.separator.dual, hinge=evidence.left_out.hinge)
    return (limit_claim(evidence, bound),)
