"""Adam against torch's own and against its recursions, for each replica on its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tuning.one_step import TASK, small_encoder
from tunebound import tuning
from tunebound.tuning.fine_tuning.optimisers import OPTIMISERS, make_optimiser


def step(optimiser, slope, value, rate, key="w"):
    return optimiser.moved({key: slope}, {key: value}, {key: rate})[key]


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_adam_with_correction_is_that_of_torch(name, kind):
    slopes = torch.randn(30, 3, 4, generator=torch.Generator().manual_seed(0)).double()
    value = torch.ones(3, 4, dtype=torch.float64, requires_grad=True)
    other = kind([value], lr=0.02)
    adam, mine = make_optimiser(name), torch.ones(3, 4, dtype=torch.float64)
    for slope in slopes:
        value.grad = slope.clone()
        other.step()
        mine = step(adam, slope, mine, 0.02)
        np.testing.assert_allclose(mine, value.detach(), rtol=1e-12, atol=1e-15)


def test_without_correction_the_first_steps_are_longer():
    slope = torch.tensor([3.0, -0.2], dtype=torch.float64)
    adam, corrected = make_optimiser("adam_uncorrected"), make_optimiser("adam")
    ratios = []
    for _ in range(2000):
        ahead = step(adam, slope, 0 * slope, 1.0)
        ratios.append((ahead / step(corrected, slope, 0 * slope, 1.0))[0].item())
    assert ratios[0] == pytest.approx(np.sqrt(10), rel=1e-6)
    assert max(ratios) == pytest.approx(ratios[11], rel=1e-12)
    assert ratios[11] == pytest.approx((1 - 0.9**12) / np.sqrt(1 - 0.999**12), rel=1e-6)
    assert 6.5 < ratios[11] < 6.6
    assert ratios[-1] == pytest.approx(1 / np.sqrt(1 - 0.999**2000), rel=1e-6)


def test_parameters_have_moments_of_their_own():
    adam = make_optimiser("adam")
    up, down = torch.tensor([2.0]), torch.tensor([-1.0])
    first = step(adam, up, up, 0.1, "a").clone()
    step(adam, down, up, 0.1, "a")
    np.testing.assert_array_equal(step(adam, up, up, 0.1, "b"), first)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_parameters_in_one_call_move_as_by_themselves(name):
    """Each with its own step size; one without a slope in a step gathers no moments there."""
    generator = torch.Generator().manual_seed(1)
    rates = {"a": 0.1, "b": 0.02, "c": 0.1}
    at = {key: torch.randn(3, 5, generator=generator) for key in rates}
    alone, all_at_once = {key: make_optimiser(name) for key in rates}, make_optimiser(name)
    each = dict(at)
    for number in range(9):
        slopes = {key: torch.randn(3, 5, generator=generator) for key in rates}
        if number in (0, 4):
            del slopes["b"]
        at = {**at, **all_at_once.moved(slopes, at, rates)}
        for key, slope in slopes.items():
            each[key] = step(alone[key], slope, each[key], rates[key])
        for key in rates:
            np.testing.assert_array_equal(at[key], each[key])


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_writes_over_nothing_that_it_was_given_from_outside(name):
    optimiser, slope = make_optimiser(name), torch.tensor([2.0, -1.0])
    start, other = torch.tensor([1.0, 3.0]), torch.tensor([-4.0, 5.0])
    first = step(optimiser, slope, start, 0.1)
    step(optimiser, slope, first, 0.1)
    step(optimiser, slope, other, 0.1)
    np.testing.assert_array_equal(start, [1.0, 3.0])
    np.testing.assert_array_equal(other, [-4.0, 5.0])
    np.testing.assert_array_equal(slope, [2.0, -1.0])


def test_the_methods_adam_are_plain_tuning_with_that_optimiser():
    encoder = small_encoder()
    for name in ("adam", "adam_uncorrected"):
        given = {"seeds": [3, 4], "left_out": [None, 2], "steps": 12}
        own = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=name, **given)
        plain = tuning.fine_tune(
            encoder, TASK.tokens, TASK.labels, optimiser=name, learning_rate=0.003, **given
        )
        np.testing.assert_array_equal(own.flat_parameters, plain.flat_parameters)
        np.testing.assert_array_equal(own.head, plain.head)


def test_an_optimiser_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="optimiser must be one of 'sgd', 'adam', 'adam_unc"):
        tuning.fine_tune(small_encoder(), TASK.tokens, TASK.labels, seeds=[0], optimiser="lion")
