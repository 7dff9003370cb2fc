"""Averaging of the iterates."""

from typing import ClassVar

from tuning.methods.method import Method, register


@register
class WeightAveraging(Method):
    """The result is the mean of the iterates of the second half (Polyak & Juditsky, 1992; Izmailov et al., 2018)."""

    name: ClassVar[str] = "weight_averaging"
    summary: ClassVar[str] = "averages the weights of the second half of the steps"
    formula: ClassVar[str] = "w̄ = (2/T) Σ_{t>T/2} w_t"
    source: ClassVar[str] = "Izmailov et al. (2018, arXiv:1803.05407)"

    def averaged_from(self, steps: int) -> int | None:
        return steps // 2
