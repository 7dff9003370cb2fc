"""The full-tuning bounds: exact arithmetic over their whole range, and the inequalities they
promise.
"""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from tests.oracles import full_formulas
from tests.oracles.full_runs import Quadratic, descend, leave_one_out_distances, random_problem
from tunebound.bounds import full
from tunebound.bounds.full import rates

RELATIVE = 1e-12
WEIGHTINGS = ("1/n", "1/(n-1)")
THRESHOLD = 12 * np.sqrt(2) - 16  # kappa up to which the published bound holds with weighting 1/n
SLACK = 1 + 1e-9  # rounding of the simulated runs, relative to the bound


def log_uniform(low, high):
    return st.floats(low, high, allow_nan=False).map(lambda exponent: 10.0**exponent)


def assert_exact(name, arguments):
    value = getattr(full, name)(**arguments)
    exact = getattr(full_formulas, name)(**arguments)
    assert isinstance(value, float)
    # below 1e-300 a power has run out of float64's exponents
    assert abs(mpf(value) - exact) <= max(RELATIVE * exact, mpf("1e-300")), (
        name,
        arguments,
        value,
        mp.nstr(exact, 20),
    )


@st.composite
def problem(draw, with_steps=True):
    """n to 1e12, kappa from 1e-15 to 1, steps to 1e30 as long as something is left of the run."""
    n = draw(log_uniform(0.31, 12).map(np.floor).map(float) | st.integers(2, 5))
    beta = draw(log_uniform(-100, 100))
    kind = draw(st.sampled_from(["small", "near one", "equal rates", "one"]))
    if kind == "small":
        kappa = draw(log_uniform(-15, -0.01))
    elif kind == "near one":
        kappa = 1 - draw(log_uniform(-15.5, -0.01))
    elif kind == "equal rates":  # q = r at kappa = 1 - 1/(n-1)^2; n = 2 and 3 included
        n = draw(st.integers(3, 50))
        kappa = (1 - 1 / (n - 1) ** 2) * (
            1 + draw(st.sampled_from([0.0, 1e-16, -1e-15, 1e-12, -1e-9, 1e-6]))
        )
    else:
        kappa = 1.0
    mu = min(kappa * beta, beta)
    arguments = {"n": n, "mu": mu, "beta": beta, "weighting": draw(st.sampled_from(WEIGHTINGS))}
    if with_steps:
        longest = min(30.0, np.log10(400 / kappa)) if kappa < 0.5 else 2.0
        arguments["steps"] = draw(
            log_uniform(0, longest).map(np.floor).map(float) | st.integers(1, 4)
        )
    return arguments


positive = log_uniform(-60, 60)


@given(problem(with_steps=False), positive, positive)
@example({"n": 10**12, "mu": 1e-15, "beta": 1.0, "weighting": "1/n"}, 1.0, 1.0)
@example({"n": 10**12, "mu": 1.0, "beta": 1.0, "weighting": "1/n"}, 1.0, 1.0)
@example({"n": 2, "mu": 0.5, "beta": 1.0, "weighting": "1/n"}, 1.0, 1.0)
@example({"n": 2, "mu": 1e-200, "beta": 1e100, "weighting": "1/n"}, 1e300, 1e-300)
@example({"n": 4, "mu": 8.0, "beta": 9.0, "weighting": "1/(n-1)"}, 1.0, 1.0)
@settings(max_examples=300, deadline=None)
def test_published_and_closed_are_exact(problem, lipschitz, distance):
    constants = {"lipschitz": lipschitz, "distance": distance}
    assert_exact("closed", {**problem, **constants})
    del problem["weighting"]
    assert_exact("published", {**problem, **constants})


