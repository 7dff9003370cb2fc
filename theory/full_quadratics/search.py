"""Where counterexamples on quadratics are searched: few samples with diagonal Hessians and one
minimiser.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import mpmath  # type: ignore[import-untyped]
import numpy as np

from tunebound import synthetic, tuning
from tunebound._ground.arrays import Floats
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.full_quadratics.evidence import FullEvidence, Problem
from tunebound.theory.full_quadratics.setting import QuadraticsOptions

SHAPES = ((2, 1), (2, 2), (3, 1), (3, 2), (5, 1))
STEPS = (1, 2, 3, 6, 12)
MOST_STEPS = 1000
FLATTEST = 12.0  # −ln of the smallest μ/β
DECIMALS = (1, 2, 3, 4)
DIGITS = 50


class QuadraticSearch(SearchSpace[Problem, QuadraticsOptions]):
    """β = 1 and ‖w_0 − w*‖ = 1 by choice of units; the spectrum, μ and the start are free."""

    def charts(
        self, options: QuadraticsOptions, given: Collection[str]
    ) -> Sequence[Chart[Problem, QuadraticsOptions]]:
        steps = (options.steps,) if "steps" in given else STEPS
        return [
            Chart(
                name=f"n = {n}, d = {d}, T = {t}",
                options=replace(options, steps=t),
                starts=partial(_starts, shape=(n, d)),
                member=partial(_member, shape=(n, d)),
            )
            for (n, d), t in itertools.product(SHAPES, steps)
        ]

    def smaller(
        self, member: Problem, options: QuadraticsOptions
    ) -> Iterator[tuple[Problem, QuadraticsOptions]]:
        if not isinstance(member, synthetic.QuadraticProblem):
            return
        values = np.diagonal(member.hessians, axis1=1, axis2=2)
        start = member.start - member.minimiser
        if member.n > 2:
            for i in range(member.n):
                yield _problem(np.delete(values, i, axis=0), start), options
        if member.d > 1:
            for j in range(member.d):
                yield _problem(np.delete(values, j, axis=1), np.delete(start, j)), options
        for fewer in (1, options.steps // 2, options.steps - 1):
            if 1 <= fewer < options.steps:
                yield member, replace(options, steps=fewer)
        for decimals in DECIMALS:
            short, origin = np.round(values, decimals), np.round(start, decimals)
            changed = not np.array_equal(short, values) or not np.array_equal(origin, start)
            curved = short.min() > 0 and np.ptp(short) > 0  # μ = β is the edge of the class
            if changed and curved and np.any(origin != 0):
                yield _problem(short, origin), options

    def precisely(self, member: Problem, options: QuadraticsOptions) -> FullEvidence:
        if not isinstance(member, synthetic.QuadraticProblem):
            raise ValueError(
                "only quadratics are followed with 50 digits; this problem has other losses"
            )
        if options.steps > MOST_STEPS:
            raise ValueError(f"50 digits follow at most {MOST_STEPS} steps, got {options.steps}")
        return FullEvidence(member, _precise_run(member, options), member)


def _starts(rng: np.random.Generator, count: int, shape: tuple[int, int]) -> Floats:
    n, d = shape
    return rng.standard_normal((count, 1 + n * d + d))


def _member(point: Floats, shape: tuple[int, int]) -> Problem:
    """First number: μ/β; then where in [μ, β] each eigenvalue lies; then the start's direction."""
    n, d = shape
    kappa = np.exp(-FLATTEST * (1 - np.cos(point[0])) / 2)
    within = (1 - np.cos(point[1 : 1 + n * d])) / 2
    spread = within.max() - within.min()
    if spread == 0:
        raise ValueError("all eigenvalues agree")
    values = kappa + (1 - kappa) * (within - within.min()) / spread
    start = point[1 + n * d :]
    return _problem(values.reshape(n, d), start / np.linalg.norm(start))


def _problem(values: Floats, start: Floats) -> synthetic.QuadraticProblem:
    n, d = values.shape
    hessians = np.zeros((n, d, d))
    hessians[:, np.arange(d), np.arange(d)] = values
    return synthetic.QuadraticProblem.from_arrays(hessians, np.zeros((n, d)), start)


def _precise_run(problem: synthetic.QuadraticProblem, options: QuadraticsOptions) -> tuning.FullRun:
    """All runs by gradient descent on the mean of the quadratics with 50 digits, rounded once."""
    n, d, steps = problem.n, problem.d, int(options.steps)
    recorded = tuning.record_steps(steps)
    distance, loss = np.empty((len(recorded), n)), np.empty(len(recorded))
    gradient_norms = np.empty((steps, n))
    rate = 1 / problem.beta
    with mpmath.workdps(DIGITS):
        H = [mpmath.matrix(h.tolist()) for h in problem.hessians]
        centres = [mpmath.matrix(m.tolist()) for m in problem.minimisers]
        eta = mpmath.mpf(rate)
        others = mpmath.mpf(1) / (n if options.weighting == "1/n" else n - 1)
        start = mpmath.matrix(problem.start.tolist())
        runs = [start.copy() for _ in range(n + 1)]

        def value(w: mpmath.matrix) -> mpmath.mpf:
            offsets = [w - m for m in centres]
            return sum(((o.T * h * o)[0] for h, o in zip(H, offsets, strict=True))) / (2 * n)

        initial, k = float(value(start)), 0
        for t in range(1, steps + 1):
            slopes = [[h * (w - m) for h, m in zip(H, centres, strict=True)] for w in runs]
            gradient_norms[t - 1] = [float(mpmath.norm(g)) for g in slopes[0]]
            for run in range(n + 1):
                weight = mpmath.mpf(1) / n if run == 0 else others
                for i in range(n):
                    if i != run - 1:
                        runs[run] = runs[run] - eta * weight * slopes[run][i]
            if t == recorded[k]:
                distance[k] = [float(mpmath.norm(runs[0] - runs[1 + i])) for i in range(n)]
                loss[k] = float(value(runs[0]))
                k += 1
        weights = np.array([[float(w[c]) for c in range(d)] for w in runs])
    return tuning.FullRun(
        steps=recorded,
        distance=distance,
        loss=loss,
        gradient_norms=gradient_norms,
        initial_loss=initial,
        weights=weights,
        learning_rate=rate,
        weighting=options.weighting,
    )
