"""Measures of runs against the runs of the same seeds without one sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground import checks
from tunebound._ground.arrays import Floats
from tunebound.tuning.instability.runs import predicted_classes


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
    _same_shape(ends.shape, others.shape)
    with checks.within_float64("full", "left_out"):
        return float(np.linalg.norm(ends - others, axis=-1).mean())


def left_out_disagreement(full: ArrayLike, left_out: ArrayLike) -> float:
    """Leave-one-out instability of decisions: the share of inputs whose predicted class changes
    without one sample, (1/(RN)) Σ_r Σ_j 1[a_r(x_j) ≠ b_r(x_j)].

    It does not depend on how confident the runs are.

    Parameters
    ----------
    full : (R, N)
        Predicted class of each input in each of R ≥ 1 runs: integers (or booleans) of any values.
    left_out : (R, N)
        Row r: the run of the same seed that did not see one of the samples.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        For predictions that are not whole numbers, or shapes that differ.
    """
    ends = predicted_classes("full", full, runs=1)
    others = predicted_classes("left_out", left_out, runs=1)
    _same_shape(ends.shape, others.shape)
    return float((ends != others).mean())


def left_out_direction(full: ArrayLike, left_out: ArrayLike) -> float:
    """Leave-one-out instability of the logits' direction: mean distance of unit vectors,
    (1/R) Σ_r ‖a_r/‖a_r‖ − b_r/‖b_r‖‖.

    It does not depend on the scale of either run's logits.

    Parameters
    ----------
    full : (R, N) real
        Logit of each input in each of R ≥ 1 runs; no row is 0.
    left_out : (R, N) real
        Row r: the run of the same seed that did not see one of the samples.

    Returns
    -------
    float
        In [0, 2]; √2 for orthogonal vectors of logits.

    Raises
    ------
    TypeError, ValueError
        For values that are not finite, rows of zeros, or shapes that differ.
    """
    ends, others = checks.real_array("full", full), checks.real_array("left_out", left_out)
    if ends.ndim != 2:
        raise ValueError(f"full must have shape (R, N), got {ends.shape}")
    _same_shape(ends.shape, others.shape)
    return float(
        np.linalg.norm(_unit("full", ends) - _unit("left_out", others), axis=1).mean().clip(max=2.0)
    )


def _unit(name: str, rows: Floats) -> Floats:
    size = np.abs(rows).max(axis=1, keepdims=True)
    moves = np.broadcast_to(size > 0, rows.shape)
    checks.require(name, rows, moves, "must not be 0 in a whole row, which has no direction")
    # squares of tiny or huge logits would leave float64
    scaled = rows / size
    return np.asarray(scaled / np.linalg.norm(scaled, axis=1, keepdims=True))


def _same_shape(full: tuple[int, ...], left_out: tuple[int, ...]) -> None:
    if full != left_out:
        raise ValueError(
            f"left_out must have the shape of full, {full}, got {left_out}; row r of both"
            " belongs to one seed"
        )
