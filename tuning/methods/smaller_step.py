"""Smaller steps."""

from typing import ClassVar

from tuning.methods.method import Method, register


@register
class SmallerStep(Method):
    """As many steps, each a quarter as long (Mosbach, Andriushchenko & Klakow, 2021)."""

    name: ClassVar[str] = "smaller_step"
    summary: ClassVar[str] = "plain fine-tuning with a quarter of the step size and as many steps"
    formula: ClassVar[str] = "η ← η/4"
    source: ClassVar[str] = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: Hardt, Recht & Singer (2016), stability falls with Ση"
    )

    def learning_rate(self, rate: float) -> float:
        return rate / 4
