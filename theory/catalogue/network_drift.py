"""Does the drift of convex losses bound a network's instability too? Proved for non-expansive steps, conjectured here."""

import numpy as np

from theory.assumptions import REMAINING_WEIGHTS
from theory.settings.full_network import NetworkEvidence
from theory.statement import Claim, theorem


@theorem(
    "N-drift",
    statement="‖w_S(T) − w_{S^i}(T)‖ ≤ (η/n) Σ_{t<T} ‖∇f_i(w_S(t))‖ for every i and T, although the loss is not convex",
    source="a conjecture: proved in docs/full-tuning.md only where the gradient steps do not expand",
    setting="full-network",
    assumptions=(REMAINING_WEIGHTS,),
    rates={"n": -1, "distance": 0.5},
)
def drift(evidence: NetworkEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    total = np.cumsum(run.gradient_norms, axis=0)[run.steps - 1]
    bound = run.learning_rate / evidence.n * total
    quantity = "distance of the parameters of each sample at step t"
    return (Claim(run.distance, bound, run.steps, evidence.resolution, "exact", quantity),)
