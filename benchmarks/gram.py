"""More features than samples: the engine, which then iterates in the Gram space, against the same
step in the feature space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks.clock import alternating_slopes, ratio
from benchmarks.data import batch
from benchmarks.head_peers import Run, in_place
from benchmarks.heads import agreement, ours
from benchmarks.tables import Cell, Table

# n, d/n, D, steps
FULL = ((50, 1, 100, 800), (50, 2, 100, 800), (50, 10, 40, 800), (100, 2, 40, 400))
QUICK = ((10, 1, 3, 20), (10, 2, 3, 20), (10, 10, 3, 20))


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Time a step in both spaces."""
    rows: list[tuple[Cell, ...]] = []
    for n, times, D, steps in QUICK if quick else FULL:
        d = times * n
        progress(f"Gram space at n = {n}, d = {d}, D = {D}")
        # The family "wide" plants its separator among more features than samples; at d = n a
        # generic cloud will do.
        data = batch(n, d, D, "wide" if times > 1 else "gaussian")
        candidates: dict[str, Run] = {
            "engine": partial(ours, data, "float64"),
            "features": in_place(data.Z, data.rates, n + 1),
        }
        gap = agreement(
            "the feature space",
            candidates["features"](1 + steps),
            candidates["engine"](1 + steps),
            1e-9,
        )
        taken = alternating_slopes(candidates, steps, 1 if quick else 5)
        unit = {name: value and 1e9 * value / data.units for name, value in taken.items()}
        rows.append(
            (
                f"{n}, {d}, {D}",
                times,
                unit["engine"],
                unit["features"],
                ratio(unit["features"], unit["engine"]),
                gap,
            )
        )
    yield Table(
        name="gram",
        title="More features than samples",
        columns=(
            "n, d, D",
            "d / n",
            "tune_heads, ns a unit",
            "feature space, ns a unit",
            "times faster",
            "difference",
        ),
        rows=tuple(rows),
        notes=(
            (
                "The feature space is iterated in place, by two batched products a step: what the"
                " engine does where d < n."
            ),
        ),
    )
