"""Instability at step t from the run on the whole sample alone, by the chord of the largest angle."""

from bounds import head
from theory.assumptions import STABLE_STEP
from theory.settings.head import INSTABILITY, HeadEvidence
from theory.statement import Claim, theorem


@theorem(
    "H-chord",
    statement="‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ √(2 − 2√(1 − δ_i²)), δ_i = η Σ_{s<t} ‖∇F_S(w_S(s)) − ∇F_{S^i}(w_S(s))‖/‖w_S(t)‖ < 1, "
    "else 2, for every i and t",
    source="this project, docs/head-tuning.md",
    setting="head",
    assumptions=(STABLE_STEP,),
    maximum=2,
)
def chord(evidence: HeadEvidence) -> tuple[Claim, ...]:
    run = evidence.run
    bound = head.chord(drift=run.certificate, norm=run.norm[:, :1])
    return (Claim(run.direction_distance, bound, run.steps, evidence.run_resolution, "exact", INSTABILITY),)