EXTREMES = [
    {"n": 10**12, "mu": 1e-15, "beta": 1.0, "steps": 10**15},
    {"n": 10**12, "mu": 1e-15, "beta": 1.0, "steps": 1},
    {"n": 2, "mu": 1e-15, "beta": 1.0, "steps": 3 * 10**17},
    {"n": 3, "mu": 1e-15, "beta": 1.0, "steps": 10**15},
    {"n": 2, "mu": 1e-30, "beta": 1.0, "steps": 10**30},
    {"n": 7, "mu": 1e-30, "beta": 1.0, "steps": 10**30},
    {"n": 2, "mu": 1e-200, "beta": 1.0, "steps": 10**30},
    {"n": 3, "mu": 3.0, "beta": 4.0, "steps": 5},
    {"n": 3, "mu": 3.0, "beta": 4.0, "steps": 1},
    {"n": 3, "mu": 3.0, "beta": 4.0, "steps": 900},
    {"n": 5, "mu": 15.0, "beta": 16.0, "steps": 400},
    {"n": 5, "mu": 1.0, "beta": 1.0, "steps": 1},
    {"n": 5, "mu": 1.0, "beta": 1.0, "steps": 2},
    {"n": 5, "mu": 1.0, "beta": 1.0, "steps": 300},
    {"n": 2, "mu": 1.0, "beta": 1.0, "steps": 1000},
    {"n": 10**12, "mu": 1 - 2.0**-53, "beta": 1.0, "steps": 3},
    {"n": 10**8, "mu": 1 - 2.0**-53, "beta": 1.0, "steps": 20},
    {"n": 10**12, "mu": 1 - 1e-10, "beta": 1.0, "steps": 7},
]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("problem", EXTREMES)
def test_formulas_with_steps_are_exact_at_the_extremes(problem, weighting):
    assert_all_exact({**problem, "weighting": weighting}, 2.0, 3.0)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("problem", EXTREMES)
def test_formulas_without_steps_are_exact_at_the_extremes(problem, weighting):
    constants = {name: problem[name] for name in ("n", "mu", "beta")}
    known = {**constants, "lipschitz": 2.0, "distance": 3.0}
    assert_exact("closed", {**known, "weighting": weighting})
    assert_exact("published", known)
    norms = {"gradient_norms": [3.0, 0.0, 2.0, 5.0], "weighting": weighting}
    assert_exact("trajectory", {**constants, **norms})


@given(problem(), positive, positive)
# the sum alone underflows
@example(
    {"n": 1e6, "mu": 9.99999999999e-13, "beta": 1e-12, "weighting": "1/n", "steps": 54.0}, 1.0, 1e45
)
@settings(max_examples=400, deadline=None)
def test_formulas_with_steps_are_exact(problem, first, second):
    assert_all_exact(problem, first, second)


def assert_all_exact(problem, first, second):
    assert_exact("steps", {**problem, "lipschitz": first, "distance": second})
    assert_exact("data", {**problem, "initial_loss": first})
    assert_exact("contraction", {**problem, "distance": first})
    assert_exact("worst_quadratic", {**problem, "distance": first})
    assert_exact("off_interpolation", {**problem, "gradient_norm": first})


