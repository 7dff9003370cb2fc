"""What the designs measure, against closed forms, cone programs and plain loops; and that the
levels of a draw share everything but the factor.
"""

import itertools

import cvxpy as cp
import numpy as np
import pytest
import torch

from tests.oracles.descent import leave_one_out_paths
from tests.oracles.hard_margin import cone_program_margin, direction_distance
from tunebound import synthetic, tuning
from tunebound.theory.predictions import full_tuning, heads, tokens
from tunebound.theory.predictions.design import designs
from tunebound.theory.predictions.designs import (
    distance,
    heads_together,
    learning_rate,
    margin_regularizer,
    samples,
    steps,
)

DESIGNS = designs()


def unit(w):
    return w / np.linalg.norm(w)


def cone_program_direction(X, y):
    """Of the shortest w with y_j x_jᵀw ≥ 1."""
    w = cp.Variable(X.shape[1])
    problem = cp.Problem(cp.Minimize(cp.sum_squares(w)), [cp.multiply(y, X @ w) >= 1])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    return unit(w.value)


def mean_distance(directions):
    """Of unit directions: the first against each other one."""
    return np.mean([np.linalg.norm(each - directions[0]) for each in directions[1:]])


def kept(n, i):
    return [j for j in range(n) if j != i]


def largest_step(X):
    """2/β with β = λ_max(XᵀX)/(4n)."""
    return 8 * len(X) / np.linalg.eigvalsh(X.T @ X)[-1]


@pytest.mark.parametrize("n", [2, 4, 9, 25])
def test_equal_orthogonal_samples_have_the_distance_of_the_closed_form(n):
    # û_S and û_{S^i} enclose the angle arctan(1/√(n − 1))
    X, y = 3.0 * np.eye(max(n, 4), n + 2), np.where(np.arange(max(n, 4)) % 2, 1, -1)
    n = len(X)
    value, resolution = heads.limit_instability(X, y)
    assert value == pytest.approx(2 * np.sin(np.arctan(1 / np.sqrt(n - 1)) / 2), rel=1e-12)
    assert 0 < resolution < 1e-7


def test_orthogonal_samples_are_as_asked_and_have_the_closed_form():
    for n in (4, 8, 16):
        X, y = heads.orthogonal(3, n=n, largest=16, ratio=12.0)
        gram = X @ X.T
        np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
        squares = np.diag(gram)
        # 1/γ² = Σ 1/‖x_i‖²
        assert np.sqrt(squares.max() * (1 / squares).sum()) == pytest.approx(12.0, rel=1e-12)
        assert squares.max() == pytest.approx(16.0, rel=1e-12)
        shares = (1 / squares) / (1 / squares).sum()
        expected = np.sqrt(2 - 2 * np.sqrt(1 - shares)).mean()
        assert heads.limit_instability(X, y)[0] == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match=r"ratio=7 is below 2√n = 8"):
        heads.orthogonal(3, n=16, largest=16, ratio=7)


def test_smaller_orthogonal_samples_are_parts_of_larger_ones():
    small, large = (heads.orthogonal(5, n=n, largest=32, ratio=16.0)[0] for n in (8, 32))
    norms, others = np.linalg.norm(small, axis=1)[1:], np.linalg.norm(large[1:8], axis=1)
    np.testing.assert_allclose(norms / others, norms[0] / others[0], rtol=1e-12)
    assert np.ptp(others) > 0.1 * others.mean(), "draws differ in their norms"


@pytest.mark.parametrize(("n", "d"), [(12, 3), (12, 20)])
def test_parted_points_have_the_ratio_and_the_distances_of_the_cone_program(n, d):
    X, y = heads.parted_gaussian(1, n=n, largest=24, d=d, ratio=8.0)
    assert np.linalg.norm(X, axis=1).max() / cone_program_margin(X, y) == pytest.approx(
        8.0, rel=1e-6
    )
    directions = [cone_program_direction(X, y)]
    directions += [cone_program_direction(X[kept(n, i)], y[kept(n, i)]) for i in range(n)]
    assert heads.limit_instability(X, y)[0] == pytest.approx(mean_distance(directions), rel=1e-4)


