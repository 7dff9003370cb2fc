"""The bounds along gradient descent, against plain float64 runs of every left-out head."""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.integrate import solve_ivp
from scipy.special import expit

from tests.oracles.descent import leave_one_out_paths
from tests.oracles.samples import separable
from tunebound import tuning
from tunebound.bounds import constants, head, max_margin

STEPS = 400


def directions(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


def drifts(X, y, path, rate, weighting):
    """Certified distance (steps + 1, n) of each left-out run, from the run on S alone."""
    Z, n = X * y[:, None], len(y)
    gradients = -Z / (1 + np.exp(path[:-1] @ Z.T))[:, :, None]
    if weighting == "1/n":
        steps = np.linalg.norm(gradients, axis=2) / n
    else:
        steps = np.linalg.norm(gradients - gradients.mean(axis=1, keepdims=True), axis=2) / (n - 1)
    return rate * np.vstack([np.zeros(n), np.cumsum(steps, axis=0)])


def start_of(kind, rng, d):
    return {"zero": np.zeros(d), "near": 0.1 * rng.normal(size=d), "far": 5 * rng.normal(size=d)}[
        kind
    ]


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize("start", ["zero", "near", "far"])
@pytest.mark.parametrize(("n", "d"), [(5, 2), (16, 4), (12, 30)])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_every_left_out_run_keeps_to_its_bounds(n, d, start, weighting, share):
    rng = np.random.default_rng(n + d)
    X, y = separable(rng, n, d)
    s = max_margin(X, y)
    rate = share * constants.step_size_limit(X, weighting).value
    w_0 = start_of(start, rng, d)
    paths = leave_one_out_paths(X, y, rate, STEPS, start=w_0, weighting=weighting)
    whole, left_out = paths[0], paths[1:].transpose(1, 0, 2)
    drift = drifts(X, y, whole, rate, weighting)
    distance = np.linalg.norm(left_out - whole[:, None], axis=2)
    assert np.all(distance <= drift * (1 + 1e-12) + 1e-13)

    measured = np.linalg.norm(directions(left_out[1:]) - directions(whole[1:])[:, None], axis=2)
    norm, left_out_norms = np.linalg.norm(whole[1:], axis=1), np.linalg.norm(left_out[1:], axis=2)
    trajectory = head.trajectory(drift=drift[1:], norm=norm, left_out_norms=left_out_norms)
    chord = head.chord(drift=drift[1:], norm=norm)
    assert np.all(measured <= trajectory + 1e-12)
    assert np.all(measured <= chord + 1e-12)

    radius = np.linalg.norm(X, axis=1).max()
    progress = (whole[1:] - w_0) @ s.direction / norm
    size = {"n": n, "margin": s.margin, "radius": radius, "weighting": weighting}
    plain = head.anytime_plain(**size, progress=progress)
    assert np.all(trajectory.mean(axis=1) <= plain * (1 + 1e-12))
    if start == "zero":
        assert np.all(plain <= head.anytime_plain(**size) * (1 + 1e-12))
        assert np.all(measured.mean(axis=1) <= head.anytime(**size))
        assert head.anytime(**size) <= head.anytime_plain(**size)
    inside = drift[1:] < norm[:, None]
    assert np.all(chord[inside] <= np.sqrt(2) * (drift[1:] / norm[:, None])[inside] * (1 + 1e-12))


def test_orthogonal_data_are_within_a_factor_1_54_of_anytime():
    n, B = 40, 4.0
    y = np.where(np.arange(n) % 2, 1, -1)
    X = B * np.eye(n)
    paths = leave_one_out_paths(X, y, 0.5, 50)
    measured = np.linalg.norm(directions(paths[1:, -1]) - directions(paths[0, -1]), axis=1)
    known = np.sqrt(2 - 2 * np.sqrt(1 - 1 / n))
    assert np.allclose(measured, known, rtol=1e-12)
    anytime = head.anytime(n=n, margin=max_margin(X, y).margin, radius=B)
    assert 1 / np.sqrt(n) < anytime < 1.54 / np.sqrt(n)
    assert known < anytime < 1.54 * known
    plain = head.anytime_plain(n=n, margin=max_margin(X, y).margin, radius=B)
    assert plain == pytest.approx(2 / np.sqrt(n), rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 5, 12])
