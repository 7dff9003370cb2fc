"""Where all replicas stand after a step, and averages of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Iterate(NamedTuple):
    """Encoder's parameters (R, ...), heads (R, H, features) and biases (R, H); without the first
    axis where one replica is meant.
    """

    parameters: dict[str, Tensor]
    heads: Tensor
    biases: Tensor

    def combined(self, other: Iterate, rule: Callable[[Tensor, Tensor], Tensor]) -> Iterate:
        """`rule` of each tensor and the other's."""
        return Iterate(
            {key: rule(value, other.parameters[key]) for key, value in self.parameters.items()},
            rule(self.heads, other.heads),
            rule(self.biases, other.biases),
        )


class Average:
    """Mean of the iterates after each step from `first` on; the last iterate alone if that is
    None.
    """

    def __init__(self, first: int | None) -> None:
        self.first = first
        self.count = 0
        self.sum: Iterate | None = None

    def add(self, step: int, now: Iterate) -> None:
        if self.first is None or step < self.first:
            return
        self.count += 1
        if self.sum is None:
            # of its own: the next step may write over the iterate
            self.sum = now.combined(now, lambda value, _: value.clone())
        else:
            self.sum = self.sum.combined(now, Tensor.add_)

    def result(self, last: Iterate) -> Iterate:
        if self.sum is None:
            return last
        return self.sum.combined(last, lambda total, _: total / self.count)


def trailed(trail: Iterate, now: Iterate, memory: float) -> Iterate:
    """β·trail + (1 − β)·now, the exponential average of the iterates with β = `memory`."""
    return trail.combined(now, lambda before, after: memory * before + (1 - memory) * after)
