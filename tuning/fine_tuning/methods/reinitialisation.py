"""Re-initialisation of the top layers."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tunebound.tuning.fine_tuning.encoding import Inputs, rows, stackable
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    StrengthRange,
    copies,
    register_method,
    uniform,
)


@register_method
@dataclass(frozen=True)
class Reinitialisation(Method):
    """The encoder's top k linear layers are drawn anew from the default of torch: uniform within
    1/√fan-in (Zhang et al., 2021, one to six of 24 layers). Layers are in the order in which the
    encoder holds them; of one that is no `TokenEncoder`, without those that its features do not
    depend on, such as a pooler beside.
    """

    strength: float = 1
    name = "reinitialisation"
    summary = "draws the encoder's top k linear layers anew before tuning"
    formula = "w_0^{top} ~ U(−1/√fan-in, 1/√fan-in)"
    source = "Zhang, Wu, Katiyar, Weinberger & Artzi (2021, arXiv:2006.05987)"
    claims = "scores over seeds"
    strengths = (1, 2, 3, 4)
    strength_range = StrengthRange(
        "the number k of linear layers, the top ones, that are drawn anew", least=1, whole=True
    )

    def start(
        self, encoder: nn.Module, inputs: Inputs, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        linear = _used_layers(encoder, inputs)
        if len(linear) < self.strength:
            raise ValueError(
                f"{self.name} draws {self.strength:g} linear layer(s) anew, but encoder"
                f" {type(encoder).__name__} has {len(linear)}; use an encoder with torch.nn.Linear"
                " layers, or another method"
            )
        started = copies(encoder, len(generators))
        for name, layer in linear[-int(self.strength) :]:
            limit = 1 / math.sqrt(layer.in_features)
            for key in (f"{name}.{own}" for own, _ in layer.named_parameters()):
                drawn = uniform(limit, started[key].shape[1:], generators)
                started[key] = drawn.to(started[key].dtype)
        return started


def _used_layers(encoder: nn.Module, inputs: Inputs) -> list[tuple[str, nn.Linear]]:
    """Linear layers by name, from the lowest up, on which features depend."""
    layers = {
        name: module for name, module in encoder.named_modules() if isinstance(module, nn.Linear)
    }
    if stackable(encoder) or not layers:
        return list(layers.items())
    weights = {f"{name}.weight": layer.weight.detach() for name, layer in layers.items()}
    for weight in weights.values():
        weight.requires_grad_(True)
    features = functional_call(encoder, weights, (rows(inputs, torch.arange(2)),))
    slopes = torch.autograd.grad(features.sum(), list(weights.values()), allow_unused=True)
    return [layer for layer, slope in zip(layers.items(), slopes, strict=True) if slope is not None]
