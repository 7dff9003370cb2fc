"""Slopes on log–log axes within groups of environments that differ in one factor only, with
intervals from a two-stage bootstrap: families are drawn with replacement, then draws within them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tunebound._ground.arrays import Floats

CONFIDENCE = 0.95
RESAMPLES = 20_000  # an interval at 99.8 % still has 20 of them in each tail
AT_ONCE = 2_000
FEWEST_GROUPS = 3
FEWEST_FAMILIES = 5  # of fewer no variance is told: then draws alone are resampled


@dataclass(frozen=True, kw_only=True)
class Slope:
    """A measured slope and what bootstraps made of it.

    Attributes
    ----------
    value : float
        Least-squares slope of ln y in ln x with an effect of each group.
    groups, environments, draws : int
        What it rests on: groups that vary in x, environments in them, independent draws.
    dropped : int
        Environments whose measured value is within its resolution of 0, and has no logarithm.
    families : mapping
        Family → its own slope, where it has one; empty where the population has no families.
    resampled : (RESAMPLES,)
        Slopes of the bootstrap.
    """

    value: float
    groups: int
    environments: int
    draws: int
    dropped: int
    families: dict[str, float]
    resampled: Floats = field(repr=False, compare=False)

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Percentiles of the bootstrap that leave out (1 − confidence)/2 on each side."""
        tail = (1 - confidence) / 2
        low, high = np.nanquantile(self.resampled, [tail, 1 - tail])
        return float(low), float(high)


def within_group_slope(
    frame: pd.DataFrame, factor: str, others: Sequence[str], family: str = "", *, seed: int = 0
) -> Slope | None:
    """Slope of ln(measured) in ln(factor) across rows alike in all other factors.

    Parameters
    ----------
    frame : DataFrame
        Columns measured, resolution, draw, `factor`, `others` and, where it is named, `family`.
    factor : str
        Positive.
    others : sequence of str
        Rows with equal values in these columns are a group, whose level is free.
    family : str
        Column of the kinds of data, which are chosen and not drawn; no group has two of them. With
        at least `FEWEST_FAMILIES` of them the bootstrap draws families with replacement, then draws
        within each; with fewer it draws within each family, and the interval is one for new draws
        of the same families. Empty where there are none.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Slope or None
        None where fewer than three groups vary in the factor, or more than half of the rows are
        within their resolution of 0.
    """
    seen = frame[frame["measured"] > frame["resolution"]]
    if len(seen) < len(frame) / 2:
        return None
    groups = seen.groupby(list(others), dropna=False)
    varied = seen[groups[factor].transform("nunique") > 1]
    group, count = _numbered(groups.ngroup().loc[varied.index])
    if count < FEWEST_GROUPS:
        return None
    draw, draws = _numbered(varied["draw"])
    names = varied[family] if family else pd.Series("", index=varied.index)
    kind, kinds = _numbered(names)
    sums = _sums(varied, factor, draw * count + group, draws * count).reshape(5, draws, count)
    parts = []
    for number in range(kinds):
        mine, here = np.unique(draw[kind == number]), np.unique(group[kind == number])
        parts.append(sums[:, mine][:, :, here])
    own = np.array([_products(part.sum(axis=1)) for part in parts])
    rng = np.random.default_rng(seed)
    resampled = np.stack([_resampled(part, rng) for part in parts])
    if kinds >= FEWEST_FAMILIES:
        chosen = rng.integers(kinds, size=(RESAMPLES, kinds))
        # Any resample of the chosen family: another one each time the family is chosen.
        resampled = resampled[chosen, rng.integers(RESAMPLES, size=(RESAMPLES, kinds))]
        totals = resampled.sum(axis=1)
    else:
        totals = resampled.sum(axis=0)
    labels = names.groupby(kind).first() if family else []
    return Slope(
        value=float(_ratio(own.sum(axis=0))),
        groups=count,
        environments=len(varied),
        draws=draws,
        dropped=len(frame) - len(seen),
        families={
            str(name): float(slope)
            for name, slope in zip(labels, _ratio(own), strict=False)
            if np.isfinite(slope)
        },
        resampled=_ratio(totals),
    )


def slope_beside(frame: pd.DataFrame, column: str, factor: str, others: Sequence[str]) -> float:
    """The same slope of another positive column, a bound's, over the same rows: those with measured
    above resolution.
    """
    seen = frame[(frame["measured"] > frame["resolution"]) & (frame[column] > 0)]
    group, count = _numbered(seen.groupby(list(others), dropna=False).ngroup())
    return float(_ratio(_products(_sums(seen.assign(measured=seen[column]), factor, group, count))))


def _numbered(values: pd.Series) -> tuple[NDArray[np.intp], int]:
    kept, numbers = np.unique(values.to_numpy(), return_inverse=True)
    return numbers, len(kept)


def _sums(frame: pd.DataFrame, factor: str, cell: NDArray[np.intp], cells: int) -> Floats:
    """Number, Σx, Σy, Σx², Σxy of the logarithms in each cell, shape (5, cells)."""
    x, y = (np.log(frame[name].to_numpy(dtype=float)) for name in (factor, "measured"))
    # around their means, so that no digits are lost in the differences of squares
    x, y = x - x.mean(), y - y.mean()
    return np.stack(
        [np.bincount(cell, each, cells) for each in (np.ones_like(x), x, y, x * x, x * y)]
    )


def _products(sums: Floats) -> Floats:
    """Σ(x − x̄)(y − ȳ) and Σ(x − x̄)² around the means of groups, from sums (5, …, groups); shape
    (…, 2).
    """
    number, x, y, squares, products = sums
    # A group that the resample left out has no mean and adds nothing.
    share = 1 / np.maximum(number, 1)
    return np.stack(
        [(products - share * x * y).sum(axis=-1), (squares - share * x * x).sum(axis=-1)], axis=-1
    )


def _ratio(products: Floats) -> Floats:
    """Slopes; NaN where nothing varies beyond rounding."""
    over, under = products[..., 0], products[..., 1]
    varies = under > 1e-9
    return np.where(varies, over / np.where(varies, under, 1), np.nan)


def _resampled(sums: Floats, rng: np.random.Generator) -> Floats:
    """`_products` of resamples of the draws of one family, from sums (5, draws, groups); shape
    (RESAMPLES, 2).
    """
    draws = sums.shape[1]
    found = []
    for _ in range(0, RESAMPLES, AT_ONCE):
        # how often each resample has each draw
        picked = rng.integers(draws, size=(AT_ONCE, draws)) + draws * np.arange(AT_ONCE)[:, None]
        times = np.bincount(picked.ravel(), minlength=AT_ONCE * draws).astype(float)
        found.append(_products(times.reshape(AT_ONCE, draws) @ sums))
    return np.concatenate(found)
