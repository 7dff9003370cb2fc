"""Data sets whose heads have descended, followed on along the flow in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from tunebound.tuning import arguments
from tunebound.tuning.division import ceil_div
from tunebound.tuning.heads.flow.cholesky import lapack_threads
from tunebound.tuning.heads.flow.field import LogTimeFlow
from tunebound.tuning.heads.flow.modified import lengths
from tunebound.tuning.heads.flow.path import Field, FlowPath
from tunebound.tuning.heads.flow.systems import FEW
from tunebound.tuning.heads.run import ALONG_RECORDS, HeadRun, empty_run
from tunebound.tuning.heads.run import record as record_heads
from tunebound.tuning.threads import a_block_a_thread

FLOW_MEMORY = 2**25  # bytes a block of heads at once: more leaves the caches of a CPU
DEVICE_FLOW_MEMORY = 2**28  # the same of a GPU, where small blocks would wait for their launches


@dataclass(frozen=True, kw_only=True)
class FlowProblem:
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
    ) -> Self:
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

    @property
    def numbers(self) -> int:
        """Of a head in these coordinates."""
        return self.coordinates.shape[-1]

    @property
    def alone(self) -> bool:
        """Whether a field leaves out samples, which are to be those of one data set."""
        _, n, r = self.coordinates.shape
        return FEW < n <= r

    def field(self, sets: slice, heads: slice) -> Field:
        """The flow of head 0 and a block of left-out heads."""
        return LogTimeFlow(self.coordinates[sets], self.rates[sets], heads, self.growth)

    def features(self, W: Tensor, sets: slice) -> Tensor:
        """Heads (B, m, d) of those in coordinates (B, m, r)."""
        if self.basis is None:
            return W
        return W @ self.basis[sets].mT + self.outside[sets][:, None]

    def drift_scale(self, sets: slice) -> Tensor:
        """What the field's drift is multiplied by to be the certificate, (B, n)."""
        if self.growth == 1.0:
            return torch.linalg.vector_norm(self.Z[sets], dim=-1)
        return torch.full_like(self.Z[sets][..., 0], self.growth)

    def record(
        self,
        run: HeadRun,
        k: int,
        *,
        sets: slice,
        heads: slice,
        W: Tensor,
        certificate: Tensor,
        reference: NDArray | None,
    ) -> None:
        """Write record k of heads W (B, m, d) into the run."""
        record_heads(
            run,
            k,
            sets=sets,
            heads=heads,
            W=W,
            Z=self.Z[sets],
            certificate=certificate,
            reference=reference,
        )

    def subset(self, chosen: NDArray[np.intp]) -> Self:
        index = torch.as_tensor(chosen, device=self.Z.device)
        basis = None if self.basis is None else self.basis[index]
        return replace(
            self,
            Z=self.Z[index],
            coordinates=self.coordinates[index],
            basis=basis,
            outside=self.outside[index],
            rates=self.rates[index],
            descent=self.descent.select(chosen),
        )

    @torch.inference_mode()
    def left_out(self) -> NDArray[np.float64]:
        """What the flow would leave out of descent per unit of ln t from here, for each data set,
        in the worst head and relative to its norm.
        """
        left_out = np.zeros(len(self.Z))
        for sets, heads in self.blocks():
            W = self.heads(sets, heads)
            workspace = W.new_empty((3, W.numel() * W.shape[-1]))
            here = self.field(sets, heads).linearise(
                self.log_time(sets)[:, None].expand(W.shape[:2]), W, workspace
            )
            share = (lengths(here.lift(here.left_out)) / lengths(W)).amax(dim=1)
            left_out[sets] = np.maximum(left_out[sets], share.cpu().numpy())
        return left_out

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Chunks of data sets and of left-out heads whose curvature matrices fit into the working
        memory.
        """
        (batch, n, _), r = self.coordinates.shape, self.numbers
        left_out = self.descent.distance.shape[-1]
        on_cpu = self.Z.device.type == "cpu"
        memory = FLOW_MEMORY if on_cpu else DEVICE_FLOW_MEMORY
        workers = torch.get_num_threads() if on_cpu else 1
        # a head: three matrices of a step, or the one among the samples, which counts twice since
        # all stages read it; activities likewise, increments and positions of its stages
        matrices = 2 if n <= r else 3
        each = 8 * (matrices * r * r + 4 * n + 12 * r)
        rows = max(1, memory // each - 1)
        if left_out > rows:
            # as many blocks as there are workers, or some multiple of it
            rows = ceil_div(left_out, workers * ceil_div(left_out, rows * workers))
            for index in range(batch):
                for first in range(0, left_out, rows):
                    yield slice(index, index + 1), slice(first, min(first + rows, left_out))
            return
        fitting = memory // (each * (left_out + 1) + 8 * n * r * r)
        together = 1 if self.alone else max(1, min(fitting, ceil_div(batch, workers)))
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
    ) -> tuple[HeadRun, NDArray[np.float64]]:
        """The descent's records, continued along the flow; and what that left out of descent, (D,),
        in the worst head and relative to its norm.
        """
        descent = self.descent
        batch, left_out = len(self.Z), descent.distance.shape[-1]
        run = empty_run(
            recorded,
            batch=batch,
            left_out=left_out,
            d=descent.weights.shape[-1],
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
        lock, misses = Lock(), np.zeros(batch)

        def follow_block(block: tuple[slice, slice]) -> None:
            sets, heads = block
            if before < len(recorded):
                resolution, missed = self._follow_block(
                    run,
                    before,
                    sets,
                    heads,
                    None if reference is None else reference[sets],
                    tolerance,
                )
                with lock:  # several blocks of left-out heads may share a data set
                    misses[sets] = np.maximum(misses[sets], missed)
                    run.resolution[before:, sets] = np.maximum(
                        run.resolution[before:, sets], resolution
                    )
            if heads.stop == left_out:
                with lock:
                    progress.update(len(self.Z[sets]))

        with lapack_threads().limit(limits=1):
            a_block_a_thread(follow_block, list(self.blocks()), self.Z.device)
        return run, misses

    @torch.inference_mode()
    def _follow_block(
        self,
        run: HeadRun,
        before: int,
        sets: slice,
        heads: slice,
        reference: NDArray | None,
        tolerance: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fill in the records from `before` on; return the resolution at each of them, (K − before,
        B), and what is left out of descent, (B,).
        """
        field = self.field(sets, heads)
        path = FlowPath(field, self.log_time(sets), self.heads(sets, heads), tolerance)
        scale = self.drift_scale(sets)
        begun = torch.zeros_like(scale)
        begun[:, : self.descent.certificate.shape[-1]] = torch.as_tensor(
            self.descent.certificate[-1, sets]
        )
        resolution, left_out = [], torch.zeros_like(self.rates[sets])
        for k, passage in enumerate(path.passages(np.log(run.steps[before:])), before):
            W = self.features(passage.W, sets)
            self.record(
                run,
                k,
                sets=sets,
                heads=heads,
                W=W,
                certificate=begun + scale * passage.drift,
                reference=reference,
            )
            share = passage.left_out / lengths(W)
            left_out = torch.maximum(left_out, share.amax(dim=1))
            resolution.append((2 * (passage.error / lengths(W) + share)).amax(dim=1).cpu().numpy())
        run.weights[sets, 1:][:, heads] = W[:, 1:].cpu().numpy()
        if heads.start == 0:  # as in the records, head 0 is that of the first block
            run.weights[sets, 0] = W[:, 0].cpu().numpy()
        return np.stack(resolution), left_out.cpu().numpy()
