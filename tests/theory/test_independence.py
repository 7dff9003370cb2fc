"""Tables depend on the study alone: bit for bit the same whatever computes them, and how."""

import os
import subprocess
import sys

import joblib
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_limits

from tests.theory.test_workers import files
from tunebound import theory
from tunebound.theory.engine import computing

STUDY = theory.Study("head", "smoke", 0, {"steps": 1e30})


def computed(setting, together=computing.SHARD_MEMBERS, *, backwards=False):
    """The smoke suite in shards of so many members."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "SHARD_MEMBERS", together)
        found, options, suite = theory.Study(setting, "smoke").resolved()
        known = tuple(theory.theorems(setting).values())
        shards = computing.plan(suite.specifications, found, options)
    parts = {
        number: computing.shard_tables(found, suite, shards[number], options, known)
        for number in sorted(range(len(shards)), reverse=backwards)
    }
    return computing.concatenate([parts[number] for number in range(len(shards))])


def identical(first, second):
    for table in computing.TABLES:
        # the order of the columns is that in which the shards bring them
        one, other = (getattr(each, table).sort_index(axis=1) for each in (first, second))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize(
    "setting",
    [
        "head",
        "several-classes",
        "churn",
        "full-quadratics",
        "regularised-heads",
        "stochastic-heads",
        pytest.param("multi-head", marks=pytest.mark.slow),
        pytest.param("predictions", marks=pytest.mark.slow),
    ],
)
def test_size_and_order_of_the_shards_change_no_bit(setting):
    together = computed(setting)
    identical(computed(setting, 1, backwards=True), together)
    identical(computed(setting, 3), together)


# a shard of theirs has one member, since networks are trained one after another
NETWORKS = {
    "full-network": {"steps": 5, "minimiser_steps": 40},
    "remedies": {"steps": 3, "methods": ("plain", "mixout")},
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", list(NETWORKS))
def test_shards_order_threads_and_processes_change_no_bit_of_networks(setting):
    options = NETWORKS[setting]
    found, checked, suite = theory.Study(setting, "smoke", 0, options).resolved()
    known = tuple(theory.theorems(setting).values())
    members = range(len(suite.specifications))
    assert len(members) > 1
    in_one = computing.shard_tables(found, suite, list(members), checked, known)
    together = computing.concatenate([in_one])
    assert len(together.environments) == len(members)
    before = torch.get_num_threads()
    with threadpool_limits(2):
        torch.set_num_threads(2)
        alone = [
            computing.shard_tables(found, suite, [member], checked, known)
            for member in reversed(members)
        ]
    torch.set_num_threads(before)
    identical(computing.concatenate(alone), together)
    identical(theory.study("smoke", setting=setting, jobs=2, **options), together)


@pytest.mark.parametrize("setting", ["head", "several-classes", "full-quadratics"])
def test_threads_of_the_process_change_no_bit(setting):
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            torch.set_num_threads(threads)
            found.append(computed(setting))
    torch.set_num_threads(before)
    identical(*found)


def test_processes_and_a_configured_backend_change_no_bit(tmp_path):
    one = theory.run(STUDY, tmp_path / "one", jobs=1)
    theory.run(STUDY, tmp_path / "two", jobs=2)
    with joblib.parallel_config("loky", n_jobs=3):
        theory.run(STUDY, tmp_path / "configured")
    assert files(tmp_path / "one") == files(tmp_path / "two") == files(tmp_path / "configured")
    in_memory = theory.study("smoke", steps=1e30, jobs=2)
    for table in computing.TABLES:
        pd.testing.assert_frame_equal(
            getattr(in_memory, table), getattr(one, table), check_exact=True
        )


RUN = "from tunebound.theory.command_line import main; main()"


@pytest.mark.slow
def test_threads_of_the_environment_change_no_bit(tmp_path):
    for threads in ("1", "2"):
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        words = ("run", "--suite", "smoke", "--jobs", threads, "--output", tmp_path / threads)
        subprocess.run(
            [sys.executable, "-c", RUN, *map(str, words)],
            env={**os.environ, **dict.fromkeys(variables, threads)},
            check=True,
            capture_output=True,
        )
    assert files(tmp_path / "1") == files(tmp_path / "2")
