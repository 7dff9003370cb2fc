"""Averaging of the iterates."""

import math
from dataclasses import dataclass
from typing import ClassVar

from tunebound.tuning.fine_tuning.methods.method import Method, Strength, register


@register
@dataclass(frozen=True)
class WeightAveraging(Method):
    """The result is the mean of the iterates of the second half (Polyak & Juditsky, 1992; Izmailov
    et al., 2018).
    """

    weight: float = 0.5
    name: ClassVar[str] = "weight_averaging"
    summary: ClassVar[str] = "averages the weights of the second half of the steps"
    formula: ClassVar[str] = "w̄ = (2/T) Σ_{t>T/2} w_t"
    source: ClassVar[str] = "Izmailov et al. (2018, arXiv:1803.05407)"
    strength: ClassVar[Strength | None] = Strength(
        "the share of the steps, the last ones, whose iterates are averaged", below=1
    )

    def averaged_from(self, steps: int) -> int | None:
        return steps - max(1, math.ceil(self.weight * steps))
