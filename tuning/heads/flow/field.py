"""Gradient flow of the logistic loss in log-time, corrected to follow gradient descent, for all
left-out heads of many data sets.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import Self

import torch
from torch import Tensor

from tunebound.tuning.heads.flow import systems
from tunebound.tuning.heads.flow.modified import correction
from tunebound.tuning.heads.flow.rosenbrock import Linearisation
from tunebound.tuning.heads.flow.systems import System

PRODUCT_MEMORY = 2**27  # bytes of all z_j z_jᵀ of a data set


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
        self.Z, self.growth, self.kept = Z, growth, kept(Z, heads)
        self.divided = len(self.kept) <= Z.shape[1]
        self.log_scale = torch.log(rates / Z.shape[1])
        _, n, r = Z.shape
        self.gram = torch.bmm(Z, Z.mT) if n <= r else None
        self.products = (
            (Z[..., :, None] * Z[..., None, :]).flatten(-2)
            if self.gram is None and 8 * n * r * r <= PRODUCT_MEMORY
            else None
        )
        # written anew at every evaluation: fresh memory would cost more than the arithmetic
        self.buffers = Z.new_empty((3, len(Z), len(self.kept), n))

    def of_heads(self, chosen: Tensor) -> Self:
        """The same for some of the heads, by their numbers (K,), the first of which is 0."""
        part = copy.copy(self)
        part.kept = self.kept[chosen]
        return part

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""
        part = copy.copy(self)
        part.Z, part.log_scale = self.Z[chosen], self.log_scale[chosen]
        part.products = None if self.products is None else self.products[chosen]
        part.gram = None if self.gram is None else self.gram[chosen]
        return part

    def linearise(self, u: Tensor, W: Tensor, workspace: Tensor) -> Linearisation:
        """The flow at log-times u (B, m) and heads W (B, m, r), with room for three curvature
        matrices a head in the workspace (3, B m r²).
        """
        P, scale = self._misfit(W), self._scale(u, W)
        activity = scale[:, 0] * P[:, 0]
        change = activity * (1 - P[:, 0])
        drift = self._drift(activity)
        flow = torch.bmm(P, self.Z).mul_(scale)
        curvature = torch.mul(P, P, out=self._buffer(2, flow))
        torch.sub(P, curvature, out=curvature)
        along = torch.bmm(flow, self.Z.mT, out=self._buffer(1, flow))
        moved = along * curvature
        bend = torch.bmm(moved, self.Z).mul_(scale)
        # D_f H f = −Σ_j a_j σ(z_jᵀw)(1 − 2σ(−z_jᵀw))(z_jᵀf)² z_j
        slope = P.mul_(-2).add_(1).mul_(moved)
        missed = torch.bmm(bend, self.Z.mT).mul_(curvature).mul_(4).addcmul_(slope, along)
        missed = torch.bmm(missed, self.Z).mul_(scale)
        half, left_out = correction(u, W, bend, missed)
        weights = curvature.addcmul_(slope, half)
        rate = flow.addcmul_(bend, half)
        # Both f and H f/t grow like t at fixed w, so the flow is its own derivative in ln t.
        return Linearisation(
            value=rate,
            integrand=drift,
            value_in_time=rate,
            integrand_in_time=drift,
            integrand_change=partial(self._drift_change, activity, change),
            system=self._system(weights, scale, half, workspace),
            near=partial(self._rate, half * torch.exp(u)[..., None]),
            left_out=left_out,
        )

    def _system(self, weights: Tensor, scale: Tensor, half: Tensor, workspace: Tensor) -> System:
        if self.gram is not None:
            weights = weights.mul_(scale)
            return systems.of_samples(self.Z, self.gram, weights, workspace, half)
        size = (*weights.shape[:2], self.Z.shape[-1], self.Z.shape[-1])
        hessian, *scratch = workspace.view(3, *size)
        self._weighted_products(weights, hessian).mul_(scale[..., None])
        return systems.of_matrices(hessian, scratch, half)

    def _rate(self, share: Tensor, u: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """dw/du (B, m, r), with a correction of share H f/t, and the rate (B, n) of the drift."""
        P, scale = self._misfit(W), self._scale(u, W)
        drift = self._drift(scale[:, 0] * P[:, 0])
        flow = torch.bmm(P, self.Z).mul_(scale)
        if share.any():
            curvature = torch.mul(P, P, out=self._buffer(2, flow))
            torch.sub(P, curvature, out=curvature)
            moved = torch.bmm(flow, self.Z.mT, out=self._buffer(1, flow)).mul_(curvature)
            weight = share * torch.exp(-u)[..., None] * scale
            flow.addcmul_(torch.bmm(moved, self.Z), weight)
        return flow, drift

    def drift_boundary(self, u: Tensor, W: Tensor) -> Tensor:
        """What turns the integral of the drift up to t into the sum over earlier steps, (B, n), at
        log-times u (B, 1) and heads W, of which the first counts.

        Euler and Maclaurin's −q/2 + q'/12 for a summand q(t).
        """
        head = W[:, :1]
        P, scale = self._misfit(head), self._scale(u, head)
        activity = scale[:, 0] * P[:, 0]
        flow = torch.bmm(P, self.Z).mul_(scale)
        change = self._drift_change(activity, activity * (1 - P[:, 0]), flow)
        t = torch.exp(u)
        return -self._drift(activity) / (2 * t) + change / (12 * t * t)

    def _misfit(self, W: Tensor) -> Tensor:
        """σ(−z_jᵀw), (B, m, n), in the first buffer; zero where a head has left the sample out."""
        P = torch.bmm(W, self.Z.mT, out=self._buffer(0, W))
        # torch's own sigmoid depends in its last bit on where in the memory a number stands
        return P.exp_().add_(1).reciprocal_().mul_(self.kept[: W.shape[1]])

    def _scale(self, u: Tensor, W: Tensor) -> Tensor:
        """ηt times a sample's weight in each head's loss, (B, m, 1)."""
        scale = torch.exp(u + self.log_scale[:, None])[..., None]
        if self.growth == 1.0:
            return scale
        weights = W.new_full((W.shape[1], 1), self.growth)
        weights[0] = 1.0
        return scale * weights

    def _buffer(self, number: int, W: Tensor) -> Tensor:
        """Room for as many activities as heads (B, m, r) have."""
        return (
            self.buffers[number]
            .flatten()[: W[..., 0].numel() * self.Z.shape[1]]
            .view(*W.shape[:2], -1)
        )

    def _weighted_products(self, weights: Tensor, out: Tensor) -> Tensor:
        """Σ_j weights_j z_j z_jᵀ for every head, (B, m, r, r): one product of matrices with all z_j
        z_jᵀ where they fit.
        """
        if self.products is None:
            return torch.matmul((weights[..., None] * self.Z[:, None]).mT, self.Z[:, None], out=out)
        torch.bmm(weights, self.products, out=out.flatten(-2))
        return out

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
        """Derivative of `_drift` along a direction of the heads, (B, n)."""
        moved = -weights * torch.bmm(self.Z, direction[:, 0, :, None])[..., 0]
        if self.growth == 1.0:
            return moved
        shift = self._shift(activity)
        return (shift * self._shift(moved)).sum(-1) / torch.linalg.vector_norm(shift, dim=-1)

    def _shift(self, activity: Tensor) -> Tensor:
        return activity[..., None] * self.Z - torch.bmm(activity[:, None], self.Z) / self.Z.shape[1]


def kept(Z: Tensor, heads: slice) -> Tensor:
    """(m, n): 0 where a head has left a sample of Z (B, n, …) out, else 1; head 0 has none."""
    shares = Z.new_ones((1 + heads.stop - heads.start, Z.shape[1]))
    shares[1:, heads].fill_diagonal_(0.0)
    return shares
