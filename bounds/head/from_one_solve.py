"""Certified bounds for the limit from the separator of S alone; see `bounds.head`.

What the functions share is said here: leaving samples I out turns the hard-margin direction by at
most the angle between w_S and what the others contribute to it, sum_{j not in I} alpha_j z_j, and
by at most the angle of the cone that holds the others, the largest arccos(gamma/|x_j|), j not in I.
All assume separable data and limit directions. Source: this project, proofs in docs/head-tuning.md.

Parameters
----------
margin : array_like
    Margin of S, above 0; one value per data set.
dual : array_like of shape (..., n)
    Dual of the hard-margin separator of S, for all n >= 2 samples: 0 or more, with sum
    1/margin^2 up to a relative 1e-6.
norms : array_like of shape (..., n)
    Norms of the features; none is below the margin.

Raises
------
TypeError, ValueError
    If an argument is no real number or out of its range, or margin and dual contradict each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import as_array, broadcast, positive_array, whole_array
from tunebound.bounds.arguments import RADIUS_REASON, not_below, sample_duals
from tunebound.bounds.arithmetic import finish, product
from tunebound.bounds.turning import chord_within_cone, largest_of_others, sums_of_others

AGREEMENT = 1e-6  # of margin and dual; a separator's are given to far more digits


def deletion(*, margin: ArrayLike, dual: ArrayLike, norms: ArrayLike) -> float | Floats:
    """Bound for each left-out sample: 2 sin(theta_i/2), tan theta_i = alpha_i sqrt(|x_i|^2/gamma^2
    - 1) / sum_{j != i} alpha_j, or the angle of the others' cone where that is smaller.

    0 for a sample that supports nothing; attained where the left-out separator is parallel to the
    sum of the others, so by every pair of support vectors and by orthogonal data.
    """
    margin, dual, norms = _one_solve(margin, dual, norms)
    norms = np.broadcast_to(norms, np.broadcast_shapes(norms.shape, dual.shape))
    sideways = _sideways(margin, dual, norms)
    others = largest_of_others(norms)
    return finish("deletion", chord_within_cone(sideways, sums_of_others(dual), margin, others))


def deletion_group(
    *, margin: ArrayLike, dual: ArrayLike, norms: ArrayLike, left_out: ArrayLike
) -> float | Floats:
    """Bound for a set I of samples left out together: 2 sin(theta/2), tan theta = sum_I alpha_i
    sqrt(|x_i|^2/gamma^2 - 1) / sum_{j not in I} alpha_j, or the cone's angle.

    Parameters
    ----------
    left_out : array_like of bool of shape (..., n)
        Whether a sample belongs to I; at least one sample stays.
    """
    margin, dual, norms = _one_solve(margin, dual, norms)
    gone = as_array("left_out", left_out)
    if gone.dtype != np.bool_ or gone.ndim == 0:
        raise TypeError(
            f"left_out must be a mask of booleans with the samples on its last axis, got dtype"
            f" {gone.dtype} and shape {gone.shape}: write numpy.isin(numpy.arange(n), samples)"
        )
    broadcast(dual=dual, norms=norms, left_out=gone)
    if np.any(np.all(gone, axis=-1)):
        raise ValueError("left_out takes every sample: no separator is left; keep at least one")
    sideways = np.where(gone, _sideways(margin, dual, norms), 0.0).sum(axis=-1)
    staying = np.where(gone, 0.0, dual).sum(axis=-1)
    others = np.where(gone, 0.0, norms).max(axis=-1)
    return finish("deletion_group", chord_within_cone(sideways, staying, margin[..., 0], others))


def deletion_worst(
    *, margin: ArrayLike, dual: ArrayLike, norms: ArrayLike, size: ArrayLike
) -> float | Floats:
    """Bound for every set of `size` samples left out together, whoever chooses them.

    As `deletion_group`, with the `size` largest terms of each of the two sums, which need not
    belong to the same samples.

    Parameters
    ----------
    size : array_like
        Number of samples left out, from 1 to n - 1; one value per data set.
    """
    margin, dual, norms = _one_solve(margin, dual, norms)
    size = whole_array("size", size)
    n = dual.shape[-1]
    if np.any(size >= n):
        raise ValueError(
            f"size = {size.tolist()} leaves none of the {n} samples: take at most n - 1 = {n - 1}"
        )
    sideways = _sideways(margin, dual, norms)
    broadcast(size_per_data_set=size[..., np.newaxis], dual=dual, norms=norms)
    from_largest = np.arange(n) < size[..., np.newaxis]
    moved = np.where(from_largest, -np.sort(-sideways, axis=-1), 0.0).sum(axis=-1)
    staying = np.where(from_largest, 0.0, -np.sort(-dual, axis=-1)).sum(axis=-1)
    return finish(
        "deletion_worst", chord_within_cone(moved, staying, margin[..., 0], norms.max(axis=-1))
    )


def _one_solve(
    margin: ArrayLike, dual: ArrayLike, norms: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """The three, checked; the dual times margin^2, of sum 1, margin with an axis of samples."""
    margin = positive_array("margin", margin)[..., np.newaxis]
    dual = sample_duals(dual)
    norms = positive_array("norms", norms)
    broadcast(margin_per_data_set=margin, dual=dual, norms=norms)
    if dual.shape[-1] < 2:
        raise ValueError("dual has one sample: at least 2 are needed to leave one out")
    not_below("norms", norms, "margin", margin, RADIUS_REASON)
    shares = product((margin, margin, dual))
    total = shares.sum(axis=-1)
    if np.any(np.abs(total - 1.0) > AGREEMENT):
        raise ValueError(
            f"dual has sum {float(total.ravel()[0]):.9g}/margin^2, and a separator's has"
            " 1/margin^2: pass margin and dual of one separator"
        )
    return margin, shares, norms


def _sideways(margin: Floats, shares: Floats, norms: Floats) -> Floats:
    """a_i sqrt(|x_i|^2/gamma^2 - 1): how far sample i pulls across w_S, relative to its norm."""
    beyond = np.sqrt(np.maximum(norms - margin, 0.0)) * np.sqrt(norms + margin)
    return product((shares, beyond), (margin,))
