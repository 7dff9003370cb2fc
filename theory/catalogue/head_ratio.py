"""Instability of the limit directions from the two margins."""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence, limit_claim
from theory.statement import Claim, theorem


@theorem(
    "H-ratio",
    statement="‖û_S − û_{S^i}‖ ≤ √(2(1 − γ_S/γ_{S^i})) for every i",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def ratio(evidence: HeadEvidence) -> tuple[Claim, ...]:
    # Each margin is known to half its duality gap, and rounding can put γ_{S^i} a hair below γ_S.
    margins = np.maximum(evidence.left_out.margins, evidence.margin)
    bound = head.ratio(margin=evidence.margin, left_out_margins=margins)
    return (limit_claim(evidence, bound),)
