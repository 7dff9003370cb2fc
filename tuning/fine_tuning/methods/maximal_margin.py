"""Maximal margin regularizer."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tunebound.tuning.fine_tuning.margin_regularizer import margin_penalty
from tunebound.tuning.fine_tuning.methods.method import Method, State, Strength, register


@register
@dataclass(frozen=True)
class MaximalMargin(Method):
    """α/(1 + ‖c₊ − c₋‖), c± the class centres of the batch's features; nothing for a batch that
    lacks a class (Fu, So & Collier, 2023).
    """

    weight: float = 1.0
    name: ClassVar[str] = "maximal_margin"
    summary: ClassVar[str] = "pushes the class centres of the features apart (MMR)"
    formula: ClassVar[str] = "F(w) + α/(1 + ‖c₊ − c₋‖)"
    source: ClassVar[str] = "Fu, So & Collier (2023, arXiv:2301.09820)"
    strength: ClassVar[Strength | None] = Strength("the factor α of the penalty")

    def penalty(self, state: State) -> Tensor:
        membership = torch.stack(
            [state.counted * (state.labels == label) for label in (1, -1)], dim=1
        )
        return self.weight * margin_penalty(state.features, membership)
