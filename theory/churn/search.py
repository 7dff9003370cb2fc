"""Where counterexamples on churn are searched: few samples, and points drawn from them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tunebound import synthetic, tuning
from tunebound._ground.arrays import Floats
from tunebound.theory.churn.evidence import ChurnEvidence
from tunebound.theory.churn.setting import ChurnOptions, drawn_points
from tunebound.theory.engine.precise_heads import precise_run, precise_separators
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.engine.small_samples import Shape, fewer_steps, separable_member, simpler

SHAPES: tuple[Shape, ...] = ((4, 2), (4, 4), (5, 3), (6, 2))
STEPS = (1, 20)
MOST_STEPS = 1000  # beyond it 50 digits take minutes
HALF_RATE = 0.5  # of the largest stable step size: what `tune_heads` takes


class ChurnSearch(SearchSpace[synthetic.SeparableDataset, ChurnOptions]):
    """Data with margin at least 1 along the first axis; the points follow from the data."""

    def charts(
        self, options: ChurnOptions, given: Collection[str]
    ) -> Sequence[Chart[synthetic.SeparableDataset, ChurnOptions]]:
        steps = (options.steps,) if "steps" in given else STEPS
        return [
            Chart(
                name=f"n = {n}, d = {d}, t = {t}",
                options=replace(options, steps=t),
                starts=partial(_starts, shape=(n, d)),
                member=partial(separable_member, shape=(n, d)),
            )
            for (n, d), t in itertools.product(SHAPES, steps)
        ]

    def smaller(
        self, member: synthetic.SeparableDataset, options: ChurnOptions
    ) -> Iterator[tuple[synthetic.SeparableDataset, ChurnOptions]]:
        yield from ((each, options) for each in simpler(member))
        for fewer in fewer_steps(options.steps):
            yield member, replace(options, steps=fewer)
        for fewer in fewer_steps(options.points):
            yield member, replace(options, points=fewer)

    def precisely(self, member: synthetic.SeparableDataset, options: ChurnOptions) -> ChurnEvidence:
        if options.steps > MOST_STEPS:
            raise ValueError(f"50 digits follow at most {MOST_STEPS} steps, got {options.steps}")
        separator, left_out, _ = precise_separators(member)
        rate = HALF_RATE * float(tuning.learning_rate_limits(member.X))
        return ChurnEvidence(
            data=member,
            points=drawn_points(member, options.points),
            separator=separator,
            left_out=left_out,
            run=precise_run(member, steps=options.steps, rate=rate),
        )


def _starts(rng: np.random.Generator, count: int, shape: Shape) -> Floats:
    points = rng.standard_normal((count, *shape)) * 10 ** rng.uniform(-1.0, 1.0, (count, 1, 1))
    return points.reshape(count, -1)
