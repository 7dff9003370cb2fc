"""Leave-one-out head tuning: gradient descent on the logistic loss for all left-out samples of many data sets at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from tuning import arguments
from tuning.head_run import HeadRun, empty_run
from tuning.head_run import record as record_heads

WORKING_MEMORY = 2**26  # bytes of margin matrices at once; more gained nothing on CPUs
FLOAT32_STEPS = 100_000  # beyond it an update is smaller than half a float32 unit of the weights


def tune_heads(
    X: ArrayLike,
    y: ArrayLike,
    *,
    steps: int,
    learning_rate: float | ArrayLike | str = "auto",
    init: ArrayLike | None = None,
    leave_one_out: bool = True,
    weights: str = "1/n",
    record: str | Sequence[int] = "log",
    reference: ArrayLike | None = None,
    device: str = "auto",
    dtype: str = "float64",
) -> HeadRun:
    """Tune linear heads on the logistic loss by gradient descent, with each sample left out in turn.

    The head has no bias (append a constant feature to get one) and minimises F_S(w) = (1/n) Σ_j ln(1 + exp(−z_jᵀw)),
    z_j = y_j x_j, by w ← w − η∇F(w); head 1 + i minimises F without sample i. All heads of all data sets advance together:
    one batched matrix product gives every margin, the left-out entries are zeroed, a second product gives the steps.

    Parameters
    ----------
    X : (n, d) or (D, n, d)
        Encoded features, finite reals.
    y : (n,) or (D, n)
        Labels −1 and +1; at least two samples of each class (one with ``leave_one_out=False``).
    steps : int
        Number of gradient steps, at least 1.
    learning_rate : float, (D,) or "auto"
        Step size η ≤ 2/β with β = λ_max(XᵀX)/(4n), times n/(n − 1) under 1/(n − 1) weights; "auto" is 1/β, a data set each.
    init : (d,) or (D, d), optional
        Common start of all heads of a data set; zero by default.
    leave_one_out : bool
        False tunes the head on S only; the arrays over left-out samples then have n = 0 entries.
    weights : {"1/n", "1/(n-1)"}
        Weight of the remaining samples in F_{S^i}.
    record : "log" or sequence of int
        Steps to record: "log" takes eight a decade (all of 1..8, then rounded), and always the last step.
    reference : ([D,] n + 1, d), optional
        Unit directions, for example of the max-margin separators, to measure `direction_error` against.
    device : str
        "auto" (CUDA where there is one), "cpu", "cuda", "cuda:1", …
    dtype : {"float64", "float32"}
        Arithmetic of the iteration. float32 weights stagnate after about 10⁵ steps (a warning says so).

    Returns
    -------
    HeadRun

    Raises
    ------
    ValueError, TypeError
        For data that are not finite, labels other than ±1, a class that leaving one out would empty, a step size above the
        limit (the message states it), and any argument outside its range; before any work.

    Notes
    -----
    Memory is bounded: data sets, then left-out heads, are split into chunks whose margin matrices fit in 64 MiB. Results of
    different chunkings may differ by the rounding of the matrix product's summation order.
    """
    features, labels = arguments.labelled_batch(X, y, leave_one_out=leave_one_out)
    batch, n, d = features.shape
    single = np.ndim(X) == 2
    arguments.choice("weights", weights, arguments.WEIGHTS)
    arguments.choice("dtype", dtype, tuple(arguments.DTYPES))
    recorded = record_steps(steps, record)
    total = int(recorded[-1])
    place = arguments.device("device", device)
    growth = n / (n - 1) if weights == "1/(n-1)" else 1.0
    limits = _limits(features, growth)
    rates = arguments.learning_rates(learning_rate, limits)
    start = arguments.initial_weights(init, batch, d)
    directions = None if reference is None else _reference_directions(reference, batch, n if leave_one_out else 0, d)
    if dtype == "float32" and total > FLOAT32_STEPS:
        warnings.warn(
            f"dtype='float32' stagnates after about {FLOAT32_STEPS:,} steps and {total:,} were asked for; use 'float64'",
            stacklevel=2,
        )

    left_out = n if leave_one_out else 0
    run = empty_run(recorded, batch, n, left_out, d, rates, weights, with_error=directions is not None)
    blocks = list(_blocks(batch, n, left_out, arguments.DTYPES[dtype].itemsize))
    with tqdm(total=total * len(blocks), desc="tuning heads", unit="step", delay=2, disable=None) as progress:
        for sets, heads in blocks:
            _Descent(features[sets], labels[sets], rates[sets], start[sets], heads, growth, place, dtype).run(
                run, sets, None if directions is None else directions[sets], progress
            )
    return run[0] if single else run


def record_steps(steps: int, record: str | Sequence[int] = "log") -> NDArray[np.int64]:
    """The numbers of steps to record, increasing and ending with `steps`; see `tune_heads`."""
    total = arguments.integer("steps", steps, 1)
    if isinstance(record, str):
        arguments.choice("record", record, ("log",))
        decades = np.log10(total)
        chosen = np.rint(10 ** np.arange(0, decades, 1 / 8)).astype(np.int64)
    else:
        values = [arguments.integer("record", value, 1) for value in record]
        if any(value > total for value in values):
            raise ValueError(f"record asks for step {max(values)}, but steps is {total}; raise steps or drop it")
        chosen = np.array(values, dtype=np.int64)
    return np.unique(np.append(chosen, total))


def learning_rate_limits(X: ArrayLike, *, weights: str = "1/n") -> NDArray[np.float64] | float:
    """Largest step size 2/β for which gradient descent on the mean logistic loss is non-expansive.

    Parameters
    ----------
    X : (n, d) or (D, n, d)
        Encoded features.
    weights : {"1/n", "1/(n-1)"}
        Weight of the remaining samples when one is left out; it decides which of the losses is the most curved.

    Returns
    -------
    float or (D,)
        2/β with β = λ_max(XᵀX)/(4n), times n/(n − 1) under 1/(n − 1) weights.
    """
    features = np.asarray(X, dtype=np.float64)
    if features.ndim not in (2, 3) or 0 in features.shape or features.shape[-2] < 2 or not np.isfinite(features).all():
        raise ValueError(f"X must be finite, of shape (n, d) or (D, n, d) with n at least 2, got shape {features.shape}")
    arguments.choice("weights", weights, arguments.WEIGHTS)
    n = features.shape[-2]
    limits = _limits(features.reshape(-1, *features.shape[-2:]), n / (n - 1) if weights == "1/(n-1)" else 1.0)
    return float(limits[0]) if features.ndim == 2 else limits


def _limits(X: NDArray[np.float64], growth: float) -> NDArray[np.float64]:
    scale = np.abs(X).max(axis=(1, 2))
    if not (scale > 0).all():
        raise ValueError(f"X of data set {int(np.argmin(scale))} is zero everywhere; there is nothing to tune on")
    singular = np.linalg.svd(X / scale[:, None, None], compute_uv=False)[:, 0]
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        limits = 8 * X.shape[1] / (growth * (singular * scale) ** 2)
    if not (np.isfinite(limits).all() and (limits > 0).all()):
        raise ValueError("X: its curvature over- or underflows; rescale the features, for example to a largest norm of 1")
    return limits


class _Descent:
    """One chunk: some data sets, head 0 and a block of their left-out heads."""

    def __init__(
        self,
        X: NDArray,
        y: NDArray,
        rates: NDArray,
        start: NDArray,
        heads: slice,
        growth: float,
        place: torch.device,
        dtype: str,
    ) -> None:
        working = arguments.DTYPES[dtype]
        batch, n, _ = X.shape
        self.heads, self.growth, self.count = heads, growth, heads.stop - heads.start
        self.Z = torch.as_tensor(X * y[..., None], dtype=working, device=place)
        self.step = self.Z * torch.as_tensor(rates / n, dtype=working, device=place)[:, None, None]
        self.rates = torch.as_tensor(rates, device=place)
        self.norms = torch.as_tensor(np.linalg.norm(X, axis=-1), device=place)
        self.start = torch.as_tensor(start, device=place)
        # The weights are kept negated, so that the product is already the argument of the sigmoid σ(−z_jᵀw).
        self.negated = -self.start.to(working)[:, None, :].repeat(1, self.count + 1, 1)
        self.activity = torch.empty((batch, self.count + 1, n), dtype=working, device=place)
        self.own = self.activity[:, 1:, heads].diagonal(dim1=1, dim2=2)
        self.drift = torch.zeros((batch, n), dtype=torch.float64, device=place)

    @torch.inference_mode()
    def run(self, run: HeadRun, sets: slice, reference: NDArray | None, progress: tqdm) -> None:
        done = 0
        for k, until in enumerate(run.steps):
            for _ in range(int(until) - done):
                self._advance()
            progress.update(int(until) - done)
            done = int(until)
            self._record(run, k, sets, reference)
        run.weights[sets, 0] = -self.negated[:, 0].double().cpu().numpy()
        run.weights[sets, 1:][:, self.heads] = -self.negated[:, 1:].double().cpu().numpy()

    def _advance(self) -> None:
        torch.bmm(self.negated, self.Z.mT, out=self.activity)
        self.activity.sigmoid_()
        self.own.zero_()
        if self.growth == 1.0:
            self.drift += self.activity[:, 0]
        else:
            self.drift += self._gradient_shift()
            self.activity[:, 1:] *= self.growth
        self.negated.baddbmm_(self.activity, self.step, alpha=-1)

    def _gradient_shift(self) -> torch.Tensor:
        """‖p_i z_i − (1/n) Σ_j p_j z_j‖ at the head tuned on S: under 1/(n−1) weights it takes the place of p_i‖x_i‖."""
        own = self.activity[:, 0].double()
        Z = self.Z.double()
        mean = torch.bmm(own[:, None], Z) / own.shape[1]
        return torch.linalg.vector_norm(own[..., None] * Z - mean, dim=-1)

    def _record(self, run: HeadRun, k: int, sets: slice, reference: NDArray | None) -> None:
        drift = self.drift * self.rates[:, None]
        n = self.Z.shape[1]
        certificate = drift * self.norms / n if self.growth == 1.0 else drift / (n - 1)
        record_heads(run, k, sets, self.heads, -self.negated.double(), self.Z.double(), certificate, reference)


def _blocks(batch: int, n: int, left_out: int, itemsize: int) -> Iterator[tuple[slice, slice]]:
    """Chunks of data sets and of left-out heads whose margin matrices fit into the working memory."""
    rows = max(1, WORKING_MEMORY // (itemsize * n) - 1)
    if left_out > rows:
        for index in range(batch):
            for first in range(0, left_out, rows):
                yield slice(index, index + 1), slice(first, min(first + rows, left_out))
        return
    together = max(1, WORKING_MEMORY // (itemsize * n * (left_out + 1)))
    for first in range(0, batch, together):
        yield slice(first, min(first + together, batch)), slice(0, left_out)


def _reference_directions(reference: ArrayLike, batch: int, left_out: int, d: int) -> NDArray:
    directions = np.asarray(reference, dtype=np.float64)
    if directions.shape not in ((batch, left_out + 1, d), (left_out + 1, d)) or (directions.ndim == 2 and batch > 1):
        raise ValueError(f"reference must hold one direction a head, shape ({batch}, {left_out + 1}, {d}), got {directions.shape}")
    norms = np.linalg.norm(directions, axis=-1)
    if not np.allclose(norms, 1, rtol=0, atol=1e-9):
        raise ValueError("reference must hold unit vectors; divide each by its norm")
    return directions.reshape(batch, left_out + 1, d)
