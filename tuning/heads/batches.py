"""Sequences of mini-batches: which samples each step uses, the same for every left-out run."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground import checks
from tunebound._ground.arrays import Integers
from tunebound.tuning.division import ceil_div

ORDERS = ("reshuffled", "cyclic", "random")
PADDING = -1


def minibatches(
    n: int,
    size: int,
    *,
    steps: int,
    order: str = "reshuffled",
    seed: int = 0,
    sets: int | None = None,
) -> Integers:
    """Draw a sequence of mini-batches for `tune_heads`.

    Parameters
    ----------
    n : int
        Samples, at least 2.
    size : int
        Samples a batch, from 1 to n.
    steps : int
        Batches, at least 1.
    order : {"reshuffled", "cyclic", "random"}
        "reshuffled": every pass over the sample is in a new random order; "cyclic": every pass is
        in the same random order; either way the last batch of a pass is shorter where `size` does
        not divide n. "random": each entry of each batch is drawn alone, with replacement.
    seed : int
        At least 0.
    sets : int, optional
        So many sequences, each of its own.

    Returns
    -------
    (steps, size) or (sets, steps, size) int64
        Numbers of samples from 0; −1 fills shorter batches.

    Raises
    ------
    ValueError, TypeError
        For any argument outside its range.
    """
    checks.whole_number("n", n, low=2)
    checks.whole_number("size", size, low=1, high=n)
    checks.whole_number("steps", steps, low=1)
    checks.choice("order", order, ORDERS)
    rng = np.random.default_rng(checks.whole_number("seed", seed, low=0))
    if sets is not None:
        checks.whole_number("sets", sets, low=1)
    drawn = np.stack([_sequence(n, size, steps, order, rng) for _ in range(sets or 1)])
    return drawn[0] if sets is None else drawn


def _sequence(n: int, size: int, steps: int, order: str, rng: np.random.Generator) -> Integers:
    if order == "random":
        return rng.integers(n, size=(steps, size))
    each = ceil_div(n, size)  # steps of one pass
    passes = ceil_div(steps, each)
    ordered = np.full((passes, each * size), PADDING)
    ordered[:, :n] = np.arange(n)
    if order == "cyclic":
        ordered[:, :n] = rng.permutation(n)
    else:
        ordered[:, :n] = rng.permuted(ordered[:, :n], axis=1)
    return ordered.reshape(-1, size)[:steps]


def checked_batches(
    batches: ArrayLike, *, sets: int, n: int, steps: int, leave_one_out: bool
) -> Integers:
    """Sequences (1 or D, T, b) of sample numbers from −1 to n − 1, with something in every batch
    and, where a sample is left out, two different samples in every sequence.
    """
    array = checks.as_array("batches", batches)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"batches must hold whole numbers, got dtype {array.dtype}: give numbers of samples"
            " from 0, and -1 to fill shorter batches"
        )
    if array.ndim not in (2, 3) or array.shape[-2] != steps or array.size == 0:
        raise ValueError(
            f"batches must have shape ({steps}, b) or ({sets}, {steps}, b), one row a step, got"
            f" {array.shape}"
        )
    sequences = array.astype(np.int64).reshape(-1, *array.shape[-2:])
    if len(sequences) not in (1, sets):
        raise ValueError(
            f"batches hold {len(sequences)} sequences for {sets} data set(s): give one for all, or"
            " one each"
        )
    if sequences.shape[-1] > n:
        raise ValueError(
            f"batches hold {sequences.shape[-1]} entries a step, more than the n = {n} samples:"
            " take fewer"
        )
    if ((sequences < PADDING) | (sequences >= n)).any():
        wrong = sequences[(sequences < PADDING) | (sequences >= n)][0]
        raise ValueError(
            f"batches hold {wrong}, but samples are numbered from 0 to {n - 1} (-1 fills shorter"
            " batches)"
        )
    empty = (sequences == PADDING).all(axis=-1)
    if empty.any():
        which, step = checks.first(empty)
        raise ValueError(
            f"batches: the batch of step {step} of sequence {which} is empty; a step needs a sample"
        )
    if leave_one_out:
        for which, sequence in enumerate(sequences):
            used = np.unique(sequence[sequence != PADDING])
            if len(used) < 2:
                raise ValueError(
                    f"batches: sequence {which} uses sample {used[0]} only, and without it a head"
                    " stays where it starts; use at least 2 different samples, or pass"
                    " leave_one_out=False"
                )
    return sequences
