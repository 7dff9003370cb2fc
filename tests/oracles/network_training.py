"""One network after another with torch's own optimiser, the left-out sample really removed: the
slow route.
"""

from __future__ import annotations

import copy

import torch


def train_one(
    model, inputs, labels, criterion, *, steps, rate, left_out=None, batches=None, growth=1.0
):
    """Flat weights (steps + 1, p) of plain gradient descent on S, or on S without one sample.

    `batches` lists the sample indices of each step (all of them by default); the loss of a step is
    the sum over the samples that are there, divided by the size of the full batch, times `growth`.
    """
    network = copy.deepcopy(model).double()
    optimiser = torch.optim.SGD(
        [parameter for parameter in network.parameters() if parameter.requires_grad], lr=rate
    )
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    path = [torch.cat([parameter.detach().flatten() for parameter in trainable]).clone()]
    for t in range(steps):
        chosen = list(range(len(labels))) if batches is None else list(batches[t])
        present = [j for j in chosen if j != left_out]
        optimiser.zero_grad()
        if present:
            loss = criterion(network(inputs[present]), labels[present]).sum() * growth / len(chosen)
            loss.backward()
            optimiser.step()
        path.append(torch.cat([parameter.detach().flatten() for parameter in trainable]).clone())
    return torch.stack(path)


def sample_gradient_norms(model, inputs, labels, criterion):
    """‖∇f_i‖ at the model's weights, one backward pass a sample."""
    network = copy.deepcopy(model).double()
    norms = []
    for i in range(len(labels)):
        network.zero_grad()
        criterion(network(inputs[i : i + 1]), labels[i : i + 1]).sum().backward()
        norms.append(
            sum((p.grad**2).sum() for p in network.parameters() if p.grad is not None).sqrt().item()
        )
    return norms
