"""Ranks of methods over tasks, and the difference of mean ranks that is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tunebound.theory.engine.statistics.rates import CONFIDENCE


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Methods compared on the same tasks (Demšar, 2006).

    Attributes
    ----------
    mean : Series
        Mean rank of each method, the best first; 1 is the smallest value on a task, ties share
        their mean rank.
    difference : float
        Nemenyi's critical difference at 5 %: mean ranks further apart differ by more than chance,
        for all pairs at once.
    statistic, p : float
        Friedman's test that all methods are alike, corrected for ties.
    tasks : int
    """

    mean: pd.Series
    difference: float
    statistic: float
    p: float
    tasks: int

    def groups(self) -> list[tuple[str, ...]]:
        """The largest runs of methods whose mean ranks lie within the critical difference; none is
        part of another.
        """
        names, values = list(self.mean.index), self.mean.to_numpy()
        ends = [
            int(np.searchsorted(values, value + self.difference, side="right")) for value in values
        ]
        return [
            tuple(names[first:end])
            for first, end in enumerate(ends)
            if end - first > 1 and (first == 0 or end > ends[first - 1])
        ]


def mean_ranks(values: pd.DataFrame) -> Ranks:
    """Friedman's test and Nemenyi's critical difference, smaller values ranking first.

    Parameters
    ----------
    values : DataFrame
        One row a task, one column a method; at least 3 methods and 2 tasks, no NaN.

    Returns
    -------
    Ranks
        The critical difference is q √(k(k + 1)/(6N)) for k methods and N tasks, q the 95 % quantile
        of the studentized range of k values over √2.

    Raises
    ------
    ValueError
        For fewer methods or tasks, or values that are missing.
    """
    # slow to import, and only reports rank
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    tasks, methods = values.shape
    if methods < 3 or tasks < 2:
        raise ValueError(
            f"values must hold at least 3 methods and 2 tasks, got {methods} and {tasks}; compare"
            " fewer by their log ratios"
        )
    if values.isna().to_numpy().any():
        raise ValueError("values holds NaN; leave out the tasks on which a method was not measured")
    ranked = rankdata(values.to_numpy(dtype=float), axis=1)
    mean = pd.Series(ranked.mean(axis=0), index=values.columns).sort_values(kind="stable")
    quantile = studentized_range.ppf(CONFIDENCE, methods, np.inf) / np.sqrt(2)
    difference = float(quantile * np.sqrt(methods * (methods + 1) / (6 * tasks)))
    # all tied everywhere: the test divides by the variance of the ranks
    if (ranked == ranked[:, :1]).all():
        return Ranks(mean=mean, difference=difference, statistic=0.0, p=1.0, tasks=tasks)
    statistic, p = friedmanchisquare(*values.to_numpy(dtype=float).T)
    return Ranks(
        mean=mean, difference=difference, statistic=float(statistic), p=float(p), tasks=tasks
    )
