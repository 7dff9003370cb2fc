"""Maximal margin regularizer."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tuning.methods.method import Method, State, register


@register
@dataclass(frozen=True)
class MaximalMargin(Method):
    """α/(1 + ‖c₊ − c₋‖), c± the class centres of the batch's features; nothing for a batch that lacks a class (Fu, So & Collier, 2023)."""

    weight: float = 1.0
    name: ClassVar[str] = "maximal_margin"
    summary: ClassVar[str] = "pushes the class centres of the features apart (MMR)"
    formula: ClassVar[str] = "F(w) + α/(1 + ‖c₊ − c₋‖)"
    source: ClassVar[str] = "Fu, So & Collier (2023, arXiv:2301.09820)"

    def penalty(self, state: State) -> Tensor:
        shares = [state.counted * (state.labels == label) for label in (1, -1)]
        positive, negative = (share @ state.features / share.sum().clamp(min=1) for share in shares)
        both = (shares[0].sum() > 0) & (shares[1].sum() > 0)
        # The small constant keeps the gradient of the norm finite for centres that coincide.
        apart = ((positive - negative).square().sum() + 1e-24).sqrt()
        return self.weight * both / (1 + apart)
