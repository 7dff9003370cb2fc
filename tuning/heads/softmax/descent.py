"""Gradient descent on the softmax cross-entropy for a block of heads of several data sets, all
advancing together; float64.
"""

from __future__ import annotations

from dataclasses import dataclass

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

    def own(self) -> Tensor:
        """1 where a sample meets its own class, else 0: (B, K, 1, n)."""
        chosen = torch.nn.functional.one_hot(self.labels, self.classes).to(self.X.dtype)
        return chosen.mT[:, :, None].contiguous()

    def margins(self, W: Tensor) -> Tensor:
        """min_{j, k ≠ y_j} (w_{y_j} − w_k)ᵀx_j of heads W (B, rows, K, r), over the samples that
        each is tuned on: (B, rows).
        """
        scores = torch.matmul(W, self.X.mT[:, None])
        own = self.own()[:, :, 0, None].bool().transpose(1, 2)
        rivals = scores.masked_fill(own, -torch.inf).amax(dim=2)
        margins = scores.masked_fill(~own, 0.0).sum(dim=2) - rivals
        margins[:, 1:, self.left_out].diagonal(dim1=1, dim2=2).fill_(torch.inf)
        return margins.amin(dim=-1)


class SoftmaxDescent:
    """W ← W + (η/n) Σ_j (e_{y_j} − p_j) x_jᵀ by two matrix products a step.

    The entry of a sample's own class, 1 − p_y, is formed as the sum of the others, so that it keeps
    its digits when p_y is 1 to the last of them.
    """

    def __init__(self, problem: SoftmaxProblem) -> None:
        self.problem = problem
        X, rows, classes = problem.X, problem.rows, problem.classes
        batch, n, r = X.shape
        self.across = X.mT.contiguous()
        self.along = X * (problem.growth * problem.rates / n)[:, None, None]
        # a plane of heads a class: operations across the classes then run along whole planes
        self.weights = (
            problem.start[:, :, None].expand(-1, -1, rows, -1).reshape(batch, classes * rows, r)
        ).contiguous()
        self.activity = X.new_empty((batch, classes * rows, n))
        self.planes = self.activity.view(batch, classes, rows, n)
        self.total = X.new_empty((batch, rows, n))
        self.own = problem.own()
        self.others = 1 - self.own
        self.on_whole = self.planes[:, :, 0]
        self.gone = self.planes[:, :, 1:, problem.left_out].diagonal(dim1=2, dim2=3)
        self.norms = torch.linalg.vector_norm(X, dim=-1)
        self.accumulated = torch.zeros_like(self.norms)

    def advance(self, count: int) -> None:
        """So many steps of every head."""
        for _ in range(count):
            self._step()

    def heads(self) -> Tensor:
        """The heads (B, rows, K, r)."""
        batch, _, r = self.weights.shape
        return self.weights.view(batch, self.problem.classes, -1, r).transpose(1, 2).contiguous()

    def drift(self) -> Tensor:
        """Σ_t ‖∇f_i‖ of the head on S, (B, n); under 1/(n − 1) weights Σ_t ‖∇f_i − ∇F_S‖."""
        return self.accumulated

    def _step(self) -> None:
        planes, total = self.planes, self.total
        torch.bmm(self.weights, self.across, out=self.activity)
        torch.amax(planes, 1, out=total)
        planes.sub_(total[:, None]).exp_()
        torch.sum(planes, 1, out=total)
        planes.mul_(total.reciprocal_()[:, None]).mul_(self.others)
        torch.sum(planes, 1, out=total)
        planes.addcmul_(self.own, total[:, None], value=-1)
        self.gone.zero_()
        self._accumulate()
        self.weights.baddbmm_(self.activity, self.along, alpha=-1)

    def _accumulate(self) -> None:
        if self.problem.growth == 1.0:
            self.accumulated.addcmul_(torch.linalg.vector_norm(self.on_whole, dim=1), self.norms)
            return
        gradients = self.on_whole.mT[..., None] * self.problem.X[:, :, None]
        gradients -= gradients.mean(dim=1, keepdim=True)
        self.accumulated += torch.linalg.vector_norm(gradients, dim=(-2, -1))
        self.on_whole /= self.problem.growth
