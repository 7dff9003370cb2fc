"""Descent on mini-batches, by any optimiser: the samples of a step are gathered, the rest are left
alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tunebound.tuning.heads.engine.features import Problem, activities, in_whole_vectors
from tunebound.tuning.heads.optimisers import GradientDescent

GATHERED = 2**17  # numbers gathered at once, for as many steps as they are
PENDING = 64  # steps of gradient descent after which the coefficients are brought up to date


class _Step(NamedTuple):
    """What one step uses: samples as columns (B, d, b), the samples times 1/|batch| (B, b, d), of
    gradient descent also times the step size, 0 where a row meets its own sample and else 1 (1 or
    B, rows, b), entries (B, b), what a unit of activity weighs in the coefficients (1 or B, 1),
    step size (1 or B, 1, 1).
    """

    samples: Tensor
    shares: Tensor
    others: Tensor
    entries: Tensor
    weight: Tensor
    rate: Tensor


class MinibatchDescent:
    """w ← w + η_s · move of (1/|batch|) Σ_{j in the batch} σ(−z_jᵀw) z_j, every row on the same
    batches; float64, one head a row.

    A row leaves the terms of its own sample out and keeps the weight 1/|batch| of the others. The
    coefficients c_j with w_S = w_0 + Σ_j c_j z_j take the same moves as the head on S.
    """

    def __init__(self, problem: Problem, workspace: Tensor) -> None:
        schedule = problem.schedule
        if schedule is None:
            raise TypeError("a descent on mini-batches needs a schedule; use FeatureDescent")
        self.problem = problem
        batch, rows, n = problem.shape
        device, nothing = problem.Z.device, torch.zeros_like(problem.Z[:, :1])
        # sample n is zero: it stands where a batch is shorter
        self.samples = torch.cat([problem.Z, nothing], dim=1)
        self.negated = (-problem.started()).contiguous()
        self.out = torch.arange(problem.left_out.start - 1, problem.left_out.stop, device=device)
        self.out[0] = -1  # the first row leaves none out
        sequences = np.arange(n)[None, None] if schedule.batches is None else schedule.batches
        self.entries = torch.as_tensor(np.where(sequences < 0, n, sequences), device=device)
        self.share = torch.as_tensor(1.0 / (sequences >= 0).sum(axis=-1), device=device)
        self.rates = torch.as_tensor(schedule.rates, device=device)
        self.activity = activities(workspace, torch.float64, (batch, rows, sequences.shape[2]))
        self.vectors = in_whole_vectors(self.activity)
        self.on_whole = self.activity[:, 0]
        self.direct = isinstance(schedule.optimiser, GradientDescent)
        self.move = schedule.optimiser.start()
        self.add_up = schedule.optimiser.start() if schedule.optimiser.linear else None
        self.coefficients = torch.zeros((batch, n + 1), dtype=torch.float64, device=device)
        self.gradient = torch.empty_like(self.negated)
        self.pending: list[tuple[_Step, Tensor]] = []
        self.steps = self._gathered()

    def advance(self, count: int) -> None:
        for _ in range(count):
            self._take(next(self.steps))

    def heads(self) -> Tensor:
        return -self.problem.head_rows(self.negated)

    def drift(self) -> Tensor:
        """c_j in units of η/n; NaN where the moves are no sums of gradients."""
        self._settle()
        if self.add_up is None:
            return torch.full_like(self.coefficients[:, :-1], torch.nan)
        return self.coefficients[:, :-1] * (self.problem.Z.shape[1] / self.problem.rates[:, None])

    def _gathered(self) -> Iterator[_Step]:
        """The steps, one after the other; prepared together, since each operation costs more to
        start than to do.
        """
        batch, width = len(self.samples), self.entries.shape[2]
        total = max(self.entries.shape[1], self.rates.shape[1])
        together = max(1, GATHERED // (batch * width * self.samples.shape[2]))
        sets = torch.arange(batch, device=self.samples.device)[:, None, None]
        for first in range(0, total, together):
            some = slice(first, first + together)
            entries, share = _part(self.entries, some), _part(self.share, some)[..., None]
            rate = _part(self.rates, some)[..., None]
            samples = self.samples[sets, entries]
            others = (entries[:, :, None] != self.out[:, None]).double()
            count = min(together, total - first)
            weight = share * rate if self.direct else share
            parts = (
                samples.mT,
                samples * weight[..., None],
                others,
                entries.expand(batch, -1, -1),
                weight,
                rate[..., None],
            )
            for step in zip(*(_each(part, count) for part in parts), strict=True):
                yield _Step(*step)
        # all samples in every step, of one size
        while True:
            yield _Step(*step)

    def _take(self, step: _Step) -> None:
        activity = self.activity
        torch.bmm(self.negated, step.samples, out=activity)
        self.vectors.sigmoid_()
        activity.mul_(step.others)
        # descent on the loss raises the margins: of the negated weights this is the gradient
        if self.direct:
            self.negated.baddbmm_(activity, step.shares, alpha=-1)
            self.pending.append((step, self.on_whole.clone()))
            if len(self.pending) == PENDING:
                self._settle()
            return
        torch.bmm(activity, step.shares, out=self.gradient)
        self.negated.addcmul_(self.move(self.gradient), step.rate, value=-1)
        if self.add_up is not None:
            used = torch.zeros_like(self.coefficients)
            used.scatter_add_(1, step.entries, self.on_whole * step.weight)
            self.coefficients.addcmul_(self.add_up(used), step.rate[..., 0])

    def _settle(self) -> None:
        """Add what the head on S took in the last steps of gradient descent to the coefficients."""
        if not self.pending:
            return
        entries = torch.cat([step.entries for step, _ in self.pending], dim=1)
        used = torch.cat([activity * step.weight for step, activity in self.pending], dim=1)
        self.coefficients.scatter_add_(1, entries, used)
        self.pending.clear()


def _part(values: Tensor, some: slice) -> Tensor:
    """The values of some steps; where all steps have one value, that."""
    return values if values.shape[1] == 1 else values[:, some]


def _each(part: Tensor, count: int) -> tuple[Tensor, ...]:
    """The part of each of so many steps; the same for all where there is one."""
    return part.unbind(1) if part.shape[1] > 1 else part.unbind(1) * count
