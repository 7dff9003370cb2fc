"""Separators of scikit-learn's data sets against Clarabel, and what is said where there is none."""

import cvxpy
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from tests.oracles.hard_margin import cone_program_margin
from tunebound.bounds import NotSeparableError, leave_one_out_separators, max_margin


def prepared(load, first, second):
    """Two classes, standardised, with a constant feature."""
    X, y = load(return_X_y=True)
    chosen = np.isin(y, (first, second))
    X, y = X[chosen], np.where(y[chosen] == first, 1, -1)
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    return np.hstack([X, np.ones((len(X), 1))]), y


def cone_program_dual(X, y):
    w = cvxpy.Variable(X.shape[1])
    constraint = cvxpy.multiply(y, X @ w) >= 1
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [constraint]).solve(solver=cvxpy.CLARABEL)
    return constraint.dual_value


@pytest.mark.parametrize(
    ("load", "pair"),
    [
        (load_breast_cancer, (0, 1)),
        (load_wine, (0, 1)),
        (load_wine, (0, 2)),
        (load_wine, (1, 2)),
        (load_digits, (0, 1)),
        (load_digits, (3, 8)),
        (load_digits, (4, 9)),
        (load_digits, (1, 8)),
    ],
)
def test_margins_whole_and_left_out_agree_with_clarabel(load, pair):
    X, y = prepared(load, *pair)
    whole = max_margin(X, y)
    dual = cone_program_dual(X, y)
    assert np.array_equal(np.flatnonzero(dual > 1e-5 * dual.max()), whole.support)
    assert whole.gap <= 1e-14
    assert whole.margin == pytest.approx(cone_program_margin(X, y), rel=1e-8)
    left_out = leave_one_out_separators(X, y, whole)
    assert left_out.gaps.max() <= 1e-12
    for i in whole.support[:3]:
        rest = np.arange(len(y)) != i
        assert left_out.margins[i] == pytest.approx(cone_program_margin(X[rest], y[rest]), rel=1e-8)


def test_a_contradiction_among_real_samples_is_proved_by_a_combination():
    X, y = prepared(load_breast_cancer, 0, 1)
    with pytest.raises(NotSeparableError, match="a convex combination of the rows"):
        max_margin(np.vstack([X, X[:1]]), np.append(y, -y[0]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [1e-6, 1e-9, 1e-12])
def test_saturated_features_are_answered_or_refused_in_own_words(seed, spread):
    """Features that are -1 or 1 up to a little: as an encoder with tanh gives them."""
    rng = np.random.default_rng(seed)
    n, d = 40, 12
    y = np.tile([1, -1], n // 2)
    pattern = rng.choice([-1.0, 1.0], size=d)
    X = pattern * (1.0 - spread * rng.random((n, d)))
    X[:, 0] = 1.0 - spread * (0.5 - 0.2 * y * (1 + rng.random(n)))
    X = np.hstack([X, np.ones((n, 1))])
    if spread == 1e-12:  # a margin of some 2e-13, which float64 shows in some of the sets
        try:
            separator = max_margin(X, y)
        except NotSeparableError:
            return
    else:
        separator = max_margin(X, y)
    assert separator.gap <= 1e-6
    assert (X * y[:, None] @ separator.weights).min() > 0.99
