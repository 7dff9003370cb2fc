"""The hard-margin separator against a cone program and against exact arithmetic."""

import io
import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.hard_margin import cone_program_margin, direction_distance, exact_margin
from tests.oracles.rational_margin import squared_margin, thin
from tests.oracles.samples import flat, lattice, separable
from tunebound.bounds import NotSeparableError, Separator, max_margin
from tunebound.bounds.separators import certificates, interior_point, least_distance


def assert_optimal(X, y, s, *, rounding=1e-12):
    """KKT conditions, in the units of the data."""
    Z = X * y[:, None]
    w = s.weights * s.margin
    assert s.gap <= 1e-10
    assert np.linalg.norm(w) == pytest.approx(1, rel=1e-12)
    assert (Z @ s.weights).min() == pytest.approx(1, abs=rounding)
    assert (s.dual >= 0).all()
    assert np.array_equal(s.support, np.flatnonzero(s.dual > 0))
    assert np.abs((Z @ s.weights)[s.support] - 1).max() <= rounding
    shares = s.dual * s.margin * s.margin
    assert shares.sum() == pytest.approx(1, rel=1e-12)
    assert np.abs(shares @ (Z / s.margin) - w).max() <= rounding


SHAPES = [(4, 1), (6, 2), (50, 5), (100, 20), (192, 20), (60, 60), (40, 100), (20, 300)]


@pytest.mark.parametrize(("n", "d"), SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_margins_agree_with_a_cone_program(n, d, seed):
    X, y = separable(np.random.default_rng(seed), n, d)
    s = max_margin(X, y)
    assert_optimal(X, y, s)
    assert s.margin == pytest.approx(cone_program_margin(X, y), rel=1e-7)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 60), st.integers(1, 60), st.floats(-4, 1))
def test_separators_satisfy_their_optimality_conditions(seed, n, d, gap):
    X, y = separable(np.random.default_rng(seed), n, d, gap=10**gap)
    rounding = 1e-13 * np.linalg.norm(X, axis=1).max() / 10**gap
    assert_optimal(X, y, max_margin(X, y), rounding=max(1e-12, rounding))


@pytest.mark.parametrize("seed", range(30))
def test_lattice_points_with_ties_agree_with_a_cone_program(seed):
    rng = np.random.default_rng(seed)
    X, y = lattice(rng, int(rng.integers(6, 40)), int(rng.integers(2, 12)))
    s = max_margin(X, y)
    assert_optimal(X, y, s)
    assert s.margin == pytest.approx(cone_program_margin(X, y), rel=1e-7)


