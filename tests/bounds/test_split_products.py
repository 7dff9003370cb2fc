"""Products with bounds on their rounding, against exact rationals."""

from fractions import Fraction

import numpy as np
import pytest

from tunebound.bounds.separators.split_products import product, split


@pytest.mark.parametrize("length", [1, 2, 5, 33])
@pytest.mark.parametrize("spread", [0, 6, 12])
def test_every_product_is_within_its_bound(length, spread):
    rng = np.random.default_rng(length + spread)
    left = rng.normal(size=(6, length)) * 10.0 ** rng.uniform(-spread, 0, (6, length))
    right = rng.normal(size=(5, length)) * 10.0 ** rng.uniform(0, spread, (5, length))
    right[0] = 0.0
    left[1, -1] -= left[1] @ right[1] / right[1, -1]  # a sum that cancels
    value, error = product(split(left), split(right))
    for p, a in enumerate(left):
        for q, b in enumerate(right):
            exact = sum(Fraction(float(x)) * Fraction(float(z)) for x, z in zip(a, b, strict=True))
            off = abs(Fraction(float(value[p, q])) - exact)
            assert off <= Fraction(float(error[p, q]))
            # far below what float64 alone leaves
            sizes = np.linalg.norm(a) * np.linalg.norm(b)
            assert error[p, q] <= 2.0**-53 * abs(value[p, q]) + 1e-20 * length**2 * sizes


def test_the_parts_add_up_exactly():
    vectors = np.random.default_rng(0).normal(size=(4, 9)) * 1e-5
    parts = split(vectors)
    assert np.array_equal(parts.high + parts.low, vectors)
    assert (parts.norms >= np.linalg.norm(vectors, axis=1)).all()


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 33])
def test_the_high_part_keeps_the_bits_with_which_sums_stay_exact(length):
    vectors = np.random.default_rng(length).normal(size=(20, length)) * 1e3
    vectors[:, 0] = np.ldexp(1.0, np.arange(20)) - 1e-9
    parts = split(vectors)
    bits = max(b for b in range(53) if length * 4**b <= 2**53)
    place = 2.0 ** (np.frexp(np.abs(vectors).max(axis=1, keepdims=True))[1] - bits)
    assert np.array_equal(np.rint(parts.high / place) * place, parts.high)
    assert (np.abs(parts.low) <= place / 2).all()
    for norms, of in ((parts.norms, vectors), (parts.low_norms, vectors - parts.high)):
        lengths = np.linalg.norm(of, axis=1)
        assert ((1.009 * lengths <= norms) & (norms <= 1.011 * lengths)).all()


@pytest.mark.parametrize("length", [1, 2, 7])
def test_the_bound_is_what_its_formula_says(length):
    rng = np.random.default_rng(length)
    left, right = (split(rng.normal(size=(4, length)) * scale) for scale in (1e3, 1e-2))
    value, error = product(left, right)
    norm = np.linalg.norm
    sizes = np.outer(norm(left.high, axis=1), norm(right.low, axis=1))
    sizes += np.outer(norm(left.low, axis=1), norm(right.values, axis=1))
    lowest = 2.0**-53 * (length * sizes + np.abs(value))
    rest = 2.0**-53 * (length + 2) * sizes
    assert (lowest <= error).all()
    # three factors of 1.01, and the values that stand for their high parts
    assert (error - 2.0**-53 * np.abs(value) <= 1.031 * rest + 1e-12 * error).all()
    assert (error - 2.0**-53 * np.abs(value) >= 1.019 * rest - 1e-12 * error).all()
