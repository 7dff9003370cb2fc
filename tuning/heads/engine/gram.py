"""Gradient descent on the logistic loss in the space of the samples: its cost does not grow with
the features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tunebound.tuning.heads.engine.features import (
    GradientShift,
    Problem,
    Repeat,
    activities,
    eager,
    in_whole_vectors,
    weakly,
)


class GramDescent:
    """The same iterates from w = start + (η/n) Σ_j a_j z_j: a ← a + σ(−m), m = Z·start + (η/n) K a,
    with K = ZZᵀ; float64.

    One matrix product a step instead of two. float32 would not do: K rounded to it bends the heads
    by up to 2e−6, measured, since the terms of K a cancel where the margins are small.
    """

    def __init__(self, problem: Problem, workspace: Tensor, *, repeat: Repeat = eager) -> None:
        self.problem = problem
        batch, rows, n = problem.shape
        self.along = problem.Z * (problem.growth * problem.rates / n)[:, None, None]
        self.products = torch.bmm(self.along, problem.Z.mT)
        # Negated, so that the product is already the argument of σ.
        self.coefficients = torch.zeros(
            (batch, rows, n), dtype=torch.float64, device=problem.Z.device
        )
        self.activity = activities(workspace, torch.float64, problem.shape)
        self.vectors = in_whole_vectors(self.activity)
        self.at_start = (
            -torch.bmm(problem.start, problem.Z.mT)[:, None] if problem.start.any() else None
        )
        self.by_head = problem.head_rows(self.activity)
        self.on_whole = self.by_head[:, 0]
        self.own = problem.left_out_entries(self.activity)
        self.shift: GradientShift | None = None
        self.accumulated = problem.head_rows(self.coefficients)[:, 0]
        if problem.growth != 1.0:
            heads = problem.start.shape[1]
            # norms and sums are those of Z
            coordinates = torch.linalg.qr(problem.Z.mT, mode="r").R.mT.contiguous()
            self.shift = GradientShift(coordinates, heads, self.activity.numel())
            self.accumulated = torch.zeros(
                (batch, heads, n), dtype=torch.float64, device=problem.Z.device
            )
        self.step = repeat(weakly(self._step))

    def advance(self, count: int) -> None:
        for _ in range(count):
            self.step()

    def heads(self) -> Tensor:
        moved = self.problem.head_rows(torch.bmm(self.coefficients, self.along))
        return self.problem.start[:, None] - moved

    def drift(self) -> Tensor:
        return self.accumulated.mean(dim=1) * (-1 if self.shift is None else 1)

    def _step(self) -> None:
        if self.at_start is None:
            torch.bmm(self.coefficients, self.products, out=self.activity)
        else:
            self.by_head.copy_(self.at_start)
            self.activity.baddbmm_(self.coefficients, self.products)
        self.vectors.sigmoid_()
        self.own.zero_()
        if self.shift is not None:
            self.shift.add_to(self.accumulated, self.on_whole)
            self.on_whole /= self.problem.growth
        self.coefficients -= self.activity
