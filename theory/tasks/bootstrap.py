"""Statistics of tasks with intervals: tasks are drawn with replacement, then subsamples of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from tunebound._ground.arrays import Floats
from tunebound.theory.tasks import columns

RESAMPLES = 2_000

# From means (tasks, cells, quantities) of logarithms, NaN in a cell that a task lacks, to a number.
Statistic = Callable[[Floats], float]


@dataclass(frozen=True)
class Logarithms:
    """Logarithms of positive quantities by task, subsample and cell of a design.

    Attributes
    ----------
    values : tuple of (subsamples, cells, quantities)
        One array a task, whose number of subsamples is its own; NaN in a cell that was not
        computed.
    environments : int
        Cells that were.
    """

    values: tuple[Floats, ...]
    environments: int

    @classmethod
    def of(cls, rows: pd.DataFrame, cell: str, quantities: Sequence[str]) -> Self:
        """Of rows with a task, a subsample, a cell and the quantities, all above 0."""
        cells = sorted(rows[cell].unique())
        parts = []
        for _, own in rows.groupby(columns.TASK):
            subsamples = sorted(own[columns.SUBSAMPLE].unique())
            place = pd.MultiIndex.from_product([subsamples, cells])
            numbers = own.set_index([columns.SUBSAMPLE, cell])[list(quantities)].reindex(place)
            shape = (len(subsamples), len(cells), len(quantities))
            parts.append(np.log(numbers.to_numpy(dtype=float)).reshape(shape))
        return cls(tuple(parts), len(rows))

    @property
    def tasks(self) -> int:
        return len(self.values)

    def interval(self, statistic: Statistic, confidence: float) -> tuple[float, float, float]:
        """The statistic of the means over subsamples, and the interval of its resamples."""
        rng = np.random.default_rng(0)
        of_tasks = np.stack(
            [_mean(own[rng.integers(len(own), size=(RESAMPLES, len(own)))]) for own in self.values]
        )
        chosen = rng.integers(self.tasks, size=(RESAMPLES, self.tasks))
        # a task that is chosen twice comes with two resamples of its subsamples
        means = of_tasks[chosen, rng.integers(RESAMPLES, size=chosen.shape)]
        resampled = np.array([statistic(each) for each in means])
        tail = 100 * (1 - confidence) / 2
        low, high = np.nanpercentile(resampled, [tail, 100 - tail])
        return statistic(np.stack([_mean(own) for own in self.values])), float(low), float(high)


def correlation(pairs: Floats) -> float:
    """Spearman's rank correlation of pairs (m, 2); rows with a NaN are left out. NaN where fewer
    than three are left or one side is constant.
    """
    ranks = rankdata(pairs[np.isfinite(pairs).all(axis=1)], axis=0)
    if len(ranks) < 3 or (np.ptp(ranks, axis=0) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks.T)[0, 1])


def _mean(own: Floats) -> Floats:
    """Mean over subsamples, the third axis from the end, of what was computed; NaN where nothing
    was.
    """
    known = np.isfinite(own)
    count = known.sum(axis=-3)
    total = np.where(known, own, 0.0).sum(axis=-3)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
