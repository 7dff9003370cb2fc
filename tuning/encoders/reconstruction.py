"""Masked reconstruction: what it asks of an encoder, which tokens are hidden, and its loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tunebound._ground import checks


class MaskedEncoder(Protocol):
    """What masked reconstruction asks of a module; a `TokenEncoder` has it, and so can any torch
    module.

    Attributes
    ----------
    vocabulary : int
        Number of tokens; inputs hold 0..vocabulary − 1.
    length : int
        Tokens in a sequence.
    mask_token : int
        What stands for a hidden token, for example `vocabulary`.

    Notes
    -----
    Where sequences have padding or special tokens, two more are used if they are there: the number
    ``padding``, after which sequences may be shorter than `length`, and columns that hold nothing
    else in a batch are cut off its end; and the method ``maskable(tokens)``, which tells the tokens
    that may be hidden, (batch, length) bool. `MaskedLanguageEncoder` has both.
    """

    vocabulary: int
    length: int
    mask_token: int

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the decoder reads, for tokens (batch, length)."""

    def decoder(self, *, seed: int = 0) -> nn.Module:
        """A fresh map from `hidden` to logits (batch, length, vocabulary)."""


def check_encoder(encoder: Any) -> None:
    """Refuse what is no torch module with parameters, or lacks something that `MaskedEncoder` asks
    for.
    """
    asked = ("vocabulary", "length", "mask_token", "hidden", "decoder")
    missing = [name for name in asked if not hasattr(encoder, name)]
    kind = type(encoder).__name__
    if not isinstance(encoder, nn.Module) or missing:
        lacks = f"lacks {', '.join(missing)}" if missing else "is no torch module"
        raise TypeError(
            f"encoder {kind} {lacks}; see tuning.MaskedEncoder for what reconstruction needs"
        )
    for name, least in (("vocabulary", 2), ("length", 1), ("mask_token", 0)):
        checks.whole_number(f"encoder.{name}", getattr(encoder, name), low=least)
    for name in ("hidden", "decoder"):
        if not callable(getattr(encoder, name)):
            raise TypeError(
                f"encoder.{name} of {kind} must be a method; see tuning.MaskedEncoder for what"
                " reconstruction needs"
            )
    if not any(parameter.requires_grad for parameter in encoder.parameters()):
        raise ValueError(
            f"encoder {kind} has no parameter that requires a gradient; unfreeze those that are to"
            " be trained"
        )


def sequences(name: str, tokens: ArrayLike | Tensor, encoder: MaskedEncoder) -> Tensor:
    """Token sequences (N, length) as int64, or an error that names the argument."""
    array = checks.as_array(name, tokens)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}; pass token ids")
    shorter = getattr(encoder, "padding", None) is not None
    if (
        array.ndim != 2
        or not array.size
        or array.shape[1] > encoder.length
        or (array.shape[1] < encoder.length and not shorter)
    ):
        raise ValueError(
            f"{name} must have shape (N, {'at most ' if shorter else ''}{encoder.length}) for this"
            f" encoder, got {array.shape}; pad or cut sequences to it"
        )
    if array.min() < 0 or array.max() >= encoder.vocabulary:
        raise ValueError(
            f"{name} must lie in [0, {encoder.vocabulary}) for this encoder, got"
            f" {array.min()}..{array.max()}; map unknown tokens to one that it knows"
        )
    return torch.as_tensor(array.astype(np.int64))


def maskable(tokens: Tensor, encoder: MaskedEncoder) -> Tensor:
    """Tokens (N, length) that may be hidden, bool; all, where the encoder does not tell."""
    told = getattr(encoder, "maskable", None)
    allowed: Tensor = torch.ones_like(tokens, dtype=torch.bool) if told is None else told(tokens)
    if allowed.shape != tokens.shape or allowed.dtype != torch.bool:
        raise ValueError(
            f"encoder.maskable must return bool of shape {tuple(tokens.shape)}, got"
            f" {allowed.dtype} of {tuple(allowed.shape)}"
        )
    return allowed


def without_padding(tokens: Tensor, encoder: MaskedEncoder) -> Tensor:
    """Tokens (batch, length) without the last columns that hold padding only."""
    padding = getattr(encoder, "padding", None)
    if padding is None:
        return tokens
    kept = torch.nonzero((tokens != padding).any(dim=0))
    return tokens[:, : int(kept.max()) + 1]


def hidden_positions(
    shape: torch.Size | tuple[int, int],
    share: float,
    generator: torch.Generator,
    allowed: Tensor | None = None,
) -> Tensor:
    """Positions to hide, (batch, length), each with probability `share` where it is allowed, by
    default everywhere; at least one in every sequence that allows one.
    """
    draws = torch.rand(shape, generator=generator)
    if allowed is None:
        return (draws < share) | (draws == draws.amin(dim=1, keepdim=True))
    draws = draws.masked_fill(~allowed, 1.0)  # draws are below 1
    return allowed & ((draws < share) | (draws == draws.amin(dim=1, keepdim=True)))


def reconstruction_loss(
    predict: Callable[[Tensor], Tensor],
    tokens: Tensor,
    hidden: Tensor,
    encoder: MaskedEncoder,
    counted: Tensor | None = None,
) -> Tensor:
    """Mean cross-entropy −ln p(token) over hidden tokens, in nats.

    Parameters
    ----------
    predict : callable
        From tokens (batch, length) to logits (batch, length, vocabulary).
    tokens : (batch, length) Tensor
    hidden : (batch, length) bool Tensor
        Tokens that `predict` sees as the mask token.
    encoder : MaskedEncoder
        Names the mask token and the size of the vocabulary.
    counted : (batch,) Tensor, optional
        Weight of each sequence, at least 0; all 1 by default. The loss is 0 if no sequence counts.
    """
    logits = predict(tokens.masked_fill(hidden, encoder.mask_token))
    if logits.shape != (*tokens.shape, encoder.vocabulary):
        raise ValueError(
            f"decoder must return logits {(*tokens.shape, encoder.vocabulary)} (batch, length,"
            f" vocabulary), got {tuple(logits.shape)}; pass the decoder that belongs to this"
            " encoder"
        )
    if counted is None:
        return nn.functional.cross_entropy(logits[hidden], tokens[hidden])
    entropy = nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
    chosen = (counted[:, None] * hidden).flatten()
    return (entropy * chosen).sum() / chosen.sum().clamp(min=1)
