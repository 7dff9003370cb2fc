"""Pre-training of token encoders without labels: hide some tokens, reconstruct them from the
rest.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning.encoders.reconstruction import (
    check_encoder,
    hidden_positions,
    reconstruction_loss,
    sequences,
)
from tunebound.tuning.encoders.tokens import LARGEST_SEED
from tunebound.tuning.threads import threads_for


@dataclass(frozen=True, eq=False, kw_only=True)
class Pretraining:
    """A pre-trained encoder and how it got there.

    Attributes
    ----------
    encoder : Module
        A trained copy; the one that was given is unchanged.
    decoder : Module
        The map from hidden states to token logits that was trained with it; hand it on to continue
        the training.
    losses : (steps,) float64
        Mean cross-entropy, in nats, of the hidden tokens of each batch, before its step.
    guessing : float
        Cross-entropy of guessing by the tokens' frequencies alone: what an encoder that ignores
        context can reach.
    """

    encoder: Any
    decoder: nn.Module
    losses: NDArray[np.float64]
    guessing: float


def pretrain(
    encoder: Any,
    tokens: ArrayLike | Tensor,
    *,
    steps: int = 1000,
    batch_size: int = 128,
    hidden_share: float = 0.25,
    learning_rate: float = 1e-2,
    decoder: nn.Module | None = None,
    seed: int = 0,
) -> Pretraining:
    """Train a copy of the encoder by masked reconstruction.

    Each step draws a batch of sequences, replaces each token by the mask token with probability
    `hidden_share` (at least one in every sequence), and takes one step of Adam on the mean
    cross-entropy −ln p(token) over the hidden positions; the step size falls to zero along a
    cosine.

    Parameters
    ----------
    encoder : Module with what `MaskedEncoder` asks for
        For example a `TokenEncoder`.
    tokens : (N, length) integers in [0, vocabulary)
        Unlabelled sequences.
    steps : int
        At least 1.
    batch_size : int
        Sequences drawn for a step, with replacement.
    hidden_share : float
        In (0, 1).
    learning_rate : float
        Adam's first step size.
    decoder : Module, optional
        From an earlier `Pretraining`, to continue it; a fresh one otherwise.
    seed : int
        Of the batches, the masks and the fresh decoder. The same arguments give the same encoder on
        the same machine.

    Returns
    -------
    Pretraining

    Raises
    ------
    ValueError, TypeError
        For tokens of another length or outside the vocabulary, a module that lacks something, and
        any argument outside its range.
    FloatingPointError
        If the loss stops being finite.
    """
    check_encoder(encoder)
    corpus = sequences("tokens", tokens, encoder)
    total = checks.whole_number("steps", steps, low=1)
    batch = checks.whole_number("batch_size", batch_size, low=1)
    share = checks.real_number(
        "hidden_share", hidden_share, above=0, below=1, remedy="some tokens must stay visible"
    )
    rate = checks.real_number("learning_rate", learning_rate, above=0)
    if decoder is not None and not isinstance(decoder, nn.Module):
        raise TypeError(
            f"decoder must be a torch module or None, got {type(decoder).__name__}; pass"
            " Pretraining.decoder"
        )
    number = checks.whole_number("seed", seed, low=0, high=LARGEST_SEED)
    generator = torch.Generator().manual_seed(number)
    trained = copy.deepcopy(encoder)
    reader = encoder.decoder(seed=seed) if decoder is None else copy.deepcopy(decoder)
    reader.to(next(trained.parameters()))
    device = next(trained.parameters()).device
    optimiser = torch.optim.Adam([*trained.parameters(), *reader.parameters()], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    losses = np.empty(total)
    with threads_for(sum(parameter.numel() for parameter in encoder.parameters())):
        for step in tqdm(range(total), desc="pre-training", unit="step", delay=2, disable=None):
            chosen = corpus[torch.randint(len(corpus), (batch,), generator=generator)]
            hidden = hidden_positions(chosen.shape, share, generator)
            loss = reconstruction_loss(
                lambda visible: reader(trained.hidden(visible)),
                chosen.to(device),
                hidden.to(device),
                encoder,
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses[step] = loss.item()
            if not np.isfinite(losses[step]):
                raise FloatingPointError(
                    f"the loss is no longer finite at step {step}; lower learning_rate={rate:g}"
                )
    return Pretraining(
        encoder=trained,
        decoder=reader,
        losses=losses,
        guessing=_guessing(corpus, encoder.vocabulary),
    )


def _guessing(corpus: Tensor, vocabulary: int) -> float:
    shares = torch.bincount(corpus.flatten(), minlength=vocabulary).double() / corpus.numel()
    return float(torch.special.entr(shares).sum())
