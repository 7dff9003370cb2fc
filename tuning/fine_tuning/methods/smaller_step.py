"""Smaller steps."""

from dataclasses import dataclass

from tunebound.tuning.fine_tuning.methods.method import Method, StrengthRange, register_method


@register_method
@dataclass(frozen=True)
class SmallerStep(Method):
    """As many steps, each a quarter as long (Mosbach, Andriushchenko & Klakow, 2021), so less
    training too; "smaller_step_longer" takes four times as many.
    """

    strength: float = 4
    name = "smaller_step"
    summary = "plain fine-tuning with a quarter of the step size and as many steps"
    formula = "η ← η/4"
    source = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: Hardt, Recht & Singer"
        " (2016), stability falls with Ση"
    )
    claims = "scores over seeds"
    strengths = (1.5, 2, 4, 8, 16)
    strength_range = StrengthRange("what the step size is divided by", least=1)

    def learning_rate(self, rate: float) -> float:
        return rate / self.strength
