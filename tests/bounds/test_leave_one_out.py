"""Left-out separators: the same as solving each problem afresh."""

import sys

import daqp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.hard_margin import cone_program_margin, direction_distance, exact_margin
from tests.oracles.samples import flat, lattice, separable
from tunebound import synthetic
from tunebound.bounds import leave_one_out_margins, leave_one_out_separators, max_margin
from tunebound.bounds.separators import leave_one_out, pivots, quadratic_programs
from tunebound.bounds.separators.leave_one_out import SOLVERS
from tunebound.bounds.separators.tableau import tableau


def fresh(X, y, i):
    return max_margin(np.delete(X, i, axis=0), np.delete(y, i))


def assert_agrees(X, y, result, tolerance=1e-12):
    whole = max_margin(X, y)
    assert result.weights.shape == X.shape
    for i in range(len(y)):
        s = fresh(X, y, i)
        assert result.margins[i] == pytest.approx(s.margin, rel=tolerance)
        assert direction_distance(result.weights[i] * s.margin, s.weights * s.margin) <= tolerance
        product = y[i] * (X[i] @ s.weights)
        assert result.hinge[i] == pytest.approx(
            max(0.0, 1 - product), abs=tolerance * np.linalg.norm(X[i]) / s.margin
        )
        if whole.dual[i] == 0:
            assert np.array_equal(result.weights[i], whole.weights)
            assert result.margins[i] == whole.margin
            assert result.gaps[i] == whole.gap
            assert result.hinge[i] == 0
    assert (result.margins >= whole.margin).all()
    assert (result.hinge >= 0).all()
    assert result.gaps.max() <= 1e-11


@pytest.mark.parametrize(("n", "d"), [(5, 1), (8, 2), (50, 5), (60, 20), (40, 40), (30, 100)])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e100])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_left_out_separator_is_the_one_of_a_fresh_solve(n, d, scale, solver):
    X, y = separable(np.random.default_rng(n), n, d, scale=scale)
    assert_agrees(X, y, leave_one_out_separators(X, y, solver=solver))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 30), st.integers(1, 30), st.floats(-3, 1))
