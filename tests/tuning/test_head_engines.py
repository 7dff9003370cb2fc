"""Every way the engine of head tuning iterates — Gram space, mixed precision, several heads, blocks
— against plain loops.
"""

import gc
import logging
import weakref

import numpy as np
import pytest
import torch

from tests.oracles.descent import leave_one_out_paths
from tunebound import synthetic
from tunebound.tuning import minibatches, tune_heads
from tunebound.tuning.heads.engine import choice as descent_choice
from tunebound.tuning.heads.engine import features as descent
from tunebound.tuning.heads.engine import fused as fused_kernel
from tunebound.tuning.heads.engine import gram as gram_descent
from tunebound.tuning.heads.engine import plan
from tunebound.tuning.heads.run import rounding_resolution

MEASURES = (
    "weights",
    "path",
    "norm",
    "margin",
    "distance",
    "direction_distance",
    "certificate",
    "direction_error",
)


def sample(family="gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=0):
    return synthetic.make_separable(family, n=n, d=d, margin=margin, radius=radius, seed=seed)


def batch(count, **sizes):
    sets = [sample(seed=seed, **sizes) for seed in range(count)]
    return np.stack([data.X for data in sets]), np.stack([data.y for data in sets])


def unit(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


def assert_same(run, other, tolerance, names=MEASURES):
    for name in names:
        expected = getattr(other, name)
        if expected is None:
            assert getattr(run, name) is None
        else:
            scale = np.abs(expected).max()
            np.testing.assert_allclose(
                getattr(run, name), expected, rtol=0, atol=tolerance * scale, err_msg=name
            )


def forced(monkeypatch, *, gram):
    """Iterate in the Gram space always, or never."""
    monkeypatch.setattr(
        descent_choice, "GRAM_FROM", dict.fromkeys(descent_choice.GRAM_FROM, 0 if gram else np.inf)
    )


@pytest.mark.parametrize("start", [None, "given"])
@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize(("n", "d"), [(12, 12), (12, 30), (7, 90)])
def test_gram_space_gives_the_iterates_of_a_plain_loop(n, d, weighting, start):
    data = sample(n=n, d=d)
    init = None if start is None else np.linspace(-1, 1, d)
    run = tune_heads(data.X, data.y, steps=300, init=init, weighting=weighting, record=[1, 20, 300])
    paths = leave_one_out_paths(
        data.X, data.y, run.learning_rate, 300, start=init, weighting=weighting
    )
    scale = np.linalg.norm(paths[:, -1], axis=-1).max()
    np.testing.assert_allclose(run.weights, paths[:, -1], rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(run.path, paths[0, [1, 20, 300]], rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_gram_space_and_feature_space_agree_in_every_measure(monkeypatch, weighting, heads):
    X, y = batch(3, n=10, d=14)
    init = np.random.default_rng(0).normal(size=(heads, 14)) if heads > 1 else None
    arguments = dict(
        steps=200, weighting=weighting, heads=heads, init=init, reference=unit(np.ones((3, 11, 14)))
    )
    gram = tune_heads(X, y, **arguments)
    forced(monkeypatch, gram=False)
    features = tune_heads(X, y, **arguments)
    assert not np.array_equal(gram.weights, features.weights), "the same route twice shows nothing"
    assert_same(gram, features, 1e-13)
    if heads > 1:
        assert_same(gram, features, 1e-13, ("head_weights", "spread"))


@pytest.mark.parametrize("dtype", ["float64", "mixed", "float32"])
def test_the_gram_space_is_taken_where_it_is_cheaper(dtype, caplog):
    factor = {"float64": 1, "mixed": 2, "float32": 2}[dtype]
    for d, expected in ((12 * factor, "Gram space"), (12 * factor - 1, "feature space")):
        data = sample(d=d)
        with caplog.at_level(logging.INFO, logger="tunebound.tuning"):
            tune_heads(data.X, data.y, steps=1, dtype=dtype, device="cpu")
        assert expected in caplog.messages[-1]


def test_huge_and_tiny_features_in_the_gram_space():
    data = sample(d=15)
    plain = tune_heads(data.X, data.y, steps=100)
    for scale in (1e-140, 1e140):
        scaled = tune_heads(data.X * scale, data.y, steps=100)
        np.testing.assert_allclose(
            scaled.direction_distance, plain.direction_distance, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize(
    ("family", "n", "d"),
    [
        ("gaussian", 20, 3),
        ("heavy_tailed", 20, 5),
        ("degenerate", 20, 3),
        ("gaussian", 30, 14),
        ("wide", 10, 15),
        ("gaussian", 70, 66),
    ],
)
def test_mixed_precision_stays_with_float64_on_the_same_rounded_data(family, n, d, weighting):
    data = sample(family, n=n, d=d)
    steps = 800 if n == 70 else 5_000
    rounded = data.X.astype(np.float32).astype(np.float64)
    mixed = tune_heads(data.X, data.y, steps=steps, weighting=weighting, dtype="mixed")
    exact = tune_heads(rounded, data.y, steps=steps, weighting=weighting)
    late = mixed.steps > descent.DOUBLE_STEPS
    assert not np.array_equal(mixed.path[late], exact.path[late])
    np.testing.assert_allclose(unit(mixed.weights), unit(exact.weights), rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        mixed.direction_distance, exact.direction_distance, rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(mixed.margin, exact.margin, rtol=0, atol=3e-8)
    np.testing.assert_allclose(mixed.certificate, exact.certificate, rtol=1e-6)
    assert (
        np.linalg.norm(unit(mixed.weights) - unit(exact.weights), axis=-1).max()
        < mixed.resolution[-1]
    )
    assert (mixed.distance <= mixed.certificate * (1 + 1e-6)).all()


def test_float32_all_through_loses_what_mixed_precision_keeps():
    data = sample(n=20)
    rounded = data.X.astype(np.float32).astype(np.float64)
    exact = unit(tune_heads(rounded, data.y, steps=20_000).weights)
    errors = {
        dtype: (
            np.abs(
                unit(tune_heads(data.X, data.y, steps=20_000, dtype=dtype).weights) - exact
            ).max()
        )
        for dtype in ("mixed", "float32")
    }
    assert errors["mixed"] < 5e-9
    assert errors["float32"] > 50 * errors["mixed"]


@pytest.mark.slow
def test_mixed_precision_to_a_million_steps():
    sets = [sample(family, n=16, seed=1) for family in ("gaussian", "heavy_tailed", "degenerate")]
    X = np.stack([data.X for data in sets]).astype(np.float32).astype(np.float64)
    y = np.stack([data.y for data in sets])
    mixed = tune_heads(X, y, steps=1_000_000, dtype="mixed", record=[10_000, 100_000])
    exact = tune_heads(X, y, steps=1_000_000, record=[10_000, 100_000])
    assert np.linalg.norm(unit(mixed.path) - unit(exact.path), axis=-1).max() < 1e-8
    assert np.linalg.norm(unit(mixed.weights) - unit(exact.weights), axis=-1).max() < 1e-8


@pytest.mark.parametrize("dtype", ["float64", "mixed"])
@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize("d", [3, 14, 30])
def test_several_heads_agree_with_one_by_one(d, weighting, dtype):
    X, y = batch(2, n=12, d=d)
    init = np.random.default_rng(1).normal(size=(2, 5, d))
    arguments = dict(steps=400, weighting=weighting, dtype=dtype, record=[1, 300])
    together = tune_heads(X, y, heads=5, init=init, **arguments)
    alone = [tune_heads(X, y, init=init[:, h], **arguments) for h in range(5)]
    tolerance = 1e-12 if dtype == "float64" else 1e-8
    W = np.stack([run.weights for run in alone], axis=2)
    np.testing.assert_allclose(together.head_weights, W, rtol=0, atol=tolerance * np.abs(W).max())
    np.testing.assert_allclose(
        together.weights, W.mean(axis=2), rtol=0, atol=tolerance * np.abs(W).max()
    )
    np.testing.assert_allclose(
        together.path, np.mean([run.path for run in alone], axis=0), rtol=0, atol=tolerance * 10
    )
    np.testing.assert_allclose(
        together.certificate,
        np.mean([run.certificate for run in alone], axis=0),
        rtol=1e-6 if dtype == "mixed" else 1e-12,
    )
    spread = np.sqrt(((W - W.mean(axis=2, keepdims=True)) ** 2).sum(axis=-1).mean(axis=-1))
    np.testing.assert_allclose(together.spread[-1], spread, rtol=tolerance * 10)
    assert (together.distance <= together.certificate * (1 + 1e-6)).all()
    assert together[1].spread.shape == (3, 13)
    np.testing.assert_array_equal(together[1].head_weights, together.head_weights[1])


def test_measures_of_several_heads_are_those_of_their_mean():
    data = sample()
    init = np.random.default_rng(2).normal(size=(4, 3))
    reference = unit(np.random.default_rng(3).normal(size=(13, 3)))
    run = tune_heads(data.X, data.y, steps=50, heads=4, init=init, record=[1], reference=reference)
    paths = np.mean(
        [leave_one_out_paths(data.X, data.y, run.learning_rate, 50, start=start) for start in init],
        axis=0,
    )[:, [1, 50]]
    Z = data.X * data.y[:, None]
    np.testing.assert_allclose(run.path, paths[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.norm, np.linalg.norm(paths, axis=2).T, rtol=1e-12)
    np.testing.assert_allclose(
        run.distance, np.linalg.norm(paths[1:] - paths[:1], axis=2).T, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        run.direction_distance,
        np.linalg.norm(unit(paths[1:]) - unit(paths[:1]), axis=2).T,
        rtol=0,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        run.direction_error,
        np.linalg.norm(unit(paths) - reference[:, None], axis=2).T,
        rtol=0,
        atol=1e-12,
    )
    for i in range(12):
        kept = np.arange(12) != i
        np.testing.assert_allclose(
            run.margin[:, i + 1], (unit(paths[i + 1]) @ Z[kept].T).min(axis=1), rtol=0, atol=1e-12
        )


def test_one_head_has_no_spread():
    data = sample()
    run = tune_heads(data.X, data.y, steps=1)
    assert run.spread is None
    assert run.head_weights is None
    batch_run = tune_heads(data.X[None], data.y[None], steps=1)
    assert batch_run[0].spread is None


def test_a_thousand_heads_in_little_memory():
    data = sample()
    init = np.random.default_rng(4).normal(size=(1024, 3))
    run = tune_heads(data.X, data.y, steps=30, heads=1024, init=init, record=[30], memory=2**20)
    for h in (0, 700, 1023):
        alone = tune_heads(data.X, data.y, steps=30, init=init[h])
        np.testing.assert_allclose(run.head_weights[:, h], alone.weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(run.weights, run.head_weights.mean(axis=1), rtol=0, atol=1e-13)


ENGINES = {
    "feature space": dict(n=12, d=3),
    "feature space, wide rows": dict(n=12, d=14, gram=False),
    "mixed": dict(n=12, d=3, dtype="mixed", steps=400),
    "Gram space": dict(n=12, d=15),
    "heads": dict(n=12, d=3, heads=3),
    "heads in the Gram space": dict(n=12, d=13, heads=3),
    "1/(n-1)": dict(n=12, d=3, weighting="1/(n-1)"),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_blocks_differ_by_less_than_the_resolution(monkeypatch, engine, threads):
    options = dict(ENGINES[engine])
    n, d = options.pop("n"), options.pop("d")
    if not options.pop("gram", True):
        forced(monkeypatch, gram=False)
    heads = options.get("heads", 1)
    X, y = batch(5, n=n, d=d)
    init = np.random.default_rng(5).normal(size=(heads, d) if heads > 1 else d)
    arguments = dict(
        steps=options.pop("steps", 60), reference=unit(np.ones((5, n + 1, d))), init=init, **options
    )
    whole = tune_heads(X, y, **arguments)
    allowed = rounding_resolution(whole.steps)[-1] if options.get("dtype") != "mixed" else 1e-8
    smallest = plan.needed(
        plan.Sizes(
            batch=5, n=n, d=d, left_out=n, heads=heads, gram=d >= n, shifted="weighting" in options
        ),
        1,
        1,
        1,
    )
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        for rows in (1, plan.FEW_ROWS):
            monkeypatch.setattr(plan, "FEW_ROWS", rows)
            for memory in (smallest, 5 * smallest, 40 * smallest):
                cut = tune_heads(X, y, memory=memory, **arguments)
                assert_same(
                    cut,
                    whole,
                    allowed,
                    (*MEASURES, "spread", "head_weights") if heads > 1 else MEASURES,
                )
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_the_smallest_memory_asked_for_is_enough_and_a_byte_less_is_not():
    data = sample(n=30, d=4)
    with pytest.raises(ValueError, match="pass at least that") as refused:
        tune_heads(data.X, data.y, steps=2, memory=500)
    least = int(str(refused.value).split("needs ")[1].split(";")[0].replace(",", ""))
    tune_heads(data.X, data.y, steps=2, memory=least)
    with pytest.raises(ValueError, match="memory"):
        tune_heads(data.X, data.y, steps=2, memory=least - 1)


@pytest.mark.parametrize(
    "sizes",
    [
        (1, 12, 3, 12, 1),
        (7, 50, 5, 50, 1),
        (300, 50, 5, 50, 1),
        (1, 900, 4, 900, 1),
        (2, 40, 3, 40, 64),
        (3, 9, 2, 0, 1),
    ],
)
@pytest.mark.parametrize("memory", [2**26, 2**18])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_blocks_cover_everything_once_within_the_memory(sizes, memory, workers):
    count, n, d, left_out, heads = sizes
    all_of_it = plan.Sizes(
        batch=count, n=n, d=d, left_out=left_out, heads=heads, gram=False, shifted=False
    )
    cut, at_once = plan.blocks(all_of_it, memory, plan.CACHE, workers)
    seen = np.zeros((count, max(1, left_out)), int)
    for block in cut:
        seen[block.sets, block.left_out if left_out else slice(None)] += 1
        assert 1 <= block.heads <= heads
        taken = plan.needed(
            all_of_it,
            block.sets.stop - block.sets.start,
            block.left_out.stop - block.left_out.start,
            block.heads,
        )
        assert taken * at_once <= memory
    assert (seen == 1).all()
    assert at_once <= min(workers, len(cut))


@pytest.mark.parametrize("dtype", ["float64", "mixed"])
@pytest.mark.parametrize("d", [3, 30])
def test_a_block_leaves_nothing_behind(monkeypatch, d, dtype):
    """Without the garbage collector: a reference cycle would keep the arrays of many blocks at
    once.
    """
    choose, alive = descent_choice.choose, []

    def watched(*arguments, **options):
        choice = choose(*arguments, **options)

        def build(problem, workspace):
            built = choice.build(problem, workspace)
            alive.extend([weakref.ref(built), weakref.ref(workspace), weakref.ref(problem)])
            return built

        return descent_choice.Choice(choice.words, build)

    monkeypatch.setattr(descent_choice, "choose", watched)
    X, y = batch(2, d=d)
    gc.disable()
    try:
        tune_heads(X, y, steps=300, dtype=dtype, device="cpu")
    finally:
        gc.enable()
    assert alive
    assert all(reference() is None for reference in alive)


def test_an_error_in_one_block_stops_the_others_and_is_raised(monkeypatch):
    X, y = batch(40, n=50, d=5)
    built = []

    def build(problem, workspace):
        built.append(problem)
        raise RuntimeError("no such engine")

    monkeypatch.setattr(
        descent_choice, "choose", lambda *_, **__: descent_choice.Choice("none", build)
    )
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(RuntimeError, match="no such engine"):
            tune_heads(X, y, steps=10, memory=2**20)
    finally:
        torch.set_num_threads(before)
    assert len(built) >= 1


def test_on_a_gpu_the_kernel_is_chosen_where_it_can_be_and_the_log_says_why_not(
    monkeypatch, caplog
):
    gpu = torch.device("cuda", 0)
    monkeypatch.setattr(
        fused_kernel,
        "refusal",
        lambda device, n, d, dtype: None if d <= 8 else f"{d} features are too many",
    )
    with caplog.at_level(logging.INFO, logger="tunebound.tuning"):
        assert (
            "fused kernel, mixed"
            in descent_choice.choose(gpu, 50, 5, "mixed", heads=1, growth=1.0).words
        )
        for arguments, reason in (
            ((50, 20, "float64", 1, 1.0), "20 features are too many"),
            ((50, 5, "float64", 2, 1.0), "one head a sample"),
            ((50, 5, "float64", 1, 50 / 49), "1/n weights only"),
        ):
            n, d, dtype, heads, growth = arguments
            assert (
                "feature space"
                in descent_choice.choose(gpu, n, d, dtype, heads=heads, growth=growth).words
            )
            assert reason in caplog.messages[-1]
        assert (
            "Gram space" in descent_choice.choose(gpu, 50, 50, "float64", heads=1, growth=1.0).words
        )


@pytest.mark.parametrize("dtype", ["float64", "mixed", "float32"])
def test_what_is_handed_to_the_kernel_is_what_a_plain_loop_needs(monkeypatch, dtype):
    """A stand-in for the kernel, written from its description, one row at a time."""

    def advance(Z, step, negated, drift, first, steps):
        assert all(tensor.is_contiguous() for tensor in (Z, step, negated, drift))
        for _ in range(steps):
            for b in range(len(Z)):
                for row in range(negated.shape[1]):
                    p = torch.sigmoid(negated[b, row].to(Z.dtype) @ Z[b].T)
                    if row:
                        p[first + row - 1] = 0
                    else:
                        drift[b] += p
                    negated[b, row] -= p @ step[b]

    monkeypatch.setattr(fused_kernel, "advance", advance)
    X, y = batch(2, n=9, d=3)
    init = np.linspace(0, 1, 3)
    plain = tune_heads(X, y, steps=20, init=init, dtype=dtype)
    choice = descent_choice.Choice(
        "fused", lambda problem, workspace: fused_kernel.FusedDescent(problem, dtype)
    )
    monkeypatch.setattr(descent_choice, "choose", lambda *_, **__: choice)
    monkeypatch.setattr(plan, "FEW_ROWS", 4)
    fused = tune_heads(
        X,
        y,
        steps=20,
        init=init,
        dtype=dtype,
        memory=plan.needed(
            plan.Sizes(batch=2, n=9, d=3, left_out=9, heads=1, gram=False, shifted=False), 1, 3, 1
        ),
    )
    assert_same(fused, plain, 1e-13 if dtype == "float64" else 2e-6)


def test_a_repeated_step_is_the_step(monkeypatch):
    """A stand-in for recorded graphs: every engine hands over a step that works in place on the
    same arrays.
    """
    addresses, repeated = [], []

    def recorded(step):
        def repeat():
            step()
            repeated.append(step.__name__)
            owner = step.__self__
            addresses.append(
                tuple(
                    value.data_ptr()
                    for value in vars(owner).values()
                    if isinstance(value, torch.Tensor)
                )
            )

        return repeat

    monkeypatch.setattr(descent_choice, "_repeat", lambda problem: recorded)
    for module in (descent, gram_descent):
        monkeypatch.setattr(module, "weakly", lambda method: method)
    for d, dtype in ((3, "float64"), (14, "float64"), (3, "mixed"), (30, "float64")):
        data = sample(d=d, n=16)
        addresses.clear()
        repeated.clear()
        run = tune_heads(data.X, data.y, steps=300, dtype=dtype)
        assert len(set(addresses)) == 1, "no array is replaced while steps are repeated"
        assert repeated.count("_step") == 300 - (descent.DOUBLE_STEPS if dtype == "mixed" else 0)
        paths = leave_one_out_paths(data.X, data.y, run.learning_rate, 300)
        np.testing.assert_allclose(
            unit(run.weights),
            unit(paths[:, -1]),
            rtol=0,
            atol=1e-12 if dtype == "float64" else 1e-7,
        )


@pytest.mark.parametrize(
    ("n", "d", "changed"),
    [
        (7, 3, {}),
        (13, 13, {}),
        (20, 16, {}),
        (9, 12, {}),
        (9, 5, {"dtype": "mixed"}),
        (13, 13, {"dtype": "mixed"}),
        (7, 3, {"weighting": "1/(n-1)"}),
        (9, 5, {"batches": minibatches(9, 4, steps=400)}),
    ],
)
def test_what_is_tuned_beside_a_data_set_changes_no_bit_of_it(n, d, changed):
    rng = np.random.default_rng(n * d)
    y = np.tile(np.where(np.arange(n) % 2, 1.0, -1.0), (5, 1))
    X = rng.normal(size=(5, n, d))
    X[..., 0] += 3 * y
    together = tune_heads(X, y, steps=400, **changed)
    for index in range(5):
        alone, beside = tune_heads(X[index], y[index], steps=400, **changed), together[index]
        for name in ("path", "weights", "distance", "margin", "certificate"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(beside, name))
