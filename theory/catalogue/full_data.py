"""The bound after T steps from the initial loss."""

from bounds import full
from theory.assumptions import INTERPOLATION
from theory.settings.full_quadratics import MEAN, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "F-data",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2F_S(w_0)/β)/n · Σ_{t<T} q^{T−1−t} r^t",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(INTERPOLATION,),
    rates={"n": -1},
)
def data(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = full.data(**evidence.curvature, initial_loss=evidence.excess_loss, steps=run.steps, weights=run.weighting)
    return (evidence.claim(run.distance.mean(axis=1), bound, MEAN),)
