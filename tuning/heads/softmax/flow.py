"""Gradient flow of the softmax cross-entropy in log-time, corrected to follow gradient descent, for
all left-out heads of many data sets.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from torch import Tensor

from tunebound.tuning.heads.flow import systems
from tunebound.tuning.heads.flow.changes import Change
from tunebound.tuning.heads.flow.modified import correction, lengths
from tunebound.tuning.heads.flow.products import Products
from tunebound.tuning.heads.flow.rosenbrock import WRITTEN, Linearisation, Near, Stages
from tunebound.tuning.heads.flow.systems import System


@dataclass(frozen=True)
class _Activity:
    """p_j of each head and sample, (B, m, n, K), zero where a head has left the sample out; and
    p_j − e_{y_j}, whose entry at the own class is minus the sum of the others.
    """

    p: Tensor
    gradient: Tensor


class SoftmaxFlow:
    """dW/du of head 0 (on S) and of a block of left-out heads, u = ln t; a head is a vector of K r
    numbers, class after class.

    With f = −ηt∇F and H = ηt∇²F, gradient descent with step η follows dW/du = f + H f/(2t) up to
    terms of order 1/t² (its modified equation), as for two classes. What the curvature of sample j
    is to the scores g is A_j g = p_j ∘ (g − p_jᵀg).

    Parameters
    ----------
    Z : (B, n, r)
        Samples, without signs.
    labels : (B, n)
    classes : int
    rates : (B,)
        Step sizes η.
    heads : slice
        The left-out samples of heads 1, 2, …
    growth : float
        n/(n − 1) where the remaining samples weigh 1/(n − 1), else 1.
    """

    def __init__(
        self,
        Z: Tensor,
        labels: Tensor,
        classes: int,
        rates: Tensor,
        heads: slice,
        growth: float,
    ) -> None:
        self.Z, self.growth, self.classes = Z, growth, classes
        self.left_out = torch.arange(heads.start, heads.stop, device=Z.device)
        self.divided = len(self.left_out) < Z.shape[1]
        self.log_scale = torch.log(rates / Z.shape[1])
        self.own = torch.nn.functional.one_hot(labels, classes).bool()[:, None]
        self.products = Products(Z)

    def of_heads(self, chosen: Tensor) -> Self:
        """The same for some of the heads, by their numbers (K,), the first of which is 0."""
        part = copy.copy(self)
        part.left_out = self.left_out[chosen[1:] - 1]
        return part

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""
        part = copy.copy(self)
        part.Z, part.log_scale = self.Z[chosen], self.log_scale[chosen]
        part.own, part.products = self.own[chosen], self.products.subset(chosen)
        return part

    def linearise(self, u: Tensor, W: Tensor, workspace: Tensor) -> Linearisation:
        """The flow at log-times u (B, m) and heads W, with room for three curvature matrices a head
        in the workspace (3, B m (K r)²).
        """
        activity = self._activity(W)
        drift = self._drift(u, activity)
        flow = -self._along_samples(u, activity.gradient)
        moved = self._bent(activity, flow)
        bend = self._along_samples(u, moved)
        # the derivative of A_j along g is diag(G_j) − G_j pᵀ − p G_jᵀ with G_j = A_j g
        scores = self._scores(flow)
        p = activity.p
        turned = moved * (scores - _over_classes(p * scores))
        turned -= p * _over_classes(moved * scores)
        missed = self._along_samples(u, 4 * self._bent(activity, bend) - turned)
        half, left_out = correction(u, lengths(bend) / lengths(W), bend, missed)
        rate = flow.addcmul_(bend, half)
        # Both f and H f/t grow like t at fixed W, so the flow is its own derivative in ln t.
        return Linearisation(
            stages=Stages(W.new_empty((WRITTEN, *W.shape)), Change.among_features),
            value=rate,
            integrand=drift,
            value_in_time=rate,
            integrand_change=partial(self._drift_change, u, activity),
            system=self._system(u, activity, moved, half, workspace),
            near=partial(self._nearby, half * torch.exp(u)[..., None], W),
            lift=_itself,
            left_out=left_out,
        )

    def _system(
        self, u: Tensor, activity: _Activity, moved: Tensor, half: Tensor, workspace: Tensor
    ) -> System:
        p = activity.p
        weights = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
        # p_y − p_y² as p_y (1 − p_y), which keeps its digits
        at_own = (p * -activity.gradient).masked_fill(~self.own, 0.0)
        diagonal = weights.diagonal(dim1=-2, dim2=-1)
        diagonal.copy_(diagonal.masked_fill(self.own, 0.0) + at_own)
        bent = torch.diag_embed(moved) - moved[..., :, None] * p[..., None, :]
        bent -= p[..., :, None] * moved[..., None, :]
        weights -= bent * half[..., None, None]
        numbers = self.classes * self.Z.shape[-1]
        curvature, *scratch = workspace.view(3, *p.shape[:2], numbers, numbers)
        return systems.of_matrices(self._matrix(u, weights, curvature), scratch, half)

    def _nearby(self, share: Tensor, start: Tensor, u: Tensor) -> list[Near]:
        """`_rate` at log-times u (K, B, m)."""
        return [partial(self._rate, share, start, time) for time in u.unbind()]

    def _rate(
        self, share: Tensor, start: Tensor, u: Tensor, change: Change
    ) -> tuple[Change, Tensor]:
        """dW/du (B, m, K r) after a change of the heads, with a correction of share H f/t, and the
        rate (B, n) of the drift.
        """
        activity = self._activity(start + change.whole)
        flow = -self._along_samples(u, activity.gradient)
        if share.any():
            weight = share * torch.exp(-u)[..., None]
            flow.addcmul_(self._along_samples(u, self._bent(activity, flow)), weight)
        return Change.among_features(flow), self._drift(u, activity)

    def drift_boundary(self, u: Tensor, W: Tensor) -> Tensor:
        """What turns the integral of the drift up to t into the sum over earlier steps, (B, n), at
        log-times u (B, 1) and heads W, of which the first counts.

        Euler and Maclaurin's −q/2 + q'/12 for a summand q(t).
        """
        activity = self._activity(W[:, :1])
        flow = -self._along_samples(u, activity.gradient)
        change = self._drift_change(u, activity, flow)
        t = torch.exp(u)
        return -self._drift(u, activity) / (2 * t) + change / (12 * t * t)

    def _scores(self, W: Tensor) -> Tensor:
        """(B, m, n, K) of heads (B, m, K r)."""
        batch, rows, _ = W.shape
        heads = W.reshape(batch, rows * self.classes, -1)
        return torch.bmm(heads, self.Z.mT).unflatten(1, (rows, self.classes)).mT

    def _activity(self, W: Tensor) -> _Activity:
        # as the scores lie in memory: classes before samples, so that all samples go at once
        p = torch.softmax(self._scores(W).mT, dim=-2).mT
        if W.shape[1] > 1:
            rows = torch.arange(1, W.shape[1], device=W.device)
            p[:, rows, self.left_out] = 0.0
        rivals = p.masked_fill(self.own, 0.0)
        wrong = _over_classes(rivals)
        return _Activity(p=p, gradient=torch.where(self.own, -wrong, rivals))

    def _scale(self, u: Tensor, W: Tensor) -> Tensor:
        """ηt times a sample's weight in each head's loss, (B, m, 1)."""
        scale = torch.exp(u + self.log_scale[:, None])[..., None]
        weights = W.new_full((W.shape[1], 1), self.growth)
        weights[0] = 1.0
        return scale * weights

    def _along_samples(self, u: Tensor, entries: Tensor) -> Tensor:
        """ηt Σ_j entries_j x_jᵀ/n, (B, m, K r), of entries (B, m, n, K)."""
        summed = torch.bmm(entries.mT.flatten(1, 2), self.Z)
        summed = summed.view(len(entries), entries.shape[1], -1)
        return summed * self._scale(u, summed)

    def _bent(self, activity: _Activity, direction: Tensor) -> Tensor:
        """A_j g_j for the scores g_j of a direction (B, m, K r): (B, m, n, K)."""
        scores = self._scores(direction)
        own = _over_classes(scores.masked_fill(~self.own, 0.0))
        rivals = activity.gradient.masked_fill(self.own, 0.0)
        apart = scores - own
        mean = _over_classes(rivals * apart)
        return torch.where(self.own, -activity.p * mean, rivals * (apart - mean))

    def _matrix(self, u: Tensor, weights: Tensor, out: Tensor) -> Tensor:
        """ηt Σ_j weights_j ⊗ x_j x_jᵀ/n for every head, (B, m, K r, K r), of symmetric weights
        (B, m, n, K, K).
        """
        K, r = self.classes, self.Z.shape[-1]
        blocks = out.view(*weights.shape[:2], K, r, K, r)
        for k in range(K):
            for other in range(k + 1):
                block = self.products.sums(weights[..., k, other])
                blocks[:, :, k, :, other] = block
                blocks[:, :, other, :, k] = block
        return out.mul_(self._scale(u, out[..., 0])[..., None])

    def _drift(self, u: Tensor, activity: _Activity) -> Tensor:
        """Rate of the certificate's sum: ηt‖∇f_i‖/n of the head on S, or under 1/(n − 1) weights
        ηt‖∇f_i − ∇F_S‖/n.
        """
        return _size_and_direction(self._shift(u, activity.gradient[:, 0]))[0]

    def _drift_change(self, u: Tensor, activity: _Activity, direction: Tensor) -> Tensor:
        """Derivative of `_drift` along a direction of the heads, (B, n)."""
        first = _Activity(activity.p[:, :1], activity.gradient[:, :1])
        moved = self._shift(u, self._bent(first, direction[:, :1])[:, 0])
        _, along = _size_and_direction(self._shift(u, activity.gradient[:, 0]))
        return (along * moved).sum(-1)

    def _shift(self, u: Tensor, entries: Tensor) -> Tensor:
        """ηt entries_i x_iᵀ/n, under 1/(n − 1) weights without their mean, (B, n, K r), of entries
        (B, n, K); with 1/n weights ‖x_i‖ stands for x_i.
        """
        entries = entries * torch.exp(u[..., :1] + self.log_scale[:, None])[..., None]
        if self.growth == 1.0:
            return entries * torch.linalg.vector_norm(self.Z, dim=-1, keepdim=True)
        whole = (entries[..., None] * self.Z[:, :, None]).flatten(-2)
        return whole - whole.mean(dim=1, keepdim=True)


def _itself(change: Tensor) -> Tensor:
    return change


def _over_classes(entries: Tensor) -> Tensor:
    """Σ_k of entries (…, K), (…, 1): torch's own sum takes all samples one by one."""
    total = entries[..., :1].clone()
    for k in range(1, entries.shape[-1]):
        total += entries[..., k : k + 1]
    return total


def _size_and_direction(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Norms along the last axis, and the unit vectors, 0 for 0; the squares of small numbers do not
    underflow.
    """
    largest = vectors.abs().amax(dim=-1, keepdim=True)
    scaled = vectors / torch.where(largest > 0, largest, 1.0)
    norm = torch.linalg.vector_norm(scaled, dim=-1, keepdim=True)
    return (largest * norm)[..., 0], scaled / torch.where(norm > 0, norm, 1.0)
