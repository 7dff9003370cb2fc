"""The classifiers against plain loops, and against scikit-learn's own checks."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.oracles.descent import logistic_path
from tunebound import synthetic
from tunebound.tuning import HeadTuningClassifier, MultiHeadClassifier, learning_rate_limits


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


@pytest.mark.parametrize("several", [False, True])
def test_sample_weights_are_refused(several):
    X, y, which = three_classes()
    for estimator in (HeadTuningClassifier(), MultiHeadClassifier()):
        with pytest.raises(TypeError, match="sample_weight"):
            estimator.fit(X, y if several else which > 0, sample_weight=np.ones(24))


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
