"""How many threads torch may use inside one operation, and blocks of work that take one each instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

# Below this many parameters an operation is over before its threads have met; where other processes hold the cores, waiting
# for them cost ten times the work.
WORTHWHILE = 100_000

Block = TypeVar("Block")


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


def a_block_a_thread(work: Callable[[Block], None], blocks: Sequence[Block], place: torch.device) -> None:
    """Do the work of every block, on a CPU as many at once as torch has threads; the first error is raised.

    A block a thread, rather than all threads on every operation: its arrays stay in the cache of one core, and no operation
    waits for the slowest core.
    """
    before = torch.get_num_threads()
    workers = min(before, len(blocks)) if place.type == "cpu" else 1
    if workers <= 1:
        for block in blocks:
            work(block)
        return
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(work, block) for block in blocks]
            try:
                for future in futures:
                    future.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    finally:
        torch.set_num_threads(before)
