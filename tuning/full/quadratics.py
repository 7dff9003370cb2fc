"""Leave-one-out full fine-tuning by gradient descent: quadratics in one batched recursion, any
losses through callables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike

from tunebound._ground import checks
from tunebound._ground.arrays import Floats
from tunebound.tuning import arguments
from tunebound.tuning.full.run import FullRun, empty_run, step_size
from tunebound.tuning.recording import record_steps
from tunebound.tuning.threads import threads_for

SAMPLE_MEMORY = 2**26  # bytes of Hessians, or of per-sample gradients, that are worked on at once


@checks.within_float64("hessians", "minimisers", "start")
def tune_quadratics(
    hessians: ArrayLike,
    minimisers: ArrayLike,
    start: ArrayLike,
    *,
    steps: int,
    learning_rate: float | str = "auto",
    weighting: str = "1/n",
    record: str | Sequence[int] = "log",
    device: str = "auto",
) -> FullRun:
    """Gradient descent on the mean of f_i(w) = ½(w − m_i)ᵀH_i(w − m_i), with each sample left out
    in turn.

    All runs advance in one recursion, for the *differences* Δ_i = w^i − w: with 1/n weights
    Δ_i ← Δ_i − ηHΔ_i + (η/n)∇f_i(w + Δ_i), H = (1/n) Σ H_i, and with 1/(n − 1) weights
    Δ_i ← Δ_i − (η/(n − 1)) (nHΔ_i + ∇F_S(w) − ∇f_i(w + Δ_i)). The origin lies at the minimiser. So
    the distances keep their relative accuracy when they are far smaller than the weights, which a
    subtraction of two runs would lose.

    Parameters
    ----------
    hessians : (n, d, d)
        H_i, symmetric, with eigenvalues at least 0; their mean is positive definite.
    minimisers : (n, d)
        m_i; all equal if the problem interpolates.
    start : (d,)
        w_0.
    steps : int
        Number of gradient steps T, at least 1.
    learning_rate : float or "auto"
        Step size η ≤ 2/β, where β is the largest eigenvalue of all H_i; "auto" is 1/β.
    weighting : {"1/n", "1/(n-1)"}
        Weight of the remaining samples when one is left out.
    record : "log" or sequence of int
        Steps to record, as in `tune_heads`.
    device : str
        "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", …

    Returns
    -------
    FullRun

    Raises
    ------
    ValueError, TypeError
        For arrays that are not finite, of wrong shape, not symmetric or not positive, a step size
        above the limit (the message states it) and any argument outside its range; before any step.
    """
    matrices, centres, origin = _quadratics(hessians, minimisers, start)
    checks.choice("weighting", weighting, checks.WEIGHTINGS)
    recorded = record_steps(steps, record)
    target_device = arguments.torch_device("device", device)
    eigenvalues = np.linalg.eigvalsh(matrices)
    beta = float(eigenvalues.max())
    mean = matrices.mean(axis=0)
    if eigenvalues.min() < -1e-12 * beta or beta <= 0:
        worst = int(eigenvalues[:, 0].argmin())
        raise ValueError(
            f"hessians: sample {worst} has the eigenvalue {eigenvalues.min():.3g}; descent needs"
            " all of them to be at least 0"
        )
    if not np.linalg.eigvalsh(mean)[0] > 1e-14 * beta:
        raise ValueError(
            "hessians: their mean is singular, so the mean loss has no single minimiser; add a"
            " multiple of the identity"
        )
    rate = step_size(learning_rate, beta)
    if (centres == centres[0]).all():
        minimiser, pull = centres[0], np.zeros_like(origin)
    else:
        minimiser = np.linalg.solve(mean, np.einsum("nij,nj->i", matrices, centres) / len(matrices))
        pull = np.einsum("nij,nj->i", matrices, centres - minimiser) / len(matrices)
    n, d = centres.shape
    run = empty_run(recorded, n, d, rate, weighting)
    block = max(1, SAMPLE_MEMORY // (8 * d * d))
    with threads_for(d * d):
        for first in range(0, n, block):
            rows = slice(first, min(first + block, n))
            recursion = _Differences(
                hessians=matrices[rows],
                offsets=centres[rows] - minimiser,
                mean=mean,
                pull=pull,
                start=origin - minimiser,
                rate=rate,
                n=n,
                weighting=weighting,
                device=target_device,
            )
            recursion.run(run, rows)
            run.weights[0] = minimiser + recursion.path.cpu().numpy()
            run.weights[1 + rows.start : 1 + rows.stop] = (
                run.weights[0] + recursion.differences.cpu().numpy()
            )
    if not all(map(_finite, (run.weights, run.distance, run.loss, run.gradient_norms))):
        raise ValueError("hessians, minimisers and start lead beyond float64; rescale them")
    initial = (
        0.5
        * np.einsum(
            "ni,nij,nj->n", origin - centres, matrices, origin - centres, optimize=True
        ).mean()
    )
    return replace(run, initial_loss=float(initial))


class _Differences:
    """State of the recursion for some of the left-out samples: the run on S and the differences
    from it.
    """

    def __init__(
        self,
        *,
        hessians: Floats,
        offsets: Floats,
        mean: Floats,
        pull: Floats,
        start: Floats,
        rate: float,
        n: int,
        weighting: str,
        device: torch.device,
    ) -> None:
        self.hessians = torch.tensor(hessians, device=device)
        self.offsets = torch.tensor(offsets, device=device)
        self.mean = torch.tensor(mean, device=device)
        self.pull = torch.tensor(pull, device=device)
        self.path = torch.tensor(start, device=device)
        # Rows before the matrix: two rows a sample times a symmetric matrix is the faster batched
        # product.
        self.pair = torch.zeros(
            len(offsets), 2, offsets.shape[1], dtype=torch.float64, device=device
        )
        self.rate, self.n = rate, n
        self.others = n if weighting == "1/n" else n - 1

    @property
    def differences(self) -> torch.Tensor:
        return self.pair[:, 0]

    def run(self, run: FullRun, rows: slice) -> None:
        norms = torch.empty(
            len(run.gradient_norms), len(self.offsets), dtype=torch.float64, device=self.path.device
        )
        kept = 0
        for t in range(1, int(run.steps[-1]) + 1):
            norms[t - 1] = self._advance()
            if t == run.steps[kept]:
                run.distance[kept, rows] = (
                    torch.linalg.vector_norm(self.differences, dim=1).cpu().numpy()
                )
                run.loss[kept] += self._loss()
                kept += 1
        run.gradient_norms[:, rows] = norms.cpu().numpy()

    def _advance(self) -> torch.Tensor:
        """One step of everything; returns ‖∇f_i(w)‖ before it."""
        torch.sub(self.path, self.offsets, out=self.pair[:, 1])
        forces = torch.bmm(self.pair, self.hessians)
        slope = self.mean @ self.path - self.pull
        change = self.n * (self.differences @ self.mean) - forces.sum(dim=1)
        if self.others != self.n:
            change += slope
        self.differences.sub_(change, alpha=self.rate / self.others)
        self.path = self.path - self.rate * slope
        return torch.linalg.vector_norm(forces[:, 1], dim=1)

    def _loss(self) -> float:
        """This block's share of F_S at the current point."""
        offsets = (self.path - self.offsets)[:, None]
        return float((offsets * torch.bmm(offsets, self.hessians)).sum()) / (2 * self.n)


