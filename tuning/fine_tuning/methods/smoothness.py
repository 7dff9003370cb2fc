"""R3F: predictions that noise on the input's embedding moves little."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tunebound._ground import checks
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)
from tunebound.tuning.fine_tuning.methods.perturbed import (
    SCALE,
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

    For two classes with logits o and o' it is (σ(o) − σ(o'))(o − o'). "adversarial_smoothness"
    searches the worst noise instead.

    Attributes
    ----------
    strength : float
        λ.
    noise : float
        Standard deviation σ of the noise, positive; entries of an embedding are about 1.
    """

    strength: float = 1.0
    noise: float = SCALE
    name = "smoothness"
    summary = (
        "penalises how far random noise (σ = 0.3) on the embeddings moves the predictions (R3F)"
    )
    formula = (
        "F(w) + λ mean_j [KL(p_j‖p'_j) + KL(p'_j‖p_j)], p' with ε ~ N(0, σ²) on the embeddings,"
        " σ = 0.3"
    )
    source = "Aghajanyan et al. (2021, arXiv:2008.03156)"
    claims = "scores over seeds"
    strengths = (0.003, 0.01, 0.05, 0.2, 1.0)
    strength_range = StrengthRange("the factor λ of the penalty")

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.real_number("noise", self.noise, above=0)

    def passes(self, steps: int) -> int:
        return 2 * steps  # with and without noise

    def draw(
        self, encoder: nn.Module, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        return {"noise": embedding_noise(encoder, batch, self.noise, generators)}

    def penalty(self, state: ReplicaState) -> Tensor:
        moved = perturbed_features(
            state.encoder, state.parameters, state.inputs, state.noise["noise"]
        )
        divergence = symmetric_divergence(
            mean_logits(state, state.features), mean_logits(state, moved)
        )
        return self.strength * mean_of_counted(state, divergence)


@register_method
@dataclass(frozen=True)
class SmoothnessPublished(Smoothness):
    """The same at the published scale: σ = 10⁻⁵ beside entries of an embedding of about 0.05, both
    recalled, so 2·10⁻⁴ of an embedding. The authors choose λ from 0.1 to 5.
    """

    noise: float = 2e-4
    name = "smoothness_published"
    summary = "the same (R3F) with noise of the published relative size (σ = 0.0002)"
    formula = (
        "F(w) + λ mean_j [KL(p_j‖p'_j) + KL(p'_j‖p_j)], p' with ε ~ N(0, σ²) on the embeddings,"
        " σ = 0.0002"
    )
    strengths = (0.1, 0.3, 1.0, 3.0, 10.0)
