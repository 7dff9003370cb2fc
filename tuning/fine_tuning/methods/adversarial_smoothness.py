"""SMART: predictions that no small move of the embedding changes much, and small steps of them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from tunebound._ground import checks
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)
from tunebound.tuning.fine_tuning.methods.perturbed import (
    SCALE,
    ascended,
    embedding_noise,
    mean_logits,
    mean_of_counted,
    perturbed_features,
    symmetric_divergence,
)

MEMORY = 0.9  # β of the averaged iterate
FIRST = 0.01  # standard deviation of the first move, as a share of the largest; a start off 0


@register_method
@dataclass(frozen=True)
class AdversarialSmoothness(Method):
    """λ·mean_j [max over ‖δ‖_∞ ≤ ε of D(w at x_j, w at x_j + δ) + D(w at x_j, w̃ at x_j)], D the
    symmetric Kullback–Leibler divergence of predictions and w̃ the exponential average of the
    iterates (Jiang, He, Chen, Liu, Gao & Zhao, 2020).

    The maximum is searched by one ascent of length ε from a random start. The second term is the
    authors' Bregman proximal point with momentum: they weigh both terms by 1, here one factor
    weighs both; they average over 100 and then 1000 of some thousand steps, here over 10.

    Attributes
    ----------
    strength : float
        λ.
    radius : float
        ε, positive; entries of an embedding are about 1. The published scale is far smaller, 10⁻³
        to 10⁻⁵ beside entries of about 0.05 (recalled).
    """

    strength: float = 1.0
    radius: float = SCALE
    name = "adversarial_smoothness"
    summary = (
        "penalises how far the worst move (up to 0.3) of the embeddings, and the last steps, move"
        " the predictions (SMART)"
    )
    formula = (
        "F(w) + λ mean_j [max_{‖δ‖_∞≤ε} D(p_w(x_j), p_w(x_j + δ)) + D(p_w(x_j), p_w̃(x_j))],"
        " ε = 0.3, w̃ ← 0.9 w̃ + 0.1 w"
    )
    source = "Jiang, He, Chen, Liu, Gao & Zhao (2020, arXiv:1911.03437)"
    claims = "accuracy"
    strengths = (0.01, 0.1, 0.3, 1.0, 3.0)
    strength_range = StrengthRange("the factor λ of the penalty")

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.real_number("radius", self.radius, above=0)

    def passes(self, steps: int) -> int:
        return 4 * steps  # as it is, to ascend, moved, and with the averaged iterate

    def memory(self) -> float | None:
        return MEMORY

    def draw(
        self, encoder: nn.Module, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        return {"first": embedding_noise(encoder, batch, FIRST * self.radius, generators)}

    def penalty(self, state: ReplicaState) -> Tensor:
        logits = mean_logits(state, state.features)
        moved = perturbed_features(
            state.encoder, state.parameters, state.inputs, self._worst(state, logits.detach())
        )
        smoothness = symmetric_divergence(logits, mean_logits(state, moved))
        averaged: Tensor = functional_call(state.encoder, state.trail.parameters, (state.inputs,))
        before = averaged @ state.trail.heads.mean(dim=0) + state.trail.biases.mean()
        proximity = symmetric_divergence(logits, before)
        return self.strength * mean_of_counted(state, smoothness + proximity)

    def _worst(self, state: ReplicaState, logits: Tensor) -> Tensor:
        """Moves (batch, length, size) after the ascent."""
        fixed = {key: value.detach() for key, value in state.parameters.items()}
        heads, biases = state.heads.detach(), state.biases.detach()

        def divergence(move: Tensor) -> Tensor:
            features = perturbed_features(state.encoder, fixed, state.inputs, move)
            moved = features @ heads.mean(dim=0) + biases.mean()
            return symmetric_divergence(logits, moved).sum()

        first = state.noise["first"]
        move = ascended(first, grad(divergence)(first), self.radius, _largest)
        return move.clamp(-self.radius, self.radius)


def _largest(move: Tensor) -> Tensor:
    """Largest absolute entries (batch, 1, 1) of whole sequences."""
    return move.abs().amax(dim=(-2, -1), keepdim=True)
