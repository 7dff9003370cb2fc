"""Division of whole numbers that leaves nothing over."""

from __future__ import annotations


def ceil_div(total: int, size: int) -> int:
    """⌈total/size⌉: how many parts of a size hold a total, exactly."""
    return -(-total // size)
