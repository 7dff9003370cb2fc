"""How the time of exact steps grows with the number of samples, features, data sets and steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from benchmarks.clock import alternating, alternating_slopes
from benchmarks.data import Batch, batch
from benchmarks.heads import ours
from benchmarks.tables import Cell, Table

STEPS = 40
FULL = {
    "n": (50, 100, 200, 400),
    "d": (10, 20, 40, 80),
    "D": (15, 30, 60, 120),
    "T": (50, 100, 200, 400),
}
QUICK = {"n": (8, 16), "d": (3, 6), "D": (2, 4), "T": (20, 40)}
AROUND = {"n": 100, "d": 20, "D": 60}
SMALL = {"n": 12, "d": 4, "D": 3}
EXPECTED = {
    "n": "2: heads times samples",
    "d": "at most 1: 4d flop, and a sigmoid",
    "D": "1",
    "T": "1",
}


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Slopes of log time over log size."""
    rows: list[tuple[Cell, ...]] = []
    sizes, around, rounds = (QUICK, SMALL, 1) if quick else (FULL, AROUND, 3)
    for axis, values in sizes.items():
        progress(f"growth over {axis}")
        taken = (
            _whole_runs(around, values, rounds)
            if axis == "T"
            else _steps(around, axis, values, rounds)
        )
        known = [(value, time) for value, time in zip(values, taken, strict=True) if time]
        slope = _slope(known) if len(known) > 1 else None
        shown = ", ".join("–" if time is None else f"{1e3 * time:.3g}" for time in taken)
        rows.append((axis, ", ".join(map(str, values)), shown, slope, EXPECTED[axis]))
    fixed = ", ".join(f"{name} = {value}" for name, value in around.items())
    yield Table(
        name="growth",
        title="Growth of the time of exact steps, all left-out heads",
        columns=("over", "values", "ms", "slope of log time", "expected"),
        rows=tuple(rows),
        notes=(
            (
                f"The others stay at {fixed}. A step's milliseconds over n, d and D; those of a"
                " whole run over T."
            ),
        ),
    )


def _steps(
    around: dict[str, int], axis: str, values: tuple[int, ...], rounds: int
) -> list[float | None]:
    candidates = {
        str(value): partial(ours, _batch({**around, axis: value}), "float64") for value in values
    }
    return list(alternating_slopes(candidates, STEPS, rounds).values())


def _whole_runs(around: dict[str, int], values: tuple[int, ...], rounds: int) -> list[float | None]:
    data = _batch(around)
    return list(
        alternating(
            {str(value): partial(ours, data, "float64", value) for value in values}, rounds
        ).values()
    )


def _batch(size: dict[str, int]) -> Batch:
    return batch(size["n"], size["d"], size["D"])


def _slope(known: list[tuple[int, float]]) -> float:
    sizes, times = np.log(np.array(known)).T
    return float(np.polyfit(sizes, times, 1)[0])
