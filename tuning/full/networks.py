"""Leave-one-out full fine-tuning of a network: n + 1 replicas advance together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.func import grad, vmap
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning import arguments
from tunebound.tuning.full.losses import NetworkLoss
from tunebound.tuning.full.quadratics import FullRun
from tunebound.tuning.recording import record_steps
from tunebound.tuning.threads import threads_for

NETWORK_MEMORY = 2**31  # bytes, unless the caller says otherwise
REPLICA_MEMORY = 2**28  # bytes of replicas differentiated at once: more gained nothing on CPUs
TEMPORARIES = 3  # gradients and intermediate results, in units of what the forward pass keeps


@dataclass(frozen=True)
class Blocks:
    """How many replicas and how many samples are differentiated at once."""

    replicas: int
    samples: int


def tune_networks(
    model: nn.Module,
    inputs: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    *,
    steps: int,
    learning_rate: float,
    loss: str = "squared",
    batch_size: int | None = None,
    seed: int = 0,
    weighting: str = "1/n",
    record: str | Sequence[int] = "log",
    memory: int = NETWORK_MEMORY,
    device: str = "auto",
    dtype: str = "float64",
) -> FullRun:
    """Gradient descent on all trainable parameters of a network, with each sample left out in turn.

    Replica 0 is tuned on S, replica 1 + i on S^i; all start at the model's own weights, and a
    left-out sample has weight 0 in its replica's loss. One vectorised backward pass serves many
    replicas, so that each layer is one batched product.

    Parameters
    ----------
    model : Module
        Maps inputs (batch, …) to outputs (batch,), each sample on its own. It is not changed; it
        runs in evaluation mode, so that there is no dropout. Parameters with
        ``requires_grad=False`` stay fixed.
    inputs : (n, …)
        Tokens or features.
    y : (n,)
        Labels −1 and +1.
    steps : int
        Number of gradient steps T, at least 1.
    learning_rate : float
        Step size η. The loss is not convex, so no limit is known beforehand; `network_curvature`
        estimates 1/β at the start.
    loss : {"squared", "logistic"}
        ½(output − y)² or ln(1 + exp(−y·output)).
    batch_size : int, optional
        None for full-batch descent. Otherwise each pass over the data cuts a random order into
        batches of this size (the last one may be smaller), and all replicas see the same batches; a
        left-out sample's place stays empty.
    seed : int
        Of the batches' order.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the remaining samples when one is left out: unchanged, or n/(n − 1) times as
        large.
    record : "log" or sequence of int
        Steps to record, as in `tune_heads`.
    memory : int
        Bytes for the replicas' weights and the work on them, 2 GiB by default. Replicas, then
        samples, are split into blocks that fit; results of different blocks agree up to rounding.
    device : str
        "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", …
    dtype : {"float64", "float32"}
        Arithmetic of the iteration. In float32 the distances carry an error of about 1e-7·‖w‖.

    Returns
    -------
    FullRun
        ``gradient_norms`` holds ‖∇f_i(w_t)‖ of all n samples along replica 0, also with
        mini-batches; ``weighting`` are flat, in the order of ``model.named_parameters()``.

    Raises
    ------
    ValueError, TypeError
        For an argument outside its range, a model that does not fit the inputs, or a network too
        large for `memory`: the message says how much it needs. Before any step.
    FloatingPointError
        If a gradient stops being finite: the learning rate is too large.
    """
    objective = NetworkLoss(model, inputs, y, loss=loss, device=device, dtype=dtype)
    recorded = record_steps(steps, record)
    rate = checks.real_number("learning_rate", learning_rate, above=0)
    n, p, total = objective.n, objective.p, int(recorded[-1])
    batch = n if batch_size is None else checks.whole_number("batch_size", batch_size, low=1)
    if batch > n:
        raise ValueError(
            f"batch_size must be at most n={n}, got {batch}; pass None for full-batch descent"
        )
    order = np.random.default_rng(checks.whole_number("seed", seed, low=0))
    growth = arguments.growth(checks.choice("weighting", weighting, checks.WEIGHTINGS), n)
    blocks = plan_blocks(
        objective, batch, checks.whole_number("memory", memory, low=1), replicas=n + 1
    )

    state = objective.start.expand(n + 1, p).clone()
    kept = 0
    distance = np.empty((len(recorded), n))
    losses = np.empty(len(recorded))
    norms = np.empty((total, n))
    initial = float(_mean_loss(objective, state[0], blocks.samples))
    if not np.isfinite(initial):
        raise ValueError(
            f"model: its initial loss is {initial}; start from weights whose outputs are finite"
        )
    batches = _batches(n, batch, order)
    with (
        threads_for(p),
        tqdm(total=total, desc="tuning replicas", unit="step", delay=2, disable=None) as progress,
    ):
        for t in range(1, total + 1):
            norms[t - 1] = _gradient_norms(objective, state[0], blocks.samples)
            if not np.isfinite(norms[t - 1]).all():
                raise FloatingPointError(
                    f"a gradient is no longer finite at step {t}; lower learning_rate={rate:g}"
                )
            chosen = next(batches)
            share = torch.full(
                (n + 1, len(chosen)), growth / len(chosen), dtype=state.dtype, device=state.device
            )
            share[0] = 1 / len(chosen)
            share[torch.as_tensor(chosen + 1), torch.arange(len(chosen))] = 0
            for first in range(0, n + 1, blocks.replicas):
                rows = slice(first, min(first + blocks.replicas, n + 1))
                _advance(
                    objective,
                    state[rows],
                    share[rows],
                    torch.as_tensor(chosen, device=state.device),
                    rate,
                    blocks.samples,
                )
            if t == recorded[kept]:
                distance[kept] = (
                    torch.linalg.vector_norm(state[1:] - state[:1], dim=1).cpu().numpy()
                )
                losses[kept] = float(_mean_loss(objective, state[0], blocks.samples))
                kept += 1
            progress.update()
    final = state.cpu().numpy().astype(np.float64)
    if not (np.isfinite(final).all() and np.isfinite(distance).all()):
        raise FloatingPointError(
            f"a replica's weights are no longer finite; lower learning_rate={rate:g}"
        )
    return FullRun(
        steps=recorded,
        distance=distance,
        loss=losses,
        gradient_norms=norms,
        initial_loss=initial,
        weights=final,
        learning_rate=rate,
        weighting=weighting,
    )


def plan_blocks(objective: NetworkLoss, batch: int, memory: int, *, replicas: int) -> Blocks:
    """Blocks that fit into `memory` bytes beside the weights of all replicas.

    What a sample takes is read off the forward passes of one and of two samples: the tensors they
    keep for their gradients.

    Raises
    ------
    ValueError
        If the weights of all replicas, or one replica with one sample, do not fit.
    """
    item = objective.start.element_size()
    # The weights of all replicas, and their float64 copy in the result.
    state = replicas * objective.p * (item + 8)
    one, two = _kept_bytes(objective, 1), _kept_bytes(objective, 2)
    # Gradients of one replica, or of one sample: as many numbers as weights, and twice that in
    # between.
    replica, sample = 3 * objective.p * item, TEMPORARIES * max(two - one, one // 2, item)
    least = state + replica + sample
    if least > memory:
        raise ValueError(
            f"memory={memory} bytes do not hold the work: {replicas} replica(s) of {objective.p}"
            f" parameters need at least {least}; raise memory, use fewer samples, a smaller"
            " network, or freeze parameters (requires_grad=False)"
        )
    free = min(memory - state, max(REPLICA_MEMORY, replica + sample))
    samples = min(batch, (free - replica) // sample)
    together = max(1, free // (replica + batch * sample)) if samples == batch else 1
    return Blocks(min(together, replicas), samples)


def _kept_bytes(objective: NetworkLoss, samples: int) -> int:
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        seen[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = objective.start.clone().requires_grad_(True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        value = objective.of_samples(
            objective.unflatten(weights), objective.inputs[:samples], objective.labels[:samples]
        )
    del value
    own = weights.untyped_storage().nbytes()
    return sum(size for size in seen.values() if size != own)


def _batches(n: int, batch: int, order: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    while True:
        shuffled = np.arange(n) if batch == n else order.permutation(n)
        for first in range(0, n, batch):
            yield shuffled[first : first + batch]


def _advance(
    objective: NetworkLoss, state: Tensor, share: Tensor, chosen: Tensor, rate: float, block: int
) -> None:
    """One step, in place, of some replicas (R, p) on the chosen samples with weights share (R,
    batch).
    """

    def weighted(flat: Tensor, weight: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        return (weight * objective.of_samples(objective.unflatten(flat), inputs, labels)).sum()

    slope = torch.zeros_like(state)
    for samples, weight in zip(chosen.split(block), share.split(block, dim=1), strict=True):
        slope += vmap(grad(weighted), in_dims=(0, 0, None, None))(
            state, weight, objective.inputs[samples], objective.labels[samples]
        )
    state.sub_(slope, alpha=rate)


def _gradient_norms(objective: NetworkLoss, weights: Tensor, block: int) -> NDArray[np.float64]:
    """‖∇f_i(w)‖ of all samples, (n,)."""
    parameters = objective.unflatten(weights)
    squares = []
    # A sample's gradient is as large as a replica: count it in the block as well.
    together = max(1, min(block, REPLICA_MEMORY // (3 * weights.numel() * weights.element_size())))
    for inputs, labels in zip(
        objective.inputs.split(together), objective.labels.split(together), strict=True
    ):
        slopes = vmap(grad(objective.of_one), in_dims=(None, 0, 0))(parameters, inputs, labels)
        squares.append(
            sum(slope.double().square().flatten(1).sum(dim=1) for slope in slopes.values())
        )
    return np.asarray(torch.cat(squares).sqrt().cpu().numpy())


def _mean_loss(objective: NetworkLoss, weights: Tensor, block: int) -> Tensor:
    parameters = objective.unflatten(weights)
    pieces = zip(objective.inputs.split(block), objective.labels.split(block), strict=True)
    with torch.no_grad():
        return (
            torch.stack(
                [
                    objective.of_samples(parameters, inputs, labels).double().sum()
                    for inputs, labels in pieces
                ]
            ).sum()
            / objective.n
        )
