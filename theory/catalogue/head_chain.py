"""The order of the ladder: each rung of the head-tuning bounds is at most the next."""

import numpy as np

from bounds import head
from theory.assumptions import REMAINING_WEIGHTS, SEPARABLE, STABLE_STEP
from theory.settings.head import HeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "H-chain",
    statement="mean H-pair ≤ H-dual ≤ H-support ≤ H-free, and mean H-trajectory(t) ≤ H-anytime for every t",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(SEPARABLE, STABLE_STEP, REMAINING_WEIGHTS),
    maximum=np.inf,
)
def chain(evidence: HeadEvidence) -> tuple[Claim, ...]:
    run, separator = evidence.run, evidence.separator
    n, margin, radius = evidence.n, evidence.margin, evidence.radius
    pair = float(np.mean(head.pair(margin=margin, dual=separator.dual, hinge=evidence.left_out.hinge)))
    dual = head.dual(margin=margin, dual=separator.dual, norms=evidence.norms)
    support = head.support(n=n, margin=margin, radius=radius, n_support=len(separator.support))
    free = head.free(n=n, margin=margin, radius=radius)
    trajectory = np.mean(head.trajectory(drift=run.certificate, norm=run.norm[:, :1], left_out_norms=run.norm[:, 1:]), axis=1)
    anytime = np.full_like(trajectory, head.anytime(n=n, margin=margin, radius=radius))
    rungs = (("H-pair ≤ H-dual", pair, dual), ("H-dual ≤ H-support", dual, support), ("H-support ≤ H-free", support, free))
    resolution = float(evidence.limit_resolution.max())
    return (
        *(Claim(lower, upper, np.inf, resolution, "exact", quantity) for quantity, lower, upper in rungs),
        Claim(trajectory, anytime, run.steps, evidence.run_resolution, "exact", "H-trajectory ≤ H-anytime"),
    )
