"""Where shards are computed: here, in processes of this machine, or on a cluster."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import joblib
from joblib.parallel import get_active_backend

from tunebound._ground.checks import choice, whole_number
from tunebound.theory.engine.processes import shared_out

BACKENDS = ("dask",)
PACKAGES = ("tunebound", "numpy", "scipy", "torch", "cvxpy", "pandas", "pyarrow")
ANSWER = 30  # seconds that a cluster has to answer

Result = TypeVar("Result")


class WorkerError(ConnectionError):
    """A cluster without scheduler or workers, or a worker that might give other results."""


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of installed packages, "not installed" for others."""
    return {package: _version(package) for package in packages}


@contextmanager
def cluster(backend: str | None, address: str | None) -> Iterator[None]:
    """Have `in_processes` compute on a cluster, for as long as the context lasts.

    Parameters
    ----------
    backend : "dask" or None
        None leaves it to this machine, or to the `joblib.parallel_config` around it.
    address : str, optional
        Of the scheduler, for example "tcp://10.0.0.1:8786".

    Raises
    ------
    ImportError
        If the backend is not installed.
    ValueError
        If the backend is unknown, or it or the address is missing.
    WorkerError
        If no scheduler answers there, or it has no workers.
    """
    if backend is None:
        if address is not None:
            raise ValueError(
                f"address={address!r} names a scheduler and backend is missing; pass backend='dask'"
            )
        yield
        return
    choice("backend", backend, BACKENDS)
    if not address:
        raise ValueError(
            f"address is missing: backend={backend!r} needs that of the scheduler, for example"
            " tcp://10.0.0.1:8786; `dask scheduler` prints it"
        )
    with _dask_client(address) as client, joblib.parallel_config("dask", client=client):
        yield


def processes_to_use(jobs: object) -> int | None:
    """The number of processes that was asked for, None for all cores."""
    return None if jobs is None else whole_number("jobs", jobs, low=1)


def in_processes(
    function: Callable[..., Result], calls: Sequence[tuple[Any, ...]], jobs: int | None
) -> Iterator[tuple[int, Result]]:
    """Results of the calls of a function and their numbers, in any order, each as soon as it is
    there.

    Inside a `joblib.parallel_config` its backend computes them, on all of its workers; else `jobs`
    processes of this machine do, all cores by default, of which this one is one.

    Raises
    ------
    ValueError
        If the backend gives nothing back before all is done, or runs threads.
    WorkerError
        If a worker lacks this package, or has another version of one that results depend on.
    """
    backend, configured = get_active_backend()
    here = versions()
    numbered = [(here, number, function, call) for number, call in enumerate(calls)]
    if type(backend).__name__ == "LokyBackend":
        yield from shared_out(_call, numbered, jobs or configured or joblib.cpu_count())
        return
    if not backend.supports_return_generator or getattr(backend, "uses_threads", False):
        raise ValueError(
            f"the backend {type(backend).__name__} of joblib.parallel_config gives nothing back"
            " before all is done, or runs threads, which share what a computation sets; use 'loky'"
            " or 'dask'"
        )
    client = getattr(backend, "client", None)
    if client is not None:
        _check_workers(client, here)
    parallel = joblib.Parallel(n_jobs=jobs or configured or -1, return_as="generator_unordered")
    yield from parallel(joblib.delayed(_call)(*call) for call in numbered)


def _call(
    expected: Mapping[str, str],
    number: int,
    function: Callable[..., Result],
    call: tuple[Any, ...],
) -> tuple[int, Result]:
    _compare(f"{socket.gethostname()}, process {os.getpid()}", versions(expected), expected)
    return number, function(*call)


@contextmanager
def _dask_client(address: str) -> Iterator[Any]:
    try:
        # by name: the types of its many packages take mypy astray
        distributed = import_module("distributed")
    except ImportError as error:
        raise ImportError(
            "backend='dask' needs the package distributed, which is not installed: run `pip install"
            " 'tunebound[cluster]'`"
        ) from error
    try:
        client = distributed.Client(address, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"address={address!r}: no Dask scheduler answers there ({error}); start one with `dask"
            " scheduler`, or correct the address"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=ANSWER)
        except TimeoutError as error:
            raise WorkerError(
                f"address={address!r}: the scheduler has no workers; start some with `dask worker"
                f" {address}`"
            ) from error
        yield client


def _check_workers(client: Any, expected: Mapping[str, str]) -> None:
    packages = tuple(expected)

    # Sent by value, for it is no module's: it has to run where this package is missing.
    def installed() -> dict[str, str]:
        from importlib import metadata

        found = {}
        for package in packages:
            try:
                found[package] = metadata.version(package)
            except metadata.PackageNotFoundError:
                found[package] = "not installed"
        return found

    for worker, found in client.run(installed).items():
        _compare(worker, found, expected)


def _compare(worker: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    differing = [
        f"{package} {found[package]} instead of {expected[package]}"
        for package in expected
        if found[package] != expected[package]
    ]
    if differing:
        raise WorkerError(
            f"worker {worker} has {', '.join(differing)}: its results could differ; install the"
            " same versions there, or stop that worker"
        )


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
