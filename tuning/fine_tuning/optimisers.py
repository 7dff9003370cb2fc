"""What a gradient makes of a parameter: descent along itself, or a step of Adam or AdamW.

All replicas of a parameter (R, ...) go through at once; every operation is element by element, so
each replica has an optimiser of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from tunebound._ground import checks

MEAN, SPREAD, TINY = 0.9, 0.999, 1e-8  # Adam's usual constants
DECAY = 0.01  # of AdamW, torch's default


class Optimiser(Protocol):
    """Moves parameters along their gradients."""

    def moved(
        self,
        slopes: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        rates: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """Where a step takes the parameters that have a slope, each from its value and by a step
        size of its own; the others gather no moments either. The next step may write over a tensor
        that this one returned, over no other.
        """


class Descent:
    """Gradient descent: w − η·g."""

    def moved(
        self,
        slopes: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        rates: Mapping[str, float],
    ) -> dict[str, Tensor]:
        return {key: values[key] - rates[key] * slope for key, slope in slopes.items()}


class Adam:
    """w − η·(m̂/(√v̂ + 10⁻⁸) + λ·w) with m ← 0.9 m + 0.1 g and v ← 0.999 v + 0.001 g², from m = v =
    0, m̂ = m/(1 − 0.9ᵏ) and v̂ = v/(1 − 0.999ᵏ) in a parameter's k-th step (Kingma & Ba, 2015,
    arXiv:1412.6980; Loshchilov & Hutter, 2019, arXiv:1711.05101): torch's, in one pass over memory,
    one call for all parameters with the same step size.

    Parameters
    ----------
    decay : float
        λ.
    """

    def __init__(self, *, decay: float = 0.0) -> None:
        self.decay = decay
        self._states: dict[str, _State] = {}

    def moved(
        self,
        slopes: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        rates: Mapping[str, float],
    ) -> dict[str, Tensor]:
        alike: dict[float, list[str]] = {}
        for key in slopes:
            alike.setdefault(rates[key], []).append(key)
        for rate, keys in alike.items():
            parameters, means, spreads, steps = zip(
                *(self._state(key, values[key]) for key in keys), strict=True
            )
            adamw(
                list(parameters),
                [slopes[key].contiguous() for key in keys],
                list(means),
                list(spreads),
                [],
                list(steps),
                fused=True,
                amsgrad=False,
                beta1=MEAN,
                beta2=SPREAD,
                lr=rate,
                weight_decay=self.decay,
                eps=TINY,
                maximize=False,
            )
        return {key: self._states[key].parameter for key in slopes}

    def _state(self, key: str, value: Tensor) -> _State:
        """The parameter at this value, in memory that a step may write over."""
        known = self._states.get(key)
        if known is None:
            own = value.clone(memory_format=torch.contiguous_format)
            steps = torch.zeros((), dtype=torch.float32)  # torch's own type for it
            known = _State(own, torch.zeros_like(own), torch.zeros_like(own), steps)
            self._states[key] = known
        elif value is not known.parameter:
            known.parameter.copy_(value)
        return known


class _State(NamedTuple):
    """A parameter, its moments m and v, and the number k of its steps."""

    parameter: Tensor
    mean: Tensor
    spread: Tensor
    steps: Tensor


class UncorrectedAdam:
    """w − η·m/(√v + 10⁻⁸), m and v as of `Adam` and not divided, so that the first steps are
    longer: 3.2 times in the first, about 6.5 times around the tenth.
    """

    def __init__(self) -> None:
        self._moments: dict[str, tuple[Tensor, Tensor]] = {}

    def moved(
        self,
        slopes: Mapping[str, Tensor],
        values: Mapping[str, Tensor],
        rates: Mapping[str, float],
    ) -> dict[str, Tensor]:
        moved = {}
        for key, slope in slopes.items():
            zero = torch.zeros_like(slope)
            mean, spread = self._moments.get(key, (zero, zero))
            mean = MEAN * mean + (1 - MEAN) * slope
            spread = SPREAD * spread + (1 - SPREAD) * slope.square()
            self._moments[key] = mean, spread
            moved[key] = values[key] - rates[key] * mean / (spread.sqrt() + TINY)
        return moved


OPTIMISERS: Mapping[str, Callable[[], Optimiser]] = {
    "sgd": Descent,
    "adam": Adam,
    "adam_uncorrected": UncorrectedAdam,
    "adamw": lambda: Adam(decay=DECAY),
}


def make_optimiser(name: object) -> Optimiser:
    """An optimiser at its start, by its name in `OPTIMISERS`."""
    return OPTIMISERS[checks.choice("optimiser", name, tuple(OPTIMISERS))]()
