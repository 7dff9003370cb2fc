"""The bound of each sample after T steps from the contraction of one step."""

import numpy as np

from bounds import full
from theory.assumptions import INTERPOLATION
from theory.settings.full_quadratics import EACH, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "F-contraction",
    statement="‖w_S(T) − w_{S^i}(T)‖ ≤ ‖w_0 − w*‖ (q^T − p^T)/κ for every i and T, p = 1 − κ, q = 1 − κ(n − 1)/n",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(INTERPOLATION,),
    rates={"n": -1, "distance": 1},
)
def contraction(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = np.asarray(full.contraction(**evidence.class_size, steps=run.steps, weights=run.weighting))
    return (evidence.claim(run.distance, bound[:, None], EACH),)
