"""Softmax heads one after the other: autograd on PyTorch's own cross-entropy, a plain loop a
head.
"""

import numpy as np
import torch


def leave_one_out_paths(X, y, classes, learning_rate, steps, *, start=None, weighting="1/n"):
    """Paths (n + 1, steps + 1, K, d) of the heads on S and without each sample."""
    n, d = X.shape
    paths = np.empty((n + 1, steps + 1, classes, d))
    for head in range(n + 1):
        kept = np.arange(n) != head - 1
        samples, labels = torch.tensor(X[kept]), torch.tensor(y[kept])
        weight = n if head == 0 or weighting == "1/n" else n - 1
        W = torch.zeros((classes, d), dtype=torch.float64)
        if start is not None:
            W += torch.tensor(start)
        for t in range(steps + 1):
            paths[head, t] = W.numpy()
            W.requires_grad_(True)
            loss = torch.nn.functional.cross_entropy(samples @ W.T, labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss / weight, W)
            W = (W - learning_rate * gradient).detach()
    return paths


def drifts(X, y, path, learning_rate, weighting="1/n"):
    """η Σ_{s<t} ‖∇F_S − ∇F_{S^i}‖ at the path (T + 1, K, d) of the head on S: (T + 1, n)."""
    n = len(X)
    norms = np.zeros((len(path), n))
    for t, W in enumerate(path[:-1]):
        head = torch.tensor(W, requires_grad=True)
        losses = torch.nn.functional.cross_entropy(
            torch.tensor(X) @ head.T, torch.tensor(y), reduction="none"
        )
        (whole,) = torch.autograd.grad(losses.mean(), head, retain_graph=True)
        for i in range(n):
            rest = losses[torch.arange(n) != i].sum() / (n if weighting == "1/n" else n - 1)
            (left,) = torch.autograd.grad(rest, head, retain_graph=True)
            norms[t + 1, i] = float(torch.linalg.norm(whole - left))
    return learning_rate * np.cumsum(norms, axis=0)
