"""Gradient descent on the softmax cross-entropy for a block of heads of several data sets, all
advancing together; float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SoftmaxProblem:
    """Some data sets of K classes, and the left-out samples to tune their heads without.

    X (B, n, r); labels (B, n), integers; rates (B,); start (B, K, r); left_out: the samples that
    rows 1, 2, … leave out one of (row 0 leaves out none); growth: n/(n − 1) under 1/(n − 1)
    weights, else 1.
    """

    X: Tensor
    labels: Tensor
    rates: Tensor
    start: Tensor
    left_out: slice
    growth: float

    @property
    def rows(self) -> int:
        return 1 + self.left_out.stop - self.left_out.start

    @property
    def classes(self) -> int:
        return self.start.shape[1]

    def margins(self, W: Tensor) -> Tensor:
        """min_{j, k ≠ y_j} (w_{y_j} − w_k)ᵀx_j of heads W (B, rows, K, r), over the samples that
        each is tuned on: (B, rows).
        """
        # one product a data set: a broadcast one is laid out otherwise where there is but one
        scores = torch.bmm(W.flatten(1, 2), self.X.mT).unflatten(1, W.shape[1:3])
        own = torch.nn.functional.one_hot(self.labels, self.classes).bool().mT[:, None]
        rivals = scores.masked_fill(own, -torch.inf).amax(dim=2)
        margins = scores.masked_fill(~own, 0.0).sum(dim=2) - rivals
        margins[:, 1:, self.left_out].diagonal(dim1=1, dim2=2).fill_(torch.inf)
        return margins.amin(dim=-1)


class SoftmaxDescent:
    """W ← W + (η/n) Σ_j (e_{y_j} − p_j) x_jᵀ by two matrix products a step.

    Activities are kept with the heads along the last axis, so that the entries of the samples' own
    classes, which differ from sample to sample and not from head to head, are whole rows. The entry
    1 − p_y is formed as the sum of the others, so that it keeps its digits when p_y is 1 to the
    last of them.
    """

    def __init__(self, problem: SoftmaxProblem) -> None:
        self.problem = problem
        X, rows, classes = problem.X, problem.rows, problem.classes
        batch, n, r = X.shape
        along = X.mT * (problem.growth * problem.rates / n)[:, None, None]
        self.samples = X[:, None].expand(-1, classes, -1, -1).reshape(-1, n, r)
        self.along = along[:, None].expand(-1, classes, -1, -1).reshape(-1, r, n)
        self.weights = problem.start.flatten(0, 1)[..., None].expand(-1, -1, rows).contiguous()
        self.planes = X.new_empty((batch, classes, n, rows))
        self.by_class = self.planes.flatten(0, 1)
        self.by_entry = self.planes.flatten(0, 2)
        each = torch.arange(batch, device=X.device)[:, None] * classes + problem.labels
        self.own = (each * n + torch.arange(n, device=X.device)).flatten()
        self.total = X.new_empty((batch, n, rows))
        self.at_own = torch.empty_like(self.total)
        self.on_whole = self.planes[..., 0]
        self.gone = self.planes[:, :, problem.left_out, 1:].diagonal(dim1=2, dim2=3)
        self.norms = torch.linalg.vector_norm(X, dim=-1)
        self.squares = X.new_empty((batch, classes, n))
        self.accumulated = torch.zeros_like(self.norms)

    def advance(self, count: int) -> None:
        """So many steps of every head."""
        for _ in range(count):
            self._step()

    def heads(self) -> Tensor:
        """The heads (B, rows, K, r)."""
        return (
            self.weights.unflatten(0, (-1, self.problem.classes)).permute(0, 3, 1, 2).contiguous()
        )

    def drift(self) -> Tensor:
        """Σ_t ‖∇f_i‖ of the head on S, (B, n); under 1/(n − 1) weights Σ_t ‖∇f_i − ∇F_S‖."""
        return self.accumulated

    def _step(self) -> None:
        planes, total, at_own = self.planes, self.total, self.at_own
        entries, own_rows = self.by_entry, self.at_own.flatten(0, 1)
        torch.bmm(self.samples, self.weights, out=self.by_class)
        torch.amax(planes, 1, out=total)
        planes.sub_(total[:, None]).exp_()
        torch.index_select(entries, 0, self.own, out=own_rows)
        entries.index_fill_(0, self.own, 0.0)
        torch.sum(planes, 1, out=total)
        at_own.add_(total).reciprocal_()
        entries.index_copy_(0, self.own, total.neg_().flatten(0, 1))
        planes.mul_(at_own[:, None])
        self.gone.zero_()
        self._accumulate()
        self.weights.baddbmm_(self.along, self.by_class, alpha=-1)

    def _accumulate(self) -> None:
        if self.problem.growth == 1.0:
            # a square and a sum: torch's norm along this axis takes ten times as long
            torch.mul(self.on_whole, self.on_whole, out=self.squares)
            square = sum_in_order(self.squares, 1)
            self.accumulated.addcmul_(square.sqrt_(), self.norms)
            return
        gradients = self.on_whole.mT[..., None] * self.problem.X[:, :, None]
        gradients -= gradients.mean(dim=1, keepdim=True)
        self.accumulated += torch.linalg.vector_norm(gradients, dim=(-2, -1))
        self.on_whole /= self.problem.growth


def sum_in_order(values: Tensor, axis: int) -> Tensor:
    """Σ over an axis, first to last; torch's own order depends on how many data sets there are."""
    return reduce(torch.add, values.unbind(axis))
