"""Other ways to tune left-out heads: the same steps, step size, precision and start (zero), as
functions of the number of steps.

Each takes Z = yX (B, n, d), the step sizes (B,) and how many heads of a data set to tune (head 0 on
S, head 1 + i without sample i), and returns a function from the number of steps to the weights (B,
heads, d). What can be prepared is prepared before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]
Batches = NDArray[np.int64]
Run = Callable[[int], Array]


def linear_and_sgd(Z: Array, rates: Array, heads: int) -> Run:
    """One `torch.nn.Linear` and one `torch.optim.SGD` a head, by autograd."""
    samples = [
        [
            torch.as_tensor(np.delete(z, [] if head == 0 else head - 1, axis=0))
            for head in range(heads)
        ]
        for z in Z
    ]
    n, d = Z.shape[1:]

    def run(steps: int) -> Array:
        weights = np.empty((len(Z), heads, d))
        for b, rate in enumerate(rates):
            for head in range(heads):
                model = torch.nn.Linear(d, 1, bias=False, dtype=torch.float64)
                torch.nn.init.zeros_(model.weight)
                optimizer = torch.optim.SGD(model.parameters(), lr=float(rate))
                for _ in range(steps):
                    optimizer.zero_grad()
                    loss = torch.nn.functional.softplus(-model(samples[b][head])).sum() / n
                    loss.backward()
                    optimizer.step()
                weights[b, head] = model.weight.detach().numpy()[0]
        return weights

    return run


def linear_and_sgd_on_batches(Z: Array, rates: Array, heads: int, batches: Batches) -> Run:
    """One `torch.nn.Linear` and one `torch.optim.SGD` a head, each step on a batch (T, b) without
    the sample that the head leaves out.
    """
    d = Z.shape[2]
    samples = torch.as_tensor(Z)
    kept = [
        [torch.as_tensor(batch[batch != head - 1]) for batch in batches] for head in range(heads)
    ]
    size = batches.shape[1]

    def run(steps: int) -> Array:
        weights = np.empty((len(Z), heads, d))
        for b, rate in enumerate(rates):
            for head in range(heads):
                model = torch.nn.Linear(d, 1, bias=False, dtype=torch.float64)
                torch.nn.init.zeros_(model.weight)
                optimizer = torch.optim.SGD(model.parameters(), lr=float(rate))
                for step in range(steps):
                    optimizer.zero_grad()
                    margins = model(samples[b][kept[head][step]])
                    (torch.nn.functional.softplus(-margins).sum() / size).backward()
                    optimizer.step()
                weights[b, head] = model.weight.detach().numpy()[0]
        return weights

    return run


def numpy_on_batches(Z: Array, rates: Array, heads: int, batches: Batches) -> Run:
    """All heads of a data set at once in NumPy, the left-out entries of each batch masked."""
    size, left_out = batches.shape[1], np.arange(heads)[:, None] - 1

    def run(steps: int) -> Array:
        weights = np.zeros((len(Z), heads, Z.shape[2]))
        for b, rate in enumerate(rates / size):
            for batch in batches[:steps]:
                z = Z[b, batch]
                activity = (batch != left_out) / (1 + np.exp(weights[b] @ z.T))
                weights[b] += rate * (activity @ z)
        return weights

    return run


def numpy_loop(Z: Array, rates: Array, heads: int) -> Run:
    """One head after the other."""
    samples = [
        [np.delete(z, [] if head == 0 else head - 1, axis=0) for head in range(heads)] for z in Z
    ]
    n, d = Z.shape[1:]

    def run(steps: int) -> Array:
        weights = np.zeros((len(Z), heads, d))
        for b, rate in enumerate(rates / n):
            for head in range(heads):
                z, w = samples[b][head], weights[b, head]
                for _ in range(steps):
                    w += rate * ((1 / (1 + np.exp(z @ w))) @ z)
        return weights

    return run


def numpy_masked(Z: Array, rates: Array, heads: int) -> Run:
    """All heads of a data set at once, the left-out entries masked."""
    n, d = Z.shape[1:]
    mask = np.vstack([np.ones(n), 1 - np.eye(n)])[:heads]
    steppers = [z * (rate / n) for z, rate in zip(Z, rates, strict=True)]

    def run(steps: int) -> Array:
        weights = np.zeros((len(Z), heads, d))
        for b, z in enumerate(Z):
            for _ in range(steps):
                weights[b] += (mask / (1 + np.exp(weights[b] @ z.T))) @ steppers[b]
        return weights

    return run


def vmap_of_grad(Z: Array, rates: Array, heads: int) -> Run:
    """`torch.func.vmap` over data sets and heads of `torch.func.grad`."""
    n, d = Z.shape[1:]
    samples, rate = torch.as_tensor(Z), torch.as_tensor(rates)[:, None, None]
    masks = torch.vstack(
        [torch.ones(n, dtype=torch.float64), 1 - torch.eye(n, dtype=torch.float64)]
    )[:heads]

    def loss(w: torch.Tensor, mask: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return (mask * torch.nn.functional.softplus(-(z @ w))).sum() / n

    over_heads = torch.func.vmap(torch.func.grad(loss), in_dims=(0, 0, None))
    gradients = torch.func.vmap(over_heads, in_dims=(0, None, 0))

    def run(steps: int) -> Array:
        weights = torch.zeros((len(Z), heads, d), dtype=torch.float64)
        for _ in range(steps):
            weights -= rate * gradients(weights, masks, samples)
        return weights.numpy()

    return run


def jax_einsum(Z: Array, rates: Array, heads: int) -> Run:
    """JAX: two `einsum` over all data sets in a compiled loop."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    n, d = Z.shape[1:]
    samples, steppers = jnp.asarray(Z), jnp.asarray(Z * (rates / n)[:, None, None])
    mask = jnp.vstack([jnp.ones(n), 1 - jnp.eye(n)])[:heads]

    @jax.jit
    def iterate(steps, samples, steppers, mask):  # type: ignore[no-untyped-def]
        def step(_, weights):  # type: ignore[no-untyped-def]
            activity = jax.nn.sigmoid(-jnp.einsum("bmd,bnd->bmn", weights, samples)) * mask
            return weights + jnp.einsum("bmn,bnd->bmd", activity, steppers)

        return jax.lax.fori_loop(0, steps, step, jnp.zeros((len(Z), heads, d)))

    return lambda steps: np.asarray(iterate(steps, samples, steppers, mask).block_until_ready())