@given(
    problem(with_steps=False),
    st.lists(log_uniform(-10, 10) | st.just(0.0), min_size=1, max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_trajectory_is_exact(problem, norms):
    assert_exact("trajectory", {**problem, "gradient_norms": norms})


@given(log_uniform(0.31, 12).map(np.floor).map(float), positive, positive)
def test_minimiser_shift_is_exact(n, mu, gradient_norm):
    assert_exact("minimiser_shift", {"n": n, "mu": mu, "gradient_norm": gradient_norm})


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("n", [2.0, 3.0, 40.0, 1e9])
@pytest.mark.parametrize(
    # q and r are nearly equal for n = 3 at 3/4 and for n = 40 at 1 - 1/39^2
    "kappa",
    [1e-9, 0.3, 0.5, 0.75 * (1 + 1e-9), 0.76, 0.9, (1 - 1 / 39**2) * (1 + 1e-9), 1 - 1e-13],
)
def test_logarithms_of_rates_keep_their_digits(kappa, n, weighting):
    beta = np.asarray(3.0 if kappa > 0.99 else 4.0)  # by 3 the ratio itself is rounded
    mu = kappa * beta
    found = rates.rates(np.asarray(n), mu, beta, weighting)
    with mp.workdps(50):
        k = mpf(float(mu)) / mpf(float(beta))
        share = (mpf(n) - 1) / mpf(n) if weighting == "1/n" else mpf(1)
        q, p = 1 - share * k, 1 - k
        known = {
            "kappa": k,
            "complement": p,
            "share": share,
            "log_left_out": mp.log(q),
            "log_full": mp.log(p),
            "log_loss": mp.log(p) / 2,
            "left_out_over_loss": mp.log(q / mp.sqrt(p)),
            "left_out_over_full": mp.log(q / p),
        }
    for name, exact in known.items():
        assert float(getattr(found, name)) == pytest.approx(float(exact), rel=2e-13, abs=2e-17), (
            name
        )


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_rates_of_several_problems_are_of_one_shape(weighting):
    found = rates.rates(
        np.array([[2.0], [3.0], [9.0]]), np.array([0.1, 0.2]), np.asarray(1.0), weighting
    )
    for name in ("log_left_out", "left_out_over_loss", "left_out_over_full"):
        assert getattr(found, name).shape == (3, 2)
    assert np.broadcast_shapes(found.share.shape, (1, 2)) == (3, 2)


def test_values_by_hand():
    example = dict(n=10, mu=0.1, beta=1.0, distance=1.0)
    assert full.published(**example, lipschitz=1.0) == pytest.approx(
        2**0.5 / (10 * (0.9**-0.25 - 1)), rel=1e-14
    )
    assert full.published(**example, lipschitz=1.0) == pytest.approx(5.30, abs=0.005)
    assert full.steps(**example, lipschitz=1.0, steps=5) == pytest.approx(0.53, abs=0.005)
    assert full.contraction(**example, steps=5) == pytest.approx(
        (0.91**5 - 0.9**5) / 0.1, rel=1e-13
    )
    assert full.contraction(**example, steps=5, weighting="1/(n-1)") == pytest.approx(
        5 * 0.9**5 / 10, rel=1e-14
    )
    assert full.worst_quadratic(**example, steps=5) == pytest.approx(0.91**5 - 0.81**5, rel=1e-14)
    assert full.worst_quadratic(**example, steps=5, weighting="1/(n-1)") == pytest.approx(
        0.9**5 - 0.81**5, rel=1e-14
    )


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_ladder_holds_on_random_problems(weighting):
    rng = np.random.default_rng(7)
    for _ in range(300):
        beta = 10 ** rng.uniform(-3, 3)
        mu = beta * rng.choice([10 ** rng.uniform(-3, 0), 1 - 10 ** rng.uniform(-3, -1), 1.0])
        losses, start = random_problem(rng, mu=mu, beta=beta)
        T, n, R = int(rng.integers(1, 30)), len(losses), float(np.linalg.norm(start))
        path, measured = leave_one_out_distances(losses, start, beta, T, weighting)
        gradients = np.array([[loss.gradient(w) for w in path[:-1]] for loss in losses])
        if weighting == "1/(n-1)":
            gradients -= gradients.mean(axis=0)
        rates = dict(n=n, mu=mu, beta=beta, weighting=weighting)
        L = max(loss.largest_gradient(R) for loss in losses)
        trajectory = full.trajectory(**rates, gradient_norms=np.linalg.norm(gradients, axis=2))
        data = full.data(
            **rates, initial_loss=np.mean([loss.loss(start) for loss in losses]), steps=T
        )
        by_steps = full.steps(**rates, lipschitz=L, distance=R, steps=T)
        contraction = full.contraction(**rates, distance=R, steps=T)
        tiny = 1e-14 * R
        assert np.all(measured <= trajectory * SLACK + tiny)
        assert trajectory.mean() <= data * SLACK + tiny
        assert data <= by_steps * SLACK
        assert by_steps <= full.closed(**rates, lipschitz=L, distance=R) * SLACK
        assert np.all(measured <= contraction * SLACK + tiny)
        drifting = full_formulas.drifting_apart(**rates, distance=R, steps=T)
        assert np.all(trajectory <= float(drifting) * SLACK + tiny)
        if weighting == "1/(n-1)" or mu <= THRESHOLD * beta:
            assert (
                measured.mean()
                <= full.published(n=n, lipschitz=L, mu=mu, beta=beta, distance=R) * SLACK + tiny
            )


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_rungs_off_interpolation(weighting):
    rng = np.random.default_rng(11)
    for _ in range(60):
        beta = 10 ** rng.uniform(-2, 2)
        mu = beta * rng.uniform(0.05, 1)
        losses, start = random_problem(rng, mu=mu, beta=beta, spread=10 ** rng.uniform(-2, 1))
        T, n = int(rng.integers(1, 30)), len(losses)
        minimiser = descend(losses, start, beta, 700)[-1]
        path, measured = leave_one_out_distances(losses, start, beta, T, weighting)
        gradients = np.array([[loss.gradient(w) for w in path[:-1]] for loss in losses])
        if weighting == "1/(n-1)":
            gradients -= gradients.mean(axis=0)
        at_minimiser = np.array([np.linalg.norm(loss.gradient(minimiser)) for loss in losses])
        excess = np.mean([loss.loss(start) - loss.loss(minimiser) for loss in losses])
        rates = dict(n=n, mu=mu, beta=beta, weighting=weighting)
        trajectory = full.trajectory(**rates, gradient_norms=np.linalg.norm(gradients, axis=2))
        added = full.off_interpolation(**rates, steps=T, gradient_norm=at_minimiser.mean())
        tiny = 1e-12 * np.linalg.norm(start)
        assert np.all(measured <= trajectory * SLACK + tiny)
        assert (
            trajectory.mean()
            <= (full.data(**rates, initial_loss=max(excess, 0.0), steps=T) + added) * SLACK + tiny
        )
        shift = full.minimiser_shift(n=n, mu=mu, gradient_norm=at_minimiser)
        left_out = np.array(
            [
                descend(losses, start, beta, 700, left_out=i, weighting="1/(n-1)")[-1]
                for i in range(min(n, 2))
            ]
        )
        assert np.all(np.linalg.norm(left_out - minimiser, axis=1) <= shift[:2] * SLACK + tiny)


def test_off_interpolation_tends_to_the_shift_of_the_minimiser_and_the_shift_is_attained():
    rates = dict(n=7, mu=0.3, gradient_norm=2.0)
    for weighting in WEIGHTINGS:
        late = full.off_interpolation(**rates, beta=1.0, steps=10**6, weighting=weighting)
        assert late == pytest.approx(full.minimiser_shift(**rates), rel=1e-14)
    # f_j = mu |w|^2 / 2 for the others, f_i = mu |w - c|^2 / 2: the minimiser moves from c/n to 0
    mu, c, n = 0.3, 5.0, 7
    gradient_norm = mu * (c - c / n)
    assert full.minimiser_shift(n=n, mu=mu, gradient_norm=gradient_norm) == pytest.approx(
        c / n, rel=1e-14
    )


def one_step(kappa, n=6):
    """Mean distance after one step of n equal quadratics with curvatures exactly mu and beta,
    started in the steep direction.
    """
    losses = [Quadratic(np.diag([1.0, kappa]), np.zeros(2))] * n
    return {
        weighting: leave_one_out_distances(losses, np.array([1.0, 0.0]), 1.0, 1, weighting)[
            1
        ].mean()
        for weighting in WEIGHTINGS
    }


def test_published_fails_at_one_step_beyond_its_threshold_and_closed_holds():
    n = 6
    for kappa in (0.971, 0.98, 0.99, 1 - 1e-6, 1.0):
        measured = one_step(kappa)
        known = dict(n=n, lipschitz=1.0, mu=kappa, beta=1.0, distance=1.0)
        assert measured["1/n"] == pytest.approx(1 / n, rel=1e-14)
        assert full.published(**known) < measured["1/n"]
        assert measured["1/n"] <= full.closed(**known)
        assert measured["1/(n-1)"] <= full.published(**known)
    assert full.published(n=n, lipschitz=1.0, mu=0.99, beta=1.0, distance=1.0) * n == pytest.approx(
        0.654, abs=5e-4
    )
    assert full.published(n=n, lipschitz=1.0, mu=1.0, beta=1.0, distance=1.0) == 0.0
    for kappa in (0.5, 15 / 16, 0.95, 0.97):
        assert one_step(kappa)["1/n"] <= full.published(
            n=n, lipschitz=1.0, mu=kappa, beta=1.0, distance=1.0
        )


def test_threshold_of_the_published_bound_is_where_the_proof_says():
    def excess(kappa, product):
        return full.published(n=2, lipschitz=product, mu=kappa, beta=1.0, distance=1.0) - 0.5

    assert scipy.optimize.brentq(excess, 0.5, 1.0, args=(1.0,), xtol=1e-14) == pytest.approx(
        THRESHOLD, abs=1e-12
    )
    # with the initial loss R^2/2 itself in place of its bound L R, as in the published proof, it is
    # 15/16
    assert scipy.optimize.brentq(excess, 0.5, 1.0, args=(0.5,), xtol=1e-14) == pytest.approx(
        15 / 16, abs=1e-12
    )


def test_published_lies_above_steps_exactly_where_the_proof_says():
    n = np.array([2, 3, 5, 40, 1000])[:, None, None]
    kappa = np.concatenate([np.logspace(-6, -0.1, 40), np.linspace(0.8, THRESHOLD, 40)])[:, None]
    T = np.arange(1, 60)
    one = dict(n=n, lipschitz=1.0, beta=1.0, distance=1.0)
    ratio = full.steps(**one, mu=kappa, steps=T) / full.published(**one, mu=kappa)
    assert np.all(ratio[..., 1:] <= 1)
    assert np.array_equal(
        ratio[..., 0] <= 1, np.broadcast_to(kappa[:, 0] <= 15 / 16, ratio.shape[:2])
    )
    kappa = np.append(kappa, 1 - np.logspace(-9, -2, 30))[:, None]
    ratio = full.steps(**one, mu=kappa, steps=T[1:], weighting="1/(n-1)") / full.published(
        **one, mu=kappa
    )
    assert np.all(ratio <= 1)
    # L = mu R, the least there is
    smallest = full.published(n=n, lipschitz=kappa, mu=kappa, beta=1.0, distance=1.0)
    first_step = full.contraction(
        n=n, mu=kappa, beta=1.0, distance=1.0, steps=1, weighting="1/(n-1)"
    )
    assert np.all(first_step <= smallest)


def test_closed_is_half_of_published_for_small_kappa():
    known = dict(n=10, lipschitz=1.0, mu=1e-9, beta=1.0, distance=1.0)
    assert full.closed(**known) / full.published(**known) == pytest.approx(0.5, rel=1e-8)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_worst_quadratic_is_the_maximum_over_all_curvatures(weighting):
    rng = np.random.default_rng(3)
    for _ in range(40):
        n, T, kappa = (
            int(rng.integers(2, 12)),
            int(rng.integers(1, 25)),
            float(rng.uniform(0.01, 1)),
        )
        a, b = np.meshgrid(np.linspace(kappa, 1, 201), np.linspace(kappa, 1, 201))
        others = (n - 1) * a / n if weighting == "1/n" else a
        values = np.abs((1 - ((n - 1) * a + b) / n) ** T - (1 - others) ** T)
        worst = full.worst_quadratic(
            n=n, mu=kappa, beta=1.0, distance=1.0, steps=T, weighting=weighting
        )
        assert values.max() <= worst * SLACK
        assert values[-1, 0] == pytest.approx(worst, rel=1e-9)  # b = beta, a = mu


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_worst_quadratic_is_reached_by_descent(weighting):
    n, mu, beta, T = 5, 0.2, 2.0, 6
    losses = [Quadratic(np.array([[beta if i == 0 else mu]]), np.zeros(1)) for i in range(n)]
    _, measured = leave_one_out_distances(losses, np.array([-3.0]), beta, T, weighting)
    assert measured[0] == pytest.approx(
        full.worst_quadratic(n=n, mu=mu, beta=beta, distance=3.0, steps=T, weighting=weighting),
        rel=1e-13,
    )


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_worst_quadratic_lies_below_contraction_and_meets_it_at_one_step(weighting):
    n = np.array([2.0, 3, 10, 1e12])[:, None, None]
    kappa = np.array([1e-15, 1e-3, 0.4, 0.75, 0.99, 1])[:, None]
    T = np.array([1, 2, 3, 10, 100, 1000])
    known = dict(n=n, mu=kappa, beta=1.0, distance=2.0, steps=T, weighting=weighting)
    low, high = full.worst_quadratic(**known), full.contraction(**known)
    assert np.all(low <= high * SLACK)
    np.testing.assert_allclose(low[..., 0], high[..., 0], rtol=1e-14)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_way_by_the_minimiser_takes_over_where_the_runs_would_drift_apart_further(weighting):
    known = dict(n=10, mu=0.01, beta=1.0, distance=2.0, weighting=weighting)
    taken = set()
    for T in (1, 5, 20, 100, 1000, 30000):
        apart, by = (
            formula(**known, steps=T)
            for formula in (full_formulas.drifting_apart, full_formulas.by_the_minimiser)
        )
        assert full.contraction(**known, steps=T) == pytest.approx(float(min(apart, by)), rel=1e-12)
        taken.add("apart" if apart < by else "by the minimiser")
    assert taken == {"apart", "by the minimiser"}


def test_the_bracket_of_the_worst_case_closes_around_the_power_of_the_left_out_rate():
    """q^T − (cp)^T ≤ W ≤ q^T + p^T: relative to q^T both ends are within (p/q)^T of 1."""
    for n, kappa, steps in ((2, 0.05, (2, 20, 200)), (10, 0.3, (9, 400)), (100, 0.9, (90, 200))):
        known = dict(n=n, mu=kappa, beta=1.0, distance=1.0)
        with mp.workdps(50):
            for T in steps:
                p = 1 - mpf(kappa)
                q = p + mpf(kappa) / n
                low, high = (
                    mpf(bound(**known, steps=T)) / q**T
                    for bound in (full.worst_quadratic, full.contraction)
                )
                width = (p / q) ** T + mpf(1e-11)
                assert 1 - width <= low <= high <= 1 + width
        assert width < 0.2


def test_bounds_move_as_their_factors_say():
    n, kappa = np.arange(2, 60), np.linspace(0.001, 0.999, 200)
    one = dict(lipschitz=1.0, beta=1.0, distance=1.0)
    for weighting in WEIGHTINGS:
        assert np.all(np.diff(full.closed(n=n, mu=0.3, **one, weighting=weighting)) < 0)
        assert np.all(np.diff(full.closed(n=9, mu=kappa, **one, weighting=weighting)) < 0)
        assert np.all(np.diff(full.steps(n=9, mu=kappa, **one, steps=8, weighting=weighting)) < 0)
        assert np.all(
            np.diff(
                full.contraction(
                    n=9, mu=kappa, beta=1.0, distance=1.0, steps=8, weighting=weighting
                )
            )
            < 0
        )
        growth = full.off_interpolation(
            n=9, mu=0.1, beta=1.0, steps=np.arange(1, 50), gradient_norm=1.0, weighting=weighting
        )
        assert np.all(np.diff(growth) > 0)
        for name in ("closed", "steps"):
            more = {"steps": 8} if name == "steps" else {}
            values = getattr(full, name)(
                n=9,
                lipschitz=[1.0, 4.0],
                mu=0.1,
                beta=1.0,
                distance=[1.0, 9.0],
                **more,
                weighting=weighting,
            )
            assert values[1] == pytest.approx(6 * values[0], rel=1e-14)
    assert np.all(np.diff(full.published(n=n, mu=0.3, **one)) < 0)
    assert np.all(np.diff(full.published(n=9, mu=kappa, **one)) < 0)


def test_arrays_broadcast_and_agree_with_scalars():
    n, kappa, T = (
        np.array([2, 5])[:, None, None],
        np.array([0.01, 0.75, 1.0])[:, None],
        np.array([1, 4]),
    )
    for weighting in WEIGHTINGS:
        grid = full.steps(
            n=n, lipschitz=2, mu=kappa, beta=1, distance=3, steps=T, weighting=weighting
        )
        assert grid.shape == (2, 3, 2)
        assert grid.dtype == np.float64
        for where in np.ndindex(grid.shape):
            scalars = dict(
                n=int(n[where[0], 0, 0]), mu=float(kappa[where[1], 0]), steps=int(T[where[2]])
            )
            assert (
                full.steps(lipschitz=2, beta=1, distance=3, **scalars, weighting=weighting)
                == grid[where]
            )
        norms = np.random.default_rng(0).random((4, 3, 6))
        runs = full.trajectory(
            n=np.full((4, 1), 5),
            mu=[0.1, 0.2, 1.0],
            beta=1.0,
            gradient_norms=norms,
            weighting=weighting,
        )
        assert runs.shape == (4, 3)
        alone = full.trajectory(
            n=5, mu=0.2, beta=1.0, gradient_norms=norms[2, 1], weighting=weighting
        )
        assert runs[2, 1] == pytest.approx(alone, rel=1e-15)
    assert full.steps(n=5, lipschitz=2, mu=0.5, beta=1, distance=0, steps=3) == 0.0


ONE = dict(
    n=5,
    lipschitz=2.0,
    mu=0.1,
    beta=1.0,
    distance=3.0,
    steps=4,
    initial_loss=2.0,
    gradient_norm=1.0,
    gradient_norms=[1.0, 0.5],
)
ARGUMENTS = {
    "published": ("n", "lipschitz", "mu", "beta", "distance"),
    "closed": ("n", "lipschitz", "mu", "beta", "distance"),
    "steps": ("n", "lipschitz", "mu", "beta", "distance", "steps"),
    "data": ("n", "mu", "beta", "initial_loss", "steps"),
    "trajectory": ("n", "mu", "beta", "gradient_norms"),
    "contraction": ("n", "mu", "beta", "distance", "steps"),
    "worst_quadratic": ("n", "mu", "beta", "distance", "steps"),
    "off_interpolation": ("n", "mu", "beta", "steps", "gradient_norm"),
    "minimiser_shift": ("n", "mu", "gradient_norm"),
    "worst_case": ("n", "mu", "beta", "distance", "steps"),
}
VALID = {rung: {name: ONE[name] for name in arguments} for rung, arguments in ARGUMENTS.items()}
WRONG = {
    "n": [
        (1, "n must be at least 2"),
        (2.5, "whole number: round"),
        (True, "pass int or float"),
        (np.nan, "must be finite"),
    ],
    "steps": [
        (0, "steps must be at least 1"),
        (1.5, "whole number: round"),
        (-3, "at least 1"),
        ("4", "pass int or float"),
    ],
    "lipschitz": [
        (0.0, "lipschitz must be above 0"),
        (-1.0, "above 0"),
        (np.inf, "must be finite"),
        ("1", "pass int or float"),
    ],
    "mu": [
        (0.0, "mu must be above 0"),
        (-0.1, "above 0"),
        (np.nan, "must be finite"),
        ([], "mu is empty"),
    ],
    "beta": [
        (0.0, "beta must be above 0"),
        (0.05, r"beta = 0.05 is below mu = 0.1: .*swap them"),
        (np.inf, "must be finite"),
    ],
    "distance": [
        (-1.0, "distance must be 0 or more"),
        (np.nan, "must be finite"),
        (1j, "pass int or float"),
    ],
    "initial_loss": [(-1.0, "initial_loss must be 0 or more"), (np.inf, "must be finite")],
    "gradient_norm": [(-1.0, "gradient_norm must be 0 or more"), (None, "pass int or float")],
    "gradient_norms": [
        ([1.0, -1.0], r"gradient_norms\[1\] = -1.0: .* 0 or more"),
        (1.0, "steps on its last axis.*one value per step"),
    ],
}


@pytest.mark.parametrize(
    ("formula", "argument", "value", "message"),
    [
        (f, a, v, m)
        for f, arguments in ARGUMENTS.items()
        for a in arguments
        for v, m in WRONG[a]
        if (f, a) != ("minimiser_shift", "beta")
    ],
)
def test_wrong_arguments_are_named_with_a_remedy(formula, argument, value, message):
    arguments = VALID[formula] | {argument: value}
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        getattr(full, formula)(**arguments)
    assert argument in str(caught.value)


@pytest.mark.parametrize(
    "formula", [name for name in ARGUMENTS if name not in ("published", "minimiser_shift")]
)
def test_unknown_weights_are_refused(formula):
    with pytest.raises(ValueError, match=r"weighting must be one of '1/n', '1/\(n-1\)', got 'n'"):
        getattr(full, formula)(**VALID[formula], weighting="n")


@pytest.mark.parametrize("formula", [name for name in ARGUMENTS if name != "worst_case"])
def test_shapes_that_do_not_fit_are_listed(formula):
    for argument in ARGUMENTS[formula]:
        other = "mu" if argument != "mu" else "n"
        changed = {argument: np.full(2, ONE[argument]), other: np.full(3, ONE[other])}
        if argument == "gradient_norms":
            changed[argument] = np.ones((2, 4))
        if argument == "beta":
            changed = {"beta": np.ones(2), "n": np.full(3, 5)}
        arguments = VALID[formula] | changed
        with pytest.raises(
            ValueError,
            match=rf"shapes do not broadcast: .*\b{argument}\w* \(2,\).*give arrays of one shape",
        ):
            getattr(full, formula)(**arguments)
    if "beta" in ARGUMENTS[formula]:
        arguments = VALID[formula] | {
            "beta": np.ones(2),
            "mu": np.full(3, 0.1),
        }
        with pytest.raises(ValueError, match=r"shapes do not broadcast: beta \(2,\), mu \(3,\)"):
            getattr(full, formula)(**arguments)


@pytest.mark.parametrize(
    ("formula", "argument", "other"),
    [
        (formula, *pair)
        for formula, arguments in ARGUMENTS.items()
        if formula != "worst_case"
        for pair in itertools.permutations(arguments, 2)
    ],
)
def test_any_two_shapes_that_do_not_fit_are_listed(formula, argument, other):
    arguments = dict(VALID[formula])
    for name, length in ((argument, 2), (other, 3)):
        value = np.asarray(ONE[name])
        arguments[name] = np.broadcast_to(value, (length, *value.shape))
    with pytest.raises(ValueError, match=r"^shapes do not broadcast: ") as refusal:
        getattr(full, formula)(**arguments)
    for name, length in ((argument, 2), (other, 3)):
        assert re.search(rf"\b{name}\w* \({length},\)", str(refusal.value))


@pytest.mark.parametrize(
    ("formula", "large"),
    [
        ("published", {"lipschitz": 1e300, "mu": 1e-300, "distance": 1e300}),
        ("closed", {"lipschitz": 1e300, "mu": 1e-300, "distance": 1e300}),
        ("steps", {"lipschitz": 1e300, "beta": 1e-300, "mu": 1e-301, "distance": 1e300}),
        ("data", {"initial_loss": 1e305, "beta": 1e-320, "mu": 1e-321, "n": 2}),
        ("trajectory", {"gradient_norms": [1e300], "beta": 1e-300, "mu": 1e-301}),
        ("contraction", {"n": 2, "mu": 1e-9, "distance": 1.7e308, "steps": 3}),
        ("off_interpolation", {"gradient_norm": 1e300, "beta": 1e-300, "mu": 1e-301}),
        ("minimiser_shift", {"gradient_norm": 1e300, "mu": 1e-300}),
    ],
)
def test_a_bound_beyond_float64_is_named(formula, large):
    with pytest.raises(OverflowError, match=f"^{formula} exceeds float64"):
        getattr(full, formula)(**{**VALID[formula], **large})


def test_the_larger_of_two_ways_may_exceed_float64():
    # R (q + p) does, R/n does not
    known = dict(n=2, mu=1e-9, beta=1.0, distance=1.1e308, steps=1)
    assert full.contraction(**known) == pytest.approx(5.5e307, rel=1e-14)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("kappa", [1.0, 1 - 2.0**-53, 1e-3])
def test_the_largest_number_of_steps_warns_of_nothing(kappa, weighting):
    # warnings are errors here; T times a logarithm exceeds float64
    late = dict(n=2, mu=kappa, beta=1.0, steps=1e308, weighting=weighting)
    assert full.contraction(**late, distance=1.0) == 0
    assert full.worst_quadratic(**late, distance=1.0) == 0
    assert full.steps(**late, lipschitz=1.0, distance=1.0) == 0
    assert full.off_interpolation(**late, gradient_norm=1.0) == pytest.approx(1 / kappa)


def test_curvatures_that_cross_by_rounding_count_as_equal():
    exact = full.steps(n=5, lipschitz=1.0, mu=1.0, beta=1.0, distance=1.0, steps=3)
    assert full.steps(n=5, lipschitz=1.0, mu=1.0 + 1e-12, beta=1.0, distance=1.0, steps=3) == exact


def test_a_condition_number_beyond_float64_is_refused():
    with pytest.raises(
        ValueError,
        match=(
            r"mu/beta is below 2.23e-308 \(mu = 1e-200, beta = 1e\+200\): float64 cannot tell it"
            r" from 0"
        ),
    ):
        full.closed(n=5, lipschitz=1.0, mu=1e-200, beta=1e200, distance=1.0)
    assert full.closed(n=2, lipschitz=1.0, mu=2.0**-1022, beta=1.0, distance=1e-308) > 0


def test_overflow_is_an_error_and_large_factors_alone_are_none():
    with pytest.raises(OverflowError, match=r"closed exceeds float64.*rescale"):
        full.closed(n=2, lipschitz=1e300, mu=1e-300, beta=1.0, distance=1e300)
    with pytest.raises(OverflowError, match="trajectory exceeds float64"):
        full.trajectory(n=2, mu=1e-300, beta=1e-300, gradient_norms=[1e300])
    assert full.steps(
        n=2, lipschitz=1e300, mu=0.5, beta=1e300, distance=1e300, steps=1
    ) == pytest.approx(2**0.5 / 2 * 1e150, rel=1e-14)
    # the prefactor alone is 1e310: only the whole product has to fit
    value = full.data(n=10**12, mu=1e-300, beta=1e-300, initial_loss=1e300, steps=10)
    assert value == pytest.approx(2**0.5 * 1e300 * 1e-120, rel=1e-12)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_every_step_of_a_trajectory_decays_by_the_steps_that_follow(weighting):
    norms = [3.0, 0.0, 2.0, 5.0]
    for n, mu, beta in ((2, 0.5, 2.0), (7, 0.3, 0.4), (5, 1.0, 1.0)):
        q = 1 - mu / beta * ((n - 1) / n if weighting == "1/n" else 1)
        known = sum(q ** (3 - t) * norm for t, norm in enumerate(norms)) / beta
        known /= n if weighting == "1/n" else n - 1
        found = full.trajectory(n=n, mu=mu, beta=beta, gradient_norms=norms, weighting=weighting)
        assert found == pytest.approx(known, rel=1e-14)


def test_a_sum_beyond_float64_is_refused_before_it_warns():
    with pytest.raises(OverflowError, match=r"^trajectory exceeds float64"):
        full.trajectory(n=2, mu=1e-9, beta=0.5, gradient_norms=[1.7e308, 1.7e308])


def test_formulas_need_no_cvxpy():
    code = (
        "import sys; sys.modules['cvxpy'] = None\n"
        "from tunebound.bounds import full\n"
        "print(full.worst_case(n=4, mu=1.0, beta=1.0, distance=1.0, steps=2).value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(1 / 16, rel=1e-14)


@pytest.mark.parametrize("bound", [full.published, full.closed])
@pytest.mark.parametrize("n", [1e300, 1e308])
def test_the_largest_n_warns_of_nothing(bound, n):
    # warnings are errors here; with κ = 1 a step reaches the minimiser, and kappa/n² underflows
    assert 0 <= bound(n=n, lipschitz=1.0, mu=1.0, beta=1.0, distance=1.0) < 1e-290
