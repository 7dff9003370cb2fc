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

    def slopes(now: Iterate, *others: Any) -> tuple[Iterate, Tensor]:
        each = [
            _slope(loss, _replica(now, place), *(_replica(other, place) for other in others))
            for place in range(len(now.heads))
        ]
        found = [slope for slope, _ in each]
        return (
            Iterate(
                {key: _stacked([s.parameters[key] for s in found]) for key in now.parameters},
                _stacked([s.heads for s in found]),
                _stacked([s.biases for s in found]),
            ),
            _stacked([value for _, value in each]),
        )

    return slopes


def _slope(
    loss: Callable[..., tuple[Tensor, Tensor]], now: Iterate, *others: Any
) -> tuple[Iterate, Tensor]:
    """The gradient of one replica, by plain backpropagation, which has less to do for each
    operation than `torch.func.grad`.
    """
    given = (*now.parameters.values(), now.heads, now.biases)
    leaves = [value.detach().requires_grad_() for value in given]
    at = Iterate(dict(zip(now.parameters, leaves, strict=False)), *leaves[-2:])
    total, beside = loss(at, *others)
    slopes = torch.autograd.grad(total, leaves, materialize_grads=True)
    return (
        Iterate(dict(zip(now.parameters, slopes, strict=False)), *slopes[-2:]),
        beside.detach(),
    )


def _stacked(values: list[Tensor]) -> Tensor:
    """All replicas along the first axis; a view where there is one."""
    return values[0][None] if len(values) == 1 else torch.stack(values)


def _replica(value: Any, place: int) -> Any:
    """The part of one replica, of a tensor (R, ...), a dict of them, or an iterate."""
    if isinstance(value, Tensor):
        return value[place]
    if isinstance(value, Iterate):
        return Iterate(*(_replica(part, place) for part in value))
    return {key: _replica(part, place) for key, part in value.items()}
