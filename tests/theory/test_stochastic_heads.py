"""Heads on mini-batches, by momentum and by Adam: what is proved is not violated, what is refuted
is refuted in 50 digits, and a counterexample replays.
"""

import math

import mpmath
import numpy as np
import pytest

from tests.oracles.grouped_heads import grouped_runs, summed_instability
from tunebound import bounds, synthetic, theory, tuning
from tunebound.bounds import head
from tunebound.theory.engine import computing
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.stochastic_heads import StochasticTask, tasks
from tunebound.theory.stochastic_heads.constructed import (
    CONSTRUCTED,
    NEUTRAL,
    PULL,
    PULL_MARGIN,
    PULSE_MARGIN,
    pulse_cycle,
)

SETTING = find_setting("stochastic-heads")
PROVED = ("S-drift", "S-chord", "S-anytime")
REFUTED = ("S-momentum-drift", "S-momentum", "S-momentum-batches", "S-adam")


@pytest.fixture(scope="module")
def results():
    return theory.study("smoke", setting="stochastic-heads", jobs=1)


@pytest.mark.parametrize("name", PROVED)
def test_what_is_proved_of_descent_is_not_violated(results, name):
    verdict = theory.judge(name, results)
    assert verdict.test == "not violated"
    assert verdict.environments == 7, "six orders and sizes, and the pulses"
    assert verdict.theorem.proof == "proved here"


@pytest.mark.parametrize("name", REFUTED)
def test_what_is_refuted_is_violated_and_says_where(results, name):
    verdict = theory.judge(name, results)
    assert verdict.test == "violated"
    assert verdict.theorem.proof == "conjecture"
    assert "false" in verdict.theorem.domain


def test_a_counterexample_is_stored_and_replays(tmp_path):
    members = [
        spec.make()
        for spec in tasks.make_suite("smoke", 0).specifications
        if spec.family in ("pulses", "sign-flips")
    ]
    for name, steps in (("S-adam", 1), ("S-momentum-batches", 30)):
        found = theory.verify(name, members, output=tmp_path, jobs=1, steps=steps)
        again = theory.verify(name, [SETTING.load(found.violation.path)], jobs=1, steps=steps)
        assert again.violations == 1
        assert again.violation.measured == found.violation.measured
        assert again.violation.bound == found.violation.bound


def test_any_task_is_written_and_read(tmp_path):
    for spec in tasks.make_suite("smoke", 3).specifications:
        task = spec.make()
        tasks.save(task, tmp_path / "task.npz")
        read = tasks.load(tmp_path / "task.npz")
        assert (read.optimiser, read.momentum, read.order, read.size, read.seed) == (
            task.optimiser,
            task.momentum,
            task.order,
            task.size,
            task.seed,
        )
        assert np.array_equal(read.data.X, task.data.X)
        found, expected = read.batches(13), task.batches(13)
        assert (found is None) == (expected is None)
        assert found is None or np.array_equal(found, expected)
    synthetic.make_separable(n=8, d=2).to_npz(tmp_path / "data.npz")
    with pytest.raises(ValueError, match="has format 'tunebound-separable-1', expected"):
        tasks.load(tmp_path / "data.npz")


@pytest.mark.parametrize(("name", "n"), [("sign-flips", 7), ("pulses", 12), ("tugs", 90)])
def test_constructed_data_have_the_margin_that_they_say(name, n):
    data = CONSTRUCTED[name](n)
    assert data.n == n
    separator = bounds.max_margin(data.X, data.y)
    assert separator.margin == pytest.approx(data.margin, rel=1e-9)
    np.testing.assert_allclose(separator.direction, data.separator, atol=1e-7)


def test_a_pass_over_the_pulses_uses_every_sample_once():
    used = pulse_cycle(12)
    assert sorted(used[used >= 0].tolist()) == list(range(12))
    assert (used >= 0).sum(axis=1).tolist() == [8, 1, 1, 1, 1]


def adam_in_50_digits(Z, rate, steps):
    """Directions after so many steps of Adam with the constants of its paper."""
    with mpmath.workdps(50):
        w = [mpmath.mpf(0)] * 2
        mean, square = [mpmath.mpf(0)] * 2, [mpmath.mpf(0)] * 2
        first, second = mpmath.mpf("0.9"), mpmath.mpf("0.999")
        for t in range(1, steps + 1):
            gradient = [mpmath.mpf(0)] * 2
            for z in Z:
                p = 1 / (1 + mpmath.exp(z[0] * w[0] + z[1] * w[1]))
                gradient = [g - p * c for g, c in zip(gradient, z, strict=True)]
            for k in range(2):
                g = gradient[k] / (len(Z) if len(Z) % 2 else len(Z) + 1)
                mean[k] = first * mean[k] + (1 - first) * g
                square[k] = second * square[k] + (1 - second) * g**2
                scale = mpmath.sqrt(square[k] / (1 - second**t)) + mpmath.mpf("1e-8")
                w[k] -= rate * mean[k] / (1 - first**t) / scale
        norm = mpmath.sqrt(w[0] ** 2 + w[1] ** 2)
        return w[0] / norm, w[1] / norm


