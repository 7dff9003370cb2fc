"""Mixout: swap random parameters back to their pre-trained values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import Method, Strength, Weights, register


@register
@dataclass(frozen=True)
class Mixout(Method):
    """Each step uses (m∘w_0 + (1 − m)∘w − p·w_0)/(1 − p), m Bernoulli(p) for each parameter (Lee,
    Cho & Kang, 2020).
    """

    weight: float = 0.5
    name: ClassVar[str] = "mixout"
    summary: ClassVar[str] = (
        "replaces each parameter of the encoder by its start with probability p in each step"
    )
    formula: ClassVar[str] = "w̃ = (m∘w_0 + (1 − m)∘w − p·w_0)/(1 − p), m ~ Bernoulli(p)"
    source: ClassVar[str] = "Lee, Cho & Kang (2020, arXiv:1909.11299)"
    strength: ClassVar[Strength | None] = Strength("the probability p of a swap", below=1)

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        total = encoder.parameter_count
        return {
            "mask": (
                torch.stack(
                    [
                        torch.rand(total, generator=each, dtype=torch.float64) < self.weight
                        for each in generators
                    ]
                ).double()
            )
        }

    def used(self, weights: Weights, start: Weights, noise: Mapping[str, Tensor]) -> Weights:
        pieces = noise["mask"].split([value.numel() for value in weights.values()])
        p = self.weight
        return {
            key: (
                (
                    mask.view_as(value) * start[key]
                    + (1 - mask.view_as(value)) * value
                    - p * start[key]
                )
                / (1 - p)
            )
            for (key, value), mask in zip(weights.items(), pieces, strict=True)
        }
