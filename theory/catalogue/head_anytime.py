"""Mean instability at every step from n, margin and radius alone."""

import numpy as np

from bounds import head
from theory.assumptions import SEPARABLE, STABLE_STEP
from theory.settings.head import MEAN_INSTABILITY, HeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "H-anytime",
    statement="mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2B/(γn) for every t (4B/(γn) under 1/(n − 1) weights), start at zero",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE, STABLE_STEP),
    rates={"n": -1, "margin": -1, "radius": 1},
    maximum=2,
)
def anytime(evidence: HeadEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = head.anytime(n=evidence.n, margin=evidence.margin, radius=evidence.radius, weights=run.weighting)
    measured = run.direction_distance.mean(axis=1)
    return (Claim(measured, np.full_like(measured, bound), run.steps, evidence.run_resolution, "exact", MEAN_INSTABILITY),)
