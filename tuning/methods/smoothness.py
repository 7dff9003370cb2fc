"""R3F: predictions that noise on the input's embedding moves little."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tuning.encoders import TokenEncoder
from tuning.methods.method import Method, State, register
from tuning.methods.perturbed import embedding_noise, perturbed_features

SCALE = 0.3


@register
@dataclass(frozen=True)
class Smoothness(Method):
    """λ·mean_j of the symmetric Kullback–Leibler divergence between predictions with and without noise (Aghajanyan et al., 2021).

    For two classes with logits o and o' it is (σ(o) − σ(o'))(o − o'). SMART (Jiang et al., 2020) searches the worst noise instead.
    """

    weight: float = 1.0
    name: ClassVar[str] = "smoothness"
    summary: ClassVar[str] = (
        "penalises how far noise on the embeddings moves the predictions (R3F; SMART with random instead of worst noise)"
    )
    formula: ClassVar[str] = "F(w) + λ mean_j [KL(p_j‖p'_j) + KL(p'_j‖p_j)], p' with ε ~ N(0, σ²) on the embeddings"
    source: ClassVar[str] = "Aghajanyan et al. (2021, arXiv:2008.03156); Jiang et al. (2020, arXiv:1911.03437)"

    def draw(self, encoder: TokenEncoder, batch: int, generators: list[torch.Generator]) -> dict[str, Tensor]:
        return {"noise": SCALE * embedding_noise(encoder, batch, generators)}

    def penalty(self, state: State) -> Tensor:
        head, bias = state.heads.mean(dim=0), state.biases.mean()
        moved = perturbed_features(state.encoder, state.weights, state.inputs, state.noise["noise"]) @ head + bias
        logits = state.features @ head + bias
        divergence = (torch.sigmoid(moved) - torch.sigmoid(logits)) * (moved - logits)
        return self.weight * (state.counted * divergence).sum() / state.counted.sum().clamp(min=1)
