"""L2-SP: stay near the pre-trained weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tunebound._ground import checks
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class L2SP(Method):
    """(α/2)‖w − w_0‖² over the encoder's parameters and (β/2)‖v‖² over the new head's (Li,
    Grandvalet & Davoine, 2018).

    Attributes
    ----------
    strength : float
        α; the authors choose it from 0.001 to 1.
    head_decay : float
        β, at least 0; the authors keep it at 0.01 (recalled from the paper).
    """

    strength: float = 0.1
    head_decay: float = 0.01
    name = "l2_sp"
    summary = "penalises the distance of the encoder from its start, and the size of the new head"
    formula = "F(w, v) + (α/2)‖w − w_0‖² + (β/2)‖v‖², β = 0.01"
    source = "Li, Grandvalet & Davoine (2018, arXiv:1802.01483)"
    claims = "accuracy"
    strengths = (0.003, 0.01, 0.03, 0.1, 1.0)
    strength_range = StrengthRange("the factor α of the penalty")

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.real_number("head_decay", self.head_decay, low=0)

    def penalty(self, state: ReplicaState) -> Tensor:
        moved = torch.stack(
            [(value - state.start[key]).square().sum() for key, value in state.parameters.items()]
        ).sum()
        # of several heads the mean, as of their losses
        head = (state.heads.square().sum() + state.biases.square().sum()) / len(state.heads)
        return self.strength / 2 * moved + self.head_decay / 2 * head
