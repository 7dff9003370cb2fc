"""Instability at step t from the run on the whole sample and the heads' norms."""

from bounds import head
from theory.assumptions import STABLE_STEP
from theory.settings.head import INSTABILITY, HeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "H-trajectory",
    statement="‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ 2 η Σ_{s<t} ‖∇F_S(w_S(s)) − ∇F_{S^i}(w_S(s))‖ / (‖w_S(t)‖ + ‖w_{S^i}(t)‖) for every i and t",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(STABLE_STEP,),
    maximum=2,
)
def trajectory(evidence: HeadEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = head.trajectory(drift=run.certificate, norm=run.norm[:, :1], left_out_norms=run.norm[:, 1:])
    return (Claim(run.direction_distance, bound, run.steps, evidence.run_resolution, "exact", INSTABILITY),)