@pytest.mark.parametrize("margin", [1e-2, 1e-4, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize(("n", "d"), [(12, 2), (20, 5), (12, 15)])
def test_tiny_margins_are_exact(margin, n, d):
    X, y = flat(np.random.default_rng(7), n, d, margin)
    s = max_margin(X, y)
    exact, weights = exact_margin(X, y, s.support)
    assert abs(s.margin / exact - 1) < 1e-12
    assert direction_distance(s.weights, weights) < 1e-12
    assert s.gap < 1e-11


@pytest.mark.parametrize("margin", [1e-3, 1e-5])
def test_tiny_margins_agree_with_a_cone_program(margin):
    X, y = flat(np.random.default_rng(3), 30, 5, margin)
    assert max_margin(X, y).margin == pytest.approx(cone_program_margin(X, y), rel=1e-7)


@pytest.mark.parametrize("exponent", [-500, -332, -30, -13, 7, 30, 332, 498])
def test_the_scale_of_the_data_does_not_matter(exponent):
    X, y = separable(np.random.default_rng(5), 40, 8)
    base, scaled = max_margin(X, y), max_margin(np.ldexp(X, exponent), y)
    assert scaled.margin == np.ldexp(base.margin, exponent)
    assert np.array_equal(scaled.weights, np.ldexp(base.weights, -exponent))
    assert np.array_equal(scaled.dual, np.ldexp(base.dual, -2 * exponent))
    assert scaled.gap == base.gap


@pytest.mark.parametrize("scale", [1e-150, 1e150, 1e-8, 1e5])
def test_decimal_scales(scale):
    X, y = separable(np.random.default_rng(5), 40, 8)
    base, scaled = max_margin(X, y), max_margin(X * scale, y)
    assert scaled.margin / scale == pytest.approx(base.margin, rel=1e-13)
    assert direction_distance(scaled.weights * scale, base.weights) < 1e-12


@pytest.mark.parametrize("scale", [1e-160, 1e160, 1e300, 1e-300])
def test_scales_whose_dual_leaves_float64_are_refused(scale):
    X, y = separable(np.random.default_rng(5), 40, 8)
    with pytest.raises(
        ValueError, match=r"the margin of X is .*: its inverse square leaves float64; rescale X"
    ):
        max_margin(X * scale, y)


def test_units_of_single_features_may_differ_by_1e8():
    rng = np.random.default_rng(11)
    X, y = separable(rng, 30, 6)
    X = X * 10.0 ** np.array([-4, -2, 0, 0, 2, 4])
    s = max_margin(X, y)
    exact, weights = exact_margin(X, y, s.support)
    assert abs(s.margin / exact - 1) < 1e-12
    assert direction_distance(s.weights, weights) < 1e-12


def test_two_points_in_one_dimension():
    s = max_margin([[2.0], [-3.0]], [1, -1])
    assert s.margin == 2.0
    assert np.array_equal(s.weights, [0.5])
    assert np.array_equal(s.dual, [0.25, 0.0])
    assert np.array_equal(s.support, [0])
    assert np.array_equal(s.direction, [1.0])


def test_orthogonal_points_have_a_known_separator():
    n, B = 30, 4.0
    y = np.where(np.arange(n) % 2, 1, -1)
    s = max_margin(B * np.eye(n), y)
    assert s.margin == pytest.approx(B / np.sqrt(n), rel=1e-14)
    assert np.allclose(s.direction, y / np.sqrt(n), rtol=1e-13)
    assert np.allclose(s.dual, 1 / B**2, rtol=1e-13)
    assert s.support.size == n


def test_duplicates_share_one_dual():
    X, y = separable(np.random.default_rng(2), 20, 4)
    s, twice = max_margin(X, y), max_margin(np.vstack([X, X, X]), np.tile(y, 3))
    assert twice.margin == pytest.approx(s.margin, rel=1e-14)
    assert direction_distance(twice.weights, s.weights) < 1e-14
    assert twice.support.size == s.support.size
    assert_optimal(np.vstack([X, X, X]), np.tile(y, 3), twice)


@pytest.mark.parametrize("shift", [1e-4, 1e-8, 1e-12, 1e-15])
def test_near_duplicates(shift):
    rng = np.random.default_rng(4)
    X, y = separable(rng, 20, 4)
    X, y = np.vstack([X, X + shift * rng.normal(size=X.shape)]), np.tile(y, 2)
    s = max_margin(X, y)
    assert_optimal(X, y, s)
    assert s.margin == pytest.approx(cone_program_margin(X, y), rel=1e-7)


def test_more_tight_samples_than_dimensions():
    # all samples lie on two parallel planes: every one is at the margin, and no dual is unique
    rng = np.random.default_rng(6)
    y = np.where(np.arange(60) % 2, 1, -1)
    X = rng.normal(size=(60, 5))
    X[:, 0] = 0.7 * y
    X -= np.outer(y, (y @ X / 60) * (np.arange(5) > 0))
    s = max_margin(X, y)
    assert s.margin == pytest.approx(0.7, rel=1e-13)
    assert np.abs(s.direction - np.eye(5)[0]).max() < 1e-12
    assert s.support.size <= 5
    assert_optimal(X, y, s)


def test_a_tight_sample_with_dual_zero():
    # z = (1, 1), (1, -1) carry the separator (1, 0); (1, 0) touches it without a say
    X = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.0], [-3.0, 0.5]])
    s = max_margin(X, [1, 1, -1, -1])
    assert s.margin == pytest.approx(1, rel=1e-15)
    assert np.allclose(s.weights, [1, 0], atol=1e-15)
    assert s.dual.sum() == pytest.approx(1)