def test_smaller_parted_samples_are_parts_of_larger_ones():
    (small, y), (large, others) = (
        heads.parted_gaussian(2, n=n, largest=64, d=4, ratio=8.0) for n in (32, 64)
    )
    np.testing.assert_array_equal(y, others[:32])
    direction = cone_program_direction(large, others)
    assert direction_distance(direction, cone_program_direction(small, y)) < 1e-5
    # beyond the support vectors, one factor stretches all points across the direction
    across, more = (X - np.outer(X @ direction, direction) for X in (small[4:], large[4:32]))
    np.testing.assert_allclose(
        across * np.linalg.norm(more) / np.linalg.norm(across), more, atol=1e-5
    )


@pytest.mark.parametrize("name", [name for name in DESIGNS if name.startswith("ratio-")])
def test_another_ratio_is_the_same_cloud_parted_differently(name, monkeypatch):
    seen = []
    monkeypatch.setattr(heads, "limit_instability", lambda X, y: seen.append((X, y)) or (1.0, 0.0))
    DESIGNS[name].measure(7, (4, 16))
    (first, y), (second, others) = seen
    np.testing.assert_array_equal(y, others)
    for X, ratio in ((first, 4), (second, 16)):
        margin = cone_program_margin(X, y)
        assert np.linalg.norm(X, axis=1).max() / margin == pytest.approx(ratio, rel=1e-5)
    direction = cone_program_direction(first, y)
    across, more = (X - np.outer(X @ direction, direction) for X in (first, second))
    if "relu" in name:  # two neurons of each pair carry the class alone, and part with it
        across, more = across[:, 8:], more[:, 8:]
    scale = (across * more).sum() / (across**2).sum()
    assert np.linalg.norm(scale * across - more) < 1e-4 * np.linalg.norm(more)


def test_a_joint_scale_of_margin_and_radius_changes_nothing():
    # so B/γ is all there is to vary, and a slope in γ or B alone would be the same slope again
    X, y = heads.parted_gaussian(3, n=16, largest=16, d=4, ratio=8.0)
    once, again = heads.limit_instability(X, y)[0], heads.limit_instability(64.0 * X, y)[0]
    assert again == pytest.approx(once, rel=1e-9)


def test_heads_along_the_run_are_those_of_plain_descent():
    found = steps.along_the_run.measure(1, (10, 200))
    X, y = heads.parted_gaussian(1, n=steps.N, largest=steps.N, d=steps.D, ratio=steps.RATIO)
    paths = leave_one_out_paths(X, y, 0.5 * largest_step(X), 200)
    separator = cone_program_direction(X, y)
    for place, t in enumerate((10, 200)):
        directions = [unit(path[t]) for path in paths]
        assert found["instability"].values[place] == pytest.approx(
            mean_distance(directions), rel=1e-9
        )
        assert found["error"].values[place] == pytest.approx(
            np.linalg.norm(directions[0] - separator), abs=1e-6
        )


def test_smaller_steps_are_as_many_or_as_many_more(monkeypatch):
    monkeypatch.setattr(learning_rate, "STEPS", 30)
    found = learning_rate.of_heads.measure(2, (0.25, 1.0))
    X, y = heads.parted_gaussian(
        2, n=learning_rate.N, largest=learning_rate.N, d=learning_rate.D, ratio=learning_rate.RATIO
    )
    for outcome, counts in (("equal_steps", (30, 30)), ("equal_path", (120, 30))):
        for place, (share, count) in enumerate(zip((0.25, 1.0), counts, strict=True)):
            paths = leave_one_out_paths(X, y, share * largest_step(X), count)
            assert found[outcome].values[place] == pytest.approx(
                mean_distance([unit(path[-1]) for path in paths]), rel=1e-9
            )


