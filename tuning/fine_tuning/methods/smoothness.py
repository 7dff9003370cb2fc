"""R3F: predictions that noise on the input's embedding moves little."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import Method, State, Strength, register
from tunebound.tuning.fine_tuning.methods.perturbed import (
    embedding_noise,
    mean_logits,
    mean_of_counted,
    perturbed_features,
    symmetric_divergence,
)


@register
@dataclass(frozen=True)
class Smoothness(Method):
    """λ·mean_j of the symmetric Kullback–Leibler divergence between predictions with and without
    noise (Aghajanyan et al., 2021).

    For two classes with logits o and o' it is (σ(o) − σ(o'))(o − o'). SMART (Jiang et al., 2020)
    searches the worst noise instead.
    """

    weight: float = 1.0
    name: ClassVar[str] = "smoothness"
    summary: ClassVar[str] = (
        "penalises how far random noise on the embeddings moves the predictions (R3F)"
    )
    formula: ClassVar[str] = (
        "F(w) + λ mean_j [KL(p_j‖p'_j) + KL(p'_j‖p_j)], p' with ε ~ N(0, σ²) on the embeddings"
    )
    source: ClassVar[str] = "Aghajanyan et al. (2021, arXiv:2008.03156)"
    strength: ClassVar[Strength | None] = Strength("the factor λ of the penalty")

    def passes(self, steps: int) -> int:
        return 2 * steps  # with and without noise

    def draw(
        self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        return {"noise": embedding_noise(encoder, batch, generators)}

    def penalty(self, state: State) -> Tensor:
        moved = perturbed_features(state.encoder, state.weights, state.inputs, state.noise["noise"])
        divergence = symmetric_divergence(
            mean_logits(state, state.features), mean_logits(state, moved)
        )
        return self.weight * mean_of_counted(state, divergence)
