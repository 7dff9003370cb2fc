"""Encoding with noise on the embedded tokens, for methods that ask for smooth encoders."""

import torch
from torch import Tensor
from torch.func import functional_call

from tuning.encoders import TokenEncoder
from tuning.methods.method import Weights


def embedding_noise(encoder: TokenEncoder, batch: int, generators: list[torch.Generator]) -> Tensor:
    """Standard normal numbers (R, batch, length, size of an embedding)."""
    size = (batch, encoder.length, encoder.get_parameter("table").shape[1])
    return torch.stack([torch.randn(size, generator=each, dtype=torch.float64) for each in generators])


def perturbed_features(encoder: TokenEncoder, weights: Weights, inputs: Tensor, noise: Tensor) -> Tensor:
    """Features (batch, features) of inputs whose embedded tokens are moved by the noise."""
    encoder.perturbation = noise
    try:
        return functional_call(encoder, dict(weights), (inputs,))
    finally:
        encoder.perturbation = None