@pytest.mark.parametrize("n", [3, 5])
def test_losses_move_as_in_plain_descent(n, monkeypatch):
    monkeypatch.setattr(samples, "LOSSES_STEPS", 12)
    found = samples.losses.measure(4, (n,))["instability"].values[0]
    problem = synthetic.make_smooth_losses(
        samples.LOSSES, samples.LOSSES_D, mu=samples.KAPPA, beta=1.0, distance=1.0, seed=4
    )

    def gradient(i, w):
        v = w - problem.minimiser
        bend = (
            problem.curvatures[i]
            * problem.width
            * np.tanh(problem.directions[i] @ v / problem.width)
        )
        return samples.KAPPA * v + problem.directions[i].T @ bend

    runs = []
    for left_out in (None, *range(n)):
        w, path = problem.start.copy(), []
        for _ in range(12):
            w = w - sum(gradient(i, w) for i in range(n) if i != left_out) / n
            path.append(w)
        runs.append(path)
    distances = [
        np.mean([np.linalg.norm(run[t] - runs[0][t]) for run in runs[1:]]) for t in range(12)
    ]
    assert found == pytest.approx(max(distances), rel=1e-10)


def test_only_the_named_constant_varies_among_the_losses():
    problems = {
        (R, L): full_tuning.losses(6, distance=R, lipschitz=L)
        for R, L in ((1.0, 0.1), (1.0, 0.8), (8.0, 0.5))
    }
    first = problems[1.0, 0.1]
    rng = np.random.default_rng(0)
    for (R, L), problem in problems.items():
        for name in ("curvatures", "directions"):
            np.testing.assert_array_equal(getattr(problem, name), getattr(first, name))
        assert (problem.mu, problem.beta) == (full_tuning.KAPPA, 1.0)
        assert np.linalg.norm(problem.start - problem.minimiser) == pytest.approx(R, rel=1e-12)
        np.testing.assert_allclose(
            (problem.start - problem.minimiser) / R, first.start - first.minimiser, atol=1e-12
        )
        assert problem.lipschitz == pytest.approx(L, rel=1e-9)
        # no gradient in the ball exceeds L, and climbing within it nearly attains L
        points = rng.normal(size=(2000, full_tuning.D))
        points *= R * rng.random((2000, 1)) ** 0.25 / np.linalg.norm(points, axis=1)[:, None]
        norms = np.linalg.norm(problem.gradients(problem.minimiser + points), axis=-1)
        assert 0.9 * L < norms.max() <= L * (1 + 1e-9)
    with pytest.raises(ValueError, match="lipschitz=2 is out of reach at distance=1"):
        full_tuning.losses(6, distance=1.0, lipschitz=2.0)


def test_distance_and_lipschitz_constant_scale_together_and_not_alone():
    # homogeneity fixes the sum of the two exponents at 1, and neither of them
    once = full_tuning.instability(full_tuning.losses(8, distance=1.0, lipschitz=0.3))[0]
    both = full_tuning.instability(full_tuning.losses(8, distance=4.0, lipschitz=1.2))[0]
    assert both == pytest.approx(4 * once, rel=1e-8)
    alone = full_tuning.instability(full_tuning.losses(8, distance=4.0, lipschitz=0.3))[0]
    assert not np.isclose(alone / once, 4, rtol=0.02)
    assert not np.isclose(alone / once, 2, rtol=0.02)


def test_the_largest_distance_lies_within_the_run():
    for R, L in ((1.0, 0.1), (8.0, 0.5)):
        problem = full_tuning.losses(9, distance=R, lipschitz=L)
        run = tuning.tune_losses(
            problem.losses, problem.gradients, problem.start, beta=1.0, steps=full_tuning.STEPS
        )
        assert run.distance[-1].mean() < 0.01 * run.distance.mean(axis=1).max()


