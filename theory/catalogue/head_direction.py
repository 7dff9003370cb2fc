"""How far a head is from the maximum-margin direction, from its normalised margin."""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE
from theory.settings.head import ERROR, HeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "H-direction",
    statement="‖ŵ − û‖ ≤ √(2(1 − γ_w/γ)), γ_w = min_j z_jᵀw/‖w‖, for every head w, tuned on S or on S^i",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE,),
    maximum=2,
)
def direction(evidence: HeadEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    measured = np.asarray(run.direction_error)
    bound = np.asarray(head.direction(margin=evidence.margins, head_margin=run.margin))
    resolution = evidence.run_resolution + evidence.limit_resolution.max()
    return (
        Claim(measured[:, :1], bound[:, :1], run.steps, resolution, "exact", ERROR),
        Claim(measured[:, 1:], bound[:, 1:], run.steps, resolution, "exact", "direction error of the left-out heads at step t"),
    )
