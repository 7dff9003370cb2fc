"""Re-training without labels before fine-tuning: on the task's own inputs, or on further ones."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from tqdm import tqdm

from tunebound.tuning.encoders.reconstruction import (
    hidden_positions,
    reconstruction_loss,
    sequences,
)
from tunebound.tuning.encoders.retraining import BATCH_SIZE, HIDDEN_SHARE, LEARNING_RATE, STEPS
from tunebound.tuning.encoders.tokens import TokenEncoder
from tunebound.tuning.fine_tuning.encoding import Inputs
from tunebound.tuning.fine_tuning.methods.method import (
    Method,
    StrengthRange,
    copies,
    register_method,
)
from tunebound.tuning.fine_tuning.optimisers import make_optimiser

SEED = 0


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
    claims = "leave-one-out"
    strengths = (25, 50, 100, 200, 400)
    strength_range = StrengthRange("the number of steps of re-training", least=1, whole=True)

    def passes(self, steps: int) -> int:
        return int(self.strength) + steps  # re-training counts as well

    def start(
        self, encoder: nn.Module, inputs: Inputs, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        return self.retrained(encoder, inputs, seen)

    def retrained(self, encoder: nn.Module, inputs: Any, seen: Tensor) -> dict[str, Tensor]:
        """Parameters (R, ...) after re-training on the inputs (n, length) that each replica may
        read, where `seen` (R, n) is 1.
        """
        encoder = self.reconstructible(encoder)
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
        optimiser = make_optimiser("adam")
        for step, (drawn, hidden) in enumerate(_batches(inputs, int(self.strength)), start=1):
            rate = LEARNING_RATE * (1 + math.cos(math.pi * (step - 1) / self.strength)) / 2
            slopes = slope(parameters, inputs[drawn], hidden, samples[:, drawn])
            parameters |= optimiser.moved(
                {key: slopes[key] for key in trained}, parameters, dict.fromkeys(trained, rate)
            )
        return {
            key.removeprefix("encoder."): value[replica]
            for key, value in parameters.items()
            if key.startswith("encoder.")
        }

    def reconstructible(self, encoder: nn.Module) -> TokenEncoder:
        """The encoder, or an error: re-training by itself is for a `TokenEncoder` alone."""
        if not isinstance(encoder, TokenEncoder):
            raise TypeError(
                f"{self.name} re-trains a TokenEncoder, got {type(encoder).__name__}; call"
                " tuning.self_unsupervised_retraining first and fine-tune the encoder it returns"
            )
        return encoder


@register_method
@dataclass(frozen=True)
class SelfUnsupervisedCommon(SelfUnsupervised):
    """The same re-training, once on *all* inputs of the task for every replica, also for one that
    tunes without a sample: runs with and without it start from one w_0, as the theory compares
    them. The start has read the left-out sample's tokens; labels never enter it.
    """

    name = "self_unsupervised_common"
    summary = "re-trains once on all inputs, also for runs without a sample, then fine-tunes (SURT)"
    formula = "w_0 ← Adam on −mean ln p_w(x_hidden | x_visible), x from all of the task's inputs"

    def start(
        self, encoder: nn.Module, inputs: Inputs, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        return self.retrained(encoder, inputs, torch.ones_like(seen))


@register_method
@dataclass(frozen=True)
class FurtherPretraining(SelfUnsupervised):
    """Masked reconstruction of further inputs of the task's kind, without labels, before
    fine-tuning (Gururangan et al., 2020); the same for all replicas. The task's own inputs are not
    read.

    Attributes
    ----------
    strength : float
        Number of steps of further pre-training.
    corpus : (N, length) integers
        The further inputs; there is no default. Methods that differ in it alone are equal.
    """

    corpus: ArrayLike | Tensor | None = field(default=None, compare=False, repr=False)
    name = "further_pretraining"
    summary = "pre-trains the encoder further on other inputs of the task's kind, then fine-tunes"
    formula = "w_0 ← Adam on −mean ln p_w(x_hidden | x_visible), x from a corpus of the same kind"
    source = "Gururangan et al. (2020, arXiv:2004.10964)"
    claims = "accuracy"
    strength_range = StrengthRange("the number of steps of pre-training", least=1, whole=True)

    def start(
        self, encoder: nn.Module, inputs: Inputs, seen: Tensor, generators: list[torch.Generator]
    ) -> dict[str, Tensor] | None:
        if self.corpus is None:
            raise ValueError(
                f"{self.name} has no corpus to read; give it one with"
                " dataclasses.replace(method, corpus=tokens)"
            )
        corpus = sequences("corpus", self.corpus, self.reconstructible(encoder))
        return self.retrained(encoder, corpus, seen.new_ones(len(seen), len(corpus)))


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
