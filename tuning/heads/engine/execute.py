"""Runs the blocks of head tuning, several at once on a CPU, and writes their records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from threading import Event, Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from tunebound.tuning.division import ceil_div
from tunebound.tuning.heads.engine.choice import Choice
from tunebound.tuning.heads.engine.features import Descent, Problem, workspace_for
from tunebound.tuning.heads.engine.plan import Block
from tunebound.tuning.heads.engine.schedule import Schedule
from tunebound.tuning.heads.run import HeadRun
from tunebound.tuning.heads.run import record as record_heads
from tunebound.tuning.threads import a_block_a_thread

PIECES = 100  # of the steps, after each of which progress is shown


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is tuned: X (D, n, d), y (D, n), step sizes (D,), starts (D, H, d), n/(n − 1) or 1,
    where, how, towards what; by which schedule, if there is one.
    """

    X: NDArray
    y: NDArray[np.float64]
    rates: NDArray[np.float64]
    start: NDArray[np.float64]
    growth: float
    device: torch.device
    choice: Choice
    reference: NDArray[np.float64] | None
    schedule: Schedule | None = None


class Progress:
    """A bar that several threads move and that stops them all."""

    def __init__(self, total: int) -> None:
        self.bar = tqdm(total=total, desc="tuning heads", unit="step", delay=2, disable=None)
        self.lock, self.stopped = Lock(), Event()

    def update(self, steps: int) -> bool:
        """Whether to go on."""
        with self.lock:
            self.bar.update(steps)
        return not self.stopped.is_set()


def run_blocks(task: Task, run: HeadRun, blocks: list[Block], workers: int) -> None:
    """Tune every block, `workers` at once, and fill in the run."""
    progress = Progress(int(run.steps[-1]) * len(blocks))
    with progress.bar:
        a_block_a_thread(
            lambda block: _run_block(task, run, block, progress),
            blocks,
            task.device,
            workers=workers,
            stop=progress.stopped.set,
        )


@torch.inference_mode()
def _run_block(task: Task, run: HeadRun, block: Block, progress: Progress) -> None:
    sets, X = block.sets, task.X[block.sets].astype(np.float64, copy=False)
    on_device = nullcontext() if task.device.type == "cpu" else torch.cuda.device(task.device)
    with on_device:
        problem = Problem(
            Z=torch.as_tensor(X * task.y[sets, :, None], device=task.device),
            rates=torch.as_tensor(task.rates[sets], device=task.device),
            start=torch.as_tensor(task.start[sets], device=task.device),
            left_out=block.left_out,
            growth=task.growth,
            schedule=None if task.schedule is None else task.schedule.of(sets),
        )
        n, count = X.shape[1], problem.start.shape[1]
        parts = [
            slice(first, min(first + block.heads, count)) for first in range(0, count, block.heads)
        ]
        problems = [replace(problem, start=problem.start[:, part]) for part in parts]
        workspace = workspace_for(problems[0])
        descents = [task.choice.build(part, workspace) for part in problems]
        shifted = task.growth != 1.0
        scale = (
            problem.rates[:, None]
            * (task.growth if shifted else torch.linalg.vector_norm(problem.Z, dim=-1))
            / n
        )
        reference = None if task.reference is None else task.reference[sets]
        certified = task.schedule is None or task.schedule.optimiser.certified
        piece = ceil_div(int(run.steps[-1]), PIECES)
        done = 0
        for k, until in enumerate(run.steps):
            while done < until:
                advanced = min(piece, int(until) - done)
                for descent in descents:
                    descent.advance(advanced)
                done += advanced
                if not progress.update(advanced):
                    return
            W = torch.cat([descent.heads() for descent in descents], dim=2)
            drift = sum(_weighted_drifts(descents, problems), torch.zeros_like(scale))
            mean = W.mean(dim=2) if count > 1 else W[:, :, 0]
            spread = None
            if count > 1:
                spread = (W - mean[:, :, None]).square_().sum(dim=-1).mean(dim=-1).sqrt()
            record_heads(
                run,
                k,
                sets=sets,
                heads=block.left_out,
                W=mean,
                Z=problem.Z,
                certificate=drift * scale if certified else torch.full_like(drift, torch.nan),
                reference=reference,
                spread=spread,
                coefficients=drift * (problem.rates[:, None] / n),
            )
        _store_final(run, block, W, mean)


def _weighted_drifts(descents: list[Descent], problems: list[Problem]) -> Iterator[Tensor]:
    count = sum(problem.start.shape[1] for problem in problems)
    for descent, problem in zip(descents, problems, strict=True):
        yield descent.drift() * (problem.start.shape[1] / count)


def _store_final(run: HeadRun, block: Block, W: Tensor, mean: Tensor) -> None:
    targets = (
        [(run.weights, mean)]
        if run.head_weights is None
        else [(run.weights, mean), (run.head_weights, W)]
    )
    for target, value in targets:
        target[block.sets, 1:][:, block.left_out] = value[:, 1:].cpu().numpy()
        if block.left_out.start == 0:
            target[block.sets, 0] = value[:, 0].cpu().numpy()