def test_heads_are_averaged_in_groups_of_plain_runs(monkeypatch):
    monkeypatch.setattr(heads_together, "HEADS", 4)
    monkeypatch.setattr(heads_together, "STEPS", 25)
    n, d = 24, 8
    found = heads_together.FEW.measure(3, (1, 2, 4))
    X, y = heads.parted_gaussian(3, n=n, largest=n, d=d, ratio=heads_together.RATIO)
    starts = np.random.default_rng([3, 0x57A7]).normal(size=(4, d))
    rate = 0.5 * largest_step(X)
    tuned = np.array(
        [[path[-1] for path in leave_one_out_paths(X, y, rate, 25, start=w)] for w in starts]
    )
    separator = cone_program_direction(X, y)
    for place, size in enumerate((1, 2, 4)):
        distances, errors = [], []
        for first in range(0, 4, size):
            mean = [unit(w) for w in tuned[first : first + size].mean(axis=0)]
            distances.append(mean_distance(mean))
            errors.append(np.linalg.norm(mean[0] - separator))
        assert found["instability"].values[place] == pytest.approx(np.mean(distances), rel=1e-8)
        assert found["error"].values[place] == pytest.approx(np.mean(errors), abs=1e-6)


def test_a_token_task_is_balanced_and_compares_on_inputs_of_its_own():
    task, again = tokens.make_task(5, 12), tokens.make_task(5, 12)
    assert (task.labels == 1).sum() == (task.labels == -1).sum() == 6
    assert task.others.shape == (tokens.TEST, tokens.LENGTH)
    np.testing.assert_array_equal(task.tokens, again.tokens)
    first, second = (each.encoder.state_dict() for each in (task, again))
    assert all(torch.equal(first[key], second[key]) for key in first)
    other = tokens.make_task(6, 12).encoder.state_dict()
    assert not any(torch.equal(first[key], other[key]) for key in first)


@pytest.fixture
def small_task(monkeypatch):
    monkeypatch.setattr(tokens, "PRETRAINING", 3)
    monkeypatch.setattr(tokens, "CORPUS", 128)


def test_an_encoder_is_compared_with_its_run_without_a_sample(monkeypatch, small_task):
    for name, value in (("SEEDS", 2), ("LEFT_OUT", 3), ("TUNING_STEPS", 4)):
        monkeypatch.setattr(learning_rate, name, value)
    found = learning_rate.of_an_encoder.measure(3, (0.1, 0.2))
    task = tokens.make_task(3, learning_rate.TOKENS)
    left_out = np.random.default_rng([3, 11]).choice(learning_rate.TOKENS, 3, replace=False)

    def probabilities(rate, count, seed, sample):
        tuned = tuning.fine_tune(
            task.encoder,
            task.tokens,
            task.labels,
            seeds=[seed],
            left_out=[sample],
            steps=count,
            learning_rate=rate,
            batch_size=16,
            dropout=0.1,
        )
        positive = 1 / (1 + np.exp(-tuned.logits(task.others)[0]))
        return np.stack([1 - positive, positive], axis=1)

    def moved(rate, count):
        return np.mean(
            [
                np.linalg.norm(
                    probabilities(rate, count, 3000 + k % 2, None)
                    - probabilities(rate, count, 3000 + k % 2, int(sample)),
                    axis=1,
                )
                for k, sample in enumerate(left_out)
            ]
        )

    for outcome, counts in (("equal_steps", (4, 4)), ("equal_path", (8, 4))):
        expected = [moved(rate, count) for rate, count in zip((0.1, 0.2), counts, strict=True)]
        np.testing.assert_allclose(found[outcome].values, expected, rtol=1e-9)


