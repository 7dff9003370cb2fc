"""The bounds of the literature: exact arithmetic, and cases in which they must hold or are
attained.
"""

import itertools
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mp, mpf

from tests.oracles import literature_formulas
from tests.oracles.descent import leave_one_out_paths
from tests.oracles.samples import separable
from tunebound.bounds import constants, head, literature, max_margin

RELATIVE = 1e-12


def log_uniform(low, high):
    return st.floats(low, high, allow_nan=False).map(lambda exponent: 10.0**exponent)


def whole(low, high):
    return log_uniform(low, high).map(lambda x: float(np.floor(x)))


def assert_exact(name, arguments):
    value = getattr(literature, name)(**arguments)
    exact = getattr(literature_formulas, name)(**arguments)
    assert isinstance(value, float)
    assert abs(mpf(value) - exact) <= RELATIVE * exact, (name, arguments, value, mp.nstr(exact, 20))


SIZES = log_uniform(-40, 40)


@given(whole(0, 12), SIZES, SIZES, log_uniform(-60, 60))
@example(1.0, 1.0, 1.0, 1.0)
@example(1e12, 1e-200, 1e200, 1e-300)
@example(1e12, 1e200, 1e-200, 1e290)
def test_regularized_bounds_are_exact(n, lipschitz, radius, lam):
    arguments = {"n": n, "lipschitz": lipschitz, "radius": radius, "lam": lam}
    assert_exact("regularized_stability", arguments)
    assert_exact("regularized_distance", arguments)


@given(whole(0, 12), SIZES, SIZES, st.lists(log_uniform(-9, 0), min_size=1, max_size=6))
@example(1.0, 1e150, 1e300, [1.0])
@example(5.0, 2.0, 3.0, [1.0, 0.5])
def test_convex_descent_bounds_are_exact(n, lipschitz, beta, shares):
    arguments = {
        "n": n,
        "lipschitz": lipschitz,
        "beta": beta,
        "step_sizes": [2 * share / beta for share in shares],
    }
    assert_exact("convex_descent_distance", arguments)
    assert_exact("convex_descent_stability", arguments)


@given(whole(0, 12), SIZES, SIZES)
@example(1e12, 1e-150, 1e-300)
@example(2.0, 1e200, 1e300)
def test_strongly_convex_descent_stability_is_exact(n, lipschitz, mu):
    assert_exact("strongly_convex_descent_stability", {"n": n, "lipschitz": lipschitz, "mu": mu})


@given(whole(0.5, 12), SIZES, log_uniform(-4, 6), log_uniform(-4, 6), whole(0, 30))
@example(2.0, 1.0, 1.0, 1.0, 1.0)
@example(1e12, 1e-40, 1e-6, 1e6, 1e30)
@example(2.0, 3.0, 1e200, 1e200, 1e30)
def test_non_convex_descent_stability_is_exact(n, lipschitz, beta, c, steps):
    arguments = {"n": n, "lipschitz": lipschitz, "beta": beta, "c": c, "steps": steps}
    assert_exact("non_convex_descent_stability", arguments)


@given(
    whole(0, 12),
    whole(0, 30),
    log_uniform(-20, 20),
    log_uniform(-9, 0),
    SIZES,
    st.floats(0, 0.5),
    SIZES | st.just(0.0),
    log_uniform(-40, 10) | st.just(0.0),
)
@example(1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0)
@example(1e12, 1e30, 1e-20, 1.0, 1e40, 0.0, 1e40, 0.0)
@example(3.0, 7.0, 2.0, 0.5, 3.0, 0.0, 0.0, 1e-30)
@example(3.0, 7.0, 2.0, 0.5, 3.0, 0.25, 5.0, 0.7)
def test_self_bounded_distance_is_exact(n, steps, beta, share, c, delta, distance, loss):
    arguments = {"n": n, "steps": steps, "learning_rate": share / beta / 2, "beta": beta}
    assert_exact(
        "self_bounded_distance",
        {**arguments, "c": c, "delta": delta, "distance": distance, "loss": loss},
    )


