"""Does the run from the mean of the starts stand in for the expected head?"""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE, STABLE_STEP
from theory.settings.multi_head import SIZES, MultiHeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "M-mean-start",
    statement="M-sharp with ‖ŵ_0(t) − û_S‖, w_0 the head that starts at 0 = E w(0), as the common bias, and with the heads' spread at t",
    source="a conjecture that docs/multi-head.md refutes: tuning is not linear, so E w(t) is not the run from E w(0)",
    setting="multi-head",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def mean_start(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    bounds = {}
    for size in SIZES:
        random = head.chord(drift=evidence.concentration(size, spread=evidence.spread), norm=evidence.expected_norm)
        bounds[size] = np.asarray(evidence.mean_start_error + random)[:, None]
    return evidence.error_claims(bounds, "estimated")
