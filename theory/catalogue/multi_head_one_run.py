"""The mean head against the one run that starts at the mean of the starts: no probability, no estimate."""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE, STABLE_STEP
from theory.settings.multi_head import SIZES, MultiHeadEvidence, group_means
from theory.statement import Claim, theorem


@theorem(
    "M-one-run",
    statement="‖ŵ_H(t) − û_S‖ ≤ ‖ŵ_0(t) − û_S‖ + √(2 − 2√(1 − ε²)), ε = mean_h ‖w_h(0)‖/‖w_0(t)‖ < 1, else 2, w_0 from zero",
    source="this project, docs/multi-head.md",
    setting="multi-head",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def one_run(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    norm = np.linalg.norm(evidence.mean_start, axis=-1)[:, None]
    distance = np.linalg.norm(evidence.initial, axis=-1, keepdims=True)
    bounds = {}
    for size in SIZES:
        reach = group_means(distance, size)[:, 0]
        bounds[size] = evidence.mean_start_error[:, None] + head.chord(
            drift=np.broadcast_to(reach, (len(norm), len(reach))), norm=np.broadcast_to(norm, (len(norm), len(reach)))
        )
    return evidence.error_claims(bounds, "exact")
