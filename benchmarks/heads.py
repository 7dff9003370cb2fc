"""Exact steps: the engine against its peers, and against what the machine could do at best."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import head_peers
from benchmarks.clock import DisagreementError, alternating_slopes, ratio, seconds
from benchmarks.data import Batch, batch
from benchmarks.roofline import Rates, roofline
from benchmarks.tables import Cell, Table
from tunebound.tuning import tune_heads
from tunebound.tuning.heads.engine.features import DOUBLE_STEPS

# n, d, D, steps
FULL = (
    (50, 5, 300, 400),
    (100, 20, 300, 100),
    (200, 100, 60, 60),
    (500, 50, 16, 100),
    (1000, 20, 4, 150),
)
QUICK = ((10, 3, 4, 20), (16, 6, 3, 20))
# times the steps of the others in mixed precision: what its first steps take in float64 would drown
# theirs
LONGER = 4
# largest difference of a weight, relative to the largest weight
AGREEMENT = {"float64": 1e-9, "mixed": 1e-5}


@dataclass(frozen=True)
class Way:
    """A way to the left-out heads, and the share of the problem it is measured on."""

    name: str
    share: float = 1.0  # of the data sets
    most_heads: int | None = None  # of one data set

    def sets(self, D: int) -> int:
        """How many data sets it is measured on."""
        return 1 if self.most_heads else min(D, max(1, round(self.share * D)))

    def heads(self, n: int) -> int:
        """How many heads of each."""
        return min(n + 1, self.most_heads or n + 1)


@dataclass(frozen=True, kw_only=True)
class Peer(Way):
    """Not ours: how it is prepared, and what it needs."""

    prepare: Callable[[NDArray, NDArray, int], head_peers.Run]
    package: str = "numpy"


OURS = Way("tune_heads")
MIXED = Way("tune_heads, mixed")
PEERS = (
    Peer(name="(a) loop of nn.Linear + SGD", prepare=head_peers.linear_and_sgd, most_heads=3),
    Peer(name="(b) NumPy loop over heads", prepare=head_peers.numpy_loop, most_heads=8),
    Peer(name="(c) masked NumPy, a data set at once", prepare=head_peers.numpy_masked, share=0.05),
    Peer(name="(d) torch.func.vmap of grad", prepare=head_peers.vmap_of_grad, share=0.1),
    Peer(name="(e) JAX, two einsum", prepare=head_peers.jax_einsum, package="jax"),
    Peer(
        name="(f) numba, parallel over heads",
        prepare=head_peers.numba_loops,
        package="numba",
        share=0.1,
    ),
)


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Ratios, then the share of the roofline."""
    rows: list[tuple[Cell, ...]] = []
    best: list[tuple[Cell, ...]] = []
    for n, d, D, steps in QUICK if quick else FULL:
        progress(f"exact steps at n = {n}, d = {d}, D = {D}")
        data = batch(n, d, D)
        _compare(data, steps, 1 if quick else 5, rows, best)
    yield Table(
        name="heads",
        title="Exact steps: every left-out head, float64 unless the name says otherwise",
        columns=(
            "n, d, D",
            "way",
            "ns a unit",
            "times ours",
            "first call, s",
            "measured on",
            "difference",
        ),
        rows=tuple(rows),
        notes=(
            (
                "A unit is one (step, head, sample). Where a way is measured on some data sets or"
                " heads only, its time is taken to be proportional to their number."
            ),
            (
                "All take the same steps from zero, by the same step sizes; the difference is the"
                " largest of a weight, relative to the largest weight, checked before anything is"
                " timed."
            ),
            (
                "Times are medians of alternating rounds, without what a call costs apart from its"
                " steps; the first call (with any compilation) is a column of its own."
            ),
        ),
    )
    yield Table(
        name="roofline",
        title="Exact steps: the share of what the machine does at best",
        columns=(
            "n, d, D",
            "dtype",
            "matmul, large",
            "matmul, same shapes",
            "sigmoid, ns",
            "at best, ns",
            "tune_heads, ns",
            "of matmul, %",
            "of best, %",
        ),
        rows=tuple(best),
        notes=(
            (
                "matmul in GFLOP/s: of a large square matrix, and of the two batched products of a"
                " step; at best = 4 d flop at the rate of the latter, and a sigmoid, one after the"
                " other. Each part runs on all cores, in the fastest of three chunk sizes."
            ),
            (
                "mixed: products and sigmoid in float32, compared with float32 rates, without its"
                " first steps, which are taken in float64."
            ),
        ),
    )


