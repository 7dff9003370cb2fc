"""Pre-training of token encoders without labels: hide some tokens, reconstruct them from the
rest.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
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
    maskable,
    reconstruction_loss,
    sequences,
    without_padding,
)
from tunebound.tuning.encoders.tokens import LARGEST_SEED
from tunebound.tuning.threads import threads_for

LARGEST_RATE = 1e37  # Adam's first step multiplies it by 10, and float32 ends at 3e38
DECODER_RATE = 1e-3  # Adam's usual step size, for a decoder that is learnt alone


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
        Cross-entropy of guessing by the frequencies of the tokens that may be hidden: what an
        encoder that ignores context can reach.
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
    decoder_steps: int = 0,
    left_out: int | None = None,
    seed: int = 0,
) -> Pretraining:
    """Train a copy of the encoder by masked reconstruction.

    Each step draws a batch of sequences, replaces each token by the mask token with probability
    `hidden_share` (at least one in every sequence), and takes one step of Adam on the mean
    cross-entropy −ln p(token) over the hidden positions; the step size falls to zero along a
    cosine. Padding and special tokens that the encoder tells of are never hidden.

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
    decoder_steps : int
        Steps before, at least 0, in which the decoder alone learns, by Adam with step size 10⁻³.
        They are not in `losses`.
    left_out : int, optional
        A sequence that counts in nothing: batches and masks stay those of all sequences, so that
        two runs differ by this one alone. Without its row in `tokens` every batch would be another.
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
    first = checks.whole_number("decoder_steps", decoder_steps, low=0, high=checks.COUNTABLE)
    batch = checks.whole_number("batch_size", batch_size, low=1)
    share = checks.real_number(
        "hidden_share", hidden_share, above=0, below=1, remedy="some tokens must stay visible"
    )
    rate = checks.real_number("learning_rate", learning_rate, above=0, high=LARGEST_RATE)
    if decoder is not None and not isinstance(decoder, nn.Module):
        raise TypeError(
            f"decoder must be a torch module or None, got {type(decoder).__name__}; pass"
            " Pretraining.decoder"
        )
    allowed = maskable(corpus, encoder)
    if not allowed.any(dim=1).all():
        place = int(torch.nonzero(~allowed.any(dim=1))[0])
        raise ValueError(
            f"tokens: sequence {place} holds nothing but padding and special tokens, so nothing of"
            " it can be hidden; leave it out"
        )
    kept = torch.ones(len(corpus), dtype=torch.bool)
    if left_out is not None:
        remedy = "it is the place of a sequence, and another one has to be left"
        gone = checks.whole_number("left_out", left_out, low=0, high=len(corpus) - 1, remedy=remedy)
        if len(corpus) < 2:
            raise ValueError(f"left_out={gone}: tokens hold no other sequence; pass at least two")
        kept[gone] = allowed[gone] = False
    number = checks.whole_number("seed", seed, low=0, high=LARGEST_SEED)
    generator = torch.Generator().manual_seed(number)
    trained = copy.deepcopy(encoder)
    reader = encoder.decoder(seed=seed) if decoder is None else copy.deepcopy(decoder)
    reader.to(next(trained.parameters()))
    device = next(trained.parameters()).device

    def loss() -> Tensor:
        drawn = torch.randint(len(corpus), (batch,), generator=generator)
        chosen = without_padding(corpus[drawn], encoder)
        hidden = hidden_positions(chosen.shape, share, generator, maskable(chosen, encoder))
        counted = kept[drawn]
        return reconstruction_loss(
            lambda visible: reader(trained.hidden(visible)),
            chosen.to(device),
            hidden.to(device),
            encoder,
            # weights would cost time where all count
            None if counted.all() else counted.to(device),
        )

    with threads_for(sum(parameter.numel() for parameter in encoder.parameters())):
        if first and any(True for _ in reader.parameters()):
            moving = [value for value in trained.parameters() if value.requires_grad]
            for value in moving:
                value.requires_grad_(False)
            _descend(loss, torch.optim.Adam(reader.parameters(), lr=DECODER_RATE), first, "decoder")
            for value in moving:
                value.requires_grad_(True)
        optimiser = torch.optim.Adam([*trained.parameters(), *reader.parameters()], lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
        losses = _descend(loss, optimiser, total, "pre-training", schedule.step)
    return Pretraining(
        encoder=trained,
        decoder=reader,
        losses=losses,
        guessing=_guessing(corpus[allowed], encoder.vocabulary),
    )


def _descend(
    loss: Callable[[], Tensor],
    optimiser: torch.optim.Optimizer,
    steps: int,
    name: str,
    after: Callable[[], None] = lambda: None,
) -> NDArray[np.float64]:
    """The losses before each step."""
    losses = np.empty(steps)
    for step in tqdm(range(steps), desc=name, unit="step", delay=2, disable=None):
        value = loss()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        after()
        losses[step] = value.item()
        if not np.isfinite(losses[step]):
            raise FloatingPointError(
                f"{name}: the loss is no longer finite at step {step}; lower"
                f" learning_rate={optimiser.defaults['lr']:g}"
            )
    return losses


def _guessing(tokens: Tensor, vocabulary: int) -> float:
    shares = torch.bincount(tokens, minlength=vocabulary).double() / tokens.numel()
    return float(torch.special.entr(shares).sum())
