"""Adam, with and without the correction of its bias."""

from dataclasses import dataclass

from tunebound.tuning.fine_tuning.methods.method import Method, StrengthRange, register_method


@register_method
@dataclass(frozen=True)
class Adam(Method):
    """Adam with bias correction and a step size of its own, whatever optimiser is given (Kingma &
    Ba, 2015; for fine-tuning Mosbach, Andriushchenko & Klakow, 2021).
    """

    strength: float = 0.003
    name = "adam"
    summary = "Adam with bias correction, with a step size of its own"
    formula = "w ← w − η m̂/(√v̂ + 10⁻⁸), m̂ and v̂ corrected for their start at 0"
    source = (
        "Kingma & Ba (2015, arXiv:1412.6980); Mosbach, Andriushchenko & Klakow (2021,"
        " arXiv:2006.04884)"
    )
    claims = "scores over seeds"
    strengths = (0.0003, 0.001, 0.003, 0.01, 0.03)
    strength_range = StrengthRange("Adam's step size η", least=1e-12)

    def optimiser(self, given: str) -> str:
        return "adam"

    def learning_rate(self, rate: float) -> float:
        return self.strength


@register_method
@dataclass(frozen=True)
class AdamUncorrected(Adam):
    """Adam as fine-tuning used it at first, without bias correction: the first steps are up to 6.6
    times as long. Its sources hold it to be a cause of failed runs, so it is an arm to compare
    with, no remedy.
    """

    name = "adam_uncorrected"
    summary = "Adam without bias correction, whose first steps are longer"
    formula = "w ← w − η m/(√v + 10⁻⁸)"
    source = "Devlin, Chang, Lee & Toutanova (2019, arXiv:1810.04805), their code"
    claims = "accuracy"

    def optimiser(self, given: str) -> str:
        return "adam_uncorrected"
