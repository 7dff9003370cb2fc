"""Adaptive integration of the log-time flow: every head takes steps of its own size."""

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

    @property
    def divided(self) -> bool:
        """Whether other heads of the data set are in other blocks."""

    def of_heads(self, chosen: Tensor) -> Self:
        """The same for some of the heads, by their numbers (K,), the first of which is 0."""

    def subset(self, chosen: Tensor) -> Self:
        """The same for some of the data sets, by their numbers (K,)."""

    def linearise(self, u: Tensor, W: Tensor, workspace: Tensor) -> rosenbrock.Linearisation:
        """The flow at log-times u (B, m) and heads W (B, m, r), with room for three matrices a head
        in the workspace (3, B m r²).
        """

    def drift_boundary(self, u: Tensor, W: Tensor) -> Tensor:
        """What turns the integral of the drift into the sum over earlier steps, (B, n), at
        log-times u (B, 1) and heads W, of which the first counts.
        """


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
    u, W : (B, m), (B, m, r)
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
        self.field, self.W, self.tolerance = field, W, tolerance
        self.u = u[:, None].repeat(1, W.shape[1])
        self.h = torch.full_like(self.u, FIRST_STEP)
        self.integral = torch.zeros_like(field.Z[..., 0])
        self.error, self.left_out = torch.zeros_like(W[..., 0]), torch.zeros_like(W[..., 0])
        self.steps = 0
        self.begun = self._boundary()
        self.workspace = W.new_empty((3, W.numel() * W.shape[-1]))

    @property
    def drift(self) -> Tensor:
        return self.integral + self._boundary() - self.begun

    def _boundary(self) -> Tensor:
        return self.field.drift_boundary(self.u[:, :1], self.W)

    def advance(self, until: float) -> None:
        """Go on to log-time `until`, with every head.

        Raises
        ------
        FloatingPointError
            If a head needs a thousand steps for it: the heads are not on their way to a
            separator.
        """
        for _ in range(TRIES):
            behind = self.u < until
            if not behind.any():
                return
            self._step(*self._part(behind), until)
        raise FloatingPointError(
            f"the heads do not get to t = {math.exp(until):.3g} in {TRIES} steps of the solver:"
            " either the data are not linearly separable, so that the heads converge and have no"
            " direction to follow, or their margin is lost in rounding, or"
            f" tolerance={self.tolerance:g} is below it; look at max_margin(X, y), or raise"
            " tolerance"
        )

    def _part(self, behind: Tensor) -> tuple[Field, tuple[slice | Tensor, slice | Tensor]]:
        """The field of the heads that are behind, (B, m), and where they are: of a data set of
        several blocks those and head 0, else all of a set.

        How many sets are in a block then changes no product of matrices, and so no bit.
        """
        everything = slice(None)
        if self.field.divided and len(behind) == 1:
            if behind[:, 1:].all():
                return self.field, (everything, everything)
            behind[:, 0] = True
            heads = behind[0].nonzero()[:, 0]
            return self.field.of_heads(heads), (everything, heads)
        chosen = behind.any(dim=1)
        if chosen.all():
            return self.field, (everything, everything)
        sets = chosen.nonzero()[:, 0]
        return self.field.subset(sets), (sets, everything)

    def _step(
        self, field: Field, part: tuple[slice | Tensor, slice | Tensor], until: float
    ) -> None:
        u, W, wish = self.u[part], self.W[part], self.h[part]
        rest = until - u
        behind = rest > 0
        # two equal steps rather than a full and a tiny one
        h = torch.where(wish >= rest, rest, torch.minimum(wish, rest / 2))
        h = torch.where(behind, h, wish)  # of one that has arrived, whose step is not taken
        here = field.linearise(u, W, self.workspace[:, : W.numel() * W.shape[-1]])
        step = rosenbrock.step(here, u, W, h)
        size = lengths(step.error)
        ratio = size / lengths(step.y) / self.tolerance
        ratio = torch.where(step.solved & torch.isfinite(ratio), ratio, torch.inf)
        accepted = behind & (ratio <= 1)
        # as a power it would depend in its last bit on where in the memory it stands
        root = torch.exp(torch.log(ratio.clamp_min(1e-12)) / -rosenbrock.ORDER)
        factor = (SAFETY * root).clamp(SHRINK, GROW)
        following = h * factor
        # a step cut short by a record says nothing against longer ones
        following = torch.where(accepted & (h < wish), torch.maximum(following, wish), following)
        self.W[part] = torch.where(accepted[..., None], step.y, W)
        self.integral[part[0]] += torch.where(accepted[:, :1], step.integral, 0.0)
        self.error[part] += torch.where(accepted, size, 0.0)
        self.left_out[part] += torch.where(accepted, lengths(step.left_out), 0.0)
        self.u[part] = torch.where(
            accepted, torch.where(h == rest, torch.full_like(u, until), u + h), u
        )
        self.h[part] = torch.where(behind, following, wish)
        self.steps += 1