def tune_losses(
    losses: Callable[[Floats], ArrayLike],
    gradients: Callable[[Floats], ArrayLike],
    start: ArrayLike,
    *,
    beta: float,
    steps: int,
    learning_rate: float | str = "auto",
    weighting: str = "1/n",
    record: str | Sequence[int] = "log",
) -> FullRun:
    """Gradient descent on the mean of n losses given as callables, with each sample left out in
    turn.

    Parameters
    ----------
    losses : callable
        Maps weights (k, p) to the losses (k, n) of all samples.
    gradients : callable
        Maps weights (k, p) to the gradients (k, n, p) of all samples; k is chosen so that they fit
        in 64 MiB.
    start : (p,)
        w_0.
    beta : float
        Smoothness of every loss: the gradients are β-Lipschitz. It sets the step size and its
        limit.
    steps, weighting, record
        As in `tune_quadratics`.
    learning_rate : float or "auto"
        Step size η ≤ 2/β; "auto" is 1/β.

    Returns
    -------
    FullRun
        The distances are differences of two runs: below about 1e-16·‖w‖ they are rounding.

    Raises
    ------
    ValueError, TypeError
        For an argument outside its range, or callables that return another shape.
    FloatingPointError
        If a run leaves the finite numbers: β was too small.
    """
    origin = checks.real_array("start", start)
    if origin.ndim != 1 or origin.size == 0:
        raise ValueError(f"start must have shape (p,), got {origin.shape}")
    for name, function in (("losses", losses), ("gradients", gradients)):
        if not callable(function):
            raise TypeError(f"{name} must be callable, got {type(function).__name__}")
    checks.choice("weighting", weighting, checks.WEIGHTINGS)
    recorded = record_steps(steps, record)
    rate = step_size(learning_rate, checks.real_number("beta", beta, above=0))
    with checks.within_float64("start"):
        try:
            first = np.asarray(losses(origin[None]), dtype=np.float64)
            shape = np.shape(gradients(origin[None]))
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"losses and gradients must take weights (k, p), here (1, {origin.size}): {error}"
            ) from error
    if first.ndim != 2 or first.shape[0] != 1 or first.shape[1] < 2:
        raise ValueError(
            f"losses must map weights (k, p) to losses (k, n) with n >= 2, got shape {first.shape}"
            " for k = 1"
        )
    n, p = first.shape[1], len(origin)
    if shape != (1, n, p):
        raise ValueError(
            f"gradients must map weights (k, p) to gradients (k, n, p): (1, {n}, {p}) for k = 1,"
            f" got {shape}"
        )
    run = empty_run(recorded, n, p, rate, weighting)
    state = np.broadcast_to(origin, (n + 1, p)).copy()
    share = 1 / n if weighting == "1/n" else 1 / (n - 1)
    block = max(1, SAMPLE_MEMORY // (8 * n * p))
    kept = 0
    for t in range(1, int(recorded[-1]) + 1):
        slopes = np.empty_like(state)
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            for begin in range(0, n + 1, block):
                rows = np.arange(begin, min(begin + block, n + 1))
                each = np.asarray(gradients(state[rows]), dtype=np.float64)
                slopes[rows] = each.sum(axis=1)
                if begin == 0:
                    run.gradient_norms[t - 1] = np.linalg.norm(each[0], axis=1)
                    slopes[0] /= n
                left_out = rows[rows > 0]
                slopes[left_out] = share * (slopes[left_out] - each[left_out - begin, left_out - 1])
            state -= rate * slopes
            made = [state, run.gradient_norms[t - 1]]
            if t == recorded[kept]:
                run.distance[kept] = np.linalg.norm(state[1:] - state[0], axis=1)
                run.loss[kept] = np.asarray(losses(state[:1]), dtype=np.float64).mean()
                made += [run.distance[kept], run.loss[kept]]
                kept += 1
        if not all(map(_finite, made)):
            raise FloatingPointError(
                f"a gradient, loss or distance is no longer finite at step {t}; beta={beta:g} is"
                " too small for these losses"
            )
    run.weights[:] = state
    return replace(run, initial_loss=float(first.mean()))


def _finite(values: Floats) -> bool:
    return bool(np.isfinite(values).all())


def _quadratics(
    hessians: ArrayLike, minimisers: ArrayLike, start: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    matrices = checks.real_array("hessians", hessians)
    centres = checks.real_array("minimisers", minimisers)
    origin = checks.real_array("start", start)
    if (
        matrices.ndim != 3
        or matrices.shape[1] != matrices.shape[2]
        or matrices.shape[0] < 2
        or matrices.shape[1] < 1
    ):
        raise ValueError(
            f"hessians must have shape (n, d, d) with n at least 2, got {matrices.shape}"
        )
    n, d = matrices.shape[:2]
    if centres.shape != (n, d):
        raise ValueError(
            f"minimisers must have shape ({n}, {d}) to fit the Hessians, got {centres.shape}"
        )
    if origin.shape != (d,):
        raise ValueError(f"start must have shape ({d},) to fit the Hessians, got {origin.shape}")
    if not np.abs(matrices - matrices.transpose(0, 2, 1)).max() <= 1e-12 * np.abs(matrices).max():
        raise ValueError("hessians must be symmetric; pass (H + Hᵀ)/2")
    return matrices, centres, origin
