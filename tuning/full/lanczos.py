"""Extreme eigenvalues of symmetric operators by Lanczos, many operators at once, with residual
bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tunebound._ground.arrays import Floats

# A next vector this small, relative to the operator, is rounding: the Krylov space is exhausted.
EXHAUSTED = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class RitzExtremes:
    """The outermost Ritz values of b operators.

    Attributes
    ----------
    smallest, largest : (b,) float64
        Ritz values: never below the smallest, never above the largest eigenvalue, up to rounding.
    smallest_residual, largest_residual : (b,) float64
        ‖Av − θv‖ = |β_k s_k| of their Ritz vectors: an eigenvalue lies within this distance of the
        Ritz value.
    iterations : int
        Products with the operators that were used.
    """

    smallest: Floats
    largest: Floats
    smallest_residual: Floats
    largest_residual: Floats
    iterations: int


def ritz_extremes(
    product: Callable[[Tensor], Tensor], start: Tensor, iterations: int
) -> RitzExtremes:
    """Lanczos with full reorthogonalisation on b operators in step.

    Parameters
    ----------
    product : callable
        Maps vectors (b, p), one for each operator, to their images (b, p).
    start : (b, p)
        Starting vectors, random and not zero.
    iterations : int
        At most this many products; at most p are made.

    Returns
    -------
    RitzExtremes
    """
    b, p = start.shape
    count = min(iterations, p)
    basis = torch.zeros(count + 1, b, p, dtype=start.dtype, device=start.device)
    basis[0] = start / torch.linalg.vector_norm(start, dim=1, keepdim=True)
    diagonal = torch.zeros(b, count, dtype=start.dtype)
    side = torch.zeros(b, count, dtype=start.dtype)
    made = 0
    for k in range(count):
        image = product(basis[k])
        if not torch.isfinite(image).all():
            raise FloatingPointError(
                "a Hessian-vector product is not finite; check the weights at which the curvature"
                " is asked for"
            )
        made = k + 1
        diagonal[:, k] = (basis[k] * image).sum(dim=1).cpu()
        previous = basis[:made]
        # Once is not enough: without full orthogonality converged eigenvalues appear again as
        # ghosts.
        for _ in range(2):
            image = image - torch.einsum(
                "kb,kbp->bp", torch.einsum("kbp,bp->kb", previous, image), previous
            )
        length = torch.linalg.vector_norm(image, dim=1)
        side[:, k] = length.cpu()
        alive = side[:, k] > EXHAUSTED * torch.maximum(diagonal.abs().amax(dim=1), side.amax(dim=1))
        if not alive.any():
            break
        # An exhausted operator keeps a zero vector from here on; its matrix is cut off at this size
        # below.
        scale = torch.where(alive, 1 / torch.where(alive, side[:, k], 1.0), 0.0).to(image.device)
        basis[made] = image * scale[:, None]
    extremes = [
        _extremes(diagonal[i, :made].double().numpy(), side[i, :made].double().numpy())
        for i in range(b)
    ]
    smallest, largest, smallest_residual, largest_residual = np.array(extremes).T
    return RitzExtremes(
        smallest=smallest,
        largest=largest,
        smallest_residual=smallest_residual,
        largest_residual=largest_residual,
        iterations=made,
    )


def _extremes(diagonal: Floats, side: Floats) -> tuple[float, float, float, float]:
    ended = np.flatnonzero(side <= EXHAUSTED * max(np.abs(diagonal).max(), side.max()))
    size = int(ended[0]) + 1 if len(ended) else len(diagonal)
    matrix = np.diag(diagonal[:size]) + np.diag(side[: size - 1], 1) + np.diag(side[: size - 1], -1)
    values, vectors = np.linalg.eigh(matrix)
    residuals = np.abs(side[size - 1] * vectors[-1])
    return values[0], values[-1], residuals[0], residuals[-1]
