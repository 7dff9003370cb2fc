"""The separator with an unpenalised bias, against a convex program for every left-out sample."""

import warnings

import cvxpy as cp
import numpy as np
import pytest

from tunebound import bounds

SHAPES = [(6, 1), (8, 2), (9, 3), (12, 6), (10, 15)]


TOLERANCES = (1e-14, 1e-13, 1e-12, 1e-11, 1e-10)


def program(X, y):
    """min |w|^2 with y (X w + b) >= 1, by Clarabel; centred, which the bias takes back."""
    w, b, centre = cp.Variable(X.shape[1]), cp.Variable(), X.mean(axis=0)
    problem = cp.Problem(
        cp.Minimize(cp.sum_squares(w)), [cp.multiply(y, (X - centre) @ w + b) >= 1]
    )
    for tolerance in TOLERANCES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the next tolerance is tried
                problem.solve(
                    solver=cp.CLARABEL,
                    tol_gap_abs=tolerance,
                    tol_gap_rel=tolerance,
                    tol_feas=tolerance,
                )
        except cp.SolverError:
            continue
        if problem.status == cp.OPTIMAL:
            return w.value, float(b.value - centre @ w.value)
    raise AssertionError(f"Clarabel reached no tolerance up to {TOLERANCES[-1]:g}")


def shifted(seed, n, d):
    """Two clouds on both sides of a plane far from the origin, two samples of each class."""
    rng = np.random.default_rng([seed, n, d])
    normal = rng.normal(size=d)
    normal /= np.linalg.norm(normal)
    X = rng.normal(size=(n, d))
    y = np.where(X @ normal > 0, 1, -1)
    y[:4] = 1, 1, -1, -1
    along = np.abs(X @ normal) + 10 ** rng.uniform(-2, 0.5)
    X += np.outer(along * y - X @ normal, normal)
    return X + 5 * normal, y


def unit(w):
    return w / np.linalg.norm(w)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_separator_is_that_of_the_program_and_carries_its_certificate(n, d):
    for seed in range(8):
        X, y = shifted(seed, n, d)
        s = bounds.max_margin_with_bias(X, y)
        weights, bias = program(X, y)
        assert s.weights == pytest.approx(weights, rel=1e-5, abs=1e-5 / s.margin)
        assert s.bias == pytest.approx(bias, rel=1e-5)
        assert s.gap < 1e-11
        assert s.margin * np.linalg.norm(s.weights) == pytest.approx(1, rel=1e-12)
        assert (y * (X @ s.weights + s.bias)).min() == pytest.approx(1, abs=1e-10)
        assert (s.dual * y) @ X == pytest.approx(s.weights, rel=1e-10, abs=1e-10 / s.margin)
        assert abs(s.dual @ y) < 1e-12 * s.dual.sum()
        assert s.dual.min() >= 0
        assert s.dual.sum() == pytest.approx(1 / s.margin**2, rel=1e-10)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_no_left_out_separator_turns_further(n, d):
    attained = moved = 0
    for seed in range(12):
        X, y = shifted(seed, n, d)
        s = bounds.max_margin_with_bias(X, y)
        bound = bounds.deletion_with_bias(X, y, s)
        for i in range(n):
            weights, _ = program(np.delete(X, i, axis=0), np.delete(y, i))
            measured = np.linalg.norm(unit(weights) - unit(s.weights))
            assert measured <= bound[i] + 2e-5  # of the program
            assert bound[i] <= 2**0.5
            assert (bound[i] > 0) == (s.dual[i] > 0) or measured < 2e-5
            moved += measured > 1e-3
            attained += measured > 1e-3 and measured > bound[i] * (1 - 1e-3)
    # one dimension has one direction
    assert moved == attained == 0 if d == 1 else 0 < attained <= moved
    print(n, d, "moved", moved, "attained", attained)


def test_a_class_without_another_sample_on_the_margin_may_turn_by_90_degrees():
    X = np.array([[1.0, 0.0], [1.0, 9.0], [-1.0, 0.0], [-1.0, 0.5]])
    y = np.array([1, 1, -1, -1])
    s = bounds.max_margin_with_bias(X[[0, 1, 2, 3]], y)
    assert s.margin == pytest.approx(1)
    bound = bounds.deletion_with_bias(X, y, s)
    assert bound.max() <= 2**0.5


@pytest.mark.parametrize(
    ("X", "y"),
    [([[0.0], [1.0], [2.0]], [1, -1, 1]), ([[0.0, 1.0], [0.0, 1.0]], [1, -1])],
)
def test_classes_that_no_bias_separates_are_refused(X, y):
    with pytest.raises(bounds.NotSeparableError, match="no hyperplane between the classes"):
        bounds.max_margin_with_bias(X, y)


def test_one_sample_of_a_class_and_a_foreign_separator_are_refused():
    X, y = shifted(0, 8, 2)
    s = bounds.max_margin_with_bias(X, y)
    with pytest.raises(ValueError, match=r"y has one label \+1"):
        bounds.deletion_with_bias(X, np.where(np.arange(8) == 0, 1, -1), s)
    with pytest.raises(ValueError, match="separator has 8 duals"):
        bounds.deletion_with_bias(X[:6], y[:6], s)
    with pytest.raises(ValueError, match="smallest product of"):
        bounds.deletion_with_bias(2 * X, y, s)
