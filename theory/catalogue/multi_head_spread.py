"""The heads never move apart."""

import numpy as np

from theory.assumptions import STABLE_STEP
from theory.settings.multi_head import MultiHeadEvidence, spread_of
from theory.statement import Claim, theorem


@theorem(
    "M-spread",
    statement="√(mean_h ‖w_h(t) − w_H(t)‖²) ≤ √(mean_h ‖w_h(0) − w_H(0)‖²) for every t, w_H the mean of the heads",
    source="this project, docs/multi-head.md",
    setting="multi-head",
    assumptions=(STABLE_STEP,),
)
def spread(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    measured = evidence.spread
    bound = np.full_like(measured, spread_of(evidence.initial))
    rounding = evidence.resolution * (evidence.expected_norm + bound)
    return (Claim(measured, bound, evidence.steps, rounding, "exact", "spread of the heads, in the parameters"),)
