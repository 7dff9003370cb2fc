"""The same steps on a GPU: one launch an operation, a CUDA graph, the fused kernel; where there is
a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clock import alternating_slopes, ratio
from benchmarks.data import Batch, batch
from benchmarks.heads import AGREEMENT, agreement, ours
from benchmarks.tables import Cell, Table
from tunebound.tuning import tune_heads
from tunebound.tuning.heads.engine import fused as fused_kernel
from tunebound.tuning.heads.engine import graphs

# n, d, D, steps
FULL = ((50, 5, 300, 2000), (100, 20, 300, 1000), (200, 20, 300, 400), (200, 100, 60, 400))
QUICK = ((10, 3, 4, 20),)
COLUMNS = (
    "n, d, D",
    "dtype",
    "way",
    "ns a unit",
    "times faster than a launch an operation",
    "difference from the CPU's float64",
)


def tables(quick: bool, progress: Callable[[str], None]) -> Iterator[Table]:
    """A row a way; one note where there is no GPU."""
    if not torch.cuda.is_available():
        yield Table(
            name="gpu",
            title="GPU",
            columns=COLUMNS,
            rows=(),
            notes=("No GPU here: nothing was measured.",),
        )
        return
    rows: list[tuple[Cell, ...]] = []
    for n, d, D, steps in QUICK if quick else FULL:
        progress(f"GPU at n = {n}, d = {d}, D = {D}")
        data = batch(n, d, D)
        expected = ours(data, "float64", 1 + steps)
        for dtype, products in (("float64", torch.float64), ("mixed", torch.float32)):
            ways = _Steps(data, products).ways() | {"tune_heads": partial(_engine, data, dtype)}
            gaps = {
                name: agreement(f"{name} on the GPU", run(1 + steps), expected, AGREEMENT[dtype])
                for name, run in ways.items()
            }
            taken = alternating_slopes(ways, steps, 1 if quick else 5)
            units = {name: value and 1e9 * value / data.units for name, value in taken.items()}
            rows += [
                (
                    f"{n}, {d}, {D}",
                    dtype,
                    name,
                    units[name],
                    ratio(units["eager"], units[name]),
                    gaps[name],
                )
                for name in ways
            ]
            refused = fused_kernel.refusal(torch.device("cuda"), n, d, products)
            if refused is not None:
                rows.append((f"{n}, {d}, {D}", dtype, f"fused kernel: {refused}", None, None, None))
    yield Table(
        name="gpu",
        title=f"GPU: {torch.cuda.get_device_name()}",
        columns=COLUMNS,
        rows=tuple(rows),
        notes=("No TF32. Compilation and recording are not in the times.",),
    )


def _engine(data: Batch, dtype: str, steps: int) -> NDArray[np.float64]:
    return tune_heads(
        data.X,
        data.y,
        steps=steps,
        learning_rate=data.rates,
        record=[steps],
        dtype=dtype,
        device="cuda",
    ).weights


class _Steps:
    """Tensors on the GPU and the ways to iterate on them."""

    def __init__(self, data: Batch, products: torch.dtype, device: str = "cuda") -> None:
        D, n, d = data.shape
        self.Z = torch.as_tensor(data.Z, dtype=products, device=device)
        self.step = (
            self.Z * torch.as_tensor(data.rates / n, dtype=products, device=device)[:, None, None]
        ).contiguous()
        self.negated = torch.zeros((D, n + 1, d), dtype=torch.float64, device=device)
        self.activity = torch.empty((D, n + 1, n), dtype=products, device=device)
        self.own = self.activity[:, 1:].diagonal(dim1=1, dim2=2)
        self.drift = torch.zeros((D, n), dtype=torch.float64, device=device)

    def ways(self) -> dict[str, Callable[[int], NDArray[np.float64]]]:
        _, n, d = self.Z.shape
        graph = graphs.captured(self.eager)
        ways: dict[str, Callable[[int], None]] = {
            "eager": partial(_repeat, self.eager),
            "CUDA graph": partial(_repeat, graph),
        }
        if fused_kernel.refusal(self.Z.device, n, d, self.Z.dtype) is None:
            ways["fused kernel"] = self.fused
        return {name: partial(self.weights, way) for name, way in ways.items()}

    def eager(self) -> None:
        if self.Z.dtype == torch.float64:
            torch.bmm(self.negated, self.Z.mT, out=self.activity)
        else:
            torch.bmm(self.negated.to(self.Z.dtype), self.Z.mT, out=self.activity)
        self.activity.sigmoid_()
        self.own.zero_()
        self.drift += self.activity[:, 0]
        self.negated -= torch.bmm(self.activity, self.step)

    def fused(self, steps: int) -> None:
        fused_kernel.advance(self.Z, self.step, self.negated, self.drift, 0, steps)

    def weights(self, way: Callable[[int], None], steps: int) -> NDArray[np.float64]:
        self.negated.zero_()
        way(steps)
        return -self.negated.cpu().numpy()


def _repeat(step: Callable[[], None], steps: int) -> None:
    for _ in range(steps):
        step()
