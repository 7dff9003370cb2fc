"""Gradient flow of the logistic loss in log-time, corrected to follow gradient descent, for all left-out heads of many data sets."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from tuning.rosenbrock import Linearisation

SMALLEST = -600.0  # logarithm of what counts as no activity: its products are no subnormal numbers, which are slow
PRODUCT_MEMORY = 2**27  # bytes of all z_j z_jᵀ of a data set


class LogTimeFlow:
    """dw/du of head 0 (on S) and of a block of left-out heads, u = ln t, in coordinates of the span of the samples.

    With a_j = (ηt/n) σ(−z_jᵀw), f = Σ_j a_j z_j and H = Σ_j a_j σ(z_jᵀw) z_j z_jᵀ, gradient flow is dw/du = f. Gradient
    descent with step η follows dw/du = f + H f/(2t) up to terms of order 1/t² (its modified equation). All quantities stay
    near 1 at every t, because t σ(−z_jᵀw) is computed from one exponential of ln t − z_jᵀw.

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
    corrected : bool
        False leaves out H f/(2t).
    curved : bool
        False leaves the part H²/(2t) out of the Jacobian, which costs a product of matrices.
    """

    def __init__(self, Z: Tensor, rates: Tensor, heads: slice, growth: float) -> None:
        self.Z, self.heads, self.growth = Z, heads, growth
        self.corrected = self.curved = True
        self.log_scale = torch.log(rates / Z.shape[1])
        _, n, r = Z.shape
        self.products = (Z[..., :, None] * Z[..., None, :]).flatten(-2) if 8 * n * r * r <= PRODUCT_MEMORY else None

    def subset(self, chosen: Tensor) -> LogTimeFlow:
        """The same for some of the data sets, by their numbers (K,)."""
        part = object.__new__(LogTimeFlow)
        part.__dict__.update(self.__dict__)
        part.Z, part.log_scale = self.Z[chosen], self.log_scale[chosen]
        part.products = None if self.products is None else self.products[chosen]
        return part

    def rate(self, u: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """dw/du (B, m, r) and the rate (B, n) of the drift at log-times u (B,) and heads W (B, m, r)."""
        activity, complement = self._activity(u, W)
        flow, _ = self._flow(u, activity, complement)
        return flow, self._drift(activity[:, 0])

    def linearise(self, u: Tensor, W: Tensor) -> Linearisation:
        """The flow and its derivatives at log-times u and heads W."""
        activity, complement = self._activity(u, W)
        flow, along = self._flow(u, activity, complement)
        drift = self._drift(activity[:, 0])
        weights = activity * complement
        drift_change = partial(self._drift_change, activity[:, 0], weights[:, 0])
        half = torch.exp(-u)[:, None, None] / 2
        if along is not None:
            weights = weights - half * along * weights * (1 - 2 * complement)
        hessian = self._weighted_products(weights)
        if self.corrected and self.curved:
            hessian = hessian + half[..., None] * (hessian @ hessian)
        # Both f and H f/t grow like t at fixed w, so the flow is its own derivative in ln t.
        return Linearisation(flow, drift, hessian, flow, drift, drift_change)

    def stiffness(self, u: Tensor, W: Tensor) -> Tensor:
        """At least η λ_max(∇²F), (B,): η times the largest Frobenius norm over the heads of Σ_j σ(−z_jᵀw) z_j z_jᵀ/n.

        Without the factor σ(z_jᵀw) of the Hessian, misclassified samples count too: they are flat now but not later.
        """
        activity, _ = self._activity(u, W)
        return torch.linalg.matrix_norm(self._weighted_products(activity)).amax(dim=1) * torch.exp(-u)

    def drift_boundary(self, u: Tensor, W: Tensor) -> Tensor:
        """What turns the integral of the drift up to t into the sum over the steps before t, (B, n): Euler and Maclaurin's
        −q/2 + q'/12 for a summand q(t)."""
        head = W[:, :1]
        activity, complement = self._activity(u, head)
        flow, _ = self._flow(u, activity, complement)
        change = self._drift_change(activity[:, 0], (activity * complement)[:, 0], flow)
        t = torch.exp(u)[:, None]
        return -self._drift(activity[:, 0]) / (2 * t) + change / (12 * t * t)

    def _activity(self, u: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
        """a (B, m, n), zero where a head has left a sample out, and σ(z_jᵀw)."""
        exponent = (u + self.log_scale)[:, None, None]
        scaled = torch.bmm(W, self.Z.mT).neg_().add_(exponent).clamp_(min=SMALLEST).exp_()
        complement = scaled.mul(torch.exp(-exponent)).add_(1).reciprocal_()
        scaled *= complement
        scaled[:, 1:, self.heads].diagonal(dim1=1, dim2=2).zero_()
        if self.growth != 1.0:
            scaled[:, 1:] *= self.growth
        return scaled, complement

    def _flow(self, u: Tensor, activity: Tensor, complement: Tensor) -> tuple[Tensor, Tensor | None]:
        """dw/du and, where it is corrected, z_jᵀf."""
        flow = torch.bmm(activity, self.Z)
        if not self.corrected:
            return flow, None
        along = torch.bmm(flow, self.Z.mT)
        correction = torch.bmm(along * activity * complement, self.Z)
        return flow.addcmul_(correction, (torch.exp(-u) / 2)[:, None, None]), along

    def _weighted_products(self, weights: Tensor) -> Tensor:
        """Σ_j weights_j z_j z_jᵀ for every head, (B, m, r, r): one product of matrices with all z_j z_jᵀ where they fit."""
        r = self.Z.shape[-1]
        if self.products is None:
            return (weights[..., None] * self.Z[:, None]).mT @ self.Z[:, None]
        return torch.bmm(weights, self.products).unflatten(-1, (r, r))

    def _drift(self, activity: Tensor) -> Tensor:
        """Rate of the certificate's sum: a_i, or under 1/(n − 1) weights ‖a_i z_i − (1/n) Σ_j a_j z_j‖."""
        return activity if self.growth == 1.0 else torch.linalg.vector_norm(self._shift(activity), dim=-1)

    def _drift_change(self, activity: Tensor, weights: Tensor, direction: Tensor) -> Tensor:
        """Derivative of `_drift` along a direction of the heads, (B, n)."""
        moved = -weights * torch.bmm(self.Z, direction[:, 0, :, None])[..., 0]
        if self.growth == 1.0:
            return moved
        shift = self._shift(activity)
        return (shift * self._shift(moved)).sum(-1) / torch.linalg.vector_norm(shift, dim=-1)

    def _shift(self, activity: Tensor) -> Tensor:
        return activity[..., None] * self.Z - torch.bmm(activity[:, None], self.Z) / self.Z.shape[1]
