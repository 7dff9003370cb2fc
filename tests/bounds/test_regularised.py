"""Regularised heads: certificates against 50 digits and against exact left-out minimisers, on data
that are separable and on data that are not.
"""

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.special import expit

from tests.oracles import head_formulas, regularised_minimisers
from tunebound import bounds, synthetic, tuning
from tunebound.bounds import churn, regularised

STRENGTHS = (1.0, 0.1, 0.01, 1e-3, 1e-4)


def noisy(family, seed, flips):
    n = 24
    d = n if family in ("orthogonal", "simplex") else 2 * n if family == "wide" else 6
    data = synthetic.make_separable(family, n=n, d=d, margin=0.5, radius=4.0, seed=seed)
    y = data.y.copy()
    rng = np.random.default_rng(seed)
    for label in (-1, 1):  # two of each class stay
        members = np.flatnonzero(data.y == label)
        chosen = rng.choice(members, min(flips, len(members) - 2), replace=False)
        y[chosen] *= -1
    return data.X, y


def separable(X, y):
    try:
        bounds.max_margin(X, y)
    except bounds.NotSeparableError:
        return False
    return True


def test_no_certificate_is_violated_on_any_family_with_and_without_wrong_labels():
    sets = apart = pairs = certified = 0
    largest = dict.fromkeys(("ball", "reach", "newton", "prediction"), 0.0)
    for family in synthetic.families():
        for seed in range(6):
            X, y = noisy(family, seed, flips=3 * (seed % 2))
            n, norms = len(y), np.linalg.norm(X, axis=1)
            sets, apart = sets + 1, apart + (not separable(X, y))
            points = np.random.default_rng(seed).standard_normal((20, X.shape[1]))
            for lam in STRENGTHS:
                heads = tuning.minimise_heads(X, y, strength=lam)
                w, without = heads.weights[0], heads.weights[1:]
                moved, open_ = w - without, heads.error[0] + heads.error[1:]
                residuals = expit(-y * (X @ w))
                ball = regularised.ball(n=n, lam=lam, residuals=residuals, norms=norms)
                size = np.linalg.norm(moved, axis=1)
                assert np.all(size <= ball + open_)
                largest["ball"] = max(largest["ball"], float(((size - open_) / ball).max()))
                found = regularised.approximate_leave_one_out(X, y, w, lam=lam)
                flips = tuning.left_out_flips(points, w, without)
                safe = churn.ball(points=points, weights=w, diameter=found.gradients / lam)
                assert not np.any(flips & safe)
                kept = np.isfinite(found.reach)
                pairs, certified = pairs + n, certified + int(kept.sum())
                if not kept.any():
                    continue
                others = np.abs(moved @ X.T)
                np.fill_diagonal(others, 0.0)
                curvature = np.tile(residuals * (1 - residuals) / n, (n, 1))
                np.fill_diagonal(curvature, 0.0)
                off = without - found.weights
                error = np.sqrt(lam * (off**2).sum(1) + (curvature * (off @ X.T) ** 2).sum(1))
                values, errors = found.predict(points)
                exact = points @ without.T
                stretch = np.sqrt(lam + norms.max() ** 2 / 4) * heads.error[1:]
                for name, measured, bound, resolution in (
                    ("reach", others.max(axis=1), found.reach, norms.max() * heads.error[1:]),
                    ("newton", error, found.error, stretch),
                    (
                        "prediction",
                        np.abs(values - exact),
                        errors,
                        np.linalg.norm(points, axis=1)[:, None] * heads.error[1:],
                    ),
                ):
                    excess = (measured - resolution)[..., kept]
                    assert np.all(excess <= bound[..., kept]), (family, seed, lam, name)
                    ratio = float((excess / bound[..., kept]).max())
                    largest[name] = max(largest[name], ratio)
    shown = ", ".join(f"{name} {value:.4f}" for name, value in largest.items())
    print(f"{sets} sets, {apart} not separable; {certified}/{pairs} certified; largest: {shown}")
    assert sets > 100
    assert apart >= 0.4 * sets
    assert certified > 0.6 * pairs
    assert largest["reach"] > 0.9


@pytest.mark.parametrize("flips", [0, 1])
def test_certificates_are_those_of_fifty_digits(flips):
    rng = np.random.default_rng(flips)
    X, y = rng.standard_normal((7, 3)), np.array([1, 1, 1, 1, -1, -1, -1])
    X += np.outer(y, [1.5, 0, 0])
    if flips:
        y[0] = -1
    points = rng.standard_normal((4, 3))
    for lam in (0.3, 0.02):
        # not the minimiser: its gradient has to be accounted for
        w = tuning.minimise_heads(X, y, strength=lam).weights[0] + 1e-3
        found = regularised.approximate_leave_one_out(X, y, w, lam=lam)
        values, errors = found.predict(points)
        finite = 0
        for i in range(7):
            tau, reach, error, hessian, step = regularised_minimisers.certificates(X, y, w, lam, i)
            assert found.tau[i] == pytest.approx(float(tau), rel=1e-11)
            np.testing.assert_allclose(found.weights[i], [float(v) for v in step], rtol=1e-11)
            if tau >= 1:
                assert found.reach[i] == found.error[i] == np.inf
                continue
            finite += 1
            assert found.tau[i] >= tau  # rounding is paid for
            assert found.error[i] >= error
            assert found.reach[i] == pytest.approx(float(reach), rel=1e-10)
            assert found.error[i] == pytest.approx(float(error), rel=1e-9)
            assert found.distance[i] == pytest.approx(float(error) / lam**0.5, rel=1e-9)
            with mp.workdps(50):
                truth = regularised_minimisers.minimiser(X, y, lam, i)
                off = truth - step
                assert mp.sqrt((off.T * hessian * off)[0]) <= error
                for k, x in enumerate(points):
                    column = mp.matrix([mpf(float(v)) for v in x])
                    size = mp.sqrt((column.T * hessian**-1 * column)[0])
                    assert errors[k, i] == pytest.approx(float(size * error), rel=1e-9)
                    assert abs((column.T * truth)[0] - values[k, i]) <= errors[k, i]
        assert finite >= 2


