"""The evidence of a small data set of several classes with 50 digits; a head of K classes is a
vector of K·d numbers.
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
from tunebound.theory.several_classes.evidence import ClassEvidence
from tunebound.theory.several_classes.setting import ClassOptions

Pair = tuple[int, int]  # a sample and a class that is not its own


def precise_evidence(data: synthetic.ClassDataset, options: ClassOptions) -> ClassEvidence:
    """All of `ClassEvidence` from exact inputs with 50 digits, each number rounded to float64 once.

    Parameters
    ----------
    data : ClassDataset
        A few samples: time grows with n²·K·d·steps.
    options : ClassOptions
        With exact steps; the step size is the float64 number that the fast run uses.

    Raises
    ------
    ValueError
        If the support vectors that float64 finds do not satisfy the optimality conditions.
    """
    limit = tuning.learning_rate_limits(data.X, weighting=options.weighting, classes=data.classes)
    with mpmath.workdps(DIGITS):
        pairs, rows = _differences(data)
        separator, left_out, directions = _separators(data, pairs, rows)
        return ClassEvidence(
            data=data,
            separator=separator,
            left_out=left_out,
            run=_run(data, options, options.rate_fraction * float(limit), pairs, rows, directions),
            rate_fraction=options.rate_fraction,
        )


def _differences(data: synthetic.ClassDataset) -> tuple[list[Pair], list[Vector]]:
    """The rows z_ik = (e_y − e_k)xᵀ and which sample and class each belongs to."""
    X, zero = exactly(data.X), mpmath.mpf(0)
    labels = data.y.tolist()
    pairs = [(i, k) for i in range(data.n) for k in range(data.classes) if k != labels[i]]
    rows = []
    for i, k in pairs:
        blocks = [[zero] * data.d for _ in range(data.classes)]
        blocks[labels[i]] = X[i]
        blocks[k] = [-value for value in X[i]]
        rows.append([value for block in blocks for value in block])
    return pairs, rows


def _separators(
    data: synthetic.ClassDataset, pairs: Sequence[Pair], rows: Sequence[Vector]
) -> tuple[bounds.ClassSeparator, bounds.LeaveOneOutClasses, list[Vector]]:
    """The separators of the sample and of each S^i, and the unit direction of each, unrounded."""
    shape = (data.classes, data.d)
    whole = bounds.max_margin_classes(data.X, data.y)
    left_out = bounds.leave_one_out_classes(data.X, data.y, whole)
    weights, dual = least_distance(rows, range(len(rows)), whole.weights.ravel())
    others = [
        least_distance(
            rows, [r for r, (i, _) in enumerate(pairs) if i != gone], left_out.weights[gone].ravel()
        )[0]
        for gone in range(data.n)
    ]
    shares = np.zeros((data.n, data.classes))
    for (i, k), value in zip(pairs, dual, strict=True):
        shares[i, k] = float(value)
    return (
        bounds.ClassSeparator(
            weights=floats(weights).reshape(shape),
            margin=float(1 / norm(weights)),
            dual=shares,
            support=np.flatnonzero(shares.any(axis=1)),
            gap=0.0,
        ),
        bounds.LeaveOneOutClasses(
            weights=np.array([floats(each).reshape(shape) for each in others]),
            margins=np.array([float(1 / norm(each)) for each in others]),
            gaps=np.zeros(data.n),
        ),
        [unit(each) for each in (weights, *others)],
    )


def _run(
    data: synthetic.ClassDataset,
    options: ClassOptions,
    rate: float,
    pairs: Sequence[Pair],
    rows: Sequence[Vector],
    directions: Sequence[Vector],
) -> tuning.HeadRun:
    """All heads by gradient descent from zero, recorded where the fast run records."""
    n, steps, shape = data.n, int(options.steps), (data.classes, data.d)
    recorded = tuning.record_steps(steps)
    kept, heads = len(recorded), range(n + 1)
    names = ("direction_distance", "distance", "certificate")
    per_sample = {name: np.empty((kept, n)) for name in names}
    per_head = {name: np.empty((kept, n + 1)) for name in ("margin", "norm", "direction_error")}
    path = np.empty((kept, *shape))
    eta = mpmath.mpf(rate)
    others = mpmath.mpf(1) / (n if options.weighting == "1/n" else n - 1)
    W = [[mpmath.mpf(0)] * len(rows[0]) for _ in heads]
    drift = [mpmath.mpf(0)] * n
    k = 0
    for t in range(1, steps + 1):
        slopes = [_pushes(w, n, pairs, rows) for w in W]
        drift = [
            total + eta * grown
            for total, grown in zip(drift, _drifts(slopes[0], options.weighting), strict=True)
        ]
        for h in heads:
            weight = eta * (others if h else mpmath.mpf(1) / n)
            seen = [push for i, push in enumerate(slopes[h]) if i != h - 1]
            W[h] = [
                w + weight * mpmath.fsum(column)
                for w, column in zip(W[h], zip(*seen, strict=True), strict=True)
            ]
        if t != recorded[k]:
            continue
        units = [unit(w) for w in W]
        path[k] = floats(W[0]).reshape(shape)
        per_sample["direction_distance"][k] = floats(apart(units[0], u) for u in units[1:])
        per_sample["distance"][k] = floats(apart(W[0], w) for w in W[1:])
        per_sample["certificate"][k] = floats(drift)
        per_head["norm"][k] = floats(norm(w) for w in W)
        per_head["direction_error"][k] = floats(map(apart, units, directions))
        per_head["margin"][k] = floats(
            min(dot(row, units[h]) for (i, _), row in zip(pairs, rows, strict=True) if i != h - 1)
            for h in heads
        )
        k += 1
    return tuning.HeadRun(
        steps=recorded,
        **per_sample,
        **per_head,
        path=path,
        weights=np.array([floats(w).reshape(shape) for w in W]),
        resolution=np.full(kept, ROUNDED_ONCE),
        learning_rate=rate,
        weighting=options.weighting,
    )


def _pushes(w: Vector, n: int, pairs: Sequence[Pair], rows: Sequence[Vector]) -> list[Vector]:
    """−∇f_i(w) = Σ_k p_ik z_ik of each sample, p_ik = e^{−⟨z_ik, w⟩}/(1 + Σ_l e^{−⟨z_il, w⟩})."""
    odds = [mpmath.exp(-dot(row, w)) for row in rows]
    total = [mpmath.mpf(1)] * n
    for (i, _), value in zip(pairs, odds, strict=True):
        total[i] += value
    pushes = [[mpmath.mpf(0)] * len(w) for _ in range(n)]
    for (i, _), value, row in zip(pairs, odds, rows, strict=True):
        share = value / total[i]
        pushes[i] = [a + share * b for a, b in zip(pushes[i], row, strict=True)]
    return pushes


def _drifts(pushes: Sequence[Vector], weighting: str) -> Vector:
    """‖∇F_S − ∇F_{S^i}‖ for every i."""
    n = len(pushes)
    if weighting == "1/n":
        return [norm(push) / n for push in pushes]
    mean = [mpmath.fsum(column) / n for column in zip(*pushes, strict=True)]
    return [apart(push, mean) / (n - 1) for push in pushes]
