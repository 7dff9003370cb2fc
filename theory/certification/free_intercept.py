"""The certificate of a given head with a quadratic penalty and an intercept that has none.

Distances are those of the weights' directions; the intercept is a part of predictions alone.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

from tunebound import bounds
from tunebound._ground.arrays import Floats
from tunebound.bounds.regularised import ApproximateLeaveOneOut
from tunebound.theory.certification.certificate import Certificate, Inseparable, Predictions
from tunebound.theory.certification.prepared import Prepared
from tunebound.theory.certification.regularised import Head, turn

BLOCK = 2**21  # entries of a block of points by samples


def free_intercept_certificate(
    prepared: Prepared, weights: Floats, intercept: float, *, lam: float, exact: str | int = "auto"
) -> Certificate:
    """Certify a head of two classes near the minimiser of the mean logistic loss plus
    (lam/2) |w|^2, its intercept without penalty.

    Parameters
    ----------
    prepared : Prepared
        Features without a constant.
    weights : ndarray of float64, shape (d,)
    intercept : float
    lam : float
        Above 0.
    exact : "auto" or 0
        Left-out minimisers are not computed here.

    Raises
    ------
    ValueError
        For another `exact`, weights that are 0, a class with one sample, or a `lam` that float64
        does not carry.
    """
    if exact not in ("auto", 0):
        raise ValueError(
            f"exact = {exact!r}: left-out heads with an unpenalised intercept are not computed;"
            ' pass exact="auto" or 0'
        )
    if not weights.any():
        raise ValueError("the weights are 0 and have no direction: fit with a larger C")
    clock = perf_counter()
    n, d = prepared.X.shape
    y = np.where(prepared.y == 1, 1.0, -1.0)
    X, whole = _with_constant(prepared.X), np.append(weights, intercept)
    removal = bounds.smallest_removal(X, y)
    without = bounds.regularised.approximate_leave_one_out(X, y, whole, lam=lam, bias=True)
    error = bounds.regularised_bias.distance_from_minimiser(X, y, whole, lam=lam)
    head = Head(signs=y, weights=weights, error=error, without=without)
    newton = turn(head, without.weights[:, :-1], without.distance)
    # error is at least the rounding of a gradient over lam
    reach = bounds.regularised_bias.distance(X, without.gradients, lam=lam) + error
    ball = turn(head, np.tile(weights, (n, 1)), reach)
    per_sample = np.minimum(newton, ball)
    value, off = without.predict_left_out()
    wrong, undecided = int((value + off <= 0).sum()), int((np.abs(value) < off).sum())
    predicted = None
    if prepared.X_test is not None:
        predicted = _predictions(without, _with_constant(prepared.X_test), whole, prepared.classes)
    return Certificate(
        n=n,
        d=d,
        classes=prepared.classes,
        preparation=prepared.preparation,
        notes=prepared.notes,
        head=f"minimiser of the mean logistic loss plus (lam/2)|w|^2, lam = {lam:.4g}, with an"
        " intercept that has no penalty; its direction is that of w alone",
        separable=removal.rows.size == 0,
        margin=bounds.max_margin_with_bias(prepared.X, y).margin
        if removal.rows.size == 0
        else np.nan,
        radius=float(np.linalg.norm(prepared.X, axis=1).max()),
        gap=error / float(np.linalg.norm(weights)),
        support=np.arange(n),
        weights=weights,
        instability=float(per_sample.mean()),
        ladder={"newton": float(newton.mean()), "ball": float(ball.mean())},
        along_training=np.nan,
        per_sample=per_sample,
        exact=np.full(n, np.nan),
        exact_error=np.full(n, np.nan),
        pivotal=np.argsort(-per_sample, kind="stable"),
        by_group=float(per_sample.max()),
        predictions=predicted,
        inseparable=Inseparable(
            removal=removal.rows,
            at_least=removal.at_least,
            lam=lam,
            chosen=False,
            leave_one_out_error=(wrong + undecided) / n,
            undecided=undecided,
        ),
        provenance=_PROVENANCE,
        content=prepared.content,
        seconds={"head": perf_counter() - clock},
    )


_PROVENANCE = {
    "weights": "as they were fitted, without the intercept",
    "gap": "the certified distance of the weights from those of the exact minimiser, over their"
    " norm: the largest |g_w - g_b x_j| over lam, g the gradient (An intercept without penalty)",
    "per_sample": "the smaller of a Newton step with its certified error and of the largest"
    " |g_w - g_b x_j| over lam, g the gradient without the sample",
    "instability": "the mean of per_sample",
    "ladder": "newton and ball: the mean of either bound alone; 2 where it says nothing",
    "along_training": "not stated for a regularised head",
    "exact": "not computed with an unpenalised intercept",
    "by_group": "the largest of per_sample",
    "predictions": "labels of the weights and intercept as they were fitted; intervals of every"
    " left-out score by a Newton step with its certified error",
    "inseparable": "removal: a separator of all other samples, with any intercept; at_least: shares"
    " of sets of samples of which a positive combination is 0 within rounding; leave_one_out_error:"
    " certified intervals of the score of each sample without itself, undecided ones counted as"
    " wrong",
}


def _with_constant(points: Floats) -> Floats:
    return np.hstack([points, np.ones((len(points), 1))])


def _predictions(
    without: ApproximateLeaveOneOut, points: Floats, weights: Floats, classes: tuple[object, ...]
) -> Predictions:
    n, m = len(without.weights), len(points)
    positive = points @ weights > 0
    flippers, reach = np.zeros(m, dtype=np.intp), np.zeros(n, dtype=np.intp)
    size = max(1, BLOCK // n)
    for start in range(0, m, size):
        block = slice(start, start + size)
        values, errors = without.predict(points[block])
        toward = np.where(positive[block, np.newaxis], values, -values)
        changeable = toward <= errors
        flippers[block] = changeable.sum(axis=1)
        reach += changeable.sum(axis=0)
    return Predictions(
        labels=np.asarray(classes)[positive.astype(np.intp)],
        fixed=flippers == 0,
        flippers=flippers,
        reach=reach,
        flips=np.full(n, -1, dtype=np.intp),
        computed=False,
    )
