"""Effects over independent units: exact sign tests, for a direction and for equivalence, with their
power; an exact interval of the median; ratios on a logarithmic scale.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import bdtr, bdtrc, betaincinv

from tunebound.theory.engine.statistics.rates import CONFIDENCE

POWER = 0.8


def sign_test(effects: ArrayLike) -> float:
    """Exact two-sided p-value of the hypothesis that positive and negative effects are equally
    likely.

    Parameters
    ----------
    effects : (m,) real
        Independent; infinite values are allowed. Zeros speak against either sign.

    Returns
    -------
    float
        min(1, 2 P(X ≥ k)), X ~ Binomial(m, 1/2), k the number of effects of the more frequent sign.
    """
    values = np.asarray(effects, dtype=np.float64)
    more = max(int((values > 0).sum()), int((values < 0).sum()))
    return min(1.0, 2.0 * float(bdtrc(more - 1, len(values), 0.5)))


def equivalence_test(effects: ArrayLike, margin: float) -> float:
    """Exact p-value of the hypothesis that the median effect lies outside (−margin, margin).

    Parameters
    ----------
    effects : (m,) real
        Independent; infinite values are allowed.
    margin : float
        Above 0.

    Returns
    -------
    float
        The larger p-value of two one-sided sign tests: P(X ≥ k), X ~ Binomial(m, 1/2), k the number
        of effects below the margin, and of those above −margin (Schuirmann, 1987).
    """
    values = np.asarray(effects, dtype=np.float64)
    inside = min(int((values < margin).sum()), int((values > -margin).sum()))
    return float(bdtrc(inside - 1, len(values), 0.5))


def signs_needed(count: int, level: float) -> int | None:
    """The fewest effects of one sign, out of `count`, with which the two-sided sign test rejects;
    None where all of them are too few.

    Parameters
    ----------
    count : int
    level : float
        In (0, 1): the largest p-value that rejects.
    """
    signs = np.arange(count + 1)
    rejecting = np.flatnonzero(2.0 * bdtrc(signs - 1.0, count, 0.5) <= level)
    return int(rejecting[0]) if len(rejecting) else None


def detectable_share(count: int, needed: int, power: float = POWER) -> float:
    """The smallest probability of the predicted sign with which the sign test decides for it often
    enough.

    Parameters
    ----------
    count, needed : int
        Units, and how many of them must agree, from 1 to `count`.
    power : float
        In (0, 1): how often the test is to decide.

    Returns
    -------
    float
        P with P(X ≥ needed) = power, X ~ Binomial(count, P): a quantile of the beta distribution,
        since that probability is the regularised incomplete beta function I_P(needed, count −
        needed + 1).
    """
    return float(betaincinv(needed, count - needed + 1, power))


def median_interval(
    effects: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Median with an exact, distribution-free interval: the order statistics k and m + 1 − k.

    Parameters
    ----------
    effects : (m,) real
        Independent, m ≥ 1; infinite values are allowed.
    confidence : float
        In (0, 1). k is the largest with P(X < k) ≤ (1 − confidence)/2, X ~ Binomial(m, 1/2): the
        interval excludes 0 exactly where the sign test rejects.

    Returns
    -------
    median, low, high : float
        Without a bound (±∞) where m is too small for the confidence: below 6 for 95 %.
    """
    ordered = np.sort(np.asarray(effects, dtype=np.float64))
    count = len(ordered)
    lower, upper = float(ordered[(count - 1) // 2]), float(ordered[count // 2])
    median = lower if lower == upper else (lower + upper) / 2
    k = int(np.searchsorted(bdtr(np.arange(count), count, 0.5), (1 - confidence) / 2, side="right"))
    low, high = (ordered[k - 1], ordered[count - k]) if k else (-np.inf, np.inf)
    return median, float(low), float(high)


def log_ratio(changed: pd.Series, reference: pd.Series) -> pd.Series:
    """ln(changed/reference) of non-negative quantities: 0 where both are zero, ±∞ where one of them
    is.
    """
    with np.errstate(divide="ignore"):
        ratio = np.log(changed.astype(float)) - np.log(reference.astype(float))
    return ratio.mask((changed == 0) & (reference == 0), 0.0)
