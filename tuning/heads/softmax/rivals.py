"""Softmax descent for few classes: by the differences to the rivals of each sample's class."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tunebound.tuning.heads.softmax.descent import SoftmaxProblem, sum_in_order

LARGEST = 700.0  # its exponential, times the classes, is in float64
# where it is faster than `SoftmaxDescent`, by a fifth to two thirds (measured on one core)
MOST_CLASSES = 5
MOST_FILLED_UP = 1.25


def pays(problem: SoftmaxProblem) -> bool:
    """Whether few classes of like sizes, and few features, make this the faster way."""
    classes, (_, n, r) = problem.classes, problem.X.shape
    if classes > MOST_CLASSES or r * (classes - 1) > n:
        return False
    largest = torch.nn.functional.one_hot(problem.labels, classes).sum(dim=1).max()
    return classes * int(largest) <= MOST_FILLED_UP * n


class RivalDescent:
    """W ← W + (η/n) Σ_j Σ_{k ≠ y_j} p_jk (e_{y_j} − e_k) x_jᵀ, by two batched products a step.

    Samples stand by class, filled up with zero vectors to the size of the largest, and only the
    differences (w_k − w_{y_j})ᵀx_j to the K − 1 rivals of a sample's class are formed: no entry has
    to be looked up by its label, and 1 − p_y, the sum of the others, keeps its digits when p_y is 1
    to the last of them. The heads are along the last axis, so that all passes go over whole rows.
    """

    def __init__(self, problem: SoftmaxProblem) -> None:
        self.problem = problem
        X, rows, classes = problem.X, problem.rows, problem.classes
        batch, n, r = X.shape
        members = torch.nn.functional.one_hot(problem.labels, classes).cumsum(dim=1)
        size = int(members[:, -1].max())
        rank = members.gather(2, problem.labels[..., None])[..., 0] - 1
        self.place = problem.labels * size + rank
        samples = X.new_zeros((batch, classes * size, r))
        samples.scatter_(1, self.place[..., None].expand(-1, -1, r), X)
        pairs = samples.view(batch, classes, 1, size, r).expand(-1, -1, classes - 1, -1, -1)
        self.samples = pairs.reshape(-1, size, r)
        along = samples.mT * (problem.growth * problem.rates / n)[:, None, None]
        pairs = along.view(batch, r, classes, 1, size).permute(0, 2, 3, 1, 4)
        self.along = pairs.expand(-1, -1, classes - 1, -1, -1).reshape(-1, r, size)
        every = torch.arange(classes, device=X.device)
        self.rivals = every.expand(classes, -1)[every[:, None] != every]
        self.weights = problem.start[..., None].repeat(1, 1, 1, rows)
        self.by_pair = X.new_empty((batch, len(self.rivals), r, rows))
        self.by_class = self.by_pair.view(batch, classes, classes - 1, r, rows)
        self.activity = X.new_empty((batch, classes, classes - 1, size, rows))
        self.entries = self.activity.view(-1, size, rows)
        self.total = X.new_empty((batch, classes, size, rows))
        self.highest = torch.empty_like(self.total) if self._may_overflow() else None
        out = torch.arange(problem.left_out.start, problem.left_out.stop, device=X.device)
        of_class = torch.arange(batch, device=X.device)[:, None] * classes + problem.labels[:, out]
        plane = of_class[..., None] * (classes - 1) + torch.arange(classes - 1, device=X.device)
        row = torch.arange(1, rows, device=X.device)
        entry = (plane * size + rank[:, out, None]) * rows + row[:, None]
        self.gone = entry.flatten()  # of the activities: where a head meets its left-out sample
        self.on_whole = self.activity[..., 0]
        self.norms = torch.linalg.vector_norm(samples, dim=-1)
        self.accumulated = torch.zeros_like(self.norms)

    def advance(self, count: int) -> None:
        """So many steps of every head."""
        for _ in range(count):
            self._step()

    def heads(self) -> Tensor:
        """The heads (B, rows, K, r)."""
        return self.weights.permute(0, 3, 1, 2).contiguous()

    def drift(self) -> Tensor:
        """Σ_t ‖∇f_i‖ of the head on S, (B, n); under 1/(n − 1) weights Σ_t ‖∇f_i − ∇F_S‖."""
        return self.accumulated.gather(1, self.place)

    def _may_overflow(self) -> bool:
        """Whether a rival's score could lie above a sample's own by more than exp bears.

        From 0 the losses of a head never sum to more than n ln K, and each is at least that
        difference.
        """
        n = self.problem.X.shape[1]
        return bool(self.problem.start.any()) or n * math.log(self.problem.classes) > LARGEST

    def _step(self) -> None:
        activity, total = self.activity, self.total
        torch.index_select(self.weights, 1, self.rivals, out=self.by_pair)
        self.by_class.sub_(self.weights[:, :, None])
        torch.bmm(self.samples, self.by_pair.flatten(0, 1), out=self.entries)
        activity.view(-1).index_fill_(0, self.gone, -torch.inf)
        if self.highest is not None:
            torch.amax(activity, 2, out=self.highest)
            activity.sub_(self.highest.clamp_min_(0.0)[:, :, None])
        activity.exp_()
        _add_up(activity, total)
        total.add_(1.0 if self.highest is None else self.highest.neg_().exp_()).reciprocal_()
        activity.mul_(total[:, :, None])
        self._accumulate()
        torch.bmm(self.along, self.entries, out=self.by_pair.flatten(0, 1))
        self.weights.index_add_(1, self.rivals, self.by_pair, alpha=-1)
        for rival in self.by_class.unbind(2):
            self.weights.add_(rival)

    def _accumulate(self) -> None:
        entries = self.on_whole
        if self.problem.growth == 1.0:
            # a square and a sum: torch's norm along this axis takes ten times as long
            squares = sum_in_order(entries.square(), 2) + sum_in_order(entries, 2).square()
            self.accumulated.addcmul_(squares.sqrt_().flatten(1), self.norms)
            return
        of_samples = entries.transpose(1, 2).flatten(2)  # (B, K - 1, K size), by place
        of_samples = of_samples.gather(
            2, self.place[:, None].expand(-1, of_samples.shape[1], -1)
        ).mT
        own = torch.nn.functional.one_hot(self.problem.labels, self.problem.classes).bool()
        by_class = of_samples.new_empty(own.shape)
        by_class[~own] = of_samples.flatten()
        by_class[own] = -of_samples.sum(dim=-1).flatten()
        gradients = by_class[..., None] * self.problem.X[:, :, None]
        gradients -= gradients.mean(dim=1, keepdim=True)
        sizes = torch.linalg.vector_norm(gradients, dim=(-2, -1))
        self.accumulated.scatter_add_(1, self.place, sizes)
        entries /= self.problem.growth


def _add_up(planes: Tensor, total: Tensor) -> None:
    """Σ over axis 2; torch's own takes three times as long for a few planes."""
    first, *others = planes.unbind(2)
    if not others:
        total.copy_(first)
        return
    torch.add(first, others[0], out=total)
    for plane in others[1:]:
        total.add_(plane)
