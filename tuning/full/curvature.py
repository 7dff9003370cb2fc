"""Constants of a network that theory asks for: curvature, Lipschitz constant, minimiser; all are
estimates with error bars.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.func import grad, jvp, vmap
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning.full.estimates import Curvature, Estimate, Minimiser
from tunebound.tuning.full.lanczos import ritz_extremes
from tunebound.tuning.full.losses import NetworkLoss
from tunebound.tuning.full.networks import NETWORK_MEMORY, plan_blocks
from tunebound.tuning.threads import threads_for

SAMPLES = ("mean", "each")


def network_curvature(
    model: nn.Module,
    inputs: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    *,
    weights: ArrayLike | Tensor | None = None,
    loss: str = "squared",
    samples: str = "mean",
    iterations: int = 60,
    starts: int = 3,
    seed: int = 0,
    memory: int = NETWORK_MEMORY,
    device: str = "auto",
) -> Curvature:
    """Extreme Hessian eigenvalues by Lanczos on Hessian–vector products, in float64.

    Parameters
    ----------
    model, inputs, y, loss, device
        As in `tune_networks`.
    weights : (p,), optional
        The point w, flat; the model's own weights by default.
    samples : {"mean", "each"}
        "mean": the Hessian of F_S. "each": every ∇²f_i(w), reporting the least and the greatest
        eigenvalue over i; these are the μ and β that bounds for per-sample losses ask for.
    iterations : int
        Products for each start, at least 2; no more than p are made.
    starts : int
        Random starting vectors, at least 2: their disagreement is part of the error.
    seed : int
        Of the starting vectors.
    memory : int
        Bytes for the work; samples and starts are split into blocks that fit.

    Returns
    -------
    Curvature
        The error of each end is the largest residual |β_k s_k| of its Ritz vectors plus the spread
        over the starts. A Ritz value lies inside the spectrum, so the true extreme can only lie
        further out; an eigenvalue whose eigenvector all starts miss is not covered.

    Raises
    ------
    ValueError, TypeError
        For an argument outside its range, or a network too large for `memory`.
    FloatingPointError
        If the Hessian is not finite at w.
    """
    objective = NetworkLoss(model, inputs, y, loss=loss, device=device)
    point = objective.flat_weights(weights)
    checks.choice("samples", samples, SAMPLES)
    count = checks.whole_number("iterations", iterations, low=2)
    tries = checks.whole_number("starts", starts, low=2)
    generator = np.random.default_rng(checks.whole_number("seed", seed, low=0))
    memory = checks.whole_number("memory", memory, low=1)
    # Half of the memory for the vectors of one operator or of several, half for the derivatives.
    vectors = 2 * (min(count, objective.p) + 1) * objective.p * 8
    if vectors > memory // 2:
        raise ValueError(
            f"memory={memory} bytes do not hold {count} vectors of {objective.p} numbers; raise"
            f" memory or lower iterations={count}"
        )
    together = max(1, memory // 2 // vectors)
    block = plan_blocks(objective, objective.n, memory // 2, replicas=1).samples
    rows = objective.n if samples == "each" else 1
    smallest, largest, low_residuals, high_residuals = (np.empty((tries, rows)) for _ in range(4))
    with threads_for(objective.p):
        for attempt in range(tries):
            for first in range(0, rows, min(together, block)):
                part = slice(first, min(first + min(together, block), rows))
                if samples == "each":
                    product = _sample_products(
                        objective, point, objective.inputs[part], objective.labels[part]
                    )
                else:
                    product = _mean_product(objective, point, block)
                start = torch.as_tensor(
                    generator.standard_normal((part.stop - part.start, objective.p))
                ).to(point)
                extremes = ritz_extremes(product, start, count)
                smallest[attempt, part] = extremes.smallest
                largest[attempt, part] = extremes.largest
                low_residuals[attempt, part] = extremes.smallest_residual
                high_residuals[attempt, part] = extremes.largest_residual
    used = min(count, objective.p)
    of = "the mean loss" if samples == "mean" else f"each of {rows} samples"
    method = (
        f"Lanczos, up to {used} Hessian-vector products from each of {tries} starts, Hessian of"
        f" {of}; error: residual plus spread"
    )
    return Curvature(
        _end(
            smallest.min(axis=0),
            low_residuals,
            np.ptp(smallest, axis=0),
            int(smallest.min(axis=0).argmin()),
            method,
        ),
        _end(
            largest.max(axis=0),
            high_residuals,
            np.ptp(largest, axis=0),
            int(largest.max(axis=0).argmax()),
            method,
        ),
        samples,
    )


def _end(values: NDArray, residuals: NDArray, spread: NDArray, index: int, method: str) -> Estimate:
    return Estimate(float(values[index]), float(residuals[:, index].max() + spread[index]), method)


def _mean_product(objective: NetworkLoss, point: Tensor, block: int) -> Callable[[Tensor], Tensor]:
    def product(vectors: Tensor) -> Tensor:
        total = torch.zeros_like(vectors)
        for inputs, labels in zip(
            objective.inputs.split(block), objective.labels.split(block), strict=True
        ):

            def part(w: Tensor, inputs: Tensor = inputs, labels: Tensor = labels) -> Tensor:
                return (
                    objective.of_samples(objective.unflatten(w), inputs, labels).sum() / objective.n
                )

            total += jvp(grad(part), (point,), (vectors[0],))[1]
        return total

    return product


def _sample_products(
    objective: NetworkLoss, point: Tensor, inputs: Tensor, labels: Tensor
) -> Callable[[Tensor], Tensor]:
    def single(vector: Tensor, sample: Tensor, label: Tensor) -> Tensor:
        def loss(w: Tensor) -> Tensor:
            return objective.of_one(objective.unflatten(w), sample, label)

        image: Tensor = jvp(grad(loss), (point,), (vector,))[1]
        return image

    return lambda vectors: vmap(single)(vectors, inputs, labels)


def path_lipschitz(gradient_norms: ArrayLike, *, learning_rate: float, beta: float) -> Estimate:
    """The Lipschitz constant of the samples' losses along a run of gradient descent.

    Between two recorded points the gradient norm of a sample exceeds the larger of its ends by at
    most β times half the step's length, and a step is at most η times the mean of the gradient
    norms: that is the error. Beyond the path nothing is known.

    Parameters
    ----------
    gradient_norms : (T, n)
        ‖∇f_i(w_t)‖ at every step of a full-batch run on S, as in `FullRun`.
    learning_rate : float
        Step size η of the run.
    beta : float
        Smoothness β of every sample's loss, for example from `network_curvature` with
        ``samples="each"``.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, TypeError
        For norms of wrong shape, negative or not finite, or a number that is not positive.
    """
    norms = checks.non_negative_array("gradient_norms", gradient_norms)
    if norms.ndim != 2:
        raise ValueError(
            f"gradient_norms must have shape (T, n), got {norms.shape}; pass FullRun.gradient_norms"
        )
    rate = checks.real_number("learning_rate", learning_rate, above=0)
    smoothness = checks.real_number("beta", beta, above=0)
    reach = 0.5 * rate * float(norms.mean(axis=1).max())
    method = (
        f"largest of {norms.size} gradient norms along the path; error: beta times half of the"
        " longest step"
    )
    return Estimate(float(norms.max()), smoothness * reach, method)


def estimate_minimiser(
    model: nn.Module,
    inputs: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    *,
    learning_rate: float,
    loss: str = "squared",
    steps: int = 5000,
    tolerance: float = 1e-8,
    device: str = "auto",
) -> Minimiser:
    """Follow gradient descent on F_S for long: its limit is the w* that a run from this start
    belongs to.

    Parameters
    ----------
    model, inputs, y, loss, device
        As in `tune_networks`; float64.
    learning_rate : float
        Step size η.
    steps : int
        At most this many steps, at least 20.
    tolerance : float
        Training ends when ‖∇F_S‖ has fallen to this.

    Returns
    -------
    Minimiser
        The error of the distance is the length of the path that is left if the gradient goes on
        falling at the rate of the last tenth of the steps: η‖∇F_S‖/(1 − rate). It is infinite if
        the gradient did not fall there, and an under-estimate if the rate slows down, as it does
        when small curvatures remain.

    Raises
    ------
    ValueError, TypeError
        For an argument outside its range.
    FloatingPointError
        If the gradient stops being finite: the learning rate is too large.
    """
    objective = NetworkLoss(model, inputs, y, loss=loss, device=device)
    rate = checks.real_number("learning_rate", learning_rate, above=0)
    target = checks.real_number("tolerance", tolerance, above=0)
    total = checks.whole_number("steps", steps, low=20)
    weights, norms = objective.start.clone(), []
    slope_of = grad(objective.mean)
    with threads_for(objective.p):
        for step in tqdm(
            range(total + 1), desc="long training", unit="step", delay=2, disable=None
        ):
            slope = slope_of(weights)
            norms.append(float(torch.linalg.vector_norm(slope)))
            if not np.isfinite(norms[-1]):
                raise FloatingPointError(
                    f"the gradient is no longer finite at step {step}; lower learning_rate={rate:g}"
                )
            if norms[-1] <= target or step == total:
                break
            weights -= rate * slope
    made = len(norms) - 1
    error = _path_left(norms, rate)
    distance = float(torch.linalg.vector_norm(weights - objective.start))
    method = (
        f"{made} steps of gradient descent; error: path left at the rate of the last tenth of them"
    )
    return Minimiser(
        weights=weights.cpu().numpy().astype(np.float64),
        distance=Estimate(distance, error, method),
        loss=float(objective.mean(weights)),
        gradient_norm=norms[-1],
        steps=made,
    )


def _path_left(norms: list[float], rate: float) -> float:
    if norms[-1] == 0.0:
        return 0.0
    span = max(1, (len(norms) - 1) // 10)
    if len(norms) < 2 or norms[-1] >= norms[-1 - span]:
        return float("inf")
    # 1 − rate = −expm1(ln rate) keeps its digits when the gradient falls slowly.
    return float(rate * norms[-1] / -np.expm1(np.log(norms[-1] / norms[-1 - span]) / span))
