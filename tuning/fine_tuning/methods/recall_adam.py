"""RecAdam: Adam that recalls the pre-trained weights."""

import math
from dataclasses import dataclass

from torch import nn

from tunebound._ground import checks
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    RateFactors,
    StrengthRange,
    register_method,
)

# Of the annealing, as the share of a run: the authors' k·T is of this order and more (recalled).
STEEPNESS = 20.0
PULL = 0.1  # the authors' step size times the factor of their penalty, 2·10⁻⁵·5000 (recalled)


@register_method
@dataclass(frozen=True)
class RecallAdam(Method):
    """The encoder moves by w ← w − λ(t)·η·(Adam's direction) − (1 − λ(t))·ρ·(w − w_0), the head by
    Adam; λ(t) = 1/(1 + exp(−20(t/T − s))), ρ = 0.1 (Chen, Hou, Cui, Che, Liu & Yu, 2020).

    So a pull to the start, which does not pass through Adam's moments, gives way to the task.

    Attributes
    ----------
    strength : float
        s, the share of the steps after which the task outweighs the pull.
    step_size : float
        Adam's η, positive.
    """

    strength: float = 0.25
    step_size: float = 0.003
    name = "recall_adam"
    summary = (
        "Adam with a pull to the encoder's start that gives way to the task after a quarter of the"
        " steps (RecAdam)"
    )
    formula = (
        "w ← w − λ_t η m̂/(√v̂ + 10⁻⁸) − (1 − λ_t) ρ (w − w_0), λ_t = 1/(1 + exp(−20(t/T − s))),"
        " ρ = 0.1, η = 0.003"
    )
    source = "Chen, Hou, Cui, Che, Liu & Yu (2020, arXiv:2004.12651)"
    claims = "accuracy"
    strengths = (0.05, 0.1, 0.25, 0.5, 0.9)
    strength_range = StrengthRange(
        "the share of the steps after which the task outweighs the pull to the start", below=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.real_number("step_size", self.step_size, above=0)

    def optimiser(self, given: str) -> str:
        return "adam"

    def learning_rate(self, rate: float) -> float:
        return self.step_size

    def rate_factors(self, encoder: nn.Module, step: int, steps: int) -> RateFactors:
        return RateFactors(encoder=self._annealed(step, steps))

    def recall(self, step: int, steps: int) -> float:
        return (1 - self._annealed(step, steps)) * PULL

    def _annealed(self, step: int, steps: int) -> float:
        return 1 / (1 + math.exp(-STEEPNESS * ((step + 1) / steps - self.strength)))
