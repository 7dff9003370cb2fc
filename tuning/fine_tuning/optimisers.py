"""What a gradient makes of a parameter: descent along itself, or a step of Adam or AdamW.

All replicas of a parameter (R, ...) go through at once; every operation is element by element, so
each replica has an optimiser of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from tunebound._ground import checks

MEAN, SPREAD, TINY = 0.9, 0.999, 1e-8  # Adam's usual constants
DECAY = 0.01  # of AdamW, torch's default


class Optimiser(Protocol):
    """Moves parameters along their gradients."""

    def moved(self, key: str, slope: Tensor, value: Tensor, rate: float) -> Tensor:
        """Where a step of size `rate` takes the parameter `key` from `value`, which stays as it is;
        called once in each step in which it moves.
        """


class Descent:
    """Gradient descent: w − η·g."""

    def moved(self, key: str, slope: Tensor, value: Tensor, rate: float) -> Tensor:
        return value - rate * slope


class Adam:
    """w − η·(m̂/(√v̂ + 10⁻⁸) + λ·w) with m ← 0.9 m + 0.1 g and v ← 0.999 v + 0.001 g², from m = v =
    0, m̂ = m/(1 − 0.9ᵏ) and v̂ = v/(1 − 0.999ᵏ) in a parameter's k-th step (Kingma & Ba, 2015,
    arXiv:1412.6980; Loshchilov & Hutter, 2019, arXiv:1711.05101): torch's, in one pass over memory.

    Parameters
    ----------
    decay : float
        λ.
    """

    def __init__(self, *, decay: float = 0.0) -> None:
        self.decay = decay
        self._steppers: dict[str, torch.optim.AdamW] = {}

    def moved(self, key: str, slope: Tensor, value: Tensor, rate: float) -> Tensor:
        if key not in self._steppers:
            self._steppers[key] = torch.optim.AdamW(
                [nn.Parameter(value)],
                betas=(MEAN, SPREAD),
                eps=TINY,
                weight_decay=self.decay,
                fused=True,
            )
        group = self._steppers[key].param_groups[0]
        parameter, group["lr"] = group["params"][0], rate
        parameter.data = value.clone(memory_format=torch.contiguous_format)
        parameter.grad = slope.contiguous()
        self._steppers[key].step()
        stepped: Tensor = parameter.data
        return stepped


class UncorrectedAdam:
    """w − η·m/(√v + 10⁻⁸), m and v as of `Adam` and not divided, so that the first steps are
    longer: 3.2 times in the first, about 6.5 times around the tenth.
    """

    def __init__(self) -> None:
        self._moments: dict[str, tuple[Tensor, Tensor]] = {}

    def moved(self, key: str, slope: Tensor, value: Tensor, rate: float) -> Tensor:
        zero = torch.zeros_like(slope)
        mean, spread = self._moments.get(key, (zero, zero))
        mean = MEAN * mean + (1 - MEAN) * slope
        spread = SPREAD * spread + (1 - SPREAD) * slope.square()
        self._moments[key] = mean, spread
        return value - rate * mean / (spread.sqrt() + TINY)


OPTIMISERS: Mapping[str, Callable[[], Optimiser]] = {
    "sgd": Descent,
    "adam": Adam,
    "adam_uncorrected": UncorrectedAdam,
    "adamw": lambda: Adam(decay=DECAY),
}


def make_optimiser(name: object) -> Optimiser:
    """An optimiser at its start, by its name in `OPTIMISERS`."""
    return OPTIMISERS[checks.choice("optimiser", name, tuple(OPTIMISERS))]()
