"""Common bias and spread apart: only the spread falls like 1/√H."""

import numpy as np

from bounds import multi_head
from theory.assumptions import SEPARABLE, STABLE_STEP
from theory.settings.multi_head import FAILURE, SIZES, MultiHeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "M-refined",
    statement="with probability 1 − δ, ‖ŵ_H(t) − û_S‖ ≤ ‖E w(t)/‖E w(t)‖ − û_S‖ + (2σ√d/‖E w(t)‖) √((2 + 8 ln(1/δ))/H), starts N(0, σ²I), "
    "δ = 1e-9",
    source="this project, docs/multi-head.md",
    setting="multi-head",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def refined(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    known = evidence.certified_norm > 0  # elsewhere nothing but the trivial bound is left
    spread = 2 * evidence.start_spread / np.where(known, evidence.certified_norm, 1.0)
    bounds = {}
    for size in SIZES:
        bound = multi_head.refined(bias=evidence.certified_bias, spread=spread, heads=size, delta=FAILURE)
        bounds[size] = np.where(known, bound, 2.0)[:, None]
    return evidence.error_claims(bounds, "estimated")
