"""Steps on mini-batches: every left-out head on one sequence, against peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks import head_peers
from benchmarks.clock import alternating_slopes, ratio
from benchmarks.data import Batch, batch
from benchmarks.heads import AGREEMENT, agreement
from benchmarks.tables import Cell, Table
from tunebound.tuning import minibatches, tune_heads

# n, d, samples a batch, D, steps; batches divide the samples, since peers know no shorter ones
FULL = ((100, 20, 10, 1, 400), (100, 20, 10, 100, 100))
QUICK = ((12, 3, 4, 2, 10),)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another way, and on how many heads of one data set it is measured."""

    name: str
    prepare: Callable[[NDArray, NDArray, int, NDArray], head_peers.Run]
    most_heads: int | None = None


PEERS = (
    Peer(
        name="loop of nn.Linear + SGD", prepare=head_peers.linear_and_sgd_on_batches, most_heads=3
    ),
    Peer(name="NumPy, a data set at once", prepare=head_peers.numpy_on_batches),
)


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Microseconds of one step of every head of one data set, and ratios."""
    rows: list[tuple[Cell, ...]] = []
    for n, d, size, D, steps in QUICK if quick else FULL:
        progress(f"mini-batches of {size} at n = {n}, d = {d}, D = {D}")
        rows += _compared(n, d, size, D, steps, 1 if quick else 5)
    yield Table(
        name="minibatch",
        title="Steps on mini-batches: every left-out head, float64",
        columns=("n, d, batch, D", "way", "µs a step and set", "times ours", "difference"),
        rows=tuple(rows),
        notes=(
            "One step of all n + 1 heads of one data set. Peers are measured on one data set, the"
            " loop on three of its heads, their time taken to be proportional to the number.",
            "All take the same steps from zero on one sequence, reshuffled in every pass; the"
            " difference is the largest of a weight, relative to the largest weight.",
        ),
    )


def _compared(n: int, d: int, size: int, D: int, steps: int, rounds: int) -> list[tuple[Cell, ...]]:
    data, sequence = batch(n, d, D), minibatches(n, size, steps=1 + steps)
    rates = 4 / np.square(data.X).sum(axis=-1).max(axis=-1)
    expected = _ours(data, rates, sequence, 1 + steps)
    candidates: dict[str, Callable[[int], object]] = {
        "tune_heads": partial(_ours, data, rates, sequence)
    }
    gaps: dict[str, float | None] = {"tune_heads": None}
    for peer in PEERS:
        heads = peer.most_heads or n + 1
        run = peer.prepare(data.Z[:1], rates[:1], heads, sequence)
        found = run(1 + steps)
        gaps[peer.name] = agreement(peer.name, found, expected[:1, :heads], AGREEMENT["float64"])
        candidates[peer.name] = run
    slopes = alternating_slopes(candidates, steps, rounds)
    taken = {"tune_heads": _scaled(slopes["tune_heads"], 1 / D)}
    for peer in PEERS:
        taken[peer.name] = _scaled(slopes[peer.name], (n + 1) / (peer.most_heads or n + 1))
    return [
        (
            f"{n}, {d}, {size}, {D}",
            name,
            _scaled(each, 1e6),
            ratio(each, taken["tune_heads"]),
            gaps[name],
        )
        for name, each in taken.items()
    ]


def _ours(data: Batch, rates: NDArray, sequence: NDArray, steps: int) -> NDArray[np.float64]:
    return tune_heads(
        data.X,
        data.y,
        steps=steps,
        learning_rate=rates,
        batches=sequence[:steps],
        record=[steps],
        device="cpu",
    ).weights


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
