"""The log-time flow against the steps that it replaces, and against closed forms at t that no
stepping reaches.
"""

import mpmath
import numpy as np
import pytest
import torch

from tunebound import synthetic
from tunebound.tuning import flow_heads, flow_records, learning_rate_limits, tune_heads
from tunebound.tuning.heads.flow import follow, modified, problem
from tunebound.tuning.heads.flow import path as flow_path
from tunebound.tuning.heads.flow.field import LogTimeFlow


def unit(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


def every_family(n, d):
    """One data set of every family; those that need d ≥ n get it by chance of their own."""
    made = []
    for name in synthetic.families():
        for dimension in (d, n, 2 * n):
            try:
                made.append(
                    synthetic.make_separable(name, n=n, d=dimension, margin=0.4, radius=4.0, seed=5)
                )
                break
            except ValueError:
                continue
    assert len(made) == len(synthetic.families())
    return made


def by_shape(members):
    shapes = {}
    for data in members:
        shapes.setdefault(data.X.shape, []).append(data)
    return shapes.values()


@pytest.mark.slow
def test_the_flow_follows_descent_on_every_family():
    for group in by_shape(every_family(8, 3)):
        X, y = np.stack([data.X for data in group]), np.stack([data.y for data in group])
        times = [10_000, 100_000, 1_000_000 if len(group) > 1 else 200_000]
        exact = tune_heads(X, y, steps=times[-1], record=times)
        flow = flow_heads(X, y, until=times[-1], record=times)
        error = np.linalg.norm(unit(flow.path) - unit(exact.path), axis=-1)
        assert error.max() < 1e-7
        np.testing.assert_allclose(
            flow.direction_distance.mean(axis=-1), exact.direction_distance.mean(axis=-1), rtol=1e-7
        )
        np.testing.assert_allclose(flow.certificate, exact.certificate, rtol=1e-5, atol=1e-12)
        difference = np.abs(flow.direction_distance - exact.direction_distance).max(axis=-1)
        # what the docstring promises of the estimate
        assert (difference < flow.resolution / 100).all()
        np.testing.assert_allclose(flow.norm, exact.norm, rtol=1e-7)
        np.testing.assert_allclose(flow.margin, exact.margin, rtol=0, atol=1e-6)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize(("family", "d"), [("gaussian", 5), ("wide", 40), ("degenerate", 5)])
def test_other_weights_starts_and_step_sizes(family, d, weighting):
    data = synthetic.make_separable(family, n=20, d=d, margin=0.3, radius=5.0, seed=3)
    rate = 0.2 * learning_rate_limits(data.X, weighting=weighting)
    start = np.random.default_rng(1).normal(size=d)
    common = {"learning_rate": rate, "init": start, "weighting": weighting}
    exact = tune_heads(data.X, data.y, steps=30_000, record=[500, 3000, 30_000], **common)
    flow = flow_heads(data.X, data.y, until=30_000, record=[500, 3000, 30_000], **common)
    assert np.array_equal(flow.steps, exact.steps)
    np.testing.assert_array_equal(flow.path[0], exact.path[0])  # before the flow takes over
    np.testing.assert_allclose(unit(flow.path), unit(exact.path), rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.direction_distance, exact.direction_distance, rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.certificate, exact.certificate, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(unit(flow.weights), unit(exact.weights), rtol=0, atol=1e-7)


def test_steps_at_their_limit_are_followed_among_the_samples():
    # what stands for the square of the curvature is off by the more the larger the step
    data = synthetic.make_separable("gaussian", n=12, d=24, margin=1e-3, radius=5.0, seed=3)
    rate, marks = 0.999 * learning_rate_limits(data.X), [2_000, 10_000]
    exact = tune_heads(data.X, data.y, steps=marks[-1], record=marks, learning_rate=rate)
    flow = flow_heads(data.X, data.y, until=marks[-1], record=marks, learning_rate=rate)
    np.testing.assert_allclose(unit(flow.path), unit(exact.path), rtol=0, atol=1e-7)
    difference = np.abs(flow.direction_distance - exact.direction_distance).max(axis=-1)
    assert (difference < flow.resolution / 50).all()


@pytest.mark.parametrize("until", [1e6, 1e30, 1e100])
def test_orthogonal_samples_have_a_closed_form(until):
    # Samples B e_i move alone: m = B w_i obeys dm/dτ = (B²/n) σ(−m), so m + e^m = 1 + B² τ/n, from
    # m = 0.
    n, radius = 6, 2.0
    X, y = radius * np.eye(n), np.array([1, -1, 1, -1, 1, -1])
    run = flow_heads(X * y[:, None], y, until=until, record=[until], tolerance=1e-8)
    with mpmath.workdps(50):
        total = 1 + mpmath.mpf(radius) ** 2 * mpmath.mpf(run.learning_rate) * mpmath.mpf(until) / n
        margin = mpmath.log(total)
        for _ in range(50):
            margin = mpmath.log(total - margin)
        expected = float(margin / radius)
    # descent lags behind the flow by a number of steps that grows like ln t, that is by ln t/t in
    # the margin
    np.testing.assert_allclose(
        run.weights[0] * y * y, np.full(n, expected), rtol=1e-5 if until < 1e7 else 1e-9
    )
    np.testing.assert_allclose(
        run.direction_distance[-1], np.sqrt(2 - 2 * np.sqrt(1 - 1 / n)), rtol=1e-9
    )
    np.testing.assert_allclose(run.certificate[-1], np.abs(run.weights[0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("family", "d"), [("gaussian", 8), ("wide", 60), ("degenerate", 8), ("near_duplicates", 8)]
)
def test_drift_adds_up_to_the_head_at_every_time(family, d):
    # w(t) = (η/n) Σ_i z_i Σ_s p_i(w(s)): the sums come from the certificate's quadrature, the head
    # from the equation itself.
    data = synthetic.make_separable(family, n=30, d=d, margin=0.3, radius=3.0, seed=2)
    run = flow_heads(data.X, data.y)
    drift = run.certificate / np.linalg.norm(data.X, axis=1)
    np.testing.assert_allclose(drift @ (data.X * data.y[:, None]), run.path, rtol=1e-5, atol=1e-6)
    assert run.steps[-1] == 1e30


def test_heads_reach_their_separators_like_one_over_log_time():
    data = synthetic.make_separable("gaussian", n=40, d=4, margin=0.5, radius=3.0, seed=1)
    run = flow_heads(data.X, data.y, until=1e100, record=[1e50, 1e100])
    error = np.linalg.norm(unit(run.path) - data.separator, axis=1)
    assert error[0] / error[1] == pytest.approx(2, rel=0.1)


def test_a_batch_and_its_members_agree(monkeypatch):
    members = [
        synthetic.make_separable("gaussian", n=16, d=4, margin=margin, radius=3.0, seed=1)
        for margin in (0.05, 0.5, 1.5)
    ]
    X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
    together = flow_heads(X, y, until=1e20)
    for index, data in enumerate(members):
        np.testing.assert_allclose(
            together[index].direction_distance,
            flow_heads(data.X, data.y, until=1e20).direction_distance,
            atol=1e-12,
        )
    # several blocks of left-out heads for each data set
    monkeypatch.setattr(problem, "FLOW_MEMORY", 20_000)
    np.testing.assert_allclose(
        flow_heads(X, y, until=1e20).direction_distance,
        together.direction_distance,
        rtol=0,
        atol=1e-7,
    )


def test_descent_goes_on_until_the_loss_is_flat_enough(monkeypatch):
    # A start far on the wrong side: at step 1000 the loss is as curved as ever for one of the two
    # data sets.
    data = synthetic.make_separable("gaussian", n=16, d=4, margin=0.5, radius=3.0, seed=1)
    far = -400 * data.separator
    taken: list[int] = []
    original = follow.tune_heads
    monkeypatch.setattr(
        follow,
        "tune_heads",
        lambda *args, **kwargs: taken.append(kwargs["steps"]) or original(*args, **kwargs),
    )
    X, y = np.stack([data.X, data.X]), np.stack([data.y, data.y])
    rate = 0.1 * learning_rate_limits(data.X)
    flow = flow_heads(
        X, y, until=20_000, record=[20_000], init=np.stack([0 * far, far]), learning_rate=rate
    )
    assert taken[0] == 1000
    assert len(taken) > 1
    exact = tune_heads(
        X, y, steps=20_000, record=[20_000], init=np.stack([0 * far, far]), learning_rate=rate
    )
    np.testing.assert_allclose(unit(flow.weights), unit(exact.weights), rtol=0, atol=1e-6)


def test_records():
    steps = flow_records(1e30)
    assert steps[0] == 1
    assert steps[-1] == 1e30
    assert {1e4, 1e5, 1e9, 1e10, 1e25} <= set(steps)
    assert len(steps) < 50
    assert list(flow_records(100, [1, 10])) == [1, 10, 100]
    assert list(flow_records(1)) == [1]


def test_direction_error_is_measured_against_the_reference():
    data = synthetic.make_separable("gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=1)
    reference = np.tile(data.separator, (13, 1))
    run = flow_heads(data.X, data.y, until=1e12, reference=reference)
    np.testing.assert_allclose(
        run.direction_error[:, 0],
        np.linalg.norm(unit(run.path) - data.separator, axis=1),
        rtol=0,
        atol=1e-12,
    )
    alone = flow_heads(data.X, data.y, until=1e12, leave_one_out=False)
    assert alone.direction_distance.shape[1] == 0
    np.testing.assert_allclose(alone.path, run.path, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"until": 0}, "until must be a whole number of steps"),
        ({"until": 1e300}, "until must be a whole number of steps"),
        ({"until": 10.5}, "until must be a whole number"),
        ({"until": True}, "until must be a number of steps"),
        ({"until": "far"}, "until must be a number of steps"),
        ({"record": [2e30]}, "raise until or drop it"),
        ({"record": "all"}, "record must be one of 'log'"),
        ({"tolerance": 0.0}, "tolerance must be finite and above 0"),
        ({"learning_rate": 1e9}, "above the limit"),
        ({"weighting": "n"}, "weighting must be one of"),
        ({"reference": np.ones((3, 3))}, "reference must hold one direction a head"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    data = synthetic.make_separable("gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=1)
    with pytest.raises((ValueError, TypeError), match=message):
        flow_heads(data.X, data.y, **change)


def test_data_that_are_not_separable_are_reported():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 1)), np.array([1, -1] * 4)
    with pytest.raises(FloatingPointError, match="not linearly separable"):
        flow_heads(X, y)


def test_the_correction_left_out_late_moves_no_head(monkeypatch):
    data = [
        synthetic.make_separable(family, n=24, d=4, margin=0.1, seed=3)
        for family in ("gaussian", "clustered", "all_support")
    ]
    X, y = np.stack([each.X for each in data]), np.stack([each.y for each in data])
    shares = (0.0, modified.NEGLIGIBLE, 2e-9)
    weights = []
    for share in shares:
        monkeypatch.setattr(modified, "NEGLIGIBLE", share)
        weights.append(flow_heads(X, y, until=1e12, record=[1e12], tolerance=1e-9).weights)
    kept = weights[0]
    late, early = (
        (np.linalg.norm(each - kept, axis=-1) / np.linalg.norm(kept, axis=-1)).max()
        for each in weights[1:]
    )
    assert late < 2e-11
    assert early > 5 * late, "where it is left out earlier it is seen"


def test_the_last_step_that_float64_can_count_is_taken_and_none_beyond():
    assert flow_records(1e290)[-1] == 1e290
    for until in (np.nextafter(1e290, np.inf), 2e290):
        with pytest.raises(ValueError, match=r"at most 1e.290"):
            flow_records(until)


@pytest.mark.parametrize(("share", "accepted"), [(0.5, True), (1.0, True), (1.01, False)])
def test_a_step_is_taken_where_its_error_is_within_the_tolerance(monkeypatch, share, accepted):
    class Standing:
        Z = torch.zeros(1, 2, 2, dtype=torch.float64)

        def drift_boundary(self, u, W):
            return torch.zeros(1, 2, dtype=torch.float64)

        def linearise(self, u, W, workspace):
            return None

    ahead = torch.tensor([[[4.0, 0.0]]], dtype=torch.float64)
    step = flow_path.rosenbrock.Step(
        y=ahead,
        error=torch.tensor([[[0.0, 4.0 * share * 0.25]]], dtype=torch.float64),
        integral=torch.zeros(1, 2, dtype=torch.float64),
        left_out=torch.zeros_like(ahead),
        solved=torch.tensor([[True]]),
    )
    monkeypatch.setattr(flow_path.rosenbrock, "step", lambda *given: step)
    start = torch.ones(1, 1, 2, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    on_its_way = flow_path.FlowPath(Standing(), zero, start.clone(), tolerance=0.25)
    on_its_way._step(on_its_way.field, (slice(None), slice(None)), 1.0)
    assert (on_its_way.u > 0).item() is accepted
    assert torch.equal(on_its_way.W, ahead if accepted else start)


@pytest.mark.parametrize("exponent", [-490, -330, 240, 270, 400, 470])
@pytest.mark.parametrize("classes", [None, 2])
def test_units_of_the_features_change_the_units_only(exponent, classes):
    data = synthetic.make_separable("gaussian", n=8, d=3, margin=0.5, radius=2.0, seed=0)
    y = data.y if classes is None else (data.y + 1) // 2
    known = flow_heads(data.X, y, until=1e30, record=[10, 1e30], classes=classes)
    scale = 2.0**exponent
    found = flow_heads(data.X * scale, y, until=1e30, record=[10, 1e30], classes=classes)
    assert np.array_equal(found.direction_distance, known.direction_distance)
    assert np.array_equal(found.resolution, known.resolution)
    assert np.array_equal(found.margin, known.margin * scale)
    for name in ("distance", "certificate", "norm", "path", "weights"):
        assert np.array_equal(getattr(found, name) * scale, getattr(known, name)), name


def test_tiny_step_sizes_follow_gradient_flow():
    # heads of tiny steps are those of gradient flow at the time η t, up to 1e-6
    data = synthetic.make_separable("gaussian", n=10, d=3, margin=0.3, radius=3.0, seed=0)
    known = flow_heads(data.X, data.y, until=1e16, learning_rate=1e-6)
    found = flow_heads(data.X, data.y, until=1e30, learning_rate=1e-20)
    np.testing.assert_allclose(
        found.direction_distance[-1], known.direction_distance[-1], rtol=0, atol=2e-6
    )
    np.testing.assert_allclose(found.path[-1], known.path[-1], rtol=2e-6)


@pytest.mark.parametrize(("n", "d"), [(10, 2), (20, 4), (40, 10)])
def test_small_margins_are_followed_to_their_separators(n, d):
    members = [
        synthetic.make_separable("gaussian", n=n, d=d, margin=margin, radius=3.0, seed=seed)
        for margin in (1e-2, 3e-3, 1e-3, 1e-4)
        for seed in range(2)
    ]
    X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
    run = flow_heads(X, y, until=1e290, record=[1e30, 1e290])
    separators = np.stack([data.separator for data in members])
    errors = np.linalg.norm(unit(run.path) - separators, axis=-1)
    assert (errors[0] < 2e-3).all()
    assert (errors[1] < errors[0] / 4).all()
    assert (run.resolution < 1e-5).all()
    margins = np.array([data.margin for data in members])
    np.testing.assert_allclose(run.margin[1, :, 0], margins, rtol=0.02)
    assert (run.margin[1] > 0).all()


@pytest.mark.parametrize("margin", [1e-3, 1e-4])
def test_small_margins_are_followed_like_exact_steps(margin):
    # while the loss is still as curved as at the start
    data = synthetic.make_separable("gaussian", n=20, d=4, margin=margin, radius=3.0, seed=1)
    marks = [10_000, 100_000, 300_000]
    exact = tune_heads(data.X, data.y, steps=marks[-1], record=marks)
    flow = flow_heads(data.X, data.y, until=marks[-1], record=marks)
    assert (exact.margin[:, 0] < 0).all(), "a sample is misclassified all the time"
    np.testing.assert_allclose(unit(flow.path), unit(exact.path), rtol=0, atol=1e-8)
    difference = np.abs(flow.direction_distance - exact.direction_distance).max(axis=-1)
    assert (difference < flow.resolution).all()
    np.testing.assert_allclose(flow.norm, exact.norm, rtol=1e-7)
    np.testing.assert_allclose(flow.certificate, exact.certificate, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("ratio", [1e3, 1e5, 1e7])
def test_a_small_margin_with_a_closed_form(ratio):
    # z = γ e_1 ± b e_2 in equal numbers: w stays on e_1, and m = γ w_1 obeys dm/dτ = γ² σ(−m),
    # so m + e^m = 1 + γ² τ.
    margin = 1 / ratio
    Z = np.array([[margin, 1.0], [margin, -1.0]] * 2)
    y = np.array([1, -1, -1, 1])
    marks = [1e8, 1e16, 1e30]
    run = flow_heads(Z * y[:, None], y, until=1e30, record=marks)
    with mpmath.workdps(50):
        for k, mark in enumerate(marks):
            total = 1 + mpmath.mpf(margin) ** 2 * mpmath.mpf(run.learning_rate) * mpmath.mpf(mark)
            m = mpmath.findroot(lambda m, total=total: m + mpmath.exp(m) - total, mpmath.log(total))
            np.testing.assert_allclose(run.path[k] * margin, [float(m), 0.0], rtol=3e-7, atol=1e-11)


def test_what_the_flow_leaves_out_is_what_descent_does_otherwise():
    # one step of descent from w, against the modified equation solved for one step
    data = synthetic.make_separable("gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=1)
    Z, rate = data.X * data.y[:, None], learning_rate_limits(data.X) / 2
    w = tune_heads(data.X, data.y, steps=200, record=[200], learning_rate=rate).path[0]

    def modified(w):
        wrong = 1 / (1 + np.exp(Z @ w))
        f = rate / len(Z) * wrong @ Z
        return f + rate / len(Z) * (wrong * (1 - wrong) * (Z @ f)) @ Z / 2

    after = w
    for _ in range(20):  # Runge and Kutta's steps of 1/20, whose errors are below 1e-12 of the miss
        first = modified(after)
        second = modified(after + first / 40)
        third = modified(after + second / 40)
        fourth = modified(after + third / 20)
        after = after + (first + 2 * second + 2 * third + fourth) / 120
    missed = after - w - rate / len(Z) * (1 / (1 + np.exp(Z @ w))) @ Z
    t = 200.0
    flow = LogTimeFlow(torch.tensor(Z)[None], torch.tensor([rate]), slice(0, 0), 1.0)
    here = flow.linearise(
        torch.log(torch.tensor([t], dtype=torch.float64)),
        torch.tensor(w)[None, None],
        torch.empty((3, 9), dtype=torch.float64),
    )
    # per step, and with the opposite sign
    np.testing.assert_allclose(
        -here.left_out[0, 0] / t, missed, rtol=0, atol=0.05 * abs(missed).max()
    )
