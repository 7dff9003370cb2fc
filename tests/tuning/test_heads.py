"""Batched leave-one-out heads against one plain loop a head, and against what the certificate
promises.
"""

from functools import partial

import numpy as np
import pytest
import torch

from tests.oracles.descent import leave_one_out_paths
from tunebound import synthetic
from tunebound.tuning import (
    Adam,
    MultiHeadLoss,
    flow_heads,
    learning_rate_limits,
    tune_heads,
)
from tunebound.tuning.heads import tune as engine

FAMILIES = ("gaussian", "heavy_tailed", "degenerate", "wide")


def sample(family="gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=0):
    return synthetic.make_separable(
        family,
        n=n,
        d=max(d, n + 4) if family == "wide" else d,
        margin=margin,
        radius=radius,
        seed=seed,
    )


def unit(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize("family", FAMILIES)
def test_heads_agree_with_a_plain_loop(family, weighting):
    data = sample(family)
    steps = [1, 2, 17, 400]
    start = np.linspace(-1, 1, data.d)
    run = tune_heads(data.X, data.y, steps=400, init=start, weighting=weighting, record=steps)
    paths = leave_one_out_paths(
        data.X, data.y, run.learning_rate, 400, start=start, weighting=weighting
    )[:, steps]
    W, left_out = paths[0], np.moveaxis(paths[1:], 0, 1)
    assert np.array_equal(run.steps, steps)
    np.testing.assert_allclose(unit(run.path), unit(W), rtol=0, atol=1e-12)
    np.testing.assert_allclose(unit(run.weights), unit(paths[:, -1]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.norm[:, 0], np.linalg.norm(W, axis=1), rtol=1e-12)
    np.testing.assert_allclose(run.norm[:, 1:], np.linalg.norm(left_out, axis=2), rtol=1e-12)
    np.testing.assert_allclose(
        run.distance, np.linalg.norm(left_out - W[:, None], axis=2), rtol=0, atol=1e-11
    )
    chords = np.linalg.norm(unit(left_out) - unit(W)[:, None], axis=2)
    np.testing.assert_allclose(run.direction_distance, chords, rtol=0, atol=1e-12)
    Z = data.X * data.y[:, None]
    for i in range(data.n):
        kept = np.arange(data.n) != i
        np.testing.assert_allclose(
            run.margin[:, i + 1], (unit(left_out[:, i]) @ Z[kept].T).min(axis=1), rtol=0, atol=1e-12
        )
    np.testing.assert_allclose(run.margin[:, 0], (unit(W) @ Z.T).min(axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_certificate_is_the_sum_of_gradient_differences_and_bounds_the_distance(weighting):
    data = sample()
    n, T = data.n, 300
    run = tune_heads(data.X, data.y, steps=T, weighting=weighting, record=[1, 50, T])
    path = leave_one_out_paths(data.X, data.y, run.learning_rate, T, weighting=weighting)[0]
    w = torch.tensor(path[:-1], requires_grad=True)
    Z = torch.tensor(data.X * data.y[:, None])
    losses = torch.nn.functional.softplus(-(w @ Z.T))
    (whole,) = torch.autograd.grad(losses.mean(dim=1).sum(), w, retain_graph=True)
    for i in range(n):
        rest = losses[:, torch.arange(n) != i].sum(dim=1) / (n if weighting == "1/n" else n - 1)
        (left,) = torch.autograd.grad(rest.sum(), w, retain_graph=True)
        drift = (
            run.learning_rate
            * torch.cumsum(torch.linalg.vector_norm(whole - left, dim=1), 0).numpy()
        )
        np.testing.assert_allclose(run.certificate[:, i], drift[[0, 49, T - 1]], rtol=1e-10)
    assert (run.distance <= run.certificate * (1 + 1e-12)).all()


def test_a_batch_equals_its_data_sets_one_by_one():
    sets = [sample(family, seed=seed) for family in FAMILIES[:3] for seed in range(2)]
    together = tune_heads(np.stack([s.X for s in sets]), np.stack([s.y for s in sets]), steps=200)
    for index, data in enumerate(sets):
        alone = tune_heads(data.X, data.y, steps=200)
        np.testing.assert_allclose(together[index].weights, alone.weights, rtol=1e-13)
        np.testing.assert_allclose(together[index].certificate, alone.certificate, rtol=1e-13)
        assert together[index].learning_rate == alone.learning_rate


def test_direction_error_is_measured_against_the_reference():
    data = sample()
    reference = unit(np.random.default_rng(0).normal(size=(data.n + 1, data.d)))
    run = tune_heads(data.X, data.y, steps=30, record=[30], reference=reference)
    np.testing.assert_allclose(
        run.direction_error[0], np.linalg.norm(unit(run.weights) - reference, axis=1), atol=1e-13
    )


def test_head_of_the_whole_sample_alone():
    data = sample()
    alone = tune_heads(data.X, data.y, steps=50, leave_one_out=False)
    assert alone.direction_distance.shape == (len(alone.steps), 0)
    np.testing.assert_allclose(
        alone.weights[0], tune_heads(data.X, data.y, steps=50).weights[0], rtol=1e-13
    )


def test_float32_is_close_and_warns_where_it_stagnates(monkeypatch):
    data = sample()
    double = tune_heads(data.X, data.y, steps=500)
    single = tune_heads(data.X, data.y, steps=500, dtype="float32")
    np.testing.assert_allclose(
        single.direction_distance, double.direction_distance, rtol=0, atol=2e-5
    )
    assert not np.array_equal(single.weights, double.weights)
    monkeypatch.setattr(engine, "FLOAT32_STEPS", 100)
    with pytest.warns(UserWarning, match="use 'mixed' or 'float64'"):
        tune_heads(data.X, data.y, steps=101, dtype="float32")


def test_recorded_steps_are_log_spaced_and_end_with_the_last():
    steps = engine.record_steps(10_000, "log")
    assert steps[0] == 1
    assert steps[-1] == 10_000
    assert (np.diff(steps) > 0).all()
    exponents = np.arange(33) / 8
    assert (np.abs(steps - 10 ** exponents[:, None]).min(axis=1) <= 0.5).all(), (
        "every eighth of a decade is there, rounded"
    )
    assert np.array_equal(engine.record_steps(10, [3, 3]), [3, 10])
    assert np.array_equal(engine.record_steps(1, "log"), [1])


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_limit_is_two_over_the_largest_curvature(weighting):
    data = sample(n=9, d=4)
    subsets = [np.ones(9, bool)] + [np.arange(9) != i for i in range(9)]
    share = {"1/n": 9, "1/(n-1)": 8}[weighting]
    curvatures = [
        np.linalg.eigvalsh(data.X[kept].T @ data.X[kept])[-1] / (4 * (9 if kept.all() else share))
        for kept in subsets
    ]
    limit = learning_rate_limits(data.X, weighting=weighting)
    assert limit <= 2 / max(curvatures) * (1 + 1e-12)
    if weighting == "1/n":
        np.testing.assert_allclose(limit, 2 / curvatures[0], rtol=1e-12)
    else:
        np.testing.assert_allclose(limit, 2 / (curvatures[0] * 9 / 8), rtol=1e-12)
    assert tune_heads(data.X, data.y, steps=1, weighting=weighting).learning_rate == pytest.approx(
        limit / 2, rel=1e-12
    )
    tune_heads(data.X, data.y, steps=1, weighting=weighting, learning_rate=limit)


def test_a_learning_rate_above_the_limit_is_refused_with_the_limit():
    data = sample()
    limit = learning_rate_limits(data.X)
    with pytest.raises(
        ValueError, match=rf"learning_rate .* above the limit 2/beta = {limit:.6g} of data set 0"
    ):
        tune_heads(data.X, data.y, steps=1, learning_rate=1.01 * limit)


def test_huge_and_tiny_features_neither_overflow_nor_lose_digits():
    data = sample()
    plain = tune_heads(data.X, data.y, steps=100)
    for scale in (1e-140, 1e140):
        scaled = tune_heads(data.X * scale, data.y, steps=100)
        np.testing.assert_allclose(
            scaled.direction_distance, plain.direction_distance, rtol=0, atol=1e-12
        )
    with pytest.raises(ValueError, match="rescale"):
        tune_heads(data.X * 1e-170, data.y, steps=1)
    with pytest.raises(ValueError, match="zero everywhere"):
        tune_heads(0 * data.X, data.y, steps=1)


GOOD = sample()
BAD = {
    "X text": (dict(X=[["a", "b"]] * 12), TypeError, "X must be made of real numbers"),
    "X one axis": (dict(X=np.ones(12)), ValueError, r"X must have axes \(n, d\) or \(D, n, d\)"),
    "X NaN": (
        dict(X=np.where(np.eye(12, 3) > 0, np.nan, GOOD.X)),
        ValueError,
        r"X\[0, 0\] = nan: X must be finite",
    ),
    "X infinite": (
        dict(X=np.where(np.eye(12, 3) > 0, np.inf, GOOD.X)),
        ValueError,
        r"X\[0, 0\] = inf: X must be finite",
    ),
    "X no features": (dict(X=np.empty((12, 0))), ValueError, "X is empty"),
    "one sample": (dict(X=np.ones((1, 3)), y=[1]), ValueError, "at least 2 samples"),
    "y shape": (dict(y=np.ones(11)), ValueError, r"y must have shape \(12,\)"),
    "y 0/1": (dict(y=(GOOD.y > 0).astype(int)), ValueError, r"convert it with 2 \* y - 1"),
    "y NaN": (dict(y=np.full(12, np.nan)), ValueError, r"y\[0\] = nan: y must be finite"),
    "y one class": (dict(y=np.ones(12)), ValueError, "0 sample.s. of class -1"),
    "y single sample of a class": (
        dict(y=np.r_[-1, np.ones(11)]),
        ValueError,
        "1 sample.s. of class -1 and needs 2",
    ),
    "steps zero": (dict(steps=0), ValueError, "steps must be at least 1"),
    "steps float": (dict(steps=10.0), TypeError, "steps must be an integer"),
    "steps bool": (dict(steps=True), TypeError, "steps must be an integer"),
    "rate word": (dict(learning_rate="fast"), ValueError, "learning_rate must be one of 'auto'"),
    "rate zero": (dict(learning_rate=0.0), ValueError, "learning_rate must be above 0"),
    "rate NaN": (
        dict(learning_rate=np.nan),
        ValueError,
        "learning_rate = nan: learning_rate must be finite",
    ),
    "rate bool": (dict(learning_rate=True), TypeError, "learning_rate"),
    "rate shape": (
        dict(learning_rate=[0.1, 0.1]),
        ValueError,
        r"learning_rate must be one number or have shape \(1,\)",
    ),
    "init shape": (dict(init=np.ones(4)), ValueError, r"init must have shape \(3,\)"),
    "init NaN": (dict(init=[np.nan, 0, 0]), ValueError, "init must be finite"),
    "weighting": (dict(weighting="n"), ValueError, r"weighting must be one of '1/n', '1/\(n-1\)'"),
    "record word": (dict(record="all"), ValueError, "record must be one of 'log'"),
    "record beyond": (dict(record=[11]), ValueError, "record asks for step 11, but steps is 10"),
    "record zero": (dict(record=[0]), ValueError, "record must be at least 1"),
    "reference shape": (
        dict(reference=np.ones((3, 3))),
        ValueError,
        "reference must hold one direction a head",
    ),
    "reference length": (
        dict(reference=np.ones((13, 3))),
        ValueError,
        "reference must hold unit vectors",
    ),
    "heads zero": (dict(heads=0), ValueError, "heads must be at least 1"),
    "heads float": (dict(heads=2.0), TypeError, "heads must be an integer"),
    "heads without starts": (
        dict(heads=2),
        ValueError,
        r"init must be given for heads=2, of shape \(2, 3\) or \(1, 2, 3\)",
    ),
    "heads with one start": (
        dict(heads=2, init=np.ones(3)),
        ValueError,
        r"init must have shape \(2, 3\) or \(1, 2, 3\) for heads=2",
    ),
    "heads with a NaN": (
        dict(heads=2, init=[[0, 0, 0], [0, np.nan, 0]]),
        ValueError,
        "init must be finite",
    ),
    "memory word": (dict(memory="64 MB"), TypeError, "memory must be an integer"),
    "memory zero": (dict(memory=0), ValueError, "memory must be at least 1"),
    "memory too little": (
        dict(memory=100),
        ValueError,
        r"memory=100 bytes .* needs [\d,]+; pass at least that",
    ),
    "mixed beyond float32": (
        dict(dtype="mixed", X=1e20 * GOOD.X),
        ValueError,
        "rescale the features, or pass dtype='float64'",
    ),
    "device": (dict(device="abacus"), ValueError, "device must be"),
    "dtype": (dict(dtype="float16"), ValueError, "dtype must be one of"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case):
    changed, error, message = BAD[case]
    with pytest.raises(error, match=message):
        tune_heads(**{"X": GOOD.X, "y": GOOD.y, "steps": 10, **changed})


def test_only_a_batch_can_be_indexed():
    with pytest.raises(TypeError, match="single data set"):
        tune_heads(GOOD.X, GOOD.y, steps=1)[0]


def test_the_data_sets_of_a_batch_are_numbered():
    run = tune_heads(np.stack([GOOD.X, 2 * GOOD.X]), np.stack([GOOD.y] * 2), steps=2)
    np.testing.assert_array_equal(run[-1].path, run.path[:, 1])
    assert [each.path.shape for each in run] == [run.path[:, 0].shape] * 2
    np.testing.assert_array_equal(run.select([1, 0]).weights, run.weights[::-1])
    np.testing.assert_array_equal(run.select(1).margin, run.margin[:, 1])
    with pytest.raises(IndexError, match="index 2: the run has 2 data sets, numbered from 0"):
        run[2]
    for chosen, message in (
        (2, "chosen must be from 0 to 1, got 2"),
        ([0, 2], "chosen holds 2, and there are 2 data sets: number them from 0 to 1"),
        ([True, False], "chosen holds the boolean True"),
        ([[0]], r"chosen must have one axis, got shape \(1, 1\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            run.select(chosen)


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="there is a CUDA device here, so asking for it is no error"
)
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(ValueError, match="no CUDA device"):
        tune_heads(GOOD.X, GOOD.y, steps=1, device="cuda")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_cuda_agrees_with_the_cpu(dtype, tolerance):
    X = np.stack([sample(seed=seed).X for seed in range(4)])
    y = np.stack([sample(seed=seed).y for seed in range(4)])
    there = tune_heads(X, y, steps=1000, device="cuda", dtype=dtype)
    here = tune_heads(X, y, steps=1000, device="cpu")
    np.testing.assert_allclose(
        there.direction_distance, here.direction_distance, rtol=0, atol=tolerance
    )


@pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="no arithmetic beyond float64 on this platform"
)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [0.0, 2.0])
def test_rounding_is_far_below_the_resolution(family, size):
    """The same steps in extended precision, from zero and from a start of several radii⁻¹."""
    data = sample(family)
    n, record = data.n, [1, 2, 10, 100, 300]
    start = size * np.random.default_rng(1).normal(size=data.d)
    rate = 0.5 * learning_rate_limits(data.X)
    run = tune_heads(
        data.X, data.y, steps=record[-1], learning_rate=rate, init=start, record=record
    )
    Z = (data.X * data.y[:, None]).astype(np.longdouble)
    shares = np.full((n + 1, n), 1 / np.longdouble(n))
    shares[np.arange(1, n + 1), np.arange(n)] = 0
    W = np.tile(start.astype(np.longdouble), (n + 1, 1))
    for t in range(1, record[-1] + 1):
        W = W + np.longdouble(rate) * (shares / (1 + np.exp(W @ Z.T))) @ Z
        if t in record:
            k = record.index(t)
            directions = W / np.sqrt((W * W).sum(axis=1, keepdims=True))
            distance = np.sqrt(((directions[1:] - directions[0]) ** 2).sum(axis=1))
            error = np.abs(run.direction_distance[k] - distance).max()
            assert error < 0.2 * run.resolution[k]


@pytest.mark.parametrize("rate", [5e-324, 1e-308, 1e-200, 1e-147])
@pytest.mark.parametrize(
    "more", [{}, {"classes": 2}, {"batches": [[0, 1, 2]] * 3}, {"optimiser": Adam()}]
)
def test_a_step_that_moves_no_head_is_refused_and_leaves_no_nan(rate, more):
    g = np.random.default_rng(0)
    X = g.normal(size=(8, 3))
    y = np.where(np.arange(8) % 2, 1, -1)
    labels = (y + 1) // 2 if "classes" in more else y
    with pytest.raises(ValueError, match=r"learning_rate .* moves the heads of data set 0"):
        tune_heads(X, labels, steps=3, learning_rate=rate, **more)
    run = tune_heads(X, labels, steps=3, learning_rate=1e-144, **more)
    assert np.isfinite(run.direction_distance).all()
    assert np.isfinite(run.margin).all()


def test_a_tiny_step_gives_the_direction_of_the_first_gradient():
    # with σ = 1/2 throughout, a head is η t/(2n) times the sum of its samples
    g = np.random.default_rng(0)
    Z = g.normal(size=(8, 3))
    y = np.where(np.arange(8) % 2, 1, -1)
    run = tune_heads(Z * y[:, None], y, steps=3, learning_rate=1e-140)
    heads = np.stack([Z.sum(axis=0), *(Z.sum(axis=0) - z for z in Z)])
    units = heads / np.linalg.norm(heads, axis=1, keepdims=True)
    expected = np.linalg.norm(units[1:] - units[0], axis=1)
    np.testing.assert_allclose(run.direction_distance[-1], expected, rtol=1e-12)
    np.testing.assert_allclose(run.norm[-1], 1e-140 * 3 / 16 * np.linalg.norm(heads, axis=1))


@pytest.mark.parametrize("flag", ["no", 1, 0, np.nan, None, []])
@pytest.mark.parametrize("more", [{}, {"classes": 2}])
def test_flags_are_true_or_false(flag, more):
    X, y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2
    labels = y if more else 2 * y - 1
    with pytest.raises(TypeError, match="leave_one_out must be True or False"):
        tune_heads(X, labels, steps=3, leave_one_out=flag, **more)
    with pytest.raises(TypeError, match="leave_one_out must be True or False"):
        flow_heads(X, labels, until=3, leave_one_out=flag, **more)
    with pytest.raises(TypeError, match="bias must be True or False"):
        MultiHeadLoss(3, bias=flag)


def test_steps_that_no_machine_takes_are_refused():
    X, y = np.random.default_rng(0).normal(size=(8, 3)), 2 * (np.arange(8) % 2) - 1
    for steps in (10**16, 2**64 - 1, 10**400):
        with pytest.raises(ValueError, match=r"steps must be at most 1e\+15"):
            tune_heads(X, y, steps=steps)


def test_tensors_that_require_a_gradient_are_detached():
    X, y = np.random.default_rng(0).normal(size=(8, 3)), 2 * (np.arange(8) % 2) - 1
    given = tune_heads(torch.tensor(X, requires_grad=True), torch.tensor(y), steps=3)
    assert np.array_equal(given.distance, tune_heads(X, y, steps=3).distance)


def test_complex_features_are_refused():
    with pytest.raises(TypeError, match="X must be made of real numbers"):
        learning_rate_limits(np.ones((4, 2)) + 1j)


@pytest.mark.parametrize("masked", ["X", "y", "init", "reference", "learning_rate"])
@pytest.mark.parametrize("method", ["tune", "flow"])
def test_masked_arrays_are_refused(masked, method):
    g = np.random.default_rng(0)
    values = {
        "X": g.normal(size=(8, 3)),
        "y": 2.0 * (np.arange(8) % 2) - 1,
        "init": np.ones(3),
        "reference": np.ones((9, 3)) / np.sqrt(3),
        "learning_rate": np.array(0.1),
    }
    values[masked] = np.ma.masked_array(values[masked], mask=False)
    run = partial(tune_heads, steps=3) if method == "tune" else partial(flow_heads, until=3)
    with pytest.raises(TypeError, match=f"{masked} is a masked array: drop or fill"):
        run(**values)
