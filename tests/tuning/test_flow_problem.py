"""Data sets that are handed from descent to the flow, against plain loops and exact steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tunebound.tuning import tune_heads
from tunebound.tuning.heads.flow import problem
from tunebound.tuning.heads.flow.field import LogTimeFlow
from tunebound.tuning.heads.flow.path import FlowPath
from tunebound.tuning.heads.flow.problem import FlowProblem

RECORDED, END = [10, 300, 1000], 1000
CPU = torch.device("cpu")


class Progress:
    def __init__(self):
        self.done = []

    def update(self, amount):
        self.done.append(amount)


def separable(d, sets):
    rng, n = np.random.default_rng(0), 4
    X, y = rng.normal(size=(sets, n, d)), np.tile([-1.0, 1.0, 1.0, -1.0], (sets, 1))
    X[..., 0] = y * (0.5 + rng.random((sets, n)))
    return X, y, rng.normal(size=(sets, d))


def descended(d, sets=2, weighting="1/n", **options):
    X, y, start = separable(d, sets)
    options = {"weighting": weighting, "learning_rate": [0.1, 0.2, 0.15][:sets], **options}
    descent = tune_heads(X, y, steps=END, record=RECORDED, init=start, **options)
    return X, y, start, options, FlowProblem.of(X, y, start, descent, CPU)


@pytest.mark.parametrize("d", [2, 4, 5, 7])
def test_coordinates_are_those_of_the_span_and_nothing_is_lost(d):
    X, y, start, _, made = descended(d)
    Z = X * y[..., None]
    np.testing.assert_array_equal(made.Z, Z)
    np.testing.assert_array_equal(made.rates, [0.1, 0.2])
    assert made.growth == 1.0
    if d <= 4:
        assert made.basis is None
        assert made.coordinates is made.Z
        assert made.numbers == d
        np.testing.assert_array_equal(made.outside, np.zeros((2, d)))
    else:
        assert made.numbers == 4
        assert made.coordinates.is_contiguous()
        for one in range(2):
            basis = made.basis[one].numpy()
            np.testing.assert_allclose(basis.T @ basis, np.eye(4), rtol=0, atol=1e-14)
            np.testing.assert_allclose(made.coordinates[one].numpy() @ basis.T, Z[one], atol=1e-14)
            span = basis @ np.linalg.solve(basis.T @ basis, basis.T @ start[one])
            np.testing.assert_allclose(made.outside[one], start[one] - span, atol=1e-14)
    # heads in coordinates and back, of a block of left-out heads
    sets, heads = slice(1, 2), slice(1, 3)
    found = made.features(made.heads(sets, heads), sets)
    np.testing.assert_allclose(found, made.descent.weights[sets][:, [0, 2, 3]], atol=1e-13)
    np.testing.assert_array_equal(made.log_time(slice(0, 2)), np.full(2, np.log(END)))


def test_everything_is_on_the_device_that_was_asked_for():
    X, y, start, _, known = descended(3)
    made = FlowProblem.of(X, y, start, known.descent, torch.device("meta"))
    for name in ("Z", "coordinates", "outside", "rates"):
        assert getattr(made, name).device.type == "meta"
        assert getattr(made, name).shape == getattr(known, name).shape
    assert made.heads(slice(0, 2), slice(0, 4)).device.type == "meta"


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_drift_is_scaled_to_the_certificate(weighting):
    X, _, _, _, made = descended(1, weighting=weighting)
    known = np.linalg.norm(X, axis=-1) if weighting == "1/n" else np.full((2, 4), 4 / 3)
    np.testing.assert_allclose(made.drift_scale(slice(1, 2)), known[1:], rtol=1e-15)
    assert made.growth == (1.0 if weighting == "1/n" else 4 / 3)


@pytest.mark.parametrize("d", [3, 6])
def test_a_subset_is_what_its_members_make(d):
    X, y, start, _, made = descended(d, sets=3)
    chosen = np.array([2, 0])
    part = made.subset(chosen)
    known = FlowProblem.of(X[chosen], y[chosen], start[chosen], made.descent.select(chosen), CPU)
    for name in ("Z", "coordinates", "outside", "rates"):
        np.testing.assert_allclose(getattr(part, name), getattr(known, name), atol=1e-14)
    assert (part.basis is None) == (d <= 4)
    if d > 4:
        np.testing.assert_array_equal(part.basis, made.basis[chosen])
    np.testing.assert_array_equal(part.descent.weights, made.descent.weights[chosen])


def hollow(sets, n, d, left_out, device):
    """A problem of that shape without numbers."""
    r = min(n, d)

    class Descent:
        distance = np.empty((1, sets, left_out))

    empty = torch.empty((sets, n, r), dtype=torch.float64, device=device)
    return FlowProblem(
        Z=empty, coordinates=empty, basis=None, outside=None, rates=None, descent=Descent()
    )


@pytest.mark.parametrize(("device", "name"), [("cpu", "FLOW"), ("meta", "DEVICE_FLOW")])
def test_blocks_fit_into_the_memory(monkeypatch, device, name):
    n, r = 10, 3
    head = 8 * (3 * 9 + 4 * 10 + 12 * 3)  # bytes of a head
    data_set = 11 * head + 8 * n * r * r
    monkeypatch.setattr(problem, f"{name}_MEMORY", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def sizes(memory, sets=7, left_out=n):
        monkeypatch.setattr(problem, f"{name}_MEMORY", memory)
        blocks = list(hollow(sets, n, r, left_out, device).blocks())
        counted = np.zeros((sets, left_out))
        for one, heads in blocks:
            counted[one, heads] += 1
            if left_out == 0:
                assert heads == slice(0, 0)
        assert (counted == 1).all()  # every head of every data set once
        return [(one.stop - one.start, heads.stop - heads.start) for one, heads in blocks]

    # data sets together, up to an equal share of each worker
    shared = [(4, 10), (3, 10)] if device == "cpu" else [(7, 10)]
    assert sizes(2**40) == shared
    assert sizes(3 * data_set) == [(3, 10), (3, 10), (1, 10)]
    assert sizes(3 * data_set - 1) == [(2, 10)] * 3 + [(1, 10)]
    # head 0 takes the place of one: with room for 11 all fit, with room for 10 no longer
    assert sizes(11 * head) == [(1, 10)] * 7
    halves = [(1, 5), (1, 5)]
    assert sizes(11 * head - 1, sets=2) == halves * 2
    assert sizes(6 * head, sets=1) == halves
    thirds = [(1, 3), (1, 3), (1, 3), (1, 1)] if device == "cpu" else [(1, 4), (1, 4), (1, 2)]
    assert sizes(5 * head, sets=1) == thirds
    assert sizes(1, sets=1) == [(1, 1)] * 10
    # without left-out heads
    assert sizes(2 * (head + 8 * n * r * r), sets=5, left_out=0) == [(2, 0), (2, 0), (1, 0)]


@pytest.mark.parametrize(("n", "d", "sets"), [(64, 70, 3), (65, 65, 1), (65, 64, 3)])
def test_data_sets_whose_samples_may_be_left_out_of_a_system_are_alone(monkeypatch, n, d, sets):
    monkeypatch.setattr(problem, "FLOW_MEMORY", 2**40)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    blocks = list(hollow(3, n, d, n, "cpu").blocks())
    assert blocks == [(slice(k, k + sets), slice(0, n)) for k in range(0, 3, sets)]


@pytest.mark.parametrize(("r", "matrices"), [(9, 3), (10, 2)])
def test_a_head_among_the_samples_takes_the_room_of_fewer_matrices(monkeypatch, r, matrices):
    head = 8 * (matrices * r * r + 4 * 10 + 12 * r)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    for memory, blocks in ((11 * head, 1), (11 * head - 1, 2)):
        monkeypatch.setattr(problem, "FLOW_MEMORY", memory)
        assert len(list(hollow(1, 10, r, 10, "cpu").blocks())) == blocks


@pytest.mark.parametrize("d", [3, 6])
@pytest.mark.parametrize("memory", [1, 2**25])
def test_what_the_flow_would_leave_out_is_the_worst_heads(monkeypatch, d, memory):
    monkeypatch.setattr(problem, "FLOW_MEMORY", memory)
    X, y, _, options, made = descended(d)
    for one in range(2):
        Z, rate = torch.tensor(X[one] * y[one][:, None]), options["learning_rate"][one]
        shares = []
        for head in range(5):
            kept = torch.ones(4, dtype=torch.float64)
            if head:
                kept[head - 1] = 0.0

            def loss(w, Z=Z, kept=kept, rate=rate):
                return rate * END / 4 * (kept * torch.nn.functional.softplus(-(Z @ w))).sum()

            w = torch.tensor(made.descent.weights[one, head])
            gradient, hessian = torch.func.grad(loss), torch.func.hessian(loss)
            f = -gradient(w)
            turned = torch.func.jvp(hessian, (w,), (f,))[1] @ f
            rest = (4 * hessian(w) @ hessian(w) @ f - turned) / (12 * END**2)
            # in the coordinates of the span a head has no part outside
            inside = made.heads(slice(one, one + 1), slice(0, 4))[0, head]
            shares.append(float(rest.norm() / inside.norm()))
        assert made.left_out()[one] == pytest.approx(max(shares), rel=1e-8)


@pytest.mark.parametrize(("d", "weighting"), [(3, "1/(n-1)"), (6, "1/n")])
@pytest.mark.parametrize("memory", [1, 2**25])
def test_records_go_on_from_those_of_descent(monkeypatch, d, weighting, memory):
    monkeypatch.setattr(problem, "FLOW_MEMORY", memory)
    reference = np.random.default_rng(1).normal(size=(2, 5, d))
    reference /= np.linalg.norm(reference, axis=-1, keepdims=True)
    X, y, start, options, made = descended(d, weighting=weighting, reference=reference)
    marks = np.array([10, 1000, 1200, 1500])
    # a data set whose descent is resolved less than the flow that follows it
    resolution = np.array([[0.1, 0.2], [0.3, 0.4], [0.0, 0.5]])
    made = replace(made, descent=replace(made.descent, resolution=resolution))
    progress = Progress()
    run, misses = made.follow(marks, reference, 1e-8, progress)
    assert sum(progress.done) == 2
    exact = tune_heads(X, y, steps=1500, record=marks, init=start, **options)
    np.testing.assert_array_equal(run.steps, marks)
    assert run.weighting == weighting
    np.testing.assert_array_equal(run.learning_rate, [0.1, 0.2])
    for name in ("path", "distance", "direction_distance", "margin", "norm", "direction_error"):
        found, known = getattr(run, name), getattr(exact, name)
        np.testing.assert_array_equal(found[:2], known[:2])
        np.testing.assert_allclose(found, known, rtol=1e-5, atol=1e-8)
    np.testing.assert_array_equal(run.certificate[:2], exact.certificate[:2])
    np.testing.assert_allclose(run.certificate, exact.certificate, rtol=1e-6)
    np.testing.assert_allclose(run.weights, exact.weights, rtol=0, atol=1e-7)
    # the resolution: each data set alone, all heads at once
    np.testing.assert_array_equal(run.resolution[:2], made.descent.resolution[[0, 2]])
    growth = 1.0 if weighting == "1/n" else 4 / 3
    for one in range(2):
        Z = made.coordinates[one : one + 1]
        field = LogTimeFlow(Z, made.rates[one : one + 1], slice(0, 4), growth)
        begin = torch.tensor([np.log(1000.0)], dtype=torch.float64)
        path = FlowPath(field, begin, made.heads(slice(one, one + 1), slice(0, 4)), 1e-8)
        worst = 0.0
        for k, passage in enumerate(path.passages(np.log(marks[2:])), 2):
            heads = run.weights[one] if k == 3 else None
            size = made.features(passage.W, slice(one, one + 1))[0].norm(dim=-1).numpy()
            if heads is not None:
                np.testing.assert_allclose(size, np.linalg.norm(heads, axis=-1), rtol=1e-7)
            error, left_out = (each[0].numpy() / size for each in (passage.error, passage.left_out))
            worst = max(worst, left_out.max())
            known = max(2 * (error + left_out).max(), made.descent.resolution[-1, one])
            assert run.resolution[k, one] == pytest.approx(known, rel=1e-6)
            assert (run.resolution[k, one] > resolution[-1, one]) == (one == 0)
        assert misses[one] == pytest.approx(worst, rel=1e-6)


def test_without_a_reference_no_error_is_recorded():
    X, y, start, options, made = descended(3)
    run, _ = made.follow(np.array([1000, 1100]), None, 1e-8, Progress())
    exact = tune_heads(X, y, steps=1100, record=[1100], init=start, **options)
    np.testing.assert_allclose(run.path[1], exact.path[0], rtol=1e-7)
    assert run.direction_error is None


def test_records_that_descent_reached_need_no_flow():
    *_, made = descended(3, leave_one_out=False)
    progress = Progress()
    run, misses = made.follow(np.array([10, 1000]), None, 1e-8, progress)
    assert sum(progress.done) == 2
    assert run.direction_error is None
    assert run.distance.shape == (2, 2, 0)
    np.testing.assert_array_equal(run.path, made.descent.path[[0, 2]])
    np.testing.assert_array_equal(run.weights, made.descent.weights)
    np.testing.assert_array_equal(run.resolution, made.descent.resolution[[0, 2]])
    np.testing.assert_array_equal(misses, [0.0, 0.0])