@given(whole(0.5, 12), SIZES, log_uniform(0, 9) | st.just(1.0), whole(0, 30), log_uniform(-9, 0))
@example(2.0, 1.0, 1.0, 1.0, 1.0)
@example(1e12, 1e-9, 1e9, 1e30, 1e-9)
def test_separable_descent_distance_is_exact(n, margin, ratio, steps, share):
    radius = margin * ratio
    arguments = {"n": n, "margin": margin, "radius": radius, "steps": steps}
    assert_exact(
        "separable_descent_distance", {**arguments, "learning_rate": share * 2 / radius / radius}
    )


VALID = {
    "regularized_stability": {"n": 10, "lipschitz": 1.5, "radius": 2.0, "lam": 0.1},
    "regularized_distance": {"n": 10, "lipschitz": 1.5, "radius": 2.0, "lam": 0.1},
    "convex_descent_distance": {"n": 10, "lipschitz": 1.5, "beta": 2.0, "step_sizes": [0.5, 1.0]},
    "convex_descent_stability": {"n": 10, "lipschitz": 1.5, "beta": 2.0, "step_sizes": [0.5, 1.0]},
    "strongly_convex_descent_stability": {"n": 10, "lipschitz": 1.5, "mu": 0.1},
    "non_convex_descent_stability": {"n": 10, "lipschitz": 1.5, "beta": 2.0, "c": 0.1, "steps": 50},
    "self_bounded_distance": {
        "n": 10,
        "steps": 50,
        "learning_rate": 0.2,
        "beta": 2.0,
        "c": 1.5,
        "delta": 0.25,
        "distance": 3.0,
        "loss": 0.1,
    },
    "separable_descent_distance": {
        "n": 10,
        "margin": 0.5,
        "radius": 2.0,
        "steps": 50,
        "learning_rate": 0.4,
    },
}
MINIMA = {
    "n": {"non_convex_descent_stability": 2, "separable_descent_distance": 2},
    "steps": {},
}
NON_NEGATIVE = {"distance", "loss", "delta"}


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name in VALID for argument in VALID[name]]
)
def test_every_argument_is_checked(name, argument):
    bound, valid = getattr(literature, name), VALID[name]

    def call(value):
        return bound(**{**valid, argument: [value] if argument == "step_sizes" else value})

    for bad in (True, "1", None):
        with pytest.raises(TypeError, match=rf"^{argument} "):
            call(bad)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"^{argument}\b.* must be finite"):
            call(bad)
    if argument in MINIMA:
        minimum = MINIMA[argument].get(name, 1)
        assert call(minimum) >= 0
        with pytest.raises(
            ValueError, match=rf"^{argument}\b.*{argument} must be at least {minimum}"
        ):
            call(minimum - 1)
        with pytest.raises(ValueError, match=rf"^{argument}\b.*{argument} must be a whole number"):
            call(7.5)
    elif argument in NON_NEGATIVE:
        assert call(0.0) >= 0
        with pytest.raises(ValueError, match=rf"{argument} must (be 0 or more|lie in \[0, 1\])"):
            call(-0.1)
    else:
        with pytest.raises(ValueError, match=rf"{argument} must be above 0"):
            call(0.0)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "convex_descent_distance",
            {"step_sizes": [1.0, 1.01]},
            r"step_sizes = 1.01 exceeds 2/beta = 1.0: take smaller",
        ),
        (
            "convex_descent_stability",
            {"step_sizes": 1.0},
            "step_sizes must have the steps on its last axis, got a scalar",
        ),
        (
            "self_bounded_distance",
            {"learning_rate": 0.26},
            r"learning_rate = 0.26 exceeds 1/\(2 beta\) = 0.25",
        ),
        (
            "self_bounded_distance",
            {"delta": [0.5, 0.51]},
            r"delta = \[0.5, 0.51\] must be at most 1/2",
        ),
        ("self_bounded_distance", {"delta": 0.51}, "delta = 0.51 must be at most 1/2"),
        ("self_bounded_distance", {"delta": 1.5}, r"delta must lie in \[0, 1\]"),
        (
            "separable_descent_distance",
            {"learning_rate": 0.51},
            r"learning_rate = 0.51 exceeds 2 / radius\^2 = 0.5",
        ),
        (
            "separable_descent_distance",
            {"radius": 0.4, "learning_rate": 0.1},
            "radius = 0.4 is below margin = 0.5",
        ),
    ],
)
def test_impossible_combinations_are_refused(name, changes, message):
    with pytest.raises(ValueError, match=message):
        getattr(literature, name)(**{**VALID[name], **changes})


