"""The mean of H heads approaches its expectation like 1/√H, in the parameters."""

import numpy as np

from theory.assumptions import STABLE_STEP
from theory.settings.multi_head import SIZES, MultiHeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "M-expectation",
    statement="with probability 1 − δ, √(mean_g ‖w_{H,g}(t) − E w(t)‖²) ≤ σ(√d + √(2 ln(1/δ)/G))/√H over G disjoint groups of H heads, "
    "starts N(0, σ²I), δ = 1e-9",
    source="this project, docs/multi-head.md",
    setting="multi-head",
    assumptions=(STABLE_STEP,),
)
def expectation(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    """The mean of all heads stands in for the expectation; no point is nearer to the groups in the mean square."""
    claims = []
    for size in SIZES[:-1]:
        groups = evidence.groups(size)
        measured = np.sqrt(((groups - evidence.expected[:, None]) ** 2).sum(axis=-1).mean(axis=-1))
        bound = np.full_like(measured, evidence.concentration(size, groups=groups.shape[1]))
        rounding = evidence.resolution * (evidence.expected_norm + bound)
        claims.append(Claim(measured, bound, evidence.steps, rounding, "exact", f"distance from the expected head, H = {size}"))
    return tuple(claims)
