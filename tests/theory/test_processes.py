"""Calls over processes of this machine: all of them, once each, by this process too."""

import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

from tunebound.theory.engine.processes import (
    FEW,
    ProcessError,
    ahead,
    elsewhere,
    end,
    prepare,
    shared_out,
    surroundings,
)


def whose(number, seconds=0.0):
    time.sleep(seconds)
    return number, os.getpid()


def failing(number):
    if number == 1:
        raise ArithmeticError("call 1 cannot be answered")
    time.sleep(0.1)
    return number


def killed(number):
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return number


KEPT = []


def growing(megabytes):
    """Keep so much memory, and be there for a second, after which loky looks at it."""
    KEPT.append(b"1" * (megabytes << 20))
    time.sleep(1.1)
    return os.getpid()


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_call_is_answered_once(processes):
    answers = list(shared_out(whose, [(number, 0.02) for number in range(20)], processes))
    assert sorted(number for number, _ in answers) == list(range(20))
    assert len({process for _, process in answers}) <= processes
    assert os.getpid() in {process for _, process in answers}


def test_helpers_take_the_dear_ones_in_front_and_this_process_the_cheap_ones_behind():
    list(shared_out(whose, [(number, 0.1) for number in range(6)], 3))  # the helpers have started
    answers = dict(shared_out(whose, [(number, 0.1) for number in range(12)], 3))
    here = {number for number, process in answers.items() if process == os.getpid()}
    assert here, "this process works while it waits"
    assert here == set(range(12 - len(here), 12))


def test_two_processes_both_begin_with_the_dear_ones_and_end_with_the_cheap_ones():
    list(shared_out(whose, [(0,), (1,)], 2))  # the helper has started
    answers = dict(shared_out(whose, [(number, 0.1) for number in range(12)], 2))
    here = sorted(number for number, process in answers.items() if process == os.getpid())
    assert here[0] <= 1
    there = sorted(set(range(12)) - set(here))
    assert there[0] <= 1
    assert abs(here[-1] - there[-1]) < 6


def test_one_call_and_one_process_stay_here():
    assert list(shared_out(whose, [(7,)], 4)) == [(7, os.getpid())]
    assert [process for _, process in shared_out(whose, [(1,), (2,)], 1)] == [os.getpid()] * 2
    assert list(shared_out(whose, [], 4)) == []


def test_helpers_that_were_prepared_end_with_the_computation():
    prepare(2, "json")
    answers = list(shared_out(whose, [(number, 0.05) for number in range(8)], 2))
    (helper,) = {process for _, process in answers} - {os.getpid()}
    end()
    with pytest.raises(ProcessLookupError):
        os.kill(helper, 0)


def test_helpers_that_were_not_prepared_end_when_told_to():
    _, helper = elsewhere(whose, 0)
    end()
    with pytest.raises(ProcessLookupError):
        os.kill(helper, 0)


def test_few_processes_that_were_prepared_are_those_that_compute():
    prepare(2, "json")
    helper = elsewhere(os.getpid)
    answers = dict(shared_out(whose, [(number, 0.1) for number in range(6)], 2))
    assert set(answers.values()) == {os.getpid(), helper}


def test_many_processes_are_not_started_before_they_are_needed(monkeypatch):
    def refuse(helpers):
        raise AssertionError(f"{helpers} helpers were started")

    monkeypatch.setattr("tunebound.theory.engine.processes._executor", refuse)
    prepare(FEW + 1, "json")
    prepare(1, "json")


def test_a_helper_that_holds_much_stays():
    end()
    first = elsewhere(growing, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # loky warns of a process that it starts anew
        assert [elsewhere(growing, 400) for _ in range(2)] == [first] * 2
    end()


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_wanted_later_is_begun_where_there_is_somebody_else(processes):
    begun = time.monotonic()
    asked = ahead(whose, 7, 1.0, processes=processes)
    assert time.monotonic() - begun < 0.9, "nobody waits for it yet"
    number, process = asked()
    assert number == 7
    assert (process == os.getpid()) is (processes == 1)
    assert asked()[0] == 7


def test_a_process_that_was_killed_before_its_result_was_asked_for_is_said():
    asked = ahead(killed, 0, processes=2)
    with pytest.raises(ProcessError, match="memory is short"):
        asked()


def test_a_call_that_fails_ends_the_others():
    with pytest.raises(ArithmeticError, match="call 1 cannot be answered"):
        list(shared_out(failing, [(number,) for number in range(200)], 2))
    assert len(list(shared_out(failing, [(2,), (3,)], 2))) == 2, "the next calls are answered"


def test_a_killed_process_is_said():
    with pytest.raises(ProcessError, match=r"memory is short; .* fewer than jobs=2"):
        list(shared_out(killed, [(number,) for number in range(40)], 2))
    assert len(list(shared_out(failing, [(2,), (3,)], 2))) == 2, "the next calls are answered"


def test_what_is_not_taken_is_not_computed():
    arriving = shared_out(whose, [(number, 0.05) for number in range(1000)], 2)
    next(arriving)
    begun = time.monotonic()
    arriving.close()
    assert time.monotonic() - begun < 20


LEAVES_A_SEMAPHORE = """
import multiprocessing, os
kept = multiprocessing.get_context("spawn").Semaphore()
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_helper_leaves_is_cleared_without_a_word(monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "default::BytesWarning")

    def said(surrounding):
        return subprocess.run(
            [sys.executable, "-c", LEAVES_A_SEMAPHORE],
            env={**os.environ, **surrounding},
            capture_output=True,
            text=True,
            check=False,
        ).stderr

    assert "leaked semaphore" in said({})
    assert not said(surroundings())
    assert surroundings()["PYTHONWARNINGS"].startswith("default::BytesWarning,")
