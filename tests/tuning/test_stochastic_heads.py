"""Heads on mini-batches and by optimisers: against torch.optim head by head, the drift, the
sequences, and bad input.
"""

import numpy as np
import pytest
import torch

from tests.oracles.stochastic_descent import stochastic_path
from tunebound import bounds, synthetic, tuning
from tunebound.tuning.heads.engine import minibatch

RULES = {
    "descent": tuning.GradientDescent(),
    "heavy ball": tuning.HeavyBall(momentum=0.8),
    "nesterov": tuning.Nesterov(momentum=0.8),
    "adam": tuning.Adam(beta1=0.8, beta2=0.95, epsilon=1e-6),
}
N, D, STEPS = 9, 4, 25


def sample(seed=0, n=N, d=D):
    return synthetic.make_separable("gaussian", n=n, d=d, margin=0.3, radius=3.0, seed=seed)


def listed(sequence):
    """Rows without what fills them up."""
    return [[int(j) for j in row if j >= 0] for row in sequence]


def rows(data, batches, rates, name, **options):
    """Paths (n + 1, T + 1, d) by the oracle."""
    return np.stack(
        [
            stochastic_path(data.X, data.y, batches, rates, name, left_out=left_out, **options)
            for left_out in (None, *range(data.n))
        ]
    )


@pytest.mark.parametrize("order", ["reshuffled", "cyclic", "random", "full"])
@pytest.mark.parametrize("name", RULES)
def test_heads_agree_with_torch_head_by_head(name, order):
    data = sample()
    sequence = (
        None if order == "full" else tuning.minibatches(N, 4, steps=STEPS, order=order, seed=1)
    )
    batches = [list(range(N))] * STEPS if sequence is None else listed(sequence)
    run = tuning.tune_heads(
        data.X,
        data.y,
        steps=STEPS,
        learning_rate=0.2,
        batches=sequence,
        optimiser=RULES[name],
        record=[3, STEPS],
    )
    expected = rows(data, batches, [0.2] * STEPS, name)
    np.testing.assert_allclose(run.weights, expected[:, -1], rtol=0, atol=1e-13)
    for k, t in enumerate((3, STEPS)):
        directions = expected[:, t] / np.linalg.norm(expected[:, t], axis=1, keepdims=True)
        np.testing.assert_allclose(
            run.direction_distance[k],
            np.linalg.norm(directions[1:] - directions[0], axis=1),
            rtol=0,
            atol=1e-12,
        )


@pytest.mark.parametrize("name", RULES)
def test_a_step_size_a_step_and_another_start(name):
    data, start = sample(), np.linspace(-0.4, 0.5, D)
    rates = np.linspace(0.3, 0.05, STEPS)
    sequence = tuning.minibatches(N, 2, steps=STEPS, order="random", seed=4)
    run = tuning.tune_heads(
        data.X,
        data.y,
        steps=STEPS,
        learning_rate=rates,
        batches=sequence,
        optimiser=RULES[name],
        init=start,
    )
    expected = rows(data, listed(sequence), list(rates), name, start=start)
    np.testing.assert_allclose(run.weights, expected[:, -1], rtol=0, atol=1e-13)
    assert run.learning_rate == 0.3


@pytest.mark.parametrize("memory", [2**26, 40_000])
@pytest.mark.parametrize("sequences", ["shared", "one each"])
@pytest.mark.parametrize("name", RULES)
def test_a_batch_of_sets_equals_its_sets_one_by_one(name, sequences, memory):
    sets = [sample(seed) for seed in range(5)]
    X, y = np.stack([data.X for data in sets]), np.stack([data.y for data in sets])
    drawn = tuning.minibatches(N, 4, steps=STEPS, seed=2, sets=5)
    drawn = drawn[0] if sequences == "shared" else drawn
    rates = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    common = dict(steps=STEPS, optimiser=RULES[name], record=[7, STEPS], memory=memory)
    together = tuning.tune_heads(X, y, learning_rate=rates, batches=drawn, **common)
    assert together.weights.shape == (5, N + 1, D)
    for b, data in enumerate(sets):
        alone = tuning.tune_heads(
            data.X,
            data.y,
            learning_rate=rates[b],
            batches=drawn if drawn.ndim == 2 else drawn[b],
            **common,
        )
        for name_of in ("weights", "direction_distance", "certificate", "coefficients", "margin"):
            found, expected = getattr(together[b], name_of), getattr(alone, name_of)
            if expected is not None:
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", RULES)
def test_steps_prepared_in_parts_are_the_same_steps(name, monkeypatch):
    data, rates = sample(), np.linspace(0.3, 0.05, STEPS)
    sequence = tuning.minibatches(N, 4, steps=STEPS, seed=1)
    for batches, rate in ((sequence, 0.2), (sequence, rates), (None, rates)):
        options = dict(steps=STEPS, learning_rate=rate, batches=batches, optimiser=RULES[name])
        if batches is None and name == "descent":
            options["optimiser"] = tuning.HeavyBall(momentum=0.0)
        whole = tuning.tune_heads(data.X, data.y, **options)
        with monkeypatch.context() as patch:
            patch.setattr(minibatch, "GATHERED", 7 * 4 * D)
            parts = tuning.tune_heads(data.X, data.y, **options)
        assert np.array_equal(whole.weights, parts.weights)
        assert np.array_equal(whole.distance, parts.distance)


