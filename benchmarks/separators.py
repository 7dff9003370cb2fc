"""Separators of all left-out data: `bounds.leave_one_out_separators` against solving each program
anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from benchmarks import separator_peers
from benchmarks.clock import DisagreementError, alternating, ratio
from benchmarks.data import Batch, batch
from benchmarks.tables import Cell, Table
from tunebound.bounds import leave_one_out_separators, max_margin

FULL = (100, 20, 300)  # n, d, D
QUICK = (12, 3, 3)
ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One program at a time, for each left-out sample."""

    name: str
    solve: Callable[[NDArray], NDArray]
    package: str
    sets: int  # of the data sets, in the full run
    tolerance: float  # of a unit direction: what the solver's own stopping rule leaves


PEERS = (
    Peer(
        name="cvxpy with Clarabel",
        solve=separator_peers.cvxpy_clarabel,
        package="cvxpy",
        sets=1,
        tolerance=1e-4,
    ),
    Peer(
        name="scikit-learn SVC, C = 1e10",
        solve=separator_peers.support_vector_machine,
        package="sklearn",
        sets=1,
        tolerance=1e-3,
    ),
    Peer(
        name="quadprog",
        solve=separator_peers.quadprog_raw,
        package="quadprog",
        sets=10,
        tolerance=1e-8,
    ),
    Peer(
        name="daqp",
        solve=separator_peers.daqp_raw,
        package="daqp",
        sets=10,
        tolerance=1e-8,
    ),
)


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Seconds for all data sets, and milliseconds a left-out sample."""
    n, d, D = QUICK if quick else FULL
    data = batch(n, d, D)
    progress(f"separators of left-out data at n = {n}, d = {d}, D = {D}")
    solved = [leave_one_out_separators(X, y) for X, y in zip(data.X, data.y, strict=True)]
    found = [result.weights for result in solved]
    supports = [len(max_margin(X, y).support) for X, y in zip(data.X, data.y, strict=True)]
    gap = max(float(result.gaps.max()) for result in solved)
    default = "leave_one_out_separators"
    candidates: dict[str, Callable[[], object]] = {default: partial(_ours, data, "active-set")}
    sets, errors, absent = {default: D}, {default: 0.0}, []
    extra = f"{default}, daqp"
    if find_spec("daqp") is not None:
        candidates[extra], sets[extra] = partial(_ours, data, "daqp"), D
        errors[extra] = _largest(extra, np.stack(_ours(data, "daqp")), np.stack(found), 1e-9)
    else:
        absent.append((extra, "pip install '.[daqp]'"))
    for peer in PEERS:
        if find_spec(peer.package) is None:
            absent.append((peer.name, "pip install '.[benchmarks]'"))
            continue
        count = 1 if quick else peer.sets
        part = data.first(count)
        progress(f"separators by {peer.name}")
        errors[peer.name] = _largest(
            peer.name, np.stack(_theirs(part, peer.solve)), np.stack(found[:count]), peer.tolerance
        )
        candidates[peer.name], sets[peer.name] = partial(_theirs, part, peer.solve), count
    progress("separators: timing")
    taken = alternating(candidates, 1 if quick else ROUNDS)
    each = {name: 1e3 * taken[name] / (sets[name] * n) for name in candidates}
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            each[name] * n * D / 1e3,
            each[name],
            ratio(each[name], each[default]),
            _on(sets[name], D),
            errors[name],
        )
        for name in candidates
    ]
    rows += [(name, None, None, None, f"not installed: {remedy}", None) for name, remedy in absent]
    yield Table(
        name="separators",
        title=f"Separators of all left-out data, {D} sets of n = {n}, d = {d}",
        columns=(
            "way",
            "s for all sets",
            "ms a left-out sample",
            "times ours",
            "measured on",
            "difference of a direction",
        ),
        rows=tuple(rows),
        notes=(
            (
                f"Only support vectors change the separator when left out, {np.mean(supports):.1f}"
                f" of {n} on average; the other ways solve a program for every sample."
            ),
            f"The largest relative duality gap of ours is {gap:.2g}.",
            (
                "Where a way is measured on some sets only, its time is taken to be proportional to"
                " their number."
            ),
        ),
    )


def _ours(data: Batch, solver: str) -> list[NDArray[np.float64]]:
    return [
        leave_one_out_separators(X, y, solver=solver).weights
        for X, y in zip(data.X, data.y, strict=True)
    ]


def _theirs(data: Batch, solve: Callable[[NDArray], NDArray]) -> list[NDArray[np.float64]]:
    return [np.stack([solve(np.delete(Z, i, axis=0)) for i in range(len(Z))]) for Z in data.Z]


def _largest(name: str, found: NDArray, expected: NDArray, tolerance: float) -> float:
    """Largest distance of unit directions; an error above the tolerance."""
    unit = [w / np.linalg.norm(w, axis=-1, keepdims=True) for w in (found, expected)]
    gap = float(np.linalg.norm(unit[0] - unit[1], axis=-1).max())
    if not gap <= tolerance:
        raise DisagreementError(
            f"{name} gives a direction off by {gap:.2g}, more than {tolerance:g}: times would not"
            " compare the same thing"
        )
    return gap


def _on(sets: int, D: int) -> str:
    return "all" if sets == D else f"{sets} set(s)"
