"""The evidence of a small data set with 50 digits: separators by their optimality conditions, heads
step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from tunebound import bounds, synthetic, tuning
from tunebound._ground.arrays import Floats
from tunebound.theory.head.evidence import HeadEvidence
from tunebound.theory.head.setting import HeadOptions

DIGITS = 50
NEAR = 1e-6  # of the margin: candidates for support vectors
SLACK = mpmath.mpf(10) ** -40  # of the optimality conditions
ROUNDED_ONCE = 2 * float(np.finfo(float).eps)

Vector = list[Any]  # of mpf


def precise_evidence(data: synthetic.SeparableDataset, options: HeadOptions) -> HeadEvidence:
    """All of `HeadEvidence` from exact inputs with 50 digits, each number rounded to float64 once.

    Parameters
    ----------
    data : SeparableDataset
        A few samples: time grows with n²·d·steps.
    options : HeadOptions
        With exact steps; the step size is the float64 number that the fast run uses.

    Raises
    ------
    ValueError
        If the support vectors that float64 finds do not satisfy the optimality conditions.
    """
    with mpmath.workdps(DIGITS):
        Z = [[mpmath.mpf(float(v)) for v in row] for row in data.X * data.y[:, None]]
        whole = bounds.max_margin(data.X, data.y)
        left_out = bounds.leave_one_out_separators(data.X, data.y, whole)
        everyone = range(len(Z))
        solved = [_separator(Z, everyone, whole.weights)] + [
            _separator(Z, [j for j in everyone if j != i], left_out.weights[i]) for i in everyone
        ]
        run = _run(Z, data, options, [_unit(weights) for weights, _ in solved])
        norms = [_norm(weights) for weights, _ in solved]
        dual = np.array([float(a) for a in solved[0][1]])
        return HeadEvidence(
            data=data,
            separator=bounds.Separator(
                weights=_floats(solved[0][0]),
                margin=float(1 / norms[0]),
                dual=dual,
                support=np.flatnonzero(dual > 0),
                gap=0.0,
            ),
            left_out=bounds.LeaveOneOut(
                weights=np.array([_floats(weights) for weights, _ in solved[1:]]),
                margins=np.array([float(1 / norm) for norm in norms[1:]]),
                gaps=np.zeros(len(Z)),
                hinge=np.array(
                    [
                        float(max(mpmath.mpf(0), 1 - _dot(Z[i], weights)))
                        for i, (weights, _) in enumerate(solved[1:])
                    ]
                ),
            ),
            run=run,
            exact=True,
            rate_fraction=options.rate_fraction,
            published_step_limit=bounds.constants.published_step_size_limit(data.X).value,
        )


def _separator(Z: list[Vector], kept: Sequence[int], guess: Floats) -> tuple[Vector, Vector]:
    """Weights and dual (0 for what is left out) of the hard-margin separator: support vectors are
    taken from float64, the rest is solved and checked.
    """
    rows = np.array([[float(v) for v in Z[j]] for j in kept])
    near = np.flatnonzero(rows @ guess <= 1 + NEAR)
    # the passive set of non-negative least squares is independent
    shares, _ = nnls(rows[near].T, guess)
    support = [kept[int(row)] for row in near[shares > 0]]
    gram = mpmath.matrix([[_dot(Z[a], Z[b]) for b in support] for a in support])
    solution = list(mpmath.lu_solve(gram, mpmath.matrix([1] * len(support))))
    if min(solution) < 0:
        raise ValueError("with 50 digits a dual of the support vectors of float64 is negative")
    dual = [mpmath.mpf(0)] * len(Z)
    for j, value in zip(support, solution, strict=True):
        dual[j] = value
    weights = [mpmath.fsum(dual[j] * Z[j][k] for j in support) for k in range(len(Z[0]))]
    if min(_dot(Z[j], weights) for j in kept) < 1 - SLACK:
        raise ValueError(
            "the support vectors of float64 do not satisfy the optimality conditions with 50 digits"
        )
    return weights, dual


def _run(
    Z: list[Vector],
    data: synthetic.SeparableDataset,
    options: HeadOptions,
    directions: list[Vector],
) -> tuning.HeadRun:
    """All heads by gradient descent, recorded where the fast run records."""
    n, d, steps = len(Z), len(Z[0]), int(options.steps)
    limit = tuning.learning_rate_limits(data.X, weighting=options.weighting)
    if options.step_limit == "published":
        limit = min(limit, bounds.constants.published_step_size_limit(data.X).value)
    rate = float(options.rate_fraction * limit)
    eta = mpmath.mpf(rate)
    others = mpmath.mpf(1) / (n if options.weighting == "1/n" else n - 1)
    weight = [[mpmath.mpf(1) / n] * n] + [
        [others if j != i else mpmath.mpf(0) for j in range(n)] for i in range(n)
    ]
    recorded = tuning.record_steps(steps)
    kept = len(recorded)
    names = ("direction_distance", "distance", "certificate")
    per_sample = {name: np.empty((kept, n)) for name in names}
    per_head = {name: np.empty((kept, n + 1)) for name in ("margin", "norm", "direction_error")}
    path = np.empty((kept, d))
    W = [[mpmath.mpf(0)] * d for _ in range(n + 1)]
    drift = [mpmath.mpf(0)] * n
    lengths = [_norm(z) for z in Z]
    k = 0
    for t in range(1, steps + 1):
        activity = [[1 / (1 + mpmath.exp(_dot(z, w))) for z in Z] for w in W]
        for i, grown in enumerate(_drifts(Z, activity[0], lengths, options.weighting)):
            drift[i] += eta * grown
        W = [
            [w[c] + eta * mpmath.fsum(own[j] * p[j] * Z[j][c] for j in range(n)) for c in range(d)]
            for w, p, own in zip(W, activity, weight, strict=True)
        ]
        if t != recorded[k]:
            continue
        unit = [_unit(w) for w in W]
        path[k] = _floats(W[0])
        for i in range(n):
            per_sample["direction_distance"][k, i] = float(_apart(unit[0], unit[i + 1]))
            per_sample["distance"][k, i] = float(_apart(W[0], W[i + 1]))
            per_sample["certificate"][k, i] = float(drift[i])
        for h in range(n + 1):
            seen = [j for j in range(n) if j != h - 1]
            per_head["margin"][k, h] = float(min(_dot(Z[j], unit[h]) for j in seen))
            per_head["norm"][k, h] = float(_norm(W[h]))
            per_head["direction_error"][k, h] = float(_apart(unit[h], directions[h]))
        k += 1
    return tuning.HeadRun(
        steps=recorded,
        **per_sample,
        **per_head,
        path=path,
        weights=np.array([_floats(w) for w in W]),
        resolution=np.full(kept, ROUNDED_ONCE),
        learning_rate=rate,
        weighting=options.weighting,
    )


def _drifts(Z: list[Vector], activity: Vector, lengths: Vector, weighting: str) -> list[Any]:
    """‖∇F_S − ∇F_{S^i}‖ at w_S for every i."""
    n = len(Z)
    if weighting == "1/n":
        return [p * length / n for p, length in zip(activity, lengths, strict=True)]
    slopes = [[p * v for v in z] for p, z in zip(activity, Z, strict=True)]
    mean = [mpmath.fsum(column) / n for column in zip(*slopes, strict=True)]
    return [_apart(slope, mean) / (n - 1) for slope in slopes]


def _dot(a: Vector, b: Vector) -> Any:
    return mpmath.fdot(a, b)


def _norm(a: Vector) -> Any:
    return mpmath.sqrt(mpmath.fdot(a, a))


def _unit(a: Vector) -> Vector:
    length = _norm(a)
    return [v / length for v in a]


def _apart(a: Vector, b: Vector) -> Any:
    return _norm([x - y for x, y in zip(a, b, strict=True)])


def _floats(a: Vector) -> NDArray[np.float64]:
    return np.array([float(v) for v in a])
