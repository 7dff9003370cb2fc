"""Measures of scores and predictions over R runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks
from tunebound._ground.arrays import Floats
from tunebound.tuning.instability.runs import over_pairs, predicted_classes, several_runs


def score_deviation(scores: ArrayLike, *, ddof: int = 1) -> float:
    """Standard deviation of a performance score over runs, √(Σ_r (s_r − s̄)²/(R − ddof)).

    Parameters
    ----------
    scores : (R,) real
        One score a run, for example test accuracy; R ≥ 2.
    ddof : {1, 0}
        1 for the root of the unbiased variance; 0 for the root mean square, as Du & Nguyen.

    Returns
    -------
    float
        In the unit of the scores; for accuracies of R runs at most √(R/(4(R − 1))), which is 1/√2
        for two of them, and at most 1/2 with `ddof=0`.

    Raises
    ------
    TypeError, ValueError
        For scores that are not finite real numbers, or fewer than two; for another `ddof`.
    """
    taken = checks.whole_number("ddof", ddof, low=0, high=1)
    values = several_runs("scores", scores, 1)
    with checks.within_float64("scores"):
        return float(values.std(ddof=taken))


def disagreement(predictions: ArrayLike) -> float:
    """Pairwise disagreement (churn): the share of inputs that two runs classify differently, mean
    over pairs of runs.

    2/(R(R − 1)) Σ_{q<r} (1/N) Σ_j 1[c_q(x_j) ≠ c_r(x_j)].

    Parameters
    ----------
    predictions : (R, N)
        Predicted class of each input in each run: integers (or booleans) of any values; R ≥ 2.

    Returns
    -------
    float
        In [0, 1]: 1 for two runs that differ on every input. R runs over two classes reach at most
        R/(2(R − 1)).

    Raises
    ------
    TypeError, ValueError
        For predictions that are not whole numbers, or of another shape.
    """
    classes = predicted_classes("predictions", predictions, runs=2)
    counts = _class_counts(classes)
    runs = len(classes)
    # Of R(R − 1) ordered pairs, those that agree on an input number Σ_c m_c(m_c − 1).
    agreeing = (counts * (counts - 1)).sum(axis=0) / (runs * (runs - 1))
    return float(1.0 - agreeing.mean())


def kappa_distance(predictions: ArrayLike) -> float:
    """1 − Fleiss' κ: disagreement relative to that of runs which draw classes at random at the
    frequencies seen.

    1 − κ = disagreement/(1 − Σ_c p_c²), p_c the share of class c among all predictions of all runs.

    Parameters
    ----------
    predictions : (R, N)
        As for `disagreement`.

    Returns
    -------
    float
        0 for runs that agree, 1 for agreement no better than chance, and up to R/(R − 1) for
        disagreement beyond it. Where all runs put all inputs into one class, κ is undefined and the
        distance is 0, since nothing differs.

    Raises
    ------
    TypeError, ValueError
        As for `disagreement`.
    """
    classes = predicted_classes("predictions", predictions, runs=2)
    shares = _class_counts(classes).sum(axis=1) / classes.size
    chance = 1.0 - float((shares**2).sum())
    return disagreement(classes) / chance if len(shares) > 1 else 0.0


def jensen_shannon(probabilities: ArrayLike) -> float:
    """Pairwise Jensen–Shannon divergence of predicted probabilities, mean over inputs and pairs of
    runs.

    2/(R(R − 1)) Σ_{q<r} (1/N) Σ_j [H((p_qj + p_rj)/2) − (H(p_qj) + H(p_rj))/2], H(p) = −Σ_c p_c ln
    p_c.

    Parameters
    ----------
    probabilities : (R, N, C) float64
        Predicted distribution over C ≥ 2 classes for each input in each run; non-negative, each
        sums to 1 within 1e−6.

    Returns
    -------
    float
        In nats, in [0, ln 2]; opposite certain predictions give ln 2.

    Raises
    ------
    TypeError, ValueError
        For another shape, negative entries or distributions that do not sum to 1.
    """
    shares = several_runs("probabilities", probabilities, 3)
    if shares.shape[2] < 2:
        raise ValueError(
            f"probabilities must have one column a class, at least 2, got shape {shares.shape};"
            " pass 1 − p and p for p of class 1"
        )
    if (shares < 0).any() or (np.abs(shares.sum(axis=2) - 1) > 1e-6).any():
        raise ValueError(
            "probabilities must be non-negative and sum to 1 over the last axis; apply a softmax to"
            " logits first"
        )

    # By the ratios to the mixture, not as a difference of entropies: small divergences would drown
    # in its rounding.
    def divergence(first: Floats, second: Floats) -> float:
        middle = (first + second) / 2
        return float((_relative_entropy(first, middle) + _relative_entropy(second, middle)) / 2)

    return over_pairs(shares, divergence)


def _relative_entropy(first: Floats, second: Floats) -> float:
    """Mean over inputs of Σ_c p_c ln(p_c/q_c); q is positive wherever p is."""
    positive = first > 0
    ratio = np.divide(first, second, out=np.ones_like(first), where=positive)
    return float((first * np.log(ratio)).sum(axis=-1).mean())


def _class_counts(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many runs predict each class that occurs, (C, N)."""
    return np.stack([(classes == label).sum(axis=0) for label in np.unique(classes)])