def test_certificate_is_what_the_gradients_of_a_sample_have_moved():
    data, rates = sample(), np.linspace(0.3, 0.1, STEPS)
    sequence = tuning.minibatches(N, 2, steps=STEPS, order="random", seed=3)
    run = tuning.tune_heads(
        data.X, data.y, steps=STEPS, learning_rate=rates, batches=sequence, record=[STEPS]
    )
    path = stochastic_path(data.X, data.y, listed(sequence), list(rates), "descent")
    moved = np.zeros(N)
    for s, batch in enumerate(sequence):
        for j in batch:
            p = 1 / (1 + np.exp(data.y[j] * (data.X[j] @ path[s])))
            moved[j] += rates[s] / 2 * p * np.linalg.norm(data.X[j])
    np.testing.assert_allclose(run.certificate[0], moved, rtol=1e-12)
    assert (run.distance[0] <= run.certificate[0] * (1 + 1e-12)).all()


@pytest.mark.parametrize("name", ["descent", "heavy ball", "nesterov"])
@pytest.mark.parametrize("full", [False, True])
def test_coefficients_make_up_the_head_and_none_is_negative(name, full):
    data = sample()
    run = tuning.tune_heads(
        data.X,
        data.y,
        steps=STEPS,
        batches=None if full else tuning.minibatches(N, 3, steps=STEPS),
        optimiser=tuning.HeavyBall(momentum=0.0) if full and name == "descent" else RULES[name],
    )
    Z = data.X * data.y[:, None]
    assert (run.coefficients >= 0).all()
    np.testing.assert_allclose(run.coefficients @ Z, run.path, rtol=0, atol=1e-12)
    if name != "descent" or full:
        assert np.isnan(run.certificate).all(), "nothing is proved of it"


def test_adam_has_neither_certificate_nor_coefficients():
    run = tuning.tune_heads(
        sample().X, sample().y, steps=3, learning_rate=0.1, optimiser=tuning.Adam()
    )
    assert np.isnan(run.certificate).all()
    assert run.coefficients is None


def test_no_momentum_and_full_batches_are_plain_descent():
    data = sample()
    plain = tuning.tune_heads(data.X, data.y, steps=STEPS, learning_rate=0.1)
    whole = np.tile(np.arange(N), (STEPS, 1))
    for options in (
        dict(optimiser=tuning.HeavyBall(momentum=0.0)),
        dict(optimiser=tuning.Nesterov(momentum=0.0)),
        dict(batches=whole),
    ):
        run = tuning.tune_heads(data.X, data.y, steps=STEPS, learning_rate=0.1, **options)
        np.testing.assert_allclose(run.weights, plain.weights, rtol=1e-12)


def test_a_sample_that_is_never_used_contributes_nothing():
    data = sample()
    sequence = np.array([[0, 1], [2, -1], [1, 0]])
    run = tuning.tune_heads(data.X, data.y, steps=3, batches=sequence, record=[1, 3])
    assert (run.direction_distance[:, 3:] == 0).all()
    assert (run.certificate[:, 3:] == 0).all()
    assert (run.direction_distance[1, :3] > 0).all()
    alone = np.array([[5], [5], [2]])
    early = tuning.tune_heads(data.X, data.y, steps=3, batches=alone, record=[2, 3])
    assert np.isnan(early.direction_distance[0, 5]), "without the only sample used it is still 0"
    assert np.isfinite(early.direction_distance[1]).all()


