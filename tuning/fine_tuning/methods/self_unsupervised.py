"""Self unsupervised re-training."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from tqdm import tqdm

from tunebound.tuning.encoders.reconstruction import hidden_positions, reconstruction_loss
from tunebound.tuning.encoders.retraining import BATCH_SIZE, HIDDEN_SHARE, LEARNING_RATE, STEPS
from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    StrengthRange,
    copies,
    register_method,
)

SEED = 0
MEAN, SPREAD, TINY = 0.9, 0.999, 1e-8  # Adam's usual constants


@register_method
@dataclass(frozen=True)
class SelfUnsupervised(Method):
    """Masked reconstruction of the task's own inputs, without labels, before fine-tuning (Fu, So &
    Collier, 2023).

    Adam with a cosine schedule, as in pre-training. The re-trained encoder is a checkpoint that is
    made once: its batches and masks are the same for all seeds. A replica that does not see a
    sample does not see its input either.

    Attributes
    ----------
    strength : float
        Number of steps of re-training.
    decoder : Module, optional
        The map from hidden states to token logits that pre-training left; a fresh one otherwise.
    """

    strength: float = STEPS
    decoder: nn.Module | None = None
    name = "self_unsupervised"
    summary = (
        "re-trains the encoder without labels on the task's own inputs, then fine-tunes (SURT)"
    )
    formula = "w_0 ← Adam on −mean ln p_w(x_hidden | x_visible), x from the task's inputs"
    source = "Fu, So & Collier (2023, arXiv:2301.09820)"
    strength_range = StrengthRange("the number of steps of re-training", least=1, whole=True)

    def passes(self, steps: int) -> int:
        return int(self.strength) + steps  # re-training counts as well

    def start(
        self, encoder: TokenEncoder, inputs: Tensor, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        # replicas that see the same inputs share a start
        samples, replica = torch.unique(seen, dim=0, return_inverse=True)
        decoder = copy.deepcopy(
            encoder.decoder(seed=SEED) if self.decoder is None else self.decoder
        )
        model = _Reconstruction(encoder, decoder.to("cpu", torch.float64))
        parameters = copies(model, len(samples))
        trained = [key for key, value in model.named_parameters() if value.requires_grad]

        def loss(w: dict[str, Tensor], tokens: Tensor, hidden: Tensor, counted: Tensor) -> Tensor:
            return reconstruction_loss(
                lambda visible: functional_call(model, w, (visible,)),
                tokens,
                hidden,
                encoder,
                counted,
            )

        slope = vmap(grad(loss), in_dims=(0, None, None, 0))
        mean, spread = (
            {key: torch.zeros_like(parameters[key]) for key in trained} for _ in range(2)
        )
        for step, (drawn, hidden) in enumerate(_batches(inputs, int(self.strength)), start=1):
            rate = LEARNING_RATE * (1 + math.cos(math.pi * (step - 1) / self.strength)) / 2
            slopes = slope(parameters, inputs[drawn], hidden, samples[:, drawn])
            for key in trained:
                mean[key] = MEAN * mean[key] + (1 - MEAN) * slopes[key]
                spread[key] = SPREAD * spread[key] + (1 - SPREAD) * slopes[key].square()
                size = (spread[key] / (1 - SPREAD**step)).sqrt() + TINY
                parameters[key] = parameters[key] - rate * (mean[key] / (1 - MEAN**step)) / size
        return {
            key.removeprefix("encoder."): value[replica]
            for key, value in parameters.items()
            if key.startswith("encoder.")
        }


def _batches(inputs: Tensor, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices of inputs and which of their tokens are hidden, the same whoever asks."""
    generator = torch.Generator().manual_seed(SEED)
    for _ in tqdm(range(steps), desc="re-training", unit="step", delay=2, disable=None):
        drawn = torch.randint(len(inputs), (BATCH_SIZE,), generator=generator)
        yield drawn, hidden_positions((BATCH_SIZE, inputs.shape[1]), HIDDEN_SHARE, generator)


class _Reconstruction(nn.Module):
    """Logits of tokens from visible ones."""

    def __init__(self, encoder: TokenEncoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.decoder(self.encoder.hidden(tokens))
        return logits
