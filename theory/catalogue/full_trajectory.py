"""The bound of each sample from the gradients along the run on the whole sample."""

from theory.assumptions import REMAINING_WEIGHTS
from theory.settings.full_quadratics import EACH, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "F-trajectory",
    statement="‖w_S(T) − w_{S^i}(T)‖ ≤ (1/(βn)) Σ_{t<T} q^{T−1−t} ‖∇f_i(w_S(t))‖ for every i and T, common minimiser or not",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(REMAINING_WEIGHTS,),
)
def trajectory(evidence: FullEvidence) -> tuple[Claim, ...]:
    return (evidence.claim(evidence.run.distance, evidence.trajectory_bound, EACH),)
