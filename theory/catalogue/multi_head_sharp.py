"""The refined statement with the constants of Gaussian concentration, and the chord instead of its tangent."""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE, STABLE_STEP
from theory.settings.multi_head import SIZES, MultiHeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "M-sharp",
    statement="with probability 1 − δ, ‖ŵ_H(t) − û_S‖ ≤ ‖E w(t)/‖E w(t)‖ − û_S‖ + √(2 − 2√(1 − ε²)), "
    "ε = σ(√d + √(2 ln(1/δ)))/(√H ‖E w(t)‖) < 1, else 2, starts N(0, σ²I), δ = 1e-9",
    source="this project, docs/multi-head.md",
    setting="multi-head",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def sharp(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    known = evidence.certified_norm > 0  # elsewhere nothing but the trivial bound is left
    norm = np.where(known, evidence.certified_norm, 1.0)
    bounds = {}
    for size in SIZES:
        bound = evidence.certified_bias + head.chord(drift=evidence.concentration(size), norm=norm)
        bounds[size] = np.where(known, bound, 2.0)[:, None]
    return evidence.error_claims(bounds, "estimated")
