"""Averaging of the iterates."""

import math
from dataclasses import dataclass

from tunebound.tuning.fine_tuning.methods.method import Method, StrengthRange, register_method


@register_method
@dataclass(frozen=True)
class WeightAveraging(Method):
    """The result is the mean of the iterates of the second half (Polyak & Juditsky, 1992; Izmailov
    et al., 2018).
    """

    strength: float = 0.5
    name = "weight_averaging"
    summary = "averages the weights of the second half of the steps"
    formula = "w̄ = (2/T) Σ_{t>T/2} w_t"
    source = "Izmailov et al. (2018, arXiv:1803.05407)"
    claims = "accuracy"
    strengths = (0.1, 0.25, 0.5, 0.75, 0.9)
    strength_range = StrengthRange(
        "the share of the steps, the last ones, whose iterates are averaged", below=1
    )

    def averaged_from(self, steps: int) -> int | None:
        return steps - max(1, math.ceil(self.strength * steps))
