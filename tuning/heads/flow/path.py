"""Adaptive integration of the log-time flow: every head takes steps of its own size, and waits for
no other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from tunebound.tuning.heads.flow import rosenbrock
from tunebound.tuning.heads.flow.modified import lengths

FIRST_STEP = 0.1  # in ln t
SAFETY, SHRINK, GROW = 0.9, 0.2, 4.0  # as usual for adaptive methods
TREND = 1.2  # by which steps are expected to grow further at most
TRIES = 1_000
TOGETHER = 32  # log-times between which no head waits for another


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


Part = tuple[slice | Tensor, slice | Tensor]  # sets and heads of what is stepped


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Heads at a log-time, and what has added up until then.

    Attributes
    ----------
    W : (B, m, r)
    drift : (B, n)
        Sum of the drift over the steps of descent since the start.
    error : (B, m)
        Sum over the steps of a head's estimated errors, in its own unit.
    left_out : (B, m)
        The same of what the flow leaves out of descent.
    """

    W: Tensor
    drift: Tensor
    error: Tensor
    left_out: Tensor


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
    h : (B, m)
        Lengths of the steps that they would take next.
    admitted : (B, m)
        Lengths with which their last accepted steps would have met the tolerance; NaN before it.
    integral : (B, n)
        Integral of the drift as far as head 0 is.
    error, left_out : (B, m)
        As in `Passage`.
    steps : int
        Evaluated steps, accepted or not.
    """

    def __init__(self, field: Field, u: Tensor, W: Tensor, tolerance: float) -> None:
        self.field, self.W, self.tolerance = field, W, tolerance
        self.u = u[:, None].repeat(1, W.shape[1])
        self.h = torch.full_like(self.u, FIRST_STEP)
        self.admitted = torch.full_like(self.u, torch.nan)
        self.integral = torch.zeros_like(field.Z[..., 0])
        self.error, self.left_out = torch.zeros_like(W[..., 0]), torch.zeros_like(W[..., 0])
        self.steps = 0
        self.begun = field.drift_boundary(self.u[:, :1], W)
        self.workspace = W.new_empty((3, W.numel() * W.shape[-1]))

    def passages(self, times: Sequence[float]) -> Iterator[Passage]:
        """Go on through increasing log-times, with every head.

        Raises
        ------
        FloatingPointError
            If a head needs a thousand steps from one time to the next: the heads are not on their
            way to a separator.
        """
        for first in range(0, len(times), TOGETHER):
            yield from self._advance(times[first : first + TOGETHER])

    def _advance(self, times: Sequence[float]) -> Iterator[Passage]:
        """The same, for so few times that the heads at all of them are kept."""
        ends = self.u.new_tensor(times)
        passed, tries = torch.zeros((2, *self.u.shape), dtype=torch.int64, device=self.u.device)
        now = (self.W, self.integral, self.error, self.left_out)
        noted = [each.new_empty((len(times), *each.shape)) for each in now]
        field, part = self._part(passed < len(times))
        while (behind := passed < len(times)).any():
            until = ends[passed.clamp_max(len(times) - 1)]
            arrived = behind & (self.u >= until)
            if arrived.any():
                self._note(noted, passed, arrived)
                passed += arrived
                tries[arrived] = 0
                if (passed[arrived] == len(times)).any():
                    field, part = self._part(passed < len(times))
                continue
            if tries.max() >= TRIES:
                raise self._refusal(float(until.flatten()[tries.argmax()]))
            self._step(field, part, until[part])
            tries += behind
        for k, (W, integral, error, left_out) in enumerate(zip(*noted, strict=True)):
            drift = integral + self.field.drift_boundary(ends[k].expand(len(W), 1), W) - self.begun
            yield Passage(W=W, drift=drift, error=error, left_out=left_out)

    def _note(self, noted: list[Tensor], passed: Tensor, arrived: Tensor) -> None:
        """Heads that have arrived (B, m), where as many times are kept as they have passed (B, m);
        the integral is that of head 0.
        """
        W, integral, error, left_out = noted
        sets, heads = arrived.nonzero(as_tuple=True)
        times = passed[sets, heads]
        for target, source in ((W, self.W), (error, self.error), (left_out, self.left_out)):
            target[times, sets, heads] = source[sets, heads]
        integral[times[heads == 0], sets[heads == 0]] = self.integral[sets[heads == 0]]

    def _refusal(self, until: float) -> FloatingPointError:
        return FloatingPointError(
            f"the heads do not get to t = {math.exp(until):.3g} in {TRIES} steps of the solver:"
            " either the data are not linearly separable, so that the heads converge and have no"
            " direction to follow, or their margin is lost in rounding, or"
            f" tolerance={self.tolerance:g} is below it; look at max_margin(X, y), or raise"
            " tolerance"
        )

    def _part(self, behind: Tensor) -> tuple[Field, Part]:
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

    def _step(self, field: Field, part: Part, until: Tensor) -> None:
        """A step of the heads of a part, towards the log-times (B, m) where each is to be next."""
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
        # errors that have grown since the step before are expected to go on growing (Gustafsson)
        admitted, known = h * root, self.admitted[part]
        trend = torch.where(accepted & ~known.isnan(), admitted / known, 1.0).clamp_max(TREND)
        following = h * (SAFETY * root * trend).clamp(SHRINK, GROW)
        # a step cut short by a record says nothing against longer ones
        following = torch.where(accepted & (h < wish), torch.maximum(following, wish), following)
        self.W[part] = torch.where(accepted[..., None], step.y, W)
        self.integral[part[0]] += torch.where(accepted[:, :1], step.integral, 0.0)
        self.error[part] += torch.where(accepted, size, 0.0)
        self.left_out[part] += torch.where(accepted, lengths(step.left_out), 0.0)
        self.u[part] = torch.where(accepted, torch.where(h == rest, until, u + h), u)
        self.h[part] = torch.where(behind, following, wish)
        self.admitted[part] = torch.where(accepted, admitted, known)
        self.steps += 1
