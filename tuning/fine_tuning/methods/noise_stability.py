"""LNSR: features that noise on the input's embedding moves little."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import Method, State, Strength, register
from tunebound.tuning.fine_tuning.methods.perturbed import (
    embedding_noise,
    mean_of_counted,
    perturbed_features,
)


@register
@dataclass(frozen=True)
class NoiseStability(Method):
    """λ·mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε normal on the embedded tokens (Hua, Li, Dou, Xu & Luo,
    2021).
    """

    weight: float = 1.0
    name: ClassVar[str] = "noise_stability"
    summary: ClassVar[str] = "penalises how far noise on the embeddings moves the features (LNSR)"
    formula: ClassVar[str] = "F(w) + λ mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε ~ N(0, σ²)"
    source: ClassVar[str] = "Hua, Li, Dou, Xu & Luo (2021, arXiv:2107.04835)"
    strength: ClassVar[Strength | None] = Strength("the factor λ of the penalty")

    def passes(self, steps: int) -> int:
        return 2 * steps  # with and without noise

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        return {"noise": embedding_noise(encoder, batch, generators)}

    def penalty(self, state: State) -> Tensor:
        moved = (
            perturbed_features(state.encoder, state.weights, state.inputs, state.noise["noise"])
            - state.features
        )
        return self.weight * mean_of_counted(state, moved.square().sum(dim=-1))
