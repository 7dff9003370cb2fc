"""The log-time flow of two classes against derivatives and integrals that others compute."""

import warnings

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from tests.tuning.flow_answers import change_of, nearby, solution
from tunebound.tuning.heads.flow import field as flow_field
from tunebound.tuning.heads.flow import spaces
from tunebound.tuning.heads.flow.field import LogTimeFlow
from tunebound.tuning.heads.flow.path import FlowPath

F64 = torch.float64
RATE = 0.7


def samples(n, d, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(n, d)) + 0.4)


def field_of(Z, *, left_out=True, growth=1.0):
    return LogTimeFlow(
        Z[None], torch.tensor([RATE], dtype=F64), slice(0, len(Z) if left_out else 0), growth
    )


def pair_of(weights):
    """Weights (B, m, n) with room for products."""
    return change_of(torch.stack((weights, torch.full_like(weights, torch.nan))))


def steepest(Z, u, weights):
    """−ηt∇F of Σ_j weights_j log(1 + exp(−z_jᵀw))/n, and ηt∇²F, by autograd."""
    scale = RATE * np.exp(u) / len(Z)

    def loss(w):
        return scale * (weights * torch.nn.functional.softplus(-(Z @ w))).sum()

    return (lambda w: -torch.func.grad(loss)(w)), torch.func.hessian(loss)


def modified(Z, u, weights):
    """f + Hf/(2t)."""
    f, H = steepest(Z, u, weights)
    return lambda w: f(w) + np.exp(-u) / 2 * (H(w) @ f(w))


def weights_of(n, left_out, growth):
    weights = torch.ones(n, dtype=F64)
    if left_out is not None:
        weights *= growth
        weights[left_out] = 0.0
    return weights


