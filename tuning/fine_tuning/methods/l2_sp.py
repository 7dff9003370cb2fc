"""L2-SP: stay near the pre-trained weights."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tunebound.tuning.fine_tuning.methods.method import Method, State, Strength, register


@register
@dataclass(frozen=True)
class L2SP(Method):
    """(α/2)‖w − w_0‖² over the encoder's parameters (Li, Grandvalet & Davoine, 2018)."""

    weight: float = 0.1
    name: ClassVar[str] = "l2_sp"
    summary: ClassVar[str] = "penalises the distance of the encoder from its start"
    formula: ClassVar[str] = "F(w) + (α/2)‖w − w_0‖²"
    source: ClassVar[str] = "Li, Grandvalet & Davoine (2018, arXiv:1802.01483)"
    strength: ClassVar[Strength | None] = Strength("the factor α of the penalty")

    def penalty(self, state: State) -> Tensor:
        return (
            self.weight
            / 2
            * torch.stack(
                [(value - state.start[key]).square().sum() for key, value in state.weights.items()]
            ).sum()
        )