@pytest.mark.parametrize("steps", [1, 20])
def test_adam_fails_in_50_digits(steps):
    n, tilt = 21, mpmath.mpf(1) / 10
    kinds = [(1, tilt)] * 10 + [(1, -tilt)] * 10 + [(1, tilt / 2)]
    rate = mpmath.mpf("0.01")
    whole = adam_in_50_digits(kinds, rate, steps)
    exact = []
    for left_out in (0, 10, 20):
        other = adam_in_50_digits(kinds[:left_out] + kinds[left_out + 1 :], rate, steps)
        exact.append(mpmath.hypot(whole[0] - other[0], whole[1] - other[1]))
    bound = head.anytime(n=n, margin=1.0, radius=math.hypot(1, 0.1))
    assert (10 * exact[0] + 10 * exact[1]) / n > 10 * bound
    data = CONSTRUCTED["sign-flips"](n)
    run = tuning.tune_heads(
        data.X, data.y, steps=steps, learning_rate=0.01, optimiser=tuning.Adam(), record=[steps]
    )
    found = run.direction_distance[-1]
    np.testing.assert_allclose(found[:20], np.repeat([float(e) for e in exact[:2]], 10), rtol=1e-7)
    if steps == 1:
        # later on Adam makes a direction out of the rounding of the last one's gradient, which is 0
        assert found[20] == pytest.approx(float(exact[2]), rel=1e-7)
        expected = (10 * math.sqrt(2) + math.sqrt(2 - math.sqrt(2))) / 21
        # Adam's ε changes the first step a little
        assert found.mean() == pytest.approx(expected, rel=1e-5)


def tug_kinds(pull, margin):
    return [(1, pull, margin), (-1, pull, margin), (1, -pull, margin), (-1, -pull, margin)]


def tug_curvature(pull, margin, numbers):
    """Largest curvature: the kinds' second moments are diagonal but for pull and margin."""
    Z = np.array(tug_kinds(pull, margin))
    weights = np.array(numbers) / sum(numbers)
    return float(np.linalg.eigvalsh((Z * weights[:, None]).T @ Z)[-1] / 4)


# optimiser, m, ηβ, numbers of each kind, pull, margin, t, Σ D_i/ρ: the table of the page
FAILURES = [
    (False, 0.99, 3.98, (14, 14, 1, 1), 2.56, 0.34, 26, 1.751),
    (False, 0.9, 3.8, (19, 19, 1, 1), 2.1, 0.2, 24, 2.112),
    (False, 0.99, 2.0, (49, 49, 1, 1), 2.65, 0.155, 127, 2.206),
    (False, 0.99, 2.0, (1954, 1954, 46, 46), 1.96, 0.08, 142, 44.2),
    (True, 0.99, 2 * 1.99 / 2.98, (199, 199, 1, 1), 1.7, 0.0745, 248, 1.669),
]


@pytest.mark.parametrize(
    ("ahead", "m", "product", "numbers", "pull", "margin", "t", "total"), FAILURES
)
def test_momentum_on_all_samples_fails_in_50_digits(
    ahead, m, product, numbers, pull, margin, t, total
):
    rate = product / tug_curvature(pull, margin, numbers)
    with mpmath.workdps(50):
        kinds = [tuple(mpmath.mpf(c) for c in z) for z in tug_kinds(pull, margin)]
        for heads, _ in grouped_runs(
            kinds, [list(numbers)] * t, mpmath.mpf(rate), mpmath.mpf(m), ahead=ahead, exp=mpmath.exp
        ):
            last = heads
        found = summed_instability(last, numbers, sqrt=mpmath.sqrt)
    rho = math.sqrt(1 + pull**2 + margin**2) / margin
    assert float(found) / rho == pytest.approx(total, rel=5e-3)
    n = sum(numbers)
    assert float(found) / n > head.anytime(n=n, margin=margin, radius=rho * margin)


