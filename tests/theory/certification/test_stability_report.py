"""What is promised about fitted scikit-learn classifiers, against their own refits."""

import cvxpy
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tunebound import theory
from tunebound.bounds import NotSeparableError


def split(n=190):
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    names = np.array(["malignant", "benign"])[y]
    return X[order[:n]], names[order[:n]], X[order[n:]]


def hard_margin(X, signs):
    w = cvxpy.Variable(X.shape[1])
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [cvxpy.multiply(signs, X @ w) >= 1]).solve(
        solver=cvxpy.CLARABEL
    )
    return w.value


def coefficients(model):
    return np.concatenate([model.coef_[0], model.intercept_])


@pytest.mark.parametrize(
    "options",
    [
        {"C": 0.1, "fit_intercept": False, "solver": "lbfgs"},
        {"C": 0.05, "fit_intercept": False, "solver": "newton-cholesky"},
        {"C": 0.1, "fit_intercept": True, "solver": "liblinear", "intercept_scaling": 2.0},
        {"C": 0.1, "solver": "lbfgs"},
        {"C": 0.05, "solver": "lbfgs"},
        {"C": 0.05, "solver": "newton-cholesky"},
    ],
)
def test_left_out_refits_of_logistic_regression_are_as_promised(options):
    X, y, points = split()
    fitted = make_pipeline(
        StandardScaler(), LogisticRegression(tol=1e-10, max_iter=100_000, **options)
    ).fit(X, y)
    report = theory.stability_report(fitted, X, y, points, exact=0)
    assert report.inseparable.lam == pytest.approx(1 / (options["C"] * len(y)))
    model, scaled = fitted[-1], fitted[0].transform(X)
    where = np.append(np.ones(X.shape[1]), 1 / options.get("intercept_scaling", 1.0))
    if options["solver"] != "liblinear":
        where = where[:-1]  # an intercept without penalty is no part of the direction
    own = coefficients(model)[: len(where)] * where
    tested = fitted[0].transform(points)
    predicted = model.predict(tested)
    assert np.array_equal(report.predictions.labels, predicted)
    np.testing.assert_allclose(report.weights, own[: len(report.weights)], rtol=1e-12)
    distance = np.empty(len(y))
    for i in range(len(y)):
        kept = np.arange(len(y)) != i
        again = LogisticRegression(tol=1e-10, max_iter=100_000, **options)
        again.fit(scaled[kept], y[kept])
        moved = coefficients(again)[: len(where)] * where
        distance[i] = np.linalg.norm(own / np.linalg.norm(own) - moved / np.linalg.norm(moved))
        changed = again.predict(tested) != predicted
        assert not np.any(changed & report.predictions.fixed)
        assert changed.sum() <= report.predictions.reach[i]
    print(f"promised {report.instability:.4g}, refits {distance.mean():.4g}")
    assert np.all(distance <= report.per_sample + 1e-6)
    if options != {"C": 0.1, "solver": "lbfgs"}:  # where a few samples have no Newton certificate
        assert distance.mean() > 0.2 * report.instability
    assert any("held fixed" in step for step in report.preparation)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression(C=np.inf), "fit_intercept=False"),
        (LogisticRegression(l1_ratio=1.0, solver="saga", max_iter=5000), "another penalty"),
        (LogisticRegression(class_weight="balanced", fit_intercept=False), "class_weight"),
        (RidgeClassifier(), "RidgeClassifier"),
        (LinearSVC(), "LinearSVC"),
        (SGDClassifier(), "SGDClassifier"),
    ],
)
def test_what_is_not_certified_is_refused_by_name(model, message):
    X, y, _ = split(60)
    X = StandardScaler().fit_transform(X)
    with pytest.raises((TypeError, ValueError), match=message):
        theory.stability_report(model.fit(X, y), X, y)


def test_wrong_data_and_models_that_are_not_fitted_are_refused():
    X, y, _ = split(60)
    X = StandardScaler().fit_transform(X)
    model = LogisticRegression(fit_intercept=False)
    with pytest.raises(ValueError, match="not fitted"):
        theory.stability_report(model, X, y)
    model.fit(X, y)
    with pytest.raises(ValueError, match="labels"):
        theory.stability_report(model, X, np.where(y == "benign", "b", "m"))
    with pytest.raises(ValueError, match="features"):
        theory.stability_report(model, X[:, :3], y)
    with pytest.raises(ValueError, match="farther"):
        theory.stability_report(model, X[::-1], y)


def test_coefficients_without_a_penalty_are_held_against_the_separators_that_refits_tend_to():
    X, y, points = split(120)
    scaler = StandardScaler().fit(X)
    X, points = (
        np.hstack([scaler.transform(part), np.ones((len(part), 1))]) for part in (X, points)
    )
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=100_000)
    model.fit(X, y)
    report = theory.stability_report(model, X, y, points)
    own = model.coef_[0] / np.linalg.norm(model.coef_[0])
    predicted = model.predict(points)
    assert np.array_equal(report.predictions.labels, predicted)
    signs = np.where(y == model.classes_[1], 1.0, -1.0)
    flips = np.zeros((len(points), len(y)), dtype=bool)
    for i in range(len(y)):
        kept = np.arange(len(y)) != i
        refit = hard_margin(X[kept], signs[kept])
        refit /= np.linalg.norm(refit)
        assert np.linalg.norm(own - refit) <= report.per_sample[i] + 1e-6
        flips[:, i] = np.where(points @ refit > 0, *model.classes_[::-1]) != predicted
    assert not np.any(flips.any(axis=1) & report.predictions.fixed)
    assert np.all(flips.sum(axis=1) <= report.predictions.flippers)
    assert np.all(flips.sum(axis=0) <= report.predictions.reach)
    whole = hard_margin(X, signs)
    apart = np.linalg.norm(own - whole / np.linalg.norm(whole))
    assert report.per_sample.min() == pytest.approx(apart, abs=1e-5)  # what supports nothing
    assert "separators that refits tend to" in report.head
    with pytest.raises(ValueError, match="exact"):
        theory.stability_report(model, X, y, exact="all")
    noisy = LogisticRegression(C=np.inf, fit_intercept=False, max_iter=5000)
    flipped = np.where(np.arange(len(y)) % 3 == 0, y[::-1], y)
    with pytest.raises(NotSeparableError):
        theory.stability_report(noisy.fit(X[:, :2], flipped), X[:, :2], flipped)
