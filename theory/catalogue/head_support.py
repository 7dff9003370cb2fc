"""Mean instability of the limit directions from the number of support vectors."""

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence, mean_limit_claim
from theory.statement import Claim, theorem


@theorem(
    "H-support",
    statement="mean_i ‖û_S − û_{S^i}‖ ≤ √(2 n_sv (1 + B/γ))/n",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE,),
    rates={"margin": -0.5, "radius": 0.5},
    maximum=2,
)
def support(evidence: HeadEvidence) -> tuple[Claim, ...]:
    bound = head.support(n=evidence.n, margin=evidence.margin, radius=evidence.radius, n_support=len(evidence.separator.support))
    return (mean_limit_claim(evidence, bound),)
