"""Ranks: against tables in print, another implementation, and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from tunebound.theory.engine.statistics.ranks import Ranks, mean_ranks


def table(values):
    values = np.asarray(values, dtype=float)
    return pd.DataFrame(values, columns=[f"m{k}" for k in range(values.shape[1])])


@pytest.mark.parametrize(("methods", "quantile"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_in_print(methods, quantile):
    # Demšar (2006), table 5: q at 5 % for Nemenyi's test.
    ranks = mean_ranks(table(np.random.default_rng(0).random((30, methods))))
    assert ranks.difference == pytest.approx(
        quantile * np.sqrt(methods * (methods + 1) / (6 * 30)), rel=3e-4
    )


def test_ranks_by_hand():
    ranks = mean_ranks(table([[1, 2, 3], [1, 3, 2], [5, 5, 9]]))
    assert dict(ranks.mean) == pytest.approx(
        {"m0": (1 + 1 + 1.5) / 3, "m1": (2 + 3 + 1.5) / 3, "m2": (3 + 2 + 3) / 3}
    )
    assert list(ranks.mean.index) == ["m0", "m1", "m2"]
    assert ranks.p == pytest.approx(friedmanchisquare([1, 1, 5], [2, 3, 5], [3, 2, 9]).pvalue)


def test_groups_are_maximal_and_hold_what_chance_explains():
    values = np.tile([1.0, 2, 3, 4], (40, 1))
    values[:20, [1, 2]] = values[:20, [2, 1]]
    ranks = mean_ranks(table(values))
    assert ranks.groups() == [("m1", "m2")]
    few = mean_ranks(table(values[:3]))
    assert few.groups() == [("m0", "m2", "m1"), ("m2", "m1", "m3")]


def test_methods_that_tie_everywhere_are_alike():
    ranks = mean_ranks(table(np.ones((5, 3))))
    assert (ranks.p, ranks.statistic) == (1.0, 0.0)
    assert ranks.groups() == [("m0", "m1", "m2")]


def test_too_little_is_refused():
    with pytest.raises(ValueError, match="at least 3 methods"):
        mean_ranks(table(np.ones((5, 2))))
    with pytest.raises(ValueError, match="NaN"):
        mean_ranks(table([[1, np.nan, 2], [1, 2, 3]]))


def test_mean_ranks_exactly_a_critical_difference_apart_are_alike():
    mean = pd.Series({"a": 1.0, "b": 2.0, "c": 3.5})
    ranks = Ranks(mean=mean, difference=1.0, statistic=0.0, p=1.0, tasks=1)
    assert ranks.groups() == [("a", "b")]


def test_the_statistic_and_the_tasks_are_told():
    values = np.random.default_rng(1).random((7, 4))
    ranks, expected = mean_ranks(table(values)), friedmanchisquare(*values.T)
    assert (ranks.statistic, ranks.p) == (expected.statistic, expected.pvalue)
    assert (ranks.tasks, mean_ranks(table(np.ones((5, 3)))).tasks) == (7, 5)


def test_methods_with_the_same_mean_rank_keep_their_order():
    # enough of them that a sort which is not stable moves them
    values = np.tile(np.arange(40) % 2, (3, 1))
    mean = mean_ranks(table(values)).mean
    assert list(mean.index) == [f"m{k}" for k in (*range(0, 40, 2), *range(1, 40, 2))]
