"""Mixout: swap random parameters back to their pre-trained values."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    Parameters,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class Mixout(Method):
    """Each step uses (m∘w_0 + (1 − m)∘w − p·w_0)/(1 − p), m Bernoulli(p) for each parameter (Lee,
    Cho & Kang, 2020).
    """

    strength: float = 0.5
    name = "mixout"
    summary = "replaces each parameter of the encoder by its start with probability p in each step"
    formula = "w̃ = (m∘w_0 + (1 − m)∘w − p·w_0)/(1 − p), m ~ Bernoulli(p)"
    source = "Lee, Cho & Kang (2020, arXiv:1909.11299)"
    strength_range = StrengthRange("the probability p of a swap", below=1)

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        total = encoder.parameter_count
        return {
            "mask": (
                torch.stack(
                    [
                        torch.rand(total, generator=each, dtype=torch.float64) < self.strength
                        for each in generators
                    ]
                ).double()
            )
        }

    def used(
        self, parameters: Parameters, start: Parameters, noise: Mapping[str, Tensor]
    ) -> Parameters:
        pieces = noise["mask"].split([value.numel() for value in parameters.values()])
        p = self.strength
        return {
            key: (
                (
                    mask.view_as(value) * start[key]
                    + (1 - mask.view_as(value)) * value
                    - p * start[key]
                )
                / (1 - p)
            )
            for (key, value), mask in zip(parameters.items(), pieces, strict=True)
        }
