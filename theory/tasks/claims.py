"""What a study of tasks says of the claims about it, with intervals over tasks and subsamples.

Every interval is of a two-stage bootstrap: tasks are drawn with replacement, then subsamples within
each; so it is one for other tasks of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tunebound._ground.arrays import Floats
from tunebound.theory.engine.statistics.rates import within_group_slope
from tunebound.theory.tasks import columns
from tunebound.theory.tasks.bootstrap import Logarithms, Statistic, correlation
from tunebound.theory.tasks.choice import separable
from tunebound.theory.tasks.evidence import BOUNDS
from tunebound.theory.tasks.members import FOREMOST, OWN

CONFIDENCE = 0.95
ORDERS = 0.7  # a rank correlation from which on a quantity is said to order
LEVEL = (0.89, 1.03)  # what a first look at nine of these tasks gave
ALIKE = 1.25  # a factor within which tasks are said to be alike
NEAR = 0.2  # of an exponent
FEWEST = 3  # tasks, of which an interval says anything

CONFIRMED, REFUTED, OPEN = "confirmed", "refuted", "not decided"

Decide = Callable[[float, float], str]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim and what was found.

    Attributes
    ----------
    name, claim : str
    quantity : str
        What `value` is.
    value, low, high : float
        With the interval at 95 %.
    verdict : {"confirmed", "refuted", "not decided"}
    tasks, environments : int
        What it rests on.
    """

    name: str
    claim: str
    quantity: str
    value: float
    low: float
    high: float
    verdict: str
    tasks: int
    environments: int


def findings(environments: pd.DataFrame) -> list[Finding]:
    """All claims that the table can speak of.

    Parameters
    ----------
    environments : DataFrame
        As a study of the setting has it; rows that nothing separates are left out.
    """
    found = separable(environments)
    own = found[found[columns.LABELS] == OWN]
    foremost = own[own[columns.PREPARATION] == FOREMOST]
    return [
        each
        for part in (_orders(own), _bounds(own), _constant(foremost), _geometry(found))
        for each in part
    ] + list(_rates(foremost))


def compared_size(environments: pd.DataFrame) -> int:
    """The number of samples at which most preparations, and shuffled labels, were tried."""
    counts = environments.groupby(columns.N)[[columns.PREPARATION, columns.LABELS]].nunique()
    return int(counts.sum(axis=1).idxmax())


def _orders(own: pd.DataFrame) -> Iterator[Finding]:
    """Does B/γ order tasks and preparations by their instability?"""
    size = compared_size(own)
    rows = own[own[columns.N] == size]
    pair = (columns.RADIUS_OVER_MARGIN, columns.INSTABILITY)
    yield from _decided(
        "order",
        "B/γ orders tasks and preparations by their instability",
        f"rank correlation over tasks and preparations, n = {size}",
        Logarithms.of(rows, columns.PREPARATION, pair),
        lambda means: correlation(means.reshape(-1, 2)),
        _at_least(ORDERS),
    )
    if rows[columns.PREPARATION].nunique() > 2:
        yield from _decided(
            "order-within",
            "B/γ orders the preparations of one task by their instability",
            f"mean rank correlation within tasks, n = {size}",
            Logarithms.of(rows, columns.PREPARATION, pair),
            _within,
            _at_least(ORDERS),
        )


def _within(means: Floats) -> float:
    """Mean over tasks of the rank correlation over their cells, where there are three."""
    each = [rho for task in means if np.isfinite(rho := correlation(task))]
    return float(np.mean(each)) if each else float("nan")


def _bounds(own: pd.DataFrame) -> Iterator[Finding]:
    """Which bound orders tasks by their instability?"""
    size = compared_size(own)
    rows = own[(own[columns.N] == size) & (own[columns.PREPARATION] == FOREMOST)]
    for name in BOUNDS:
        column = columns.BOUND + name
        if len(rows) and rows[column].notna().all():
            yield from _decided(
                f"bound-{name}",
                f"{name} orders tasks by their instability",
                f"rank correlation over tasks, n = {size}",
                Logarithms.of(rows, columns.PREPARATION, (column, columns.INSTABILITY)),
                lambda means: correlation(means[:, 0]),
                _at_least(ORDERS),
            )


