"""How head tuning is cut into blocks that fit into the memory allowed, and into the caches."""

from __future__ import annotations

from dataclasses import dataclass

from tunebound.tuning.division import ceil_div

# bytes of activities a worker at once: twice a core's level-2 cache was fastest, by up to a tenth
CACHE = 2**22
DEVICE_CACHE = 2**25  # the same of a GPU
FEW_ROWS = 64  # heads a block, at least, before the caches are filled: matrix products need some
ACTIVITIES_PER_WORKER = 2**14  # activities a step below which another worker gains nothing
NUMBER = 8  # bytes


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What is tuned: data sets, samples, features, left-out samples (n or 0), heads; classes, of
    softmax heads.
    """

    batch: int
    n: int
    d: int
    left_out: int
    heads: int
    gram: bool
    shifted: bool  # 1/(n − 1) weights
    classes: int = 1


@dataclass(frozen=True)
class Block:
    """Data sets and left-out samples that advance together, `heads` of their heads at a time."""

    sets: slice
    left_out: slice
    heads: int


def needed(sizes: Sizes, sets: int, left_out: int, heads: int) -> int:
    """Bytes that a block takes at most, in the steps or at a record.

    Counted: Z, its multiples and Gram matrix; the states of all heads; activities of `heads` of
    them; at a record the mean heads, their directions, differences and margins.
    """
    n, d, rows, classes = sizes.n, sizes.d, left_out + 1, sizes.classes
    samples = 4 * n * d + (n * n if sizes.gram else 0)
    states = rows * sizes.heads * classes * ((n if sizes.gram else 3 * d) + 2 * d)
    activity = rows * heads * n * (classes if classes == 1 else classes + 3)
    shift = max(activity, n * d * classes) + n * min(n, d) if sizes.shifted else 0
    record = rows * classes * (3 * n + 6 * d)
    return NUMBER * sets * (samples + states + activity + shift + record + 4 * sizes.heads * n)


def blocks(sizes: Sizes, memory: int, cache: int, workers: int) -> tuple[list[Block], int]:
    """Blocks, and how many of at most `workers` at once keep within `memory` bytes; ValueError if
    it does not hold the smallest.

    Whole data sets if one fits, else one of them with some of the heads at a time, else with some
    of the left-out samples too.
    """
    smallest = needed(sizes, 1, min(1, sizes.left_out), 1)
    if memory < smallest:
        raise ValueError(
            f"memory={memory} bytes is too little: the smallest part (one data set, one left-out"
            f" sample, one head) needs {smallest:,}; pass at least that"
        )
    workers = max(1, min(workers, memory // smallest))
    share = memory // workers
    # of activities, the heads of one left-out sample counted each
    rows = max(FEW_ROWS, cache // (NUMBER * sizes.n * sizes.classes))
    left_out, heads = _of_one_set(sizes, share, rows)
    work = sizes.batch * (sizes.left_out + 1) * sizes.heads * sizes.n * sizes.classes
    wanted = max(1, min(workers, work // ACTIVITIES_PER_WORKER))  # for every worker to have one
    if sizes.batch < wanted and left_out > 2 * FEW_ROWS:
        even = _even(sizes.left_out, ceil_div(sizes.left_out * sizes.batch, wanted))
        left_out = min(left_out, max(FEW_ROWS, even))
    if left_out < sizes.left_out or heads < sizes.heads:
        cut = _parts_of_sets(sizes, left_out, heads)
    else:
        cut = _whole_sets(sizes, share, rows, wanted)
    return cut, min(workers, len(cut))


def _of_one_set(sizes: Sizes, share: int, rows: int) -> tuple[int, int]:
    """How many left-out samples, and how many of their heads, of one data set advance together."""
    whole = sizes.left_out + 1
    left_out, heads = sizes.left_out, min(sizes.heads, max(1, rows // whole))
    while heads > 1 and needed(sizes, 1, left_out, heads) > share:
        heads = heads // 2
    if whole > rows and heads == 1:
        left_out = _even(sizes.left_out, rows - 1)
    while needed(sizes, 1, left_out, heads) > share:
        left_out = ceil_div(left_out, 2)
    return left_out, heads


def _parts_of_sets(sizes: Sizes, left_out: int, heads: int) -> list[Block]:
    """Blocks of one data set each, with some of its left-out samples or heads at a time."""
    parts = [
        slice(first, min(first + left_out, sizes.left_out))
        for first in range(0, max(1, sizes.left_out), max(1, left_out))
    ]
    return [
        Block(slice(index, index + 1), part, heads)
        for index in range(sizes.batch)
        for part in parts
    ]


def _whole_sets(sizes: Sizes, share: int, rows: int, wanted: int) -> list[Block]:
    """Blocks of several whole data sets, as many for each of the wanted workers."""
    sets = max(1, min(sizes.batch, rows // ((sizes.left_out + 1) * sizes.heads)))
    while needed(sizes, sets, sizes.left_out, sizes.heads) > share:
        sets = ceil_div(sets, 2)
    rounds = ceil_div(ceil_div(sizes.batch, sets), wanted)
    sets = ceil_div(sizes.batch, rounds * wanted)
    return [
        Block(slice(first, min(first + sets, sizes.batch)), slice(0, sizes.left_out), sizes.heads)
        for first in range(0, sizes.batch, sets)
    ]


def _even(total: int, most: int) -> int:
    """Size of equal parts of `total`, each at most `most`."""
    return ceil_div(total, ceil_div(total, max(1, most)))
