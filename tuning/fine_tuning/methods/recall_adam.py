"""RecAdam: Adam that recalls the pre-trained weights."""

import math
from dataclasses import dataclass

from tunebound._ground import checks
from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    RateFactors,
    StrengthRange,
    register_method,
)

MIDDLE, STEEPNESS = 0.25, 20.0  # the annealing λ(t) = 1/(1 + exp(−20(t/T − 1/4))), t = 1, …, T


@register_method
@dataclass(frozen=True)
class RecallAdam(Method):
    """The encoder moves by w ← w − λ(t)·η·(Adam's direction) − (1 − λ(t))·ρ·(w − w_0), the head by
    Adam (Chen, Hou, Cui, Che, Liu & Yu, 2020).

    λ rises from 0 to 1 along a sigmoid, so that a pull to the start, which does not pass through
    Adam's moments, gives way to the task. ρ is the authors' ηγ = 2·10⁻⁵·5000 (recalled).

    Attributes
    ----------
    strength : float
        ρ, the share of the way back to w_0 in a step at λ = 0.
    step_size : float
        Adam's η, positive.
    """

    strength: float = 0.1
    step_size: float = 0.01
    name = "recall_adam"
    summary = "Adam with a pull to the encoder's start that gives way to the task (RecAdam)"
    formula = "w ← w − λ(t) η m̂/(√v̂ + 10⁻⁸) − (1 − λ(t)) ρ (w − w_0), λ a sigmoid of t, η = 0.01"
    source = "Chen, Hou, Cui, Che, Liu & Yu (2020, arXiv:2004.12651)"
    claims = "accuracy"
    strengths = (0.003, 0.01, 0.03, 0.1, 0.3)
    strength_range = StrengthRange(
        "the share of the way back to the start in a step, at first", below=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.real_number("step_size", self.step_size, above=0)

    def optimiser(self, given: str) -> str:
        return "adam"

    def learning_rate(self, rate: float) -> float:
        return self.step_size

    def rate_factors(self, encoder: TokenEncoder, step: int, steps: int) -> RateFactors:
        return RateFactors(encoder=_annealed(step, steps))

    def recall(self, step: int, steps: int) -> float:
        return (1 - _annealed(step, steps)) * self.strength


def _annealed(step: int, steps: int) -> float:
    return 1 / (1 + math.exp(-STEEPNESS * ((step + 1) / steps - MIDDLE)))
