"""Adaptive integration of the log-time flow: every data set takes steps of its own size."""

from __future__ import annotations

import math
from typing import Protocol, Self

import torch
from torch import Tensor

from tunebound.tuning.heads.flow import rosenbrock
from tunebound.tuning.heads.flow.modified import lengths

FIRST_STEP = 0.1  # in ln t
SAFETY, SHRINK, GROW = 0.9, 0.2, 4.0  # as usual for adaptive methods
TRIES = 1_000


class Field(Protocol):
    """A flow of heads."""

    Z: Tensor  # (B, n, …): the samples

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""

    def linearise(self, u: Tensor, W: Tensor, workspace: Tensor) -> rosenbrock.Linearisation:
        """The flow at log-times u (B,) and heads W (B, m, r), with room for three matrices a head
        in the workspace (3, B m r²).
        """

    def drift_boundary(self, u: Tensor, W: Tensor) -> Tensor:
        """What turns the integral of the drift into the sum over earlier steps, (B, n)."""


class FlowPath:
    """Heads on their way through log-time.

    Parameters
    ----------
    field : Field
    u : (B,)
        Log-time ln t of the start.
    W : (B, m, r)
        Heads there.
    tolerance : float
        Largest estimated error of a step, relative to a head's norm.

    Attributes
    ----------
    u, W
        Where the heads are now.
    drift : (B, n)
        Sum of the drift over the steps of descent since the start.
    error : (B, m)
        Sum over the steps of a head's estimated errors, in its own unit.
    left_out : (B, m)
        The same of what the flow leaves out of descent.
    steps : int
        Evaluated steps, accepted or not.
    """

    def __init__(self, field: Field, u: Tensor, W: Tensor, tolerance: float) -> None:
        self.field, self.u, self.W, self.tolerance = field, u, W, tolerance
        self.h = torch.full_like(u, FIRST_STEP)
        self.integral = torch.zeros_like(field.Z[..., 0])
        self.error, self.left_out = torch.zeros_like(W[..., 0]), torch.zeros_like(W[..., 0])
        self.steps = 0
        self.begun = field.drift_boundary(u, W)
        self.workspace = W.new_empty((3, W.numel() * W.shape[-1]))

    @property
    def drift(self) -> Tensor:
        return self.integral + self.field.drift_boundary(self.u, self.W) - self.begun

    def advance(self, until: float) -> None:
        """Go on to log-time `until`, in every data set.

        Raises
        ------
        FloatingPointError
            If a data set needs thousands of steps for it: the heads are not on their way to a
            separator.
        """
        for _ in range(TRIES):
            behind = self.u < until
            if not behind.any():
                return
            if behind.all():
                self._step(self.field, slice(None), until)
            else:
                chosen = behind.nonzero()[:, 0]
                self._step(self.field.subset(chosen), chosen, until)
        raise FloatingPointError(
            f"the heads do not get to t = {math.exp(until):.3g} in {TRIES} steps of the solver:"
            " either the data are not linearly separable, so that the heads converge and have no"
            " direction to follow, or their margin is lost in rounding, or"
            f" tolerance={self.tolerance:g} is below it; look at max_margin(X, y), or raise"
            " tolerance"
        )

    def _step(self, field: Field, sets: slice | Tensor, until: float) -> None:
        u, W, wish = self.u[sets], self.W[sets], self.h[sets]
        rest = until - u
        # two equal steps rather than a full and a tiny one
        h = torch.where(wish >= rest, rest, torch.minimum(wish, rest / 2))
        here = field.linearise(u, W, self.workspace[:, : W.numel() * W.shape[-1]])
        step = rosenbrock.step(here, u, W, h)
        size = lengths(step.error)
        ratio = (size / lengths(step.y)).amax(dim=1) / self.tolerance
        ratio = torch.where(step.solved & torch.isfinite(ratio), ratio, torch.inf)
        accepted = ratio <= 1
        factor = (SAFETY * ratio.clamp_min(1e-12) ** (-1 / rosenbrock.ORDER)).clamp(SHRINK, GROW)
        following = h * factor
        # a step cut short by a record says nothing against longer ones
        following = torch.where(accepted & (h < wish), torch.maximum(following, wish), following)
        take = accepted[:, None]
        self.W[sets] = torch.where(take[..., None], step.y, W)
        self.integral[sets] += torch.where(take, step.integral, 0.0)
        self.error[sets] += torch.where(take, size, 0.0)
        self.left_out[sets] += torch.where(take, lengths(step.left_out), 0.0)
        self.u[sets] = torch.where(
            accepted, torch.where(h == rest, torch.full_like(u, until), u + h), u
        )
        self.h[sets] = following
        self.steps += 1