def test_the_engine_takes_the_steps_of_the_kinds():
    data = CONSTRUCTED["tugs"](40)
    numbers = (19, 19, 1, 1)
    rate = 3.8 / tug_curvature(PULL, PULL_MARGIN, numbers)
    run = tuning.tune_heads(
        data.X,
        data.y,
        steps=24,
        learning_rate=rate * (1 - 1e-13),
        optimiser=tuning.HeavyBall(momentum=0.9),
        record=[24],
    )
    for heads, coefficients in grouped_runs(
        tug_kinds(PULL, PULL_MARGIN), [list(numbers)] * 24, rate, 0.9, exp=math.exp
    ):
        last = heads, coefficients
    assert run.direction_distance[-1].sum() == pytest.approx(
        summed_instability(last[0], numbers, sqrt=math.sqrt), rel=1e-9
    )
    np.testing.assert_allclose(run.coefficients[-1], np.repeat(last[1], numbers), rtol=1e-9)
    drift = run.coefficients[-1] * np.linalg.norm(data.X, axis=1)
    assert (run.distance[-1] / drift).max() > 4


def test_the_drift_of_momentum_fails_on_twelve_samples():
    numbers, pull, margin = (5, 5, 1, 1), 2.6, 0.4
    rate = 3.98 / tug_curvature(pull, margin, numbers)
    kinds = tug_kinds(pull, margin)
    norm = math.sqrt(1 + pull**2 + margin**2)
    worst = 0.0
    for heads, coefficients in grouped_runs(kinds, [list(numbers)] * 250, rate, 0.99, exp=math.exp):
        for other, c in zip(heads[1:], coefficients, strict=True):
            worst = max(worst, math.dist(heads[0], other) / (c * norm))
    assert worst == pytest.approx(1.29, abs=0.01)


def pulse_run(n, times, momentum, passes, *, ahead=False):
    """Largest Σ D_i/ρ of a run on the pulses, step times · 8/B²."""
    k = (n - NEUTRAL) // 2
    kinds = [(1.0, PULSE_MARGIN), (-1.0, PULSE_MARGIN)] + [(0.0, PULSE_MARGIN)] * NEUTRAL
    numbers = [k, k] + [1] * NEUTRAL
    cycle = [[k, k] + [0] * NEUTRAL]
    cycle += [[0, 0] + [int(j == only) for j in range(NEUTRAL)] for only in range(NEUTRAL)]
    square = 1 + PULSE_MARGIN**2
    totals = [
        summed_instability(heads, numbers, sqrt=math.sqrt)
        for heads, _ in grouped_runs(
            kinds, cycle * passes, times * 8 / square, momentum, ahead=ahead, exp=math.exp
        )
    ]
    return max(totals) * PULSE_MARGIN / math.sqrt(square)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (104, (1.740, 3.591, 1.929, 0.994)),
        (204, (4.103, 6.304, 2.809, 1.000)),
        (2004, (23.82, 48.31, 22.54, 0.999)),
        (20004, (196.2, 323.9, 150.0, 0.999)),
    ],
)
def test_pulses_exceed_any_constant_by_momentum_and_none_by_descent(n, expected):
    found = (
        pulse_run(n, 1, 0.9, 12),
        pulse_run(n, 1.9, 0.9, 12),
        pulse_run(n, 1.9 / 2.8, 0.9, 12, ahead=True),
        pulse_run(n, 1, 0.0, 12),
    )
    assert found == pytest.approx(expected, rel=1e-3)


def test_many_samples_follow_the_linear_response_of_the_proof():
    m, rate, passes = 0.9, 8.0, 5
    response, before, gradient, speed = 0.0, 0.0, 0.0, 0.0
    for step in range(passes * (1 + NEUTRAL)):
        on = step % (1 + NEUTRAL) == 0
        x = rate / 4 if on else 0.0
        response, before = (
            (1 + m - x) * response - m * before - (rate / 2 if on else 0),
            response,
        )
        speed = m * speed + 0.5
        gradient += rate * speed
    k, margin = 10**9, 1e-4
    kinds = [(1.0, margin), (-1.0, margin), (0.0, margin)]
    batches = ([[k, k, 0]] + [[0, 0, 1]] * NEUTRAL) * passes
    for heads, _ in grouped_runs(kinds, batches, rate, m, exp=math.exp):
        last = heads
    # the third kind stands for all neutral samples, which move w_S only
    total = summed_instability(last[:3], (k, k), sqrt=math.sqrt)
    assert total * margin == pytest.approx(abs(response) / gradient, rel=1e-4)


