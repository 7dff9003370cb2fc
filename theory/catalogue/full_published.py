"""The published full-tuning bound: no constant is left open, so it can be tested as it stands."""

from bounds import full
from theory.assumptions import INTERPOLATION
from theory.settings.full_quadratics import MEAN, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "P-Full",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ √(2L‖w_0 − w*‖/β)/(n((1 − μ/β)^{−1/4} − 1)) for every T, step 1/β",
    source="Fu, So & Collier, arXiv:2301.09820, full tuning",
    setting="full-quadratics",
    assumptions=(INTERPOLATION,),
    rates={"n": -1, "distance": 1},
)
def published(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    return (evidence.claim(run.distance.mean(axis=1), full.published(**evidence.constants), MEAN),)
