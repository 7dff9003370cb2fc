"""What smoothness alone promises of a network: differences may grow by 1 + ηβ a step."""

import numpy as np

from theory.assumptions import REMAINING_WEIGHTS
from theory.settings.full_network import NetworkEvidence
from theory.statement import Claim, theorem

LONGEST = 100  # (1 + ηβ)^T leaves float64 at T = 1024 and any meaning long before


@theorem(
    "N-growth",
    statement="‖w_S(T) − w_{S^i}(T)‖ ≤ (η/n) Σ_{t<T} (1 + ηβ)^{T−1−t} ‖∇f_i(w_S(t))‖ for every i and T ≤ 100, β estimated at w_0 and w*",
    source="smoothness of the losses alone, docs/full-tuning.md",
    setting="full-network",
    assumptions=(REMAINING_WEIGHTS,),
)
def growth(evidence: NetworkEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    factor = 1 + run.learning_rate * evidence.beta
    early = run.steps <= LONGEST
    bound = np.stack([factor ** np.arange(t - 1, -1, -1.0) @ run.gradient_norms[:t] for t in run.steps[early]])
    bound *= run.learning_rate / evidence.n
    quantity = "distance of the parameters of each sample at step t"
    return (Claim(run.distance[early], bound, run.steps[early], evidence.resolution[early], "estimated", quantity),)
