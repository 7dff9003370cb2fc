"""The linear systems (c + J) x = b of a Rosenbrock step, c > 0, solved for all heads at once.

J = M + κ M² is minus the Jacobian of a flow of heads, with a curvature matrix M and κ ≥ 0 small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from tunebound.tuning.heads.flow.cholesky import factor

# M² is left out of J where κ‖M‖ is below: it would change the eigenvalues by less than this
BENT = 0.03
# unknowns up to which an inverse costs less than the solutions of all stages
INVERTED = 12
# samples whose part of M is below this share of c count as that much, or are left out of M
ACTIVE = 1e-10
# samples of which none is left out: it would save too little
FEW = 64
# squared norms below count as this: a sample at the origin
ORIGIN = 1e-200
# κc at most, and b times what stands for the inverse of G + b
APART, FAR = 3 / 16, 0.7

Solve = Callable[[Tensor], Tensor]  # x of b, vectors as the systems have them
# of shifts c (B, m): the solution, and (B, m) bool, False where a matrix is not positive definite
System = Callable[[Tensor], tuple[Solve, Tensor]]


def of_matrices(matrices: Tensor, scratch: Sequence[Tensor], kappa: Tensor) -> System:
    """Systems in as many unknowns as a head has numbers.

    Parameters
    ----------
    matrices : (B, m, r, r)
        M, overwritten; symmetric.
    scratch : two of (B, m, r, r)
        Overwritten. Matrices in fresh memory at every step would cost more than the arithmetic.
    kappa : (B, m, 1)
    """
    return partial(_of_matrices, matrices, scratch, kappa)


def _of_matrices(
    matrices: Tensor, scratch: Sequence[Tensor], kappa: Tensor, shifts: Tensor
) -> tuple[Solve, Tensor]:
    bent = _bent(torch.linalg.matrix_norm(matrices), kappa)
    square, root = scratch
    matrix = matrices if bent is None else _with_square(matrices, bent, square, root)
    matrix.diagonal(dim1=-2, dim2=-1).add_(shifts[..., None])
    solved = factor(matrix)
    if matrix.shape[-1] > INVERTED:
        return partial(_solved, matrix.mT, matrix), solved
    identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    torch.linalg.solve_triangular(matrix, identity.expand_as(matrix), upper=True, out=root)
    inverse = torch.matmul(root, root.mT, out=matrix)
    return lambda b: torch.matmul(inverse, b[..., None])[..., 0], solved


def _solved(lower: Tensor, upper: Tensor, b: Tensor) -> Tensor:
    """x (B, m, r) with L U x = b of triangles L and U (B, m, r, r)."""
    half = torch.linalg.solve_triangular(lower, b[..., None], upper=False)
    return torch.linalg.solve_triangular(upper, half, upper=True)[..., 0]


def of_samples(gram: Tensor, weights: Tensor, kappa: Tensor, workspace: Tensor) -> System:
    """Systems with M = Σ_j weights_j z_j z_jᵀ in as many unknowns as there are samples with weight.

    A vector Σ_j s_j z_j is told as the pair (s, K s), with the Gram matrix K of the samples: its
    shares and its products with them. With the diagonal matrix D of the weights and G = D^½ K D^½,
    the roots −a, −b of c + g + κg² split what happens among the samples into fractions,

        (c + M + κM²)⁻¹ = (1 − Zᵀ D^½ (1 + κG) (c + G + κG²)⁻¹ D^½ Z) / c,
        (1 + κG) (c + G + κG²)⁻¹ = (b (G + a)⁻¹ − a (G + b)⁻¹) / (b − a),
        D^½ (G + a)⁻¹ D^½ = (K + a D⁻¹)⁻¹,

    so that no curvature matrix has to be summed over samples, and none squared. For the last
    inverse, whose share is small, stands the number 0.7/b: that changes no eigenvalue of (c + M +
    κM²)⁻¹ by more than 1.5 % while κ‖M‖ ≤ ½, as it is with steps of up to half the limit.

    Parameters
    ----------
    gram : (B, n, n)
        K.
    weights : (B, m, n)
        Those whose part of M is below a share 1e-10 of c count as that much, or, of more than 64
        samples, as 0 where it is so in all heads.
    kappa : (B, m, 1)
        Where it is above 3/(16 c), for which the roots are near each other, that is taken.
    workspace : (≥ 1, N)
        Overwritten; N at least B m n².
    """
    return partial(_of_samples, gram, weights, kappa, workspace)


def _of_samples(
    gram: Tensor, weights: Tensor, kappa: Tensor, workspace: Tensor, shifts: Tensor
) -> tuple[Solve, Tensor]:
    own = gram.diagonal(dim1=1, dim2=2)[:, None].clamp_min(ORIGIN)
    c = shifts[..., None]
    least = ACTIVE * c / own
    counted = (weights > least).any(dim=1).any(dim=0)
    if len(counted) <= FEW:
        counted = torch.ones_like(counted)
    active = counted.nonzero()[:, 0]
    weights = torch.maximum(weights, least)[..., active]
    rows = gram.index_select(1, active)
    batch, m, k = weights.shape
    kappa = torch.minimum(kappa, APART / c)
    apart = (1 - 4 * kappa * c).sqrt()  # κ(b − a)
    matrix = workspace[0, : batch * m * k * k].view(batch, m, k, k)
    matrix.copy_(rows.index_select(2, active)[:, None].expand_as(matrix))
    matrix.diagonal(dim1=-2, dim2=-1).add_(2 * c / (1 + apart) / weights)
    solved, lower = factor(matrix), matrix.mT
    inverse_shifts = 1 / c
    first = -(1 + apart) / (2 * apart) * inverse_shifts
    last = FAR * (2 * kappa / (1 + apart)) ** 2 / apart * weights

    def solve(b: Tensor) -> Tensor:
        products = b[1].index_select(-1, active)
        moved = torch.mul(products, last).addcmul_(_solved(lower, matrix, products), first)
        x = b * inverse_shifts
        shares, along = x.unbind()
        shares.index_add_(-1, active, moved)
        along.baddbmm_(moved, rows)
        return x

    return solve, solved


def _bent(sizes: Tensor, kappa: Tensor) -> Tensor | None:
    """κ (B, m, 1), 0 in sets where κ times the size (B, m) is too small to matter in every head;
    None if it is everywhere.
    """
    matters = (sizes[..., None] * kappa).amax(dim=1, keepdim=True) > BENT
    return torch.where(matters, kappa, 0.0) if matters.any() else None


def _with_square(matrices: Tensor, kappa: Tensor, out: Tensor, scratch: Tensor) -> Tensor:
    """M + κM², in `out`."""
    torch.mul(matrices, kappa[..., None], out=scratch)
    torch.baddbmm(
        matrices.flatten(0, 1),
        matrices.flatten(0, 1),
        scratch.flatten(0, 1),
        out=out.flatten(0, 1),
    )
    return out
