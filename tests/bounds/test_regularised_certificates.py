"""Certificates of regularised heads with their rounding, digit for digit, on data on which it shows
or decides: features along axes, far below and far above the penalty, and with a bias.
"""

import re

import numpy as np
import pytest
from mpmath import mp, mpf

from tests.oracles.regularised_certificates import (
    UNIT,
    column,
    inner,
    largest_of_inverse,
    length,
    stated,
)
from tests.oracles.regularised_minimisers import minimiser
from tunebound.bounds import regularised, regularised_bias


def along_axes(seed, n, d, scale):
    """Features with one entry each: no sum of products cancels, however ill the conditions."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, d))
    X[np.arange(n), np.arange(n) % d] = scale * rng.uniform(0.5, 2.0, n)
    return X, np.where(rng.random(n) < 0.5, -1, 1)


def with_constant(seed, n, d, scale, constant):
    rng = np.random.default_rng(seed)
    X = np.column_stack([scale * rng.normal(size=(n, d - 1)), np.full(n, constant)])
    return X, np.where(np.arange(n) % 2, -1, 1)


def at_the_minimiser(X, y, lam):
    """Weights of whose predictions rounding is a large part of the error."""
    weights = minimiser(X, y, lam)
    return (np.array(X), np.array(y)), [float(w) for w in weights], lam, False


# (features, labels), weights, strength, bias, what it shows
CASES = {
    "one feature": (along_axes(0, 4, 1, 1.0), [0.7], 0.2, False),
    "two samples": (along_axes(1, 2, 1, 1.0), [0.1], 0.9, False),
    "tiny features": (along_axes(2, 6, 2, 1e-6), [1.0, -3.0], 1.0, False),
    "tiny penalty": (along_axes(3, 9, 3, 1.0), [0.01, 0.02, -0.01], 1e-9, False),
    "large features": (along_axes(4, 7, 2, 1e3), [1e-4, -2e-4], 10.0, False),
    "many features": (along_axes(5, 8, 8, 1.0), np.linspace(-1, 1, 8), 0.5, False),
    "far samples": at_the_minimiser(
        [[1.0], [-1.0], [1.2], [14.0], [-12.0]], [1, -1, 1, 1, -1], 0.1
    ),
    "a bias": (with_constant(6, 8, 3, 1.0, 2.0), [0.3, -0.2, 0.1], 0.6, True),
    "a bias, tiny features": (with_constant(7, 8, 2, 1e-6, 0.5), [1.0, 2e-7], 1.0, True),
    "a bias, large constant": (with_constant(8, 9, 2, 0.3, -30.0), [0.2, 0.01], 0.4, True),
    "a bias, small constant": (with_constant(9, 6, 2, 1.0, 1e-4), [0.3, 0.2], 0.8, True),
}


@pytest.mark.parametrize("name", CASES)
def test_every_number_is_the_stated_one(name):
    (X, y), w, lam, bias = CASES[name]
    n, d = X.shape
    found = regularised.approximate_leave_one_out(X, y, w, lam=lam, bias=bias)
    points = np.random.default_rng(0).normal(size=(3, d))
    values, errors = found.predict(points)
    own_values, own_errors = found.predict_left_out()
    # where the gradients of samples nearly cancel, digits are lost
    close = {"rtol": 1e-7 if name == "far samples" else 2e-12, "atol": 0}
    start = np.linalg.norm(w)
    for i in range(n):
        known = stated(X, y, w, lam, i, bias)
        for attribute in ("tau", "reach", "error"):
            np.testing.assert_allclose(
                getattr(found, attribute)[i], float(getattr(known, attribute)), **close
            )
        np.testing.assert_allclose(found.distance[i], float(known.error / mp.sqrt(lam)), **close)
        for array, exact in ((found.weights, known.weights), (found.gradients, known.gradient)):
            exact = np.array([float(v) for v in exact])
            np.testing.assert_allclose(array[i], exact, rtol=1e-11, atol=1e-15 * start)
        for k, x in enumerate(points):
            value, error = known.prediction(x)
            rounding = (d + 8) * UNIT * length(column(x)) * length(known.weights)
            # the weights themselves are a difference of w and a step
            assert abs(values[k, i] - value) <= rounding + 8 * UNIT * length(column(x)) * start
            np.testing.assert_allclose(errors[k, i], float(error + rounding), **close)
        z = y[i] * X[i]
        value, error = known.prediction(z)
        rounding = 4 * (d + 8) * UNIT * length(column(z)) * length(known.weights)
        assert abs(own_values[i] - value) <= rounding + 8 * UNIT * length(column(z)) * start
        np.testing.assert_allclose(own_errors[i], float(error + rounding), **close)


def test_the_cases_hold_certified_and_open_samples_and_show_their_rounding():
    found = {
        name: regularised.approximate_leave_one_out(*data, w, lam=lam, bias=bias)
        for name, (data, w, lam, bias) in CASES.items()
    }
    assert np.isfinite(found["tiny features"].error).all()
    assert np.isinf(found["tiny penalty"].error).any()
    assert sum(np.isfinite(one.error).all() for one in found.values()) >= 3


def test_a_bias_is_asked_for():
    X, y = with_constant(6, 8, 3, 1.0, 2.0)
    plain = regularised.approximate_leave_one_out(X, y, [0.3, -0.2, 0.1], lam=0.6)
    with mp.workdps(50):
        np.testing.assert_allclose(
            plain.tau[0], float(stated(X, y, [0.3, -0.2, 0.1], 0.6, 0).tau), rtol=1e-12
        )
    with pytest.raises(TypeError, match=r"^bias must be True or False"):
        regularised.approximate_leave_one_out(X, y, [0.3, -0.2, 0.1], lam=0.6, bias=1)


@pytest.mark.parametrize("tau", [1e-9, 1e-5, 3e-4, 9.99e-4, 1.01e-3, 0.3, 0.999])
def test_the_relative_error_of_the_step(tau):
    with mp.workdps(50):
        t = mpf(tau)
        exact = -mp.log(1 - t) / t - 1
        # below 1e-3 a fifth of tau^5 stands for the rest of the series
        stated_ = t / 2 + t**2 / 3 + t**3 / 4 + t**4 / 5 + t**5 / 5 if tau < 1e-3 else exact
        assert stated_ >= exact
    found = regularised._excess(np.array([tau]))
    np.testing.assert_allclose(found, [float(stated_)], rtol=2e-15 if tau < 1e-3 else 1e-12)
    assert regularised._excess(np.zeros(1)) == 0


def direct(X, curvatures, lam):
    """|x_j|_{H_i^-1} for all j != i, by explicit inverses, and the leverages."""
    n, d = X.shape
    H = (X.T * curvatures) @ X + lam * np.eye(d)
    norms = np.zeros((n, n))
    for i in range(n):
        inverse = np.linalg.inv(H - curvatures[i] * np.outer(X[i], X[i]))
        norms[i] = np.sqrt(np.einsum("jd,de,je->j", X, inverse, X))
        norms[i, i] = 0.0
    leverage = curvatures * np.einsum("jd,de,je->j", X, np.linalg.inv(H), X)
    return norms.max(axis=1), leverage


def largest_others(X, curvatures, lam, size):
    n, d = X.shape
    factor = np.linalg.cholesky((X.T * curvatures) @ X + lam * np.eye(d))
    rows = np.linalg.solve(factor, X.T).T
    own = (rows**2).sum(axis=1)
    kept = 1 - curvatures * own
    return regularised._largest_others(rows, own, kept, curvatures / kept, np.full(n, size)), own


@pytest.mark.parametrize("block", [1, 7, 22, 10**6])
def test_the_largest_of_the_others_whatever_is_compared_at_once(block, monkeypatch):
    rng = np.random.default_rng(1)
    X, curvatures = rng.normal(size=(11, 4)), rng.uniform(0.01, 0.3, 11)
    X[3] *= 5  # the largest, whose own place another takes
    exact, _ = direct(X, curvatures, 0.3)
    monkeypatch.setattr(regularised, "BLOCK", block)
    found, _ = largest_others(X, curvatures, 0.3, 1.0)
    np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_pairs_are_compared_where_they_decide_only(monkeypatch):
    rng = np.random.default_rng(2)
    X, curvatures = rng.normal(size=(11, 4)), rng.uniform(0.01, 0.6, 11)
    exact, leverage = direct(X, curvatures, 0.3)
    _, own = largest_others(X, curvatures, 0.3, 1.0)
    others = np.array([np.delete(own, i).max() for i in range(11)])
    bound = np.sqrt(others / (1 - leverage))
    assert (bound > exact * (1 + 1e-9)).sum() >= 8
    # n^2 d is 484: at that limit all pairs are compared
    monkeypatch.setattr(regularised, "ALL_PAIRS", 484)
    np.testing.assert_allclose(largest_others(X, curvatures, 0.3, 1.0)[0], exact, rtol=1e-12)
    monkeypatch.setattr(regularised, "ALL_PAIRS", 483)
    order = np.argsort(bound)
    seen = set()
    for size in (1e-3, 1e3, *(1 / bound[order[[2, 5, 8]]] * (1 + 1e-6)), 1 / np.sqrt(own.max())):
        found, _ = largest_others(X, curvatures, 0.3, size)
        open_ = (bound * size >= 1) & (np.sqrt(others) * size < 1)
        np.testing.assert_allclose(found, np.where(open_, exact, bound), rtol=1e-12)
        seen.add(int(open_.sum()))
    assert {0} < seen


def test_at_the_limits_the_pairs_are_compared_up_to_one_and_not_from_one_on(monkeypatch):
    monkeypatch.setattr(regularised, "ALL_PAIRS", 0)
    rows, own, kept = (
        np.array([[2.0], [1.0], [1.0]]),
        np.array([4.0, 1, 1]),
        np.array([1, 0.25, 0.25]),
    )
    for size, known in ((0.25, [1, 2, 2]), (0.2, [1, 4, 4]), (0.5, [1, 4, 4])):
        found = regularised._largest_others(rows, own, kept, np.zeros(3), np.full(3, size))
        assert found.tolist() == known


def test_many_samples_are_certified_by_pairs_that_decide(monkeypatch):
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(11, 4)), np.where(np.arange(11) % 2, 1, -1)
    w, seen = np.full(4, 0.05), [0, 0]
    for lam in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5):
        monkeypatch.undo()
        whole = regularised.approximate_leave_one_out(X, y, w, lam=lam).tau
        residuals = 1 / (1 + np.exp(y * (X @ w)))
        curvatures = residuals * (1 - residuals) / 11
        exact, leverage = direct(X, curvatures, lam)
        H = (X.T * curvatures) @ X + lam * np.eye(4)
        own = np.einsum("nd,nd->n", X, np.linalg.solve(H, X.T).T)
        others = np.array([np.delete(own, i).max() for i in range(11)])
        size, bound = whole / exact, np.sqrt(others / (1 - leverage))
        open_ = (bound * size >= 1) & (np.sqrt(others) * size < 1)
        monkeypatch.setattr(regularised, "ALL_PAIRS", 0)
        found = regularised.approximate_leave_one_out(X, y, w, lam=lam).tau
        np.testing.assert_allclose(found, np.where(open_, exact, bound) * size, rtol=1e-10)
        seen = [seen[0] + open_.sum(), seen[1] + (~open_).sum()]
    assert min(seen) >= 2


SAMPLE = ([[1.0, 0.0], [-1.0, 0.5]], [1, -1], [0.1, 0.2])
BIASED = ([[1.0, 2.0], [-1.0, 2.0], [0.5, 2.0], [2.0, 2.0]], [1, -1, 1, -1], [0.1, 0.2])


@pytest.mark.parametrize("error", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda v: regularised.ball(n=v, lam=1, residuals=0.5, norms=1), "n"),
        (lambda v: regularised.ball(n=2, lam=v, residuals=0.5, norms=1), "lam"),
        (lambda v: regularised.ball(n=2, lam=1, residuals=v, norms=1), "residuals"),
        (lambda v: regularised.ball(n=2, lam=1, residuals=0.5, norms=v), "norms"),
        (lambda v: regularised.path(n=v, margin=1, radius=1), "n"),
        (lambda v: regularised.path(n=2, margin=v, radius=1), "margin"),
        (lambda v: regularised.path(n=2, margin=1, radius=v), "radius"),
        (lambda v: regularised.approximate_leave_one_out(*SAMPLE[:2], [0, v], lam=1), "weights"),
        (lambda v: regularised.approximate_leave_one_out(*SAMPLE, lam=v), "lam"),
        (lambda v: regularised.distance_from_minimiser(*SAMPLE[:2], [0, v], lam=1), "weights"),
        (lambda v: regularised.distance_from_minimiser(*SAMPLE, lam=v), "lam"),
        (lambda v: regularised_bias.distance_from_minimiser(*BIASED[:2], [0, v], lam=1), "weights"),
        (lambda v: regularised_bias.distance_from_minimiser(*BIASED, lam=v), "lam"),
        (lambda v: regularised_bias.distance(BIASED[0], [[0, v]], lam=1), "gradients"),
        (lambda v: regularised_bias.distance(BIASED[0], [[0, 1]], lam=v), "lam"),
    ],
)
def test_a_refusal_names_its_argument(call, name, error):
    with pytest.raises(ValueError, match=rf"^{name}(\[[\d, ]+\] =| =| must).* must be finite|^lam"):
        call(error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: regularised.ball(n=[2, 3], lam=[1, 2, 3], residuals=[0.5] * 4, norms=[1] * 5),
            r"broadcast: n \(2,\), lam \(3,\), residuals \(4,\), norms \(5,\);",
        ),
        (
            lambda: regularised.path(n=[2, 3, 4], margin=[1, 1], radius=[1, 1]),
            r"broadcast: n \(3,\), margin \(2,\), radius \(2,\);",
        ),
        (lambda: regularised.path(n=1, margin=1, radius=1), "n must be at least 2"),
        (
            lambda: regularised.approximate_leave_one_out(*SAMPLE[:2], [0.1], lam=1),
            r"^weights must have shape \(2,\) to meet X, got \(1,\)$",
        ),
        (
            lambda: regularised.approximate_leave_one_out([[1.0]], [1], [1.0], lam=1),
            "^X has one sample: at least 2 are needed to leave one out$",
        ),
        (
            lambda: regularised.approximate_leave_one_out(SAMPLE[0], [1], SAMPLE[2], lam=1),
            r"^y must have shape \(2,\)",
        ),
        (
            lambda: regularised.distance_from_minimiser(SAMPLE[0], [1], SAMPLE[2], lam=1),
            r"^y must have shape \(2,\)",
        ),
        (
            lambda: regularised_bias.distance_from_minimiser(BIASED[0], [1], BIASED[2], lam=1),
            r"^y must have shape \(4,\)",
        ),
        (
            lambda: regularised.distance_from_minimiser(*SAMPLE[:2], [0.1], lam=1),
            r"^weights must have shape \(2,\) to meet X, got \(1,\)$",
        ),
        (
            lambda: regularised_bias.distance_from_minimiser(*BIASED[:2], [0.1], lam=1),
            r"^weights must have shape \(2,\) to meet X, got \(1,\)$",
        ),
        (
            lambda: regularised_bias.distance(BIASED[0], [[0.1]], lam=1),
            r"^gradients must have shape \(k, 2\) to meet X, got \(1, 1\)$",
        ),
        (
            lambda: regularised_bias.distance(BIASED[0], [0.1, 0.2], lam=1),
            r"^gradients must have shape \(k, 2\) to meet X, got \(2,\)$",
        ),
        *(
            (lambda call=call: call(0), "^lam must be finite and above 0")
            for call in (
                lambda lam: regularised.approximate_leave_one_out(*SAMPLE, lam=lam),
                lambda lam: regularised.distance_from_minimiser(*SAMPLE, lam=lam),
                lambda lam: regularised_bias.distance_from_minimiser(*BIASED, lam=lam),
                lambda lam: regularised_bias.distance(BIASED[0], [[0.1, 0.2]], lam=lam),
            )
        ),
        *(
            (
                lambda X=X: regularised_bias.distance(X, [[0.1] * len(X[0])], lam=1),
                "^the last column of X is no constant feature, which bias=True speaks of",
            )
            for X in ([[1.0], [1.0]], [[1.0, 0.0], [2.0, 0.0]], [[1.0, 2.0], [2.0, 2.5]])
        ),
        (
            lambda: regularised_bias.distance_from_minimiser(
                [[1.0, 2.0]] * 3, [1, 1, 1], [0.1, 0.2], lam=1
            ),
            "^y has fewer than 1 of label -1, without which",
        ),
        (
            lambda: regularised_bias.distance_from_minimiser(
                [[1.0, 2.0]] * 3, [-1, -1, -1], [0.1, 0.2], lam=1
            ),
            r"^y has fewer than 1 of label \+1, without which",
        ),
        (
            lambda: regularised.approximate_leave_one_out(
                BIASED[0], [1, -1, -1, -1], BIASED[2], lam=1, bias=True
            ),
            r"^y has fewer than 2 of label \+1, without which",
        ),
    ],
)
def test_what_does_not_meet_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_smallest_samples_are_taken():
    assert regularised.ball(n=2, lam=1, residuals=0.0, norms=1) == 0
    assert regularised.ball(n=2, lam=1, residuals=1.0, norms=1) == 0.5
    assert regularised.path(n=2, margin=1, radius=1) == pytest.approx(0.5)
    assert regularised.distance_from_minimiser([[1.0]], [1], [0.0], lam=0.5) >= 1
    X, y = [[1.0, 2.0], [-1.0, 2.0]], [1, -1]
    assert regularised_bias.distance_from_minimiser(X, y, [0.0, 0.0], lam=0.5) >= 1


def test_overflows_are_named():
    with pytest.raises(OverflowError, match=r"^ball exceeds float64"):
        regularised.ball(n=2, lam=1e-300, residuals=1, norms=1e300)
    with pytest.raises(OverflowError, match=r"^path exceeds float64"):
        regularised.path(n=2, margin=1e-300, radius=1e300)


def test_a_penalty_that_float64_does_not_carry_is_refused():
    # symmetric samples at w = 0, alone on their axes: H is diagonal, with a condition that is known
    X, y = np.array([[1.0], [1.0], [1.0], [1.0]]), [1, 1, -1, -1]
    limit = 1e-2

    def rounding(lam):
        condition = (lam + 0.25) / lam
        kept = 1 - 0.25 / 4 / (0.25 + lam)
        return 4 * 9 * 2.0**-52 * condition, condition, kept

    least = 36 * 2.0**-52 * 0.25 / limit  # where the rounding of H itself is the limit
    for lam, refused in ((least * 0.99, True), (least * 1.2, True), (least * 1.4, False)):
        share, condition, kept = rounding(lam)
        assert (share / kept > limit) == refused
        if not refused:
            regularised.approximate_leave_one_out(X, y, [0.0], lam=lam)
            continue
        told = condition if share > limit else condition / kept
        said = (
            f"lam = {lam:g} is too small for float64: the condition of a Hessian is up to"
            f" {told:.2g}; raise lam or rescale X"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            regularised.approximate_leave_one_out(X, y, [0.0], lam=lam)


def test_samples_without_curvature_leave_no_bound_on_a_bias():
    with pytest.raises(ValueError, match="lam = 1 is too small for float64"):
        regularised.approximate_leave_one_out(
            [[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0]],
            [1, 1, -1, -1],
            [2000.0, 0.0],
            lam=1,
            bias=True,
        )


@pytest.mark.parametrize("constant", [0.5, -3.0])
def test_the_largest_of_the_inverse_with_a_free_bias(constant):
    X, _ = with_constant(3, 7, 4, 1.0, constant)
    curvatures = np.random.default_rng(1).uniform(0.01, 0.2, 7)
    found = regularised_bias.largest_of_inverse(X, curvatures, 0.7)
    with mp.workdps(50):
        known = largest_of_inverse(X, [mpf(float(k)) for k in curvatures], mpf(0.7))
    assert found == pytest.approx(float(known), rel=1e-13)
    hessian = (X.T * curvatures) @ X + np.diag([0.7, 0.7, 0.7, 0.0])
    assert 1 / np.linalg.eigvalsh(hessian)[0] <= found
    assert regularised_bias.largest_of_inverse(X, np.zeros(7), 0.7) == np.inf
    assert regularised_bias.constant_of(X) == constant


def gradient_of(X, y, w, lam, free=0):
    n, w = len(y), column(w)
    penalised = w.copy()
    for row in range(len(w) - free, len(w)):
        penalised[row] = 0
    total = lam * penalised
    shares = []
    for x, sign in zip(X, y, strict=True):
        z = float(sign) * column(x)
        shares.append(1 / (1 + mp.exp(inner(z, w))))
        total -= shares[-1] / n * z
    return total, shares


def rounding_of(X, shares, w, lam):
    n, d = len(X), len(X[0])
    size = length(column(w))
    norms = [length(column(x)) for x in X]
    terms = sum(p * a * (1 + a * size) for p, a in zip(shares, norms, strict=True)) / n
    return (n + d + 8) * UNIT * (lam * size + terms)


# features across the weights are long: rounding is a part in 1e7 of the bound
LONG = ([[1.0, 4e8], [2.0, -3e8], [-1.0, 1e8]], [1, 1, -1], [0.7, 0.0])


@pytest.mark.parametrize("lam", [0.3, 1e7])
def test_the_distance_from_a_minimiser_is_its_gradient_with_rounding(lam):
    X, y, w = LONG
    with mp.workdps(50):
        gradient, shares = gradient_of(X, y, w, mpf(lam))
        exact = (length(gradient) + rounding_of(X, shares, w, mpf(lam))) / mpf(lam)
    found = regularised.distance_from_minimiser(X, y, w, lam=lam)
    np.testing.assert_allclose(found, float(exact), rtol=1e-14)


@pytest.mark.parametrize("lam", [0.3, 1e7])
def test_with_a_bias_the_gradient_pulls_every_sample(lam):
    X = [[1.0, 4e8, 3.0], [2.0, -3e8, 3.0], [-1.0, 1e8, 3.0]]
    y, w = [1, 1, -1], [0.7, 0.0, 0.2]
    with mp.workdps(50):
        gradient, shares = gradient_of(X, y, w, mpf(lam), free=1)
        pulls = []
        for x in X:
            off = gradient[:2, 0] - gradient[2] / 3 * column(x[:2])
            pulls.append(length(off))
        longest = max(length(column(x)) for x in X)
        rounding = rounding_of(X, shares, w, mpf(lam)) * (1 + longest / 3)
        exact = (max(pulls) + rounding) / mpf(lam)
    found = regularised_bias.distance_from_minimiser(X, y, w, lam=lam)
    np.testing.assert_allclose(found, float(exact), rtol=1e-13)


def test_the_distance_of_several_gradients_is_that_of_each():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(6, 2)), np.full(6, -2.0)])
    gradients = rng.normal(size=(4, 3))
    found = regularised_bias.distance(X, gradients, lam=0.4)
    known = [max(np.linalg.norm(g[:2] - g[2] / -2 * x[:2]) for x in X) / 0.4 for g in gradients]
    np.testing.assert_allclose(found, known, rtol=1e-14)
    # the step that the left-out sample's residual takes along the constant is free
    assert regularised_bias.distance(X[:1], [[*(X[0, :2] / -2), 1.0]], lam=1.0)[0] < 1e-15
