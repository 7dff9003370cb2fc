"""Smaller steps, and as many more of them."""

from dataclasses import dataclass

from tunebound.tuning.fine_tuning.methods.method import Method, StrengthRange, register_method


@register_method
@dataclass(frozen=True)
class SmallerStepLonger(Method):
    """Steps a quarter as long and four times as many: the same ηT, so that the step's size alone
    differs; "smaller_step" trains less as well.
    """

    strength: float = 4
    name = "smaller_step_longer"
    summary = "plain fine-tuning with a quarter of the step size and four times as many steps"
    formula = "η ← η/4, T ← 4T"
    source = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: Hardt, Recht & Singer"
        " (2016), the bound depends on Ση alone"
    )
    claims = "scores over seeds"
    strengths = (2, 3, 4, 6, 8)
    strength_range = StrengthRange(
        "what the step size is divided by and the steps are multiplied by", least=1, whole=True
    )

    def steps(self, steps: int) -> int:
        return int(self.strength) * steps

    def learning_rate(self, rate: float) -> float:
        return rate / self.strength
