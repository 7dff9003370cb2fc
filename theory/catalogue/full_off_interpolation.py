"""What a missing common minimiser adds."""

from bounds import full
from theory.assumptions import NO_INTERPOLATION
from theory.settings.full_quadratics import MEAN, FullEvidence
from theory.statement import Claim, theorem


@theorem(
    "F-apart",
    statement="mean_i ‖w_S(T) − w_{S^i}(T)‖ ≤ F-data with F_S(w_0) − F_S(w*) + mean_i ‖∇f_i(w*)‖ (1 − q^T)/(μ(n − 1))",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(NO_INTERPOLATION,),
    rates={"n": -1},
)
def off_interpolation(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = full.data(**evidence.curvature, initial_loss=evidence.excess_loss, steps=run.steps, weights=run.weighting)
    bound = bound + full.off_interpolation(
        **evidence.curvature, steps=run.steps, gradient_norm=evidence.gradients_at_minimiser.mean(), weights=run.weighting
    )
    return (evidence.claim(run.distance.mean(axis=1), bound, MEAN),)