# the sum of a run's steps has what is left of the axes of both
SHOWN_AS = {"beta": "(_per_run)?|total_step", "step_sizes": "|total_step"}


@pytest.mark.parametrize(
    ("name", "argument", "other"),
    [
        (name, *pair)
        for name, arguments in VALID.items()
        for pair in itertools.permutations(arguments, 2)
    ],
)
def test_shapes_that_do_not_meet_are_named(name, argument, other):
    clash = {**VALID[name], argument: [VALID[name][argument]] * 2, other: [VALID[name][other]] * 3}
    with pytest.raises(
        ValueError, match=r"shapes do not broadcast: .*\(.*; give arrays of one shape, or scalars"
    ) as refusal:
        getattr(literature, name)(**clash)
    for clashing in (argument, other):
        assert re.search(rf"\b({clashing}{SHOWN_AS.get(clashing, '')}) \(", str(refusal.value))


@pytest.mark.parametrize("name", VALID)
def test_arrays_give_the_same_numbers(name):
    bound, valid = getattr(literature, name), VALID[name]
    single = bound(**valid)
    assert type(single) is float
    for argument in valid:
        several = bound(**{**valid, argument: np.stack([valid[argument]] * 3)})
        assert np.allclose(several, [single] * 3, rtol=1e-15)
        assert several.shape == (3,)


def test_step_sizes_of_several_runs_meet_their_own_smoothness():
    steps = np.array([[1.0, 0.5], [0.1, 0.2]])
    several = literature.convex_descent_distance(
        n=10, lipschitz=1.0, beta=[2.0, 10.0], step_sizes=steps
    )
    assert np.allclose(several, 0.2 * steps.sum(axis=1), rtol=1e-15)
    with pytest.raises(ValueError, match=r"step_sizes = 1.0 exceeds 2/beta = 0.2"):
        literature.convex_descent_distance(n=10, lipschitz=1.0, beta=[10.0, 2.0], step_sizes=steps)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("regularized_stability", {"lipschitz": 1e200, "lam": 1e-10}),
        ("regularized_stability", {"lipschitz": [1.0, 1e200], "lam": 1e-10}),
        ("regularized_distance", {"lipschitz": 1e200, "lam": 1e-200}),
        ("convex_descent_distance", {"beta": 1e-308, "step_sizes": [1e308, 1e308]}),
        ("convex_descent_stability", {"lipschitz": 1e200}),
        ("strongly_convex_descent_stability", {"lipschitz": 1e200}),
        ("non_convex_descent_stability", {"lipschitz": 1e200, "c": 1e-3}),
        ("non_convex_descent_stability", {"beta": 1e-200, "c": 1e-200}),
        ("self_bounded_distance", {"distance": 1e200, "delta": 0.0}),
        ("self_bounded_distance", {"loss": 1e308, "delta": 0.0}),
        ("separable_descent_distance", {"margin": 1e-200}),
    ],
)
def test_a_bound_beyond_float64_is_an_error(name, changes):
    with pytest.raises(OverflowError, match=f"^{name} exceeds float64"):
        getattr(literature, name)(**{**VALID[name], **changes})


def ridge_logistic(Z, weights, lam):
    """Minimiser of sum_j weights_j ln(1 + exp(-z_j . w)) + lam |w|^2, by Newton's method."""
    w = np.zeros(Z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(Z @ w))
        gradient = -(weights * p) @ Z + 2 * lam * w
        hessian = (Z.T * (weights * p * (1 - p))) @ Z + 2 * lam * np.eye(w.size)
        step = np.linalg.solve(hessian, gradient)
        w = w - step
        if np.linalg.norm(step) < 1e-15 * (1 + np.linalg.norm(w)):
            return w
    raise AssertionError("Newton's method did not converge")


@pytest.mark.parametrize("lam", [1e-3, 1e-1, 10.0])
@pytest.mark.parametrize(("n", "d"), [(8, 3), (20, 30)])
def test_regularized_minimisers_keep_to_bousquet_and_elisseeff(n, d, lam):
    rng = np.random.default_rng(n)
    Z = rng.normal(size=(n, d)) * rng.exponential(size=(n, 1))
    kappa = np.linalg.norm(Z, axis=1).max()
    arguments = {"n": n, "lipschitz": 1.0, "radius": kappa, "lam": lam}
    weights = np.full(n, 1 / n)
    whole = ridge_logistic(Z, weights, lam)
    others = np.array(
        [ridge_logistic(Z, np.where(np.arange(n) == i, 0, weights), lam) for i in range(n)]
    )
    assert np.linalg.norm(others - whole, axis=1).max() <= literature.regularized_distance(
        **arguments
    )
    points = rng.normal(size=(500, d))
    points *= kappa / np.linalg.norm(points, axis=1)[:, None]
    change = np.abs(np.logaddexp(0, -points @ others.T) - np.logaddexp(0, -points @ whole)[:, None])
    assert change.max() <= literature.regularized_stability(**arguments)


