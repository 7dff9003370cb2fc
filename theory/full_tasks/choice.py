"""The strength of a method for a task, chosen on other tasks only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tunebound.theory.full_tasks.measures import SEEDS, Runs
from tunebound.theory.full_tasks.variants import COMMON, PROCEDURE, REFERENCE

MOST_LOSS = 0.01  # of accuracy, on average over the tasks that the strength is chosen on
PLAIN = (REFERENCE, 0.0)


@dataclass(frozen=True)
class Tried:
    """A strength on the tasks that it is chosen on.

    Attributes
    ----------
    strength : float
    factor : float
        Geometric mean over tasks of churn against plain fine-tuning.
    accuracy : float
        Mean change against it.
    """

    strength: float
    factor: float
    accuracy: float

    @property
    def qualifies(self) -> bool:
        return self.accuracy >= -MOST_LOSS


def tried_elsewhere(runs: Runs, method: str, task: str) -> list[Tried]:
    """Every strength of a method on all other tasks, on the seeds that all strengths were run from.

    Parameters
    ----------
    runs : Runs
    method, task : str
    """
    method = COMMON if method == PROCEDURE else method
    strengths = runs.strengths(method, without=task)
    logs: dict[float, list[float]] = {strength: [] for strength in strengths}
    changes: dict[float, list[float]] = {strength: [] for strength in strengths}
    for other in runs.tasks:
        shared = _shared_seeds(runs, other, method, strengths)
        if other == task or len(shared) < 2:
            continue
        for strength in strengths:
            comparison = runs.compared(other, (method, strength), PLAIN, shared)
            assert comparison is not None
            logs[strength].append(comparison.log_ratio_of_all(SEEDS))
            changes[strength].append(comparison.gain)
    return [
        Tried(strength, _factor(logs[strength]), float(np.mean(changes[strength])))
        for strength in strengths
        if logs[strength]
    ]


def chosen_strength(runs: Runs, method: str, task: str) -> float:
    """The strength with the least churn on other tasks, among those that lose at most 1 % of
    accuracy there; where none does, the one that loses least.

    Raises
    ------
    ValueError
        If the method was not run on two seeds of any other task.
    """
    tried = tried_elsewhere(runs, method, task)
    if not tried:
        raise ValueError(
            f"no strength of {method} can be chosen for {task}: no other task has two seeds of it"
            " and of plain fine-tuning; run the suite 'ladder' on more tasks"
        )
    qualified = [each for each in tried if each.qualifies and np.isfinite(each.factor)]
    if qualified:
        return min(qualified, key=lambda each: each.factor).strength
    return max(tried, key=lambda each: each.accuracy).strength


def _factor(logs: list[float]) -> float:
    known = [each for each in logs if np.isfinite(each)]
    return float(np.exp(np.mean(known))) if known else float("nan")


def _shared_seeds(runs: Runs, task: str, method: str, strengths: list[float]) -> frozenset[int]:
    every = [runs.on(task, *PLAIN), *(runs.on(task, method, each) for each in strengths)]
    seeds = (set() if each is None else set(each.index) for each in every)
    return frozenset(set.intersection(*seeds))
