"""What leave-one-out head tuning gives: instability, certificates and margins at recorded steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunebound._ground import checks, sample_checks

# The arrays of a run whose first two axes are records and data sets.
ALONG_RECORDS = (
    "direction_distance",
    "distance",
    "certificate",
    "margin",
    "norm",
    "path",
    "direction_error",
    "resolution",
    "spread",
    "coefficients",
)


@dataclass(frozen=True, kw_only=True)
class HeadRun:
    """What leave-one-out head tuning gave. K recorded steps, D data sets, n samples, d features.

    For a single data set, given as X (n, d), the axis D is absent. Of K classes a head is a matrix:
    `path` and `weights` end in (K, d) instead of d, all norms are Frobenius norms, and a margin is
    the smallest (w_{y_j} − w_k)ᵀx_j/‖W‖ over samples j and classes k ≠ y_j. Head 0 is tuned on the
    whole sample S, head 1 + i on S^i, the sample without i. Everything is float64 on the CPU,
    whatever computed it.

    Attributes
    ----------
    steps : (K,) int64, or float64 beyond what integers hold
        The recorded numbers of steps t, increasing, the last one the total.
    direction_distance : (K, [D,] n)
        ‖w_S(t)/‖w_S(t)‖ − w_{S^i}(t)/‖w_{S^i}(t)‖‖, in [0, 2]; NaN where a head is exactly zero.
    distance : (K, [D,] n)
        ‖w_S(t) − w_{S^i}(t)‖.
    certificate : (K, [D,] n)
        Upper bound on `distance` from the run on S alone: η Σ_{s<t} ‖∇F_S(w_S(s)) −
        ∇F_{S^i}(w_S(s))‖. With 1/n weights the norm is that of the sample's own term,
        σ(−z_iᵀw)‖x_i‖/n. Holds because a step on F_{S^i} is non-expansive. On mini-batches it is
        coefficients · ‖x_i‖; NaN for optimisers for which nothing is proved.
    margin : (K, [D,] n + 1)
        Normalised margin min_j z_jᵀw/‖w‖ of each head over the samples it is tuned on; negative
        while one is misclassified.
    norm : (K, [D,] n + 1)
        ‖w(t)‖ of each head.
    path : (K, [D,] d)
        w_S(t), the head tuned on the whole sample.
    direction_error : (K, [D,] n + 1) or None
        Distance of each head's unit direction from the given `reference` direction; None where none
        was given.
    weights : ([D,] n + 1, d)
        The heads after the last step.
    resolution : (K, [D])
        What the computation leaves open in a distance of unit directions: for exact steps the
        rounding of t of them, which non-expansive steps do not amplify.
    learning_rate : float or (D,)
        Step size η; the largest where it varies along the run.
    weighting : str
        "1/n" (the others keep their weight when a sample is left out) or "1/(n-1)".
    head_weights : ([D,] n + 1, H, d) or None
        Of several heads a sample: each of them after the last step. All other measures are then
        those of their mean.
    spread : (K, [D,] n + 1) or None
        Of several heads: the root mean square distance of a head from their mean.
    coefficients : (K, [D,] n) or None
        Of a run on mini-batches or by momentum: c_j ≥ 0 with w_S(t) = w_0 + Σ_j c_j(t) z_j, the
        sums of what each sample's gradients have moved.
    """

    steps: NDArray[Any]
    direction_distance: NDArray[np.float64]
    distance: NDArray[np.float64]
    certificate: NDArray[np.float64]
    margin: NDArray[np.float64]
    norm: NDArray[np.float64]
    path: NDArray[np.float64]
    direction_error: NDArray[np.float64] | None
    weights: NDArray[np.float64]
    resolution: NDArray[np.float64]
    learning_rate: NDArray[np.float64] | float
    weighting: str
    head_weights: NDArray[np.float64] | None = None
    spread: NDArray[np.float64] | None = None
    coefficients: NDArray[np.float64] | None = None

    def __getitem__(self, index: int) -> HeadRun:
        """The run of one data set of a batch."""
        count = self._data_sets()
        if isinstance(index, (int, np.integer)) and not -count <= index < count:
            # an IndexError ends a loop over the run
            raise IndexError(f"index {index}: the run has {count} data sets, numbered from 0")
        index = checks.whole_number("index", index, low=-count) % count
        return replace(
            self.select(index), learning_rate=float(np.asarray(self.learning_rate)[index])
        )

    def select(self, chosen: int | NDArray[np.intp]) -> HeadRun:
        """The run of some data sets of a batch, by their numbers (K,); of a single one, without its
        axis, by its number.

        Raises
        ------
        TypeError, ValueError
            If the run is of a single data set already, or `chosen` is neither an integer nor a list
            of them, or outside [0, D).
        """
        count = self._data_sets()
        if isinstance(chosen, (int, np.integer)):
            chosen = checks.whole_number("chosen", chosen, low=0, high=count - 1)
        else:
            chosen = sample_checks.sample_numbers("chosen", chosen, count, of="data sets")
        along: dict[str, Any] = {
            name: getattr(self, name)[:, chosen]
            for name in ALONG_RECORDS
            if getattr(self, name) is not None
        }
        return replace(
            self,
            **along,
            weights=self.weights[chosen],
            head_weights=None if self.head_weights is None else self.head_weights[chosen],
            learning_rate=np.asarray(self.learning_rate)[chosen],
        )

    def _data_sets(self) -> int:
        """D of a batch."""
        if np.ndim(self.learning_rate) == 0:
            raise TypeError(
                "this run is of a single data set; only a batch (D, n, d) can be indexed"
            )
        return len(np.asarray(self.learning_rate))


def rounding_resolution(steps: NDArray[Any], dtype: str = "float64") -> NDArray[np.float64]:
    """Rounding of t steps in a unit direction, shape (K,): non-expansive steps add up at most their
    own rounding.

    4ε(t + 4): that it grows like t is argued in docs/head-tuning.md, section 10; both fours are a
    choice that leaves room for the rounding of the gradients. In "mixed" arithmetic a step is
    rounded relative to its own length, whose sum is the path's: no growth with t.
    """
    t = np.asarray(steps, dtype=np.float64)
    if dtype == "mixed":
        return np.full(t.shape, 2 * float(np.finfo(np.float32).eps))
    return 4 * float(np.finfo(dtype).eps) * (t + 4)


def empty_run(
    steps: NDArray[Any],
    *,
    batch: int,
    left_out: int,
    d: int,
    rates: NDArray,
    weighting: str,
    with_error: bool,
    heads: int = 1,
    dtype: str = "float64",
    summands: int | None = None,
) -> HeadRun:
    """A run whose arrays `record` fills in; `left_out` is n, or 0 where only the head on S is
    tuned; `summands` is n where coefficients are recorded.
    """
    kept = len(steps)
    return HeadRun(
        steps=steps,
        direction_distance=np.empty((kept, batch, left_out)),
        distance=np.empty((kept, batch, left_out)),
        certificate=np.empty((kept, batch, left_out)),
        margin=np.empty((kept, batch, left_out + 1)),
        norm=np.empty((kept, batch, left_out + 1)),
        path=np.empty((kept, batch, d)),
        direction_error=np.empty((kept, batch, left_out + 1)) if with_error else None,
        weights=np.empty((batch, left_out + 1, d)),
        resolution=np.repeat(rounding_resolution(steps, dtype)[:, None], batch, axis=1),
        learning_rate=rates,
        weighting=weighting,
        head_weights=np.empty((batch, left_out + 1, heads, d)) if heads > 1 else None,
        spread=np.empty((kept, batch, left_out + 1)) if heads > 1 else None,
        coefficients=None if summands is None else np.empty((kept, batch, summands)),
    )


def record(
    run: HeadRun,
    k: int,
    *,
    sets: slice,
    heads: slice,
    W: Tensor,
    Z: Tensor,
    certificate: Tensor,
    reference: NDArray[np.float64] | None,
    spread: Tensor | None = None,
    coefficients: Tensor | None = None,
) -> None:
    """Write record k of some data sets and a block of left-out heads into the run.

    Z = yX (B, n, d), from which the margins are taken; the rest as for `record_margins`.
    """
    unit = W / torch.linalg.vector_norm(W, dim=-1)[..., None]
    margins = torch.bmm(unit, Z.mT)
    margins[:, 1:, heads].diagonal(dim1=1, dim2=2).fill_(torch.inf)
    record_margins(
        run,
        k,
        sets=sets,
        heads=heads,
        W=W,
        margin=margins.amin(dim=-1),
        certificate=certificate,
        reference=reference,
        spread=spread,
        coefficients=coefficients,
    )


def record_margins(
    run: HeadRun,
    k: int,
    *,
    sets: slice,
    heads: slice,
    W: Tensor,
    margin: Tensor,
    certificate: Tensor,
    reference: NDArray[np.float64] | None,
    spread: Tensor | None = None,
    coefficients: Tensor | None = None,
) -> None:
    """Write record k of some data sets and a block of left-out heads into the run.

    W (B, m + 1, d) holds head 0 and the heads of the left-out samples `heads`; margin (B, m + 1),
    normalised; certificate (B, n); reference (B, n + 1, d) or None; spread (B, m + 1) of several
    heads around their mean W, or None; coefficients (B, n) of head 0, or None. All float64. Of
    several blocks of one data set the first writes head 0.
    """
    norm = torch.linalg.vector_norm(W, dim=-1)
    unit = W / norm[..., None]  # a zero head has no direction: NaN

    def store(target: NDArray, value: Tensor) -> None:
        target[...] = value.cpu().numpy()

    left_out = np.s_[k, sets, 1 + heads.start : 1 + heads.stop]
    samples = np.s_[k, sets, heads]
    store(run.distance[samples], torch.linalg.vector_norm(W[:, 1:] - W[:, :1], dim=-1))
    store(
        run.direction_distance[samples], torch.linalg.vector_norm(unit[:, 1:] - unit[:, :1], dim=-1)
    )
    store(run.certificate[samples], certificate[:, heads])
    per_head = [(run.norm, norm), (run.margin, margin)]
    if spread is not None and run.spread is not None:
        per_head.append((run.spread, spread))
    if reference is not None and run.direction_error is not None:
        chosen = np.concatenate([reference[:, :1], reference[:, 1:][:, heads]], axis=1)
        error = torch.linalg.vector_norm(unit - torch.as_tensor(chosen, device=unit.device), dim=-1)
        per_head.append((run.direction_error, error))
    for target, value in per_head:
        store(target[left_out], value[:, 1:])
    if heads.start == 0:
        store(run.path[k, sets], W[:, 0])
        if coefficients is not None and run.coefficients is not None:
            store(run.coefficients[k, sets], coefficients)
        for target, value in per_head:
            store(target[k, sets, 0], value[:, 0])
