"""R3F: predictions that noise on the input's embedding moves little."""

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
    mean_logits,
    mean_of_counted,
    perturbed_features,
    symmetric_divergence,
)


@register_method
@dataclass(frozen=True)
class Smoothness(Method):
    """λ·mean_j of the symmetric Kullback–Leibler divergence between predictions with and without
    noise (Aghajanyan et al., 2021).

    For two classes with logits o and o' it is (σ(o) − σ(o'))(o − o'). SMART (Jiang et al., 2020)
    searches the worst noise instead.
    """

    strength: float = 1.0
    name = "smoothness"
    summary = "penalises how far random noise on the embeddings moves the predictions (R3F)"
    formula = (
        "F(w) + λ mean_j [KL(p_j‖p'_j) + KL(p'_j‖p_j)], p' with ε ~ N(0, σ²) on the embeddings"
    )
    source = "Aghajanyan et al. (2021, arXiv:2008.03156)"
    strength_range = StrengthRange("the factor λ of the penalty")

    def passes(self, steps: int) -> int:
        return 2 * steps  # with and without noise

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        return {"noise": embedding_noise(encoder, batch, generators)}

    def penalty(self, state: ReplicaState) -> Tensor:
        moved = perturbed_features(
            state.encoder, state.parameters, state.inputs, state.noise["noise"]
        )
        divergence = symmetric_divergence(
            mean_logits(state, state.features), mean_logits(state, moved)
        )
        return self.strength * mean_of_counted(state, divergence)
