"""Shards on a cluster: a real scheduler with two workers on this machine, one of which dies."""

import os
import signal
import time
from pathlib import Path

import joblib
import pytest

from tunebound import theory
from tunebound.theory.engine import manifests, workers
from tunebound.theory.engine.shards import Shards
from tunebound.theory.engine.workers import WorkerError, in_processes

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

STUDY = theory.Study(suite="smoke", options={"steps": 200, "exact": True})


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


def process_after(seconds):
    time.sleep(seconds)
    return os.getpid()


def stop(client, number):
    """Kill the worker process that is first or last in the order of addresses."""
    pids = client.run(os.getpid)
    os.kill(pids[sorted(pids)[number]], signal.SIGKILL)


def files(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in Path(directory).rglob("*")
        if path.is_file() and path.name != manifests.MANIFEST
    }


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    directory = tmp_path_factory.mktemp("local")
    theory.run(STUDY, directory, jobs=1)
    return files(directory)


@pytest.mark.slow
def test_tables_are_the_same_byte_for_byte_though_a_worker_dies(cluster, tmp_path, monkeypatch):
    stored, store = [], Shards.store

    def store_and_kill(self, number, results):
        store(self, number, results)
        stored.append(number)
        if len(stored) == 1:
            with distributed.Client(cluster) as client:
                stop(client, 0)

    monkeypatch.setattr(Shards, "store", store_and_kill)
    # small shards, so that some are left when the worker dies
    monkeypatch.setattr("tunebound.theory.engine.computing.SHARD_MEMBERS", 2)
    theory.run(STUDY, tmp_path / "cluster", backend="dask", address=cluster.scheduler_address)
    again = tmp_path / "again"
    theory.run(STUDY, again, jobs=1)
    assert len(stored) > 4
    assert files(tmp_path / "cluster") == files(again)


@pytest.mark.slow
def test_a_configured_backend_is_taken(cluster, local, tmp_path):
    with distributed.Client(cluster) as client, joblib.parallel_config("dask", client=client):
        theory.run(STUDY, tmp_path)
    assert files(tmp_path) == local


@pytest.mark.slow
def test_results_come_as_they_are_done_and_those_of_a_lost_worker_again(cluster):
    with distributed.Client(cluster) as client, joblib.parallel_config("dask", client=client):
        client.wait_for_workers(2, timeout=30)
        arriving = in_processes(process_after, [(0.3,)] * 12, None)
        numbers = {next(arriving)[0]}
        stop(client, -1)
        numbers |= {number for number, _ in arriving}
    assert numbers == set(range(12))


class Cluster:
    """A client whose workers have these versions."""

    def __init__(self, **found):
        self.found = found

    def run(self, function):
        return {"tcp://10.0.0.7:4001": {**function(), **self.found}}


def test_a_worker_with_another_version_is_named():
    expected = workers.versions()
    workers._check_workers(Cluster(), expected)
    with pytest.raises(WorkerError, match=r"10\.0\.0\.7:4001 has torch 1\.0 instead of"):
        workers._check_workers(Cluster(torch="1.0"), expected)
    with pytest.raises(WorkerError, match="has tunebound not installed instead of"):
        workers._check_workers(Cluster(tunebound="not installed"), expected)
    with pytest.raises(WorkerError, match=f"process {os.getpid()} has .*numpy"):
        workers._call({**expected, "numpy": "0.1"}, 0, process_after, (0,))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"backend": "spark"}, ValueError, "backend"),
        ({"backend": "dask"}, ValueError, "address is missing"),
        ({"address": "tcp://127.0.0.1:1"}, ValueError, "backend is missing"),
        ({"backend": "dask", "address": "tcp://127.0.0.1:1"}, WorkerError, "no Dask scheduler"),
        ({"backend": "dask", "address": "nowhere"}, WorkerError, "no Dask scheduler"),
    ],
)
def test_what_is_no_cluster_is_refused(options, error, said, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ANSWER", 1)
    with pytest.raises(error, match=said):
        theory.run(STUDY, tmp_path, **options)


def test_a_scheduler_without_workers_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ANSWER", 1)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as empty,
        pytest.raises(WorkerError, match="has no workers"),
    ):
        theory.run(STUDY, tmp_path, backend="dask", address=empty.scheduler_address)


def test_threads_are_refused():
    with joblib.parallel_config("threading"), pytest.raises(ValueError, match="threads"):
        next(in_processes(process_after, [(0,), (0,)], 2))
