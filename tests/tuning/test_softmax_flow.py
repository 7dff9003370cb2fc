"""Softmax heads followed in log-time: against exact steps, against two classes, against autograd,
and against the separators far out.
"""

import numpy as np
import pytest
import torch

from tests.oracles.class_descent import leave_one_out_paths
from tests.tuning.flow_answers import nearby, solution
from tunebound import bounds, synthetic
from tunebound.tuning import flow_heads, learning_rate_limits, tune_heads
from tunebound.tuning.heads.softmax.flow import SoftmaxFlow

F64 = torch.float64


def data_of(classes=3, n=18, d=5, seed=0, rivals="one"):
    return synthetic.make_classes(
        n=n, d=d, classes=classes, margin=0.5, radius=4.0, rivals=rivals, seed=seed
    )


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize(("classes", "n", "d", "rivals"), [(3, 14, 4, "one"), (4, 12, 20, "all")])
def test_the_flow_follows_exact_steps(classes, n, d, rivals, weighting):
    data = data_of(classes, n, d, rivals=rivals)
    start = np.random.default_rng(0).normal(size=(classes, d)) / 4
    common = {"classes": classes, "weighting": weighting, "init": start, "record": [20_000]}
    flow = flow_heads(data.X, data.y, until=20_000, **common)
    exact = tune_heads(data.X, data.y, steps=20_000, **common)
    assert flow.path.shape == exact.path.shape == (1, classes, d)
    assert flow.weights.shape == exact.weights.shape == (n + 1, classes, d)
    off = np.abs(flow.direction_distance - exact.direction_distance)
    assert off.max() < 2e-8
    assert (off <= flow.resolution[:, None]).all()
    np.testing.assert_allclose(flow.certificate, exact.certificate, rtol=1e-6)
    np.testing.assert_allclose(flow.margin, exact.margin, rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.weights, exact.weights, rtol=0, atol=1e-6)


