"""Certificates of regularised heads: for data that no head separates, or where one is wanted.

One head for two classes, one against the rest for each of several. What is said of a head is said
of the exact minimiser; computed weights differ from it by at most their gradient over lam.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from tqdm import tqdm

from tunebound import bounds, tuning
from tunebound._ground.arrays import Booleans, Floats
from tunebound._ground.checks import choice, real_number, true_or_false, whole_number
from tunebound.bounds.regularised import ApproximateLeaveOneOut
from tunebound.theory.certification.certificate import Certificate, Inseparable
from tunebound.theory.certification.prepared import Prepared
from tunebound.theory.certification.regularised_predictions import regularised_predictions

GRID = 10.0 ** np.arange(0, -5.25, -0.5)  # lam over the largest curvature, radius^2 / 4
MOST_WORK = 3e10  # products behind all left-out minimisers that "auto" computes
UNIT = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """A regularised head of two classes and what one solve certifies of it.

    Attributes
    ----------
    signs : ndarray of float64, shape (n,)
    weights : ndarray of float64, shape (d,)
    error : float
        Distance from the exact minimiser, at most.
    without : ApproximateLeaveOneOut
    """

    signs: Floats
    weights: Floats
    error: float
    without: ApproximateLeaveOneOut


def regularised_certificate(
    prepared: Prepared,
    *,
    lam: float | None = None,
    exact: str | int = "auto",
    group: int = 1,
    measured: bool = False,
    progress: bool = True,
    weights: Floats | None = None,
) -> Certificate:
    """Certify the minimisers of the mean logistic loss plus (lam/2) |w|^2, one against the rest for
    three classes or more.

    Parameters
    ----------
    prepared : Prepared
    lam : float, optional
        Weight of the penalty, above 0. By default the one of eleven, from radius^2/4 down to 1e-5
        of it, with the smallest certified leave-one-out error; the largest of equals.
    exact : "auto", "all" or int
        For how many samples, those of the largest bound first, to compute the minimiser without
        it. "auto": all where (heads) n^2 d^2 is at most 3e10, some ten seconds, else none.
    group : int
        Size of the removals of `by_group` and `fixed_by_group`.
    measured : bool
        Whether to train the left-out heads: they are minimised to the end, as by ``exact="all"``.
    progress : bool
        Whether parts of more than two seconds show a bar, on a terminal.
    weights : ndarray of float64, shape (d,), optional
        A head of two classes that was fitted elsewhere with this `lam`, to speak of in place of the
        minimiser.

    Returns
    -------
    Certificate
        Of several heads the distance is the mean over the heads. `along_training` is NaN: nothing
        is said of the way to the minimiser.

    Raises
    ------
    TypeError, ValueError
        For an argument out of its range, or a head that is 0.
    """
    lam = None if lam is None else real_number("lam", lam, above=0)
    if isinstance(exact, str):
        choice("exact", exact, ("auto", "all"))
    else:
        exact = whole_number("exact", exact, low=0)
    group = whole_number("group", group, low=1, high=len(prepared.X) - 1)
    measured, progress = true_or_false("measured", measured), true_or_false("progress", progress)
    X, y = prepared.X, prepared.y
    n, d = X.shape
    count = len(prepared.classes)
    clock, seconds = perf_counter(), {}
    removal = bounds.smallest_removal(X, 2 * y - 1 if count == 2 else y)
    seconds["removal"], clock = perf_counter() - clock, perf_counter()
    chosen = lam is None
    if weights is None:
        heads, lam, wrong, undecided = _solved(prepared, lam, progress)
    else:
        heads, lam, wrong, undecided = _given(prepared, lam, weights)
    seconds["heads"], clock = perf_counter() - clock, perf_counter()
    newton = np.stack([_turn_of_newton(head) for head in heads])
    ball = np.stack([_turn_of_ball(head, lam) for head in heads])
    per_sample = np.minimum(newton, ball).mean(axis=0)
    how_many = n if measured or exact == "all" else exact
    if how_many == "auto":
        how_many = n if len(heads) * float(n * d) ** 2 <= MOST_WORK else 0
    order = np.argsort(-per_sample, kind="stable")
    rows = np.sort(order[: int(how_many)])
    minimised = [
        tuning.minimise_heads(X, head.signs, strength=lam, rows=rows, start=head.weights)
        for head in heads
    ]
    distance, error = np.full(n, np.nan), np.full(n, np.nan)
    if rows.size:
        turned = [_turned(heads_.weights, heads_.error) for heads_ in minimised]
        distance[rows] = np.mean([turn for turn, _ in turned], axis=0)
        error[rows] = np.mean([off for _, off in turned], axis=0)
    seconds["exact"], clock = perf_counter() - clock, perf_counter()
    predicted = None
    if prepared.X_test is not None:
        predicted = regularised_predictions(
            heads,
            prepared.X_test,
            lam=lam,
            classes=prepared.classes,
            rows=rows,
            minimised=minimised,
            group=group,
            progress=progress,
        )
        seconds["predictions"] = perf_counter() - clock
    ranking = distance if rows.size == n else per_sample
    together = float(np.mean([_turn_of_group(head, lam, group) for head in heads]))
    return Certificate(
        n=n,
        d=d,
        classes=prepared.classes,
        preparation=prepared.preparation,
        notes=prepared.notes,
        head=f"minimiser of the mean logistic loss plus (lam/2)|w|^2, lam = {lam:.4g}"
        + ("" if count == 2 else f", for each of {count} classes against the rest"),
        separable=removal.rows.size == 0,
        margin=_margin(prepared) if removal.rows.size == 0 else np.nan,
        radius=float(np.linalg.norm(X, axis=1).max()),
        gap=max(head.error / float(np.linalg.norm(head.weights)) for head in heads),
        support=np.arange(n),
        weights=heads[0].weights if count == 2 else np.stack([head.weights for head in heads]),
        instability=float(per_sample.mean()),
        ladder={"newton": float(newton.mean()), "ball": float(ball.mean())},
        along_training=np.nan,
        per_sample=per_sample,
        exact=distance,
        exact_error=error,
        pivotal=np.argsort(-ranking, kind="stable"),
        group=group,
        by_group=min(together, float(per_sample.max())) if group == 1 else together,
        predictions=predicted,
        inseparable=Inseparable(
            removal=removal.rows,
            at_least=removal.at_least,
            lam=lam,
            chosen=chosen,
            leave_one_out_error=(wrong + undecided) / n,
            undecided=undecided,
        ),
        provenance=_PROVENANCE,
        content=prepared.content,
        seconds=seconds,
    )


_PROVENANCE = {
    "weights": "Newton's method; within the gradient over lam of the exact minimiser, as the loss"
    " is lam-strongly convex",
    "gap": "the certified distance of the weights from the exact minimiser, over their norm",
    "per_sample": "the smaller of a Newton step with its certified error and of the ball of strong"
    " convexity around half the gradient (Certified Newton steps, Ball)",
    "instability": "the mean of per_sample",
    "ladder": "newton and ball: the mean of either bound alone; 2 where a sample is not certified",
    "along_training": "not stated for a regularised head",
    "exact": "minimisers without the sample, by Newton's method; their gradients over lam are in"
    " exact_error",
    "by_group": "the ball with the summed gradients of the worst group (Groups)",
    "predictions": "intervals of every left-out score: a Newton step with its certified error, the"
    " ball, and the left-out minimisers where they were computed",
    "inseparable": "removal: a separator of all other samples; at_least: shares of sets of samples"
    " of which a positive combination is 0 within rounding; leave_one_out_error: certified"
    " intervals of the score of each sample without itself, undecided ones counted as wrong",
}


def _margin(prepared: Prepared) -> float:
    if len(prepared.classes) == 2:
        return bounds.max_margin(prepared.X, 2 * prepared.y - 1).margin
    return bounds.max_margin_classes(prepared.X, prepared.y).margin


def _solved(
    prepared: Prepared, lam: float | None, progress: bool
) -> tuple[list[Head], float, int, int]:
    """Heads at the weight given or chosen, that weight, and the samples without which they are
    wrong or undecided about them.
    """
    count = len(prepared.classes)
    scale = float(np.square(prepared.X).sum(axis=1).max()) / 4
    grid = scale * GRID if lam is None else np.array([lam])
    which = (1,) if count == 2 else tuple(range(count))
    starts = {label: np.zeros(prepared.X.shape[1]) for label in which}
    best = None
    disable = None if progress and lam is None else True
    for weight in tqdm(grid, desc="choosing lam", unit="lam", delay=2, disable=disable):
        heads = []
        for label in which:
            signs = np.where(prepared.y == label, 1.0, -1.0)
            solved = tuning.minimise_heads(
                prepared.X, signs, strength=weight, leave_one_out=False, start=starts[label]
            )
            starts[label] = solved.weights[0]
            heads.append(certified_head(prepared.X, signs, starts[label], solved.error[0], weight))
        wrong, undecided = _left_out_errors(heads, prepared, weight)
        if best is None or wrong + undecided < best[2] + best[3]:
            best = heads, float(weight), wrong, undecided
    assert best is not None
    return best


def _given(
    prepared: Prepared, lam: float | None, weights: Floats
) -> tuple[list[Head], float, int, int]:
    if lam is None or len(prepared.classes) != 2:
        raise ValueError("weights come with their lam, for two classes: pass lam")
    signs = np.where(prepared.y == 1, 1.0, -1.0)
    error = bounds.regularised.distance_from_minimiser(prepared.X, signs, weights, lam=lam)
    heads = [certified_head(prepared.X, signs, weights, error, lam)]
    return heads, lam, *_left_out_errors(heads, prepared, lam)


def certified_head(X: Floats, signs: Floats, weights: Floats, error: float, lam: float) -> Head:
    """The head with what one factorisation certifies of it."""
    if not np.linalg.norm(weights) > 0:
        raise ValueError(
            "the regularised head is 0, or its norm rounds to 0, and has no direction: the classes"
            f" have equal means, or lam = {lam:g} is too large; lower it or add features"
        )
    without = bounds.regularised.approximate_leave_one_out(X, signs, weights, lam=lam)
    return Head(signs=signs, weights=weights, error=float(error), without=without)


def _left_out_errors(heads: list[Head], prepared: Prepared, lam: float) -> tuple[int, int]:
    """How many samples the heads without them get wrong, and about how many that is open."""
    lower, upper = np.empty((2, len(heads), len(prepared.X)))
    for k, head in enumerate(heads):
        values, errors = head.without.predict_left_out()
        diameters = head.without.gradients / lam
        Z = prepared.X * head.signs[:, np.newaxis]
        value, along = Z @ head.weights, np.einsum("nd,nd->n", Z, diameters)
        size = np.linalg.norm(Z, axis=1) * np.linalg.norm(diameters, axis=1)
        slack = 8 * (Z.shape[1] + 8) * UNIT * np.linalg.norm(Z, axis=1)
        slack *= np.linalg.norm(head.weights) + np.linalg.norm(diameters, axis=1)
        slack += np.linalg.norm(Z, axis=1) * head.error
        low = np.maximum(values - errors, value - (along + size) / 2 - slack)
        high = np.minimum(values + errors, value - (along - size) / 2 + slack)
        lower[k] = np.where(head.signs > 0, low, -high)
        upper[k] = np.where(head.signs > 0, high, -low)
    if len(heads) == 1:
        right = np.where(prepared.y == 1, lower[0] > 0, upper[0] < 0)
        wrong = np.where(prepared.y == 1, upper[0] <= 0, lower[0] >= 0)
    else:
        own = prepared.y[np.newaxis]
        low, high = (np.take_along_axis(a, own, axis=0)[0] for a in (lower, upper))
        for a in (lower, upper):
            np.put_along_axis(a, own, -np.inf, axis=0)
        right, wrong = low > upper.max(axis=0), high <= lower.max(axis=0)
    return int(wrong.sum()), int((~(right | wrong)).sum())


def _turn_of_newton(head: Head) -> Floats:
    return turn(head, head.without.weights, head.without.distance)


def _turn_of_ball(head: Head, lam: float) -> Floats:
    half = head.without.gradients / (2 * lam)
    # error is at least the rounding of the gradient over lam
    return turn(head, head.weights - half, np.linalg.norm(half, axis=1) + head.error)


def _turn_of_group(head: Head, lam: float, group: int) -> float:
    """The worst group's gradients, summed, over lam; see Groups in docs/regularised-heads.md."""
    sizes = np.linalg.norm(head.without.gradients, axis=1)
    reach = float(np.sort(sizes)[-group:].sum()) / lam + (group + 1) * head.error
    return float(turn(head, head.weights[np.newaxis], np.array([reach]))[0])


