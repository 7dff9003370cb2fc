"""Warm-up of the step size."""

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
class WarmUp(Method):
    """The step size rises linearly to η over the first share of the steps, and stays there; with
    whatever optimiser is given (Mosbach, Andriushchenko & Klakow, 2021, over a tenth).
    """

    strength: float = 0.1
    name = "warm_up"
    summary = "lets the step size rise linearly over the first tenth of the steps"
    formula = "η_t = η·min(1, t/(sT)), t = 1, …, T, s = 1/10"
    source = "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884)"
    claims = "scores over seeds"
    strengths = (0.05, 0.1, 0.2, 0.4, 0.8)
    strength_range = StrengthRange(
        "the share of the steps, the first ones, over which the step size rises", below=1
    )

    def rate_factors(self, encoder: nn.Module, step: int, steps: int) -> RateFactors:
        factor = min(1.0, (step + 1) / max(self.strength * steps, 1))
        return RateFactors(head=factor, encoder=factor)
