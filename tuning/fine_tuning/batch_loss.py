"""The loss of a batch that all methods share."""

from __future__ import annotations

import torch
from torch import Tensor

from tunebound.tuning.fine_tuning.methods.method import ReplicaState


def batch_loss(state: ReplicaState, features: Tensor) -> Tensor:
    """Mean over heads, and over the samples that count, of the logistic loss ln(1 + exp(−y·logit));
    0 without any.

    Parameters
    ----------
    state : ReplicaState
        Its heads, labels, dropout and what counts.
    features : (batch, features) Tensor
        Before dropout: the state's own, or those of inputs that were moved.
    """
    logits = (features * state.keep) @ state.heads.T + state.biases
    each = torch.nn.functional.softplus(-state.labels[:, None] * logits)
    counted = state.counted
    return ((counted[:, None] * each).sum(dim=0) / counted.sum().clamp(min=1)).mean()