@pytest.mark.parametrize("m", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("q", [1, 4, 30])
@pytest.mark.parametrize("ahead", [False, True])
def test_a_cycle_is_pumped_exactly_beyond_the_condition_of_the_page(m, q, ahead):
    def response_of_a_pass(x):
        # (w, v) with v in units of the step: v ← mv + xw, w ← w − (xw + mv) or w − v
        def step(curvature):
            velocity = np.array([curvature, m])
            move = np.array([curvature, 0]) + m * velocity if ahead else velocity
            return np.stack([np.array([1.0, 0.0]) - move, velocity])

        whole = np.linalg.matrix_power(step(0.0), q) @ step(x)
        return np.abs(np.linalg.eigvals(whole)).max()

    sums = sum(m**a for a in range(q + 1))
    if ahead:
        sums += 2 * m ** (q + 1)
    border = 2 * (1 + m ** (q + 1)) / sums
    assert response_of_a_pass(0.999 * border) <= 1 + 1e-9
    assert response_of_a_pass(1.001 * border) > 1 + 1e-6


def test_the_report_has_adam_by_n_and_t(results):
    (table,) = SETTING.presentation().tables(results)
    assert [row[0] for row in table.rows] == ["5", "21"]
    assert table.columns == ("n", "t = 1", "t = 10", "t = 100")
    assert table.rows[1][1] == "0.710 (14.8)"


@pytest.mark.parametrize("name", SETTING.presentation().illustrations)
def test_figures_draw_and_explain_themselves(name, results, tmp_path):
    illustration = SETTING.presentation().figures(results)[name]
    illustration.draw(results).savefig(tmp_path / "figure.png")
    assert illustration.caption.endswith(".")


def test_findings_and_certificates_are_sentences(results):
    verdicts = [theory.judge(name, results) for name in (*PROVED, *REFUTED)]
    presentation = SETTING.presentation()
    found = presentation.findings(results, verdicts)
    assert len(found) == 7
    largest = {
        name: rows["measured"].div(rows["bound"]).max()
        for name, rows in results.rows.groupby("theorem")
    }
    momentum = max(largest["S-momentum"], largest["S-momentum-batches"])
    said = presentation.headline(results, verdicts)
    assert f"mini-batches reaches {largest['S-anytime']:.3g} times that bound" in said
    assert f"momentum reaches {momentum:.3g} times" in said
    assert f"Adam reaches {largest['S-adam']:.3g} times" in said
    assert found[2].startswith("S-anytime: 0 violations on 7 tasks")
    assert all(each.endswith(".") for each in presentation.certificates(results.environments))
    manifest = {"options": {"steps": 300, "rate_fraction": 1.0, "adam_rate": 0.01}}
    assert presentation.subtitle(results, manifest).startswith(f"{len(results.environments)} tasks")


def test_suites_are_draws_of_their_own():
    for name, count in (("smoke", 12), ("standard", 288)):
        specifications = tasks.make_suite(name, 1).specifications
        drawn = [each for each in specifications if each.family not in CONSTRUCTED]
        assert len({each.seed for each in drawn}) == len(drawn) == count
        assert len({each.name for each in specifications}) == len(specifications)
        other = {each.seed for each in tasks.make_suite(name, 2).specifications}
        assert not other & {each.seed for each in drawn}


def test_a_users_own_task_and_steps_below_the_limit():
    data = synthetic.make_separable(n=10, d=3, margin=0.4, seed=4)
    task = StochasticTask(data=data, order="random", size=2, seed=1)
    assert theory.verify("S-anytime", [task], jobs=1, steps=50, rate_fraction=0.1).environments == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"rate_fraction": 0.0}, "rate_fraction must be"),
        ({"rate_fraction": 1.5}, "rate_fraction must be"),
        ({"adam_rate": 0.0}, "adam_rate must be"),
        ({"device": "abacus"}, "device must be"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        computing.checked_options(SETTING, options)


def test_bad_tasks_and_suites_are_refused():
    data = synthetic.make_separable(n=10, d=3)
    for changed, message in (
        ({"optimiser": "lion"}, "optimiser must be one of"),
        ({"order": "sorted"}, "order must be one of"),
        ({"order": "given"}, "cycle must be given with order='given'"),
        ({"cycle": pulse_cycle(10)}, "cycle must be given with order='given'"),
    ):
        with pytest.raises(ValueError, match=message):
            StochasticTask(data=data, **changed)
    for name, n, message in (
        ("sign-flips", 6, "n must be odd"),
        ("pulses", 9, "n must be even"),
        ("tugs", 2, "n must be at least 4"),
    ):
        with pytest.raises(ValueError, match=message):
            CONSTRUCTED[name](n)
    with pytest.raises(ValueError, match="suite must be one of"):
        tasks.make_suite("huge", 0)
