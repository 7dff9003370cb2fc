"""Full tuning of quadratics and smooth losses against plain loops in extended precision."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracles.full_descent import leave_one_out_quadratic_paths
from tunebound.synthetic.quadratics import make_quadratics
from tunebound.synthetic.smooth_losses import make_smooth_losses
from tunebound.tuning.full import quadratics as module
from tunebound.tuning.full.quadratics import tune_losses, tune_quadratics

WEIGHTINGS = ("1/n", "1/(n-1)")


def quadratics(**changes):
    return make_quadratics(
        **(dict(n=6, d=4, mu=0.05, beta=2.0, distance=1.5, seed=3, rotated=True) | changes)
    )


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("interpolate", [True, False])
@pytest.mark.parametrize("learning_rate", ["auto", 0.3])
def test_the_recursion_agrees_with_a_plain_loop(weighting, interpolate, learning_rate):
    problem = quadratics(interpolate=interpolate)
    rate = 0.5 if learning_rate == "auto" else learning_rate
    run = tune_quadratics(
        problem.hessians,
        problem.minimisers,
        problem.start,
        steps=40,
        learning_rate=learning_rate,
        weighting=weighting,
        record=[1, 2, 17],
    )
    paths = leave_one_out_quadratic_paths(
        problem.hessians, problem.minimisers, problem.start, rate, 40, weighting
    )
    distance = np.sqrt(((paths[1:] - paths[0]) ** 2).sum(axis=2)).T
    assert run.steps.tolist() == [1, 2, 17, 40]
    assert run.distance == pytest.approx(distance[run.steps].astype(float), rel=1e-12)
    norms = np.linalg.norm(problem.gradients(paths[0].astype(float)), axis=2)
    assert run.gradient_norms.shape == (40, 6)
    assert run.gradient_norms == pytest.approx(norms[:-1], rel=1e-11)
    assert np.allclose(run.weights, paths[:, -1].astype(float), rtol=0, atol=1e-14)
    losses = problem.losses(paths[0].astype(float)).mean(axis=1)
    assert run.initial_loss == pytest.approx(losses[0], rel=1e-12)
    assert run.loss == pytest.approx(losses[run.steps], rel=1e-11)
    assert run.learning_rate == pytest.approx(rate, rel=1e-12)
    assert run.weighting == weighting


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_distances_keep_their_digits_when_all_runs_have_converged(weighting):
    problem = quadratics(mu=0.5, n=3, d=2)
    run = tune_quadratics(
        problem.hessians,
        problem.minimisers,
        problem.start,
        steps=400,
        record=[400],
        weighting=weighting,
    )
    # The same runs with the minimiser as origin, where extended precision loses nothing.
    centred = np.zeros_like(problem.minimisers)
    start = problem.start - problem.minimiser
    paths = leave_one_out_quadratic_paths(
        problem.hessians, centred, start, run.learning_rate, 400, weighting
    )
    expected = np.sqrt(((paths[1:, -1] - paths[0, -1]) ** 2).sum(axis=1)).astype(float)
    assert run.distance[0].max() < 1e-30
    assert run.distance[0] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_chunks_do_not_change_the_result(weighting, monkeypatch):
    problem = quadratics(n=7, interpolate=False)
    arguments = (problem.hessians, problem.minimisers, problem.start)
    whole = tune_quadratics(*arguments, steps=30, weighting=weighting)
    general = tune_losses(
        problem.losses, problem.gradients, problem.start, beta=2.0, steps=30, weighting=weighting
    )
    monkeypatch.setattr(module, "SAMPLE_MEMORY", 3 * 8 * 16)
    parts = tune_quadratics(*arguments, steps=30, weighting=weighting)
    single = tune_losses(
        problem.losses, problem.gradients, problem.start, beta=2.0, steps=30, weighting=weighting
    )
    for name in ("distance", "loss", "gradient_norms", "weights"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-13), name
        assert getattr(single, name) == pytest.approx(getattr(general, name), rel=1e-12), name


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_general_route_agrees_with_the_recursion(weighting):
    problem = quadratics(interpolate=False)
    exact = tune_quadratics(
        problem.hessians, problem.minimisers, problem.start, steps=50, weighting=weighting
    )
    general = tune_losses(
        problem.losses,
        problem.gradients,
        problem.start,
        beta=problem.beta,
        steps=50,
        weighting=weighting,
    )
    for name in ("distance", "loss", "gradient_norms", "weights"):
        assert getattr(general, name) == pytest.approx(
            getattr(exact, name), rel=1e-11, abs=1e-14
        ), name
    assert general.initial_loss == pytest.approx(exact.initial_loss, rel=1e-12)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_smooth_losses_agree_with_a_plain_loop(weighting):
    problem = make_smooth_losses(5, 3, mu=0.1, beta=1.0, distance=2.0, width=0.5, seed=8)
    run = tune_losses(
        problem.losses,
        problem.gradients,
        problem.start,
        beta=1.0,
        steps=25,
        weighting=weighting,
        record=range(1, 26),
    )
    share = 1 / 5 if weighting == "1/n" else 1 / 4
    first = problem.start
    path = [first]
    for _ in range(25):
        first = first - sum(problem.gradients(first)[j] for j in range(5)) / 5
        path.append(first)
    for i in range(5):
        w = problem.start
        for t in range(1, 26):
            w = w - share * sum(problem.gradients(w)[j] for j in range(5) if j != i)
            assert run.distance[t - 1, i] == pytest.approx(np.linalg.norm(w - path[t]), rel=1e-12)
        assert np.allclose(run.weights[1 + i], w, rtol=0, atol=1e-14)
    assert run.loss == pytest.approx([problem.losses(w).mean() for w in path[1:]], rel=1e-12)
    assert run.gradient_norms[24] == pytest.approx(
        np.linalg.norm(problem.gradients(path[24]), axis=1), rel=1e-12
    )


def test_one_step_moves_by_the_left_out_gradient():
    problem = quadratics()
    run = tune_quadratics(problem.hessians, problem.minimisers, problem.start, steps=1)
    assert run.distance[0] == pytest.approx(
        np.linalg.norm(problem.gradients(problem.start), axis=1) / (6 * 2.0), rel=1e-13
    )


EYES = np.broadcast_to(np.eye(2), (3, 2, 2))
GOOD = dict(hessians=EYES, minimisers=np.zeros((3, 2)), start=np.ones(2), steps=3)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            dict(hessians=np.eye(2)),
            ValueError,
            r"hessians must have shape \(n, d, d\) with n at least 2, got \(2, 2\)",
        ),
        (dict(hessians=EYES[:1], minimisers=np.zeros((1, 2))), ValueError, "n at least 2"),
        (
            dict(hessians=EYES * np.nan),
            ValueError,
            r"hessians\[0, 0, 0\] = nan",
        ),
        (
            dict(hessians=EYES + np.triu(np.ones((2, 2)), 1)),
            ValueError,
            r"hessians must be symmetric; pass \(H \+ Hᵀ\)/2",
        ),
        (
            dict(hessians=-EYES),
            ValueError,
            "hessians: sample 0 has the eigenvalue -1; descent needs all of them to be at least 0",
        ),
        (
            dict(hessians=EYES * [1, 0]),
            ValueError,
            "their mean is singular.*add a multiple of the identity",
        ),
        (
            dict(hessians=EYES.astype(complex)),
            TypeError,
            "hessians must be made of real numbers, got an array of dtype complex128",
        ),
        (
            dict(minimisers=np.zeros(2)),
            ValueError,
            r"minimisers must have shape \(3, 2\) to fit the Hessians, got \(2,\)",
        ),
        (
            dict(start=np.ones(3)),
            ValueError,
            r"start must have shape \(2,\) to fit the Hessians, got \(3,\)",
        ),
        (dict(steps=0), ValueError, "steps must be at least 1"),
        (dict(steps=2.0), TypeError, "steps must be an integer"),
        (dict(record=[5]), ValueError, "record asks for step 5, but steps is 3"),
        (dict(weighting="n"), ValueError, "weighting must be one of '1/n', '1/\\(n-1\\)'"),
        (
            dict(learning_rate=2.1),
            ValueError,
            "learning_rate 2.1 is above the limit 2/beta = 2,.*pass a value up to the limit",
        ),
        (dict(learning_rate=True), TypeError, "learning_rate must be a real number"),
        (dict(learning_rate=-1.0), ValueError, "learning_rate must be finite and above 0"),
        (dict(learning_rate="fast"), ValueError, "learning_rate must be one of 'auto'"),
        (dict(device="tpu9"), ValueError, "device must be"),
    ],
)
def test_bad_quadratics_are_refused(change, kind, message):
    with pytest.raises(kind, match=message):
        tune_quadratics(**(GOOD | change))


def bowl(w):
    return np.stack([(w**2).sum(axis=1), (w**2).sum(axis=1)], axis=1)


def slopes(w):
    return np.stack([2 * w, 2 * w], axis=1)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (dict(start=np.ones((1, 2))), ValueError, r"start must have shape \(p,\), got \(1, 2\)"),
        (dict(start=[np.inf, 1]), ValueError, r"start\[0\] = inf: start must be finite"),
        (dict(beta=0), ValueError, "beta must be finite and above 0"),
        (dict(learning_rate=1.1), ValueError, "learning_rate 1.1 is above the limit 2/beta = 1"),
        (dict(weighting="all"), ValueError, "weighting must be one of"),
        (dict(steps=0), ValueError, "steps must be at least 1"),
        (
            dict(losses=lambda w: np.zeros(2)),
            ValueError,
            r"losses must map weights \(k, p\) to losses \(k, n\) with n >= 2, got shape \(2,\)",
        ),
        (dict(losses=lambda w: np.zeros((1, 1))), ValueError, "losses must map weights"),
        (
            dict(gradients=lambda w: w),
            ValueError,
            r"gradients must map weights .*: \(1, 2, 2\) for k = 1, got \(1, 2\)",
        ),
    ],
)
def test_bad_losses_are_refused(change, kind, message):
    good = dict(losses=bowl, gradients=slopes, start=np.ones(2), beta=2.0, steps=3)
    with pytest.raises(kind, match=message):
        tune_losses(**(good | change))


def test_a_run_that_leaves_the_numbers_says_so():
    def cliff(w):
        return np.where(np.abs(slopes(w)) > 1e6, np.nan, slopes(w))

    with pytest.raises(
        FloatingPointError,
        match=r"or distance is no longer finite at step \d+; beta=0.1 is too small",
    ):
        tune_losses(bowl, cliff, np.ones(2), beta=0.1, steps=2000, record=[2000])
