"""What a gradient becomes before it moves the heads: itself, a velocity, or a step of Adam.

All act on each head alone, and follow `torch.optim` to the letter, so that a run can be repeated
there. What is proved of which is in docs/stochastic-heads.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tunebound._ground import checks

Moves = Callable[[Tensor], Tensor]


class Optimiser(ABC):
    """How the gradients of a run become moves: w ← w − η·move.

    Attributes
    ----------
    certified : bool
        Whether a proof bounds the distance of left-out heads, on the logistic loss.
    linear : bool
        Whether moves are sums of the run's gradients with weights of 0 or more.
    """

    certified: ClassVar[bool] = False
    linear: ClassVar[bool] = True

    @property
    @abstractmethod
    def stable(self) -> float:
        """Largest product of step size and curvature at which no quadratic loss grows."""

    @property
    def gain(self) -> float:
        """Sum of the moves that come from one gradient, in units of it."""
        return 1.0

    @abstractmethod
    def start(self) -> Moves:
        """Gradients → moves of one run, from its first step on."""


@dataclass(frozen=True)
class GradientDescent(Optimiser):
    """The move is the gradient."""

    certified = True

    @property
    def stable(self) -> float:
        return 2.0

    def start(self) -> Moves:
        return _as_it_is


@dataclass(frozen=True)
class HeavyBall(Optimiser):
    """v ← m·v + g, and the move is v (Polyak; `torch.optim.SGD(momentum=m)`).

    Parameters
    ----------
    momentum : float
        m in [0, 1).
    """

    momentum: float = 0.9

    def __post_init__(self) -> None:
        checks.real_number("momentum", self.momentum, low=0, below=1)

    @property
    def stable(self) -> float:
        return 2 * (1 + self.momentum)

    @property
    def gain(self) -> float:
        return 1 / (1 - self.momentum)

    def start(self) -> Moves:
        return _Velocity(self.momentum, ahead=False)


@dataclass(frozen=True)
class Nesterov(HeavyBall):
    """v ← m·v + g, and the move is g + m·v (`torch.optim.SGD(momentum=m, nesterov=True)`).

    Parameters
    ----------
    momentum : float
        m in [0, 1).
    """

    @property
    def stable(self) -> float:
        return 2 * (1 + self.momentum) / (1 + 2 * self.momentum)

    def start(self) -> Moves:
        return _Velocity(self.momentum, ahead=True)


@dataclass(frozen=True)
class Adam(Optimiser):
    """a ← β₁a + (1 − β₁)g, s ← β₂s + (1 − β₂)g²; in step t the move is â/(√ŝ + ε) with â = a/(1 −
    β₁ᵗ) and ŝ = s/(1 − β₂ᵗ), coordinate by coordinate (Kingma & Ba 2015; `torch.optim.Adam`).

    Its steps do not shrink with the gradient, so that no step size is too large for it, and none
    is chosen for it.

    Parameters
    ----------
    beta1, beta2 : float
        In [0, 1).
    epsilon : float
        Above 0.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    linear = False

    def __post_init__(self) -> None:
        checks.real_number("beta1", self.beta1, low=0, below=1)
        checks.real_number("beta2", self.beta2, low=0, below=1)
        checks.real_number("epsilon", self.epsilon, above=0)

    @property
    def stable(self) -> float:
        return float("inf")

    def start(self) -> Moves:
        return _Moments(self)


def _as_it_is(gradient: Tensor) -> Tensor:
    return gradient


class _Velocity:
    def __init__(self, momentum: float, *, ahead: bool) -> None:
        self.momentum, self.ahead = momentum, ahead
        self.velocity: Tensor | None = None

    def __call__(self, gradient: Tensor) -> Tensor:
        if self.velocity is None:
            self.velocity = torch.zeros_like(gradient)
        self.velocity.mul_(self.momentum).add_(gradient)
        if self.ahead:
            return gradient.add(self.velocity, alpha=self.momentum)
        return self.velocity


class _Moments:
    def __init__(self, rule: Adam) -> None:
        self.rule, self.steps = rule, 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def __call__(self, gradient: Tensor) -> Tensor:
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        rule = self.rule
        self.steps += 1
        self.mean.lerp_(gradient, 1 - rule.beta1)
        self.square.mul_(rule.beta2).addcmul_(gradient, gradient, value=1 - rule.beta2)
        scale = (self.square / (1 - rule.beta2**self.steps)).sqrt_().add_(rule.epsilon)
        return self.mean / (1 - rule.beta1**self.steps) / scale
