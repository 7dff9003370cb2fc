"""Regularised minimisers against 50 digits and scikit-learn, and their certificates of distance."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.oracles import regularised_minimisers
from tunebound import synthetic, tuning
from tunebound.tuning.heads import minimisers


def sample(n, d, seed=0):
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n) % 2, 1, -1)
    return rng.standard_normal((n, d)) + 0.5 * y[:, None], y


@pytest.mark.parametrize(("n", "d"), [(6, 2), (5, 8)])
@pytest.mark.parametrize("strength", [2.0, 1e-2, 1e-4])
def test_every_minimiser_is_that_of_fifty_digits_within_its_error(n, d, strength):
    X, y = sample(n, d)
    y[:] = [1, 1, -1, -1, 1, -1][:n]
    found = tuning.minimise_heads(X, y, strength=strength)
    assert found.weights.shape == (n + 1, d)
    assert found.error.max() < 1e-9
    for row, left_out in enumerate((None, *range(n))):
        exact = regularised_minimisers.minimiser(X, y, strength, left_out)
        off = np.linalg.norm(found.weights[row] - [float(v) for v in exact])
        assert off <= found.error[row]


def test_minimisers_are_those_of_scikit_learn():
    X, y = sample(40, 5)
    strength = 0.03
    found = tuning.minimise_heads(X, y, strength=strength)
    # C weighs the sum of the losses, of as many samples as there are left
    solver = LogisticRegression(
        C=1 / (strength * 40), fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    for row, kept in enumerate([np.arange(40)] + [np.delete(np.arange(40), i) for i in range(40)]):
        known = solver.fit(X[kept], y[kept]).coef_[0]
        np.testing.assert_allclose(found.weights[row], known, atol=1e-7)


def test_blocks_and_the_whole_sample_alone_change_nothing(monkeypatch):
    X, y = sample(12, 3)
    whole = tuning.minimise_heads(X, y, strength=0.01)
    alone = tuning.minimise_heads(X, y, strength=0.01, leave_one_out=False)
    assert alone.weights.shape == (1, 3)
    np.testing.assert_allclose(alone.weights[0], whole.weights[0], atol=1e-12)
    monkeypatch.setattr(minimisers, "BLOCK", 100)
    again = tuning.minimise_heads(X, y, strength=0.01)
    np.testing.assert_allclose(again.weights, whole.weights, atol=1e-12)


@pytest.mark.parametrize("overlap", [0.0, 0.2])
def test_weak_penalties_converge_without_a_line_search(overlap):
    data = synthetic.make_mirrored(n=30, d=4, overlap=overlap, radius=30.0, seed=1)
    planted = data.minimiser(1e-9)
    found = tuning.minimise_heads(data.X, data.y, strength=1e-9)
    assert np.linalg.norm(found.weights[0] - planted) < 1e-6 * np.linalg.norm(planted)
    assert found.iterations < 200


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(strength=0.0), ValueError, "strength must be.*above 0.*no minimum"),
        (dict(strength=-1.0), ValueError, "strength"),
        (dict(strength="1"), TypeError, "strength must be a real number"),
        (dict(strength=1.0, leave_one_out=1), TypeError, "leave_one_out must be True or False"),
        (dict(strength=1.0, y=[1, 1, 1, -1]), ValueError, "class -1 and needs 2"),
        (dict(strength=1.0, X=np.zeros((2, 4, 1))), ValueError, "X must have axes"),
    ],
)
def test_bad_input_is_refused_before_work(arguments, error, message):
    given = dict(X=[[1.0], [2.0], [-1.0], [-2.0]], y=[1, 1, -1, -1]) | arguments
    with pytest.raises(error, match=message):
        tuning.minimise_heads(given.pop("X"), given.pop("y"), **given)
