"""Where left-out separators can lie: from exact and rough separators, and of several classes."""

from itertools import combinations

import numpy as np
import pytest

from tests.oracles.class_program import largest_margin
from tests.oracles.separator_program import hard_margin_direction
from tunebound import bounds, synthetic


def planted(seed, n=14, d=4, radius=3.0):
    return synthetic.make_separable("gaussian", n=n, d=d, margin=0.6, radius=radius, seed=seed)


def rough(data, seed, size):
    """A head that still separates, and a dual of other support vectors too."""
    rng = np.random.default_rng(seed)
    weights = data.separator + size * rng.normal(size=data.X.shape[1]) * data.margin / data.radius
    dual = data.dual + size * rng.random(data.n) * data.dual.max()
    assert (data.y * (data.X @ weights)).min() > 0
    return weights, dual


def left_out_weights(data, gone):
    rows = np.setdiff1d(np.arange(data.n), gone)
    direction, margin = hard_margin_direction(data.X[rows], data.y[rows])
    return direction / margin


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [0.0, 1e-4, 0.1])
def test_every_bound_holds_whatever_separator_is_given(seed, size):
    data = planted(seed)
    weights, dual = rough(data, seed, size)
    balls = bounds.balls.two_classes(X=data.X, y=data.y, weights=weights, dual=dual)
    assert (data.y * (data.X @ balls.weights)).min() >= 1
    distance, hinge = balls.distance(), balls.by_hinge()
    points = np.random.default_rng(seed).normal(size=(50, 4))
    value, norms = points @ balls.weights, np.linalg.norm(points, axis=1)
    shift = balls.shift(value[:, None], points @ balls.units.T, norms[:, None])
    for i in range(data.n):
        other = left_out_weights(data, [i])
        turned = np.linalg.norm(other / np.linalg.norm(other) - balls.weights / balls.length)
        assert turned <= min(distance[i], hinge[i]) + 1e-10
        assert (points @ (balls.weights - other) <= shift[:, balls.column[i]] + 1e-10).all()


@pytest.mark.parametrize("size", [0.0, 0.05])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_groups_hold_whatever_separator_is_given(size, count):
    data = planted(3, n=9, radius=1.2)
    weights, dual = rough(data, 1, size)
    balls = bounds.balls.two_classes(X=data.X, y=data.y, weights=weights, dual=dual)
    points = np.random.default_rng(0).normal(size=(60, 4))
    norms = np.linalg.norm(points, axis=1)
    shift = balls.worst_shift(points @ balls.units.T, norms[:, None], count)
    bound = balls.worst_distance(count)
    largest = 0.0
    for gone in combinations(range(data.n), count):
        other = left_out_weights(data, gone)
        largest = max(
            largest, np.linalg.norm(other / np.linalg.norm(other) - balls.weights / balls.length)
        )
        assert (points @ (balls.weights - other) <= shift + 1e-10).all()
    assert largest <= bound


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_separator_gives_deletion_and_dual(seed):
    data = planted(seed)
    separator = bounds.max_margin(data.X, data.y)
    balls = bounds.balls.two_classes(
        X=data.X, y=data.y, weights=separator.weights, dual=separator.dual
    )
    known = {"margin": separator.margin, "dual": separator.dual}
    norms = np.linalg.norm(data.X, axis=1)
    closed = bounds.head.deletion(**known, norms=norms)
    moved = separator.support
    assert (balls.distance()[moved] <= closed[moved] + 1e-6).all()
    assert balls.by_hinge().mean() == pytest.approx(
        bounds.head.dual(**known, norms=norms), abs=1e-6
    )
    assert balls.worst_distance(2) <= (
        bounds.head.deletion_worst(**known, norms=norms, size=2) + 1e-6
    )


def test_several_classes_hold_against_a_convex_program():
    data = synthetic.make_classes(n=18, d=5, classes=3, margin=0.6, radius=3.0, seed=2)
    separator = bounds.max_margin_classes(data.X, data.y)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 5))
    for size in (0.0, 0.02):
        weights = separator.weights + size * rng.normal(size=(3, 5))
        dual = separator.dual + size * rng.random((18, 3)) * (separator.dual > 0)
        balls = bounds.balls.classes(X=data.X, y=data.y, weights=weights, dual=dual)
        distance = balls.distance()
        W, units = balls.weights.reshape(3, 5), balls.units.reshape(-1, 3, 5)
        value = points @ (W[0] - W[2])
        toward = np.einsum("md,sd->ms", points, units[:, 0] - units[:, 2])
        norms = np.sqrt(2.0) * np.linalg.norm(points, axis=1)
        shift = balls.shift(value[:, None], toward, norms[:, None])
        for i in range(18):
            others = np.arange(18) != i
            margin, U = largest_margin(data.X[others], data.y[others])
            U = U / np.linalg.norm(U)
            assert np.linalg.norm(U - W / balls.length) <= distance[i] + 1e-10
            after = points @ (U[0] - U[2]) / margin
            assert (value - after <= shift[:, balls.column[i]] + 1e-9).all()


def test_what_is_no_separator_is_refused():
    data = planted(0)
    with pytest.raises(ValueError, match="only a separator has a certificate"):
        bounds.balls.two_classes(X=data.X, y=data.y, weights=-data.separator, dual=data.dual)
    with pytest.raises(ValueError, match=r"weights have shape \(3,\)"):
        bounds.balls.two_classes(X=data.X, y=data.y, weights=np.ones(3), dual=data.dual)
    with pytest.raises(ValueError, match=r"dual must have shape \(14,\)"):
        bounds.balls.two_classes(X=data.X, y=data.y, weights=data.separator, dual=data.dual[1:])
    with pytest.raises(ValueError, match=r"shapes \(2, 4\) and \(14, 2\)"):
        bounds.balls.classes(
            X=data.X, y=(data.y > 0).astype(int), weights=data.separator, dual=data.dual
        )
