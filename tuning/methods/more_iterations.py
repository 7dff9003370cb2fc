"""More iterations."""

from typing import ClassVar

from tuning.methods.method import Method, register


@register
class MoreIterations(Method):
    """The same steps, four times as many of them (Mosbach, Andriushchenko & Klakow, 2021, "On the Stability of Fine-tuning BERT")."""

    name: ClassVar[str] = "more_iterations"
    summary: ClassVar[str] = "plain fine-tuning for four times as many steps"
    formula: ClassVar[str] = "T ← 4T"
    source: ClassVar[str] = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: instability of heads falls like ln ln t/ln t"
    )

    def steps(self, steps: int) -> int:
        return 4 * steps
