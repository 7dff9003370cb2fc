"""Fine-tuning of one replica as a plain loop: modules, autograd and an optimiser; only the random
numbers are those of the package.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn


@dataclass
class Trace:
    """Iterates after each step: encoder parameters (p,), heads (H, features) and biases (H,)."""

    encoders: list[np.ndarray] = field(default_factory=list)
    heads: list[np.ndarray] = field(default_factory=list)
    biases: list[np.ndarray] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def fine_tuning_loop(
    encoder,
    tokens,
    labels,
    *,
    seed,
    steps,
    rate,
    batch,
    dropout,
    heads=1,
    left_out=None,
    penalty=None,
    only_head=None,
):
    """Plain fine-tuning, step by step, with `penalty(model, features, targets)` added; `only_head`
    keeps a single one of the heads.
    """
    model = copy.deepcopy(encoder).double()
    n, size = len(labels), min(batch, len(labels))
    order_and_dropout = torch.Generator().manual_seed(3 * seed)
    start = torch.Generator().manual_seed(3 * seed + 2)
    drawn = (
        2 * torch.rand(heads, model.features + 1, generator=start, dtype=torch.float64) - 1
    ) / np.sqrt(model.features)
    layers = []
    for row in drawn if only_head is None else drawn[only_head : only_head + 1]:
        layer = nn.Linear(model.features, 1, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(row[None, :-1])
            layer.bias.copy_(row[-1:])
        layers.append(layer)
    tokens, targets = (
        torch.as_tensor(np.asarray(tokens)),
        torch.as_tensor(np.asarray(labels) > 0).double(),
    )
    order = torch.cat(
        [
            torch.randperm(n, generator=order_and_dropout)
            for _ in range(int(np.ceil(steps * size / n)))
        ]
    ).tolist()
    trained = [value for value in model.parameters() if value.requires_grad]
    groups = [
        {
            "params": [value for layer in layers for value in layer.parameters()],
            "lr": rate * len(layers),
        }
    ]
    optimiser = torch.optim.SGD(([{"params": trained}] if trained else []) + groups, lr=rate)
    trace = Trace()
    for step in range(steps):
        chosen = order[step * size : (step + 1) * size]
        mask = (
            torch.rand(size, model.features, generator=order_and_dropout, dtype=torch.float64)
            >= dropout
        )
        rows = [place for place, sample in enumerate(chosen) if sample != left_out]
        inputs = [chosen[place] for place in rows]
        losses = [torch.zeros((), dtype=torch.float64, requires_grad=True)]
        if rows:
            features = model(tokens[inputs])
            dropped = features * mask[rows] / (1 - dropout)
            losses = [
                nn.functional.binary_cross_entropy_with_logits(
                    layer(dropped)[:, 0], targets[inputs]
                )
                for layer in layers
            ]
        loss = torch.stack(losses).mean()
        trace.losses.append(loss.item())
        if penalty is not None:
            loss = loss + penalty(model, features, targets[inputs])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            trace.encoders.append(
                torch.cat([value.flatten() for value in model.parameters()]).numpy().copy()
            )
            trace.heads.append(torch.cat([layer.weight for layer in layers]).numpy().copy())
            trace.biases.append(torch.cat([layer.bias for layer in layers]).numpy().copy())
    return trace
