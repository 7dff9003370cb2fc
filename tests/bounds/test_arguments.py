"""Checks of quantities that belong to one data set, and what each refusal says."""

import numpy as np
import pytest

from tunebound.bounds import arguments


def test_not_below_allows_rounding_only():
    arguments.not_below("radius", np.array([1.0, 1 - 0.9e-9]), "margin", np.array(1.0), "why")
    with pytest.raises(ValueError, match=r"radius\[1\] = 0.99.* is below margin\[1\] = 1.0: why"):
        arguments.not_below("radius", np.array([1.0, 1 - 1.1e-9]), "margin", np.array(1.0), "why")
    with pytest.raises(ValueError, match=r"radius = 0\.5 is below margin = 1\.0"):
        arguments.not_below("radius", np.array(0.5), "margin", np.array(1.0), "why")


def test_within_allows_rounding_only():
    arguments.within("step", np.array([0.5, 2 + 1.9e-9]), np.array(2.0), "2/beta")
    with pytest.raises(
        ValueError, match=r"step = 2.00000000\d+ exceeds 2/beta = 2.0: take smaller steps"
    ):
        arguments.within("step", np.array([0.5, 2 + 2.1e-9]), np.array(2.0), "2/beta")


def test_margin_and_radius_come_from_one_sample():
    margin, radius = arguments.margin_and_radius([0.5, 1.0], 1.0)
    assert np.array_equal(margin, [0.5, 1.0])
    assert radius == 1.0
    with pytest.raises(
        ValueError, match=r"radius = 0\.4 is below margin = 0\.5: no sample is nearer to the origin"
    ):
        arguments.margin_and_radius(0.5, 0.4)
    with pytest.raises(ValueError, match="margin must be above 0"):
        arguments.margin_and_radius(0.0, 1.0)
    with pytest.raises(ValueError, match="radius must be above 0"):
        arguments.margin_and_radius(1.0, -1.0)


def test_sample_duals_have_a_support_vector_each():
    assert np.array_equal(
        arguments.sample_duals([[0.0, 1.0], [2.0, 0.0]]), [[0.0, 1.0], [2.0, 0.0]]
    )
    with pytest.raises(
        ValueError, match="dual is 0 for every sample: a separator has at least one support vector"
    ):
        arguments.sample_duals([[0.0, 1.0], [0.0, 0.0]])
    with pytest.raises(
        ValueError, match="dual must have the samples on its last axis, got a scalar"
    ):
        arguments.sample_duals(1.0)
    with pytest.raises(ValueError, match=r"dual\[1\] = -1.0: dual must be 0 or more"):
        arguments.sample_duals([1.0, -1.0])


def test_per_data_set_values_meet_the_samples_of_their_own_data_set():
    samples = np.ones((3, 3))
    aligned = arguments.per_data_set("margin", np.array([1.0, 2.0, 3.0]), "dual", samples)
    assert aligned.shape == (3, 1)
    assert arguments.per_data_set("margin", np.ones((3, 3)), "dual", samples).shape == (3, 3)
    assert arguments.per_data_set("margin", np.array(1.0), "dual", samples).shape == ()
    assert arguments.per_data_set("margin", np.ones(3), "dual", np.ones(3)).shape == (3,)
    with pytest.raises(ValueError, match=r"margin \(2, 1\), dual \(3, 3\)"):
        arguments.per_data_set("margin", np.ones(2), "dual", samples)
