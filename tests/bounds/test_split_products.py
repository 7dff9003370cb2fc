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
