"""Leave-one-out tuning of softmax heads: checks, coordinates, blocks and records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from tunebound._ground import checks
from tunebound.tuning import arguments
from tunebound.tuning.division import ceil_div
from tunebound.tuning.heads.engine import plan
from tunebound.tuning.heads.engine.execute import PIECES, Progress
from tunebound.tuning.heads.run import HeadRun, empty_run, record_margins
from tunebound.tuning.heads.softmax.descent import SoftmaxDescent, SoftmaxProblem
from tunebound.tuning.heads.softmax.rivals import RivalDescent, pays
from tunebound.tuning.recording import record_steps
from tunebound.tuning.threads import a_block_a_thread

# bytes of activities a worker at once: a step goes over them some eight times, so that more than a
# part of a core's level-2 cache costs up to a half (measured)
CACHE = 2**20


@dataclass(frozen=True, kw_only=True)
class _Task:
    """X (D, n, d), its coordinates (D, n, r) in a basis (D, d, r) or None where they are X itself,
    labels (D, n), step sizes (D,), starts (D, K, d), references (D, n + 1, K d) or None.
    """

    coordinates: NDArray[np.float64]
    basis: NDArray[np.float64] | None
    labels: NDArray[np.int64]
    rates: NDArray[np.float64]
    start: NDArray[np.float64]
    growth: float
    device: torch.device
    reference: NDArray[np.float64] | None


def tune_softmax_heads(
    X: ArrayLike,
    y: ArrayLike,
    *,
    classes: int,
    steps: int,
    learning_rate: float | ArrayLike | str,
    limits: NDArray[np.float64],
    init: ArrayLike | None,
    leave_one_out: bool,
    weighting: str,
    record: str | Sequence[int],
    reference: ArrayLike | None,
    device: str,
    memory: int,
) -> HeadRun:
    """`tune_heads` for K classes; `limits` (D,) are the largest step sizes."""
    features, labels = arguments.class_batch(X, y, classes, leave_one_out=leave_one_out)
    (batch, n, d), count, single = features.shape, classes, np.ndim(X) == 2
    recorded = record_steps(steps, record)
    rates = arguments.learning_rates(learning_rate, limits)
    left_out = n if leave_one_out else 0
    growth = arguments.growth(weighting, n)
    target = arguments.torch_device("device", device)
    start = starts(init, batch, count, d)
    directions = (
        None
        if reference is None
        else reference_matrices(reference, (batch, left_out + 1, count, d))
    )
    basis, coordinates = coordinates_of(features)
    sizes = plan.Sizes(
        batch=batch,
        n=n,
        d=d,
        left_out=left_out,
        heads=1,
        gram=False,
        shifted=growth != 1.0,
        classes=count,
    )
    on_cpu = target.type == "cpu"
    cache = CACHE if on_cpu else plan.DEVICE_CACHE
    blocks, workers = plan.blocks(sizes, memory, cache, torch.get_num_threads() if on_cpu else 1)
    run = empty_run(
        recorded,
        batch=batch,
        left_out=left_out,
        d=count * d,
        rates=rates,
        weighting=weighting,
        with_error=directions is not None,
    )
    task = _Task(
        coordinates=coordinates,
        basis=basis,
        labels=labels,
        rates=rates,
        start=start,
        growth=growth,
        device=target,
        reference=directions,
    )
    progress = Progress(int(recorded[-1]) * len(blocks))
    with progress.bar:
        a_block_a_thread(
            lambda block: _run_block(task, run, block, progress),
            blocks,
            target,
            workers=workers,
            stop=progress.stopped.set,
        )
    run = replace(
        run,
        path=run.path.reshape(len(recorded), batch, count, d),
        weights=run.weights.reshape(batch, left_out + 1, count, d),
    )
    return run[0] if single else run


@torch.inference_mode()
def _run_block(task: _Task, run: HeadRun, block: plan.Block, progress: Progress) -> None:
    sets, heads = block.sets, block.left_out

    def on_device(array: NDArray) -> torch.Tensor:
        return torch.as_tensor(array[sets], device=task.device)

    with nullcontext() if task.device.type == "cpu" else torch.cuda.device(task.device):
        start = on_device(task.start)
        basis = None if task.basis is None else on_device(task.basis)
        problem = SoftmaxProblem(
            X=on_device(task.coordinates),
            labels=on_device(task.labels),
            rates=on_device(task.rates),
            start=start if basis is None else start @ basis,
            left_out=heads,
            growth=task.growth,
        )
        descent = (RivalDescent if pays(problem) else SoftmaxDescent)(problem)
        scale = (problem.rates * task.growth / problem.X.shape[1])[:, None]
        piece, done = ceil_div(int(run.steps[-1]), PIECES), 0
        for k, until in enumerate(run.steps):
            while done < until:
                advanced = min(piece, int(until) - done)
                descent.advance(advanced)
                done += advanced
                if not progress.update(advanced):
                    return
            W = descent.heads()
            margin = problem.margins(W)
            if basis is not None:
                # no step changes what the start has outside the span of the samples
                W = W @ basis.mT[:, None] + (start - problem.start @ basis.mT)[:, None]
            W = W.flatten(2)
            norm = torch.linalg.vector_norm(W, dim=-1)
            record_margins(
                run,
                k,
                sets=sets,
                heads=heads,
                W=W,
                margin=margin / norm,
                certificate=descent.drift() * scale,
                reference=None if task.reference is None else task.reference[sets],
            )
        run.weights[sets, 1:][:, heads] = W[:, 1:].cpu().numpy()
        if heads.start == 0:
            run.weights[sets, 0] = W[:, 0].cpu().numpy()


def coordinates_of(
    X: NDArray[np.float64],
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """A basis (D, d, n) of the samples' span and their coordinates in it, where it is smaller than
    the space of the features: the iterates are the same, at a cost that does not grow with them.
    """
    if X.shape[2] <= X.shape[1]:
        return None, X
    basis, triangle = np.linalg.qr(X.transpose(0, 2, 1))
    return basis, np.ascontiguousarray(triangle.transpose(0, 2, 1))


def starts(init: ArrayLike | None, batch: int, classes: int, d: int) -> NDArray[np.float64]:
    """Starts (D, K, d)."""
    if init is None:
        return np.zeros((batch, classes, d))
    start = checks.real_array("init", init)
    if start.shape not in ((classes, d), (batch, classes, d)):
        raise ValueError(
            f"init must have shape ({classes}, {d}) or ({batch}, {classes}, {d}) for"
            f" classes={classes}, got {start.shape}"
        )
    return np.broadcast_to(start, (batch, classes, d)).copy()


def reference_matrices(reference: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Unit directions (D, n + 1, K d), one a head, checked."""
    directions = checks.real_array("reference", reference)
    if directions.shape != shape and (directions.shape != shape[1:] or shape[0] > 1):
        raise ValueError(
            f"reference must hold one matrix a head, shape {shape}, got {directions.shape}"
        )
    flat = directions.reshape(*shape[:2], -1)
    if not np.allclose(np.linalg.norm(flat, axis=-1), 1, rtol=0, atol=1e-9):
        raise ValueError("reference must hold matrices of Frobenius norm 1; divide each by it")
    return flat
