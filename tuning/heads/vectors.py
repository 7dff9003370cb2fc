"""Room that lets a number have the same σ, to the last bit, wherever it stands in the memory."""

from __future__ import annotations

from tunebound.tuning.division import ceil_div

VECTOR = 64  # numbers, a multiple of what any processor takes at once


def whole_vectors(count: int) -> int:
    """How many numbers fill the registers of a processor that hold so many.

    What is left behind the last whole vector torch computes by another σ, which differs in the last
    bit: a head would depend on what is tuned beside it.
    """
    return ceil_div(count, VECTOR) * VECTOR