def test_regularized_bounds_are_attained_by_a_linear_loss():
    # loss -z . w has sigma = 1 and the minimiser sum_j z_j / (2 lam n)
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(6, 4))
    Z *= 3 / np.linalg.norm(Z, axis=1)[:, None]
    lam = 0.7
    whole = Z.sum(axis=0) / (2 * lam * 6)
    other = Z[1:].sum(axis=0) / (2 * lam * 6)
    arguments = {"n": 6, "lipschitz": 1.0, "radius": 3.0, "lam": lam}
    assert np.linalg.norm(whole - other) == pytest.approx(
        literature.regularized_distance(**arguments), rel=1e-14
    )
    assert Z[0] @ (whole - other) == pytest.approx(
        literature.regularized_stability(**arguments), rel=1e-14
    )


def expected_difference(gradient, gradient_exchanged, w_0, steps, n, measure):
    """Mean of `measure` over all n^T orders in which stochastic gradient descent can draw the
    samples.
    """
    values = []
    for drawn in itertools.product(range(n), repeat=len(steps)):
        w, v = w_0, w_0
        for i, step in zip(drawn, steps, strict=True):
            w = w - step * gradient(w, i)
            v = v - step * gradient_exchanged(v, i)
        values.append(measure(w, v))
    return np.mean(values)


def exchanged(Z, z):
    other = Z.copy()
    other[0] = z
    return other


def logistic_gradient(Z):
    return lambda w, i: -Z[i] / (1 + np.exp(Z[i] @ w))


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_stochastic_descent_on_convex_losses_keeps_to_hardt_recht_and_singer(share):
    rng = np.random.default_rng(1)
    n = 4
    Z = rng.normal(size=(n, 3))
    other = exchanged(Z, rng.normal(size=3))
    radius = max(np.linalg.norm(Z, axis=1).max(), np.linalg.norm(other, axis=1).max())
    beta = radius**2 / 4
    steps = share * 2 / beta * np.array([1.0, 0.5, 1.0, 0.25, 1.0])
    bound = literature.convex_descent_distance(n=n, lipschitz=radius, beta=beta, step_sizes=steps)
    measured = expected_difference(
        logistic_gradient(Z),
        logistic_gradient(other),
        np.zeros(3),
        steps,
        n,
        lambda w, v: np.linalg.norm(w - v),
    )
    assert 0 < measured <= bound
    stability = literature.convex_descent_stability(
        n=n, lipschitz=radius, beta=beta, step_sizes=steps
    )
    assert stability == pytest.approx(radius * bound, rel=1e-14)


def test_full_batch_descent_on_convex_losses_keeps_to_the_same_bound():
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(12, 3))
    other = exchanged(Z, -2 * Z[0])
    radius = np.linalg.norm(np.vstack([Z, other]), axis=1).max()
    beta = radius**2 / 4
    w, v = np.zeros(3), np.zeros(3)
    for t in range(1, 200):
        w = w + 2 / beta * (Z.T @ (1 / (1 + np.exp(Z @ w)))) / 12
        v = v + 2 / beta * (other.T @ (1 / (1 + np.exp(other @ v)))) / 12
        bound = literature.convex_descent_distance(
            n=12, lipschitz=radius, beta=beta, step_sizes=np.full(t, 2 / beta)
        )
        assert np.linalg.norm(w - v) <= bound


def test_convex_descent_bounds_are_attained_by_linear_losses():
    # gradients a and -a: each draw of the exchanged sample separates the runs by 2 L eta
    a = np.array([3.0, 4.0])
    steps = np.array([0.1, 0.2, 0.3, 0.4])
    measured = expected_difference(
        lambda _w, i: a,
        lambda _w, i: -a if i == 0 else a,
        np.zeros(2),
        steps,
        3,
        lambda w, v: np.linalg.norm(w - v),
    )
    arguments = {"n": 3, "lipschitz": 5.0, "beta": 1.0, "step_sizes": steps}
    assert measured == pytest.approx(literature.convex_descent_distance(**arguments), rel=1e-13)
    assert 5 * measured == pytest.approx(
        literature.convex_descent_stability(**arguments), rel=1e-13
    )


