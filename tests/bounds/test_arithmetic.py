"""Floating-point building blocks against exact rationals and fifty digits."""

import re
from fractions import Fraction

import numpy as np
import pytest
from mpmath import mp, mpf

from tunebound.bounds import arithmetic


def test_products_are_exact_to_the_last_digits_whatever_is_large_on_the_way():
    rng = np.random.default_rng(0)
    for _ in range(200):
        over, under = (rng.choice([-1, 1], 3) * 10.0 ** rng.uniform(-50, 50, 3) for _ in range(2))
        exact = Fraction(1)
        for a, b in zip(over, under, strict=True):
            exact *= Fraction(a) / Fraction(b)
        assert abs(Fraction(float(arithmetic.product(over, under))) / exact - 1) < Fraction(
            1, 10**15
        )
    assert arithmetic.product((1e300, 1e300), (1e300, 1e299)) == pytest.approx(10, rel=1e-15)
    assert arithmetic.product((1e-300, 1e-300, 1e300), (1e-300,)) == pytest.approx(1, rel=1e-15)


def test_a_product_beyond_float64_is_infinite_or_nothing_without_a_warning():
    assert arithmetic.product((1e200, -1e200)) == -np.inf
    assert arithmetic.product((1e-200, 1e-200)) == 0.0
    assert arithmetic.product((3.0,), (4.0,)).tolist() == 0.75
    assert arithmetic.product(()).tolist() == 1.0


@pytest.mark.parametrize("denominator", [1e-300, 0.25, 1.0, 1e300])
def test_the_root_of_one_plus_a_ratio(denominator):
    for numerator in (0.0, 1e-300, 0.3, 7.0, 1e300):
        found = arithmetic.root_of_one_plus_ratio(np.array(numerator), np.array(denominator))
        with mp.workdps(50):
            exact = mp.sqrt(1 + mpf(numerator) / mpf(denominator))
        assert abs(mpf(float(found)) - exact) <= mpf(4e-16) * exact
    assert arithmetic.root_of_one_plus_ratio(np.array(1e308), np.array(5e-324)) == np.inf


def test_one_minus_a_product_keeps_what_is_left_of_it():
    rng = np.random.default_rng(1)
    for count in (1, 2, 3, 5):
        for _ in range(100):
            factors = rng.uniform(0.5, 2.0, count) * 2.0 ** rng.integers(-40, 40, count)
            last = 1.0 / np.prod(factors)
            for nudge in (0, 1, 4, 1000):
                all_ = [*factors, last * (1 - nudge * 2.0**-52)]
                exact = Fraction(1)
                for factor in all_:
                    exact *= Fraction(factor)
                found = float(arithmetic.complement(all_))
                # the sum of two numbers has 106 digits, of which the last few are lost
                error = abs(Fraction(found) - (1 - exact))
                assert error <= abs(1 - exact) / 2**51 + Fraction(count, 2**104)


@pytest.mark.parametrize("factors", [[1e200, 1e200 / 3], [1 / 3e-200] * 2, [3e300] * 3, [1.5, 2.0]])
def test_one_minus_a_product_above_one_is_not_above_0_or_no_number(factors):
    assert not arithmetic.complement(factors) > 0


def test_the_chord_of_an_acute_angle():
    for degrees in (0.0, 1e-7, 0.5, 30.0, 60.0, 89.999, 90.0):
        with mp.workdps(50):
            angle = mp.radians(mpf(degrees))
            sine, cosine, exact = mp.sin(angle), mp.cos(angle), 2 * mp.sin(angle / 2)
        found = arithmetic.chord_of_sine(np.array(float(sine)), np.array(float(cosine)))
        assert abs(mpf(float(found)) - exact) <= mpf(4e-16) * exact


def test_a_finished_bound_is_a_float_or_an_array_and_finite():
    assert type(arithmetic.finish("b", np.array(2.0))) is float
    array = np.array([1.0, 2.0])
    assert arithmetic.finish("b", array) is array
    message = "b exceeds float64 (1.8e308) for these arguments: rescale the data or the constants"
    for bound in (np.array(np.inf), np.array([1.0, np.nan]), np.array([-np.inf, 1.0])):
        with pytest.raises(OverflowError, match=f"^{re.escape(message)}$"):
            arithmetic.finish("b", bound)
