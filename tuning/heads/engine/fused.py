"""Many steps of leave-one-out head tuning in one GPU kernel, its samples and weights on the chip
throughout.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tunebound.tuning.division import ceil_div
from tunebound.tuning.heads.engine.features import DTYPES, Problem

# Bytes of samples (Z and the steps along them) that a data set may take: with the shared memory of
# a program they stay inside the 192-256 KiB that a streaming multiprocessor of the A100 and H100
# has.
ON_CHIP = 2**17
# beyond it a block of weights leaves the registers, and the products are long enough for the
# batched matrix product
FEATURES = 64
FEW = 8  # up to here a head keeps its weights in registers of one lane and needs no matrix product
OLDEST = (7, 0)  # the compute capability below which Triton compiles nothing


class Blocks(NamedTuple):
    """How a kernel is cut: heads a program, samples a tile, warps a program."""

    heads: int
    tile: int
    warps: int


# Chosen so that the compiler spills (next to) no register on compute capabilities 8.0 and 9.0.
ONE_HEAD_A_LANE = Blocks(heads=32, tile=32, warps=1)
PRODUCTS = {
    torch.float32: Blocks(heads=64, tile=32, warps=8),
    torch.float64: Blocks(heads=32, tile=16, warps=4),
}


def advance(
    Z: Tensor, step: Tensor, negated: Tensor, drift: Tensor, first: int, steps: int
) -> None:
    """Advance the head on S and a block of left-out heads of every data set by gradient steps, in
    place, in one launch.

    Each step is negated ← negated − σ(negated Zᵀ) step, with the left-out entries of σ set to zero,
    and drift ← drift + σ of row 0. Products, σ and their sums are in the precision of ``Z``
    (float32 without TF32), weights in that of ``negated``.

    Parameters
    ----------
    Z : (B, n, d) float32 or float64
        Samples times their labels, contiguous as every tensor here.
    step : (B, n, d), dtype of Z
        ``Z`` times step size over n.
    negated : (B, m, d) float64, or dtype of Z
        Negated weights: row 0 of the head on S, row 1 + k of the head without sample ``first + k``.
        Changed in place.
    drift : (B, n) float64
        Sums of row 0's activity. Changed in place.
    first : int
        The sample that row 1 leaves out, 0 to n − m + 1.
    steps : int
        Number of steps, at least 0.

    Raises
    ------
    ValueError
        For shapes, dtypes or a block of left-out samples that do not fit together: the kernel
        itself would not notice.
    """
    batch, n, d = _checked(Z, step, negated, drift, first, steps)
    rows = negated.shape[1]
    cut = blocks(d, Z.dtype)
    kernels = _kernels()
    kernel = kernels.few_features if d <= FEW else kernels.many_features
    grid = (batch, 1 + ceil_div(rows - 1, cut.heads))
    sizes = dict(D=d, WIDTH=width(d), HEADS=cut.heads, TILE=cut.tile)
    with torch.cuda.device_of(Z):
        kernel[grid](
            Z,
            step,
            negated,
            drift,
            n,
            rows,
            first,
            steps,
            **sizes,
            num_warps=cut.warps,
            enable_fp_fusion=True,
        )


class FusedDescent:
    """All steps up to the next record in one launch of a GPU kernel. One head a row, 1/n
    weights.
    """

    def __init__(self, problem: Problem, dtype: str) -> None:
        self.problem = problem
        products = DTYPES[dtype]
        n = problem.Z.shape[1]
        self.Z = problem.Z.to(products).contiguous()
        self.along = (problem.Z * (problem.rates / n)[:, None, None]).to(products).contiguous()
        weights = products if dtype == "float32" else torch.float64
        self.negated = -problem.started().to(weights).contiguous()
        self.accumulated = torch.zeros(
            problem.Z.shape[:2], dtype=torch.float64, device=problem.Z.device
        )

    def advance(self, count: int) -> None:
        advance(
            self.Z, self.along, self.negated, self.accumulated, self.problem.left_out.start, count
        )

    def heads(self) -> Tensor:
        return -self.problem.head_rows(self.negated).double()

    def drift(self) -> Tensor:
        return self.accumulated


def refusal(
    device: torch.device, n: int, d: int, dtype: torch.dtype, interpret: bool = False
) -> str | None:
    """Why `advance` cannot, or should not, be used; None if it can.

    Parameters
    ----------
    device : torch.device
        Where the tensors are.
    n, d : int
        Samples and features of a data set.
    dtype : torch.dtype
        That of ``Z``: float32 or float64.
    interpret : bool
        Take the CPU too, through Triton's interpreter: slow, for tests. Needs TRITON_INTERPRET=1 in
        the environment.

    Returns
    -------
    str or None
        One clause for a log line. Sizes are refused by an estimate of bytes: Z and step of a data
        set, 2 n d times the bytes of a number, have to stay in 128 KiB of on-chip memory, and d ≤
        64 keeps a block of weights in registers.
    """
    if dtype not in PRODUCTS:
        return f"it is written for float32 and float64, not {dtype}"
    if find_spec("triton") is None:
        return "Triton is not installed (pip install triton)"
    if interpret:
        if os.environ.get("TRITON_INTERPRET") != "1":
            return (
                "Triton's interpreter is off (set TRITON_INTERPRET=1 before the first import of"
                " Triton)"
            )
    elif device.type != "cuda" or torch.version.hip is not None:
        return f"it needs a CUDA device, not {device}"
    elif torch.cuda.get_device_capability(device) < OLDEST:
        return f"it needs compute capability {OLDEST[0]}.{OLDEST[1]} or newer"
    if d > FEATURES:
        return f"{d} features are more than the {FEATURES} whose weights stay in registers"
    needed = 2 * n * d * dtype.itemsize
    if needed > ON_CHIP:
        return (
            f"the samples of a data set take {needed:,} bytes, more than the {ON_CHIP:,} kept on"
            " the chip"
        )
    return None


def blocks(d: int, dtype: torch.dtype) -> Blocks:
    """How the kernel for so many features, with products in this dtype, is cut."""
    return ONE_HEAD_A_LANE if d <= FEW else PRODUCTS[dtype]


def width(d: int) -> int:
    """Features padded to what a tile needs: a power of two, and at least 16 for a matrix
    product.
    """
    return max(1 if d <= FEW else 16, 1 << (d - 1).bit_length())


@cache
def _kernels() -> Any:
    from tunebound.tuning.heads.engine import kernels as head_kernels

    return head_kernels


def _checked(
    Z: Tensor, step: Tensor, negated: Tensor, drift: Tensor, first: int, steps: int
) -> tuple[int, int, int]:
    if Z.ndim != 3 or Z.dtype not in PRODUCTS:
        raise ValueError(
            f"Z must have shape (B, n, d) in float32 or float64, got {tuple(Z.shape)} in {Z.dtype}"
        )
    batch, n, d = Z.shape
    if step.shape != Z.shape or step.dtype != Z.dtype:
        raise ValueError(
            f"step must be like Z, {tuple(Z.shape)} in {Z.dtype}, got {tuple(step.shape)} in"
            f" {step.dtype}"
        )
    handed = f"got {tuple(negated.shape)} in {negated.dtype}"
    if (
        negated.ndim != 3
        or negated.shape[::2] != (batch, d)
        or not negated.shape[1]
        or negated.dtype not in (Z.dtype, torch.float64)
    ):
        raise ValueError(
            f"negated must have shape ({batch}, m, {d}), m at least 1, in float64 or {Z.dtype},"
            f" {handed}"
        )
    if drift.shape != (batch, n) or drift.dtype != torch.float64:
        raise ValueError(
            f"drift must have shape ({batch}, {n}) in float64, got {tuple(drift.shape)} in"
            f" {drift.dtype}"
        )
    if not 0 <= first <= first + negated.shape[1] - 1 <= n:
        raise ValueError(
            f"first must leave {negated.shape[1] - 1} left-out samples within the {n}, got {first}"
        )
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    for name, tensor in (("Z", Z), ("step", step), ("negated", negated), ("drift", drift)):
        if not tensor.is_contiguous() or tensor.device != Z.device:
            raise ValueError(
                f"{name} must be contiguous and on {Z.device}; call .contiguous() or .to() before"
            )
    return batch, n, d
