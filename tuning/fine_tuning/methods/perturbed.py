"""Encoding with the embedded tokens moved, for methods that ask for smooth encoders.

Scales are relative to embeddings whose entries are about 1, as those of the encoders here.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.encoding import Inputs
from tunebound.tuning.fine_tuning.methods.method import Parameters, ReplicaState

# No published scale: noise that moves the features of the encoders here.
SCALE = 0.3
TINY = 1e-30  # keeps the direction of a gradient 0 at 0


def embedding_shape(encoder: nn.Module) -> tuple[int, int]:
    """Length and size of an embedded sequence."""
    table = getattr(encoder, "table", None)
    if not isinstance(encoder, TokenEncoder) or not isinstance(table, Tensor):
        raise TypeError(
            f"encoder {type(encoder).__name__} has no parameter table (vocabulary + 1, size);"
            " methods that move the embeddings need a TokenEncoder that embeds it by"
            " TokenEncoder.embed"
        )
    return encoder.length, table.shape[1]


def embedding_noise(
    encoder: nn.Module, batch: int, scale: float, generators: list[torch.Generator]
) -> Tensor:
    """Normal numbers (R, batch, length, size of an embedding) of standard deviation `scale`."""
    size = (batch, *embedding_shape(encoder))
    return scale * torch.stack(
        [torch.randn(size, generator=each, dtype=torch.float64) for each in generators]
    )


def perturbed_features(
    encoder: nn.Module, parameters: Parameters, inputs: Inputs, noise: Tensor
) -> Tensor:
    """Features (batch, features) of inputs whose embedded tokens are moved by the noise."""
    features: Tensor = functional_call(encoder, {**parameters, "perturbation": noise}, (inputs,))
    return features


def ascended(noise: Tensor, slope: Tensor, step: float, size: Callable[[Tensor], Tensor]) -> Tensor:
    """The noise (batch, length, size) of each sample, moved by `step` in the norm `size` along its
    gradient; no gradient flows back through it.
    """
    return (noise + step * slope / size(slope).clamp(min=TINY)).detach()


def symmetric_divergence(first: Tensor, second: Tensor) -> Tensor:
    """KL(p‖p') + KL(p'‖p) = (σ(o) − σ(o'))(o − o') of two-class predictions with logits o and
    o'.
    """
    return (torch.sigmoid(second) - torch.sigmoid(first)) * (second - first)


def mean_logits(state: ReplicaState, features: Tensor) -> Tensor:
    """Logits (batch,) of the mean head."""
    return features @ state.heads.mean(dim=0) + state.biases.mean()


def mean_of_counted(state: ReplicaState, values: Tensor) -> Tensor:
    """Mean of values (batch,) over the samples that the replica sees; 0 without any."""
    return (state.counted * values).sum() / state.counted.sum().clamp(min=1)
