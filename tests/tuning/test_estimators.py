"""The classifiers against plain loops, and against scikit-learn's own checks."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.oracles.descent import logistic_path
from tunebound import synthetic
from tunebound.tuning import (
    HeadTuningClassifier,
    MultiHeadClassifier,
    learning_rate_limits,
    tune_heads,
)
from tunebound.tuning.heads.weighted import remaining_slope

# most fits here are short
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks(
    [HeadTuningClassifier(steps=500), MultiHeadClassifier(n_heads=4, steps=500, random_state=0)]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def softmax_descent(X, which, start, rate, steps):
    """One head (d, classes), sample by sample."""
    W, classes = start.copy(), start.shape[1]
    for _ in range(steps):
        gradient = np.zeros_like(W)
        for x, label in zip(X, which, strict=True):
            gradient += np.outer(x, softmax(x @ W) - np.eye(classes)[label])
        W -= rate * gradient / len(X)
    return W


def three_classes():
    rng = np.random.default_rng(0)
    which = np.arange(24) % 3
    return (
        rng.normal(size=(24, 4)) + 2 * np.eye(3, 4)[which],
        np.array(["ash", "elm", "oak"])[which],
        which,
    )


@pytest.mark.parametrize("intercept", [True, False])
def test_two_classes_are_a_plain_descent(intercept):
    data = synthetic.make_separable("gaussian", n=20, d=3, margin=0.5, radius=3.0, seed=1)
    fitted = HeadTuningClassifier(steps=200, learning_rate=0.1, fit_intercept=intercept).fit(
        data.X, data.y
    )
    inputs = np.hstack([data.X, np.ones((20, 1))]) if intercept else data.X
    path = logistic_path(inputs, data.y, 0.1, 200)
    np.testing.assert_allclose(fitted.coef_[0], path[-1, :3], rtol=0, atol=1e-10)
    assert fitted.intercept_ == pytest.approx(path[-1, 3:] if intercept else 0, abs=1e-10)


def test_more_classes_are_a_plain_descent():
    X, y, which = three_classes()
    fitted = HeadTuningClassifier(steps=100, learning_rate=0.2).fit(X, y)
    W = softmax_descent(np.hstack([X, np.ones((24, 1))]), which, np.zeros((5, 3)), 0.2, 100)
    np.testing.assert_allclose(fitted.coef_, W[:4].T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fitted.intercept_, W[4], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        fitted.predict_proba(X), softmax(X @ W[:4] + W[4], axis=1), rtol=0, atol=1e-12
    )
    assert list(fitted.classes_) == ["ash", "elm", "oak"]
    assert fitted.score(X, y) > 0.9


def test_many_heads_are_the_mean_of_single_ones():
    data = synthetic.make_separable("gaussian", n=20, d=3, margin=0.5, radius=3.0, seed=1)
    fitted = MultiHeadClassifier(
        n_heads=5, init_scale=2.0, steps=100, learning_rate=0.1, fit_intercept=False, random_state=7
    ).fit(data.X, data.y)
    starts = np.random.RandomState(7).normal(scale=2.0, size=(5, 3, 1))
    single = [logistic_path(data.X, data.y, 0.1, 100, start=start[:, 0])[-1] for start in starts]
    np.testing.assert_allclose(fitted.coef_[0], np.mean(single, axis=0), rtol=0, atol=1e-12)
    X, y, which = three_classes()
    fitted = MultiHeadClassifier(
        n_heads=3, steps=50, learning_rate=0.2, fit_intercept=False, random_state=7
    ).fit(X, y)
    starts = np.random.RandomState(7).normal(size=(3, 4, 3))
    single = [softmax_descent(X, which, start, 0.2, 50) for start in starts]
    np.testing.assert_allclose(fitted.coef_, np.mean(single, axis=0).T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("several", [False, True])
def test_seeds_repeat_without_the_global_generators(several):
    X, y, which = three_classes()
    labels = y if several else which > 0
    numpy_state = np.random.get_state()  # noqa: NPY002 (the generator that must not move)
    torch_state = torch.get_rng_state()
    first = MultiHeadClassifier(n_heads=3, steps=20, random_state=5).fit(X, labels)
    again = MultiHeadClassifier(n_heads=3, steps=20, random_state=5).fit(X, labels)
    other = MultiHeadClassifier(n_heads=3, steps=20, random_state=6).fit(X, labels)
    np.testing.assert_array_equal(first.coef_, again.coef_)
    assert not np.allclose(first.coef_, other.coef_)
    assert torch.equal(torch.get_rng_state(), torch_state)
    now = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(now, numpy_state, strict=True))


def weighted_descent(X, which, weights, start, rate, steps):
    """One head (d, outputs) on the weighted mean of the losses, sample by sample."""
    W = start.copy()
    for _ in range(steps):
        gradient = np.zeros_like(W)
        for x, label, weight in zip(X, which, weights, strict=True):
            if W.shape[1] == 1:
                gradient += weight * np.outer(x, 1 / (1 + np.exp(-(x @ W))) - label)
            else:
                gradient += weight * np.outer(x, softmax(x @ W) - np.eye(W.shape[1])[label])
        W -= rate * gradient / sum(weights)
    return W


def weights_of(which):
    weights = np.random.default_rng(3).uniform(0.1, 4.0, size=len(which))
    weights[[2, 7]] = 0
    return weights


@pytest.mark.parametrize("several", [False, True])
def test_weighted_samples_are_a_plain_weighted_descent(several):
    X, _, which = three_classes()
    which = which if several else (which > 0).astype(int)
    inputs, weights, outputs = (
        np.hstack([X, np.ones((24, 1))]),
        weights_of(which),
        3 if several else 1,
    )
    fitted = HeadTuningClassifier(steps=60, learning_rate=0.2).fit(X, which, sample_weight=weights)
    W = weighted_descent(inputs, which, weights, np.zeros((5, outputs)), 0.2, 60)
    np.testing.assert_allclose(fitted.coef_, W[:4].T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(fitted.intercept_, W[4], rtol=0, atol=1e-12)
    many = MultiHeadClassifier(n_heads=3, steps=30, learning_rate=0.2, random_state=7)
    many.fit(X, which, sample_weight=weights)
    starts = np.random.RandomState(7).normal(size=(3, 5, outputs))
    single = [weighted_descent(inputs, which, weights, start, 0.2, 30) for start in starts]
    np.testing.assert_allclose(many.coef_, np.mean(single, axis=0)[:4].T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("several", [False, True])
def test_without_a_separator_the_limit_is_that_of_scikit_learn(several):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 2))
    which = (X[:, 0] + 1.5 * rng.normal(size=60) > 0).astype(int) + (several & (X[:, 1] > 0.3))
    weights, by_class = rng.uniform(0.2, 3.0, size=60), {0: 2.0, 1: 0.5}
    fitted = HeadTuningClassifier(steps=20_000, class_weight=by_class)
    fitted.fit(X, which, sample_weight=weights)
    reference = LogisticRegression(C=np.inf, class_weight=by_class, tol=1e-12, max_iter=10_000)
    reference.fit(X, which, sample_weight=weights)
    np.testing.assert_allclose(
        fitted.predict_proba(X), reference.predict_proba(X), rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        fitted.predict_log_proba(X), np.log(fitted.predict_proba(X)), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("kind", [HeadTuningClassifier, MultiHeadClassifier])
def test_a_weight_of_zero_leaves_out_and_balance_is_by_weights(kind, several):
    X, y, which = three_classes()
    y = y if several else which > 0
    weights = weights_of(which)
    options = {"steps": 50, "class_weight": "balanced"}
    if kind is MultiHeadClassifier:
        options |= {"n_heads": 3, "random_state": 0}
    kept = weights > 0
    fitted = kind(**options).fit(X, y, sample_weight=weights)
    without = kind(**options).fit(X[kept], y[kept], sample_weight=weights[kept])
    np.testing.assert_allclose(fitted.coef_, without.coef_, rtol=0, atol=1e-12)
    mass = {label: weights[y == label].sum() for label in np.unique(y)}
    by_hand = kind(**{**options, "class_weight": None})
    by_hand.fit(
        X, y, sample_weight=1e300 * np.array([w / mass[c] for w, c in zip(weights, y, strict=True)])
    )
    np.testing.assert_allclose(fitted.coef_, by_hand.coef_, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("sample_weight", "class_weight", "message"),
    [
        ([1.0, 2.0], None, r"sample_weight must have shape \(24,\)"),
        (-np.ones(24), None, r"sample_weight\[0\] = -1.0: sample_weight must be 0 or more"),
        (np.full(24, np.nan), None, "sample_weight must be finite"),
        (np.arange(24) % 3, None, "every weight of class 0 is zero"),
        (None, {1: 0.0}, "every weight of class 1 is zero"),
        (None, {3: 2.0}, r"class_weight names \['3'\], which y does not hold"),
        (None, {0: -1.0}, r"class_weight\[0\] = -1.0: class_weight must be 0 or more"),
        (None, "even", "class_weight must be one of 'balanced', got 'even'"),
    ],
)
def test_bad_weights_are_refused(sample_weight, class_weight, message):
    X, _, which = three_classes()
    for estimator in (HeadTuningClassifier(), MultiHeadClassifier()):
        estimator.set_params(class_weight=class_weight)
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, which, sample_weight=sample_weight)


def test_masked_weights_are_refused():
    X, y, _ = three_classes()
    with pytest.raises(TypeError, match="sample_weight is a masked array: drop or fill"):
        HeadTuningClassifier().fit(X, y, sample_weight=np.ma.masked_array(np.ones(24), mask=False))


@pytest.mark.parametrize("weighting", ["1/(n-1)", "1/n"])
def test_a_weight_of_zero_is_the_leave_one_out_run_of_the_theory(weighting):
    data = synthetic.make_separable("gaussian", n=16, d=4, margin=0.5, radius=4.0, seed=0)
    rate = learning_rate_limits(data.X) / 4
    run = tune_heads(data.X, data.y, steps=50, record=[50], learning_rate=rate, weighting=weighting)
    own = rate * (15 / 16 if weighting == "1/n" else 1)
    for sample in (0, 7):
        weights = np.ones(16)
        weights[sample] = 0
        fitted = HeadTuningClassifier(steps=50, learning_rate=own, fit_intercept=False)
        fitted.fit(data.X, data.y, sample_weight=weights)
        np.testing.assert_allclose(fitted.coef_[0], run.weights[sample + 1], rtol=0, atol=1e-12)


def test_features_in_different_units_warn_and_scaled_ones_do_not():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match=r"after 1000 steps .*StandardScaler.* raise steps"):
        rough = HeadTuningClassifier().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fine = make_pipeline(StandardScaler(), HeadTuningClassifier()).fit(X, y)
    assert rough.score(X, y) < 0.92
    assert fine.score(X, y) > 0.98
    with warnings.catch_warnings():  # a start that is the minimum already, up to rounding
        warnings.simplefilter("error")
        HeadTuningClassifier(steps=1).fit([[-1.0], [1.0], [-1.0], [1.0]], [0, 0, 1, 1])


def test_the_remaining_slope_does_not_depend_on_units():
    X, _, which = three_classes()
    inputs, weights = np.hstack([X, np.ones((24, 1))]), weights_of(which)
    head = np.random.default_rng(2).normal(size=(5, 3))
    scale, shift = np.array([1e3, 1.0, 1e-4, 7.0, 1.0]), np.array([5.0, -2.0, 0.0, 1.0, 0.0])
    moved = inputs * scale + shift * inputs[:, [4]]
    moved_head = head / scale[:, None]
    moved_head[4] -= shift[:4] @ moved_head[:4]
    np.testing.assert_allclose(moved @ moved_head, inputs @ head, rtol=0, atol=1e-10)
    slopes = [
        remaining_slope(points, which, weights, at, centred=True)
        for points, at in ((inputs, head), (moved, moved_head))
    ]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-9)
    assert slopes[0] > 0


@pytest.mark.parametrize("several", [False, True])
def test_logarithms_of_probabilities_do_not_underflow(several):
    X, y, which = three_classes()
    fitted = HeadTuningClassifier().fit(X, y if several else which > 0)
    far = 1e5 * X[:3]
    logarithms, logits = fitted.predict_log_proba(far), fitted.decision_function(far)
    assert np.isfinite(logarithms).all()
    assert logarithms.min() < -1000
    if several:
        expected = logits - logits.max(axis=1, keepdims=True)  # the others add less than rounding
    else:
        expected = np.stack([np.minimum(0, -logits), np.minimum(0, logits)], axis=1)
    np.testing.assert_allclose(logarithms, expected, rtol=0, atol=1e-9)


def test_a_head_of_samples_weighed_differently_has_no_certificate():
    data = synthetic.make_separable("gaussian", n=16, d=4, margin=0.5, radius=4.0, seed=0)
    model = HeadTuningClassifier(fit_intercept=False)
    model.fit(data.X, data.y, sample_weight=np.arange(1, 17))
    with pytest.raises(ValueError, match=r"weighed differently, .* fit without sample_weight"):
        _ = model.certificate_
    alike = model.fit(data.X, data.y, sample_weight=np.full(16, 3.0)).certificate_
    assert alike.margin == pytest.approx(data.margin, rel=1e-9)


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("estimator", [HeadTuningClassifier(steps=3), MultiHeadClassifier(steps=3)])
def test_masked_arrays_are_refused(estimator, mask):
    X, y, _ = three_classes()
    masked = np.ma.masked_array(X, mask=mask)
    with pytest.raises(TypeError, match="X is a masked array: drop or fill"):
        estimator.fit(masked, y)
    with pytest.raises(TypeError, match="y is a masked array: drop or fill"):
        estimator.fit(X, np.ma.masked_array(y, mask=mask))
    with pytest.raises(TypeError, match="X is a masked array: drop or fill"):
        estimator.fit(X, y).predict(masked)


def test_two_classes_probabilities_and_order():
    data = synthetic.make_separable("gaussian", n=20, d=3, margin=0.5, radius=3.0, seed=1)
    fitted = HeadTuningClassifier().fit(data.X, np.where(data.y > 0, "yes", "no"))
    shares = fitted.predict_proba(data.X)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(
        np.log(shares[:, 1] / shares[:, 0]), fitted.decision_function(data.X), rtol=1e-9
    )
    assert list(fitted.classes_[shares.argmax(axis=1)]) == list(fitted.predict(data.X))
    assert fitted.score(data.X, np.where(data.y > 0, "yes", "no")) == 1


def test_the_largest_step_for_more_classes_does_not_diverge():
    X, y, _ = three_classes()
    inputs = np.hstack([X, np.ones((24, 1))])
    limit = 4 * 24 / np.linalg.norm(inputs, 2) ** 2
    assert HeadTuningClassifier(learning_rate=limit).fit(X, y).score(X, y) > 0.9
    with pytest.raises(ValueError, match="above the limit"):
        HeadTuningClassifier(learning_rate=1.01 * limit).fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (HeadTuningClassifier(steps=0), "steps must be at least 1"),
        (HeadTuningClassifier(learning_rate="fast"), "learning_rate must be one of 'auto'"),
        (MultiHeadClassifier(n_heads=0), "n_heads must be at least 1"),
        (MultiHeadClassifier(init_scale=-1.0), "init_scale must be finite and above 0"),
    ],
)
def test_bad_parameters_are_refused(estimator, message):
    X, y, which = three_classes()
    for labels in (y, which > 0):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, labels)


@pytest.mark.parametrize("size", [1e200, 1e-200])
@pytest.mark.parametrize("several", [False, True])
def test_features_beyond_the_range_of_a_step_size_are_refused(size, several):
    X, y, which = three_classes()
    with pytest.raises(ValueError, match="its curvature over- or underflows; rescale the features"):
        HeadTuningClassifier(fit_intercept=False).fit(size * X, y if several else which > 0)
    with pytest.raises(ValueError, match="zero everywhere"):
        HeadTuningClassifier(fit_intercept=False).fit(0 * X, y if several else which > 0)


def test_an_intercept_that_is_neither_wanted_nor_not_is_refused():
    X, y, _ = three_classes()
    with pytest.raises(TypeError, match="fit_intercept must be True or False, got 'no'"):
        HeadTuningClassifier(fit_intercept="no").fit(X, y)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="one class"):
        HeadTuningClassifier().fit(np.eye(3), np.zeros(3))


def test_a_fitted_head_has_the_certificate_of_its_data_and_of_its_own_step():
    data = synthetic.make_separable("gaussian", n=16, d=4, margin=0.5, radius=4.0, seed=0)
    model = HeadTuningClassifier(steps=200, fit_intercept=False)
    with pytest.raises(NotFittedError):
        _ = model.certificate_
    found = model.fit(data.X, data.y).certificate_
    assert found.margin == pytest.approx(data.margin, rel=1e-9)
    distance = []
    for i in range(16):
        kept = np.arange(16) != i
        # weights 1/n of the others stay: 1/(n - 1) of them at 15/16 of the step
        rate = learning_rate_limits(data.X) / 2
        whole = HeadTuningClassifier(200, rate, fit_intercept=False).fit(data.X, data.y)
        without = HeadTuningClassifier(200, rate * 15 / 16, fit_intercept=False)
        without.fit(data.X[kept], data.y[kept])
        units = [m.coef_[0] / np.linalg.norm(m.coef_[0]) for m in (whole, without)]
        distance.append(np.linalg.norm(units[0] - units[1]))
    assert 0 < np.mean(distance) <= found.along_training
    mixed = HeadTuningClassifier(steps=5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="no separator"):
        _ = mixed.certificate_


def test_asking_for_no_certificate_imports_no_theory():
    program = (
        "import sys; from tunebound import tuning;"
        " tuning.HeadTuningClassifier(steps=2).fit([[0.], [1.], [2.], [3.]], [0, 0, 1, 1]);"
        " print(sorted({'cvxpy', 'matplotlib', 'tunebound.theory'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr
