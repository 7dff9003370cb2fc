"""Where counterexamples on optimisers with a memory are searched: few samples, all in a step."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound._ground.arrays import Floats
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.stochastic_heads.evidence import StochasticEvidence
from tunebound.theory.stochastic_heads.setting import StochasticOptions, learning_rate
from tunebound.theory.stochastic_heads.tasks import StochasticTask

SHAPES = ((5, 2), (7, 2), (6, 3))
STEPS = (1, 10)
OPTIMISERS = ("adam", "heavy-ball", "nesterov", "descent")
MOST_STEPS = 1000
DECIMALS = (1, 2, 3, 5)
DIGITS = 50
ROUNDED_ONCE = 2 * float(np.finfo(float).eps)


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
        Z = member.data.X * member.data.y[:, None]
        n, d = Z.shape
        simpler = [np.delete(Z, i, axis=0) for i in range(n)] if n > 4 else []
        simpler += [np.delete(Z, j, axis=1) for j in range(d)] if d > 1 else []
        simpler += [np.round(Z / np.abs(Z).max(), digits) for digits in DECIMALS]
        for rows in simpler:
            if np.all(np.any(rows != 0, axis=1)) and not np.array_equal(rows, Z):
                yield replace(member, data=_labelled(rows)), options
        for fewer in (1, options.steps // 2, options.steps - 1):
            if 1 <= fewer < options.steps:
                yield member, replace(options, steps=fewer)

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


def _labelled(Z: Floats) -> synthetic.SeparableDataset:
    y = np.where(np.arange(len(Z)) % 2, -1, 1)
    return synthetic.SeparableDataset.from_arrays(Z * y[:, None], y)


def _starts(rng: np.random.Generator, count: int, shape: tuple[int, int]) -> Floats:
    points = rng.standard_normal((count, *shape)) * 10 ** rng.uniform(-1.5, 0.5, (count, 1, 1))
    return points.reshape(count, -1)


def _member(point: Floats, shape: tuple[int, int], optimiser: str) -> StochasticTask:
    Z = point.reshape(shape).copy()
    Z[:, 0] = 1.0 + np.abs(Z[:, 0])
    return StochasticTask(data=_labelled(Z), optimiser=optimiser, order="full")


def _precise_run(task: StochasticTask, steps: int, rate: float) -> tuning.HeadRun:
    """All heads by `torch.optim`'s rules with 50 digits, the last step recorded, rounded once."""
    n, d = task.data.n, task.data.d
    with mpmath.workdps(DIGITS):
        Z = [mpmath.matrix(row.tolist()) for row in task.data.X * task.data.y[:, None]]
        heads = [_descend(Z, skipped, task, steps, rate) for skipped in (None, *range(n))]
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
        )


def _descend(
    Z: list[Any], skipped: int | None, task: StochasticTask, steps: int, rate: float
) -> Any:
    """One head without a sample; the others keep the weight 1/n."""
    d = task.data.d
    w, first, second = (mpmath.zeros(d, 1) for _ in range(3))
    momentum = mpmath.mpf(0 if task.optimiser == "descent" else task.momentum)
    adam = tuning.Adam()
    for t in range(1, steps + 1):
        slope = mpmath.zeros(d, 1)
        for j, z in enumerate(Z):
            if j != skipped:
                slope -= z / (len(Z) * (1 + mpmath.exp((z.T * w)[0])))
        if task.optimiser == "adam":
            one, two = mpmath.mpf(adam.beta1), mpmath.mpf(adam.beta2)
            first = one * first + (1 - one) * slope
            second = two * second + (1 - two) * slope.apply(lambda v: v * v)
            scale = (second / (1 - two**t)).apply(mpmath.sqrt)
            move = mpmath.matrix(
                [first[c] / (1 - one**t) / (scale[c] + mpmath.mpf(adam.epsilon)) for c in range(d)]
            )
        else:
            first = momentum * first + slope
            move = slope + momentum * first if task.optimiser == "nesterov" else first
        w -= mpmath.mpf(rate) * move
    return w
