"""The asymptotic expansion against closed forms, a convex program, planted duals, and heads
followed to t = 1e280.
"""

import cvxpy as cp
import numpy as np
import pytest
from mpmath import mp, mpf

from tunebound import bounds, synthetic, tuning


def unit(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


def test_orthogonal_samples_in_closed_form():
    # Every margin z_i·w solves m + e^m = 1 + B² η t/n, so m = ln t + ln(B² η/n) + o(1).
    n, radius, rate = 5, 2.0, 0.7
    y = np.array([1, -1, 1, -1, 1])
    found = bounds.asymptote(radius * np.eye(n), y, learning_rate=rate)
    np.testing.assert_allclose(
        found.offset * y, np.full(n, np.log(radius**2 * rate / n) / radius), rtol=1e-12
    )
    np.testing.assert_allclose(found.dual, np.full(n, radius**-2.0), rtol=1e-12)
    assert found.spans
    assert found.rate == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("family", ["gaussian", "all_support", "few_support", "wide"])
def test_offset_minimises_its_convex_program(family):
    d = 30 if family == "wide" else 4
    data = synthetic.make_separable(family, n=16, d=d, margin=0.5, radius=2.0, seed=3)
    found = bounds.asymptote(data.X, data.y, learning_rate=1.3)
    Z = (data.X * data.y[:, None])[found.dual > 0]
    v = cp.Variable(d)
    problem = cp.Problem(cp.Minimize(1.3 / data.n * cp.sum(cp.exp(-Z @ v)) + found.leading @ v))
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10)
    np.testing.assert_allclose(Z @ found.offset, Z @ v.value, rtol=0, atol=1e-4)
    np.testing.assert_allclose(
        found.dual @ (data.X * data.y[:, None]), found.leading, rtol=0, atol=1e-6
    )
    assert found.residual < 1e-6
    np.testing.assert_allclose(
        1.3 / data.n * np.exp(-Z @ found.offset), found.dual[found.dual > 0], rtol=1e-9
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_planted_dual_says_who_supports(seed):
    data = synthetic.make_separable("degenerate", n=20, d=5, margin=0.5, radius=3.0, seed=seed)
    found = bounds.asymptote(data.X, data.y, learning_rate=1.0)
    assert set(np.flatnonzero(found.dual)) == set(np.flatnonzero(data.dual > 0))
    assert not found.spans
    assert found.double_log_rate > 0
    generic = synthetic.make_separable("gaussian", n=20, d=5, margin=0.5, radius=3.0, seed=seed)
    assert not bounds.asymptote(generic.X, generic.y, learning_rate=1.0).double_log.any()


def test_the_head_tends_to_the_expansion_once_its_onset_is_past():
    compared, early = 0, []
    for family in (
        "gaussian",
        "all_support",
        "low_rank",
        "sparse",
        "sphere",
        "heavy_tailed",
        "imbalanced",
        "laplace",
    ):
        members = [
            synthetic.make_separable(family, n=24, d=4, margin=0.5, radius=3.0, seed=seed)
            for seed in range(6)
        ]
        X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
        run = tuning.flow_heads(X, y, until=1e250, record=[1e5, 1e30, 1e250], leave_one_out=False)
        for index, data in enumerate(members):
            found = bounds.asymptote(data.X, data.y, learning_rate=run.learning_rate[index])
            ratio = np.linalg.norm(
                unit(run.path[:, index]) - data.separator, axis=1
            ) / found.direction_error(run.steps)
            past = np.log(run.steps) > found.onset
            assert np.abs(ratio[past] - 1).max(initial=0.0) < 0.02
            compared += int(past.sum())
            early += [] if found.onset < np.log(1e5) else [abs(ratio[0] - 1)]
    assert compared > 30
    assert np.median(early) > 0.1  # before the onset it is no prediction


@pytest.mark.parametrize(("n", "d", "seed"), [(24, 4, 2), (24, 3, 5), (24, 2, 1), (48, 8, 3)])
def test_degenerate_data_drift_like_the_double_logarithm(n, d, seed):
    data = synthetic.make_separable("degenerate", n=n, d=d, margin=0.5, radius=4.0, seed=seed)
    run = tuning.flow_heads(
        data.X, data.y, until=1e280, record=[1e60, 1e100, 1e200, 1e280], leave_one_out=False
    )
    found = bounds.asymptote(data.X, data.y, learning_rate=run.learning_rate)
    logarithm = np.log(run.steps)
    across = np.eye(d) - np.outer(found.direction, found.direction)
    predicted = across @ found.double_log
    rest = (run.path - logarithm[:, None] * found.leading) @ predicted / (predicted @ predicted)
    slope = np.diff(rest) / np.diff(np.log(logarithm))
    assert np.all(np.diff(np.abs(slope - 1)) < 0)  # ever nearer
    assert slope[-1] == pytest.approx(1, abs=0.1)


def test_direction_error_of_the_expansion():
    data = synthetic.make_separable("gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=0)
    found = bounds.asymptote(data.X, data.y, learning_rate=0.5)
    steps = np.array([10.0, 1e10, 1e200])
    np.testing.assert_allclose(
        found.direction_error(steps),
        np.linalg.norm(unit(found.head(steps)) - found.direction, axis=1),
        rtol=1e-9,
    )
    assert found.direction_error(1e300)[0] * np.log(1e300) == pytest.approx(found.rate, rel=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be finite and above 0"),
        ({"learning_rate": np.nan}, "learning_rate must be finite"),
        ({"learning_rate": 1.0, "separator": 3}, "separator must be a Separator, got int; pass"),
    ],
)
def test_bad_arguments_are_refused(change, message):
    data = synthetic.make_separable("gaussian", n=12, d=3, margin=0.5, radius=3.0, seed=0)
    with pytest.raises((ValueError, TypeError), match=message):
        bounds.asymptote(data.X, data.y, **change)
    with pytest.raises(ValueError, match="steps"):
        bounds.asymptote(data.X, data.y, learning_rate=1.0).direction_error(2)
    with pytest.raises(bounds.NotSeparableError):
        bounds.asymptote(np.ones((4, 1)), np.array([1, -1, 1, -1]), learning_rate=1.0)


@pytest.mark.parametrize("angle", [1e-12, 0.3, np.pi / 2, 3.0, np.pi])
@pytest.mark.parametrize("length", [1e-5, 7.0])
def test_direction_distance_is_the_distance_of_unit_vectors(angle, length):
    mp.dps = 50
    across, along = length * np.sin(angle), length * np.cos(angle)
    unit_vector = mp.matrix([mpf(float(along)), mpf(float(across))])
    unit_vector /= mp.norm(unit_vector)
    exact = float(mp.norm(unit_vector - mp.matrix([1, 0])))
    assert bounds.direction_distance(across, along) == pytest.approx(exact, rel=1e-14)


def planted(seed, margin=0.3):
    g = np.random.default_rng(seed)
    y = np.where(np.arange(10) % 2, 1.0, -1.0)
    X = g.normal(size=(10, 3))
    X[:, 0] = y * margin * (1 + g.random(10))
    return X, y


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("exponent", [-480, -150, -7, 7, 33, 46, 100, 330, 480])
def test_units_of_the_features_change_no_rate(seed, exponent):
    # X c with the step size η/c² has the same heads, divided by c
    X, y = planted(seed)
    scale = 2.0**exponent
    known = bounds.asymptote(X, y, learning_rate=0.1)
    found = bounds.asymptote(X * scale, y, learning_rate=0.1 / scale**2)
    assert found.rate == pytest.approx(known.rate, rel=1e-12)
    assert found.onset == pytest.approx(known.onset, rel=1e-12)
    np.testing.assert_allclose(found.offset * scale, known.offset, rtol=1e-12)
    np.testing.assert_allclose(found.dual * scale**2, known.dual, rtol=1e-12)


def test_the_smallest_step_size_moves_the_offset_along_the_separator_only():
    # across it the offset minimises Σ exp(−z·v) whatever the step size
    X, y = planted(0)
    known = bounds.asymptote(X, y, learning_rate=0.1)
    assert bounds.asymptote(X, y, learning_rate=5e-324).rate == pytest.approx(known.rate, rel=1e-9)


@pytest.mark.parametrize("margin", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("family", ["gaussian", "sphere", "all_support", "sparse"])
def test_small_margins_leave_no_more_than_rounding(family, margin):
    data = synthetic.make_separable(family, n=30, d=5, margin=margin, radius=3.0, seed=1)
    found = bounds.asymptote(data.X, data.y, learning_rate=1.0)
    mp.dps = 50
    shares = mp.matrix([mpf(a) * int(sign) for a, sign in zip(found.dual, data.y, strict=True)])
    rest = mp.matrix(data.X.tolist()).T * shares - mp.matrix(found.leading.tolist())
    error = float(mp.norm(rest, mp.inf))
    rounding = data.n * np.finfo(float).eps * data.radius / margin  # of a sum of n terms
    assert error / np.abs(found.leading).max() < rounding
    assert found.residual < rounding


def test_a_separator_of_other_data_is_refused():
    X, y = planted(0)
    with pytest.raises(ValueError, match=r"separator is of samples of shape \(9, 3\), X has"):
        bounds.asymptote(X, y, learning_rate=1.0, separator=bounds.max_margin(X[1:], y[1:]))
    for other in (planted(1)[0], 2 * X):
        separator = bounds.max_margin(other, y)
        with pytest.raises(ValueError, match="on X, y instead of 1; pass max_margin"):
            bounds.asymptote(X, y, learning_rate=1.0, separator=separator)


def test_a_margin_lost_in_rounding_is_refused():
    X, y = planted(0, margin=1e-11)
    with pytest.raises(ArithmeticError, match="choose features with a larger margin"):
        bounds.asymptote(X, y, learning_rate=1.0)
