"""How many threads torch may use inside one operation, and blocks of work that take one each
instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch

# Below this many parameters an operation is over before its threads have met; where other processes
# hold the cores, waiting for them cost ten times the work.
PARAMETERS_FOR_THREADS = 100_000

Block = TypeVar("Block")


@contextmanager
def threads_for(parameters: int) -> Iterator[None]:
    """One thread while small models are tuned, the user's setting for large ones; put back
    afterwards.
    """
    before = torch.get_num_threads()
    if parameters < PARAMETERS_FOR_THREADS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def a_block_a_thread(
    work: Callable[[Block], None],
    blocks: Sequence[Block],
    device: torch.device,
    *,
    workers: int | None = None,
    stop: Callable[[], None] | None = None,
) -> None:
    """Do the work of every block, on a CPU `workers` at once (as many as torch has threads); the
    first error is raised.

    A block a thread, rather than all threads on every operation: its arrays stay in the cache of
    one core, and no operation waits for the slowest core. After an error or an interruption no
    block is begun, and `stop` tells those under way to end.
    """
    before = torch.get_num_threads()
    together = min(workers or before, len(blocks)) if device.type == "cpu" else 1
    if device.type == "cpu":
        torch.set_num_threads(max(1, before // together) if together > 1 else 1)
    try:
        if together <= 1:
            for block in blocks:
                work(block)
            return
        with ThreadPoolExecutor(together) as pool:
            futures = [pool.submit(work, block) for block in blocks]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                if stop is not None and not all(future.done() for future in futures):
                    stop()
                pool.shutdown(wait=False, cancel_futures=True)
        for future in futures:
            if not future.cancelled():
                future.result()
    finally:
        torch.set_num_threads(before)
