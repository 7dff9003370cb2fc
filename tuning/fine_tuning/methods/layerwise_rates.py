"""Layer-wise step sizes."""

from dataclasses import dataclass

from torch import nn

from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    RateFactors,
    StrengthRange,
    register_method,
)


@register_method
@dataclass(frozen=True)
class LayerwiseRates(Method):
    """The head moves with η, each layer below with the step size of the one above it divided by
    2.6, the embedding last (Howard & Ruder, 2018).
    """

    strength: float = 2.6
    name = "layerwise_rates"
    summary = "divides the step size by 2.6 from each layer to the one below it (LLRD)"
    formula = "η_l = η/s^l for the l-th layer below the head, s = 2.6"
    source = "Howard & Ruder (2018, arXiv:1801.06146)"
    claims = "accuracy"
    strengths = (1.05, 1.2, 1.6, 2.6, 5.0)
    strength_range = StrengthRange(
        "what the step size is divided by from a layer to the one below it", least=1
    )

    def rate_factors(self, encoder: nn.Module, step: int, steps: int) -> RateFactors:
        layers = _layers(encoder)[::-1]
        return RateFactors(
            encoder={
                key: self.strength**-below
                for below, keys in enumerate(layers, start=1)
                for key in keys
            }
        )


def _layers(encoder: nn.Module) -> tuple[tuple[str, ...], ...]:
    layers: tuple[tuple[str, ...], ...] = getattr(encoder, "parameter_layers", ())
    missing = {key for key, _ in encoder.named_parameters()} - {
        key for keys in layers for key in keys
    }
    if missing:
        raise TypeError(
            f"layerwise_rates needs to know the layers of encoder {type(encoder).__name__}: give it"
            " parameter_layers, tuples of the names of its parameters from the lowest layer up;"
            f" {len(missing)} are in none, such as {min(missing)}"
        )
    return layers