def test_the_first_steps_are_exact_ones_also_where_that_is_all():
    data = data_of()
    flow = flow_heads(data.X, data.y, classes=3, until=60, record=[7, 60])
    paths = leave_one_out_paths(data.X, data.y, 3, flow.learning_rate, 60)
    np.testing.assert_allclose(flow.weights, paths[:, 60], rtol=0, atol=1e-12)
    np.testing.assert_allclose(flow.path[0], paths[0, 7], rtol=0, atol=1e-12)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_two_classes_are_the_logistic_flow(weighting):
    data = synthetic.make_separable(n=14, d=4, seed=1)
    two = flow_heads(data.X, data.y, until=1e30, weighting=weighting)
    several = flow_heads(
        data.X, (data.y + 1) // 2, classes=2, until=1e30, weighting=weighting
    )  # fmt: skip
    np.testing.assert_allclose(
        several.direction_distance, two.direction_distance, rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(several.certificate * np.sqrt(2), two.certificate, rtol=1e-7)
    np.testing.assert_allclose(several.norm * np.sqrt(2), two.norm, rtol=1e-8)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_far_out_the_heads_near_the_separators(weighting):
    data = data_of(rivals="all")
    separator = bounds.max_margin_classes(data.X, data.y)
    left_out = bounds.leave_one_out_classes(data.X, data.y, separator)
    directions = np.concatenate([[separator.weights], left_out.weights])
    directions /= np.linalg.norm(directions, axis=(1, 2), keepdims=True)
    run = flow_heads(
        data.X, data.y, classes=3, until=1e280, reference=directions, weighting=weighting
    )
    errors = run.direction_error[:, 0] * np.log(run.steps)
    assert run.direction_error[-1].max() < 0.05
    assert np.isfinite(run.certificate).all()
    assert (run.distance <= run.certificate * (1 + 1e-6)).all()
    late = run.steps > 1e100
    assert errors[late].max() < 1.05 * errors[late].min()  # it falls like 1/ln t


def autograd(X, labels, classes, rate, u, *, corrected=True):
    """f or f + H f/(2t) at log-time u for one head (K r,), by autograd on the cross-entropy."""

    def loss(W):
        scores = torch.tensor(X) @ W.view(classes, -1).T
        return torch.nn.functional.cross_entropy(scores, torch.tensor(labels))

    t = float(np.exp(u))

    def field(W):
        flow = -rate * t * torch.func.grad(loss)(W)
        if not corrected:
            return flow
        bent = rate * t * torch.func.jvp(torch.func.grad(loss), (W,), (flow,))[1]
        return flow + bent / (2 * t)

    return field


def test_field_and_jacobian_are_those_of_autograd():
    rng = np.random.default_rng(3)
    X, labels, classes, u = rng.normal(size=(7, 3)), np.array([0, 1, 2, 3, 0, 1, 2]), 4, 9.0
    W = torch.tensor(rng.normal(size=classes * 3))
    field = SoftmaxFlow(
        torch.tensor(X)[None], torch.tensor(labels)[None], classes, torch.tensor([0.7], dtype=F64),
        slice(0, 0), 1.0,
    )  # fmt: skip
    expected = autograd(X, labels, classes, 0.7, u)
    at = torch.tensor([u], dtype=F64)
    here = field.linearise(at, W[None, None], torch.empty((3, 144), dtype=F64))
    rate = expected(W)
    for found in (here.value, nearby(here, at[:, None], 0 * W[None, None])[0]):
        np.testing.assert_allclose(found[0, 0], rate, rtol=1e-11)
    solve, solved = here.system(torch.tensor([3.0], dtype=F64))
    assert solved.all()
    # minus the Jacobian is M + H²/(2t), and M²/(2t) stands for the square
    uncorrected = autograd(X, labels, classes, 0.7, u, corrected=False)
    H = -torch.func.jacrev(uncorrected)(W)
    half = np.exp(-u) / 2
    M = -torch.func.jacrev(expected)(W) - half * H @ H
    matrix = 3.0 * torch.eye(12, dtype=F64) + M + half * M @ M
    b = torch.tensor(rng.normal(size=12))
    np.testing.assert_allclose(
        solution(solve, b[None, None])[0, 0], torch.linalg.solve(matrix, b), rtol=0, atol=1e-12
    )
    # 4 H²f − D_fH f over 12 t², of what the flow leaves out
    f = uncorrected(W)
    along = torch.func.jvp(torch.func.jacrev(uncorrected), (W,), (f,))[1]
    np.testing.assert_allclose(
        here.left_out[0, 0], (4 * H @ H @ f + along @ f) * half**2 / 3, rtol=1e-10
    )
    later = autograd(X, labels, classes, 0.7, u + 1e-6)(W)
    slope = (later - autograd(X, labels, classes, 0.7, u - 1e-6)(W)) / 2e-6
    np.testing.assert_allclose(here.value_in_time[0, 0], slope, rtol=1e-7)


@pytest.mark.parametrize("growth", [1.0, 7 / 6])
def test_the_drift_and_its_change_are_those_of_autograd(growth):
    rng = np.random.default_rng(4)
    X, labels, classes, u = rng.normal(size=(7, 3)), np.array([0, 1, 2, 0, 1, 2, 0]), 3, 1.0
    W, along = torch.tensor(rng.normal(size=9)), torch.tensor(rng.normal(size=9))
    field = SoftmaxFlow(
        torch.tensor(X)[None], torch.tensor(labels)[None], classes, torch.tensor([0.7], dtype=F64),
        slice(0, 7), growth,
    )  # fmt: skip
    scale = 0.7 * np.exp(u) / 7

    def drift(W):
        def loss(W, x, label):
            return torch.nn.functional.cross_entropy((W.view(3, 3) @ x)[None], label[None])

        gradients = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(
            W, torch.tensor(X), torch.tensor(labels)
        )
        if growth != 1.0:
            gradients = gradients - gradients.mean(dim=0)
        return scale * torch.linalg.vector_norm(gradients, dim=1)

    at, heads = torch.tensor([u], dtype=F64), W.expand(1, 8, -1)
    here = field.linearise(at, heads, torch.empty((3, 8 * 81), dtype=F64))
    for found in (here.integrand, nearby(here, at[:, None], 0 * heads)[1]):
        np.testing.assert_allclose(found[0], drift(W), rtol=1e-13)
    change = torch.func.jvp(drift, (W,), (along,))[1]
    np.testing.assert_allclose(here.integrand_change(along.expand(1, 8, -1))[0], change, rtol=1e-11)


def test_a_batch_equals_its_data_sets():
    members = [data_of(seed=seed) for seed in range(3)]
    X, y = np.stack([each.X for each in members]), np.stack([each.y for each in members])
    together = flow_heads(X, y, classes=3, until=1e15)
    for index, data in enumerate(members):
        alone = flow_heads(data.X, data.y, classes=3, until=1e15)
        np.testing.assert_allclose(together[index].weights, alone.weights, rtol=0, atol=1e-9)


def test_classes_that_cannot_be_separated_are_refused():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 4
    with pytest.raises(FloatingPointError, match="not linearly separable"):
        flow_heads(
            X, y, classes=4, until=1e20, learning_rate=0.1 * learning_rate_limits(X, classes=4)
        )
    with pytest.raises(ValueError, match="classes must be at least 2, got 1"):
        flow_heads(X, y, classes=1)
    with pytest.raises(ValueError, match=r"init must have shape \(4, 2\)"):
        flow_heads(X, y, classes=4, init=np.zeros(2))


@pytest.mark.parametrize(("n", "classes"), [(5, 3), (9, 2), (8, 4)])
def test_no_bit_depends_on_which_data_sets_are_together(n, classes):
    rng = np.random.default_rng(n)
    Z = torch.tensor(rng.normal(size=(3, n, 2)))
    labels = torch.tensor(rng.integers(0, classes, size=(3, n)))
    W, change = torch.tensor(rng.normal(size=(2, 3, n + 1, 2 * classes)))
    rates, u = torch.full((3,), 0.7, dtype=F64), torch.full((3, n + 1), 2.0, dtype=F64)
    field = SoftmaxFlow(Z, labels, classes, rates, slice(0, n), 1.0)

    def everything(field, sets):
        room = torch.empty((3, W[sets].numel() * W.shape[-1]), dtype=F64)
        here = field.linearise(u[sets], W[sets], room)
        solve, solved = here.system(torch.full_like(u[sets], 3.0))
        assert solved.all()
        boundary = field.drift_boundary(u[sets][:, :1], W[sets])
        later = nearby(here, u[sets], change[sets])
        return [
            here.value,
            here.left_out,
            here.integrand,
            solution(solve, change[sets]),
            boundary,
            *later,
        ]

    together = everything(field, torch.arange(3))
    for chosen in ([0], [1], [2], [0, 2], [1, 2]):
        sets = torch.tensor(chosen)
        for found, known in zip(everything(field.subset(sets), sets), together, strict=True):
            assert torch.equal(found, known[sets])
