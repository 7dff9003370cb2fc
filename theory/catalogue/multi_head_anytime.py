"""Mean instability of the mean head at every step: the same bound as for one head, whatever H is."""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE, STABLE_STEP
from theory.settings.multi_head import INSTABILITY, MultiHeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "M-anytime",
    statement="mean_i ‖ŵ_H(t) − ŵ_H^i(t)‖ ≤ (2B/(γn)) ⟨w_H(t) − w_H(0), û_S⟩/‖w_H(t)‖ for every t and H (4B/(γn) under 1/(n − 1) weights)",
    source="this project, docs/multi-head.md",
    setting="multi-head",
    assumptions=(SEPARABLE, STABLE_STEP),
    maximum=2,
)
def anytime(evidence: MultiHeadEvidence) -> tuple[Claim, ...]:
    claims = []
    for size in evidence.left_out_sizes:
        measured = evidence.instability(size)
        groups = evidence.groups(size)[:, : measured.shape[1]]
        moved = groups - evidence.initial_groups(size)[: measured.shape[1]]
        progress = moved @ evidence.separator.direction / np.linalg.norm(groups, axis=-1)
        bound = head.anytime(
            n=evidence.n,
            margin=evidence.margin,
            radius=evidence.starts.data.radius,
            progress=np.maximum(progress, 0.0),
            weights=evidence.weighting,
        )
        claims.append(Claim(measured, bound, evidence.steps, evidence.resolution, "exact", INSTABILITY.format(size)))
    return tuple(claims)
