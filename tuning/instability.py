"""How far repeated fine-tuning runs differ: measures of scores, predictions and representations
over R runs.

The measures over random seeds are those of Du & Nguyen, "Measuring the Instability of Fine-Tuning",
ACL 2023 (arXiv:2302.07778). Every measure is 0 for runs that agree and grows with their
differences.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks
from tunebound._ground.arrays import Floats

__all__ = [
    "cka_distance",
    "disagreement",
    "jensen_shannon",
    "kappa_distance",
    "left_out_distance",
    "procrustes_distance",
    "score_deviation",
    "svcca_distance",
]

# share of variance that SVCCA's first step keeps, as Raghu et al. (2017) set it
SVCCA_VARIANCE = 0.99


def score_deviation(scores: ArrayLike) -> float:
    """Standard deviation of a performance score over runs, √(Σ_r (s_r − s̄)²/(R − 1)).

    Parameters
    ----------
    scores : (R,) real
        One score a run, for example test accuracy; R ≥ 2.

    Returns
    -------
    float
        In the unit of the scores; 0 to 1/√2 for accuracies of two runs, and at most √(R/(4(R − 1)))
        for R of them.

    Raises
    ------
    TypeError, ValueError
        For scores that are not finite real numbers, or fewer than two.
    """
    return float(_runs("scores", scores, 1).std(ddof=1))


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
    classes = _classes(predictions)
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
    classes = _classes(predictions)
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
    shares = _runs("probabilities", probabilities, 3)
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

    return _over_pairs(shares, divergence)


def cka_distance(features: ArrayLike) -> float:
    """1 − linear centred kernel alignment of the runs' representations, mean over pairs of runs.

    CKA(A, B) = ‖AᵀB‖_F²/(‖AᵀA‖_F ‖BᵀB‖_F), A and B centred (Kornblith et al., 2019).

    Parameters
    ----------
    features : (R, N, d) real
        Representation of the same N ≥ 2 inputs in each run; not constant over the inputs.

    Returns
    -------
    float
        In [0, 1]; 0 for representations equal up to rotation, shift and scale; 1 for centred
        representations whose columns are orthogonal to each other.

    Raises
    ------
    TypeError, ValueError
        For values that are not finite, another shape, or a run that encodes all inputs alike.
    """
    centred = _centred(features)

    def distance(first: Floats, second: Floats) -> float:
        across = np.linalg.norm(first.T @ second) ** 2
        within = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
        return _clear_rounding(1.0 - float(across / within))

    return _over_pairs(centred, distance)


def procrustes_distance(features: ArrayLike) -> float:
    """Orthogonal Procrustes distance of the runs' representations, mean over pairs of runs.

    1 − ‖AᵀB‖_*, A and B centred and scaled to ‖·‖_F = 1: half of min_Q ‖AQ − B‖_F² over orthogonal
    Q (Schönemann, 1966).

    Parameters
    ----------
    features : (R, N, d) real
        As for `cka_distance`.

    Returns
    -------
    float
        In [0, 1]; 0 for representations equal up to rotation, shift and scale.

    Raises
    ------
    TypeError, ValueError
        As for `cka_distance`.
    """
    centred = _centred(features)
    unit = centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    return _over_pairs(
        unit,
        lambda first, second: _clear_rounding(1.0 - float(np.linalg.norm(first.T @ second, "nuc"))),
    )


def svcca_distance(features: ArrayLike) -> float:
    """1 − mean canonical correlation of the runs' leading principal directions, mean over pairs of
    runs (SVCCA).

    Each centred representation is reduced to the fewest singular directions that hold 99 % of its
    variance (Raghu et al., 2017); the canonical correlations ρ of two of them are the singular
    values of U_AᵀU_B, and the distance is 1 − mean ρ over the smaller number of directions.

    Parameters
    ----------
    features : (R, N, d) real
        As for `cka_distance`. With N of no more than d inputs all directions correlate perfectly:
        take N well above d.

    Returns
    -------
    float
        In [0, 1]; 0 for representations equal up to any invertible affine map that keeps the
        leading directions.

    Raises
    ------
    TypeError, ValueError
        As for `cka_distance`.
    """

    def leading(representation: Floats) -> Floats:
        left, singular, _ = np.linalg.svd(representation, full_matrices=False)
        held = np.cumsum(singular**2) / np.sum(singular**2)
        return left[:, : int(np.searchsorted(held, SVCCA_VARIANCE)) + 1]

    bases = [leading(representation) for representation in _centred(features)]
    return _over_pairs(
        bases,
        lambda first, second: _clear_rounding(
            1.0 - float(np.linalg.svd(first.T @ second, compute_uv=False).clip(max=1.0).mean())
        ),
    )


def left_out_distance(full: ArrayLike, left_out: ArrayLike) -> float:
    """Leave-one-out instability: mean Euclidean distance between runs and the runs of the same
    seeds without one sample.

    (1/R) Σ_r ‖a_r − b_r‖ for vectors, (1/(RN)) Σ_r Σ_j ‖a_r(x_j) − b_r(x_j)‖ for values at inputs.

    Parameters
    ----------
    full : (R, p) or (R, N, m) real
        What each of R ≥ 1 runs ended in: a vector (parameters), or m values at each of N inputs
        (predicted probabilities).
    left_out : same shape
        Row r: the run of the same seed that did not see one of the samples.

    Returns
    -------
    float
        At least 0, in the unit of the entries; at most √2 for probabilities.

    Raises
    ------
    TypeError, ValueError
        For values that are not finite, or shapes that differ.
    """
    ends, others = checks.real_array("full", full), checks.real_array("left_out", left_out)
    if ends.ndim not in (2, 3):
        raise ValueError(f"full must have shape (R, p) or (R, N, m), got {ends.shape}")
    if ends.shape != others.shape:
        raise ValueError(
            f"left_out must have the shape of full, {ends.shape}, got {others.shape}; row r of both"
            " belongs to one seed"
        )
    return float(np.linalg.norm(ends - others, axis=-1).mean())


def _over_pairs(runs: Floats | list[Floats], distance: Callable[[Floats, Floats], float]) -> float:
    return float(np.mean([distance(runs[q], runs[r]) for r in range(len(runs)) for q in range(r)]))


def _relative_entropy(first: Floats, second: Floats) -> float:
    """Mean over inputs of Σ_c p_c ln(p_c/q_c); q is positive wherever p is."""
    positive = first > 0
    ratio = np.divide(first, second, out=np.ones_like(first), where=positive)
    return float((first * np.log(ratio)).sum(axis=-1).mean())


def _clear_rounding(distance: float) -> float:
    """The distance, whose exact value is in [0, 1]; equal runs miss 0 by the rounding of the
    norms.
    """
    return min(max(distance, 0.0), 1.0)


def _class_counts(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many runs predict each class that occurs, (C, N)."""
    return np.stack([(classes == label).sum(axis=0) for label in np.unique(classes)])


