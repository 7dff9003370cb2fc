"""Mixout: swap random weights back to their pre-trained values."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    Parameters,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class Mixout(Method):
    """Each step uses W̃ = (m∘W_0 + (1 − m)∘W − p·W_0)/(1 − p) for the weight W of each linear layer
    of the encoder, m Bernoulli(p) for each of its columns (Lee, Cho & Kang, 2020).

    A column holds all that leaves one unit, so that with W_0 = 0 this is dropout, whose place it
    takes: nothing is dropped while p > 0. Biases and embeddings are never swapped, nor is the head,
    which no pre-training knows. The gradient is that of the formula; the backward pass of the
    authors' code (github.com/bloodwass/mixout) leaves its factor 1/(1 − p) out.
    """

    strength: float = 0.5
    name = "mixout"
    summary = (
        "replaces the weights that leave a unit by their start with probability p in each step,"
        " instead of dropout"
    )
    formula = "W̃ = (m∘W_0 + (1 − m)∘W − p·W_0)/(1 − p), m ~ Bernoulli(p) for each column"
    source = "Lee, Cho & Kang (2020, arXiv:1909.11299)"
    claims = "scores over seeds"
    strengths = (0.05, 0.1, 0.25, 0.5, 0.9)
    strength_range = StrengthRange("the probability p of a swap", below=1)

    def dropout(self, share: float) -> float:
        return 0.0 if self.strength > 0 else share

    def draw(
        self, encoder: nn.Module, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        columns = {
            f"{name}.weight": module.in_features
            for name, module in encoder.named_modules()
            if isinstance(module, nn.Linear)
        }
        total = sum(columns.values())
        drawn = torch.stack(
            [torch.rand(total, generator=each, dtype=torch.float64) for each in generators]
        )
        swapped = (drawn < self.strength).double()
        return dict(zip(columns, swapped.split(list(columns.values()), dim=1), strict=True))

    def used(
        self, parameters: Parameters, start: Parameters, noise: Mapping[str, Tensor]
    ) -> Parameters:
        p = self.strength
        masks = {key: mask.to(start[key].dtype) for key, mask in noise.items()}
        mixed = {
            key: (mask * start[key] + (1 - mask) * parameters[key] - p * start[key]) / (1 - p)
            for key, mask in masks.items()
        }
        return {**parameters, **mixed}