def test_a_network_starts_on_the_segment_to_its_minimiser(monkeypatch, small_task):
    for name, value in (("TOKENS", 4), ("STEPS", 3), ("MINIMISER_STEPS", 30)):
        monkeypatch.setattr(distance, name, value)
    rates, starts = [], []
    plain = tuning.tune_networks
    monkeypatch.setattr(
        tuning,
        "tune_networks",
        lambda model, *sample, **chosen: (
            (starts.append(flat(model)) or rates.append(chosen["learning_rate"]))
            or plain(model, *sample, **chosen)
        ),
    )
    found = distance.of_a_network.measure(2, (0.5, 1.0))["instability"].values
    task = tokens.make_task(2, 4)
    model = tuning.SequenceClassifier(task.encoder, seed=2).double()
    np.testing.assert_allclose(starts[1], flat(model), atol=1e-14)
    minimiser = 2 * starts[0] - starts[1]
    long = tuning.estimate_minimiser(
        model, task.tokens, task.labels, learning_rate=rates[0], steps=30, tolerance=1e-4
    )
    np.testing.assert_allclose(minimiser, long.weights, atol=1e-12)
    inputs, labels = torch.as_tensor(task.tokens), torch.as_tensor(task.labels)
    for start, value in zip(starts, found, strict=True):
        ends = []
        for left_out in (None, *range(4)):
            torch.nn.utils.vector_to_parameters(torch.tensor(start), model.parameters())
            for _ in range(3):
                model.zero_grad()
                each = 0.5 * (model(inputs) - labels) ** 2
                sum(each[i] for i in range(4) if i != left_out).div(4).backward()
                with torch.no_grad():
                    for parameter in model.parameters():
                        parameter -= rates[0] * parameter.grad
            ends.append(flat(model))
        expected = np.mean([np.linalg.norm(end - ends[0]) for end in ends[1:]])
        assert value == pytest.approx(expected, rel=1e-8)


def flat(model):
    return np.concatenate([value.detach().numpy().ravel() for value in model.parameters()])


def test_heads_on_the_frozen_encoder_are_those_of_the_cone_program(monkeypatch, small_task):
    for name, value in (("N", 8), ("SEEDS", 2), ("STEPS", 40)):
        monkeypatch.setattr(margin_regularizer, name, value)
    found = margin_regularizer.along_weight.measure(4, (1.0, 10.0))
    task = tokens.make_task(4, 8)
    for place, weight in enumerate((1.0, 10.0)):
        values = []
        for seed in (4000, 4001):
            tuned = tuning.fine_tune(
                task.encoder,
                task.tokens,
                task.labels,
                method=type(tuning.methods()["maximal_margin"])(weight),
                seeds=[seed],
                steps=40,
                learning_rate=0.2,
                batch_size=16,
                dropout=0.1,
            )
            X = np.column_stack([tuned.features(task.tokens)[0], np.ones(8)])
            y = task.labels
            margin = cone_program_margin(X, y)
            directions = [cone_program_direction(X, y)]
            directions += [cone_program_direction(X[kept(8, i)], y[kept(8, i)]) for i in range(8)]
            values.append(
                (mean_distance(directions), margin, np.linalg.norm(X, axis=1).max() / margin)
            )
        for outcome, expected in zip(
            ("instability", "margin", "ratio"), np.mean(values, axis=0), strict=True
        ):
            assert found[outcome].values[place] == pytest.approx(expected, rel=1e-4)


def test_features_that_no_head_separates_are_missing():
    X = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    assert np.isnan(margin_regularizer._of_head(X, np.array([1, -1, 1, -1]))).all()


@pytest.mark.parametrize("name", [name for name in DESIGNS if "network" not in name])
def test_a_level_is_the_same_in_any_company(name, monkeypatch, small_task):
    design = DESIGNS[name]
    monkeypatch.setattr(learning_rate, "TUNING_STEPS", 4)
    monkeypatch.setattr(margin_regularizer, "STEPS", 30)
    chosen = design.levels[:2]
    together = design.measure(11, chosen)
    for outcome, place in itertools.product(together, range(2)):
        alone = design.measure(11, chosen[place : place + 1])[outcome]
        np.testing.assert_allclose(
            alone.values[0],
            together[outcome].values[place],
            rtol=1e-6,
            atol=together[outcome].resolution[place],
        )