def test_random_samples(seed, n, d, gap):
    X, y = separable(np.random.default_rng(seed), n, d, gap=10**gap)
    assert_agrees(X, y, leave_one_out_separators(X, y), tolerance=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_lattice_points_with_ties(seed):
    rng = np.random.default_rng(seed)
    X, y = lattice(rng, int(rng.integers(6, 40)), int(rng.integers(2, 12)))
    assert_agrees(X, y, leave_one_out_separators(X, y))


@pytest.mark.parametrize(("n", "d"), [(20, 4), (12, 15)])
def test_margins_agree_with_a_cone_program(n, d):
    X, y = separable(np.random.default_rng(2), n, d)
    margins = leave_one_out_margins(X, y)
    by_programs = leave_one_out_separators(X, y, solver="daqp").margins
    for i in range(n):
        assert by_programs[i] == pytest.approx(margins[i], rel=1e-12)
        assert margins[i] == pytest.approx(
            cone_program_margin(np.delete(X, i, axis=0), np.delete(y, i)), rel=1e-7
        )


@pytest.mark.parametrize("margin", [1e-4, 1e-8])
def test_tiny_margins_are_exact(margin):
    X, y = flat(np.random.default_rng(8), 14, 4, margin)
    result = leave_one_out_separators(X, y)
    for i in range(14):
        rest = np.delete(X, i, axis=0), np.delete(y, i)
        exact, weights = exact_margin(*rest, max_margin(*rest).support)
        assert abs(result.margins[i] / exact - 1) < 1e-12
        assert direction_distance(result.weights[i], weights) < 1e-12


def test_a_duplicate_takes_the_place_of_the_one_left_out():
    X, y = separable(np.random.default_rng(3), 15, 4)
    X, y = np.vstack([X, X]), np.tile(y, 2)
    whole = max_margin(X, y)
    result = leave_one_out_separators(X, y)
    assert np.allclose(result.margins, whole.margin, rtol=1e-13)
    assert max(direction_distance(w, whole.weights) for w in result.weights) < 1e-12
    assert result.hinge.max() < 1e-12


@pytest.mark.parametrize("shift", [1e-3, 1e-6, 1e-10, 1e-14])
def test_near_duplicates(shift):
    rng = np.random.default_rng(4)
    X, y = separable(rng, 12, 4)
    X, y = np.vstack([X, X + shift * rng.normal(size=X.shape)]), np.tile(y, 2)
    assert_agrees(X, y, leave_one_out_separators(X, y), tolerance=1e-10)


def test_more_tight_samples_than_dimensions():
    y = np.where(np.arange(40) % 2, 1, -1)
    X = np.random.default_rng(6).normal(size=(40, 5))
    X[:, 0] = 0.7 * y
    X -= np.outer(y, (y @ X / 40) * (np.arange(5) > 0))
    assert_agrees(X, y, leave_one_out_separators(X, y), tolerance=1e-10)


def test_orthogonal_samples_have_known_left_out_separators():
    n, B = 24, 4.0
    y = np.where(np.arange(n) % 2, 1, -1)
    result = leave_one_out_separators(B * np.eye(n), y)
    assert np.allclose(result.margins, B / np.sqrt(n - 1), rtol=1e-13)
    assert np.allclose(result.weights, (1 - np.eye(n)) * y / B, atol=1e-14)
    assert np.array_equal(result.hinge, np.ones(n))


def test_only_support_vectors_are_solved(monkeypatch):
    X, y = separable(np.random.default_rng(1), 50, 5)
    whole = max_margin(X, y)
    solved = []
    resolve = pivots.resolve

    def noted(whole, rows):
        solved.extend(rows[:, 0].tolist())
        return resolve(whole, rows)

    monkeypatch.setattr(pivots, "resolve", noted)
    leave_one_out_separators(X, y, whole)
    assert solved == whole.support.tolist()


def wrong_answers():
    """What a solver may return: nothing, one that misses the last digits, one that separates
    nothing, negative duals.
    """
    yield lambda u: np.full_like(u, np.nan)
    yield lambda u: u * (1 + 1e-5 * np.arange(u.shape[1]))
    yield lambda u: np.where(np.arange(u.shape[1]) == 0, 1.0, 0.0) + 0 * u
    yield lambda u: -u


@pytest.mark.parametrize("spoil", list(wrong_answers()))
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_wrong_answer_of_a_solver_is_replaced_by_a_fresh_solve(monkeypatch, solver, spoil):
    X, y = separable(np.random.default_rng(1), 30, 5)
    expected = leave_one_out_separators(X, y)
    for module in (pivots, quadratic_programs):
        right = module.resolve
        monkeypatch.setattr(
            module,
            "resolve",
            lambda *problem, right=right: spoil(right(*problem)),
        )
    result = leave_one_out_separators(X, y, solver=solver)
    assert np.allclose(result.margins, expected.margins, rtol=1e-13)
    assert np.allclose(result.weights, expected.weights, atol=1e-12)
    assert np.allclose(result.hinge, expected.hinge, atol=1e-12)
    assert result.gaps.max() < 1e-12


def test_where_daqp_fails_the_pivots_take_over(monkeypatch):
    X, y = separable(np.random.default_rng(1), 30, 5)
    solved = []
    right = pivots.resolve
    monkeypatch.setattr(
        pivots,
        "resolve",
        lambda whole, rows: solved.extend(rows[:, 0]) or right(whole, rows),
    )
    monkeypatch.setattr(daqp, "solve", lambda **_: (None, 0.0, -1, {}))
    result = leave_one_out_separators(X, y, solver="daqp")
    assert solved == max_margin(X, y).support.tolist()
    assert result.gaps.max() < 1e-13


def troubles():
    """Data of every kind that makes an active set ambiguous or far from 1, with the tolerance on
    directions.
    """
    rng = np.random.default_rng(12)
    yield pytest.param(*separable(rng, 60, 7), 1e-12, id="generic")
    yield pytest.param(*separable(rng, 20, 90), 1e-12, id="wide")
    yield pytest.param(*separable(rng, 25, 25), 1e-12, id="square")
    yield pytest.param(*lattice(rng, 40, 4), 1e-12, id="degenerate")
    X, y = separable(rng, 15, 4)
    yield pytest.param(np.vstack([X, X]), np.tile(y, 2), 1e-12, id="duplicated")
    for shift in (1e-4, 1e-8, 1e-12):
        yield pytest.param(
            np.vstack([X, X + shift * rng.normal(size=X.shape)]),
            np.tile(y, 2),
            1e-10,
            id=f"duplicates {shift:g} apart",
        )
    for margin in (1e-3, 1e-5, 1e-8):
        yield pytest.param(*flat(rng, 30, 5, margin), 1e-12, id=f"margin {margin:g}")
    yield pytest.param(*separable(rng, 30, 5, scale=1e-90), 1e-12, id="tiny")
    for family in ("near_duplicates", "few_support", "degenerate", "heavy_tailed"):
        data = synthetic.make_separable(family, n=60, d=12, margin=0.05, radius=4.0, seed=3)
        yield pytest.param(data.X, data.y, 1e-10, id=family)


@pytest.mark.parametrize(("X", "y", "tolerance"), list(troubles()))
def test_the_solvers_agree(X, y, tolerance):
    pivots, programs = (leave_one_out_separators(X, y, solver=solver) for solver in SOLVERS)
    assert np.allclose(pivots.margins, programs.margins, rtol=1e-12, atol=0)
    assert (
        max(direction_distance(a, b) for a, b in zip(pivots.weights, programs.weights, strict=True))
        < tolerance
    )
    assert max(pivots.gaps.max(), programs.gaps.max()) < 1e-11


@pytest.mark.parametrize(
    ("X", "y", "tolerance"),
    [case for case in troubles() if case.id not in ("margin 1e-05", "margin 1e-08")],
)
def test_pivots_find_the_way_alone(X, y, tolerance):
    """Without a fresh solve, unless the margin is so small that Z Z^T + 1 has lost its 1."""
    scale = max_margin(X, y).margin
    whole = max_margin(X / scale, y)
    Z = X / scale * y[:, None]
    duals = pivots.resolve(tableau(Z, whole.dual), whole.support[:, np.newaxis])
    found = np.isfinite(duals).all(axis=1)
    assert found.mean() >= 0.5
    for i, values in zip(whole.support[found], duals[found], strict=True):
        w = values @ Z
        assert values[i] == 0
        assert direction_distance(w, fresh(X, y, i).weights) < 1e-6


def test_without_daqp_the_error_says_how_to_get_it(monkeypatch):
    X, y = separable(np.random.default_rng(1), 30, 5)
    monkeypatch.setitem(sys.modules, "daqp", None)
    with pytest.raises(
        ImportError,
        match=r"solver='daqp' needs .* run `pip install daqp`, or keep solver='active-set'",
    ):
        leave_one_out_separators(X, y, solver="daqp")
    assert leave_one_out_separators(X, y).gaps.max() < 1e-13


@pytest.mark.parametrize(("solver", "error"), [("nnls", ValueError), (None, TypeError)])
def test_an_unknown_solver_is_refused(solver, error):
    with pytest.raises(error, match="solver must be one of 'active-set', 'daqp', got"):
        leave_one_out_separators(*separable(np.random.default_rng(1), 30, 5), solver=solver)


def test_a_given_separator_saves_its_solve(monkeypatch):
    X, y = separable(np.random.default_rng(1), 30, 5)
    whole = max_margin(X, y)
    expected = leave_one_out_separators(X, y)

    def no_solve(*_):
        raise AssertionError("solved again")

    monkeypatch.setattr(leave_one_out, "max_margin", no_solve)
    result = leave_one_out_separators(X, y, whole)
    assert np.array_equal(result.weights, expected.weights)
    assert np.array_equal(
        result.margins, leave_one_out.leave_one_out_separators(X, y, whole).margins
    )


def test_leave_one_out_margins_are_those_of_the_separators():
    X, y = separable(np.random.default_rng(1), 30, 5)
    assert np.array_equal(leave_one_out_margins(X, y), leave_one_out_separators(X, y).margins)


@pytest.mark.parametrize(("label", "number"), [(1, 2), (-1, 3)])
def test_a_class_of_one_is_named_with_its_sample(label, number):
    X = np.arange(1.0, 11.0).reshape(5, 2)
    y = np.full(5, -label)
    y[number] = label
    with pytest.raises(
        ValueError,
        match=rf"y has one sample of the class \{label:+d}, number {number}: .*give two samples",
    ):
        leave_one_out_separators(X, y)
    with pytest.raises(ValueError, match="give two samples of each class"):
        leave_one_out_margins(X, y)


def test_a_separator_of_other_data_is_refused():
    rng = np.random.default_rng(1)
    X, y = separable(rng, 30, 5)
    for n, d in ((31, 5), (30, 6)):
        with pytest.raises(
            ValueError, match=rf"separator is for {n} samples in {d} dimensions.*: pass max_margin"
        ):
            leave_one_out_separators(X, y, max_margin(*separable(rng, n, d)))
    with pytest.raises(
        ValueError,
        match=r"separator has min_j y_j x_j . w = .* instead of 1: pass max_margin\(X, y\)",
    ):
        leave_one_out_separators(X, y, max_margin(2 * X, y))


def test_bad_samples_are_refused():
    with pytest.raises(ValueError, match="y must be -1 or"):
        leave_one_out_separators(np.eye(4), [1, 2, 3, 4])
    with pytest.raises(ValueError, match="not linearly separable"):
        leave_one_out_separators(np.ones((4, 2)), [1, 1, -1, -1])