def test_strongly_convex_descent_keeps_to_its_bound_for_every_number_of_steps():
    rng = np.random.default_rng(2)
    n, mu, ball = 3, 0.5, 1.0
    Z = rng.normal(size=(n, 2))
    other = exchanged(Z, -Z[0])
    radius = np.linalg.norm(np.vstack([Z, other]), axis=1).max()
    lipschitz, step = radius + mu * ball, 1 / (radius**2 / 4 + mu)

    def project(w):
        return w / max(1.0, np.linalg.norm(w) / ball)

    def projected(Z):
        # the step is folded into the gradient so that w - step * gradient is the projected point
        gradient = logistic_gradient(Z)
        return lambda w, i: (w - project(w - step * (gradient(w, i) + mu * w))) / step

    bound = literature.strongly_convex_descent_stability(n=n, lipschitz=lipschitz, mu=mu)
    for T in (1, 3, 7):
        measured = expected_difference(
            projected(Z),
            projected(other),
            np.zeros(2),
            [step] * T,
            n,
            lambda w, v: lipschitz * np.linalg.norm(w - v),
        )
        assert 0 < measured <= bound


def test_non_convex_descent_keeps_to_its_bound():
    # f(w; a) = (1 + sin(a w)) / 2 takes values in [0, 1]
    n, c = 4, 0.5
    slopes, other = np.array([1.0, -2.0, 1.5, 0.5]), np.array([-2.0, -2.0, 1.5, 0.5])
    lipschitz, beta = 1.0, 2.0
    points = np.linspace(-2, 2, 81)

    def gradient(a):
        return lambda w, i: a[i] * np.cos(a[i] * w) / 2

    for T in (1, 3, 6):
        measured = expected_difference(
            gradient(slopes),
            gradient(other),
            0.3,
            c / np.arange(1, T + 1),
            n,
            lambda w, v: np.abs(np.sin(points * w) - np.sin(points * v)).max() / 2,
        )
        bound = literature.non_convex_descent_stability(
            n=n, lipschitz=lipschitz, beta=beta, c=c, steps=T
        )
        assert 0 < measured <= bound


@pytest.mark.parametrize(("n", "d"), [(6, 2), (16, 4), (10, 30)])
def test_full_batch_descent_keeps_to_the_self_bounded_argument(n, d):
    X, y = separable(np.random.default_rng(n), n, d)
    s = max_margin(X, y)
    radius = constants.radius(X).value
    beta, rate = radius**2 / 4, 2 / radius**2
    paths = leave_one_out_paths(X, y, rate, 300)
    measured = np.linalg.norm(paths[1:] - paths[0], axis=2).mean(axis=0)
    Z = X * y[:, None]
    for T in (1, 10, 100, 300):
        limits = [
            literature.separable_descent_distance(
                n=n, margin=s.margin, radius=radius, steps=T, learning_rate=rate
            )
        ]
        for length in (0.0, 1.0, np.log(T), 5.0):
            u = length * s.weights
            loss = np.logaddexp(0, -Z @ u).mean()
            for c, delta in ((radius, 0.0), (np.sqrt(2 * beta), 0.5)):
                limits.append(
                    literature.self_bounded_distance(
                        n=n,
                        steps=T,
                        learning_rate=rate,
                        beta=beta,
                        c=c,
                        delta=delta,
                        distance=np.linalg.norm(u),
                        loss=loss,
                    )
                )
        assert measured[T] <= min(limits)


def test_on_directions_anytime_outruns_the_literature():
    X, y = separable(np.random.default_rng(0), 20, 4)
    s = max_margin(X, y)
    radius = constants.radius(X).value
    T = 10**6
    distance = literature.separable_descent_distance(
        n=20, margin=s.margin, radius=radius, steps=T, learning_rate=1 / radius**2
    )
    head_norm = np.log(T) / s.margin
    assert head.anytime(n=20, margin=s.margin, radius=radius) < 2 * distance / head_norm