@pytest.mark.parametrize("rho", [1.2, 1.5, 3.0, 40.0])
@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_the_simplex_attains_its_lower_bound_at_every_step(n, rho, weighting):
    # n unit vertices of a regular simplex, from the centred basis; not in fewer dimensions
    vertices = np.eye(n) - 1 / n
    vertices /= np.linalg.norm(vertices, axis=1)[:, None]
    X = np.column_stack([np.full(n, 1 / rho), np.sqrt(1 - rho**-2) * vertices])
    y = np.ones(n)
    rate = constants.step_size_limit(X, weighting).value
    paths = leave_one_out_paths(X, y, rate, 100, weighting=weighting)
    known = 2 * np.sin(0.5 * np.arctan(np.sqrt(rho**2 - 1) / (n - 1)))
    for t in (1, 7, 100):
        measured = np.linalg.norm(directions(paths[1:, t]) - directions(paths[0, t]), axis=1)
        assert np.allclose(measured, known, rtol=1e-11)
    bound = head.limit(n=n, margin=1 / rho, radius=1.0)
    assert known <= bound * (1 + 1e-12)
    deletion = head.deletion(margin=1 / rho, dual=np.full(n, rho**2 / n), norms=np.ones(n))
    assert np.allclose(deletion, known, rtol=1e-12)


@pytest.mark.parametrize(("n", "d", "gap"), [(4, 2, 0.01), (5, 3, 1.0), (9, 2, 0.1), (6, 8, 0.3)])
def test_gradient_flow_of_other_weights_turns_by_no_more_than_the_logarithm_of_its_time(n, d, gap):
    X, y = separable(np.random.default_rng(n), n, d, gap=gap)
    Z, rho = X * y[:, None], np.linalg.norm(X, axis=1).max() / max_margin(X, y).margin
    times = np.geomspace(0.1, 300, 12)

    def flow(weights):
        solved = solve_ivp(
            lambda _, w: (weights * expit(-Z @ w)) @ Z,
            (0, times[-1]), np.zeros(d), t_eval=times, method="DOP853", rtol=1e-11, atol=1e-13,
        )  # fmt: skip
        assert solved.success
        return solved.y.T

    whole = directions(flow(np.full(n, 1 / n)))
    spread = min(2 * np.arccos(1 / rho), np.pi / 2)
    distance = np.empty((n, len(times)))
    for i in range(n):
        kept = np.arange(n) != i
        same, other = directions(flow(kept / n)), directions(flow(kept / (n - 1)))
        angle = 2 * np.arcsin(np.linalg.norm(same - other, axis=1) / 2)
        assert np.all(angle <= np.log(n / (n - 1)) * np.sin(spread) + 1e-8)
        distance[i] = np.linalg.norm(other - whole, axis=1)
    assert np.all(distance.mean(axis=0) <= head.anytime_flow(n=n, margin=1.0, radius=rho) + 1e-8)
    # descent with small steps, and then to 1e30 of them
    run = tuning.flow_heads(
        X, y, weighting="1/(n-1)",
        learning_rate=0.01 * constants.step_size_limit(X, "1/(n-1)").value,
    )  # fmt: skip
    mean = run.direction_distance.mean(axis=1)
    assert np.all(mean <= head.anytime_flow(n=n, margin=1.0, radius=rho) + run.resolution)


def test_the_drift_of_orthogonal_data_is_exact():
    # sample i moves along e_i only, so the left-out run differs by exactly the drift
    n = 12
    y = np.where(np.arange(n) % 2, 1, -1)
    X = 3 * np.eye(n)
    paths = leave_one_out_paths(X, y, 0.4, 60)
    drift = drifts(X, y, paths[0], 0.4, "1/n")
    assert np.allclose(np.linalg.norm(paths[1:] - paths[0], axis=2).T, drift, rtol=1e-12)


def test_the_factor_4_of_other_weights_comes_from_a_sum_that_one_sample_can_attain():
    # sum_i |g_i - mean g| <= 2 (1 - 1/n) sum_i |g_i|, with equality when all but one vanish
    rng = np.random.default_rng(0)
    for n in (2, 5, 50):
        for _ in range(200):
            g = rng.normal(size=(n, 3)) * rng.exponential(size=(n, 1)) ** 8
            assert np.linalg.norm(g - g.mean(axis=0), axis=1).sum() <= 2 * (
                1 - 1 / n
            ) * np.linalg.norm(g, axis=1).sum() * (1 + 1e-12)
        g = np.zeros((n, 3))
        g[0] = 1, 2, 3
        assert np.linalg.norm(g - g.mean(axis=0), axis=1).sum() == pytest.approx(
            2 * (1 - 1 / n) * np.linalg.norm(g[0]), rel=1e-14
        )


def test_trained_heads_are_certified_and_the_fitted_constant_covers_its_records():
    X, y = separable(np.random.default_rng(3), 20, 4)
    s = max_margin(X, y)
    rate = constants.step_size_limit(X).value
    path = leave_one_out_paths(X, y, rate, 3000)[0]
    records = np.unique(np.geomspace(3, 3000, 25).astype(int))
    unit = directions(path[records])
    error = np.linalg.norm(unit - s.direction, axis=1)
    certificate = head.direction(margin=s.margin, head_margin=((unit @ X.T) * y).min(axis=1))
    assert np.all(error <= certificate)
    fitted = constants.fit_direction_constant(records, error)
    assert np.all(error <= fitted.value * np.log(np.log(records)) / np.log(records) * (1 + 1e-12))
    assert fitted.provenance == "fitted"


