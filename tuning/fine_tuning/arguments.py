"""Checks of what fine-tuning is given: a sample, seeds, and which sample a replica does not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from tunebound._ground import checks, sample_checks
from tunebound.tuning.fine_tuning.encoding import Inputs, number_of, read_inputs

SEED_LIMIT = 2**62  # three streams a seed, and torch takes 64 bits


def labelled_inputs(
    encoder: nn.Module, inputs: ArrayLike | Inputs, y: ArrayLike | Tensor
) -> tuple[Inputs, Tensor]:
    """Inputs of n samples for this encoder and labels (n,), both of them there."""
    read = read_inputs(encoder, inputs)
    n = number_of(read)
    if n < 2:
        raise ValueError(
            f"inputs must hold at least 2 samples, got {n}; there is nothing to tell apart"
        )
    labels = sample_checks.signs(y, (n,))
    if (labels == labels[0]).all():
        raise ValueError(f"y holds only the class {int(labels[0]):+d}; add samples of the other")
    return read, torch.as_tensor(labels)


def replica_seeds(seeds: Sequence[int]) -> list[int]:
    """One seed a replica, at least one of them."""
    if isinstance(seeds, (str, bytes)) or not hasattr(seeds, "__iter__"):
        raise TypeError(
            f"seeds must be a sequence of integers, one replica each, got {seeds!r}; write"
            f" [{seeds!r}] for one replica"
        )
    checked = [checks.whole_number("seeds", seed, low=0) for seed in seeds]
    if not checked:
        raise ValueError("seeds is empty; name at least one, one replica each")
    if max(checked) >= SEED_LIMIT:
        raise ValueError(f"seeds must be below 2**62, got {max(checked)}")
    return checked


def left_out_samples(
    left_out: Sequence[int | None] | None, runs: int, labels: Tensor
) -> NDArray[np.int64]:
    """The sample that each replica does not see, −1 for none."""
    without: list[int | None] = [None] * runs
    if left_out is not None:
        without = checks.sequence("left_out", left_out, of="a sample or None for each seed")
    if len(without) != runs:
        raise ValueError(
            f"left_out must name a sample or None for each of the {runs} seeds, got {len(without)}"
            " entries"
        )
    samples = np.array(
        [
            -1 if sample is None else checks.whole_number("left_out", sample, low=0)
            for sample in without
        ],
        dtype=np.int64,
    )
    if (samples >= len(labels)).any():
        raise ValueError(
            f"left_out names sample {samples.max()}, but there are {len(labels)}; indices start"
            " at 0"
        )
    for sample in set(samples[samples >= 0]):
        if (labels == labels[sample]).sum() < 2:
            raise ValueError(
                f"left_out: sample {sample} is the only one of its class; add samples of it or"
                " leave out another"
            )
    return samples
