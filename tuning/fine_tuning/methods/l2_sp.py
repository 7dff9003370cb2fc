"""L2-SP: stay near the pre-trained weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class L2SP(Method):
    """(α/2)‖w − w_0‖² over the encoder's parameters (Li, Grandvalet & Davoine, 2018)."""

    strength: float = 0.1
    name = "l2_sp"
    summary = "penalises the distance of the encoder from its start"
    formula = "F(w) + (α/2)‖w − w_0‖²"
    source = "Li, Grandvalet & Davoine (2018, arXiv:1802.01483)"
    strength_range = StrengthRange("the factor α of the penalty")

    def penalty(self, state: ReplicaState) -> Tensor:
        return (
            self.strength
            / 2
            * torch.stack(
                [
                    (value - state.start[key]).square().sum()
                    for key, value in state.parameters.items()
                ]
            ).sum()
        )