def test_reference_and_the_whole_sample_alone():
    data = sample()
    sequence = tuning.minibatches(N, 4, steps=STEPS)
    separator = bounds.max_margin(data.X, data.y)
    run = tuning.tune_heads(
        data.X,
        data.y,
        steps=STEPS,
        batches=sequence,
        leave_one_out=False,
        reference=separator.direction[None],
    )
    whole = tuning.tune_heads(data.X, data.y, steps=STEPS, batches=sequence)
    np.testing.assert_allclose(run.weights[0], whole.weights[0], rtol=1e-12)
    unit = run.weights[0] / np.linalg.norm(run.weights[0])
    assert run.direction_error[-1, 0] == pytest.approx(
        np.linalg.norm(unit - separator.direction), abs=1e-12
    )


@pytest.mark.parametrize("order", ["reshuffled", "cyclic", "random"])
def test_sequences_are_what_they_say(order):
    drawn = tuning.minibatches(10, 4, steps=9, order=order, seed=5)
    assert drawn.shape == (9, 4)
    assert np.array_equal(drawn, tuning.minibatches(10, 4, steps=9, order=order, seed=5))
    assert not np.array_equal(drawn, tuning.minibatches(10, 4, steps=9, order=order, seed=6))
    if order == "random":
        counts = np.bincount(
            tuning.minibatches(10, 10, steps=4000, order=order).ravel(), minlength=10
        )
        assert (np.abs(counts - 4000) < 5 * np.sqrt(4000)).all()
        return
    passes = [[j for batch in listed(drawn[k : k + 3]) for j in batch] for k in (0, 3, 6)]
    assert all(sorted(each) == list(range(10)) for each in passes)
    assert (passes[0] == passes[1]) == (order == "cyclic")
    assert [len(batch) for batch in listed(drawn)] == [4, 4, 2] * 3


def test_every_set_draws_its_own_sequence():
    drawn = tuning.minibatches(10, 5, steps=4, sets=3)
    assert drawn.shape == (3, 4, 5)
    assert not np.array_equal(drawn[0], drawn[1])


def test_limits_are_those_of_one_batch():
    data = sample()
    sequence = tuning.minibatches(N, 1, steps=4)
    radius = np.linalg.norm(data.X, axis=1).max()
    for rule, times in ((RULES["descent"], 1), (RULES["heavy ball"], 1.8)):
        limit = times * 8 / radius**2
        options = dict(steps=4, batches=sequence, optimiser=rule)
        assert tuning.tune_heads(data.X, data.y, **options).learning_rate == pytest.approx(
            limit / 2, rel=1e-12
        )
        tuning.tune_heads(data.X, data.y, learning_rate=limit, **options)
        with pytest.raises(ValueError, match="above the limit"):
            tuning.tune_heads(data.X, data.y, learning_rate=1.001 * limit, **options)
    full = tuning.learning_rate_limits(data.X)
    for rule, times in ((RULES["heavy ball"], 1.8), (RULES["nesterov"], 1.8 / 2.6)):
        run = tuning.tune_heads(data.X, data.y, steps=2, optimiser=rule)
        assert run.learning_rate == pytest.approx(times * full / 2, rel=1e-12)


@pytest.mark.parametrize("name", ["descent", "heavy ball", "nesterov"])
def test_no_quadratic_grows_up_to_the_stable_product_and_some_do_beyond(name):
    rule = RULES[name]
    momentum = getattr(rule, "momentum", 0.0)

    def radius(product):
        # the torch iteration (w, v) on λw²/2 with ηλ = product, v in units of η
        ahead = momentum if name == "nesterov" else 0.0
        velocity = np.array([product, momentum])
        here = np.array([1.0, 0.0])
        move = np.array([product, 0.0]) + ahead * velocity if ahead else velocity
        return np.abs(np.linalg.eigvals(np.stack([here - move, velocity]))).max()

    products = np.linspace(1e-3, rule.stable, 200)
    assert max(map(radius, products)) <= 1 + 1e-7
    assert radius(1.001 * rule.stable) > 1


