"""Softmax heads against one autograd loop a head, against the heads of two classes, and against
what the certificate promises.
"""

import numpy as np
import pytest
import torch

from tests.oracles.class_descent import drifts, leave_one_out_paths
from tests.oracles.class_samples import separable_classes
from tests.oracles.samples import separable
from tunebound.tuning import learning_rate_limits, tune_heads
from tunebound.tuning.heads.engine import plan
from tunebound.tuning.heads.softmax.descent import SoftmaxDescent, SoftmaxProblem
from tunebound.tuning.heads.softmax.rivals import RivalDescent, pays


def sample(n=11, d=4, classes=3, seed=0):
    return separable_classes(np.random.default_rng(seed), n, d, classes)


def unit(W):
    flat = W.reshape(*W.shape[:-2], -1)
    return flat / np.linalg.norm(flat, axis=-1, keepdims=True)


def smallest_lead(W, X, y):
    """Normalised margin of a head by its definition, one sample and rival after the other."""
    leads = [
        (W[label] - W[rival]) @ x
        for x, label in zip(X, y, strict=True)
        for rival in range(len(W))
        if rival != label
    ]
    return min(leads) / np.linalg.norm(W)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize(("d", "classes"), [(4, 3), (14, 3), (5, 4), (3, 4), (4, 2)])