@pytest.mark.parametrize(("d", "growth"), [(3, 1.0), (3, 6 / 5), (3, 2.0), (9, 1.0), (9, 6 / 5)])
def test_a_linearisation_is_that_of_autograd(d, growth):
    Z, u = samples(6, d), 1.5
    W = torch.tensor(np.random.default_rng(1).normal(size=(7, d))) / 2
    # the heads at different times
    at = u + torch.linspace(0, 0.3, 7, dtype=F64)[None]
    field = field_of(Z, growth=growth)
    here = field.linearise(at, W[None], torch.empty((3, 7 * d * d), dtype=F64))
    value, in_time, left_out = (
        here.lift(each)[0].clone() for each in (here.value, here.value_in_time, here.left_out)
    )
    solve, solved = here.system(torch.full((1, 7), 3.0, dtype=F64))
    assert solved.all()
    shares = torch.tensor(np.random.default_rng(2).normal(size=(1, 7, 6)))
    change = field.space.sums(pair_of(shares)).whole
    b = here.lift(change)[0]
    answer = here.lift(solution(solve, change))[0]
    rate = here.lift(nearby(here, at, 0 * change)[0])
    later = here.lift(nearby(here, at + 0.2, change / 10)[0])
    for head in range(7):
        w, time = W[head], float(at[0, head])
        weights = weights_of(6, head - 1 if head else None, growth)
        expected = modified(Z, time, weights)
        np.testing.assert_allclose(value[head], expected(w), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(rate[0, head], expected(w), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(in_time[head], expected(w), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(
            later[0, head],
            modified(Z, time + 0.2, weights)(w + b[head] / 10),
            rtol=1e-11,
            atol=1e-12,
        )
        f, H = steepest(Z, time, weights)
        half, curvature = np.exp(-time) / 2, H(w)
        turned = torch.func.jvp(H, (w,), (f(w),))[1] @ f(w)
        np.testing.assert_allclose(
            left_out[head],
            half**2 / 3 * (4 * curvature @ curvature @ f(w) - turned),
            rtol=1e-10,
            atol=1e-14,
        )
        if d <= 6:
            M = -torch.func.jacrev(expected)(w) - half * curvature @ curvature
            matrix = 3.0 * torch.eye(d, dtype=F64) + M
            size = torch.linalg.matrix_norm(M) * half
            bent = matrix + half * M @ M
            close = [
                torch.allclose(each @ answer[head], b[head], rtol=0, atol=1e-9)
                for each in (bent, matrix)
            ]
            assert close[0] or (close[1] and size < 0.03)


@pytest.mark.parametrize("d", [3, 9])
def test_a_correction_that_is_a_small_share_of_the_head_is_left_out(d):
    Z, weights, size = samples(6, d).abs(), torch.ones(6, dtype=F64), 40.0
    w = torch.full((d,), size / d**0.5, dtype=F64)
    f, H = steepest(Z, 0.0, weights)
    share = float((H(w) @ f(w)).norm()) / 2 / size  # at t = 1; it grows like t
    for limit, kept in ((0.9e-11, False), (1.1e-11, True)):
        u = np.log(limit / share)
        f, H = steepest(Z, u, weights)
        half, bend = np.exp(-u) / 2, H(w) @ f(w)
        turned = torch.func.jvp(H, (w,), (f(w),))[1] @ f(w)
        expected = half**2 / 3 * (4 * H(w) @ bend - turned) - (0.0 if kept else half) * bend
        here = field_of(Z, left_out=False).linearise(
            torch.full((1, 1), u, dtype=F64), w[None, None], torch.empty((3, d * d), dtype=F64)
        )
        np.testing.assert_allclose(here.lift(here.left_out)[0, 0], expected, rtol=1e-9)
        moved = f(w) + half * bend if kept else f(w)
        np.testing.assert_allclose(here.lift(here.value)[0, 0], moved, rtol=1e-13)
        rate, _ = nearby(here, torch.full((1, 1), u, dtype=F64), 0 * here.value)
        np.testing.assert_allclose(here.lift(rate)[0, 0], moved, rtol=1e-13)


@pytest.mark.parametrize("growth", [1.0, 6 / 5])
def test_the_drift_and_its_change_are_those_of_autograd(growth):
    Z, u = samples(6, 3), 2.0
    W = torch.tensor(np.random.default_rng(1).normal(size=3)) / 2
    along = torch.tensor(np.random.default_rng(2).normal(size=3))
    scale = RATE * np.exp(u) / 6

    def drift(w):
        activity = scale * torch.sigmoid(-(Z @ w))
        if growth == 1.0:
            return activity
        terms = activity[:, None] * Z
        return torch.linalg.vector_norm(terms - terms.mean(dim=0), dim=1)

    field, heads = field_of(Z, growth=growth), W.expand(1, 7, -1)
    at = torch.full((1, 7), u, dtype=F64)
    here = field.linearise(at, heads, torch.empty((3, 7 * 9), dtype=F64))
    for found in (here.integrand, nearby(here, at, 0 * heads)[1]):
        np.testing.assert_allclose(found[0], drift(W), rtol=1e-13)
    change = torch.func.jvp(drift, (W,), (along,))[1]
    np.testing.assert_allclose(here.integrand_change(along.expand(1, 7, -1))[0], change, rtol=1e-11)
    # with a summand q of t whose logarithmic derivative is q plus what the head changes
    t = np.exp(u)
    flow, _ = steepest(Z, u, torch.ones(6, dtype=F64))
    change = torch.func.jvp(drift, (W,), (flow(W),))[1]
    np.testing.assert_allclose(
        field.drift_boundary(at[:, :1], heads)[0],
        -drift(W) / (2 * t) + change / (12 * t * t),
        rtol=1e-12,
    )


def everything(field, u, W, shares):
    """All that a field says at times u (B, m) and heads W (B, m, r), which change by Σ_j shares_j
    z_j; torch warns where the room for it has another shape.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return asked(field, u, W, shares)


def asked(field, u, W, shares):
    here = field.linearise(u, W, torch.empty((3, W.numel() * W.shape[-1]), dtype=F64))
    change = field.space.sums(pair_of(shares)).whole
    said = [here.value.clone(), here.left_out, change]
    drifts = [here.integrand, here.integrand_change(change), field.drift_boundary(u[:, :1], W)]
    solve, solved = here.system(torch.full_like(u, 3.0))
    assert solved.all()
    later, drift = nearby(here, u, change)
    return [*map(here.lift, [*said, solution(solve, change), later]), *drifts, drift]


@pytest.mark.parametrize("growth", [1.0, 6 / 5])
@pytest.mark.parametrize(("d", "memory"), [(1, 2**27), (3, 2**27), (3, 0), (6, 0), (9, 2**27)])
def test_data_sets_and_heads_are_told_alone_what_they_are_told_together(
    monkeypatch, d, memory, growth
):
    monkeypatch.setattr(spaces, "PRODUCT_MEMORY", memory)
    rng = np.random.default_rng(2)
    Z, rates = (
        torch.tensor(rng.normal(size=(3, 6, d)) + 0.4),
        torch.tensor([0.7, 0.3, 0.5]).double(),
    )
    field, block = LogTimeFlow(Z, rates, slice(1, 5), growth), slice(1, 5)
    assert isinstance(field.space, spaces.FeatureSpace) == (d < 6)
    if d < 6:
        assert (field.space.products is None) == (memory == 0)
    W, along = (
        torch.tensor(rng.normal(size=(3, 5, d)) / 2),
        torch.tensor(rng.normal(size=(3, 5, 6))),
    )
    u = 1.5 + torch.tensor(rng.random((3, 5))) / 3
    together = everything(field, u, W, along)
    for one in range(3):
        chosen = torch.tensor([one])
        alone = LogTimeFlow(Z[chosen], rates[chosen], block, growth)
        for part in (alone, field.subset(chosen)):
            told = everything(part, u[chosen], W[chosen], along[chosen])
            for found, known in zip(told, together, strict=True):
                torch.testing.assert_close(found, known[chosen], rtol=1e-10, atol=1e-13)
    heads = torch.tensor([0, 2, 3])
    told = everything(field.of_heads(heads), u[:, heads], W[:, heads], along[:, heads])
    for found, known in zip(told, together, strict=True):
        # of every head, or of the samples in head 0
        known = known[:, heads] if known.shape[1] == 5 else known
        torch.testing.assert_close(found, known, rtol=1e-10, atol=1e-13)
    # what was taken from it has changed nothing
    for found, known in zip(everything(field, u, W, along), together, strict=True):
        assert torch.equal(found, known)


@pytest.mark.parametrize("d", [3, 9])
def test_a_system_is_the_same_after_the_flow_was_asked_nearby(d):
    field, at = field_of(samples(6, d)), torch.full((1, 7), 1.5, dtype=F64)
    W, change = (
        torch.tensor(np.random.default_rng(1).normal(size=(1, 7, d))) / 2,
        field.space.sums(
            pair_of(torch.tensor(np.random.default_rng(2).normal(size=(1, 7, 6))))
        ).whole,
    )

    def solved(*, later):
        here = field.linearise(at, W, torch.empty((3, 7 * d * d), dtype=F64))
        if later:
            nearby(here, at + 0.2, change)
        solve, _ = here.system(torch.full((1, 7), 3.0, dtype=F64))
        return here.lift(solution(solve, change)).clone()

    assert torch.equal(solved(later=True), solved(later=False))


def test_a_change_among_the_samples_is_its_weights_and_its_products():
    Z = samples(6, 9)
    weights = torch.tensor(np.random.default_rng(1).normal(size=(1, 2, 6)))
    change = spaces.SampleSpace(Z[None]).sums(pair_of(weights))
    assert change.whole.shape == (2, 1, 2, 6)
    assert torch.equal(change.whole[0], weights)
    assert torch.equal(change.weights, weights)
    assert torch.equal(change.products, change.whole[1])
    torch.testing.assert_close(change.products[0], weights[0] @ Z @ Z.mT, rtol=1e-12, atol=1e-12)


def test_a_change_among_the_features_is_one_in_all_its_parts():
    weights = torch.tensor(np.random.default_rng(1).normal(size=(1, 2, 6)))
    change = spaces.FeatureSpace(samples(6, 3)[None]).sums(pair_of(weights))
    assert change.weights is change.products is change.whole
    torch.testing.assert_close(change.whole[0], weights[0] @ samples(6, 3), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", [3, 6, 9])
def test_there_is_room_for_the_changes_of_a_step_and_for_no_more(d):
    field = field_of(samples(6, d))
    numbers = d if d < 6 else 2 * 6
    increments = field.stages.increments
    assert len(increments) == 8
    changes = (*increments, field.stages.left_out, field.stages.moved, field.stages.coupled)
    storage = changes[0].whole.untyped_storage()
    assert storage.nbytes() == 8 * 11 * 7 * numbers
    for number, change in enumerate(changes):
        assert change.whole.untyped_storage().data_ptr() == storage.data_ptr()
        assert change.whole.numel() == 7 * numbers
        change.whole.fill_(number)
    for number, change in enumerate(changes):
        assert bool((change.whole == number).all())


def test_products_with_a_change_are_written_where_they_are_asked_for():
    Z = samples(6, 3)
    change = torch.tensor(np.random.default_rng(1).normal(size=(1, 2, 3)))
    out = torch.empty((1, 2, 6), dtype=F64)
    assert spaces.FeatureSpace(Z[None]).along(change, out=out) is out
    torch.testing.assert_close(out[0], change[0] @ Z.mT, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("space", [spaces.FeatureSpace, spaces.SampleSpace])
def test_products_with_sums_are_written_where_they_are_asked_for(space):
    Z = samples(6, 9)
    weights = torch.tensor(np.random.default_rng(1).normal(size=(1, 2, 6)))
    out = torch.empty((1, 2, 6), dtype=F64)
    assert space(Z[None]).along_sums(pair_of(weights), out=out) is out
    torch.testing.assert_close(out[0], weights[0] @ Z @ Z.mT, rtol=1e-12, atol=1e-12)


def test_a_table_of_products_is_kept_where_it_fits(monkeypatch):
    Z = samples(6, 3)
    for memory, kept in ((8 * 6 * 6, True), (8 * 6 * 6 - 1, False)):
        monkeypatch.setattr(spaces, "PRODUCT_MEMORY", memory)
        assert (field_of(Z).space.products is not None) is kept


@pytest.mark.parametrize("d", [3, 9])
def test_a_block_knows_whether_there_are_others(d):
    Z = samples(6, d)
    for heads, others in ((slice(0, 6), False), (slice(0, 5), True), (slice(1, 6), True)):
        field = LogTimeFlow(Z[None], torch.tensor([RATE], dtype=F64), heads, 1.0)
        assert field.divided is others


def test_entries_left_out_are_counted_along_the_rows_of_the_heads():
    table = torch.ones(3, 4)
    table.view(-1)[flow_field.entries_left_out(torch.tensor([2, 0]), 4)] = 0.0
    assert table.tolist() == [[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 1]]


@pytest.mark.parametrize(("n", "d"), [(5, 2), (8, 2), (24, 30), (7, 9)])
def test_no_bit_depends_on_which_data_sets_are_together(n, d):
    rng = np.random.default_rng(n)
    Z, W = (torch.tensor(rng.normal(size=(3, rows, d))) for rows in (n, n + 1))
    W[1] *= 30  # far ahead: many samples without weight there
    shares = torch.tensor(rng.normal(size=(3, n + 1, n)))
    rates, u = torch.full((3,), RATE, dtype=F64), torch.full((3, n + 1), 2.0, dtype=F64)
    field = LogTimeFlow(Z, rates, slice(0, n), 1.0)
    together = everything(field, u, W, shares)
    for chosen in ([0], [1], [2], [0, 2], [1, 2]):
        sets = torch.tensor(chosen)
        said = everything(field.subset(sets), u[sets], W[sets], shares[sets])
        for found, known in zip(said, together, strict=True):
            assert torch.equal(found, known[sets])


@pytest.mark.parametrize("d", [3, 9])
def test_a_path_is_that_of_a_general_solver(d):
    Z, begin, end = samples(6, d, seed=3), np.log(1000.0), 10.0
    W = torch.tensor(np.random.default_rng(4).normal(size=(7, d))) + 1.0
    path = FlowPath(field_of(Z), torch.tensor([begin], dtype=F64), W[None].clone(), 2e-7)
    *_, passage = path.passages([(begin + end) / 2, end])
    assert torch.equal(passage.W, path.W)
    assert torch.equal(passage.error, path.error)
    assert (path.u == end).all()
    for head in (0, 1, 5):
        weights = weights_of(6, head - 1 if head else None, 1.0).numpy()

        def slope(u, state, weights=weights):
            z, w = Z.numpy(), state[:d]
            wrong = 1 / (1 + np.exp(z @ w))
            activity = RATE * np.exp(u) / 6 * wrong
            f = (activity * weights) @ z
            bend = (activity * weights * (1 - wrong) * (z @ f)) @ z
            return np.concatenate([f + np.exp(-u) / 2 * bend, activity])

        start = np.concatenate([W[head], np.zeros(6)])
        known = solve_ivp(slope, (begin, end), start, "LSODA", rtol=1e-11, atol=1e-12).y[:, -1]
        distance = np.linalg.norm(path.W[0, head].numpy() - known[:d])
        assert distance < 1e-7 * np.linalg.norm(known[:d])
        assert distance < float(path.error[0, head])
        if head == 0:
            np.testing.assert_allclose(path.integral[0], known[d:], rtol=1e-5)


def test_a_head_does_not_wait_for_another():
    # of two heads the one is in the flat, the other among curvatures in the hundreds
    Z = 20 * samples(6, 3, seed=5)
    calm = torch.tensor([[[3.0, 3.0, 3.0], [-0.4, 0.1, 0.2]]], dtype=F64)
    field = LogTimeFlow(Z[None], torch.tensor([RATE], dtype=F64), slice(0, 1), 1.0)
    path = FlowPath(field, torch.tensor([0.0], dtype=F64), calm.clone(), 2e-7)
    path._step(*path._part(path.u < 3.0), torch.full_like(path.u, 3.0))
    assert path.h[0, 0] > 2 * path.h[0, 1]
