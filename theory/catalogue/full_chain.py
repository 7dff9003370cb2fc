"""The order of the ladder of full tuning: each rung is at most the next, and the worst case lies in its bracket."""

import numpy as np

from bounds import full
from theory.assumptions import INTERPOLATION, REMAINING_WEIGHTS
from theory.settings.full_quadratics import FullEvidence, worst_cases
from theory.statement import Claim, theorem


@theorem(
    "F-chain",
    statement="mean F-trajectory ≤ F-data ≤ F-steps ≤ F-closed; quadratic worst case ≤ F-worst ≤ F-contraction",
    source="this project, docs/full-tuning.md",
    setting="full-quadratics",
    assumptions=(INTERPOLATION, REMAINING_WEIGHTS),
)
def chain(evidence: FullEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    trajectory = evidence.trajectory_bound.mean(axis=1)
    data = np.asarray(full.data(**evidence.curvature, initial_loss=evidence.excess_loss, steps=run.steps))
    steps = np.asarray(full.steps(**evidence.constants, steps=run.steps))
    closed = np.full_like(steps, full.closed(**evidence.constants))
    where, cases = worst_cases(evidence)
    value, lower = np.array([case.value for case in cases]), np.array([case.lower for case in cases])
    contraction = np.asarray(full.contraction(**evidence.class_size, steps=run.steps[where]))
    rungs = (
        ("F-trajectory ≤ F-data", trajectory, data, slice(None)),
        ("F-data ≤ F-steps", data, steps, slice(None)),
        ("F-steps ≤ F-closed", steps, closed, slice(None)),
        ("quadratic worst case ≤ F-worst", lower, value, where),
        ("F-worst ≤ F-contraction", value, contraction, where),
    )
    # The true worst case lies between the value and the quadratic one, which a problem attains.
    open_gap = np.zeros(len(run.steps))
    open_gap[where] = value - lower
    return tuple(
        Claim(low, high, run.steps[rows], evidence.resolution[rows] + open_gap[rows], "exact", name) for name, low, high, rows in rungs
    )