def turn(head: Head, centres: Floats, radii: Floats) -> Floats:
    """Largest distance of the direction of the exact head from one in each ball around a centre."""
    w = head.weights / np.linalg.norm(head.weights)
    sizes = np.linalg.norm(centres, axis=1)
    along = centres @ w
    across = np.linalg.norm(centres - along[:, np.newaxis] * w, axis=1)
    outside = radii < sizes
    sine = np.where(outside, radii, 0.0) / np.where(outside, sizes, 1.0)
    angle = np.arctan2(across, along) + np.where(outside, np.arcsin(sine), np.pi)
    share = min(1.0, head.error / float(np.linalg.norm(head.weights)))
    own = np.arcsin(share) if share < 1 else np.pi
    angle += own + 16 * (centres.shape[1] + 8) * UNIT
    return np.asarray(2 * np.sin(np.minimum(angle, np.pi) / 2))


def _turned(weights: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Distances of the direction of the first head from those of the others, and their errors."""
    sizes = np.linalg.norm(weights, axis=1)
    known: Booleans = errors < sizes
    units = weights / np.where(sizes > 0, sizes, 1.0)[:, np.newaxis]
    # a vector that moves by r < |w| turns by arcsin(r / |w|) at most, at a distance below sqrt(2) r
    off = np.where(known, np.sqrt(2) * errors / np.where(known, sizes, 1.0), 2.0)
    distance = np.linalg.norm(units[1:] - units[0], axis=1)
    return distance, np.minimum(2.0, off[1:] + off[0] + 8 * (weights.shape[1] + 8) * UNIT)
