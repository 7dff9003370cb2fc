"""The strength of a method for a task, chosen on other tasks only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tunebound.theory.full_tasks import columns
from tunebound.theory.full_tasks.measures import SEEDS, compared, of_variant
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


def tried_elsewhere(rows: pd.DataFrame, method: str, task: str) -> list[Tried]:
    """Every strength of a method on all other tasks, on the seeds that all strengths were run from.

    Parameters
    ----------
    rows : DataFrame
        Environments of this setting.
    method, task : str
    """
    method = COMMON if method == PROCEDURE else method
    others = rows[rows[columns.TASK] != task]
    of_method = others[others[columns.METHOD] == method]
    strengths = sorted(of_method[columns.STRENGTH].unique())
    found = []
    for strength in strengths:
        logs, changes = [], []
        for other in sorted(of_method[columns.TASK].unique()):
            shared = _shared_seeds(others, other, method, strengths)
            own = others[others[columns.SEED].isin(shared)]
            if len(shared) < 2:
                continue
            comparison = compared(own, other, (method, strength), PLAIN)
            logs.append(comparison.log_ratio_of_all(SEEDS))
            changes.append(
                of_variant(own, other, method, strength)[columns.ACCURACY].mean()
                - of_variant(own, other, *PLAIN)[columns.ACCURACY].mean()
            )
        if logs:
            known = [each for each in logs if np.isfinite(each)]
            factor = float(np.exp(np.mean(known))) if known else float("nan")
            found.append(Tried(float(strength), factor, float(np.mean(changes))))
    return found


def chosen_strength(rows: pd.DataFrame, method: str, task: str) -> float:
    """The strength with the least churn on other tasks, among those that lose at most 1 % of
    accuracy there; where none does, the one that loses least.

    Raises
    ------
    ValueError
        If the method was not run on two seeds of any other task.
    """
    tried = tried_elsewhere(rows, method, task)
    if not tried:
        raise ValueError(
            f"no strength of {method} can be chosen for {task}: no other task has two seeds of it"
            " and of plain fine-tuning; run the suite 'ladder' on more tasks"
        )
    qualified = [each for each in tried if each.qualifies and np.isfinite(each.factor)]
    if qualified:
        return min(qualified, key=lambda each: each.factor).strength
    return max(tried, key=lambda each: each.accuracy).strength


def _shared_seeds(rows: pd.DataFrame, task: str, method: str, strengths: list[float]) -> set[int]:
    runs = [of_variant(rows, task, *PLAIN)]
    runs += [of_variant(rows, task, method, strength) for strength in strengths]
    return set.intersection(*(set(each.index) for each in runs))
