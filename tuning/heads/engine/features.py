"""Gradient descent on the logistic loss for a block of heads of several data sets, all advancing
together, in feature space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakMethod

import torch
from torch import Tensor

from tunebound.tuning.heads.engine.schedule import Schedule
from tunebound.tuning.heads.vectors import VECTOR, whole_vectors

# of the products
DTYPES = {"float64": torch.float64, "float32": torch.float32, "mixed": torch.float32}
# Up to so many features the heads are kept as columns: the matrix library is faster there
# (measured, float32 by up to a third).
NARROW = {torch.float64: 12, torch.float32: 64}
# mixed steps after which two numbers of a weight are put in order
CARRY_EACH_UNTIL, CARRY_EVERY = 1024, 8
# of a mixed descent: the first steps are few and long, so that their rounding would not average out
DOUBLE_STEPS = 256


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Some data sets, and the left-out samples and heads to tune on them. All float64.

    Z (B, n, d): samples times labels; rates (B,); start (B, H, d); left_out: the samples that rows
    1, 2, … leave out one of (row 0 leaves out none); growth: n/(n − 1) under 1/(n − 1) weights,
    else 1; schedule: where steps are on batches or by an optimiser, rates then the largest of each.
    """

    Z: Tensor
    rates: Tensor
    start: Tensor
    left_out: slice
    growth: float
    schedule: Schedule | None = None

    @property
    def rows(self) -> int:
        return 1 + self.left_out.stop - self.left_out.start

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the activities σ(−z_jᵀw): data sets, rows times heads, samples."""
        batch, heads, _ = self.start.shape
        return batch, self.rows * heads, self.Z.shape[1]

    def head_rows(self, by_row: Tensor) -> Tensor:
        """(B, rows · H, …) seen as (B, rows, H, …)."""
        return by_row.unflatten(1, (self.rows, self.start.shape[1]))

    def started(self) -> Tensor:
        """The starts, one a row: (B, rows · H, d)."""
        return self.start[:, None].expand(-1, self.rows, -1, -1).flatten(1, 2)

    def left_out_entries(self, by_row: Tensor) -> Tensor:
        """View of the entries of (B, rows · H, n) where a row meets the sample that it leaves
        out.
        """
        return self.head_rows(by_row)[:, 1:, :, self.left_out].diagonal(dim1=1, dim2=3)


class Descent(Protocol):
    """What every way to iterate offers."""

    def advance(self, count: int) -> None:
        """So many steps of every head."""

    def heads(self) -> Tensor:
        """The heads (B, rows, H, d), float64."""

    def drift(self) -> Tensor:
        """Mean over the H heads on S of Σ_t σ(−z_iᵀw), (B, n); under 1/(n − 1) weights of Σ_t ‖p_i
        z_i − (1/n) Σ_j p_j z_j‖.
        """


Repeat = Callable[[Callable[[], None]], Callable[[], None]]


def eager(step: Callable[[], None]) -> Callable[[], None]:
    """The step as it is."""
    return step


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """The method, without keeping its object: one that keeps its own method would hold its arrays
    until the next collection.
    """
    reference = WeakMethod(method)

    def call() -> None:
        bound = reference()
        if bound is not None:
            bound()

    return call


def workspace_for(problem: Problem) -> Tensor:
    """Flat float64 memory for the activities, and for the vector that they begin last."""
    numbers = torch.Size(problem.shape).numel() + VECTOR
    return torch.zeros(numbers, dtype=torch.float64, device=problem.Z.device)


def activities(workspace: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    """The beginning of a flat float64 workspace as an array of another type and shape."""
    return workspace.view(dtype)[: torch.Size(shape).numel()].view(shape)


def in_whole_vectors(activity: Tensor) -> Tensor:
    """Flat view of activities of a workspace and of the memory behind them, whole vectors of it."""
    return activity.as_strided((whole_vectors(activity.numel()),), (1,))


class GradientShift:
    """‖p_i z_i − (1/n) Σ_j p_j z_j‖ of the heads on S: under 1/(n − 1) weights it takes the place
    of p_i‖x_i‖.
    """

    def __init__(self, Z: Tensor, heads: int, capacity: int) -> None:
        self.Z = Z
        batch, n, d = Z.shape
        self.together = min(heads, max(1, capacity // (batch * n * d)))
        self.moved = torch.empty((batch, self.together, n, d), dtype=Z.dtype, device=Z.device)

    def add_to(self, drift: Tensor, activity: Tensor) -> None:
        """drift (B, H, n) += the norms at activities p (B, H, n)."""
        p = activity.double()
        for first in range(0, p.shape[1], self.together):
            some = p[:, first : first + self.together]
            moved = self.moved[:, : some.shape[1]]
            torch.mul(some[..., None], self.Z[:, None], out=moved)
            moved -= moved.mean(dim=2, keepdim=True)
            drift[:, first : first + self.together] += torch.linalg.vector_norm(moved, dim=-1)


class FeatureDescent:
    """w ← w + (η/n) Σ_j σ(−z_jᵀw) z_j by two matrix products a step, all in one precision.

    The weights are kept negated, so that the first product is already the argument of σ.
    """

    def __init__(
        self,
        problem: Problem,
        dtype: torch.dtype,
        workspace: Tensor,
        *,
        negated: Tensor | None = None,
        accumulated: Tensor | None = None,
        repeat: Repeat = eager,
    ) -> None:
        self.problem = problem
        batch, rows, n = problem.shape
        heads, d = problem.start.shape[1:]
        self.narrow = d <= NARROW[dtype]
        Z, self.scale = problem.Z.to(dtype), problem.growth * problem.rates / n
        self.along = self._along(problem.Z).to(dtype)
        self.negated = self._laid_out(-problem.started() if negated is None else negated).to(
            dtype, copy=True
        )
        if self.narrow:
            self.activity = activities(workspace, dtype, (batch, n, rows))
            by_row = self.activity.mT
            self.to_margins = (Z, self.negated)
            self.to_steps = (self.along.mT, self.activity)
        else:
            self.activity = activities(workspace, dtype, (batch, rows, n))
            by_row = self.activity
            self.to_margins = (self.negated, Z.mT)
            self.to_steps = (self.activity, self.along)
        self.vectors = in_whole_vectors(self.activity)
        self.on_whole = problem.head_rows(by_row)[:, 0]
        self.own = problem.left_out_entries(by_row)
        self.accumulated = (
            torch.zeros((batch, heads, n), dtype=torch.float64, device=Z.device)
            if accumulated is None
            else accumulated
        )
        self.shift = (
            None
            if problem.growth == 1.0
            else GradientShift(problem.Z, heads, self.activity.numel())
        )
        self.step = repeat(weakly(self._step))

    def advance(self, count: int) -> None:
        for _ in range(count):
            self.step()

    def heads(self) -> Tensor:
        return -self.problem.head_rows(self.negated_rows())

    def drift(self) -> Tensor:
        return self.accumulated.mean(dim=1)

    def negated_rows(self) -> Tensor:
        """The negated weights (B, rows · H, d), float64."""
        return self._laid_out(self.negated).double()

    def _laid_out(self, weights: Tensor) -> Tensor:
        """From heads as rows to how they are kept, and back."""
        return weights.mT.contiguous() if self.narrow else weights

    def _along(self, Z: Tensor) -> Tensor:
        return Z * self.scale[:, None, None]

    def _step(self) -> None:
        torch.bmm(*self.to_margins, out=self.activity)
        self.vectors.sigmoid_()
        self.own.zero_()
        if self.shift is None:
            self.accumulated += self.on_whole
        else:
            self.shift.add_to(self.accumulated, self.on_whole)
            self.on_whole /= self.problem.growth
        self._move()

    def _move(self) -> None:
        self.negated.baddbmm_(*self.to_steps, alpha=-1)


class _SplitDescent(FeatureDescent):
    """float32 products, the weights in two float32 numbers each: their sum holds 48 bits.

    The samples enter the steps as they are and the step size scales the sum: a rounded product of
    the two would bend every step in the same direction.
    """

    def __init__(
        self,
        problem: Problem,
        workspace: Tensor,
        negated: Tensor,
        accumulated: Tensor,
        repeat: Repeat,
    ) -> None:
        super().__init__(
            problem, torch.float32, workspace, negated=negated, accumulated=accumulated
        )
        # with the rest the weights; what the products see is their rounded sum
        self.kept = self.negated.clone()
        self.rest = self._laid_out(negated - super().negated_rows()).float()
        self.move = torch.empty_like(self.negated)
        self.rate = self.scale.float()[:, None, None].expand_as(self.negated)
        self.step, self.carry = repeat(weakly(self._step)), repeat(weakly(self._carry))
        self.taken = 0

    def advance(self, count: int) -> None:
        for _ in range(count):
            self.step()
            self.taken += 1
            # early steps are long, so that the rest would soon have few digits
            if self.taken < CARRY_EACH_UNTIL or self.taken % CARRY_EVERY == 0:
                self.carry()

    def negated_rows(self) -> Tensor:
        return self._laid_out(self.kept).double() + self._laid_out(self.rest).double()

    def _along(self, Z: Tensor) -> Tensor:
        return Z

    def _move(self) -> None:
        torch.bmm(*self.to_steps, out=self.move)
        self.rest.addcmul_(self.move, self.rate, value=-1)
        torch.add(self.kept, self.rest, out=self.negated)

    def _carry(self) -> None:
        """Move what fits from the rest into the part kept; what the sum loses stays in the rest,
        exactly.
        """
        self.kept -= self.negated
        self.rest += self.kept
        self.kept.copy_(self.negated)


class MixedDescent:
    """Products and σ in float32, weights in twice its digits, after some first steps in float64."""

    def __init__(self, problem: Problem, workspace: Tensor, *, repeat: Repeat = eager) -> None:
        self.problem, self.workspace, self.repeat = problem, workspace, repeat
        self.now: FeatureDescent = FeatureDescent(problem, torch.float64, workspace)
        self.left = DOUBLE_STEPS

    def advance(self, count: int) -> None:
        first = min(count, self.left)
        self.now.advance(first)
        self.left -= first
        if count > first:
            if not isinstance(self.now, _SplitDescent):
                self.now = _SplitDescent(
                    self.problem,
                    self.workspace,
                    self.now.negated_rows(),
                    self.now.accumulated,
                    self.repeat,
                )
            self.now.advance(count - first)

    def heads(self) -> Tensor:
        return self.now.heads()

    def drift(self) -> Tensor:
        return self.now.drift()