def _constant(foremost: pd.DataFrame) -> Iterator[Finding]:
    """Is √n times the mean distance the same for all tasks?"""
    for n, rows in foremost.groupby(columns.N):
        logs = Logarithms.of(rows, columns.PREPARATION, (columns.INSTABILITY,))
        yield from _decided(
            f"spread-{n}",
            f"at n = {n} the mean distance is alike for all tasks, within a factor of {ALIKE}",
            "largest task over the smallest",
            logs,
            lambda means: float(np.exp(np.ptp(means))),
            _at_most(ALIKE),
        )
        yield from _decided(
            f"level-{n}",
            f"at n = {n} √n times the mean distance is {LEVEL[0]} to {LEVEL[1]}",
            "geometric mean over tasks",
            logs,
            lambda means, n=n: float(np.sqrt(n) * np.exp(means.mean())),  # type: ignore[misc]
            _between(*LEVEL),
        )


def _geometry(found: pd.DataFrame) -> Iterator[Finding]:
    """How much of the distance is there with shuffled labels too?"""
    size = compared_size(found)
    rows = found[(found[columns.N] == size) & (found[columns.PREPARATION] == FOREMOST)]
    both = rows.groupby(columns.TASK)[columns.LABELS].transform("nunique") == 2
    # in alphabetical order: own, then shuffled
    yield from _decided(
        "shuffled",
        "most of the distance is there with shuffled labels too",
        f"distance over that with shuffled labels, n = {size}",
        Logarithms.of(rows[both], columns.LABELS, (columns.INSTABILITY,)),
        lambda means: float(np.exp(np.nanmean(means[:, 0] - means[:, 1]))),
        _between(0.5, 2.0),
    )


def _rates(foremost: pd.DataFrame) -> Iterator[Finding]:
    """How B/γ, the instability and the bound from them go with n."""
    anytime = f"{columns.BOUND}anytime"
    for name, column, claim, exponent in (
        ("rate", columns.INSTABILITY, "the mean distance falls like 1/√n", -0.5),
        ("rate-ratio", columns.RADIUS_OVER_MARGIN, "B/γ grows like n", 1.0),
        ("rate-anytime", anytime, "H-anytime, about B/(γn), does not go with n", 0.0),
    ):
        frame = foremost.assign(measured=foremost[column], resolution=0.0)
        tasks = frame[columns.TASK].nunique()
        groups = [columns.TASK, columns.SUBSAMPLE]
        slope = within_group_slope(frame, columns.N, groups, columns.TASK)
        if slope is not None and tasks >= FEWEST:
            low, high = slope.interval(CONFIDENCE)
            yield Finding(
                name=name,
                claim=f"{claim}: exponent {exponent:g} ± {NEAR}",
                quantity="slope of the logarithm in ln n, within subsamples",
                value=slope.value,
                low=low,
                high=high,
                verdict=_between(exponent - NEAR, exponent + NEAR)(low, high),
                tasks=tasks,
                environments=slope.environments,
            )


def _decided(
    name: str, claim: str, quantity: str, logs: Logarithms, statistic: Statistic, decide: Decide
) -> Iterator[Finding]:
    """The claim decided by a statistic of the means; nothing where there are too few tasks."""
    if logs.tasks < FEWEST:
        return
    value, low, high = logs.interval(statistic, CONFIDENCE)
    yield Finding(
        name=name,
        claim=claim,
        quantity=quantity,
        value=value,
        low=low,
        high=high,
        verdict=decide(low, high),
        tasks=logs.tasks,
        environments=logs.environments,
    )


def _at_least(least: float) -> Decide:
    return lambda low, high: CONFIRMED if low >= least else REFUTED if high < least else OPEN


def _at_most(most: float) -> Decide:
    return lambda low, high: CONFIRMED if high <= most else REFUTED if low > most else OPEN


def _between(least: float, most: float) -> Decide:
    def decide(low: float, high: float) -> str:
        if least <= low and high <= most:
            return CONFIRMED
        return REFUTED if high < least or low > most else OPEN

    return decide
