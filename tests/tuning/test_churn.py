"""Flips are counted as a plain loop counts them."""

import numpy as np
import pytest

from tunebound import tuning
from tunebound.tuning.heads import churn


def test_flips_are_those_of_a_loop_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    points, weights = rng.standard_normal((40, 3)), rng.standard_normal(3)
    left_out = weights + rng.standard_normal((7, 3))
    expected = np.array([[(x @ v > 0) != (x @ weights > 0) for v in left_out] for x in points])
    assert 0 < expected.sum() < expected.size
    np.testing.assert_array_equal(tuning.left_out_flips(points, weights, left_out), expected)
    monkeypatch.setattr(churn, "BLOCK", 20)
    np.testing.assert_array_equal(tuning.left_out_flips(points, weights, left_out), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]), "weights must be one head"),
        (([[1.0]], [1.0, 2.0], [[1.0, 2.0]]), "points must have rows of 2"),
        (([[1.0, 2.0]], [1.0, 2.0], [1.0, 2.0]), "left_out must have rows of 2"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tuning.left_out_flips(*arguments)
