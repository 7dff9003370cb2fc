"""Smaller steps."""

from dataclasses import dataclass
from typing import ClassVar

from tunebound.tuning.fine_tuning.methods.method import Method, Strength, register


@register
@dataclass(frozen=True)
class SmallerStep(Method):
    """As many steps, each a quarter as long (Mosbach, Andriushchenko & Klakow, 2021)."""

    weight: float = 4
    name: ClassVar[str] = "smaller_step"
    summary: ClassVar[str] = "plain fine-tuning with a quarter of the step size and as many steps"
    formula: ClassVar[str] = "η ← η/4"
    source: ClassVar[str] = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: Hardt, Recht & Singer"
        " (2016), stability falls with Ση"
    )
    strength: ClassVar[Strength | None] = Strength("what the step size is divided by", least=1)

    def learning_rate(self, rate: float) -> float:
        return rate / self.weight
