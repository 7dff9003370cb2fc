"""Certificates of regularised heads against refits by scikit-learn at tight tolerance."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression

from tunebound.theory.certification.prepared import Prepared
from tunebound.theory.certification.regularised import regularised_certificate


def refit(X, y, lam, n):
    """Minimiser of the sum of the losses over n plus (lam/2)|w|^2, not by Newton of ours."""
    solver = LogisticRegression(
        C=1 / (lam * n), fit_intercept=False, solver="newton-cholesky", tol=1e-13, max_iter=1000
    )
    return solver.fit(X, y).coef_[0]


def one_against_rest(X, y, classes, lam, n):
    if classes == 2:
        return refit(X, y, lam, n)[np.newaxis]
    return np.stack([refit(X, y == k, lam, n) for k in range(classes)])


def labels(W, points):
    scores = points @ W.T
    return (scores[:, 0] > 0).astype(int) if len(W) == 1 else scores.argmax(axis=1)


def noisy(load, flips, seed, *, every=3):
    X, y = load(return_X_y=True)
    X = np.hstack([(X - X.mean(0)) / X.std(0), np.ones((len(X), 1))])
    rng, y = np.random.default_rng(seed), y.copy()
    chosen = rng.choice(len(y), flips, replace=False)
    y[chosen] = (y[chosen] + 1) % (y.max() + 1)
    order = rng.permutation(len(y))
    train, test = order[: len(y) // every], order[len(y) // every :]
    return Prepared(X=X[train], y=y[train], classes=tuple(np.unique(y).tolist()), X_test=X[test])


@pytest.mark.parametrize(
    ("load", "flips", "lam"),
    [(load_breast_cancer, 60, None), (load_breast_cancer, 60, 0.003), (load_wine, 40, None)],
)
def test_nothing_promised_is_violated_by_refits(load, flips, lam):
    prepared = noisy(load, flips, 0)
    n, classes = len(prepared.X), len(prepared.classes)
    one_solve = regularised_certificate(prepared, lam=lam, exact=0)
    computed = regularised_certificate(prepared, lam=lam, exact="all")
    assert not one_solve.separable
    chosen = one_solve.inseparable.lam
    W = one_against_rest(prepared.X, prepared.y, classes, chosen, n)
    np.testing.assert_allclose(np.atleast_2d(one_solve.weights), W, atol=1e-8)
    distance, wrong = np.empty(n), 0
    flips_seen = np.zeros((len(prepared.X_test), n), dtype=bool)
    for i in range(n):
        kept = np.arange(n) != i
        without = one_against_rest(prepared.X[kept], prepared.y[kept], classes, chosen, n)
        units = [V / np.linalg.norm(V, axis=1, keepdims=True) for V in (W, without)]
        distance[i] = np.linalg.norm(units[0] - units[1], axis=1).mean()
        flips_seen[:, i] = labels(W, prepared.X_test) != labels(without, prepared.X_test)
        wrong += labels(without, prepared.X[i : i + 1])[0] != prepared.y[i]
    assert np.all(distance <= one_solve.per_sample + 1e-8)
    assert np.all(np.abs(distance - computed.exact) <= computed.exact_error + 1e-8)
    for certificate in (one_solve, computed):
        predictions = certificate.predictions
        assert not np.any(flips_seen[predictions.fixed])
        assert np.all(flips_seen.sum(axis=1) <= predictions.flippers)
        assert np.all(flips_seen.sum(axis=0) <= predictions.reach)
    assert computed.predictions.computed
    assert np.array_equal(computed.predictions.flips, flips_seen.sum(axis=0))
    open_ = one_solve.inseparable
    assert wrong / n <= open_.leave_one_out_error <= (wrong + open_.undecided) / n + 1e-12
    print(
        f"{n} samples, {classes} classes, lam {chosen:.3g}: certified"
        f" {one_solve.instability:.4g}, refits {distance.mean():.4g}; {flips_seen.sum()} flips;"
        f" fixed {one_solve.predictions.unchanged:.3f}, truly {1 - flips_seen.any(1).mean():.3f}"
    )
    if lam is None:  # a small lam leaves samples uncertified, each counted as 2
        assert distance.mean() > 0.2 * one_solve.instability


def test_groups_are_bounded_against_refits_without_them():
    for load, size in ((load_breast_cancer, 3), (load_wine, 2)):
        prepared = noisy(load, 12, 1)
        n, classes = len(prepared.X), len(prepared.classes)
        found = regularised_certificate(prepared, exact=0, group=size)
        lam = found.inseparable.lam
        W = np.atleast_2d(found.weights)
        rng = np.random.default_rng(0)
        groups = [found.pivotal[:size], *(rng.choice(n, size, replace=False) for _ in range(30))]
        assert found.predictions.fixed_by_group.any()
        for group in groups:
            kept = np.delete(np.arange(n), group)
            without = one_against_rest(prepared.X[kept], prepared.y[kept], classes, lam, n)
            units = [V / np.linalg.norm(V, axis=1, keepdims=True) for V in (W, without)]
            assert np.linalg.norm(units[0] - units[1], axis=1).mean() <= found.by_group
            same = labels(W, prepared.X_test) == labels(without, prepared.X_test)
            assert np.all(same[found.predictions.fixed_by_group])


def test_some_samples_are_computed_and_measured_means_all():
    prepared = noisy(load_breast_cancer, 30, 2, every=6)
    some = regularised_certificate(prepared, lam=0.05, exact=5)
    whole = regularised_certificate(prepared, lam=0.05, exact=0, measured=True)
    known = np.isfinite(some.exact)
    assert known.sum() == 5
    assert some.per_sample[known].min() >= some.per_sample[~known].max()
    np.testing.assert_allclose(some.exact[known], whole.exact[known], atol=1e-9)
    assert not some.predictions.computed
    assert np.array_equal(some.predictions.flips >= 0, known)
    assert np.isfinite(whole.exact).all()
    assert not some.inseparable.chosen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lam": 0.0}, "lam"),
        ({"exact": "most"}, "exact"),
        ({"group": 0}, "group"),
        ({"exact": -1}, "exact"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        regularised_certificate(noisy(load_wine, 5, 0), **options)


def test_a_head_without_direction_is_refused():
    X = np.array([[1.0], [1.0], [1.0], [1.0]])
    prepared = Prepared(X=X, y=np.array([0, 1, 0, 1]), classes=(0, 1))
    with pytest.raises(ValueError, match="no direction"):
        regularised_certificate(prepared, lam=1.0)
