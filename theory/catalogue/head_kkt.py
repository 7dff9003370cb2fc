"""The second term of the published head-tuning bound with certified constants: its limit as t grows."""

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence, limit_claim
from theory.statement import Claim, theorem


@theorem(
    "H-kkt",
    statement="‖û_S − û_{S^i}‖ ≤ ν max{√((2/(λn))(1 + B/γ)), (B + √(B² + 8nλ(1 + B/γ)))/(2nλ)} for every i, λ = 1/(n max_j α_j), ν exact",
    source="Fu, So & Collier, arXiv:2301.09820, second term; constants certified by this project",
    setting="head",
    assumptions=(SEPARABLE,),
    rates={"n": -0.5, "margin": -0.5, "radius": 0.5},
    maximum=2,
)
def kkt(evidence: HeadEvidence) -> tuple[Claim, ...]:
    bound = head.kkt(n=evidence.n, margin=evidence.margin, radius=evidence.radius, dual=evidence.separator.dual, nu=evidence.nu)
    return (limit_claim(evidence, bound),)
