"""Small models run on one thread, and the user's setting comes back."""

from __future__ import annotations

import pytest
import torch

from tunebound.tuning.threads import PARAMETERS_FOR_THREADS, a_block_a_thread, threads_for


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [(10, 1), (PARAMETERS_FOR_THREADS - 1, 1), (PARAMETERS_FOR_THREADS, 2)],
)
def test_threads_follow_the_size(two_threads, parameters, expected):
    with threads_for(parameters):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2


def test_the_setting_comes_back_after_an_error(two_threads):
    with pytest.raises(ZeroDivisionError), threads_for(10):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_blocks_share_the_threads_and_the_first_error_is_raised():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seen = []
        a_block_a_thread(
            lambda block: seen.append((block, torch.get_num_threads())),
            range(5),
            torch.device("cpu"),
        )
        assert sorted(seen) == [(block, 1) for block in range(5)]
        assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError):
            a_block_a_thread(lambda block: 1 / block, [1, 0, 2], torch.device("cpu"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
