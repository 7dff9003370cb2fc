"""What P-Multi says of the number of heads: the whole direction error falls like 1/√H."""

import numpy as np

from bounds import multi_head
from theory.assumptions import SEPARABLE
from theory.settings.multi_head import SIZES, MultiHeadEvidence
from theory.statement import Claim, theorem

DELTA = 0.05
FITTED = next(size for size in SIZES if size >= multi_head.heads_needed(delta=DELTA))  # the first size P-Multi speaks of


@theorem(
    "P-Multi-scaling",
    statement=f"‖ŵ_H(t) − û_S‖ ≤ √({FITTED}/H) max ‖ŵ_{FITTED}(t) − û_S‖ for H > {FITTED}, the maximum over disjoint groups of "
    f"{FITTED} heads, the fewest here that P-Multi allows for δ = {DELTA}",
    source="Fu, So & Collier, arXiv:2301.09820, multi-head loss: the factor √((2 + 8 ln(1/δ))/H) of the whole first term; fitted here",
    setting="multi-head",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def scaling(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    seen = evidence.error(FITTED).max(axis=1, keepdims=True)
    return evidence.error_claims({size: seen * np.sqrt(FITTED / size) for size in SIZES if size > FITTED}, "fitted")
