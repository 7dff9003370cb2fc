"""Studies whose process is killed, whose disk is full, or that are run twice at once: the same
command goes on, and the tables are the same byte for byte.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.attack.conftest import LONG

ROUNDS = 20 if LONG else 1
COMMAND = (
    sys.executable,
    "-c",
    "from tunebound.theory.command_line import main; main()",
    "run",
    "--suite",
    "smoke",
    "--steps",
    "400",
)
PATIENCE = 600


def start(directory, jobs=1, **more):
    return subprocess.Popen(
        [*COMMAND, "--jobs", str(jobs), "--output", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **more.pop("env", {})},
        **more,
    )


def finished(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def tables(directory):
    """Every file but the manifest, which says when a study was begun."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in Path(directory).rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The tables of an undisturbed run, and the seconds it took from its first file on."""
    directory = tmp_path_factory.mktemp("whole") / "study"
    process = start(directory, jobs=2)
    begun = _first_file(process, directory)
    code, _, err = finished(process)
    assert code == 0, err
    return tables(directory), time.monotonic() - begun


def _first_file(process, directory):
    while process.poll() is None and not directory.exists():
        time.sleep(0.005)
    return time.monotonic()


def _kill(process):
    """Whether the process, with its workers, was still running when it was killed."""
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    return running


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_goes_on(whole, tmp_path, figure):
    expected, seconds = whole
    draw = random.Random(0)
    hit = missed = 0
    while hit < ROUNDS and missed < 5 * ROUNDS + 20:
        directory = tmp_path / f"study{hit}-{missed}"
        process = start(directory, jobs=2)
        _first_file(process, directory)
        time.sleep(draw.uniform(0, seconds))
        if not _kill(process):
            missed += 1
            continue
        hit += 1
        code, _, err = finished(start(directory))
        assert code == 0, err
        assert tables(directory) == expected
        figure("kills that hit a running study, resumed to the same bytes")
    assert hit == ROUNDS


@pytest.mark.slow
@pytest.mark.parametrize("limit", [4_096, 16_384] if LONG else [16_384])
def test_a_full_disk_is_said_in_a_line_and_the_same_command_goes_on(whole, tmp_path, limit, figure):
    directory = tmp_path / "study"

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, _, err = finished(start(directory, preexec_fn=full))
    assert code != 0
    lines = [line for line in err.splitlines() if line.strip()]
    assert "Traceback" not in err
    assert lines[-1].startswith("tunebound: "), err
    code, _, err = finished(start(directory))
    assert code == 0, err
    assert tables(directory) == whole[0]
    figure("full disks, gone on from to the same bytes")


@pytest.mark.slow
def test_two_processes_on_one_directory(whole, tmp_path, figure):
    for number in range(3 if LONG else 1):
        directory = tmp_path / f"study{number}"
        for process in [start(directory), start(directory)]:
            code, _, err = finished(process)
            assert code == 0, err
        assert tables(directory) == whole[0]
        figure("directories written by two processes at once, the same bytes")


@pytest.mark.slow
def test_a_path_of_another_encoding(tmp_path):
    directory = tmp_path / "étude Ж 数"
    foreign = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    code, _, err = finished(start(directory, env=foreign))
    assert code == 0, err
    report = [*COMMAND[:3], "report", str(directory)]
    done = subprocess.run(
        report, env={**os.environ, **foreign}, capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "<html" in (directory / "report.html").read_text(encoding="utf-8")[:500]