def numba_loops(Z: Array, rates: Array, heads: int) -> Run:
    """Compiled loops by numba, parallel over heads."""
    samples, iterate = np.ascontiguousarray(Z), _compiled_loops()
    return lambda steps: iterate(samples, rates, heads, steps)


@cache
def _compiled_loops() -> Callable[[Array, Array, int, int], Array]:
    import numba

    @numba.njit(parallel=True, fastmath=True)
    def iterate(Z, rates, heads, steps):  # type: ignore[no-untyped-def]
        sets, n, d = Z.shape
        weights = np.zeros((sets, heads, d))
        for place in numba.prange(sets * heads):
            b, head = place // heads, place % heads
            w, change = np.zeros(d), np.zeros(d)
            for _ in range(steps):
                change[:] = 0
                for j in range(n):
                    if j == head - 1:
                        continue
                    margin = 0.0
                    for k in range(d):
                        margin += Z[b, j, k] * w[k]
                    activity = 1 / (1 + np.exp(margin))
                    for k in range(d):
                        change[k] += activity * Z[b, j, k]
                for k in range(d):
                    w[k] += rates[b] / n * change[k]
            weights[b, head] = w
        return weights

    return iterate


def in_place(Z: Array, rates: Array, heads: int, device: str = "cpu") -> Run:
    """The engine's own step in the feature space, nothing allocated, without its chunks, records
    and checks.
    """
    place = torch.device(device)
    samples = torch.as_tensor(Z, device=place)
    n, d = Z.shape[1:]
    steppers = samples * torch.as_tensor(rates / n, device=place)[:, None, None]
    negated = torch.empty((len(Z), heads, d), dtype=torch.float64, device=place)
    activity = torch.empty((len(Z), heads, n), dtype=torch.float64, device=place)
    own = activity[:, 1:].diagonal(dim1=1, dim2=2)

    @torch.inference_mode()
    def run(steps: int) -> Array:
        negated.zero_()
        for _ in range(steps):
            torch.bmm(negated, samples.mT, out=activity)
            activity.sigmoid_()
            own.zero_()
            negated.baddbmm_(activity, steppers, alpha=-1)
        return -negated.cpu().numpy()

    return run
