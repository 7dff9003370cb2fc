"""The theorem on data whose head is known at every step: copies of one sample and one other."""

from __future__ import annotations

import numpy as np

from tunebound import synthetic
from tunebound.bounds import head
from tunebound.theory.engine.statement import Assumption, Claim, theorem
from tunebound.theory.head.evidence import ERROR, HeadEvidence
from tunebound.theory.head.published import OURS

# of a right angle in float64, far below the resolution of a direction
RIGHT = 1e-13


def are_copies(data: synthetic.SeparableDataset) -> bool:
    """Whether all signed samples but one are the same, and that one is orthogonal and no longer."""
    vectors, counts = np.unique(data.X * data.y[:, None], axis=0, return_counts=True)
    if len(vectors) != 2 or counts.min() != 1:
        return False
    many, one = vectors[np.argsort(-counts, kind="stable")]
    longest, length = np.linalg.norm(many), np.linalg.norm(one)
    if counts.max() == 1:
        longest, length = max(longest, length), min(longest, length)
    return bool(abs(many @ one) <= RIGHT * longest * length and length <= longest * (1 + RIGHT))


COPIES = Assumption(
    "the signed samples are copies of one and another that is orthogonal to them and no longer"
    " (`make_separable` has the family copies)",
    lambda evidence: are_copies(evidence.data),
)


@theorem(
    "H-copies",
    statement=(
        "2 sin(θ/2) with tan θ = τ(u_1 − u_2)/(u_1 + τ²u_2), τ = √((B/γ)² − 1), at the least u_1"
        " and the largest u_2 ≤ ‖ŵ_S(t) − û_S‖ ≤ the same at the largest u_1 and the least u_2,"
        " u_k + e^{u_k} within O(ln t) of κ_k t, on n − 1 copies and one orthogonal sample, start"
        " at zero"
    ),
    formula=(
        r"\lVert\hat w_S(t)-\hat u_S\rVert=2\sin\frac\theta2,\quad\tan\theta=\frac{\tau(u_1-u_2)}"
        r"{u_1+\tau^2u_2},\;\tau=\sqrt{(B/\gamma)^2-1},\quad\ell_k\le u_k+e^{u_k}\le\ell_k+O(\ln t)"
    ),
    source=OURS,
    setting="head",
    proof="proved here",
    assumptions=(COPIES,),
    maximum=2,
)
def copies(evidence: HeadEvidence) -> tuple[Claim, ...]:
    """The direction error of a head on copies of one sample and one other, from both sides."""
    run = evidence.run
    at = {
        "n": evidence.n,
        "margin": evidence.margin,
        "radius": evidence.radius,
        "learning_rate": run.learning_rate,
        "steps": run.steps,
    }
    error = np.asarray(run.direction_error)[:, 0]
    sides = (
        ("lower bound ≤ direction error", head.copies_lower(**at), error),
        (ERROR, error, head.copies_upper(**at)),
    )
    return tuple(
        Claim(
            measured=smaller,
            bound=larger,
            steps=run.steps,
            resolution=evidence.run_resolution + evidence.limit_resolution.max(),
            provenance=evidence.run_provenance,
            quantity=quantity,
        )
        for quantity, smaller, larger in sides
    )
