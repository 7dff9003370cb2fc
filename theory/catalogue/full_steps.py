"""The bound after T steps from the constants of the class."""

from bounds import full
from theory.assumptions import INTERPOLATION
from theory.settings.full_quadratics import MEAN, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "F-steps",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2L‖w_0 − w*‖/β)/n · (r^T − q^T)/(r − q)",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(INTERPOLATION,),
    rates={"n": -1, "distance": 1},
)
def steps(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = full.steps(**evidence.constants, steps=run.steps, weights=run.weighting)
    return (evidence.claim(run.distance.mean(axis=1), bound, MEAN),)
