"""Room for whole vectors."""

import pytest
import torch

from tunebound.tuning.heads.vectors import whole_vectors


@pytest.mark.parametrize(("count", "whole"), [(1, 64), (64, 64), (65, 128)])
def test_vectors_are_filled(count, whole):
    assert whole_vectors(count) == whole


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_whole_vectors_a_number_has_one_logistic_value_wherever_it_stands(dtype):
    values = torch.linspace(-8, 8, 401, dtype=dtype)
    each = torch.stack([value.repeat(64).sigmoid()[0] for value in values])
    for count in range(1, 402, 3):
        room = torch.zeros(whole_vectors(count), dtype=dtype)
        room[:count] = values[:count]
        assert torch.equal(room.sigmoid_()[:count], each[:count])
