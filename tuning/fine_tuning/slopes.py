"""Gradients of all replicas: as one batched computation, or one replica after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, vmap

from tunebound.tuning.fine_tuning.iterate import Iterate

Slopes = Callable[..., tuple[Iterate, Tensor]]


def together(loss: Callable[..., tuple[Tensor, Tensor]]) -> Slopes:
    """Gradients (R, ...) in the first argument of one replica's loss, and what it returns beside
    it; all arguments have the replicas along the first axis of their tensors.
    """
    slopes: Slopes = vmap(grad(loss, has_aux=True))
    return slopes


def one_by_one(loss: Callable[..., tuple[Tensor, Tensor]]) -> Slopes:
    """The same for a loss that branches on values: every replica by itself."""
    slope = grad(loss, has_aux=True)

    def slopes(now: Iterate, *others: Any) -> tuple[Iterate, Tensor]:
        each = [
            slope(_replica(now, place), *(_replica(other, place) for other in others))
            for place in range(len(now.heads))
        ]
        found = [slope for slope, _ in each]
        return (
            Iterate(
                {key: torch.stack([s.parameters[key] for s in found]) for key in now.parameters},
                torch.stack([s.heads for s in found]),
                torch.stack([s.biases for s in found]),
            ),
            torch.stack([value for _, value in each]),
        )

    return slopes


def _replica(value: Any, place: int) -> Any:
    """The part of one replica, of a tensor (R, ...), a dict of them, or an iterate."""
    if isinstance(value, Tensor):
        return value[place]
    if isinstance(value, Iterate):
        return Iterate(*(_replica(part, place) for part in value))
    return {key: _replica(part, place) for key, part in value.items()}
