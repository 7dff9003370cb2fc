"""Self unsupervised re-training."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from tuning.encoders import TokenEncoder
from tuning.methods.method import Method, register

STEPS, BATCH, HIDDEN, RATE = 100, 16, 0.25, 3e-3


@register
@dataclass(frozen=True)
class SelfUnsupervised(Method):
    """Masked reconstruction of the task's own inputs, without labels, before fine-tuning (Fu, So & Collier, 2023).

    Adam with a cosine schedule, as in pre-training; a replica that does not see a sample does not see its input either.
    """

    weight: float = STEPS
    name: ClassVar[str] = "self_unsupervised"
    summary: ClassVar[str] = "re-trains the encoder without labels on the task's own inputs, then fine-tunes (SURT)"
    formula: ClassVar[str] = "w_0 ← argmin-ward of −Σ ln p_w(x_hidden | x_visible) over the task's inputs"
    source: ClassVar[str] = "Fu, So & Collier (2023, arXiv:2301.09820)"

    def start(self, encoder: TokenEncoder, inputs: Tensor, seen: Tensor, generators: list[torch.Generator]) -> dict[str, Tensor] | None:
        decoder = encoder.decoder(seed=0).double()
        own = {f"encoder.{key}": value for key, value in encoder.named_parameters()}
        own |= {f"decoder.{key}": value for key, value in decoder.named_parameters()}
        weights = {key: value.detach().double().expand(len(generators), *value.shape).clone() for key, value in own.items()}

        def loss(w: dict[str, Tensor], tokens: Tensor, hidden: Tensor, counted: Tensor) -> Tensor:
            visible = tokens.masked_fill(hidden, encoder.mask_token)
            states = Hidden(encoder)
            inner = functional_call(states, {f"encoder.{key[8:]}": v for key, v in w.items() if key.startswith("encoder.")}, (visible,))
            logits = functional_call(decoder, {key[8:]: v for key, v in w.items() if key.startswith("decoder.")}, (inner,))
            entropy = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
            chosen = (counted[:, None] * hidden).flatten()
            return (entropy * chosen).sum() / chosen.sum().clamp(min=1)

        slope = vmap(grad(loss))
        first = {key: torch.zeros_like(value) for key, value in weights.items()}
        second = {key: torch.zeros_like(value) for key, value in weights.items()}
        total = int(self.weight)
        for step in range(total):
            drawn = torch.stack([torch.randint(len(inputs), (BATCH,), generator=each) for each in generators])
            batch = inputs[drawn]
            draws = torch.stack([torch.rand(batch.shape[1:], generator=each) for each in generators])
            hidden = (draws < HIDDEN) | (draws == draws.amin(dim=-1, keepdim=True))
            slopes = slope(weights, batch, hidden, seen.gather(1, drawn))
            rate = RATE * (1 + torch.cos(torch.tensor(torch.pi * step / total)).item()) / 2
            for key, value in slopes.items():
                first[key] = 0.9 * first[key] + 0.1 * value
                second[key] = 0.999 * second[key] + 0.001 * value.square()
                mean, spread = first[key] / (1 - 0.9 ** (step + 1)), second[key] / (1 - 0.999 ** (step + 1))
                weights[key] = weights[key] - rate * mean / (spread.sqrt() + 1e-8)
        return {key[8:]: value for key, value in weights.items() if key.startswith("encoder.")}


class Hidden(nn.Module):
    """The encoder's hidden states as a module's output."""

    def __init__(self, encoder: TokenEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: Tensor) -> Tensor:
        return self.encoder.hidden(tokens)
