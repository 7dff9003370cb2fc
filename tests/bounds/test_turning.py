"""Sums and maxima without one entry against plain loops, and angles against fifty digits."""

from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp, mpf

from tunebound.bounds import turning

BATCH = np.random.default_rng(0).uniform(0.0, 1.0, (2, 3, 5))


def without(values, i):
    return [value for j, value in enumerate(values) if j != i]


def test_sums_of_others_are_those_of_each_row_and_nothing_cancels():
    shares = BATCH.copy()
    shares[0, 0] = [1.0, 1e-20, 0.0, 1e-20, 0.0]  # 1 + 1e-20 has no digit of 1e-20
    sums = turning.sums_of_others(shares)
    assert sums.shape == shares.shape
    for row in np.ndindex(2, 3):
        for i in range(5):
            exact = sum(map(Fraction, without(shares[row], i)))
            assert abs(Fraction(sums[row][i]) - exact) <= exact * Fraction(1, 10**15)
    assert turning.sums_of_others(np.array([0.25, 0.5])).tolist() == [0.5, 0.25]


def test_the_largest_of_others_is_that_of_each_row_and_ties_stay():
    norms = np.round(10 * BATCH)  # so that many are alike
    norms[1, 2] = [3.0, 7.0, 7.0, 1.0, 2.0]
    found = turning.largest_of_others(norms)
    for row in np.ndindex(2, 3):
        assert found[row].tolist() == [max(without(norms[row], i)) for i in range(5)]
    assert turning.largest_of_others(np.array([4.0, 2.0])).tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("sideways", "along", "margin", "radius"),
    [
        (0.3, 1.0, 0.5, 2.0),
        (1e-9, 1.0, 0.5, 2.0),
        (5.0, 1e-3, 0.5, 2.0),  # the cone is narrower
        (0.0, 1.0, 0.5, 2.0),
        (0.3, 0.0, 0.5, 2.0),  # nothing is left along
        (0.0, 0.0, 0.5, 2.0),
        (0.3, 1.0, 1.0, 1.0),  # a cone of one direction
        (0.3, 1.0, 1.0, 1.0 - 1e-12),  # by rounding less than that
        (0.3, 1.0, 1.0, 1.0 + 1e-12),
        (3.0, 1.0, 1e-200, 1e100),
    ],
)
def test_the_chord_is_that_of_the_smaller_angle(sideways, along, margin, radius):
    with mp.workdps(60):
        turned = mp.atan(mpf(sideways) / mpf(along)) if along > 0 else mp.pi / 2
        cone = mp.acos(mpf(margin) / mpf(radius)) if radius > margin else mpf(0)
        exact = 2 * mp.sin(min(turned, cone) / 2)
    arguments = map(np.array, (sideways, along, margin, radius))
    found = turning.chord_within_cone(*arguments)
    assert abs(mpf(float(found)) - exact) <= mpf(1e-15) * exact
