"""Gradient flow of the logistic loss in log-time, corrected to follow gradient descent, for all
left-out heads of many data sets.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import NamedTuple, Self

import torch
from torch import Tensor

from tunebound.tuning.heads.flow.changes import Change
from tunebound.tuning.heads.flow.modified import correction, lengths
from tunebound.tuning.heads.flow.rosenbrock import Linearisation, Near
from tunebound.tuning.heads.flow.spaces import FeatureSpace, SampleSpace, Space
from tunebound.tuning.heads.vectors import whole_vectors


class _Room(NamedTuple):
    """Room for so many sets and heads: activities (B, m, n) twice, the first of them in whole
    vectors and as (B, m n) too, and three pairs, the weights of head 0 in the first of which are a
    view too, (B, n).
    """

    activities: tuple[Tensor, ...]
    whole: Tensor
    entries: Tensor
    pairs: tuple[Change, ...]
    of_head_0: Tensor


class LogTimeFlow:
    """dw/du of head 0 (on S) and of a block of left-out heads, u = ln t, in coordinates of the span
    of the samples.

    With a_j = (ηt/n) σ(−z_jᵀw), f = Σ_j a_j z_j and H = Σ_j a_j σ(z_jᵀw) z_j z_jᵀ, gradient flow is
    dw/du = f. Gradient descent with step η follows dw/du = f + H f/(2t) up to terms of order 1/t²
    (its modified equation). The a_j stay near 1 at every t: σ(−z_jᵀw) falls as ηt/n grows, and up
    to t = 1e290 both fit a float64.

    Parameters
    ----------
    Z : (B, n, r)
        Signed samples y_j x_j in these coordinates.
    rates : (B,)
        Step sizes η.
    heads : slice
        The left-out samples of heads 1, 2, …
    growth : float
        n/(n − 1) where the remaining samples weigh 1/(n − 1), else 1.
    """

    def __init__(self, Z: Tensor, rates: Tensor, heads: slice, growth: float) -> None:
        _, n, r = Z.shape
        self.Z, self.growth = Z, growth
        self.left_out = torch.arange(heads.start, heads.stop, device=Z.device)
        self.gone = entries_left_out(self.left_out, n)
        self.divided = len(self.left_out) < n
        self.log_scale = torch.log(rates / n)[:, None]
        self.space: Space = SampleSpace(Z) if n <= r else FeatureSpace(Z)
        # written anew at every evaluation: fresh memory would cost more than the arithmetic
        rows = len(Z) * (1 + len(self.left_out))
        self.buffers = Z.new_zeros((8, whole_vectors(rows * n)))
        self._make_room()

    def of_heads(self, chosen: Tensor) -> Self:
        """The same for some of the heads, by their numbers (K,), the first of which is 0."""
        part = copy.copy(self)
        part.left_out = self.left_out[chosen[1:] - 1]
        part.gone = entries_left_out(part.left_out, self.Z.shape[1])
        part._make_room()
        return part

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""
        part = copy.copy(self)
        part.Z, part.log_scale = self.Z[chosen], self.log_scale[chosen]
        part.space = self.space.subset(chosen)
        part._make_room()
        return part

    def _make_room(self) -> None:
        """For the sets and heads that it has."""
        heads = 1 + len(self.left_out)
        self.room, self.stages = self._room(heads), self.space.stages(heads)

    def linearise(self, u: Tensor, W: Tensor, workspace: Tensor) -> Linearisation:
        """The flow at log-times u (B, m) and heads W (B, m, r), with room for three curvature
        matrices a head in the workspace (3, B m r²).
        """
        space, room = self.space, self.room
        start = space.start(W)
        P, scale = self._misfit(room, start), self._scale(u)
        activity = scale[:, 0] * P[:, 0]
        change = activity * (1 - P[:, 0])
        drift = self._drift(activity)
        pulled, moved, missed = room.pairs
        torch.mul(P, scale, out=pulled.weights)
        flow = space.sums(pulled)
        curvature = torch.addcmul(P, P, P, value=-1, out=room.activities[1]).mul_(scale)
        along = space.along(flow.whole, out=pulled.products)
        torch.mul(along, curvature, out=moved.weights)
        # D_f H f = −Σ_j a_j σ(z_jᵀw)(1 − 2σ(−z_jᵀw))(z_jᵀf)² z_j
        slope = P.mul_(-2).add_(1).mul_(moved.weights)
        bend = space.sums(moved)
        torch.mul(space.along(bend.whole, out=moved.products), curvature, out=missed.weights)
        missed.weights.mul_(4).addcmul_(slope, along)
        share = lengths(space.lift(bend.whole)) / lengths(W)
        half, left_out = correction(u, share, bend.whole, space.sums(missed).whole)
        weights = curvature.addcmul_(slope, half)
        rate = torch.addcmul(flow.whole, bend.whole, half)
        # at every time, since ηt/n is divided by 2t
        bending = half * scale if half.any() else None
        # Both f and H f/t grow like t at fixed w, so the flow is its own derivative in ln t.
        return Linearisation(
            stages=self.stages,
            value=rate,
            integrand=drift,
            value_in_time=rate,
            integrand_change=partial(self._drift_change, activity, change),
            system=space.system(weights, half, workspace),
            near=partial(self._nearby, bending, start),
            lift=space.lift,
            left_out=left_out,
        )

    def _nearby(self, bending: Tensor | None, start: Tensor, u: Tensor) -> list[Near]:
        """`_rate` at log-times u (K, B, m)."""
        return [partial(self._rate, bending, start, scale) for scale in self._scale(u).unbind()]

    def _rate(
        self, bending: Tensor | None, start: Tensor, scale: Tensor, change: Change
    ) -> tuple[Change, Tensor]:
        """dw/du after a change of the heads, and the rate (B, n) of the drift; `bending` (B, m, 1)
        is what H f/(2t) takes of σ(−z_jᵀw)σ(z_jᵀw)z_jᵀf, None if it is left out in all heads.
        """
        P = self._misfit(self.room, start, change)
        pulled, corrected, spare = self.room.pairs
        torch.mul(P, scale, out=pulled.weights)
        drift = self._drift(self.room.of_head_0)
        if bending is None:
            return self.space.sums(pulled), drift
        moved = self.space.along_sums(pulled, out=spare.weights).mul_(P)
        moved.addcmul_(moved, P, value=-1)
        torch.addcmul(pulled.weights, moved, bending, out=corrected.weights)
        return self.space.sums(corrected), drift

    def drift_boundary(self, u: Tensor, W: Tensor) -> Tensor:
        """What turns the integral of the drift up to t into the sum over earlier steps, (B, n), at
        log-times u (B, 1) and heads W, of which the first counts.

        Euler and Maclaurin's −q/2 + q'/12 for a summand q(t).
        """
        head = W[:, :1]
        room = self._room(1)
        P, scale = self._misfit(room, self.space.start(head)), self._scale(u)
        activity = scale[:, 0] * P[:, 0]
        pulled = room.pairs[0]
        torch.mul(P, scale, out=pulled.weights)
        flow = self.space.sums(pulled).whole
        change = self._drift_change(activity, activity * (1 - P[:, 0]), flow)
        t = torch.exp(u)
        return -self._drift(activity) / (2 * t) + change / (12 * t * t)

    def _misfit(self, room: _Room, start: Tensor, change: Change | None = None) -> Tensor:
        """σ(−z_jᵀw), (B, m, n), in the first buffer; zero where a head has left the sample out."""
        P = self.space.opposed(start, change, room.activities[0])
        room.whole.sigmoid_()
        if P.shape[1] > 1:
            room.entries.index_fill_(1, self.gone, 0.0)
        return P

    def _scale(self, u: Tensor) -> Tensor:
        """ηt times a sample's weight in each head's loss, (B, m, 1)."""
        scale = torch.exp(u + self.log_scale)[..., None]
        if self.growth == 1.0:
            return scale
        weights = u.new_full((u.shape[-1], 1), self.growth)
        weights[0] = 1.0
        return scale * weights

    def _room(self, heads: int) -> _Room:
        """In the buffers, for so many heads."""
        batch, n, _ = self.Z.shape
        count = batch * heads * n
        pairs = self.buffers[2:, :count].view(3, 2, batch, heads, n)
        return _Room(
            activities=self.buffers[:2, :count].view(2, batch, heads, n).unbind(),
            whole=self.buffers[0, : whole_vectors(count)],
            entries=self.buffers[0, :count].view(batch, heads * n),
            pairs=tuple(map(Change.among_samples, pairs.unbind())),
            of_head_0=pairs[0, 0, :, 0],
        )

    def _drift(self, activity: Tensor) -> Tensor:
        """Rate of the certificate's sum: a_i, or under 1/(n − 1) weights ‖a_i z_i − (1/n) Σ_j a_j
        z_j‖.
        """
        return (
            activity
            if self.growth == 1.0
            else torch.linalg.vector_norm(self._shift(activity), dim=-1)
        )

    def _drift_change(self, activity: Tensor, weights: Tensor, direction: Tensor) -> Tensor:
        """Derivative of `_drift` along a change of the heads, (B, n)."""
        moved = -weights * self.space.along(direction[..., :1, :])[:, 0]
        if self.growth == 1.0:
            return moved
        shift = self._shift(activity)
        return (shift * self._shift(moved)).sum(-1) / torch.linalg.vector_norm(shift, dim=-1)

    def _shift(self, activity: Tensor) -> Tensor:
        return activity[..., None] * self.Z - torch.bmm(activity[:, None], self.Z) / self.Z.shape[1]


def entries_left_out(samples: Tensor, n: int) -> Tensor:
    """Where heads 1, 2, … have the samples (m,) that they leave out, in rows of n numbers a head,
    one after the other from head 0 on.
    """
    return n * torch.arange(1, 1 + len(samples), device=samples.device) + samples
