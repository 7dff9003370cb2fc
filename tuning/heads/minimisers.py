"""Regularised heads, minimised exactly: on the whole sample and without each of its members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import as_array, real_array, real_number, shown, true_or_false
from tunebound._ground.sample_checks import features
from tunebound.tuning.arguments import labelled_batch

BLOCK = 2**23  # entries of the Hessians' factors that are held at once
CONVERGED = 1e-8  # of a full step's largest move of an activity; the step after it squares that
MOST_ITERATIONS = 500


@dataclass(frozen=True, kw_only=True)
class MinimisedHeads:
    """Minimisers of (1/n) Σ_j ln(1 + exp(−z_jᵀw)) + (λ/2)‖w‖², z_j = y_j x_j; n samples.

    Attributes
    ----------
    weights : (n + 1, d)
        w_S, then w_{S^i} without each sample, the weights 1/n of the others unchanged; w_S alone
        (1, d) where nothing is left out, and those of `rows` in their order where they were given.
    error : (n + 1,)
        Certified distance from the true minimiser: the norm of the gradient, with its rounding,
        over λ.
    iterations : int
        Newton steps taken.
    strength : float
        λ.
    """

    weights: Floats
    error: Floats
    iterations: int
    strength: float


def minimise_heads(
    X: ArrayLike,
    y: ArrayLike,
    *,
    strength: float,
    leave_one_out: bool = True,
    rows: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> MinimisedHeads:
    """Minimise the regularised logistic loss with every sample and without each, by Newton's method
    on all heads at once.

    Parameters
    ----------
    X : (n, d) real
        Encoded features; the data may be separable or not.
    y : (n,) of −1 and +1
        Two samples of each class where one is left out in turn.
    strength : float
        λ > 0, the weight of the penalty (λ/2)‖w‖².
    leave_one_out : bool
        Whether to minimise without each sample too.
    rows : (k,) of int, optional
        Left out in turn are these samples alone.
    start : (d,) real, optional
        Where every iteration starts, 0 by default. It changes the time and not the minimisers.

    Returns
    -------
    MinimisedHeads

    Raises
    ------
    TypeError, ValueError
        If an argument is malformed or out of its range.
    FloatingPointError
        If the iteration does not converge, or a curvature leaves float64.

    Notes
    -----
    As |ℓ'''| ≤ ℓ'' for the logistic loss, a step δ that moves the activities by at most r changes
    the curvature by at most e^r along the way; ln(1 + r)/r of Newton's step is then the length that
    this promises most descent for. No line search, and full steps where r is small.
    """
    points = features(X)
    strength = real_number(
        "strength", strength, above=0, remedy="without it there may be no minimum"
    )
    left_out = true_or_false("leave_one_out", leave_one_out)
    samples, labels = labelled_batch(points, y, leave_one_out=left_out)
    Z = torch.as_tensor(samples[0] * labels[0][:, None])
    n, d = Z.shape
    # minimisers are combinations of the samples: n coordinates are enough
    basis, triangle = torch.linalg.qr(Z.mT) if d > n else (None, Z.mT)
    reduced = triangle.mT.contiguous()
    absent = _absent(rows, n) if left_out else np.arange(0)
    masks = torch.full((1 + len(absent), n), 1 / n, dtype=torch.float64)
    masks[1 + np.arange(len(absent)), absent] = 0.0
    first = torch.zeros(d, dtype=torch.float64)
    if start is not None:
        given = real_array("start", start)
        if given.shape != (d,):
            raise ValueError(f"start must have shape ({d},) to meet X, got {given.shape}")
        first = torch.as_tensor(given)
    first = first if basis is None else first @ basis
    heads, error, iterations = [], [], 0
    for block in masks.split(max(1, BLOCK // reduced.numel())):
        W, taken = _newton(reduced, block, strength, first)
        heads.append(W if basis is None else W @ basis.mT)
        error.append(_distance(Z, heads[-1], block, strength))
        iterations = max(iterations, taken)
    return MinimisedHeads(
        weights=torch.cat(heads).numpy(),
        error=torch.cat(error).numpy(),
        iterations=iterations,
        strength=strength,
    )


def _absent(rows: ArrayLike | None, n: int) -> NDArray[np.intp]:
    if rows is None:
        return np.arange(n)
    chosen = as_array("rows", rows)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise TypeError(f"rows must be a list of whole numbers, got {shown(rows)}")
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < n:
        raise ValueError(f"rows must be from 0 to {n - 1}, got {chosen.min()} to {chosen.max()}")
    return chosen.astype(np.intp)


def _newton(Z: Tensor, masks: Tensor, strength: float, start: Tensor) -> tuple[Tensor, int]:
    """Minimisers (m, d) of the losses whose terms have the weights `masks` (m, n)."""
    W = start.repeat(len(masks), 1)
    ridge = strength * torch.eye(Z.shape[1], dtype=torch.float64)
    for iteration in range(1, MOST_ITERATIONS + 1):
        residual = torch.sigmoid(-(W @ Z.mT))
        gradient = strength * W - (masks * residual) @ Z
        curvature = masks * residual * (1 - residual)
        hessian = Z.mT @ (curvature[:, :, None] * Z) + ridge
        factor, failed = torch.linalg.cholesky_ex(hessian)
        if failed.any():
            break
        step = torch.cholesky_solve(gradient[..., None], factor)[..., 0]
        move = (step @ Z.mT).abs().amax(dim=1, keepdim=True)
        W -= torch.where(move > 0, torch.log1p(move) / move, 1.0) * step
        if move.max() <= CONVERGED:
            return W, iteration
    raise FloatingPointError(
        f"Newton's method did not converge in {iteration} steps (strength={strength:g}):"
        " raise the strength or rescale X"
    )


def _distance(Z: Tensor, W: Tensor, masks: Tensor, strength: float) -> Tensor:
    """Distance of W from the minimisers, certified: the loss is λ-strongly convex."""
    residual = masks * torch.sigmoid(-(W @ Z.mT))
    gradient = torch.linalg.vector_norm(strength * W - residual @ Z, dim=1)
    size = strength * torch.linalg.vector_norm(W, dim=1)
    size += (
        residual
        @ torch.linalg.vector_norm(Z, dim=1)
        * (1 + torch.linalg.vector_norm(Z, dim=1).max() * torch.linalg.vector_norm(W, dim=1))
    )
    return (gradient + (sum(Z.shape) + 8) * float(np.finfo(float).eps) * size) / strength
