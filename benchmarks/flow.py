"""Log-time flow: how near it stays to exact steps, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import DisagreementError, alternating, ratio
from benchmarks.data import Batch, batch
from benchmarks.tables import Cell, Table
from tunebound.tuning import HeadRun, flow_heads, tune_heads

# families, n, d, and the steps to compare after
FULL_NEAR = (
    (
        (
            "gaussian",
            "heavy_tailed",
            "degenerate",
            "clustered",
            "anisotropic",
            "near_duplicates",
            "few_support",
        ),
        40,
        5,
        (10**4, 10**5, 10**6),
    ),
    (("wide",), 20, 30, (10**4, 10**5)),
)
QUICK_NEAR = ((("gaussian", "degenerate"), 10, 3, (3_000,)),)
FULL_COST = (100, 20, 40, 10_000, (1e4, 1e12, 1e30))  # n, d, D, exact steps, flows
QUICK_COST = (10, 3, 3, 3_000, (3e3, 1e12, 1e30))
# n, d, flow: the shape of features of a frozen encoder
FULL_WIDE = (200, 385, 1e30)
QUICK_WIDE = (12, 20, 1e12)
AGREEMENT = 1e-5  # of unit directions; a hundred times what the flow's tolerance of 1e-6 gives


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Differences from exact steps, then seconds."""
    yield _near(quick, progress)
    yield _cost(quick, progress)
    yield _wide(quick, progress)


def _near(quick: bool, progress: Callable[[str], None]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for names, n, d, marks in QUICK_NEAR if quick else FULL_NEAR:
        progress(f"log-time flow against exact steps to {marks[-1]:,}: {', '.join(names)}")
        drawn = [batch(n, d, 1, name) for name in names]
        X, y = (np.concatenate([getattr(data, name) for data in drawn]) for name in ("X", "y"))
        exact = tune_heads(X, y, steps=marks[-1], record=list(marks), device="cpu")
        flow = flow_heads(X, y, until=marks[-1], record=list(marks), device="cpu")
        for index, name in enumerate(names):
            for k, mark in enumerate(marks):
                rows.append((name, f"{n}, {d}", f"{mark:,}", *_differences(exact, flow, k, index)))
    return Table(
        name="flow_accuracy",
        title="Log-time flow against exact steps",
        columns=(
            "family",
            "n, d",
            "steps",
            "direction of w_S",
            "mean left-out distance, relative",
            "largest difference of a left-out distance",
        ),
        rows=tuple(rows),
        notes=("One data set a family, float64; distances are those of unit directions.",),
    )


def _differences(exact: HeadRun, flow: HeadRun, k: int, index: int) -> tuple[float, float, float]:
    a, b = exact.path[k, index], flow.path[k, index]
    direction = float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))
    left, right = exact.direction_distance[k, index], flow.direction_distance[k, index]
    if not direction <= AGREEMENT:
        raise DisagreementError(
            f"the flow's direction is off by {direction:.2g} from that of exact steps, more than"
            f" {AGREEMENT:g}"
        )
    return (
        direction,
        float(abs(left.mean() - right.mean()) / left.mean()),
        float(np.abs(left - right).max()),
    )


def _cost(quick: bool, progress: Callable[[str], None]) -> Table:
    n, d, D, steps, ends = QUICK_COST if quick else FULL_COST
    data = batch(n, d, D)
    progress(f"cost of the flow at n = {n}, d = {d}, D = {D}")
    exact = partial(_exact, data, steps)
    candidates: dict[str, Callable[[], Any]] = {f"exact steps to {steps:,}": exact}
    candidates |= {f"flow to {end:g}": partial(_flow, data, end) for end in ends}
    gap = float(np.abs(_directions(exact()) - _directions(_flow(data, float(steps)))).max())
    if not gap <= AGREEMENT:
        raise DisagreementError(
            f"after {steps:,} steps a direction of the flow is off by {gap:.2g}, more than"
            f" {AGREEMENT:g}"
        )
    taken = alternating(candidates, 1 if quick else 2)
    first = taken[f"exact steps to {steps:,}"]
    rows = tuple((name, time, ratio(first, time)) for name, time in taken.items())
    return Table(
        name="flow_cost",
        title=f"Seconds for {D} data sets of n = {n}, d = {d}, every left-out head",
        columns=("way", "s", "times faster than exact steps"),
        rows=rows,
        notes=(
            (
                f"The largest difference of a coordinate of a unit direction after {steps:,} steps"
                f" is {gap:.2g}, of all {n + 1} heads."
            ),
        ),
    )


def _wide(quick: bool, progress: Callable[[str], None]) -> Table:
    n, d, end = QUICK_WIDE if quick else FULL_WIDE
    progress(f"cost of the flow at n = {n}, d = {d}")
    data = batch(n, d, 1, "wide")
    taken = alternating({"flow": partial(_flow, data, end)}, 1 if quick else 2)
    run = _flow(data, end)
    return Table(
        name="flow_wide",
        title=f"Seconds for a data set of n = {n}, d = {d}, every left-out head, to {end:g}",
        columns=("s", "resolution"),
        rows=((taken["flow"], float(run.resolution[-1].max())),),
        notes=("More features than samples: the systems of a step are solved among the samples.",),
    )


def _exact(data: Batch, steps: int) -> HeadRun:
    return tune_heads(
        data.X, data.y, steps=steps, learning_rate=data.rates, record=[steps], device="cpu"
    )


def _flow(data: Batch, until: float) -> HeadRun:
    return flow_heads(
        data.X, data.y, until=until, learning_rate=data.rates, record=[until], device="cpu"
    )


def _directions(run: HeadRun) -> NDArray[np.float64]:
    return run.weights / np.linalg.norm(run.weights, axis=-1, keepdims=True)
