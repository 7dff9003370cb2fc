"""Where counterexamples on optimisers with a memory are searched: few samples, all in a step."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np

from tunebound import bounds, tuning
from tunebound._ground.arrays import Floats
from tunebound.theory.engine.fifty_digits import DIGITS, ROUNDED_ONCE
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.engine.small_samples import Shape, fewer_steps, separable_member, simpler
from tunebound.theory.stochastic_heads.evidence import StochasticEvidence
from tunebound.theory.stochastic_heads.setting import StochasticOptions, learning_rate
from tunebound.theory.stochastic_heads.tasks import StochasticTask

SHAPES = ((5, 2), (7, 2), (6, 3))
STEPS = (1, 10)
OPTIMISERS = ("adam", "heavy-ball", "nesterov", "descent")
MOST_STEPS = 1000


class StochasticSearch(SearchSpace[StochasticTask, StochasticOptions]):
    """Data with margin at least 1 along the first axis; every optimiser on all samples."""

    def charts(
        self, options: StochasticOptions, given: Collection[str]
    ) -> Sequence[Chart[StochasticTask, StochasticOptions]]:
        steps = (options.steps,) if "steps" in given else STEPS
        return [
            Chart(
                name=f"{optimiser}, n = {n}, d = {d}, t = {t}",
                options=replace(options, steps=t, device="cpu"),
                starts=partial(_starts, shape=(n, d)),
                member=partial(_member, shape=(n, d), optimiser=optimiser),
            )
            for optimiser, (n, d), t in itertools.product(OPTIMISERS, SHAPES, steps)
        ]

    def smaller(
        self, member: StochasticTask, options: StochasticOptions
    ) -> Iterator[tuple[StochasticTask, StochasticOptions]]:
        if member.order != "full":
            return
        yield from ((replace(member, data=data), options) for data in simpler(member.data))
        for fewer in fewer_steps(options.steps):
            yield member, replace(options, steps=fewer)

    def shape(self, member: StochasticTask) -> str:
        return f"{member.optimiser}, n = {member.data.n}, d = {member.data.d}"

    def precisely(self, member: StochasticTask, options: StochasticOptions) -> StochasticEvidence:
        if member.order != "full" or options.steps > MOST_STEPS:
            raise ValueError(
                f"50 digits follow at most {MOST_STEPS} steps on all samples, got"
                f" order={member.order!r} and {options.steps} steps"
            )
        rate, fraction = learning_rate(member, options)
        return StochasticEvidence(
            task=member,
            separator=bounds.max_margin(member.data.X, member.data.y),
            run=_precise_run(member, options.steps, rate),
            rate_fraction=fraction,
        )


def _starts(rng: np.random.Generator, count: int, shape: Shape) -> Floats:
    points = rng.standard_normal((count, *shape)) * 10 ** rng.uniform(-1.5, 0.5, (count, 1, 1))
    return points.reshape(count, -1)


def _member(point: Floats, shape: Shape, optimiser: str) -> StochasticTask:
    return StochasticTask(data=separable_member(point, shape), optimiser=optimiser, order="full")


def _precise_run(task: StochasticTask, steps: int, rate: float) -> tuning.HeadRun:
    """All heads by `torch.optim`'s rules with 50 digits, the last step recorded, rounded once."""
    n, d = task.data.n, task.data.d
    with mpmath.workdps(DIGITS):
        Z = [mpmath.matrix(row.tolist()) for row in task.data.X * task.data.y[:, None]]
        runs = [_descend(Z, skipped, task, steps, rate) for skipped in (None, *range(n))]
        heads, linear = [w for w, _ in runs], task.optimiser != "adam"
        norms = [mpmath.norm(w) for w in heads]
        if min(norms) == 0:
            raise ValueError("with 50 digits a head is zero and has no direction")
        units = [w / norm for w, norm in zip(heads, norms, strict=True)]
        margins = [
            min((z.T * unit)[0] for j, z in enumerate(Z) if j != head - 1)
            for head, unit in enumerate(units)
        ]

        def row(values: Any) -> Floats:
            return np.array([[float(value) for value in values]])

        return tuning.HeadRun(
            steps=np.array([steps]),
            direction_distance=row(mpmath.norm(unit - units[0]) for unit in units[1:]),
            distance=row(mpmath.norm(w - heads[0]) for w in heads[1:]),
            certificate=np.full((1, n), np.nan),
            margin=row(margins),
            norm=row(norms),
            path=row(heads[0]),
            direction_error=None,
            weights=np.array([[float(w[c]) for c in range(d)] for w in heads]),
            resolution=np.array([ROUNDED_ONCE]),
            learning_rate=rate,
            weighting="1/n",
            coefficients=row(runs[0][1]) if linear else None,
        )


def _descend(
    Z: list[Any], skipped: int | None, task: StochasticTask, steps: int, rate: float
) -> tuple[Any, Any]:
    """One head without a sample, the others with the weight 1/n, and what each sample's gradients
    have moved (of a linear optimiser).
    """
    n, d = len(Z), task.data.d
    w, first, second = (mpmath.zeros(d, 1) for _ in range(3))
    moved, velocity = mpmath.zeros(n, 1), mpmath.zeros(n, 1)
    momentum = mpmath.mpf(0 if task.optimiser == "descent" else task.momentum)
    adam = tuning.Adam()
    for t in range(1, steps + 1):
        pushes = mpmath.matrix(
            [
                0 if j == skipped else 1 / (n * (1 + mpmath.exp((z.T * w)[0])))
                for j, z in enumerate(Z)
            ]
        )
        slope = mpmath.zeros(d, 1)
        for push, z in zip(pushes, Z, strict=True):
            slope -= push * z
        if task.optimiser == "adam":
            one, two = mpmath.mpf(adam.beta1), mpmath.mpf(adam.beta2)
            first = one * first + (1 - one) * slope
            second = two * second + (1 - two) * slope.apply(lambda v: v * v)
            scale = (second / (1 - two**t)).apply(mpmath.sqrt)
            move = mpmath.matrix(
                [first[c] / (1 - one**t) / (scale[c] + mpmath.mpf(adam.epsilon)) for c in range(d)]
            )
        else:
            first, velocity = momentum * first + slope, momentum * velocity + pushes
            ahead = task.optimiser == "nesterov"
            move = slope + momentum * first if ahead else first
            moved += mpmath.mpf(rate) * (pushes + momentum * velocity if ahead else velocity)
        w -= mpmath.mpf(rate) * move
    return w, moved
