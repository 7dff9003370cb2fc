"""Descent on mini-batches, by any optimiser: the samples of a step are gathered, the rest are left
alone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tunebound.tuning.heads.engine.features import Problem, activities
from tunebound.tuning.heads.optimisers import GradientDescent


class MinibatchDescent:
    """w ← w + η_s · move of (1/|batch|) Σ_{j in the batch} σ(−z_jᵀw) z_j, every row on the same
    batches; float64, one head a row.

    A row leaves the terms of its own sample out and keeps the weight 1/|batch| of the others. The
    coefficients c_j with w_S = w_0 + Σ_j c_j z_j take the same moves as the head on S.
    """

    def __init__(self, problem: Problem, workspace: Tensor) -> None:
        assert problem.schedule is not None
        self.problem, self.workspace, schedule = problem, workspace, problem.schedule
        batch, rows, n = problem.shape
        device, nothing = problem.Z.device, torch.zeros_like(problem.Z[:, :1])
        # sample n is zero: it stands where a batch is shorter
        self.samples = torch.cat([problem.Z, nothing], dim=1)
        self.negated = (-problem.started()).contiguous()
        self.sets = torch.arange(batch, device=device)[:, None]
        self.out = torch.arange(problem.left_out.start - 1, problem.left_out.stop, device=device)
        self.out[0] = -1  # the first row leaves none out
        entries = np.arange(n)[None, None] if schedule.batches is None else schedule.batches
        sizes = (entries >= 0).sum(axis=-1)
        self.entries = torch.as_tensor(np.where(entries < 0, n, entries), device=device)
        self.shares = torch.as_tensor(1.0 / sizes, device=device)[..., None, None]
        self.rates = torch.as_tensor(schedule.rates, device=device)[..., None, None]
        self.move = schedule.optimiser.start()
        self.add_up = schedule.optimiser.start() if schedule.optimiser.linear else None
        self.coefficients = torch.zeros((batch, n + 1), dtype=torch.float64, device=device)
        self.direct = isinstance(schedule.optimiser, GradientDescent)
        self.gradient = torch.empty_like(self.negated)
        self.gathered = self._gather(0)
        self.taken = 0

    def advance(self, count: int) -> None:
        for _ in range(count):
            self._step()
            self.taken += 1

    def heads(self) -> Tensor:
        return -self.problem.head_rows(self.negated)

    def drift(self) -> Tensor:
        """c_j in units of η/n; NaN where the moves are no sums of gradients."""
        if self.add_up is None:
            return torch.full_like(self.coefficients[:, :-1], torch.nan)
        return self.coefficients[:, :-1] * (
            self.problem.Z.shape[1] / self.problem.rates[:, None]
        )

    def _gather(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Entries (1 or B, b) of a step, their samples (B, b, d), where a row meets its own, and
        1/|batch|.
        """
        entries = self.entries[:, step]
        samples = (
            self.samples.index_select(1, entries[0])
            if len(entries) == 1
            else self.samples[self.sets, entries]
        )
        return entries, samples, entries[:, None] == self.out[:, None], self.shares[:, step]

    def _step(self) -> None:
        if self.entries.shape[1] > 1:
            self.gathered = self._gather(self.taken)
        entries, samples, own, share = self.gathered
        rate = self.rates[:, self.taken if self.rates.shape[1] > 1 else 0]
        batch, rows, _ = self.negated.shape
        activity = activities(self.workspace, torch.float64, (batch, rows, samples.shape[1]))
        torch.bmm(self.negated, samples.mT, out=activity)
        activity.sigmoid_().masked_fill_(own, 0.0)
        # descent on the loss raises the margins: of the negated weights this is the gradient
        if self.direct:
            self.negated.baddbmm_(activity, samples * (share * rate), alpha=-1)
        else:
            torch.bmm(activity, samples * share, out=self.gradient)
            self.negated.addcmul_(self.move(self.gradient), rate, value=-1)
        if self.add_up is not None:
            used = torch.zeros_like(self.coefficients)
            used.scatter_add_(1, entries.expand(batch, -1), activity[:, 0] * share[:, 0])
            self.coefficients.addcmul_(self.add_up(used), rate[:, 0])
