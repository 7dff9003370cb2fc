"""What a separator and a dual prove, against the formulas in plain sums and exact rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest

from tunebound.bounds.separators import certificates
from tunebound.bounds.separators.certificates import certify, duality_gap, products
from tunebound.bounds.separators.split_products import EPS, split
from tunebound.bounds.separators.split_products import product as split_product

FINER = np.finfo(np.longdouble).eps < EPS


def problem(seed, *, n=7, d=3, off=1e-3):
    """Whole-numbered rows that w separates, a dual with zeros, and c = sum of them beside w."""
    rng = np.random.default_rng(seed)
    Z = rng.integers(1, 9, size=(n, d)).astype(float)
    dual = rng.integers(0, 5, size=n) / 8
    dual[0] = 0.25
    c = dual @ Z
    w = c + off * rng.normal(size=d)
    return Z, w, dual, float(np.linalg.norm(c - w))


def by_hand(values, errors, w, dual, deviation, kept, eps=0.0, finer=0.0, terms=0):
    """The formulas with the rounding of each sum on the side that it harms."""
    smallest = min(values[kept])
    square, norm = math.fsum(w * w), math.sqrt(math.fsum(w * w))
    above = math.fsum(a * (p + e) for a, p, e in zip(dual, values, errors, strict=True))
    sums = (terms + len(w) + 8) * finer
    largest = 2 * above * (1 + 2 * eps + sums) - square * (1 - sums) + (1.01 * deviation) ** 2
    upper = math.sqrt(largest) / math.fsum(dual) * (1 + sums)
    lower = min(p - e for p, e in zip(values[kept], errors[kept], strict=True)) / norm
    return smallest, smallest / norm, 1 - (lower * (1 - sums) / upper) ** 2


@pytest.mark.parametrize("size", [0.0, 1e-3])
@pytest.mark.parametrize("leaving", [False, True])
@pytest.mark.parametrize(("eps", "finer"), [(0.0, 0.0), (1e-2, 0.0), (0.0, 1e-3)])
def test_margins_and_gaps_are_those_of_the_formulas(monkeypatch, size, leaving, eps, finer):
    monkeypatch.setattr(certificates, "EPS", eps)
    monkeypatch.setattr(certificates, "EXTENDED_EPS", finer)
    parts = [problem(seed) for seed in range(4)]
    rng = np.random.default_rng(0)
    values = np.array([Z @ w for Z, w, _, _ in parts])
    errors = size * rng.random(values.shape)
    weights, dual = (np.array([part[k] for part in parts]) for k in (1, 2))
    deviation = np.array([part[3] for part in parts])
    left_out = np.zeros(values.shape, bool)
    if leaving:
        left_out[:, 3], dual[:, 3], values[:, 3], errors[:, 3] = True, 0.0, -5.0, 9.0
    smallest, margins, gaps = certify(
        values,
        errors,
        weights.astype(np.longdouble),
        dual,
        deviation,
        left_out if leaving else None,
    )
    terms = max(sum(a > 0 for a in row) for row in dual)
    for k in range(len(parts)):
        expected = by_hand(
            values[k],
            errors[k],
            weights[k],
            dual[k],
            deviation[k],
            ~left_out[k],
            eps,
            finer,
            terms,
        )
        assert (smallest[k], margins[k], gaps[k]) == pytest.approx(expected, rel=1e-12)
    assert {array.dtype for array in (margins, gaps)} == {np.dtype(float)}


@pytest.mark.skipif(not FINER, reason="no type is wider than float64 here")
def test_sums_keep_more_digits_than_float64(monkeypatch):
    monkeypatch.setattr(certificates, "EPS", 0.0)
    monkeypatch.setattr(certificates, "EXTENDED_EPS", 0.0)
    # 1 + 2⁻⁵³ + 2⁻⁵³ + … is 1 in float64
    dual = np.array([[1.0] + [2.0**-53] * 6])
    weights = np.ones((1, 1), np.longdouble)
    for value in (1.0, 0.75):
        values = np.full((1, 7), value)
        _, _, (gap,) = certify(values, 0 * values, weights, dual, np.array([0.25]))
        total, p = sum(Fraction(float(a)) for a in dual[0]), Fraction(value)
        largest = (2 * p * total - 1 + (Fraction(1.01) / 4) ** 2) / total**2
        assert abs(Fraction(float(gap)) - (1 - p**2 / largest)) < Fraction(1, 10**16)


@pytest.mark.skipif(not FINER, reason="no type is wider than float64 here")
def test_the_last_bits_of_extended_weights_have_an_error_of_their_own():
    high, low = np.array([1.0, 1.0]), np.array([2.0**-60, 2.0**-62])
    row = np.array([[3.0, -3.0]])
    weights = (high.astype(np.longdouble) + low)[np.newaxis]
    values, errors = products(split(row), weights)
    assert values[0, 0] == 3 * (2.0**-60 - 2.0**-62)
    sizes = np.linalg.norm(low) * np.linalg.norm(row)
    expected = 4 * EPS * 1.01**2 * sizes + EPS * values[0, 0]
    assert errors[0, 0] == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("off", [0.0, 1e-6, 1e-2])
def test_a_gap_bounds_the_distance_to_what_the_dual_allows(off):
    for seed in range(20):
        Z, w, dual, deviation = problem(seed, off=off)
        values, errors = products(split(Z), w[np.newaxis].astype(np.longdouble))
        _, (margin,), (gap,) = certify(
            values,
            errors,
            w[np.newaxis].astype(np.longdouble),
            dual[np.newaxis],
            np.array([deviation]),
        )
        exact = [Fraction(float(a)) for a in dual]
        c = [sum(a * int(z) for a, z in zip(exact, column, strict=True)) for column in Z.T]
        largest = sum(x * x for x in c) / sum(exact) ** 2
        assert largest * (1 - Fraction(float(gap))) <= Fraction(float(margin)) ** 2
        attained = min(
            sum(Fraction(float(x)) * int(z) for x, z in zip(w, row, strict=True)) for row in Z
        ) ** 2 / sum(Fraction(float(x)) ** 2 for x in w)
        assert float(gap) <= float(1 - attained / largest) + 1e-14 + 0.03 * off**2


def test_what_is_not_shown_to_separate_has_no_margin():
    # products 1 ± 1, 1 ± 0.5 and 1 ± 0, and a dual of nothing
    values, errors = np.ones((4, 2)), np.array([[1.0], [0.5], [0.0], [0.0]]) * np.ones(2)
    dual = np.array([[0.5, 0.5]] * 3 + [[0.0, 0.0]])
    weights = np.ones((4, 1), np.longdouble)
    smallest, margins, gaps = certify(values, errors, weights, dual, np.zeros(4))
    assert smallest.tolist() == [1.0] * 4
    assert margins.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert np.isinf(gaps).tolist() == [True, False, False, True]
    # lower 0.5, upper √(2 · 1.5 − 1)
    assert gaps[1:3] == pytest.approx([1 - 0.25 / 2, 0.0], abs=1e-14)


def test_no_problem_is_no_error():
    nothing = np.zeros((0, 3))
    found = certify(nothing, nothing, np.zeros((0, 2), np.longdouble), nothing, np.zeros(0))
    assert [part.shape for part in found] == [(0,)] * 3


@pytest.mark.parametrize("extended", [False, True])
def test_products_are_within_their_errors(extended):
    rng = np.random.default_rng(2)
    Z = rng.normal(size=(6, 5)) * 100
    w = rng.normal(size=(3, 5)).astype(np.longdouble)
    if extended:
        w += rng.normal(size=w.shape) * np.longdouble(1e-17)
    values, errors = products(split(Z), w)
    high = w.astype(float)
    low = (w - high).astype(float)
    assert low.any() == (extended and FINER)
    for p in range(3):
        for j in range(6):
            exact = sum(
                (Fraction(float(a)) + Fraction(float(b))) * Fraction(float(z))
                for a, b, z in zip(high[p], low[p], Z[j], strict=True)
            )
            assert abs(Fraction(float(values[p, j])) - exact) <= Fraction(float(errors[p, j]))
    expected = split_product(split(high), split(Z))[1]
    if low.any():
        # what float64 may leave of the last bits, and of adding them
        sizes = np.outer(np.linalg.norm(low, axis=1), np.linalg.norm(Z, axis=1))
        expected += 7 * EPS * 1.0201 * sizes + EPS * np.abs(values)
    assert np.allclose(errors, expected, rtol=1e-10, atol=0)


def test_the_gap_of_two_margins():
    assert duality_gap(3.0, 5.0) == pytest.approx(1 - 9 / 25, rel=1e-15)
    assert duality_gap(np.array([3.0, 7.0]), 5.0).tolist() == [
        pytest.approx(1 - 9 / 25, rel=1e-15),
        0.0,
    ]
    # the margin attained is the larger by rounding
    assert duality_gap(np.nextafter(1.0, 2), 1.0) == 0.0
    assert duality_gap(np.longdouble(1.0), np.longdouble(2.0)).dtype == float
