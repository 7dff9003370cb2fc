"""Head tuning in log-time: gradient descent followed to t = 1e30 and beyond, every sample left out
in turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from tqdm import tqdm

from tunebound._ground import checks
from tunebound.tuning import arguments
from tunebound.tuning.division import ceil_div
from tunebound.tuning.heads.flow.field import LogTimeFlow
from tunebound.tuning.heads.flow.path import FlowPath
from tunebound.tuning.heads.run import ALONG_RECORDS, HeadRun, empty_run
from tunebound.tuning.heads.run import record as record_heads
from tunebound.tuning.heads.tune import learning_rate_limits, reference_directions, tune_heads
from tunebound.tuning.recording import record_steps
from tunebound.tuning.threads import a_block_a_thread

LATEST_STEP = 1e290  # beyond it t times a sample's activity does not fit a float64
DESCENT_STEPS = 1_000  # steps of plain gradient descent before the flow takes over, at least
LONGEST_DESCENT = 300_000  # steps after which a curvature that has not fallen will not fall
# the flow takes over once a bound on η λ_max(∇²F) is below: what its correction leaves out is of
# second order in this
SMOOTH = 0.25
DENSE = 10_000  # records are eight a decade up to here

FLOW_MEMORY = 2**24  # bytes a block of heads at once: more leaves the caches of a CPU
DEVICE_FLOW_MEMORY = 2**28  # the same of a GPU, where small blocks would wait for their launches


def flow_heads(
    X: ArrayLike,
    y: ArrayLike,
    *,
    until: float = 1e30,
    learning_rate: float | ArrayLike | str = "auto",
    init: ArrayLike | None = None,
    leave_one_out: bool = True,
    weighting: str = "1/n",
    record: str | Sequence[float] = "log",
    reference: ArrayLike | None = None,
    tolerance: float = 2e-7,
    device: str = "auto",
) -> HeadRun:
    """Follow linear heads along gradient descent to any number of steps, with each sample left out
    in turn.

    The iteration is that of `tune_heads`. After at least 1,000 steps of it, once η λ_max(∇²F) ≤ 1/4
    for all heads of a data set, each head follows w(t) with dw/d ln t = f + H f/(2t), where f =
    −ηt∇F and H = ηt∇²F: gradient flow with the correction that makes it agree with descent up to
    terms of order 1/t² (the modified equation of Euler's method). It is stiff, and solved by Rodas4
    with the exact Jacobian and steps of its own for every data set.

    Parameters
    ----------
    X : (n, d) or (D, n, d)
        Encoded features, finite reals.
    y : (n,) or (D, n)
        Labels −1 and +1; at least two samples of each class (one with ``leave_one_out=False``).
    until : float
        Number of steps t to follow, a whole number from 1 to 1e290.
    learning_rate, init, leave_one_out, weighting, reference, device
        As for `tune_heads`.
    record : "log" or sequence of float
        Steps to record: "log" takes eight a decade up to 10⁴, one a decade up to 10¹⁰ and one every
        five decades beyond; always the last one too.
    tolerance : float
        Largest estimated error of one step of the solver in a head, relative to its norm.

    Returns
    -------
    HeadRun
        `steps` is float64; `resolution` is estimated: twice the sum of the estimated errors, over
        the heads' norm. They add up at most, since the flow is non-expansive, and estimate the
        embedded method of order three: the error of the method itself, of order four, is far
        smaller (measured: by a factor above 100 on every family of data).

    Raises
    ------
    ValueError, TypeError
        As for `tune_heads`, and for numbers of steps that are not whole or out of range; before any
        work.
    FloatingPointError
        If the curvature does not fall along the descent, or the solver needs thousands of steps
        between two records: the data are not linearly separable.

    Notes
    -----
    Results of different chunkings may differ by rounding: each data set has steps of its own. A
    head that has left out a sample without influence ends up where head 0 does, within the
    tolerance and not exactly.

    References
    ----------
    Hairer & Wanner, *Solving Ordinary Differential Equations II*, section VI.4 (Rodas4); Hairer,
    Lubich & Wanner, *Geometric Numerical Integration*, chapter IX (modified equations).
    """
    recorded = flow_records(until, record)
    accuracy = checks.real_number("tolerance", tolerance, above=0)
    features, labels = arguments.labelled_batch(X, y, leave_one_out=leave_one_out)
    batch, _, d = features.shape
    checks.choice("weighting", weighting, checks.WEIGHTINGS)
    rates = arguments.learning_rates(
        learning_rate, np.asarray(learning_rate_limits(features, weighting=weighting))
    )
    start = arguments.initial_weights(init, batch, d)
    left_out = features.shape[1] if leave_one_out else 0
    directions = None if reference is None else reference_directions(reference, batch, left_out, d)
    target_device = arguments.torch_device("device", device)
    pending, steps = np.arange(batch), int(min(DESCENT_STEPS, recorded[-1]))
    runs: list[tuple[NDArray[np.intp], HeadRun]] = []
    with tqdm(total=batch, desc="following heads", unit="set", delay=2, disable=None) as progress:
        while len(pending):
            descent = tune_heads(
                features[pending],
                labels[pending],
                steps=steps,
                learning_rate=rates[pending],
                init=start[pending],
                leave_one_out=leave_one_out,
                weighting=weighting,
                record=[int(t) for t in recorded if t <= steps],
                reference=None if directions is None else directions[pending],
                device=device,
            )
            problem = _Problem.of(
                features[pending], labels[pending], start[pending], descent, target_device
            )
            ready = (
                np.flatnonzero(problem.smooth())
                if steps < recorded[-1]
                else np.arange(len(pending))
            )
            if len(ready):
                chosen = None if directions is None else directions[pending[ready]]
                runs.append(
                    (
                        pending[ready],
                        problem.subset(ready).follow(recorded, chosen, accuracy, progress),
                    )
                )
            pending = np.delete(pending, ready)
            steps = int(min(4 * steps, recorded[-1]))
            if len(pending) and steps > LONGEST_DESCENT:
                raise FloatingPointError(
                    f"X, y: after {steps // 4:,} steps the loss of data set {pending[0]} is as"
                    " curved as at the start; it is not linearly separable, or init is so far off"
                    " that tune_heads has to take it nearer first"
                )
    run = _merged(runs)
    return run[0] if np.ndim(X) == 2 else run


def flow_records(until: float, record: str | Sequence[float] = "log") -> NDArray[np.float64]:
    """The numbers of steps at which `flow_heads` records.

    Parameters
    ----------
    until : float
        All steps, a whole number from 1 to `LATEST_STEP`.
    record : "log" or sequence of float
        "log" takes eight a decade up to 10⁴, one a decade up to 10¹⁰ and one every five decades
        beyond.

    Returns
    -------
    (K,) float64
        Increasing, the last one `until`.

    Raises
    ------
    ValueError, TypeError
        For numbers of steps that are not whole or out of range.
    """
    last = checks.step_count("until", until, high=LATEST_STEP)
    if isinstance(record, str):
        dense = record_steps(int(min(last, DENSE)), record).astype(np.float64)
        exponents = np.append(np.arange(5, 10), np.arange(10, np.ceil(np.log10(last)), 5))
        chosen = np.append(dense, [t for t in 10.0**exponents if t < last])
    else:
        chosen = np.array([checks.step_count("record", t, high=LATEST_STEP) for t in record])
        if (chosen > last).any():
            raise ValueError(
                f"record asks for step {chosen.max():g}, but until is {last:g}; raise until or"
                " drop it"
            )
    return np.unique(np.append(chosen, last))


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """Data sets, D of one shape, and their heads after some steps of descent, in coordinates of the
    span of the samples.
    """

    Z: Tensor  # (D, n, d)
    coordinates: Tensor  # (D, n, r): of Z
    basis: Tensor | None  # (D, d, r), orthonormal; None for the features themselves
    outside: Tensor  # (D, d): the part of the start that no step changes
    rates: Tensor  # (D,)
    descent: HeadRun

    @classmethod
    def of(
        cls, X: NDArray, y: NDArray, start: NDArray, descent: HeadRun, device: torch.device
    ) -> _Problem:
        Z = torch.as_tensor(X * y[..., None], device=device)
        outside = torch.as_tensor(start, device=device)
        n, d = X.shape[1:]
        rates = torch.as_tensor(descent.learning_rate, device=device)
        if d <= n:
            return cls(
                Z=Z,
                coordinates=Z,
                basis=None,
                outside=torch.zeros_like(outside),
                rates=rates,
                descent=descent,
            )
        basis, triangle = torch.linalg.qr(Z.mT)
        return cls(
            Z=Z,
            coordinates=triangle.mT.contiguous(),
            basis=basis,
            outside=outside - (basis @ (basis.mT @ outside[..., None]))[..., 0],
            rates=rates,
            descent=descent,
        )

    @property
    def growth(self) -> float:
        return arguments.growth(self.descent.weighting, self.Z.shape[1])

    def subset(self, chosen: NDArray[np.intp]) -> _Problem:
        index = torch.as_tensor(chosen, device=self.Z.device)
        basis = None if self.basis is None else self.basis[index]
        return _Problem(
            Z=self.Z[index],
            coordinates=self.coordinates[index],
            basis=basis,
            outside=self.outside[index],
            rates=self.rates[index],
            descent=self.descent.select(chosen),
        )

    def smooth(self) -> NDArray[np.bool_]:
        """Whether gradient flow can take over, for each data set: η λ_max(∇²F) is small for all its
        heads.
        """
        ready = np.full(len(self.Z), True)
        for sets, heads in self.blocks():
            field = LogTimeFlow(self.coordinates[sets], self.rates[sets], heads, self.growth)
            ready[sets] &= (
                (field.stiffness(self.log_time(sets), self.heads(sets, heads)) <= SMOOTH)
                .cpu()
                .numpy()
            )
        return ready

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Chunks of data sets and of left-out heads whose curvature matrices fit into the working
        memory.
        """
        batch, n, r = self.coordinates.shape
        left_out = self.descent.distance.shape[-1]
        on_cpu = self.Z.device.type == "cpu"
        memory = FLOW_MEMORY if on_cpu else DEVICE_FLOW_MEMORY
        workers = torch.get_num_threads() if on_cpu else 1
        # a head: three matrices of a step, activities likewise, increments and positions of its
        # stages
        each = 8 * (3 * r * r + 3 * n + 12 * r)
        rows = max(1, memory // each - 1)
        if left_out > rows:
            for index in range(batch):
                for first in range(0, left_out, rows):
                    yield slice(index, index + 1), slice(first, min(first + rows, left_out))
            return
        together = max(
            1, min(memory // (each * (left_out + 1) + 8 * n * r * r), ceil_div(batch, workers))
        )
        for first in range(0, batch, together):
            yield slice(first, min(first + together, batch)), slice(0, left_out)

    def log_time(self, sets: slice) -> Tensor:
        return torch.full_like(self.rates[sets], float(np.log(self.descent.steps[-1])))

    def heads(self, sets: slice, heads: slice) -> Tensor:
        """Coordinates (B, m, r) of head 0 and the left-out heads of a block after the descent."""
        W = torch.as_tensor(self.descent.weights[sets], device=self.Z.device)
        W = torch.cat([W[:, :1], W[:, 1:][:, heads]], dim=1)
        return W if self.basis is None else W @ self.basis[sets]

    def follow(
        self,
        recorded: NDArray[np.float64],
        reference: NDArray | None,
        tolerance: float,
        progress: tqdm,
    ) -> HeadRun:
        """The descent's records, continued along the flow."""
        descent = self.descent
        batch, _, d = self.Z.shape
        left_out = descent.distance.shape[-1]
        run = empty_run(
            recorded,
            batch=batch,
            left_out=left_out,
            d=d,
            rates=np.asarray(descent.learning_rate),
            weighting=descent.weighting,
            with_error=descent.direction_error is not None,
        )
        before = int(np.searchsorted(recorded, descent.steps[-1], side="right"))
        for name in ALONG_RECORDS:
            target, source = getattr(run, name), getattr(descent, name)
            if target is not None:
                target[:before] = source[np.isin(descent.steps, recorded)]
        run.weights[...] = descent.weights
        run.resolution[before:] = descent.resolution[-1]
        lock = Lock()

        def follow_block(block: tuple[slice, slice]) -> None:
            sets, heads = block
            if before < len(recorded):
                resolution = self._follow_block(
                    run,
                    before,
                    sets,
                    heads,
                    None if reference is None else reference[sets],
                    tolerance,
                )
                with lock:  # several blocks of left-out heads may share a data set
                    run.resolution[before:, sets] = np.maximum(
                        run.resolution[before:, sets], resolution
                    )
            if heads.stop == left_out:
                with lock:
                    progress.update(len(self.Z[sets]))

        a_block_a_thread(follow_block, list(self.blocks()), self.Z.device)
        return run

    @torch.inference_mode()
    def _follow_block(
        self,
        run: HeadRun,
        before: int,
        sets: slice,
        heads: slice,
        reference: NDArray | None,
        tolerance: float,
    ) -> NDArray[np.float64]:
        """Fill in the records from `before` on; return the resolution at each of them, (K − before,
        B).
        """
        Z = self.Z[sets]
        field = LogTimeFlow(self.coordinates[sets], self.rates[sets], heads, self.growth)
        path = FlowPath(field, self.log_time(sets), self.heads(sets, heads), tolerance)
        scale = (
            torch.linalg.vector_norm(Z, dim=-1)
            if self.growth == 1.0
            else torch.full_like(Z[..., 0], self.growth)
        )
        begun = torch.zeros_like(scale)
        begun[:, : self.descent.certificate.shape[-1]] = torch.as_tensor(
            self.descent.certificate[-1, sets]
        )
        resolution = []
        for k in range(before, len(run.steps)):
            path.advance(float(np.log(run.steps[k])))
            W = (
                path.W
                if self.basis is None
                else path.W @ self.basis[sets].mT + self.outside[sets][:, None]
            )
            record_heads(
                run,
                k,
                sets=sets,
                heads=heads,
                W=W,
                Z=Z,
                certificate=begun + scale * path.drift,
                reference=reference,
            )
            size = torch.linalg.vector_norm(W, dim=-1).amin(dim=1)
            resolution.append((2 * path.error / size).cpu().numpy())
        run.weights[sets, 1:][:, heads] = W[:, 1:].cpu().numpy()
        if heads.start == 0:  # as in the records, head 0 is that of the first block
            run.weights[sets, 0] = W[:, 0].cpu().numpy()
        return np.stack(resolution)


def _merged(runs: list[tuple[NDArray[np.intp], HeadRun]]) -> HeadRun:
    """One run out of those of several groups of data sets, in the order of their numbers."""
    if len(runs) == 1:
        return runs[0][1]
    order = np.argsort(np.concatenate([members for members, _ in runs]))
    first = runs[0][1]
    along: dict[str, Any] = {
        name: np.concatenate([getattr(run, name) for _, run in runs], axis=1)[:, order]
        for name in ALONG_RECORDS
        if getattr(first, name) is not None
    }
    weights = np.concatenate([run.weights for _, run in runs])[order]
    return replace(
        first,
        **along,
        weights=weights,
        learning_rate=np.concatenate([run.learning_rate for _, run in runs])[order],
    )
