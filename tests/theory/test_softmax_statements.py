"""The statements on several classes, on many random samples: measured by the heads and separators
of the package, which other tests hold against plain loops and cone programs.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.oracles.class_samples import separable_classes
from tunebound import bounds, tuning
from tunebound.bounds import head, multi_class

STEPS = (1, 2, 3, 10, 30, 100, 300)
SHAPES = ((4, 2, 2), (6, 3, 2), (9, 2, 2), (6, 3, 3), (8, 5, 3), (12, 4, 3), (8, 5, 4), (11, 9, 4))
SETS = 40  # of each shape


@dataclass(frozen=True, kw_only=True)
class Largest:
    """Largest measured over bound of each statement."""

    anytime: float
    anytime_shifted: float
    limit: float
    deletion: float
    trajectory: float
    sum_over_rho: float


def measure(n, d, classes, sets, seed):
    rng = np.random.default_rng(seed)
    # from wide margins to narrow ones
    drawn = [
        separable_classes(rng, n, d, classes, gap=10 ** rng.uniform(-2, 1)) for _ in range(sets)
    ]
    X, y = np.stack([points for points, _ in drawn]), np.stack([labels for _, labels in drawn])
    norms = np.linalg.norm(X, axis=-1)
    separators = [bounds.max_margin_classes(*each) for each in drawn]
    margin = np.array([each.margin for each in separators])
    rho = np.sqrt(2) * norms.max(axis=1) / margin
    left_out = [
        bounds.leave_one_out_classes(*each, known)
        for each, known in zip(drawn, separators, strict=True)
    ]
    limits = np.stack(
        [
            np.linalg.norm(
                others.weights / np.linalg.norm(others.weights, axis=(1, 2), keepdims=True)
                - whole.direction,
                axis=(1, 2),
            )
            for whole, others in zip(separators, left_out, strict=True)
        ]
    )
    deletion = np.stack(
        [
            multi_class.deletion(margin=whole.margin, dual=whole.dual, norms=size)
            for whole, size in zip(separators, norms, strict=True)
        ]
    )
    moved = limits > 1e-9
    data = {"n": n, "margin": margin, "radius": norms.max(axis=1)}
    ratios = {}
    for weighting in ("1/n", "1/(n-1)"):
        limit = tuning.learning_rate_limits(X, weighting=weighting, classes=classes)
        run = tuning.tune_heads(
            X, y, classes=classes, steps=STEPS[-1], record=STEPS, weighting=weighting,
            learning_rate=limit * rng.choice([0.03, 0.3, 1.0], size=sets),
        )  # fmt: skip
        mean = run.direction_distance.mean(axis=2)
        bound = multi_class.anytime(**data, weighting=weighting)
        ratios[weighting] = (mean / bound).max()
        trajectory = head.trajectory(
            drift=run.certificate, norm=run.norm[..., :1], left_out_norms=run.norm[..., 1:]
        )
        ratios[f"trajectory {weighting}"] = (run.direction_distance / trajectory).max()
        if weighting == "1/n":
            ratios["sum"] = (mean * n / rho).max()
    return Largest(
        anytime=ratios["1/n"],
        anytime_shifted=ratios["1/(n-1)"],
        limit=(limits.mean(axis=1) / multi_class.limit(**data)).max(),
        deletion=(limits[moved] / deletion[moved]).max(),
        trajectory=max(ratios["trajectory 1/n"], ratios["trajectory 1/(n-1)"]),
        sum_over_rho=max(ratios["sum"], (limits.sum(axis=1) / rho).max()),
    )


@pytest.mark.parametrize(("n", "d", "classes"), SHAPES)
def test_no_statement_is_violated(n, d, classes):
    largest = measure(n, d, classes, SETS, seed=[n, d, classes])
    print(n, d, classes, largest)
    assert largest.anytime <= 1
    assert largest.anytime_shifted <= 1
    assert largest.limit <= 1
    assert largest.trajectory <= 1 + 1e-12
    # often an equality: what two separators leave open at a distance of 1e-9 and more
    assert 0.5 < largest.deletion <= 1 + 1e-6
    assert largest.sum_over_rho > 0.3  # the sets are no easy ones
