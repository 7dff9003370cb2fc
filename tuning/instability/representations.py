"""Measures of representations over R runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground import checks
from tunebound._ground.arrays import Floats
from tunebound.tuning.instability.runs import over_pairs, several_runs

# share that SVCCA's first step keeps, as Raghu et al. (2017) set it
KEPT = 0.99
SHARES = ("variance", "singular values")


def cka_distance(features: ArrayLike, *, debiased: bool = False) -> float:
    """1 − linear centred kernel alignment of the runs' representations, mean over pairs of runs.

    CKA(A, B) = ‖AᵀB‖_F²/(‖AᵀA‖_F ‖BᵀB‖_F), A and B centred (Kornblith et al., 2019). With N inputs
    of not many more than d features it is far above 0 even for independent representations.
    Debiased: HSIC(A, B)/√(HSIC(A, A) HSIC(B, B)) with the unbiased estimator of Song et al. (2012),
    which sums over distinct inputs: HSIC of independent representations is 0 in expectation.

    Parameters
    ----------
    features : (R, N, d) real
        Representation of the same N ≥ 2 inputs in each run; not constant over the inputs.
    debiased : bool
        Take the unbiased estimator, as Du & Nguyen; N ≥ 4.

    Returns
    -------
    float
        In [0, 1]; 0 for representations equal up to rotation, shift and scale; 1 for centred
        representations whose columns are orthogonal to each other. Debiased in [0, 2]: above 1
        where the estimate of HSIC is negative.

    Raises
    ------
    TypeError, ValueError
        For values that are not finite, another shape, or a run that encodes all inputs alike;
        debiased also for fewer than 4 inputs and for a run whose inputs are all equally far from
        each other, whose HSIC is estimated as 0.
    """
    centred = _centred(features)
    if checks.true_or_false("debiased", debiased):
        return over_pairs(
            [_off_diagonal(r, run) for r, run in enumerate(centred)],
            lambda first, second: _clear_rounding(1.0 - float((first * second).sum()), most=2.0),
        )

    def distance(first: Floats, second: Floats) -> float:
        across = np.linalg.norm(first.T @ second) ** 2
        within = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
        return _clear_rounding(1.0 - float(across / within))

    return over_pairs(centred, distance)


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
    return over_pairs(
        unit,
        lambda first, second: _clear_rounding(1.0 - float(np.linalg.norm(first.T @ second, "nuc"))),
    )


def svcca_distance(features: ArrayLike, *, kept: str = "variance", centred: bool = True) -> float:
    """1 − mean canonical correlation of the runs' leading singular directions, mean over pairs of
    runs (SVCCA).

    Each representation is reduced to its leading singular directions and centred; the canonical
    correlations ρ of two of them are the singular values of U_AᵀU_B, U an orthonormal basis of the
    reduced columns, and the distance is 1 − mean ρ over the smaller number of directions.

    Parameters
    ----------
    features : (R, N, d) real
        As for `cka_distance`. With N of no more than d inputs all directions correlate perfectly:
        take N well above d.
    kept : {"variance", "singular values"}
        Which directions lead. "variance": the fewest that hold 99 % of the squared singular values
        (Raghu et al., 2017). "singular values": as many as stay within 99 % of the sum of the
        singular values, and at least one, as Du & Nguyen; far more directions of little variance.
    centred : bool
        Whether the singular directions are those of the centred features; Du & Nguyen take the
        features as they come, so that their mean is one of the directions.

    Returns
    -------
    float
        In [0, 1]; 0 for representations equal up to any invertible linear map that keeps the
        leading directions (and up to shifts, where they are centred).

    Raises
    ------
    TypeError, ValueError
        As for `cka_distance`; for another `kept`; and where no leading direction varies over the
        inputs.
    """
    rule = checks.choice("kept", kept, SHARES)
    values = _centred(features, keep_mean=not checks.true_or_false("centred", centred))
    bases = [_leading(r, representation, rule) for r, representation in enumerate(values)]
    return over_pairs(
        bases,
        lambda first, second: _clear_rounding(
            1.0 - float(np.linalg.svd(first.T @ second, compute_uv=False).clip(max=1.0).mean())
        ),
    )


def _leading(run: int, representation: Floats, kept: str) -> Floats:
    """Orthonormal basis of the leading directions of one run, centred, (N, k)."""
    _, singular, directions = np.linalg.svd(representation, full_matrices=False)
    if kept == "variance":
        held = np.cumsum(singular**2) / np.sum(singular**2)
        count = int(np.searchsorted(held, KEPT)) + 1
    else:
        count = max(1, int((np.cumsum(singular) <= KEPT * singular.sum()).sum()))
    reduced = representation @ directions[:count].T
    reduced = reduced - reduced.mean(axis=0)
    left, spread, _ = np.linalg.svd(reduced, full_matrices=False)
    # a direction that is the same for all inputs has no correlation, and rounding in its place
    varying = spread > singular[0] * len(representation) * np.finfo(float).eps
    if not varying.any():
        raise ValueError(
            f"features: no leading direction of run {run} varies over the inputs, since the mean"
            " outweighs all else; centre them"
        )
    return left[:, varying]


def _off_diagonal(run: int, representation: Floats) -> Floats:
    """Linear kernel without its diagonal, centred so that ⟨K, L⟩ is N(N − 3) times the unbiased
    estimate of HSIC, scaled to ‖·‖_F = 1.
    """
    inputs = len(representation)
    if inputs < 4:
        raise ValueError(
            f"features must hold at least 4 inputs for the unbiased estimator, got {inputs}; pass"
            " more, or debiased=False"
        )
    kernel = representation @ representation.T
    np.fill_diagonal(kernel, 0.0)
    sums = kernel.sum(axis=1)
    centred = (
        kernel - (sums[:, None] + sums) / (inputs - 2) + sums.sum() / ((inputs - 1) * (inputs - 2))
    )
    np.fill_diagonal(centred, 0.0)
    size = np.linalg.norm(centred)
    if size <= inputs * np.finfo(float).eps * np.linalg.norm(representation) ** 2:
        raise ValueError(
            f"features: the inputs of run {run} are all equally far from each other, so that its"
            " debiased alignment is undefined; leave that run out, or pass debiased=False"
        )
    return np.asarray(centred / size)


def _clear_rounding(distance: float, most: float = 1.0) -> float:
    """The distance, whose exact value is in [0, most]; equal runs miss 0 by the rounding of the
    norms.
    """
    return min(max(distance, 0.0), most)


def _centred(features: ArrayLike, *, keep_mean: bool = False) -> Floats:
    """Representations centred over the inputs (or as they come), scaled to entries of about 1."""
    values = several_runs("features", features, 3)
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
    return values / np.abs(values).max(axis=(1, 2), keepdims=True) if keep_mean else centred / size