def _classes(predictions: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(predictions)
    if values.dtype.kind not in "iub":
        raise TypeError(
            f"predictions must hold whole numbers, got dtype {values.dtype}; take the arg max of"
            " probabilities first"
        )
    if values.ndim != 2 or len(values) < 2 or not values.size:
        raise ValueError(
            "predictions must have shape (R, N) with at least 2 runs and 1 input, got"
            f" {values.shape}"
        )
    return values.astype(np.int64)


def _centred(features: ArrayLike) -> Floats:
    values = _runs("features", features, 3)
    if values.shape[1] < 2:
        raise ValueError(
            f"features must hold at least 2 inputs, got shape {values.shape}; one input has no"
            " geometry"
        )
    centred = values - values.mean(axis=1, keepdims=True)
    size = np.abs(centred).max(axis=(1, 2), keepdims=True)
    # A mean leaves rounding of the size of the values; below it nothing varies.
    flat = np.flatnonzero(size.ravel() <= 8 * np.finfo(float).eps * np.abs(values).max(axis=(1, 2)))
    if len(flat):
        raise ValueError(
            f"features: run {int(flat[0])} encodes all inputs alike, so its geometry is undefined;"
            " leave that run out"
        )
    # every measure ignores scale, and squares of tiny or huge features would leave float64
    return centred / size


def _runs(name: str, values: ArrayLike, dimensions: int) -> Floats:
    array = checks.real_array(name, values)
    if array.ndim != dimensions or len(array) < 2:
        raise ValueError(
            f"{name} must have {dimensions} axes, the first of them at least 2 runs,"
            f" got shape {array.shape}"
        )
    return array