def copies_of(n, rho, radius=2.0):
    """n − 1 copies of (B, 0) and one (0, r), and the direction of their separator, by hand."""
    r = radius / np.sqrt(rho**2 - 1)
    Z = np.tile([radius, 0.0], (n, 1))
    Z[-1] = 0.0, r
    return Z, np.array([r, radius]) / np.hypot(r, radius)


@pytest.mark.parametrize("n", [3, 4, 10, 60, 300])
def test_the_direction_error_on_copies_is_between_its_bounds(n):
    rho, kappa = (each.ravel() for each in np.meshgrid([2**0.5, 2.0, 8.0, 99.0], [1e-4, 0.1, 1, 8]))
    sets = [copies_of(n, each) for each in rho]
    known = np.stack([separator for _, separator in sets])[:, None]
    y = np.where(np.arange(n) % 2, -1, 1)
    rate = kappa * n / ((n - 1) * 4.0) * (1 - 1e-12)
    run = tuning.tune_heads(
        np.stack([Z * y[:, None] for Z, _ in sets]), np.tile(y, (len(rho), 1)),
        steps=20_000, learning_rate=rate, leave_one_out=False,
    )  # fmt: skip
    error = np.linalg.norm(directions(run.path).swapaxes(0, 1) - known, axis=-1)
    at = {
        "n": n,
        "margin": (2 / rho)[:, None],
        "radius": 2.0,
        "learning_rate": rate[:, None],
        "steps": run.steps,
    }
    lower, upper = head.copies_lower(**at), head.copies_upper(**at)
    assert np.all(lower <= error + run.resolution.T)
    assert np.all(error <= upper + run.resolution.T)
    assert np.all(np.abs(upper - lower)[:, 0] <= 1e-15 * n)  # one step is known exactly
    # and the two sides close again: 20,000 of the largest steps leave 2 per mille open at most
    assert np.all((upper - lower)[kappa == 8, -1] < 2e-3 * error[kappa == 8, -1])


@pytest.mark.parametrize("kappa", ["1e-6", "0.1", "1", "8", "40"])
@pytest.mark.parametrize(("n", "rho"), [(2, 3), (3, "1.4142135623730951"), (50, 2), (10**4, 30)])
def test_with_50_digits_the_direction_error_on_copies_is_between_its_bounds(n, rho, kappa):
    with mp.workdps(50):
        rho, kappa = mpf(rho), mpf(kappa)
        eta, tau = kappa * n / (n - 1), mp.sqrt(rho**2 - 1)  # B = 1
        steps = kappa, eta / tau**2 / n
        u = [mpf(0), mpf(0)]
        for t in range(1, 1001):
            u = [v + step / (1 + mp.exp(v)) for v, step in zip(u, steps, strict=True)]
            if t not in (1, 2, 3, 10, 100, 1000):
                continue
            error = 2 * mp.sin(mp.atan(tau * (u[0] - u[1]) / (u[0] + tau**2 * u[1])) / 2)
            at = {
                "n": n,
                "margin": float(1 / rho),
                "radius": 1.0,
                "learning_rate": float(eta),
                "steps": t,
            }
            assert head.copies_lower(**at) <= error * (1 + mpf(10) ** -13)
            assert head.copies_upper(**at) >= error * (1 - mpf(10) ** -13)


@pytest.mark.parametrize("rho", [2**0.5, 3.0, 30.0])
def test_no_constant_of_the_published_first_term_serves_every_number_of_copies(rho):
    # fixed radius over margin and step size; more copies need a larger constant, without end
    n = 10.0 ** np.array([8, 16, 32, 64, 128])
    at = {"margin": 1 / rho, "radius": 1.0, "learning_rate": 4.0}
    needed = head.copies_lower(n=n, steps=n**2, **at) * np.log(n**2) / np.log(np.log(n**2))
    assert np.all(np.diff(needed) > 0.2 * needed[:-1])
    tau = np.sqrt(rho**2 - 1)
    ratio = needed / (np.log(n) / np.log(2 * np.log(n)))
    away = np.abs(ratio / (4 * np.sin(np.arctan(tau / (2 + tau**2)) / 2)) - 1)
    assert np.all(away[1:] < 0.6 * away[:-1])  # like 1/ln n, which halves
    assert away[-1] < 0.05
    # and both sides have the limit of the page
    late = {"n": 100, "steps": 1e300, **at}
    limit = tau / (1 + tau**2) * np.log(99 * tau**2) / np.log(1e300)
    for side in (head.copies_lower, head.copies_upper):
        assert side(**late) == pytest.approx(limit, rel=0.03)
    assert head.copies_upper(**late) - head.copies_lower(**late) < 1e-12
