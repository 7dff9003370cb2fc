"""Calls shared out over processes of this machine, of which the one that asks is one."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar
from weakref import WeakSet

import joblib
from joblib.externals.loky import get_reusable_executor, process_executor

from tunebound._ground.importing import imported

# So many processes may be started before it is known how many calls there are.
FEW = 4
OBJECTS = 10_000  # new ones before the next search for garbage
IDLE = 300  # seconds after which a process without work ends
# The processes share the cores; sums keep one order whatever the machine.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# A helper that Ctrl-C ends leaves semaphores, which Python clears away and would warn of.
CLEARED = "ignore:resource_tracker:UserWarning"

Result = TypeVar("Result")

_STARTED: WeakSet[Any] = WeakSet()  # executors
_PREPARED: list[Any] = []  # those that end with the next computation
_LEAVING: list[Thread] = []


class ProcessError(ChildProcessError):
    """A process of this machine ended in the middle of a call."""


def prepare(jobs: int | None, *modules: str) -> None:
    """Import modules, and have the other processes do so at the same time where they are few; they
    end with the computation that follows, of which a command has one.

    Parameters
    ----------
    jobs : int, optional
        As for the computation that follows; all cores by default.
    *modules : str
        Full names of what computes.
    """
    helpers = (jobs or joblib.cpu_count()) - 1
    if 0 < helpers < FEW:
        executor = _executor(helpers)
        _PREPARED.append(executor)
        for _ in range(helpers):
            executor.submit(_import, modules)
    _import(modules)


def end() -> None:
    """Have the processes of this module end, and wait until they have."""
    _PREPARED.clear()
    for executor in [*_STARTED]:
        executor.shutdown()
    while _LEAVING:
        _LEAVING.pop().join()


def shared_out(
    function: Callable[..., Result], calls: Sequence[tuple[Any, ...]], processes: int
) -> Iterator[Result]:
    """Results of the calls, in any order, each as soon as it is there and this process is free.

    The helpers take calls from the front, this process from the back in between: with the dearest
    first they end together, and what is done waits for cheap calls only. Beside one helper this
    process does half of the work and takes from the front too, so that the cheapest end it.

    Raises
    ------
    ProcessError
        If a helper is killed, as the system does where memory is short.
    """
    processes = min(processes, max(len(calls), FEW))
    if processes == 1 or len(calls) < 2:
        for call in calls:
            yield function(*call)
        _dismiss()
        return
    executor = _executor(processes - 1)
    waiting, done = deque(calls), SimpleQueue[Future[Result]]()
    take = waiting.popleft if processes == 2 else waiting.pop

    def send() -> None:
        if (call := _taken(waiting.popleft)) is not None:
            executor.submit(function, *call).add_done_callback(receive)

    def receive(future: Future[Result]) -> None:
        done.put(future)
        if future.cancelled() or future.exception() is not None:
            waiting.clear()
        else:
            send()

    try:
        with _killed_said(processes):
            for _ in range(processes - 1):
                send()
            for _ in calls:
                own = _taken(take) if done.empty() else None
                yield done.get().result() if own is None else function(*own)
        _dismiss()
    except BaseException:
        waiting.clear()
        executor.shutdown(kill_workers=True)
        raise


def ahead(function: Callable[..., Result], *call: Any, processes: int) -> Callable[[], Result]:
    """What gives the result of a call that is wanted later: a helper begins it now, where there are
    any; else it is computed when it is asked for.
    """
    if processes == 1:
        return partial(function, *call)
    begun = _executor(processes - 1).submit(function, *call)

    def result() -> Result:
        with _killed_said(processes):
            return begun.result()

    return result


def at_most(processes: int) -> int:
    """So many processes, or one a core where there are fewer cores."""
    return min(processes, joblib.cpu_count())


def elsewhere(function: Callable[..., Result], *call: Any) -> Result:
    """The result of one call in a process of its own."""
    return _executor(1).submit(function, *call).result()


def _import(modules: Sequence[str]) -> None:
    # All of it stays: no search for garbage looks through it, which would take a sixth of the time
    # meanwhile, or later. To search after 700 new objects, as is usual, would take a seventh of the
    # time of a drawing.
    gc.disable()
    try:
        for module in modules:
            imported(module)
    finally:
        gc.enable()
    gc.freeze()
    atexit.register(gc.unfreeze)
    gc.set_threshold(OBJECTS)


@contextmanager
def _killed_said(processes: int) -> Iterator[None]:
    try:
        yield
    except BrokenExecutor as error:
        raise ProcessError(
            "a process of this machine was killed in the middle of its work, as the system does"
            " where memory is short; what was finished is kept, and the same command goes on:"
            f" give it fewer than jobs={processes}"
        ) from error


def _taken(take: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...] | None:
    try:
        return take()
    except IndexError:  # the other end was faster
        return None


def _dismiss() -> None:
    """Tell the processes that `prepare` started to end, which takes them half a second."""
    while _PREPARED:
        thread = Thread(target=_PREPARED.pop().shutdown)
        thread.start()
        _LEAVING.append(thread)


def _executor(helpers: int) -> Any:
    executor = get_reusable_executor(
        max_workers=helpers, timeout=IDLE, env=surroundings(), initializer=_settle
    )
    _STARTED.add(executor)
    return executor


def _settle() -> None:
    """What a helper does first."""
    # it holds data: loky would take more than 300 MB for a leak and start it anew
    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    # its memory is freed as a whole: object by object takes up to a second
    atexit.register(os._exit, 0)


def surroundings() -> dict[str, str]:
    """Environment variables of the helpers, beside those of this process."""
    filters = filter(None, (os.environ.get("PYTHONWARNINGS"), CLEARED))
    return {**ONE_THREAD, "PYTHONWARNINGS": ",".join(filters)}
