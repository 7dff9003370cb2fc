"""What a gradient becomes before it moves a parameter: itself, or a step of Adam or AdamW.

All replicas of a parameter (R, ...) go through at once; every operation is element by element, so
each replica has an optimiser of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from tunebound._ground import checks

MEAN, SPREAD, TINY = 0.9, 0.999, 1e-8  # Adam's usual constants
DECAY = 0.01  # of AdamW, torch's default


class Optimiser(Protocol):
    """Turns the gradients of a step into directions; a parameter moves by −η times its
    direction.
    """

    def direction(self, key: str, slope: Tensor, value: Tensor) -> Tensor:
        """The direction of the parameter `key` at `value`, once in each step in which it moves."""


class Descent:
    """Gradient descent: the direction is the gradient."""

    def direction(self, key: str, slope: Tensor, value: Tensor) -> Tensor:
        return slope


class Adam:
    """m/(√v + 10⁻⁸) with m ← 0.9 m + 0.1 g and v ← 0.999 v + 0.001 g², from m = v = 0 (Kingma & Ba,
    2015, arXiv:1412.6980).

    Parameters
    ----------
    corrected : bool
        Whether m and v are divided by 1 − 0.9ᵏ and 1 − 0.999ᵏ in a parameter's k-th step. Without,
        the first steps are longer: 3.2 times in the first, about 6.5 times around the tenth.
    decay : float
        λ of λ·w, which is added to the direction behind the moments (Loshchilov & Hutter, 2019,
        arXiv:1711.05101).
    """

    def __init__(self, *, corrected: bool, decay: float = 0.0) -> None:
        self.corrected, self.decay = corrected, decay
        self._moments: dict[str, tuple[int, Tensor, Tensor]] = {}

    def direction(self, key: str, slope: Tensor, value: Tensor) -> Tensor:
        zero = torch.zeros_like(slope)
        count, mean, spread = self._moments.get(key, (0, zero, zero))
        count += 1
        mean = MEAN * mean + (1 - MEAN) * slope
        spread = SPREAD * spread + (1 - SPREAD) * slope.square()
        self._moments[key] = count, mean, spread
        if self.corrected:
            mean, spread = mean / (1 - MEAN**count), spread / (1 - SPREAD**count)
        direction = mean / (spread.sqrt() + TINY)
        return direction + self.decay * value if self.decay else direction


OPTIMISERS: Mapping[str, Callable[[], Optimiser]] = {
    "sgd": Descent,
    "adam": lambda: Adam(corrected=True),
    "adam_uncorrected": lambda: Adam(corrected=False),
    "adamw": lambda: Adam(corrected=True, decay=DECAY),
}


def make_optimiser(name: object) -> Optimiser:
    """An optimiser at its start, by its name in `OPTIMISERS`."""
    return OPTIMISERS[checks.choice("optimiser", name, tuple(OPTIMISERS))]()
