"""Separators and heads of a small sample of two classes with 50 digits: separators by their
optimality conditions, heads step by step; every number rounded to float64 once.
"""

from __future__ import annotations

from collections.abc import Sequence

import mpmath  # type: ignore[import-untyped]
import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound.theory.engine.fifty_digits import (
    DIGITS,
    ROUNDED_ONCE,
    Vector,
    apart,
    dot,
    exactly,
    floats,
    least_distance,
    norm,
    unit,
)


def precise_separators(
    data: synthetic.SeparableDataset,
) -> tuple[bounds.Separator, bounds.LeaveOneOut, list[Vector]]:
    """The separators of the sample and of each S^i, and the unit direction of each, unrounded.

    Parameters
    ----------
    data : SeparableDataset
        A few samples.

    Raises
    ------
    ValueError
        If the support vectors that float64 finds do not satisfy the optimality conditions.
    """
    whole = bounds.max_margin(data.X, data.y)
    left_out = bounds.leave_one_out_separators(data.X, data.y, whole)
    everyone = range(data.n)
    with mpmath.workdps(DIGITS):
        Z = exactly(data.X * data.y[:, None])
        weights, dual = least_distance(Z, everyone, whole.weights)
        others = [
            least_distance(Z, [j for j in everyone if j != i], left_out.weights[i])[0]
            for i in everyone
        ]
        shares = floats(dual)
        hinges = [max(mpmath.mpf(0), 1 - dot(Z[i], others[i])) for i in everyone]
        return (
            bounds.Separator(
                weights=floats(weights),
                margin=float(1 / norm(weights)),
                dual=shares,
                support=np.flatnonzero(shares > 0),
                gap=0.0,
            ),
            bounds.LeaveOneOut(
                weights=np.array([floats(each) for each in others]),
                margins=np.array([float(1 / norm(each)) for each in others]),
                gaps=np.zeros(data.n),
                hinge=floats(hinges),
            ),
            [unit(each) for each in (weights, *others)],
        )


def precise_run(
    data: synthetic.SeparableDataset,
    *,
    steps: int,
    rate: float,
    weighting: str = "1/n",
    directions: Sequence[Vector] | None = None,
) -> tuning.HeadRun:
    """All heads by gradient descent from zero, recorded where `tuning.tune_heads` records.

    Parameters
    ----------
    data : SeparableDataset
        A few samples: time grows with n²·d·steps.
    steps : int
    rate : float
        Step size, the float64 number that the fast run uses.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the other samples when one is left out.
    directions : sequence of n + 1 vectors, optional
        Unit directions that the heads' own are compared with.
    """
    n, d = data.n, data.d
    recorded = tuning.record_steps(steps)
    kept = len(recorded)
    names = ("direction_distance", "distance", "certificate")
    per_sample = {name: np.empty((kept, n)) for name in names}
    per_head = {name: np.empty((kept, n + 1)) for name in ("margin", "norm", "direction_error")}
    path = np.empty((kept, d))
    with mpmath.workdps(DIGITS):
        Z = exactly(data.X * data.y[:, None])
        eta = mpmath.mpf(rate)
        others = mpmath.mpf(1) / (n if weighting == "1/n" else n - 1)
        weight = [[mpmath.mpf(1) / n] * n] + [
            [others if j != i else mpmath.mpf(0) for j in range(n)] for i in range(n)
        ]
        W = [[mpmath.mpf(0)] * d for _ in range(n + 1)]
        drift = [mpmath.mpf(0)] * n
        lengths = [norm(z) for z in Z]
        k = 0
        for t in range(1, steps + 1):
            activity = [[1 / (1 + mpmath.exp(dot(z, w))) for z in Z] for w in W]
            for i, grown in enumerate(_drifts(Z, activity[0], lengths, weighting)):
                drift[i] += eta * grown
            W = [
                [
                    w[c] + eta * mpmath.fsum(own[j] * p[j] * Z[j][c] for j in range(n))
                    for c in range(d)
                ]
                for w, p, own in zip(W, activity, weight, strict=True)
            ]
            if t != recorded[k]:
                continue
            units = [unit(w) for w in W]
            path[k] = floats(W[0])
            per_sample["direction_distance"][k] = floats(apart(units[0], u) for u in units[1:])
            per_sample["distance"][k] = floats(apart(W[0], w) for w in W[1:])
            per_sample["certificate"][k] = floats(drift)
            per_head["norm"][k] = floats(norm(w) for w in W)
            for h, own in enumerate(units):
                seen = [j for j in range(n) if j != h - 1]
                per_head["margin"][k, h] = float(min(dot(Z[j], own) for j in seen))
                if directions is not None:
                    per_head["direction_error"][k, h] = float(apart(own, directions[h]))
            k += 1
        return tuning.HeadRun(
            steps=recorded,
            **per_sample,
            margin=per_head["margin"],
            norm=per_head["norm"],
            direction_error=None if directions is None else per_head["direction_error"],
            path=path,
            weights=np.array([floats(w) for w in W]),
            resolution=np.full(kept, ROUNDED_ONCE),
            learning_rate=rate,
            weighting=weighting,
        )


def _drifts(Z: list[Vector], activity: Vector, lengths: Vector, weighting: str) -> Vector:
    """‖∇F_S − ∇F_{S^i}‖ at w_S for every i."""
    n = len(Z)
    if weighting == "1/n":
        return [p * length / n for p, length in zip(activity, lengths, strict=True)]
    slopes = [[p * v for v in z] for p, z in zip(activity, Z, strict=True)]
    mean = [mpmath.fsum(column) / n for column in zip(*slopes, strict=True)]
    return [apart(slope, mean) / (n - 1) for slope in slopes]