@pytest.mark.parametrize("momentum", [0.0, 0.2, 0.5, 0.9, 0.99, 0.999])
def test_impulse_responses_of_quadratics_are_largest_without_curvature(momentum):
    """docs/stochastic-heads.md, section 3: by the recurrences, and at every stable product."""
    sums = np.cumsum(momentum ** np.arange(200))
    limit = 2 * (1 + momentum)
    x = np.r_[0, np.linspace(0, 1, 400) ** 3 * limit, limit, (1 - np.sqrt(momentum)) ** 2]
    before, now = np.zeros_like(x), np.ones_like(x)
    for k in range(200):
        assert np.abs(now).max() <= sums[k] * (1 + 1e-9)
        assert now[0] == pytest.approx(sums[k], rel=1e-9)
        before, now = now, (1 + momentum - x) * now - momentum * before
    limit /= 1 + 2 * momentum
    x = np.r_[0, np.linspace(0, 1, 400) * limit, limit]
    # a gradient at the first step, in torch's variables
    place, velocity = np.zeros_like(x), np.zeros_like(x)
    for k in range(199):
        gradient = x * place + (k == 0)
        velocity = momentum * velocity + gradient
        place = place - gradient - momentum * velocity
        assert np.abs(place).max() <= sums[k + 1] * (1 + 1e-9)
        assert -place[0] == pytest.approx(sums[k + 1], rel=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
def test_drift_of_momentum_holds_on_quadratics(nesterov):
    rng = np.random.default_rng(3)
    for _ in range(20):
        n, d, momentum, steps = 5, 3, rng.uniform(0.2, 0.98), 40
        A, b = rng.normal(size=(n, d)), rng.normal(size=n)
        beta = np.linalg.eigvalsh(A.T @ A / n)[-1]
        rule = tuning.Nesterov(momentum) if nesterov else tuning.HeavyBall(momentum)
        rate = rule.stable / beta
        paths, moved = [], []
        for left_out in (None, *range(n)):
            kept = [j for j in range(n) if j != left_out]
            w = torch.zeros(d, dtype=torch.float64, requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=rate, momentum=momentum, nesterov=nesterov)
            for _ in range(steps):
                if left_out is None:
                    residual = torch.as_tensor(A) @ w.detach() - torch.as_tensor(b)
                    moved.append((residual.abs().numpy() * np.linalg.norm(A, axis=1)) / n)
                optimizer.zero_grad()
                loss = (torch.as_tensor(A[kept]) @ w - torch.as_tensor(b[kept])).square().sum()
                (loss / (2 * n)).backward()
                optimizer.step()
            paths.append(w.detach().numpy().copy())
        sums = np.cumsum(momentum ** np.arange(steps + 1))
        weights = sums[1 : steps + 1] if nesterov else sums[:steps]
        drift = rate * (weights[::-1, None] * np.array(moved)).sum(axis=0)
        distance = np.linalg.norm(np.array(paths[1:]) - paths[0], axis=1)
        assert (distance <= drift * (1 + 1e-10)).all()


GOOD = sample()
SEQUENCE = tuning.minibatches(N, 3, steps=6)
BAD = {
    "batches of floats": (dict(batches=SEQUENCE * 1.0), TypeError, "batches must hold whole"),
    "batches of booleans": (dict(batches=SEQUENCE > 3), TypeError, "batches must hold whole"),
    "too few steps": (dict(batches=SEQUENCE[:5]), ValueError, r"batches must have shape \(6, b\)"),
    "one axis": (dict(batches=SEQUENCE[:, 0]), ValueError, "batches must have shape"),
    "two sequences": (
        dict(batches=np.stack([SEQUENCE] * 2)),
        ValueError,
        r"2 sequences for 1 data set",
    ),
    "no such sample": (dict(batches=SEQUENCE + 1), ValueError, "batches hold 9, but samples"),
    "below the filling": (dict(batches=SEQUENCE - 2), ValueError, "batches hold -2, but samples"),
    "an empty batch": (
        dict(batches=np.where(np.arange(6)[:, None] == 4, -1, SEQUENCE)),
        ValueError,
        "batch of step 4 of sequence 0 is empty",
    ),
    "one sample only": (
        dict(batches=np.full((6, 2), 7)),
        ValueError,
        "uses sample 7 only.*leave_one_out=False",
    ),
    "more than all samples": (
        dict(batches=np.zeros((6, 10), dtype=int)),
        ValueError,
        "10 entries a step, more than the n = 9",
    ),
    "several heads": (
        dict(batches=SEQUENCE, heads=2, init=np.ones((2, D))),
        ValueError,
        "heads must be 1 with batches",
    ),
    "other weights": (
        dict(optimiser=tuning.HeavyBall(), weighting="1/(n-1)"),
        ValueError,
        "weighting must be '1/n' with batches",
    ),
    "other precision": (
        dict(batches=SEQUENCE, dtype="mixed"),
        ValueError,
        "dtype must be 'float64' with batches",
    ),
    "Adam alone": (
        dict(optimiser=tuning.Adam()),
        ValueError,
        "learning_rate must be a number for Adam, got 'auto'",
    ),
    "rates of another length": (
        dict(batches=SEQUENCE, learning_rate=np.ones(5)),
        ValueError,
        r"learning_rate must be one number or have shape \(6,\)",
    ),
    "no step": (
        dict(batches=SEQUENCE, learning_rate=0.0),
        ValueError,
        "learning_rate must be above 0",
    ),
    "an optimiser by name": (
        dict(optimiser="adam"),
        TypeError,
        "optimiser must be a tuning.Optimiser",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case):
    changed, error, message = BAD[case]
    with pytest.raises(error, match=message):
        tuning.tune_heads(**{"X": GOOD.X, "y": GOOD.y, "steps": 6, **changed})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tuning.HeavyBall(momentum=1.0), "momentum must be finite and in"),
        (lambda: tuning.Nesterov(momentum=-0.1), "momentum must be finite and in"),
        (lambda: tuning.HeavyBall(momentum=np.nan), "momentum"),
        (lambda: tuning.Adam(beta1=1.0), "beta1 must be"),
        (lambda: tuning.Adam(beta2=-0.5), "beta2 must be"),
        (lambda: tuning.Adam(epsilon=0.0), "epsilon must be"),
        (lambda: tuning.minibatches(1, 1, steps=1), "n must be at least 2"),
        (lambda: tuning.minibatches(5, 6, steps=1), "size must be from 1 to 5"),
        (lambda: tuning.minibatches(5, 2, steps=0), "steps must be at least 1"),
        (lambda: tuning.minibatches(5, 2, steps=1, order="sorted"), "order must be one of"),
        (lambda: tuning.minibatches(5, 2, steps=1, seed=-1), "seed must be at least 0"),
        (lambda: tuning.minibatches(5, 2, steps=1, sets=0), "sets must be at least 1"),
    ],
)
def test_optimisers_and_sequences_check_their_ranges(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.slow
def test_every_sequence_keeps_the_anytime_bound_and_the_drift():
    """1,200 random runs: n, d, families, batches of 1 to 3, three orders, steps up to 8/B²."""
    rng = np.random.default_rng(0)
    families = ("gaussian", "sphere", "heavy_tailed", "clustered", "simplex", "orthogonal")
    largest = {"sum over rho": 0.0, "sum over bound": 0.0, "drift": 0.0}
    for seed in range(1200):
        n = int(rng.integers(4, 13))
        d = n if families[seed % 6] in ("simplex", "orthogonal") else int(rng.integers(2, 9))
        family = families[seed % 6]
        margin = 3.0 / np.sqrt(n) if family == "orthogonal" else float(rng.uniform(0.2, 2.5))
        data = synthetic.make_separable(family, n=n, d=d, margin=margin, radius=3.0, seed=seed)
        steps, size = int(rng.integers(n, 40)), int(rng.integers(1, 4))
        order = ("reshuffled", "random", "cyclic")[seed % 3]
        rate = 8 / data.radius**2 * rng.choice([1.0, 0.3, 0.03])
        run = tuning.tune_heads(
            data.X,
            data.y,
            steps=steps,
            batches=tuning.minibatches(n, size, steps=steps, order=order, seed=seed),
            learning_rate=rate,
        )
        decided = np.isfinite(run.direction_distance).all(axis=1)
        total = run.direction_distance[decided].sum(axis=1).max()
        rho = data.radius / data.margin
        bound = n * bounds.head.anytime(n=n, margin=data.margin, radius=data.radius)
        drift = run.distance - run.certificate * (1 + 1e-12)
        assert total <= bound
        assert drift.max() <= 1e-12
        largest["sum over rho"] = max(largest["sum over rho"], total / rho)
        largest["sum over bound"] = max(largest["sum over bound"], total / bound)
        used = run.certificate > 0
        ratio = run.distance[used] / run.certificate[used]
        largest["drift"] = max(largest["drift"], ratio.max())
    print(largest)
    assert largest["drift"] > 1 - 1e-9, "the first step attains it"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", RULES)
def test_cuda_agrees_with_the_cpu(name):
    data = sample()
    options = dict(
        steps=STEPS,
        learning_rate=0.1,
        batches=tuning.minibatches(N, 4, steps=STEPS),
        optimiser=RULES[name],
    )
    there = tuning.tune_heads(data.X, data.y, device="cuda", **options)
    here = tuning.tune_heads(data.X, data.y, device="cpu", **options)
    np.testing.assert_allclose(there.weights, here.weights, rtol=0, atol=1e-12)


def test_masked_batches_are_refused():
    X, y = np.random.default_rng(0).normal(size=(6, 2)), np.array([1, -1] * 3)
    batches = np.ma.masked_equal([[0, 1, 2]] * 3, 1)
    with pytest.raises(TypeError, match="batches is a masked array: drop or fill"):
        tuning.tune_heads(X, y, steps=3, batches=batches)