def _compare(
    data: Batch, steps: int, rounds: int, rows: list[tuple[Cell, ...]], best: list[tuple[Cell, ...]]
) -> None:
    D, n, d = data.shape
    size = f"{n}, {d}, {D}"
    expected = ours(data, "float64", 1 + steps)
    absent: list[str] = []
    gap = agreement(
        MIXED.name,
        mixed(data, 1 + steps),
        ours(data, "float64", DOUBLE_STEPS + 1 + steps),
        AGREEMENT["mixed"],
    )
    first: dict[str, float | None] = {OURS.name: None, MIXED.name: None}
    gaps: dict[str, float | None] = {OURS.name: None, MIXED.name: gap}
    candidates: dict[str, Callable[[int], object]] = {
        OURS.name: partial(ours, data, "float64"),
        MIXED.name: lambda count: mixed(data, LONGER * count),
    }
    for peer in PEERS:
        if find_spec(peer.package) is None:
            absent.append(peer.name)
            continue
        sets, heads = peer.sets(D), peer.heads(n)
        part = data.first(sets)
        run = peer.prepare(part.Z, part.rates, heads)
        first[peer.name] = seconds(partial(run, 1))
        gaps[peer.name] = agreement(
            peer.name, run(1 + steps), expected[:sets, :heads], AGREEMENT["float64"]
        )
        candidates[peer.name] = run
    # The parts of a step, taken in turn with the whole: the machine's speed drifts.
    parts = {"float64": roofline(n, d, D, torch.float64), "mixed": roofline(n, d, D, torch.float32)}
    for dtype, part_of in parts.items():
        candidates |= {f"{dtype}: {name}": work for name, work in part_of.works.items()}
    taken = alternating_slopes(candidates, steps, rounds)
    if (of_several := taken[MIXED.name]) is not None:
        taken[MIXED.name] = of_several / LONGER
    unit = {
        way.name: _unit(taken.get(way.name), way.sets(D) * way.heads(n) * n)
        for way in (OURS, MIXED, *PEERS)
    }
    for way in (OURS, MIXED, *PEERS):
        if way.name in absent:
            rows.append(
                (
                    size,
                    way.name,
                    None,
                    None,
                    None,
                    "not installed: pip install '.[benchmarks]'",
                    None,
                )
            )
        else:
            times = ratio(unit[way.name], unit[OURS.name])
            rows.append(
                (
                    size,
                    way.name,
                    unit[way.name],
                    times,
                    first[way.name],
                    _measured_on(way, n, D),
                    gaps[way.name],
                )
            )
    for name, dtype in ((OURS.name, "float64"), (MIXED.name, "mixed")):
        rates = parts[dtype].rates({key: taken[f"{dtype}: {key}"] for key in parts[dtype].works})
        best.append((size, dtype, *_shares(rates, unit[name], d)))


def ours(data: Batch, dtype: str, steps: int) -> NDArray[np.float64]:
    """The engine, through its public name."""
    return tune_heads(
        data.X,
        data.y,
        steps=steps,
        learning_rate=data.rates,
        record=[steps],
        dtype=dtype,
        device="cpu",
    ).weights


def mixed(data: Batch, steps: int) -> NDArray[np.float64]:
    """The engine in mixed precision, beyond its first steps, which it takes in float64."""
    return ours(data, "mixed", DOUBLE_STEPS + steps)


def agreement(name: str, found: NDArray, expected: NDArray, tolerance: float) -> float:
    """Largest difference relative to the largest weight; an error above the tolerance."""
    gap = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not gap <= tolerance:
        raise DisagreementError(
            f"{name} is off by {gap:.2g} of the largest weight, more than {tolerance:g}: times"
            " would not compare the same thing"
        )
    return gap


def _unit(taken: float | None, pairs: int) -> float | None:
    """Nanoseconds a unit, from seconds a step."""
    return None if taken is None else 1e9 * taken / pairs


def _measured_on(way: Way, n: int, D: int) -> str:
    sets, heads = way.sets(D), way.heads(n)
    if heads <= n:
        return f"{heads} heads of 1 data set"
    return "all" if sets == D else f"{sets} data set(s)"


def _shares(rates: Rates | None, unit: float | None, d: int) -> tuple[Cell, ...]:
    if rates is None:
        return (None, None, None, None, unit, None, None)
    sigmoid = 1 / rates.sigmoid
    composite = 4 * d / rates.products + sigmoid
    found = (rates.square, rates.products, sigmoid, composite, unit)
    return (
        (*found, None, None)
        if unit is None
        else (*found, 100 * (4 * d / unit) / rates.square, 100 * composite / unit)
    )
