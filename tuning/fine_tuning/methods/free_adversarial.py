"""FreeLB: train on the embeddings that an adversary passes on its way."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import grad_and_value

from tunebound.tuning.fine_tuning.batch_loss import batch_loss
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    ReplicaState,
    StrengthRange,
    register_method,
)
from tunebound.tuning.fine_tuning.methods.perturbed import (
    TINY,
    ascended,
    embedding_shape,
    perturbed_features,
)

# Magnitude of the first move and length of an ascent, as shares of the largest move. Published
# settings have 0.46 to 0.75 and 0.25 to 0.29, and two or three places.
FIRST, ASCENT, PLACES = 0.5, 0.25, 2


@register_method
@dataclass(frozen=True)
class FreeAdversarial(Method):
    """(1/K) Σ_k F at embeddings moved by δ_k, instead of F: δ_1 uniform, δ_{k+1} the projection of
    δ_k + α g/‖g‖ on ‖δ‖ ≤ ε, g the gradient of the loss in δ; K = 2 (Zhu, Cheng, Gan, Sun,
    Goldstein & Liu, 2020).

    Norms are those of a whole sequence. Dropout is the same in all places, as the authors have it.

    Attributes
    ----------
    strength : float
        ε/√(number of entries of an embedded sequence): the root mean square of the largest move,
        where entries of an embedding are about 1.
    """

    strength: float = 0.1
    name = "free_adversarial"
    summary = "trains on embeddings that an adversary has moved, at each of its two places (FreeLB)"
    formula = "(1/K) Σ_k F(w; x + δ_k), δ_{k+1} = Π_{‖δ‖≤ε}(δ_k + α g_k/‖g_k‖), K = 2"
    source = "Zhu, Cheng, Gan, Sun, Goldstein & Liu (2020, arXiv:1909.11764)"
    claims = "accuracy"
    strengths = (0.01, 0.03, 0.1, 0.3, 1.0)
    strength_range = StrengthRange(
        "the root mean square of the largest move of an embedding, in units of its entries"
    )

    def passes(self, steps: int) -> int:
        return (1 + PLACES) * steps  # the loss that is recorded is without a move

    def draw(
        self, encoder: nn.Module, batch: int, generators: list[torch.Generator]
    ) -> dict[str, Tensor]:
        size = (batch, *embedding_shape(encoder))
        drawn = [torch.rand(size, generator=each, dtype=torch.float64) for each in generators]
        return {"first": FIRST * self.strength * (2 * torch.stack(drawn) - 1)}

    def penalty(self, state: ReplicaState) -> Tensor:
        def loss(move: Tensor) -> Tensor:
            return batch_loss(
                state, perturbed_features(state.encoder, state.parameters, state.inputs, move)
            )

        move = state.noise["first"]
        largest = self.strength * math.sqrt(move[0].numel())
        total = -batch_loss(state, state.features)  # takes the place of the loss without a move
        for _ in range(PLACES - 1):
            slope, value = grad_and_value(loss)(move)
            total = total + value / PLACES
            move = ascended(move, slope, ASCENT * largest, _length)
            move = move * (largest / _length(move).clamp(min=TINY)).clamp(max=1)
        return total + loss(move) / PLACES


def _length(move: Tensor) -> Tensor:
    """Euclidean norms (batch, 1, 1) of whole sequences; 0 for 0, with no gradient asked of it."""
    return move.square().sum(dim=(-2, -1), keepdim=True).sqrt()
