"""What must not change, or change in a known way, when the data are turned, scaled, reordered,
repeated or padded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.attack.conftest import BUDGET
from tests.oracles.samples import separable
from tunebound import bounds, tuning


@dataclass(frozen=True)
class Change:
    """Data changed: X, y, the rows of the old samples, what margins are multiplied with, and the
    map of old heads to new ones (up to their scale).
    """

    X: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    factor: float
    head: object


def rotated(X, y, rng):
    turn, _ = np.linalg.qr(rng.normal(size=(X.shape[1], X.shape[1])))
    return Change(X @ turn, y, np.arange(len(y)), 1.0, lambda w: w @ turn)


def permuted(X, y, rng):
    order = rng.permutation(len(y))
    return Change(X[order], y[order], np.argsort(order), 1.0, lambda w: w)


def reordered_features(X, y, rng):
    order = rng.permutation(X.shape[1])
    return Change(X[:, order], y, np.arange(len(y)), 1.0, lambda w: w[..., order])


def labels_flipped(X, y, rng):
    return Change(X, -y, np.arange(len(y)), 1.0, lambda w: -w)


def samples_mirrored(X, y, rng):
    signs = rng.choice([-1, 1], size=len(y))
    signs[:4] = 1  # both classes keep two
    return Change(X * signs[:, None], y * signs, np.arange(len(y)), 1.0, lambda w: w)


def scaled(X, y, rng):
    factor = 10.0 ** rng.uniform(-60, 60)
    return Change(X * factor, y, np.arange(len(y)), factor, lambda w: w)


def scaled_by_two(X, y, rng):
    factor = 2.0 ** int(rng.integers(-200, 200))
    return Change(X * factor, y, np.arange(len(y)), factor, lambda w: w)


def padded(X, y, rng):
    zeros = np.zeros((len(X), int(rng.integers(1, 4))))
    return Change(
        np.hstack([X, zeros]),
        y,
        np.arange(len(y)),
        1.0,
        lambda w: np.concatenate([w, np.zeros((*w.shape[:-1], zeros.shape[1]))], axis=-1),
    )


EXACT = (rotated, permuted, reordered_features, labels_flipped, samples_mirrored, scaled, padded)
CHANGES = (*EXACT, scaled_by_two)


def drawn(seed):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(6, 12)), int(rng.integers(2, 6))
    X, y = separable(rng, n, d)
    return X, y, rng


def examples(share):
    """A share of the budget of a test, deterministic."""
    return settings(
        max_examples=max(1, int(BUDGET * share)),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def attacked(figure, share, check):
    count = 0

    @examples(share)
    @given(st.integers(0, 2**32 - 1))
    def run(seed):
        nonlocal count
        check(seed)
        count += 1

    run()
    figure("metamorphic comparisons", count)


def directions(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


@pytest.mark.parametrize("change", CHANGES)
def test_separators_and_bounds_from_one_solve(change, figure):
    def check(seed):
        X, y, rng = drawn(seed)
        new = change(X, y, rng)
        before, after = bounds.max_margin(X, y), bounds.max_margin(new.X, new.y)
        assert after.margin == pytest.approx(new.factor * before.margin, rel=1e-9)
        moved = directions(new.head(before.weights))
        assert np.linalg.norm(directions(after.weights) - moved) < 1e-7
        left, left_after = (
            bounds.leave_one_out_separators(*each) for each in ((X, y), (new.X, new.y))
        )
        np.testing.assert_allclose(
            left_after.margins[new.rows], new.factor * left.margins, rtol=1e-7
        )
        for data, solved, mine in (((X, y), before, []), ((new.X, new.y), after, [])):
            norms = np.linalg.norm(data[0], axis=1)
            mine += [
                bounds.head.deletion(margin=solved.margin, dual=solved.dual, norms=norms),
                bounds.balls.two_classes(
                    X=data[0], y=data[1], weights=solved.weights, dual=solved.dual
                ).distance(),
            ]
            if solved is before:
                first = mine
            else:
                for old, now in zip(first, mine, strict=True):
                    # a dual is unique where the support vectors are independent
                    np.testing.assert_allclose(now[new.rows], old, atol=2e-5)

    attacked(figure, 0.5, check)


@pytest.mark.parametrize("change", CHANGES)
def test_heads_after_steps(change, figure):
    def check(seed):
        X, y, rng = drawn(seed)
        new = change(X, y, rng)
        before = tuning.tune_heads(X, y, steps=40)
        after = tuning.tune_heads(new.X, new.y, steps=40)
        rates = np.asarray(before.learning_rate) / np.asarray(after.learning_rate)
        assert rates == pytest.approx(new.factor**2, rel=1e-9)
        np.testing.assert_allclose(
            after.direction_distance[..., new.rows], before.direction_distance, atol=1e-9
        )
        moved = directions(new.head(before.weights[0]))
        assert np.linalg.norm(directions(after.weights[0]) - moved) < 1e-9

    attacked(figure, 0.5, check)


@pytest.mark.parametrize("change", CHANGES)
def test_heads_along_the_flow(change, figure):
    def check(seed):
        X, y, rng = drawn(seed)
        new = change(X, y, rng)
        before = tuning.flow_heads(X, y, until=1e12)
        after = tuning.flow_heads(new.X, new.y, until=1e12)
        np.testing.assert_allclose(
            after.direction_distance[..., new.rows], before.direction_distance, atol=1e-4
        )

    attacked(figure, 0.04, check)


@pytest.mark.parametrize("change", EXACT)
def test_the_rate_of_the_asymptote(change, figure):
    def check(seed):
        X, y, rng = drawn(seed)
        new = change(X, y, rng)
        before = bounds.asymptote(X, y, learning_rate=0.1)
        after = bounds.asymptote(new.X, new.y, learning_rate=0.1 / new.factor**2)
        assert after.rate == pytest.approx(before.rate, rel=1e-6, abs=1e-9)

    attacked(figure, 0.5, check)


def test_a_sample_twice_moves_nothing_when_left_out(figure):
    def check(seed):
        X, y, rng = drawn(seed)
        twice = int(rng.integers(len(y)))
        more = np.vstack([X, X[twice]]), np.append(y, y[twice])
        separator = bounds.max_margin(*more)
        assert separator.margin == pytest.approx(bounds.max_margin(X, y).margin, rel=1e-9)
        left = bounds.leave_one_out_separators(*more)
        assert left.margins[[twice, -1]] == pytest.approx(separator.margin, rel=1e-9)

    attacked(figure, 0.5, check)


def test_a_far_sample_supports_nothing(figure):
    def check(seed):
        X, y, rng = drawn(seed)
        before = bounds.max_margin(X, y)
        far = y[0] * before.weights * before.margin**2 * 10.0 ** rng.uniform(1, 6)
        more = np.vstack([X, far]), np.append(y, y[0])
        after = bounds.max_margin(*more)
        assert after.margin == pytest.approx(before.margin, rel=1e-9)
        assert after.dual[-1] == 0
        left = bounds.leave_one_out_separators(*more)
        assert left.margins[-1] == pytest.approx(before.margin, rel=1e-9)

    attacked(figure, 0.5, check)