def test_the_error_of_the_step_is_what_the_series_says_for_small_tau():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((400, 2)), np.where(np.arange(400) % 2, 1, -1)
    w = tuning.minimise_heads(X, y, strength=1.0, leave_one_out=False).weights[0]
    found = regularised.approximate_leave_one_out(X, y, w, lam=1.0)
    size = np.sqrt(np.einsum("nd,nd->n", found.gradients, w - found.weights))
    tau = found.tau
    expected = (tau / 2 + tau**2 / 3 + tau**3 / 4 + tau**4 / 5) * size
    np.testing.assert_allclose(found.error, expected, rtol=1e-4, atol=1e-15)


def test_blocks_change_nothing(monkeypatch):
    X, y = noisy("gaussian", 1, 3)
    w = tuning.minimise_heads(X, y, strength=0.1, leave_one_out=False).weights[0]
    whole = regularised.approximate_leave_one_out(X, y, w, lam=0.1)
    monkeypatch.setattr(regularised, "BLOCK", 100)
    again = regularised.approximate_leave_one_out(X, y, w, lam=0.1)
    np.testing.assert_allclose(again.tau, whole.tau, rtol=1e-14)


def test_ball_is_its_formula_and_half_the_published_distance_at_certain_error():
    arguments = dict(n=10, lam=0.2, residuals=0.25, norms=3.0)
    assert regularised.ball(**arguments) == pytest.approx(0.25 * 3 / (10 * 0.2), rel=1e-15)
    published = bounds.literature.regularized_distance(n=10, lipschitz=1, radius=3, lam=0.1)
    assert regularised.ball(**{**arguments, "residuals": 1.0}) == pytest.approx(published)


def test_path_is_the_smaller_of_its_two_entries():
    taken = set()
    for rho in (1.0, 1.5, 3.0, 5.0, 8.0, 100.0):
        cone = head_formulas.anytime(n=20, margin=0.5, radius=0.5 * rho)
        half_ball = (4 * mpf(rho) + 2) / 60
        bound = regularised.path(n=20, margin=0.5, radius=0.5 * rho)
        assert bound == pytest.approx(float(min(cone, half_ball)), rel=1e-12)
        taken.add("cone" if cone < half_ball else "half ball")
    assert taken == {"cone", "half ball"}


def test_the_lemma_of_the_path_holds_in_every_ball():
    """‖w − w'/‖w'‖‖ ≤ s(4/3 + 2/3 cos χ) on the sphere of each ball, which holds the extremes."""
    rng = np.random.default_rng(0)
    largest = 0.0
    for _ in range(4000):
        chi = rng.uniform(0, np.pi)
        s = 10 ** rng.uniform(-3, 1)
        angle = np.linspace(0, 2 * np.pi, 721)
        e = s * np.array([np.cos(chi), np.sin(chi)])
        there = np.array([1.0, 0.0]) - e / 2 + s / 2 * np.stack([np.cos(angle), np.sin(angle)], 1)
        units = there / np.linalg.norm(there, axis=1, keepdims=True)
        distance = np.linalg.norm(units - [1.0, 0.0], axis=1).max()
        largest = max(largest, distance / (s * (4 / 3 + 2 / 3 * np.cos(chi))))
    assert 0.99 < largest <= 1.0


def test_the_path_bound_holds_for_every_strength():
    largest = 0.0
    for family in synthetic.families():
        for seed in range(3):
            X, y = noisy(family, seed, 0)
            separator = bounds.max_margin(X, y)
            radius = float(np.linalg.norm(X, axis=1).max())
            bound = regularised.path(n=len(y), margin=separator.margin, radius=radius)
            for lam in (10.0, *STRENGTHS):
                W = tuning.minimise_heads(X, y, strength=lam).weights
                units = W / np.linalg.norm(W, axis=1, keepdims=True)
                mean = np.linalg.norm(units[1:] - units[0], axis=1).mean()
                largest = max(largest, mean / bound)
    print(f"largest mean distance over the bound along the path: {largest:.3f}")
    assert 0.5 < largest <= 1


SAMPLE = ([[1.0, 0.0], [-1.0, 0.5]], [1, -1], [0.1, 0.2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regularised.approximate_leave_one_out(*SAMPLE, lam=0), "lam must be.*above 0"),
        (lambda: regularised.approximate_leave_one_out(*SAMPLE, lam=-1.0), "lam must be"),
        (lambda: regularised.approximate_leave_one_out(*SAMPLE[:2], [0.1], lam=1), "weights must"),
        (lambda: regularised.approximate_leave_one_out([[1.0]], [1], [1.0], lam=1), "one sample"),
        (lambda: regularised.approximate_leave_one_out(*SAMPLE, lam=1e-17), "too small for float"),
        (lambda: regularised.ball(n=1, lam=1, residuals=0.5, norms=1), "n = 1.*at least 2"),
        (lambda: regularised.ball(n=2, lam=0, residuals=0.5, norms=1), "lam.*above 0"),
        (lambda: regularised.ball(n=2, lam=1, residuals=1.5, norms=1), "residuals"),
        (lambda: regularised.path(n=2, margin=2, radius=1), "radius"),
        (
            lambda: regularised.approximate_leave_one_out(*SAMPLE, lam=1).predict([1.0, 2.0]),
            "points must have shape",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
