"""Self unsupervised re-training."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from tuning.encoders import TokenEncoder
from tuning.methods.method import Method, register

BATCH, HIDDEN, RATE = 16, 0.25, 3e-3
SEED = 0


@register
@dataclass(frozen=True)
class SelfUnsupervised(Method):
    """Masked reconstruction of the task's own inputs, without labels, before fine-tuning (Fu, So & Collier, 2023).

    Adam with a cosine schedule, as in pre-training. The re-trained encoder is a checkpoint that is made once: its batches and masks
    are the same for all seeds. A replica that does not see a sample does not see its input either.

    Attributes
    ----------
    weight : float
        Number of steps of re-training.
    decoder : Module, optional
        The map from hidden states to token logits that pre-training left; a fresh one otherwise.
    """

    weight: float = 100
    decoder: nn.Module | None = None
    name: ClassVar[str] = "self_unsupervised"
    summary: ClassVar[str] = "re-trains the encoder without labels on the task's own inputs, then fine-tunes (SURT)"
    formula: ClassVar[str] = "w_0 ← Adam on −mean ln p_w(x_hidden | x_visible), x from the task's inputs"
    source: ClassVar[str] = "Fu, So & Collier (2023, arXiv:2301.09820)"

    def start(self, encoder: TokenEncoder, inputs: Tensor, seen: Tensor, generators: list[torch.Generator]) -> dict[str, Tensor] | None:
        samples, replica = torch.unique(seen, dim=0, return_inverse=True)  # replicas that see the same inputs share a start
        decoder = copy.deepcopy(encoder.decoder(seed=SEED) if self.decoder is None else self.decoder).double()
        names = {"encoder": encoder, "decoder": decoder}
        weights = {
            f"{part}.{key}": value.detach().double().expand(len(samples), *value.shape).clone()
            for part, module in names.items()
            for key, value in module.named_parameters()
        }

        def loss(w: dict[str, Tensor], tokens: Tensor, hidden: Tensor, counted: Tensor) -> Tensor:
            visible = tokens.masked_fill(hidden, encoder.mask_token)
            inner = functional_call(_Hidden(encoder), {key: value for key, value in w.items() if key.startswith("encoder.")}, (visible,))
            read = {key.removeprefix("decoder."): value for key, value in w.items() if key.startswith("decoder.")}
            logits = functional_call(decoder, read, (inner,))
            entropy = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
            chosen = (counted[:, None] * hidden).flatten()
            return (entropy * chosen).sum() / chosen.sum().clamp(min=1)

        slope = vmap(grad(loss), in_dims=(0, None, None, 0))
        generator = torch.Generator().manual_seed(SEED)
        first = {key: torch.zeros_like(value) for key, value in weights.items()}
        second = {key: torch.zeros_like(value) for key, value in weights.items()}
        total = int(self.weight)
        for step in range(total):
            drawn = torch.randint(len(inputs), (BATCH,), generator=generator)
            draws = torch.rand(BATCH, inputs.shape[1], generator=generator)
            hidden = (draws < HIDDEN) | (draws == draws.amin(dim=1, keepdim=True))
            rate = RATE * (1 + math.cos(math.pi * step / total)) / 2
            for key, value in slope(weights, inputs[drawn], hidden, samples[:, drawn]).items():
                first[key] = 0.9 * first[key] + 0.1 * value
                second[key] = 0.999 * second[key] + 0.001 * value.square()
                mean, spread = first[key] / (1 - 0.9 ** (step + 1)), second[key] / (1 - 0.999 ** (step + 1))
                weights[key] = weights[key] - rate * mean / (spread.sqrt() + 1e-8)
        return {key.removeprefix("encoder."): value[replica] for key, value in weights.items() if key.startswith("encoder.")}


class _Hidden(nn.Module):
    """The encoder's hidden states as a module's output."""

    def __init__(self, encoder: TokenEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: Tensor) -> Tensor:
        return self.encoder.hidden(tokens)
