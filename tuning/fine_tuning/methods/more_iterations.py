"""More iterations."""

from dataclasses import dataclass

from tunebound.tuning.fine_tuning.methods.method import Method, StrengthRange, register_method


@register_method
@dataclass(frozen=True)
class MoreIterations(Method):
    """The same steps, four times as many of them (Mosbach, Andriushchenko & Klakow, 2021, "On the
    Stability of Fine-tuning BERT").
    """

    strength: float = 4
    name = "more_iterations"
    summary = "plain fine-tuning for four times as many steps"
    formula = "T ← 4T"
    source = (
        "Mosbach, Andriushchenko & Klakow (2021, arXiv:2006.04884); theory: instability of heads"
        " falls like ln ln t/ln t"
    )
    claims = "scores over seeds"
    strengths = (2, 3, 4, 6, 8)
    strength_range = StrengthRange("how many times as many steps are taken", least=1, whole=True)

    def steps(self, steps: int) -> int:
        return int(self.strength) * steps
