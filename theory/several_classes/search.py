"""Where counterexamples on softmax heads are searched: two samples or more a class, exact steps."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tunebound import synthetic
from tunebound._ground.arrays import Floats, Integers
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.engine.small_samples import fewer_steps, rounded
from tunebound.theory.several_classes.evidence import ClassEvidence
from tunebound.theory.several_classes.precise import precise_evidence
from tunebound.theory.several_classes.setting import ClassOptions

Shape = tuple[int, int, int]

# Classes, samples and features; two samples a class are needed to leave one out.
SHAPES: tuple[Shape, ...] = ((2, 4, 4), (3, 6, 2), (3, 6, 6), (4, 8, 4))
STEPS = (1, 20)
MOST_EXACT = 300  # beyond it 50 digits take minutes


class ClassSearch(SearchSpace[synthetic.ClassDataset, ClassOptions]):
    """Every sample's own class leads by at least 1 under one fixed head, whatever the point is:
    separable.
    """

    def charts(
        self, options: ClassOptions, given: Collection[str]
    ) -> Sequence[Chart[synthetic.ClassDataset, ClassOptions]]:
        steps = (options.steps,) if "steps" in given else STEPS
        fraction = options.rate_fraction if "rate_fraction" in given else 1.0
        return [
            Chart(
                name=f"K = {classes}, n = {n}, d = {d}, t = {t:g}",
                options=replace(
                    options, steps=t, exact=t <= MOST_EXACT, rate_fraction=fraction, device="cpu"
                ),
                starts=partial(_starts, shape=(classes, n, d)),
                member=partial(_member, shape=(classes, n, d)),
            )
            for (classes, n, d), t in itertools.product(SHAPES, steps)
        ]

    def smaller(
        self, member: synthetic.ClassDataset, options: ClassOptions
    ) -> Iterator[tuple[synthetic.ClassDataset, ClassOptions]]:
        X, y = member.X, member.y
        if member.classes > 2:
            for gone in range(member.classes):
                kept = y != gone
                yield _data(X[kept], y[kept] - (y[kept] > gone)), options
        for i in range(member.n):
            if (y == y[i]).sum() > 2:
                yield _data(np.delete(X, i, axis=0), np.delete(y, i)), options
        if member.d > 1:
            yield _data(X @ np.linalg.svd(X)[2][:-1].T, y), options
            for j in range(member.d):
                yield _data(np.delete(X, j, axis=1), y), options
        if options.exact:
            for fewer in fewer_steps(options.steps):
                yield member, replace(options, steps=fewer)
        yield from ((_data(short, y), options) for short in rounded(X))

    def shape(self, member: synthetic.ClassDataset) -> str:
        return f"K = {member.classes}, {super().shape(member)}"

    def precisely(self, member: synthetic.ClassDataset, options: ClassOptions) -> ClassEvidence:
        if not options.exact or options.steps > MOST_EXACT:
            raise ValueError(
                f"50 digits follow at most {MOST_EXACT} exact steps, got {options.steps:g}; give"
                " exact=True and fewer steps"
            )
        return precise_evidence(member, options)


def _data(X: Floats, y: Integers) -> synthetic.ClassDataset:
    return synthetic.ClassDataset.from_arrays(X, y)


def _starts(rng: np.random.Generator, count: int, shape: Shape) -> Floats:
    """Normal clouds of all widths, the leads of the own classes all near 1."""
    _, n, d = shape
    points = rng.standard_normal((count, n, d + 1)) * 10 ** rng.uniform(-1.0, 1.0, (count, 1, 1))
    points[:, :, 0] = 0.1 * rng.standard_normal((count, n))
    return points.reshape(count, -1)


def _member(point: Floats, shape: Shape) -> synthetic.ClassDataset:
    """First number of a sample: by how much more than 1 its own class leads; then its scores
    against the others, d numbers with what is beside the scores.
    """
    classes, n, d = shape
    y = np.arange(n) % classes
    rows = point.reshape(n, d + 1)
    scores = np.zeros((n, classes))
    rivals = np.arange(classes) != y[:, np.newaxis]
    scores[rivals] = rows[:, 1:classes].ravel()
    scores[np.arange(n), y] = (
        np.where(rivals, scores, -np.inf).max(axis=1) + 1.0 + np.abs(rows[:, 0])
    )
    # heads that differ by one common row score alike: K − 1 coordinates carry all differences
    corners = np.linalg.svd(np.eye(classes) - 1.0 / classes)[0][:, :-1]
    return _data(np.hstack([scores @ corners, rows[:, classes : d + 1]]), y)
