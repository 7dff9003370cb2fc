"""LNSR: features that noise on the input's embedding moves little."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)
from tunebound.tuning.fine_tuning.methods.perturbed import (
    embedding_noise,
    mean_of_counted,
    perturbed_features,
)


@register_method
@dataclass(frozen=True)
class NoiseStability(Method):
    """λ·mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε normal on the embedded tokens (Hua, Li, Dou, Xu & Luo,
    2021).
    """

    strength: float = 1.0
    name = "noise_stability"
    summary = "penalises how far noise on the embeddings moves the features (LNSR)"
    formula = "F(w) + λ mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε ~ N(0, σ²)"
    source = "Hua, Li, Dou, Xu & Luo (2021, arXiv:2107.04835)"
    strength_range = StrengthRange("the factor λ of the penalty")

    def passes(self, steps: int) -> int:
        return 2 * steps  # with and without noise

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        return {"noise": embedding_noise(encoder, batch, generators)}

    def penalty(self, state: ReplicaState) -> Tensor:
        moved = (
            perturbed_features(state.encoder, state.parameters, state.inputs, state.noise["noise"])
            - state.features
        )
        return self.strength * mean_of_counted(state, moved.square().sum(dim=-1))
