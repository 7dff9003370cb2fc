"""Predicted classes of many texts as one cell of a table."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Booleans


def packed(positive: Booleans) -> str:
    """Classes (m,), True for +1, as hexadecimal digits, the first text in the highest bit."""
    return np.packbits(positive).tobytes().hex()


def unpacked(text: str, count: int) -> Booleans:
    """The classes (count,) that `packed` wrote.

    Raises
    ------
    ValueError
        If the text does not hold as many.
    """
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8))
    if not 0 <= len(bits) - count < 8:
        raise ValueError(f"{text!r} holds {len(bits)} classes, not {count}")
    return bits[:count].astype(bool)
