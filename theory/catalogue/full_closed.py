"""The closed form that mends the published bound."""

from bounds import full
from theory.assumptions import INTERPOLATION
from theory.settings.full_quadratics import MEAN, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "F-closed",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2L‖w_0 − w*‖/β)/(n(1 − max(q, r))) for every T, r = √(1 − κ), q = 1 − κ(n − 1)/n",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(INTERPOLATION,),
    rates={"n": -1, "distance": 1},
)
def closed(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    return (evidence.claim(run.distance.mean(axis=1), full.closed(**evidence.constants, weights=run.weighting), MEAN),)
