"""The direction error of a head from its asymptotic expansion, once the expansion is good."""

import numpy as np

from theory.assumptions import SEPARABLE
from theory.settings.head import HeadEvidence
from theory.statement import Assumption, Claim, theorem

TOLERANCE = 0.02
REACHED = Assumption(
    "the support vectors span the samples, and the run goes on beyond the onset of the asymptotics",
    lambda evidence: np.log(evidence.run.steps[-1]) >= evidence.asymptote.onset,
)


@theorem(
    "H-asymptotic",
    statement="‖ŵ_S(t) − û_S‖ is within 2 % of that of w_S ln t + w̃ with (η/n) exp(−z_iᵀw̃) = α_i on the support vectors, from the "
    "computed onset on",
    source="Soudry et al. 2018, Theorem 4; the onset by this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE, REACHED),
)
def asymptotic(evidence: HeadEvidence) -> tuple[Claim, ...]:
    run, asymptote = evidence.run, evidence.asymptote
    past = np.log(run.steps) >= max(asymptote.onset, np.log(3))
    error = np.asarray(run.direction_error)[past, 0]
    predicted = asymptote.direction_error(run.steps[past])
    resolution = (evidence.run_resolution[past] + evidence.limit_resolution.max()) / predicted
    deviation = np.abs(error / predicted - 1)
    return (
        Claim(deviation, np.full_like(deviation, TOLERANCE), run.steps[past], resolution, "exact", "relative deviation from the expansion"),
    )
