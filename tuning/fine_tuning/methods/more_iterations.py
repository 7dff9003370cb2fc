"""More iterations."""

from dataclasses import dataclass
from typing import ClassVar

from tunebound.tuning.fine_tuning.methods.method import Method, Strength, register


@register
@dataclass(frozen=True)
class MoreIterations(Method):
    """The same steps, four times as many of them (Mosbach, Andriushchenko & Klakow, 2021, "On the
    Stability of Fine-tuning BERT").
    """

    weight: float = 4
    name: ClassVar[str] = "more_iterations"
    summary: ClassVar[str] = "plain fine-tuning for four times as many steps"
    formula: ClassVar[str] = "T ← 4T"
    source: ClassVar[str] = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: instability of heads"
        " falls like ln ln t/ln t"
    )
    strength: ClassVar[Strength | None] = Strength(
        "how many times as many steps are taken", least=1, whole=True
    )

    def steps(self, steps: int) -> int:
        return int(self.weight) * steps
