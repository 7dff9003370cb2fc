"""Softmax heads for several classes: the engine against its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clock import alternating_slopes, ratio
from benchmarks.heads import agreement
from benchmarks.tables import Cell, Table
from tunebound import synthetic
from tunebound.tuning import learning_rate_limits, tune_heads

# n, d, K, D, steps
FULL = ((50, 5, 3, 60, 100), (100, 20, 3, 30, 50), (100, 20, 10, 10, 30), (200, 100, 3, 4, 20))
QUICK = ((12, 4, 3, 3, 10), (16, 5, 4, 2, 10))
LOOPED = 3  # heads of one data set that are looped over
TOLERANCE = 1e-9

Array = NDArray[np.float64]
Run = Callable[[int], Array]


def linear_and_sgd(X: Array, y: NDArray[np.int64], classes: int, rates: Array, heads: int) -> Run:
    """One `torch.nn.Linear` and one `torch.optim.SGD` a head, by autograd on PyTorch's
    cross-entropy.
    """
    kept = [np.arange(X.shape[1]) != head - 1 for head in range(heads)]
    n, d = X.shape[1:]
    samples = [
        [(torch.as_tensor(x[k]), torch.as_tensor(t[k])) for k in kept]
        for x, t in zip(X, y, strict=True)
    ]

    def run(steps: int) -> Array:
        weights = np.empty((len(X), heads, classes, d))
        for b, rate in enumerate(rates):
            for head in range(heads):
                model = torch.nn.Linear(d, classes, bias=False, dtype=torch.float64)
                torch.nn.init.zeros_(model.weight)
                optimizer = torch.optim.SGD(model.parameters(), lr=float(rate))
                points, labels = samples[b][head]
                for _ in range(steps):
                    optimizer.zero_grad()
                    scores = model(points)
                    loss = torch.nn.functional.cross_entropy(scores, labels, reduction="sum") / n
                    loss.backward()
                    optimizer.step()
                weights[b, head] = model.weight.detach().numpy()
        return weights

    return run


def vmap_of_grad(X: Array, y: NDArray[np.int64], classes: int, rates: Array, heads: int) -> Run:
    """`torch.func.vmap` over data sets and heads of `torch.func.grad`."""
    n, d = X.shape[1:]
    samples, labels = torch.as_tensor(X), torch.as_tensor(y)
    rate = torch.as_tensor(rates)[:, None, None, None]
    masks = torch.vstack([torch.ones(n), 1 - torch.eye(n)])[:heads].double()

    def loss(W: torch.Tensor, mask: torch.Tensor, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        each = torch.nn.functional.cross_entropy(x @ W.T, t, reduction="none")
        return (mask * each).sum() / n

    over_heads = torch.func.vmap(torch.func.grad(loss), in_dims=(0, 0, None, None))
    gradients = torch.func.vmap(over_heads, in_dims=(0, None, 0, 0))

    def run(steps: int) -> Array:
        weights = torch.zeros((len(X), heads, classes, d), dtype=torch.float64)
        for _ in range(steps):
            weights -= rate * gradients(weights, masks, samples, labels)
        return weights.numpy()

    return run


def engine(X: Array, y: NDArray[np.int64], classes: int, rates: Array, steps: int) -> Array:
    """The engine, through its public name."""
    return tune_heads(
        X, y, classes=classes, steps=steps, learning_rate=rates, record=[steps], device="cpu"
    ).weights


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """Time a step of every left-out head."""
    rows: list[tuple[Cell, ...]] = []
    for n, d, classes, D, steps in QUICK if quick else FULL:
        progress(f"softmax heads at n = {n}, d = {d}, K = {classes}, D = {D}")
        data = [
            synthetic.make_classes(n=n, d=d, classes=classes, rivals="all", radius=8.0, seed=seed)
            for seed in range(D)
        ]
        X, y = np.stack([each.X for each in data]), np.stack([each.y for each in data])
        rates = np.asarray(learning_rate_limits(X, classes=classes)) / 2

        peers: dict[str, tuple[Run, int, int]] = {
            "(a) loop of nn.Linear + SGD": (
                linear_and_sgd(X[:1], y[:1], classes, rates[:1], LOOPED),
                1,
                LOOPED,
            ),
            "(b) torch.func.vmap of grad": (
                vmap_of_grad(X[:1], y[:1], classes, rates[:1], n + 1),
                1,
                n + 1,
            ),
        }
        ours = partial(engine, X, y, classes, rates)
        expected = ours(1 + steps)
        gaps = {
            name: agreement(name, run(1 + steps), expected[:sets, :heads], TOLERANCE)
            for name, (run, sets, heads) in peers.items()
        }
        taken = alternating_slopes(
            {"tune_heads": ours, **{name: run for name, (run, _, _) in peers.items()}},
            steps,
            1 if quick else 5,
        )
        unit = {
            name: None if taken[name] is None else 1e9 * taken[name] / (sets * heads * n * classes)
            for name, sets, heads in (
                ("tune_heads", D, n + 1),
                *((name, sets, heads) for name, (_, sets, heads) in peers.items()),
            )
        }
        rows += [
            (
                f"{n}, {d}, {classes}, {D}",
                name,
                unit[name],
                ratio(unit[name], unit["tune_heads"]),
                gaps.get(name),
            )
            for name in unit
        ]
    yield Table(
        name="classes",
        title="Softmax heads: every left-out head of several classes, float64",
        columns=("n, d, K, D", "way", "ns a unit", "times ours", "difference"),
        rows=tuple(rows),
        notes=(
            (
                "A unit is one (step, head, sample, class). The loop is measured on"
                f" {LOOPED} heads of one data set, vmap on one data set; their times are taken"
                " to be proportional to their number."
            ),
            (
                "All take the same steps from zero; the difference is the largest of a weight,"
                " relative to the largest weight, checked before anything is timed."
            ),
        ),
    )
