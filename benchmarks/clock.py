"""Timing: every candidate in turn, round after round, so that a slow minute of the machine hits all
of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any


class DisagreementError(Exception):
    """Two ways to the same numbers gave different ones: their times must not be compared."""


def seconds(work: Callable[[], Any]) -> float:
    """How long one call takes."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def alternating(candidates: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each candidate over rounds of the order A B C A B C …"""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, work in candidates.items():
            taken[name].append(seconds(work))
    return {name: median(values) for name, values in taken.items()}


def alternating_slopes(
    candidates: Mapping[str, Callable[[int], Any]], steps: int, rounds: int
) -> dict[str, float | None]:
    """Seconds a step of each candidate: the difference of the medians of 1 + steps steps and of
    one, all of them in turn.

    What a call costs apart from its steps (checks, step-size limits, copies) drops out. None where
    the clock does not resolve it.
    """
    halves: dict[str, Callable[[], Any]] = {}
    for name, work in candidates.items():
        halves[f"{name}: one"] = partial(work, 1)
        halves[f"{name}: all"] = partial(work, 1 + steps)
    taken = alternating(halves, rounds)
    slopes = {name: (taken[f"{name}: all"] - taken[f"{name}: one"]) / steps for name in candidates}
    return {name: slope if slope > 0 else None for name, slope in slopes.items()}


def ratio(other: float | None, ours: float | None) -> float | None:
    """How many times longer the other takes; None where one of the two is not resolved."""
    return None if other is None or ours is None else other / ours
