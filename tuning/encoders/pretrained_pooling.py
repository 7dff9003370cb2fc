"""From what an encoder returns to one feature vector a sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

OWN = "own"
POOLINGS = ("mean", "cls", "last", "max", OWN)


def pooled(states: Tensor, mask: Tensor | None, pooling: str) -> Tensor:
    """Features (batch, features) of the states (batch, length, features) of tokens.

    Parameters
    ----------
    states : (batch, length, features) Tensor
    mask : (batch, length) Tensor or None
        1 where a token counts, 0 where it is padding, on either side; None counts all.
    pooling : {"mean", "cls", "last", "max"}
        Of the tokens that count: their mean, the first, the last, the largest of each feature.
    """
    if mask is None:
        mask = torch.ones(states.shape[:2], device=states.device)
    if pooling == "mean":
        weights = mask.to(states.dtype)[..., None]
        return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
    if pooling == "max":
        return states.masked_fill(mask[..., None] == 0, -torch.inf).amax(dim=1)
    positions = torch.arange(mask.shape[1], device=mask.device)
    counted = positions.masked_fill(mask == 0, mask.shape[1] if pooling == "cls" else -1)
    chosen = counted.amin(dim=1) if pooling == "cls" else counted.amax(dim=1)
    return states.take_along_dim(chosen[:, None, None], dim=1).squeeze(1)


def states_of(output: Any, layer: int) -> Tensor:
    """The states (batch, length, features) of one layer in an encoder's output."""
    if layer != -1:
        states = getattr(output, "hidden_states", None)
        if states is None:
            raise ValueError(
                f"layer={layer}: the encoder returns its last layer only; pass layer=-1"
            )
        output = states[layer]
    elif isinstance(output, dict) and "token_embeddings" in output:
        output = output["token_embeddings"]
    else:
        output = getattr(output, "last_hidden_state", output)
    return _shaped(output, 3, 'has pooled its tokens already; pass pooling="own"')


def own_feature(output: Any) -> Tensor:
    """The features (batch, features) that an encoder has pooled itself."""
    if isinstance(output, dict) and "sentence_embedding" in output:
        output = output["sentence_embedding"]
    else:
        output = getattr(output, "pooler_output", output)
    return _shaped(output, 2, f"has not pooled its tokens; pass one of {POOLINGS[:-1]} as pooling")


def _shaped(value: Any, axes: int, otherwise: str) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim != axes:
        is_what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(type(value))
        raise ValueError(f"the encoder's output ({is_what}) {otherwise}")
    return value
