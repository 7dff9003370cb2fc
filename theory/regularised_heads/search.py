"""Where counterexamples on regularised heads are searched: few mirror pairs, separable or not."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import mpmath  # type: ignore[import-untyped]
import numpy as np

from tunebound import synthetic, tuning
from tunebound._ground.arrays import Floats
from tunebound.bounds import regularised
from tunebound.theory.engine.fifty_digits import DIGITS, Vector, dot, exactly, floats, norm
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.engine.small_samples import DIGITS as DECIMALS
from tunebound.theory.engine.small_samples import Shape, fewer_steps
from tunebound.theory.regularised_heads.evidence import AtStrength, RegularisedEvidence
from tunebound.theory.regularised_heads.setting import RegularisedOptions, drawn_points

SHAPES: tuple[Shape, ...] = ((2, 2), (2, 3), (3, 3), (4, 2))  # mirror pairs and features
FEWEST_PAIRS = 2  # two samples a class, so that each can be left out
LARGEST = 100.0  # entry of a sample
CONVERGED = mpmath.mpf(10) ** -40  # largest step of Newton's method that is the last
MOST_ITERATIONS = 50


class RegularisedSearch(SearchSpace[synthetic.MirroredDataset, RegularisedOptions]):
    """Mirror pairs around the first axis: all on its right side, or the first pair on the wrong
    one.
    """

    steps_called = "1/λ"

    def charts(
        self, options: RegularisedOptions, given: Collection[str]
    ) -> Sequence[Chart[synthetic.MirroredDataset, RegularisedOptions]]:
        return [
            Chart(
                name=f"n = {2 * pairs}, d = {d}, {'separable' if separable else 'not separable'}",
                options=options,
                starts=partial(_starts, shape=(pairs, d)),
                member=partial(_member, shape=(pairs, d), separable=separable),
            )
            for (pairs, d), separable in itertools.product(SHAPES, (True, False))
        ]

    def smaller(
        self, member: synthetic.MirroredDataset, options: RegularisedOptions
    ) -> Iterator[tuple[synthetic.MirroredDataset, RegularisedOptions]]:
        activities, lateral = member.activities, _lateral(member)
        pairs, across = lateral.shape
        if pairs > FEWEST_PAIRS:
            for k in range(pairs):
                yield _mirrored(np.delete(activities, k), np.delete(lateral, k, axis=0)), options
        if across > 1:
            yield _mirrored(activities, lateral @ np.linalg.svd(lateral)[2][:-1].T), options
        strengths = options.values()
        if len(strengths) > 2:
            for strongest, weakest in itertools.pairwise(strengths):
                two = replace(options, strongest=strongest, weakest=weakest, strengths=2)
                yield member, two
        for fewer in fewer_steps(options.points):
            yield member, replace(options, points=fewer)
        for digits in DECIMALS:
            short = np.round(activities, digits), np.round(lateral, digits)
            changed = any(map(np.not_equal, short[0], activities)) or np.any(short[1] != lateral)
            if changed and np.all(np.any(np.column_stack(short) != 0, axis=1)):
                yield _mirrored(*short), options

    def precisely(
        self, member: synthetic.MirroredDataset, options: RegularisedOptions
    ) -> RegularisedEvidence:
        points = drawn_points(member, options.points)
        at = []
        for strength in options.values():
            heads = _minimised(member, strength)
            approximation = regularised.approximate_leave_one_out(
                member.X, member.y, heads.weights[0], lam=strength
            )
            at.append(
                AtStrength(data=member, points=points, heads=heads, approximation=approximation)
            )
        return RegularisedEvidence(member, member, tuple(at))


def _starts(rng: np.random.Generator, count: int, shape: Shape) -> Floats:
    points = rng.standard_normal((count, *shape)) * 10 ** rng.uniform(-1.0, 1.0, (count, 1, 1))
    points[:, :, 0] = rng.standard_normal((count, shape[0]))
    return points.reshape(count, -1)


def _member(point: Floats, shape: Shape, separable: bool) -> synthetic.MirroredDataset:
    """First number of a pair: the logarithm of its activity's size; then what is across."""
    rows = point.reshape(shape)
    if max(rows[:, 0].max(), np.log1p(np.abs(rows[:, 1:]).max())) > np.log(LARGEST):
        raise ValueError("samples so long that weak penalties take hundreds of Newton steps")
    activities = np.exp(rows[:, 0])
    if not separable:
        activities[0] *= -1
    return _mirrored(activities, rows[:, 1:])


def _lateral(data: synthetic.MirroredDataset) -> Floats:
    """Coordinates across the axis of the first of each pair, shape (pairs, d − 1)."""
    across = np.linalg.svd(np.outer(data.axis, data.axis))[0][:, 1:]
    return np.asarray((data.X * data.y[:, None])[::2] @ across)


def _mirrored(activities: Floats, lateral: Floats) -> synthetic.MirroredDataset:
    """Pairs around the first axis, the two of a pair in one class each."""
    pairs, across = lateral.shape
    rows = np.empty((2 * pairs, across + 1))
    rows[:, 0] = np.repeat(activities, 2)
    rows[::2, 1:], rows[1::2, 1:] = lateral, -lateral
    y = np.where(np.arange(2 * pairs) % 2, -1, 1)
    return synthetic.MirroredDataset(X=rows * y[:, None], y=y, axis=np.eye(across + 1)[0])


def _minimised(data: synthetic.MirroredDataset, strength: float) -> tuning.MinimisedHeads:
    """All minimisers by Newton's method with 50 digits from those of float64, rounded once; the
    rounding is their error.
    """
    start = tuning.minimise_heads(data.X, data.y, strength=strength)
    with mpmath.workdps(DIGITS):
        Z = exactly(data.X * data.y[:, None])
        heads = [
            _minimiser([z for j, z in enumerate(Z) if j != gone], len(Z), strength, guess)
            for gone, guess in zip((None, *range(len(Z))), start.weights, strict=True)
        ]
        return tuning.MinimisedHeads(
            weights=np.array([floats(w) for w in heads]),
            error=floats(norm(w) for w in heads) * float(np.finfo(float).eps),
            iterations=start.iterations,
            strength=strength,
        )


def _minimiser(kept: Sequence[Vector], n: int, strength: float, guess: Floats) -> Vector:
    """argmin of (1/n) Σ ln(1 + e^{−zᵀw}) over the kept samples, plus (λ/2)‖w‖²."""
    lam, d = mpmath.mpf(strength), len(guess)
    w = exactly(guess[np.newaxis])[0]
    for _ in range(MOST_ITERATIONS):
        residuals = [1 / (1 + mpmath.exp(dot(z, w))) for z in kept]
        gradient = mpmath.matrix(
            [
                lam * w[c] - mpmath.fsum(p * z[c] for p, z in zip(residuals, kept, strict=True)) / n
                for c in range(d)
            ]
        )
        hessian = lam * mpmath.eye(d)
        for p, z in zip(residuals, kept, strict=True):
            column = mpmath.matrix(z)
            hessian += p * (1 - p) / n * (column * column.T)
        step = list(mpmath.lu_solve(hessian, gradient))
        w = [value - change for value, change in zip(w, step, strict=True)]
        if norm(step) <= CONVERGED * (1 + norm(w)):
            return w
    raise ValueError(f"with 50 digits Newton's method did not converge at strength {strength:g}")
