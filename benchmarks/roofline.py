"""How fast this machine multiplies matrices and computes sigmoids, at best: the parts of a step
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch

# bytes of activities a thread: in its caches, and beyond; the fastest counts
CHUNKS = (2**20, 2**21, 2**24)
FEWEST = 64  # heads of a chunk, at least
SQUARE = 512
Work = Callable[[int], None]


@dataclass(frozen=True)
class Rates:
    """Billions a second of all threads together: flop of a large product, flop of products as in a
    step, sigmoids.
    """

    square: float
    products: float
    sigmoid: float


@dataclass(frozen=True)
class Roofline:
    """Parts of a step as functions of the number of repetitions, and what one repetition does:
    flop, or sigmoids.
    """

    works: dict[str, Work]
    amounts: dict[str, int]

    def rates(self, taken: Mapping[str, float | None]) -> Rates | None:
        """The best of each part, from seconds a repetition; None where the clock resolved none of a
        part.
        """
        best: dict[str, float] = {}
        for name, time in taken.items():
            part = name.split(",")[0]
            if time is not None:
                best[part] = max(best.get(part, 0.0), self.amounts[name] / time / 1e9)
        return Rates(**best) if len(best) == 3 else None


def roofline(n: int, d: int, D: int, dtype: torch.dtype) -> Roofline:
    """A large square product by all threads; a step's products and sigmoids in place, each thread
    on a chunk of its own.
    """
    threads = torch.get_num_threads()
    left, right = torch.randn((2, SQUARE, SQUARE), dtype=dtype)
    target = torch.empty((SQUARE, SQUARE), dtype=dtype)

    def square(times: int) -> None:
        for _ in range(times):
            torch.mm(left, right, out=target)

    works: dict[str, Work] = {"square": square}
    amounts = {"square": 2 * SQUARE**3}
    for chunk in CHUNKS:
        rows = max(FEWEST, chunk // (dtype.itemsize * n))
        sets, heads = max(1, min(D // threads, rows // (n + 1))), min(n + 1, rows)
        parts = [_parts(sets, heads, n, d, dtype) for _ in range(threads)]
        units = threads * sets * heads * n
        works[f"products, {chunk}"] = partial(_together, [products for products, _ in parts])
        works[f"sigmoid, {chunk}"] = partial(_together, [sigmoid for _, sigmoid in parts])
        amounts |= {f"products, {chunk}": 4 * d * units, f"sigmoid, {chunk}": units}
    return Roofline(works, amounts)


def _parts(sets: int, heads: int, n: int, d: int, dtype: torch.dtype) -> tuple[Work, Work]:
    weights = torch.randn((sets, heads, d), dtype=dtype)
    Z = torch.randn((sets, n, d), dtype=dtype) / d**0.5
    step = Z / n
    activity = torch.bmm(weights, Z.mT)

    def products(times: int) -> None:
        for _ in range(times):
            torch.bmm(weights, Z.mT, out=activity)
            weights.baddbmm_(activity, step, alpha=-1e-9)

    def sigmoid(times: int) -> None:
        for _ in range(times):
            activity.sigmoid_()

    return products, sigmoid


def _together(parts: list[Work], times: int) -> None:
    """Each part on a thread of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(len(parts)) as pool:
            for done in [pool.submit(part, times) for part in parts]:
                done.result()
    finally:
        torch.set_num_threads(before)
