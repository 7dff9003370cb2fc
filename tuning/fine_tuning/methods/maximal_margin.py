"""Maximal margin regularizer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tunebound.tuning.fine_tuning.margin_regularizer import margin_penalty
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class MaximalMargin(Method):
    """α/(1 + ‖c₊ − c₋‖), c± the class centres of the batch's features; nothing for a batch that
    lacks a class (Fu, So & Collier, 2023).
    """

    strength: float = 1.0
    name = "maximal_margin"
    summary = "pushes the class centres of the features apart (MMR)"
    formula = "F(w) + α/(1 + ‖c₊ − c₋‖)"
    source = "Fu, So & Collier (2023, arXiv:2301.09820)"
    claims = "leave-one-out"
    strengths = (0.1, 0.3, 1.0, 3.0, 10.0)
    strength_range = StrengthRange("the factor α of the penalty")

    def penalty(self, state: ReplicaState) -> Tensor:
        membership = torch.stack(
            [state.counted * (state.labels == label) for label in (1, -1)], dim=1
        )
        return self.strength * margin_penalty(state.features, membership)
