"""LP-FT: the head first, on frozen features."""

from dataclasses import dataclass

from torch import nn

from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    RateFactors,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class LinearProbing(Method):
    """In the first share of the steps the head alone moves, then everything (Kumar, Raghunathan,
    Jones, Ma & Liang, 2022). T is the same, as the authors halve both phases.
    """

    strength: float = 0.5
    name = "linear_probing"
    summary = "tunes the head alone in the first half of the steps, then everything (LP-FT)"
    formula = "w_t = w_0 for t ≤ sT, head by gradient descent; then both, s = 1/2"
    source = "Kumar, Raghunathan, Jones, Ma & Liang (2022, arXiv:2202.10054)"
    claims = "accuracy"
    strengths = (0.1, 0.25, 0.5, 0.75, 0.9)
    strength_range = StrengthRange(
        "the share of the steps, the first ones, in which the head alone moves", below=1
    )

    def rate_factors(self, encoder: nn.Module, step: int, steps: int) -> RateFactors:
        return RateFactors(encoder=0.0 if step + 1 <= self.strength * steps else 1.0)
