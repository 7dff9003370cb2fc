"""LNSR: features that noise on the input's embedding moves little."""

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
    mean_of_counted,
    perturbed_features,
)


@register_method
@dataclass(frozen=True)
class NoiseStability(Method):
    """λ·mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε normal on the embedded tokens (Hua, Li, Dou, Xu & Luo,
    2021).

    Attributes
    ----------
    strength : float
        λ.
    noise : float
        Standard deviation σ of ε, positive; entries of an embedding are about 1.
    """

    strength: float = 1.0
    noise: float = SCALE
    name = "noise_stability"
    summary = "penalises how far noise (σ = 0.3) on the embeddings moves the features (LNSR)"
    formula = "F(w) + λ mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε ~ N(0, σ²), σ = 0.3"
    source = "Hua, Li, Dou, Xu & Luo (2021, arXiv:2107.04835)"
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
        moved = (
            perturbed_features(state.encoder, state.parameters, state.inputs, state.noise["noise"])
            - state.features
        )
        return self.strength * mean_of_counted(state, moved.square().sum(dim=-1))


@register_method
@dataclass(frozen=True)
class NoiseStabilityPublished(NoiseStability):
    """The same with noise of 5 % of what it is added to, the size at which Figure 1 of the paper
    measures stability.
    """

    noise: float = 0.05
    name = "noise_stability_published"
    summary = "the same (LNSR) with noise of the published relative size (σ = 0.05)"
    formula = "F(w) + λ mean_j ‖f_w(x_j + ε) − f_w(x_j)‖², ε ~ N(0, σ²), σ = 0.05"
    strengths = (0.1, 0.3, 1.0, 3.0, 10.0)