def contradiction(rng):
    X, y = separable(rng, 20, 4)
    return np.vstack([X, X[:1]]), np.append(y, -y[0])


@pytest.mark.parametrize(
    ("X", "y"),
    [
        contradiction(np.random.default_rng(0)),
        (np.random.default_rng(1).normal(size=(60, 3)), np.tile([1, -1], 30)),
        (np.random.default_rng(1).normal(size=(60, 3)) * 1e100, np.tile([1, -1], 30)),
        (np.array([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]]), np.array([1, 1, -1])),
        (np.array([[1.0], [1.0]]), np.array([1, -1])),
    ],
)
def test_inseparable_data_are_named_as_such(X, y):
    with pytest.raises(
        NotSeparableError, match="not linearly separable through the origin: a convex combination"
    ):
        max_margin(X, y)
    with pytest.raises(
        ValueError, match="Append a constant feature for an intercept, add features, or remove"
    ):
        max_margin(X, y)


def test_a_zero_sample_is_named():
    with pytest.raises(
        NotSeparableError,
        match=r"X\[1\] is the zero vector, .*: remove it, or append a constant feature",
    ):
        max_margin([[1.0, 0.0], [0.0, 0.0]], [1, -1])


@pytest.mark.parametrize("seed", range(40))
def test_rows_that_are_almost_parallel_are_answered_down_to_1e_13(seed):
    rng = np.random.default_rng([seed, 13])
    n, d = int(rng.integers(4, 9)), int(rng.integers(2, 6))
    X, y = thin(rng, n, d, 10.0 ** (rng.random() - 13))
    s = max_margin(X, y)
    truth = squared_margin(X, y, s.support)
    assert truth * (1 - Fraction(s.gap)) <= Fraction(s.margin) ** 2
    assert s.gap <= 1e-6


@pytest.mark.parametrize("margin", [5e-15, 1e-16])
def test_a_margin_that_float64_cannot_resolve_is_no_number(margin):
    X, y = flat(np.random.default_rng(0), 40, 5, margin)
    with pytest.raises(NotSeparableError, match="Append a constant feature"):
        max_margin(X, y)


def test_at_the_limit_of_float64_a_margin_is_refused_or_within_its_gap():
    X, y = flat(np.random.default_rng(0), 40, 5, 1e-14)
    try:
        s = max_margin(X, y)
    except NotSeparableError:  # whether it is depends on the order of sums
        return
    truth = squared_margin(X, y, s.support)
    assert truth * (1 - Fraction(s.gap)) <= Fraction(s.margin) ** 2
    assert s.gap <= 1e-6


@pytest.mark.parametrize(("n", "d"), [(30, 5), (20, 40)])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_interior_point_steps_in_where_nnls_gives_up(monkeypatch, n, d, scale):
    X, y = separable(np.random.default_rng(9), n, d, scale=scale)
    expected = max_margin(X, y)

    def no_convergence(*_args, **_kwargs):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(least_distance.scipy.optimize, "nnls", no_convergence)
    s = max_margin(X, y)
    assert s.margin == pytest.approx(expected.margin, rel=1e-13)
    assert direction_distance(s.weights, expected.weights) < 1e-13
    assert_optimal(X, y, s)


