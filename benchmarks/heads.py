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
from benchmarks.roofline import Roofline, roofline
from benchmarks.tables import Cell, Table
from tuning import tune_heads

FULL = ((50, 5, 300, 400), (100, 20, 300, 100), (200, 100, 60, 60), (500, 50, 16, 100), (1000, 20, 4, 150))  # n, d, D, steps
QUICK = ((10, 3, 4, 20), (16, 6, 3, 20))
AGREEMENT = {"float64": 1e-9, "mixed": 1e-5}  # largest difference of a weight, relative to the largest weight
OURS = "tune_heads"


@dataclass(frozen=True)
class Peer:
    """Another way, how it is prepared, and the share of the problem it is measured on."""

    name: str
    prepare: Callable[[NDArray, NDArray, int], head_peers.Run]
    package: str = "numpy"
    share: float = 1.0  # of the data sets
    most_heads: int | None = None  # of one data set

    def sets(self, D: int) -> int:
        """How many data sets it is measured on."""
        return 1 if self.most_heads else max(1, round(self.share * D))

    def heads(self, n: int) -> int:
        """How many heads of each."""
        return min(n + 1, self.most_heads or n + 1)


PEERS = (
    Peer("(a) loop of nn.Linear + SGD", head_peers.linear_and_sgd, most_heads=3),
    Peer("(b) NumPy loop over heads", head_peers.numpy_loop, most_heads=8),
    Peer("(c) masked NumPy, a data set at once", head_peers.numpy_masked, share=0.05),
    Peer("(d) torch.func.vmap of grad", head_peers.vmap_of_grad, share=0.1),
    Peer("(e) JAX, two einsum", head_peers.jax_einsum, "jax"),
    Peer("(f) numba, parallel over heads", head_peers.numba_loops, "numba", share=0.1),
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
        "heads",
        "Exact steps: every left-out head, float64 unless the name says otherwise",
        ("n, d, D", "way", "ns a unit", "times ours", "first call, s", "measured on", "difference"),
        tuple(rows),
        (
            "A unit is one (step, head, sample). Where a way is measured on some data sets or heads only, its time is taken to be "
            "proportional to their number.",
            "All take the same steps from zero, by the same step sizes; the difference is the largest of a weight, relative to the "
            "largest weight, checked before anything is timed.",
            "Times are medians of alternating rounds, without what a call costs apart from its steps; the first call (with any "
            "compilation) is a column of its own.",
        ),
    )
    yield Table(
        "roofline",
        "Exact steps: the share of what the machine does at best",
        (
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
        tuple(best),
        (
            "matmul in GFLOP/s: of a large square matrix, and of the two batched products of a step; at best = 4 d flop at the rate "
            "of the latter, and a sigmoid, one after the other.",
            "mixed: products and sigmoid in float32, compared with float32 rates.",
            "A share above 100 % says that the engine's chunks use the cache better than the measurement of its parts did.",
        ),
    )


def _compare(data: Batch, steps: int, rounds: int, rows: list[tuple[Cell, ...]], best: list[tuple[Cell, ...]]) -> None:
    D, n, d = data.shape
    size = f"{n}, {d}, {D}"
    engine = {name: partial(ours, data, dtype) for name, dtype in ((OURS, "float64"), (f"{OURS}, mixed", "mixed"))}
    expected = engine[OURS](1 + steps)
    first, gaps, candidates, absent = {}, {}, dict(engine), []
    first[OURS], gaps[OURS] = None, None
    mixed = f"{OURS}, mixed"
    first[mixed] = None
    gaps[mixed] = agreement(mixed, engine[mixed](1 + steps), expected, AGREEMENT["mixed"])
    for peer in PEERS:
        if find_spec(peer.package) is None:
            absent.append(peer.name)
            continue
        sets, heads = peer.sets(D), peer.heads(n)
        part = data.first(sets)
        run = peer.prepare(part.Z, part.rates, heads)
        first[peer.name] = seconds(partial(run, 1))
        gaps[peer.name] = agreement(peer.name, run(1 + steps), expected[:sets, :heads], AGREEMENT["float64"])
        candidates[peer.name] = run
    # The parts of a step, taken in turn with the whole: the machine's speed drifts.
    parts = {"float64": roofline(n, d, D, torch.float64), "mixed": roofline(n, d, D, torch.float32)}
    for dtype, part_of in parts.items():
        candidates |= {f"{dtype}: {name}": work for name, work in part_of.works.items()}
    taken = alternating_slopes(candidates, steps, rounds)
    scale = {OURS: data.units, mixed: data.units} | {peer.name: peer.sets(D) * peer.heads(n) * n for peer in PEERS}
    unit = {name: taken[name] and 1e9 * taken[name] / scale[name] for name in taken if name in scale}
    on = {peer.name: _measured_on(peer, n, D) for peer in PEERS}
    for name in (OURS, mixed, *(peer.name for peer in PEERS)):
        if name in absent:
            rows.append((size, name, None, None, None, "not installed: pip install '.[benchmarks]'", None))
        else:
            rows.append((size, name, unit[name], ratio(unit[name], unit[OURS]), first[name], on.get(name, "all"), gaps[name]))
    for name, dtype in ((OURS, "float64"), (mixed, "mixed")):
        best.append((size, dtype, *_shares(parts[dtype], {key: taken[f"{dtype}: {key}"] for key in parts[dtype].works}, unit[name], d)))


def ours(data: Batch, dtype: str, steps: int) -> NDArray[np.float64]:
    """The engine, through its public name."""
    return tune_heads(data.X, data.y, steps=steps, learning_rate=data.rates, record=[steps], dtype=dtype, device="cpu").weights


def agreement(name: str, found: NDArray, expected: NDArray, tolerance: float) -> float:
    """Largest difference relative to the largest weight; an error above the tolerance."""
    gap = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not gap <= tolerance:
        raise DisagreementError(
            f"{name} is off by {gap:.2g} of the largest weight, more than {tolerance:g}: times would not compare the same thing"
        )
    return gap


def _measured_on(peer: Peer, n: int, D: int) -> str:
    sets, heads = peer.sets(D), peer.heads(n)
    if heads <= n:
        return f"{heads} heads of 1 data set"
    return "all" if sets == D else f"{sets} data set(s)"


def _shares(parts: Roofline, taken: dict[str, float | None], unit: float | None, d: int) -> tuple[Cell, ...]:
    square, products, sigmoid = (parts.rate(name, taken[name]) for name in ("square", "products", "sigmoid"))
    if square is None or products is None or sigmoid is None or unit is None:
        return (square, products, sigmoid and 1 / sigmoid, None, unit, None, None)
    composite = 4 * d / products + 1 / sigmoid
    return (square, products, 1 / sigmoid, composite, unit, 100 * (4 * d / unit) / square, 100 * composite / unit)
