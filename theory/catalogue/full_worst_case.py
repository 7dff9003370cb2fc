"""The exact worst case over the class, by performance estimation: no bound from n, μ, β, ‖w_0 − w*‖ and T can be smaller."""

import numpy as np

from theory.assumptions import INTERPOLATION
from theory.settings.full_quadratics import EACH, FullEvidence, worst_cases
from theory.statement import Claim, theorem


@theorem(
    "F-worst",
    statement="‖w_S(T) − w_{S^i}(T)‖ ≤ the largest value over all μ-strongly convex β-smooth losses, for every i, T = 1, 2, 5, 10",
    source="performance estimation (Drori & Teboulle 2014; Taylor, Hendrickx & Glineur 2017); this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(INTERPOLATION,),
)
def worst_case(evidence: FullEvidence) -> tuple[Claim, ...]:
    where, cases = worst_cases(evidence)
    run = evidence.run
    measured = run.distance[where]
    bound = np.broadcast_to(np.array([[case.value] for case in cases]), measured.shape)
    return (Claim(measured, bound, run.steps[where], evidence.resolution[where], "exact", EACH, 2 * evidence.problem.distance),)
