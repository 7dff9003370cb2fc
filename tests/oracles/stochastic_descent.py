"""Heads on mini-batches by `torch.optim`, one left-out head at a time, by autograd: the slow
route.
"""

from __future__ import annotations

import torch

OPTIMISERS = {
    "descent": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate),
    "heavy ball": lambda parameters, rate: torch.optim.SGD(parameters, lr=rate, momentum=0.8),
    "nesterov": lambda parameters, rate: torch.optim.SGD(
        parameters, lr=rate, momentum=0.8, nesterov=True
    ),
    "adam": lambda parameters, rate: torch.optim.Adam(
        parameters, lr=rate, betas=(0.8, 0.95), eps=1e-6
    ),
}


def stochastic_path(X, y, batches, rates, optimiser, *, left_out=None, start=None):
    """Iterates (T + 1, d) of one head; batches: a list of sample numbers a step; rates: one a step.

    The left-out sample's term is dropped, the others keep the weight 1/|batch|.
    """
    Z = torch.tensor(X * y[:, None])
    w = torch.zeros(Z.shape[1], dtype=torch.float64) if start is None else torch.tensor(start)
    w.requires_grad_()
    steps = OPTIMISERS[optimiser]([w], rates[0])
    path = [w.detach().clone()]
    for batch, rate in zip(batches, rates, strict=True):
        steps.param_groups[0]["lr"] = rate
        steps.zero_grad()
        total = 0 * w.sum()
        for j in batch:
            if j != left_out:
                total = total + torch.nn.functional.softplus(-(Z[j] @ w)) / len(batch)
        total.backward()
        steps.step()
        path.append(w.detach().clone())
    return torch.stack(path).numpy()
