"""Pre-training of token encoders without labels: hide some tokens, reconstruct them from the rest."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from tuning import arguments
from tuning.threads import threads_for


class MaskedEncoder(Protocol):
    """What masked reconstruction asks of a module; a `TokenEncoder` has it, and so can any torch module.

    Attributes
    ----------
    vocabulary : int
        Number of tokens; inputs hold 0..vocabulary − 1.
    length : int
        Tokens in a sequence.
    mask_token : int
        What stands for a hidden token, for example `vocabulary`.
    """

    vocabulary: int
    length: int
    mask_token: int

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the decoder reads, for tokens (batch, length)."""

    def decoder(self, *, seed: int = 0) -> nn.Module:
        """A fresh map from `hidden` to logits (batch, length, vocabulary)."""


@dataclass(frozen=True, eq=False)
class Pretraining:
    """A pre-trained encoder and how it got there.

    Attributes
    ----------
    encoder : Module
        A trained copy; the one that was given is unchanged.
    decoder : Module
        The map from hidden states to token logits that was trained with it; hand it on to continue the training.
    losses : (steps,) float64
        Mean cross-entropy, in nats, of the hidden tokens of each batch, before its step.
    guessing : float
        Cross-entropy of guessing by the tokens' frequencies alone: what an encoder that ignores context can reach.
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

    Each step draws a batch of sequences, replaces each token by the mask token with probability `hidden_share` (at least
    one in every sequence), and takes one step of Adam on the mean cross-entropy −ln p(token) over the hidden positions;
    the step size falls to zero along a cosine.

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
        Of the batches, the masks and the fresh decoder. The same arguments give the same encoder on the same machine.

    Returns
    -------
    Pretraining

    Raises
    ------
    ValueError, TypeError
        For tokens of another length or outside the vocabulary, a module that lacks something, and any argument outside its range.
    """
    _check(encoder)
    sequences = _sequences(tokens, encoder)
    total, batch = arguments.integer("steps", steps, 1), arguments.integer("batch_size", batch_size, 1)
    share, rate = arguments.positive("hidden_share", hidden_share), arguments.positive("learning_rate", learning_rate)
    if share >= 1:
        raise ValueError(f"hidden_share must be below 1, got {share}; some tokens must stay visible")
    generator = torch.Generator().manual_seed(arguments.integer("seed", seed, 0))
    trained = copy.deepcopy(encoder)
    reader = encoder.decoder(seed=seed) if decoder is None else copy.deepcopy(decoder)
    reader.to(next(trained.parameters()))
    place = next(trained.parameters()).device
    optimiser = torch.optim.Adam([*trained.parameters(), *reader.parameters()], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    losses = np.empty(total)
    with threads_for(sum(parameter.numel() for parameter in encoder.parameters())):
        for step in tqdm(range(total), desc="pre-training", unit="step", delay=2, disable=None):
            chosen = sequences[torch.randint(len(sequences), (batch,), generator=generator)]
            hidden = _mask(chosen.shape, share, generator)
            visible = chosen.masked_fill(hidden, encoder.mask_token).to(place)
            logits = reader(trained.hidden(visible))[hidden.to(place)]
            loss = nn.functional.cross_entropy(logits, chosen[hidden].to(place))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses[step] = loss.item()
            if not np.isfinite(losses[step]):
                raise FloatingPointError(f"the loss is no longer finite at step {step}; lower learning_rate={rate:g}")
    return Pretraining(trained, reader, losses, _guessing(sequences, encoder.vocabulary))


def _check(encoder: Any) -> None:
    asked = ("vocabulary", "length", "mask_token", "hidden", "decoder")
    missing = [name for name in asked if not hasattr(encoder, name)]
    if not isinstance(encoder, nn.Module) or missing:
        lacks = f"lacks {', '.join(missing)}" if missing else "is no torch module"
        raise TypeError(f"encoder {type(encoder).__name__} {lacks}; see tuning.MaskedEncoder for what reconstruction needs")


def _mask(shape: torch.Size, share: float, generator: torch.Generator) -> Tensor:
    """Positions to hide, (batch, length), at least one in every sequence."""
    draws = torch.rand(shape, generator=generator)
    return (draws < share) | (draws == draws.amin(dim=1, keepdim=True))


def _guessing(sequences: Tensor, vocabulary: int) -> float:
    shares = torch.bincount(sequences.flatten(), minlength=vocabulary).double() / sequences.numel()
    return float(torch.special.entr(shares).sum())


def _sequences(tokens: ArrayLike | Tensor, encoder: MaskedEncoder) -> Tensor:
    array = np.asarray(tokens.detach().cpu() if isinstance(tokens, Tensor) else tokens)
    if array.dtype.kind not in "iu":
        raise TypeError(f"tokens must hold integers, got dtype {array.dtype}")
    if array.ndim != 2 or array.shape[1] != encoder.length or not len(array):
        raise ValueError(f"tokens must have shape (N, {encoder.length}) for this encoder, got {array.shape}")
    if array.min() < 0 or array.max() >= encoder.vocabulary:
        raise ValueError(f"tokens must lie in [0, {encoder.vocabulary}) for this encoder, got {array.min()}..{array.max()}")
    return torch.as_tensor(array.astype(np.int64))