def test_heads_agree_with_a_plain_loop(d, classes, weighting):
    X, y = sample(d=d, classes=classes)
    steps = [1, 2, 17, 200]
    start = np.random.default_rng(1).normal(size=(classes, d)) / 3
    run = tune_heads(
        X, y, classes=classes, steps=200, init=start, weighting=weighting, record=steps
    )
    paths = leave_one_out_paths(
        X, y, classes, run.learning_rate, 200, start=start, weighting=weighting
    )[:, steps]
    whole, left_out = paths[0], np.moveaxis(paths[1:], 0, 1)
    np.testing.assert_allclose(run.path, whole, rtol=0, atol=1e-11)
    np.testing.assert_allclose(run.weights, paths[:, -1], rtol=0, atol=1e-11)
    norms = np.linalg.norm(left_out, axis=(2, 3))
    np.testing.assert_allclose(run.norm[:, 0], np.linalg.norm(whole, axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(run.norm[:, 1:], norms, rtol=1e-12)
    apart = np.linalg.norm(left_out - whole[:, None], axis=(2, 3))
    np.testing.assert_allclose(run.distance, apart, rtol=0, atol=1e-11)
    chords = np.linalg.norm(unit(left_out) - unit(whole)[:, None], axis=2)
    np.testing.assert_allclose(run.direction_distance, chords, rtol=0, atol=1e-12)
    for k in range(len(steps)):
        assert abs(run.margin[k, 0] - smallest_lead(whole[k], X, y)) < 1e-12
        for i in range(len(X)):
            kept = np.arange(len(X)) != i
            assert (
                abs(run.margin[k, i + 1] - smallest_lead(left_out[k, i], X[kept], y[kept])) < 1e-12
            )


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_certificate_is_the_sum_of_gradient_differences_and_bounds_the_distance(weighting):
    X, y = sample(n=9)
    run = tune_heads(
        X, y, classes=3, steps=120, weighting=weighting, record=[1, 50, 120],
        learning_rate=learning_rate_limits(X, weighting=weighting, classes=3),
    )  # fmt: skip
    path = leave_one_out_paths(X, y, 3, run.learning_rate, 120, weighting=weighting)[0]
    expected = drifts(X, y, path, run.learning_rate, weighting)
    np.testing.assert_allclose(run.certificate, expected[[1, 50, 120]], rtol=1e-10)
    assert (run.distance <= run.certificate * (1 + 1e-12)).all()


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize("shape", [(14, 3), (8, 12)])
def test_two_classes_are_the_logistic_heads(shape, weighting):
    """W = (−w/2, w/2) with half the step: lengths over √2, margins times √2, the same
    directions.
    """
    X, signs = separable(np.random.default_rng(2), *shape)
    logistic = tune_heads(X, signs, steps=500, weighting=weighting)
    softmax = tune_heads(X, (signs + 1) // 2, classes=2, steps=500, weighting=weighting)
    root = np.sqrt(2)
    np.testing.assert_allclose(softmax.weights[:, 1], logistic.weights / 2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        softmax.direction_distance, logistic.direction_distance, rtol=0, atol=1e-14
    )
    np.testing.assert_allclose(softmax.certificate * root, logistic.certificate, rtol=1e-13)
    np.testing.assert_allclose(softmax.margin, logistic.margin * root, rtol=0, atol=1e-13)
    assert abs(softmax.learning_rate * 2 / logistic.learning_rate - 1) < 1e-15


def test_the_step_limit_is_where_a_step_ceases_to_be_non_expansive():
    """Scores evenly torn between two classes have the curvature ½, and none have more."""
    assert learning_rate_limits([[1.0], [1.0]], classes=2) == pytest.approx(4.0, rel=1e-15)
    P = np.array([0.5, 0.5, 0.0])
    hessian = np.diag(P) - np.outer(P, P)
    assert np.linalg.eigvalsh(hessian)[-1] == pytest.approx(0.5, rel=1e-15)
    draws = np.random.default_rng(0).dirichlet(np.full(4, 0.3), size=20_000)
    largest = np.linalg.eigvalsh(
        np.einsum("ij,jk->ijk", draws, np.eye(4)) - draws[:, :, None] * draws[:, None]
    )
    assert largest.max() <= 0.5 + 1e-12
    with pytest.raises(ValueError, match="is above the limit 2/beta = 4 of data set 0"):
        tune_heads(
            np.array([[1.0], [1.0], [1.0], [1.0]]), np.array([0, 1, 0, 1]), classes=2, steps=1,
            learning_rate=4.1,
        )  # fmt: skip


def test_a_batch_equals_its_data_sets_one_by_one_however_it_is_cut(monkeypatch):
    sets = [sample(n=16, seed=seed) for seed in range(5)]
    X, y = np.stack([each[0] for each in sets]), np.stack([each[1] for each in sets])
    together = tune_heads(X, y, classes=3, steps=150)
    assert together.path.shape == (len(together.steps), 5, 3, 4)
    for index, (points, labels) in enumerate(sets):
        alone = tune_heads(points, labels, classes=3, steps=150)
        np.testing.assert_allclose(together[index].weights, alone.weights, rtol=0, atol=1e-13)
        np.testing.assert_allclose(together[index].certificate, alone.certificate, rtol=1e-12)
        assert together[index].learning_rate == alone.learning_rate
    monkeypatch.setattr(plan, "FEW_ROWS", 4)
    cut = tune_heads(X, y, classes=3, steps=150, memory=30_000)
    np.testing.assert_allclose(cut.weights, together.weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(cut.margin, together.margin, rtol=0, atol=1e-12)


def test_direction_error_is_measured_against_the_reference():
    X, y = sample()
    reference = np.random.default_rng(0).normal(size=(len(X) + 1, 3, 4))
    reference /= np.linalg.norm(reference, axis=(1, 2), keepdims=True)
    run = tune_heads(X, y, classes=3, steps=30, record=[30], reference=reference)
    expected = np.linalg.norm(unit(run.weights) - unit(reference), axis=1)
    np.testing.assert_allclose(run.direction_error[0], expected, atol=1e-13)


def test_late_steps_keep_their_digits():
    """After 20,000 steps most p_y are near 1: the drift still is the sum of true gradients."""
    X, y = sample(n=8, d=3, seed=5)
    run = tune_heads(X, y, classes=3, steps=20_000, leave_one_out=False, record=[19_999, 20_000])
    logits = run.path[0] @ X.T
    leads = np.where(np.arange(3)[:, None] == y, -np.inf, logits - logits[y, np.arange(8)])
    rivals = np.exp(leads)
    p = rivals / (1 + rivals.sum(axis=0))
    gradients = -(p[:, :, None] * X).sum(axis=1)
    for k in range(3):
        gradients[k] += (p.sum(axis=0) * (y == k)) @ X
    moved = (run.path[1] - run.path[0]) / (run.learning_rate / 8)
    np.testing.assert_allclose(moved, gradients, rtol=0, atol=1e-10 * np.abs(gradients).max())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, "classes must be at least 2, got 1; a softmax"),
        ({"classes": 4}, r"y has 0 sample\(s\) of class 3 of 4 and needs 2"),
        ({"classes": 2}, r"y\[\d+\] = 2.0: y must be a whole number from 0 to 1"),
        ({"classes": 3, "heads": 2}, "classes=3 takes one head a sample in float64, got heads=2"),
        ({"classes": 3, "dtype": "mixed"}, "got heads=1 and dtype='mixed'"),
        ({"classes": 3, "init": np.zeros(4)}, r"init must have shape \(3, 4\)"),
        ({"classes": 3, "reference": np.ones((3, 4))}, "reference must hold one matrix a head"),
        ({"classes": 3, "reference": np.ones((12, 3, 4))}, "of Frobenius norm 1"),
        ({"classes": 3, "memory": 1}, "memory=1 bytes is too little"),
    ],
)
def test_bad_input_is_refused_before_work(arguments, message):
    X, y = sample(n=11)
    with pytest.raises(ValueError, match=message):
        tune_heads(X, y, steps=5, **arguments)


@pytest.mark.parametrize("growth", [1.0, 11 / 10])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_both_ways_of_a_step_agree_even_where_exp_would_overflow(scale, growth):
    X, y = sample(classes=4)
    start = scale * np.random.default_rng(1).normal(size=(2, 4, 4))
    problem = SoftmaxProblem(
        X=torch.as_tensor(np.stack([X, X[::-1].copy()])),
        labels=torch.as_tensor(np.stack([y, y[::-1].copy()])),
        rates=torch.tensor([0.1, 0.05], dtype=torch.float64),
        start=torch.as_tensor(start),
        left_out=slice(2, 9),
        growth=growth,
    )
    ways = [SoftmaxDescent(problem), RivalDescent(problem)]
    for way in ways:
        way.advance(30)
    one, other = ways
    assert torch.isfinite(other.heads()).all()
    torch.testing.assert_close(other.heads(), one.heads(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(other.drift(), one.drift(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("labels", "d", "expected"),
    [
        ([0, 1, 2] * 4, 6, True),
        ([0, 1, 2] * 4, 7, False),  # more differences of weights than activities
        ([0] * 8 + [1, 1, 2, 2], 4, False),  # mostly filled up
        ([0, 1, 2, 3, 4, 5] * 2, 2, False),
    ],
)
def test_rivals_are_taken_for_few_classes_of_like_sizes(labels, d, expected):
    classes = max(labels) + 1
    problem = SoftmaxProblem(
        X=torch.ones((1, 12, d), dtype=torch.float64),
        labels=torch.tensor([labels]),
        rates=torch.ones(1, dtype=torch.float64),
        start=torch.zeros((1, classes, d), dtype=torch.float64),
        left_out=slice(0, 12),
        growth=1.0,
    )
    assert pays(problem) is expected