def test_the_interior_point_names_inseparable_data_too(monkeypatch):
    X, y = contradiction(np.random.default_rng(0))

    def no_convergence(*_args, **_kwargs):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(least_distance.scipy.optimize, "nnls", no_convergence)
    with pytest.raises(
        NotSeparableError, match=r"shows no separator|a convex combination of the rows"
    ):
        max_margin(X, y)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_interior_point_shows_the_digits_it_has_on_a_terminal_only(monkeypatch, terminal):
    X, y = separable(np.random.default_rng(9), 30, 5)
    screen, bar = io.StringIO(), interior_point.tqdm
    screen.isatty = lambda: terminal
    # at once, where a solve has to take two seconds otherwise
    monkeypatch.setattr(
        interior_point, "tqdm", lambda **k: bar(**{**k, "delay": 0}, file=screen, mininterval=0)
    )
    interior_point.support_of(X * y[:, None])
    shown = [int(done) for done in re.findall(r"separator: [^\r]* (\d+)/11 ", screen.getvalue())]
    assert bool(shown) == terminal
    if terminal:
        assert (shown[0], shown[-1]) == (0, 11)
        assert shown == sorted(shown)


@pytest.mark.parametrize("wrong", [[0, 1], [5], list(range(12))])
def test_a_wrong_active_set_is_corrected(monkeypatch, wrong):
    X, y = separable(np.random.default_rng(9), 30, 5)
    expected = max_margin(X, y)
    right = least_distance._by_least_squares
    monkeypatch.setattr(
        least_distance, "_by_least_squares", lambda Z: (np.array(wrong), right(Z)[1])
    )
    s = max_margin(X, y)
    assert s.margin == pytest.approx(expected.margin, rel=1e-13)
    assert np.array_equal(s.support, expected.support)


def test_the_gap_bounds_the_error_of_a_worse_separator():
    # |w - w_S|^2 <= gap |w|^2 for the weights that the certificate is about
    assert certificates.duality_gap(0.9, 1.0) == pytest.approx(1 - 0.81)
    assert certificates.duality_gap(1.0, 1.0) == 0.0
    assert certificates.duality_gap(1.0 + 1e-16, 1.0) >= 0.0


@pytest.mark.parametrize("decade", range(2, 13))
def test_the_gap_bounds_the_error_of_the_margin_in_exact_arithmetic(decade):
    """true margin <= margin/sqrt(1 - gap), and no more than rounding in it."""
    for seed in range(70):
        rng = np.random.default_rng([decade, seed])
        n, d = int(rng.integers(4, 9)), int(rng.integers(2, 6))
        X, y = thin(rng, n, d, 10.0 ** (rng.random() - decade))
        s = max_margin(X, y)
        truth = squared_margin(X, y, s.support)
        assert truth * (1 - Fraction(s.gap)) <= Fraction(s.margin) ** 2
        assert s.gap <= 4e-15 + 4 * float(np.finfo(np.longdouble).eps) / s.margin


def test_no_warning_and_no_cvxpy_for_ordinary_data():
    import subprocess
    import sys

    code = (
        "import sys, numpy as np, bounds\n"
        "assert 'cvxpy' not in sys.modules\n"
        "X = np.random.default_rng(0).normal(size=(20, 30))\n"
        "y = np.tile([1, -1], 10)\n"
        "bounds.leave_one_out_margins(X, y)\n"
        "assert 'cvxpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_arguments_are_checked_and_not_changed():
    X, y = separable(np.random.default_rng(1), 10, 3)
    before = X.copy(), y.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        s = max_margin(X.tolist(), y.tolist())
        assert isinstance(s, Separator)
        assert np.array_equal(s.weights, max_margin(X, y).weights)
    assert np.array_equal(X, before[0])
    assert np.array_equal(y, before[1])
    with pytest.raises(ValueError, match="y holds 0 and 1"):
        max_margin(X, (y + 1) // 2)
    with pytest.raises(ValueError, match=r"X\[0, 0\] = nan"):
        max_margin(X * np.where(np.eye(10, 3) == 1, np.nan, 1), y)
