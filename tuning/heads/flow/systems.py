"""The linear systems (c + J) x = b of a Rosenbrock step, c > 0, solved for all heads at once.

J = M + κ M² is minus the Jacobian of a flow of heads, with a curvature matrix M and κ ≥ 0 small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from tunebound.tuning.heads.flow.changes import Change
from tunebound.tuning.heads.flow.cholesky import factor

# M² is left out of J where κ‖M‖ is below: it would change the eigenvalues by less than this
BENT = 0.03
# unknowns up to which an inverse costs less than the solutions of all stages
INVERTED = 12
# samples whose part of M is below this share of c count as that much, or are left out of M
ACTIVE = 1e-7
# samples of which none is left out: it would save too little
FEW = 64
# squared norms below count as this: a sample at the origin
ORIGIN = 1e-200
# κc at most
APART = 3 / 16
# rows whose entries left of the diagonal are not written: nobody reads them, and they would take
# the room of others in the caches
STRIP = 48

# x of vectors b, told as the systems have them; each into another one
Solve = Callable[[Sequence[Change], Sequence[Change]], None]
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
        lower = matrix.mT

        def solve(vectors: Sequence[Change], out: Sequence[Change]) -> None:
            solutions = _solved(lower, matrix, [b.whole for b in vectors])
            for x, target in zip(solutions, out, strict=True):
                target.whole.copy_(x)

        return solve, solved
    identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    torch.linalg.solve_triangular(matrix, identity.expand_as(matrix), upper=True, out=root)
    inverse = torch.matmul(root, root.mT, out=matrix)

    def multiply(vectors: Sequence[Change], out: Sequence[Change]) -> None:
        for b, target in zip(vectors, out, strict=True):
            torch.matmul(inverse, b.whole[..., None], out=target.whole[..., None])

    return multiply, solved


def _solved(lower: Tensor, upper: Tensor, vectors: list[Tensor]) -> Sequence[Tensor]:
    """The x (B, m, r) with L U x = b of triangles L and U (B, m, r, r), for vectors b."""
    b = vectors[0][..., None] if len(vectors) == 1 else torch.stack(vectors, dim=-1)
    half = torch.linalg.solve_triangular(lower, b, upper=False)
    return torch.linalg.solve_triangular(upper, half, upper=True).unbind(-1)


def of_samples(gram: Tensor, weights: Tensor, kappa: Tensor, workspace: Tensor) -> System:
    """Systems with M = Σ_j weights_j z_j z_jᵀ in as many unknowns as there are samples with weight.

    A vector Σ_j s_j z_j is told as the pair (s, K s), with the Gram matrix K of the samples: its
    shares and its products with them. With the diagonal matrix D of the weights and G = D^½ K D^½,
    the roots −a, −b of c + g + κg² split what happens among the samples into fractions,

        (c + M + κM²)⁻¹ = (1 − Zᵀ D^½ (1 + κG) (c + G + κG²)⁻¹ D^½ Z) / c,
        (1 + κG) (c + G + κG²)⁻¹ = (b (G + a)⁻¹ − a (G + b)⁻¹) / (b − a),
        D^½ (G + a)⁻¹ D^½ = (K + a D⁻¹)⁻¹,

    so that no curvature matrix has to be summed over samples, and none squared. The last inverse is
    left out: with κc small that takes the share (κg)² from an eigenvalue of (c + M + κM²)⁻¹, g that
    of M, and κ‖M‖ ≤ ½ with steps of up to half the limit. With x = (K + a D⁻¹)⁻¹ p of products p
    the products of x are K x = p − a D⁻¹ x.

    Parameters
    ----------
    gram : (B, n, n)
        K.
    weights : (B, m, n)
        Those whose part of M is below a share 1e-7 of c count as that much, or, of more than 64
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
    active, rest = counted.nonzero()[:, 0], (~counted).nonzero()[:, 0]
    weights = torch.maximum(weights, least)[..., active]
    partly = len(rest) > 0
    rows = gram.index_select(1, active)
    with_rest = rows.index_select(2, rest)
    batch, m, k = weights.shape
    kappa = torch.minimum(kappa, APART / c)
    apart = (1 - 4 * kappa * c).sqrt()  # κ(b − a)
    added = 2 * c / (1 + apart) / weights
    matrix = workspace[0, : batch * m * k * k].view(batch, m, k, k)
    among = rows.index_select(2, active)[:, None]
    for first in range(0, k, STRIP):
        strip = slice(first, first + STRIP)
        matrix[..., strip, first:] = among[..., strip, first:]
    matrix.diagonal(dim1=-2, dim2=-1).add_(added)
    solved, lower = factor(matrix), matrix.mT
    inverse_shifts = 1 / c
    share = -(1 + apart) / (2 * apart) * inverse_shifts
    kept, added = share + inverse_shifts, share.mul(added)

    def solve(vectors: Sequence[Change], out: Sequence[Change]) -> None:
        products = [b.products.index_select(-1, active) for b in vectors]
        solutions = _solved(lower, matrix, products)
        for b, target, product, x in zip(vectors, out, products, solutions, strict=True):
            torch.mul(b.whole, inverse_shifts, out=target.whole)
            # K x is what the products are without the diagonal's part
            product.mul_(kept).addcmul_(x, added, value=-1)
            target.products.index_copy_(-1, active, product)
            moved = x.mul_(share)
            target.weights.index_add_(-1, active, moved)
            if partly:
                target.products.index_add_(-1, rest, torch.bmm(moved, with_rest))

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
