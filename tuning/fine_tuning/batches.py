"""Checks of a batch in anybody's training loop: pooled features, and the label that counts in
nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tunebound._ground import checks

# What torch.nn.functional.cross_entropy passes over, and tokenizers' collators write.
IGNORED = -100

HOW_TO_POOL = (
    "pool it first to one vector a sample, for example by last_hidden_state[:, 0] or by its mean"
    " over the tokens that attention_mask keeps"
)


def ignored_label(value: object) -> int:
    """The checked `ignore_index`, an integer of either sign."""
    return checks.whole_number(
        "ignore_index", value, low=-(2**63), remedy="it is the label of samples that do not count"
    )


def require_pooled(features: object, d: int | None = None) -> None:
    """Refuse what is no floating-point tensor (batch, d), and say how to pool it."""
    if not isinstance(features, Tensor):
        raise TypeError(
            f"features must be a tensor of shape (batch, d), got {type(features).__name__}:"
            f" {HOW_TO_POOL}"
        )
    if features.layout != torch.strided:
        raise TypeError(f"features must be dense, got {features.layout}; pass features.to_dense()")
    if not torch.is_floating_point(features):
        raise TypeError(
            f"features must be floating-point, got {features.dtype}; pass what the encoder returns"
        )
    if features.ndim != 2 or (d is not None and features.shape[1] != d):
        raise ValueError(
            f"features must have shape (batch, {'d' if d is None else d}), got"
            f" {tuple(features.shape)}" + (f": {HOW_TO_POOL}" if features.ndim == 3 else "")
        )


def require_labels(labels: object, features: Tensor) -> None:
    """Refuse labels that are no dense tensor, one a sample and beside the features, and a batch
    without samples.
    """
    if not isinstance(labels, Tensor):
        raise TypeError(
            f"labels must be a tensor of shape (batch,), got {type(labels).__name__}; pass"
            " torch.as_tensor(labels)"
        )
    if labels.layout != torch.strided:
        raise TypeError(f"labels must be dense, got {labels.layout}; pass labels.to_dense()")
    if not len(features):
        raise ValueError("features must hold at least one sample, got none; skip empty batches")
    if labels.shape != features.shape[:1]:
        raise ValueError(
            f"labels must have shape ({len(features)},) to match features, got"
            f" {tuple(labels.shape)}; pass one class a sample"
        )
    require_together("labels", labels, "features", features)


def require_together(name: str, tensor: Tensor, other_name: str, other: Tensor) -> None:
    """Refuse tensors on two devices."""
    if tensor.device != other.device:
        raise ValueError(
            f"{name} are on {tensor.device}, {other_name} on {other.device}; move one of them,"
            f" as in {name}.to({str(other.device)!r})"
        )
