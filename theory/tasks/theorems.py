"""What is claimed of heads on real features: the same bounds as of any separable data, and the
certificates of predictions on the validation texts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.checks import ROUNDING
from tunebound.theory.engine.statement import PROVED, Assumption, Claim, theorem
from tunebound.theory.tasks.evidence import EPS, Separated, TaskEvidence

SETTING = "tasks"
SEPARATED = Assumption("a head separates the classes", lambda each: each.separated is not None)
FOLLOWED = Assumption(
    "separable, and few enough samples to follow the flow",
    lambda each: each.separated is not None and each.separated.run is not None,
)
INSEPARABLE = Assumption(
    "nothing separates the classes, and every left-out head was computed",
    lambda each: each.twin is not None and bool(np.isfinite(each.twin.exact).all()),
)


def separated(evidence: TaskEvidence) -> Separated:
    """The separable part, which the assumption has asked for."""
    assert evidence.separated is not None
    return evidence.separated


@theorem(
    "T-each",
    statement="‖û_S − û_{S^i}‖ ≤ H-ratio, H-pair, H-deletion, H-kkt, for every i",
    formula=r"\lVert\hat u_S-\hat u_{S^i}\rVert\le b_i",
    source="this project, docs/head-tuning.md",
    setting=SETTING,
    proof=PROVED,
    assumptions=(SEPARATED,),
    maximum=float(np.sqrt(2)),
)
def each_sample(evidence: TaskEvidence) -> tuple[Claim, ...]:
    """Every left-out direction on real features, against the bounds on each."""
    found = separated(evidence)
    return tuple(
        _in_the_limit(found.distance[None], bound[None], found.resolution[None], name)
        for name, bound in found.by_sample.items()
    )


@theorem(
    "T-mean",
    statement=(
        "mean_i ‖û_S − û_{S^i}‖ ≤ H-limit, H-dual, H-support, H-free, H-anytime and P-Head with C ="
        " 0, λ = γ², ν = γ"
    ),
    formula=r"\frac1n\sum_i\lVert\hat u_S-\hat u_{S^i}\rVert\le b",
    source="this project, docs/head-tuning.md",
    setting=SETTING,
    proof=PROVED,
    assumptions=(SEPARATED,),
    maximum=float(np.sqrt(2)),
)
def mean(evidence: TaskEvidence) -> tuple[Claim, ...]:
    """The mean left-out direction on real features, against the bounds on the mean."""
    found = separated(evidence)
    return tuple(
        _in_the_limit(found.distance.mean(), bound, found.resolution.mean(), name)
        for name, bound in found.of_mean.items()
    )


@theorem(
    "T-flow",
    statement="mean_i ‖ŵ_S(t) − ŵ_{S^i}(t)‖ ≤ H-anytime and P-Head-certified, t from 1 to 1e30",
    formula=r"\frac1n\sum_i\lVert\hat w_S(t)-\hat w_{S^i}(t)\rVert\le b",
    source="this project, docs/head-tuning.md",
    setting=SETTING,
    proof=PROVED,
    assumptions=(FOLLOWED,),
    maximum=2,
)
def flow(evidence: TaskEvidence) -> tuple[Claim, ...]:
    """The mean along the flow on real features, against the bounds at every step."""
    found = separated(evidence)
    run = found.run
    assert run is not None
    measured = run.direction_distance.mean(axis=1)
    return tuple(
        Claim(
            measured=measured,
            bound=np.full_like(measured, found.of_mean[name]),
            steps=run.steps,
            resolution=run.resolution,
            provenance="estimated",
            quantity=f"mean instability at step t, by {name}",
        )
        for name in ("anytime", "published")
    )


@theorem(
    "T-predictions",
    statement=(
        "sign x·w_S = sign x·w_{S^i} for every validation text that one solve excludes (C-ball)"
    ),
    formula=r"\operatorname{sign}x^\top w_S=\operatorname{sign}x^\top w_{S^i}",
    source="this project, docs/churn.md",
    setting=SETTING,
    proof=PROVED,
    assumptions=(SEPARATED,),
    maximum=1,
)
def predictions(evidence: TaskEvidence) -> tuple[Claim, ...]:
    """No prediction flips that was certified not to, pair by pair."""
    found = separated(evidence)
    return (
        Claim(
            measured=found.flips.reshape(1, -1).astype(float),
            bound=(~found.excluded).reshape(1, -1).astype(float),
            steps=np.inf,
            resolution=found.undecided.reshape(1, -1).astype(float),
            provenance="exact",
            quantity="share of (text, sample) pairs that flip",
        ),
    )


@theorem(
    "T-regularised",
    statement="‖ŵ_S − ŵ_{S^i}‖ of regularised heads ≤ what one solve certifies, for every i",
    formula=r"\lVert\hat w_S-\hat w_{S^i}\rVert\le r_i",
    source="this project, docs/regularised-heads.md",
    setting=SETTING,
    proof=PROVED,
    assumptions=(INSEPARABLE,),
    maximum=2,
)
def regularised(evidence: TaskEvidence) -> tuple[Claim, ...]:
    """Every left-out minimiser where nothing separates, against its bound."""
    twin = evidence.twin
    assert twin is not None
    return (
        _in_the_limit(
            twin.exact[None], twin.per_sample[None], twin.exact_error[None] + EPS, "regularised"
        ),
    )


def _in_the_limit(measured: ArrayLike, bound: ArrayLike, resolution: ArrayLike, name: str) -> Claim:
    return Claim(
        measured=measured,
        bound=bound,
        steps=np.inf,
        resolution=np.asarray(resolution) + ROUNDING,
        provenance="exact",
        quantity=f"instability in the limit, by {name}",
    )
