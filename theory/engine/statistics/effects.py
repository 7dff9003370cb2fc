"""Effects over independent units: an exact sign test, an exact interval of the median, ratios on a
logarithmic scale.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import bdtr, bdtrc

from tunebound.theory.engine.statistics.rates import CONFIDENCE


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
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(changed.astype(float)) - np.log(reference.astype(float))
    return ratio.mask((changed == 0) & (reference == 0), 0.0)
