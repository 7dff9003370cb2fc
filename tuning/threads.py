"""How many threads torch may use inside one operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Below this many parameters an operation is over before its threads have met; where other processes hold the cores, waiting
# for them cost ten times the work.
WORTHWHILE = 100_000


@contextmanager
def threads_for(parameters: int) -> Iterator[None]:
    """One thread while small models are tuned, the user's setting for large ones; put back afterwards."""
    before = torch.get_num_threads()
    if parameters < WORTHWHILE:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
