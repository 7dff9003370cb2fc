"""How fast this machine multiplies matrices and computes sigmoids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

CHUNK = 2**26  # bytes of margins at once, as many as the engine takes by default
SQUARE = 512


@dataclass(frozen=True)
class Roofline:
    """Parts of a step as functions of the number of repetitions, and what one repetition does: flop, or sigmoids."""

    works: dict[str, Callable[[int], None]]
    amounts: dict[str, int]

    def rate(self, name: str, taken: float | None) -> float | None:
        """Billions a second."""
        return None if taken is None else self.amounts[name] / taken / 1e9


def roofline(n: int, d: int, D: int, dtype: torch.dtype) -> Roofline:
    """A large square product, the two batched products of a step, and the sigmoid of its margins, all in place."""
    sets = max(1, min(D, CHUNK // (dtype.itemsize * n * (n + 1))))
    heads = torch.randn((sets, n + 1, d), dtype=dtype)
    Z = torch.randn((sets, n, d), dtype=dtype) / d**0.5
    step = Z / n
    activity = torch.empty((sets, n + 1, n), dtype=dtype)
    left, right = torch.randn((2, SQUARE, SQUARE), dtype=dtype)
    square = torch.empty((SQUARE, SQUARE), dtype=dtype)
    torch.bmm(heads, Z.mT, out=activity)

    def squares(times: int) -> None:
        for _ in range(times):
            torch.mm(left, right, out=square)

    def products(times: int) -> None:
        for _ in range(times):
            torch.bmm(heads, Z.mT, out=activity)
            heads.baddbmm_(activity, step, alpha=-1e-9)

    def sigmoids(times: int) -> None:
        for _ in range(times):
            activity.sigmoid_()

    units = sets * (n + 1) * n
    return Roofline(
        works={"square": squares, "products": products, "sigmoid": sigmoids},
        amounts={"square": 2 * SQUARE**3, "products": 4 * d * units, "sigmoid": units},
    )
