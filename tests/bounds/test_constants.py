"""Constants and their provenance."""

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from tests.oracles.samples import flat, separable
from tunebound.bounds import constants, head, leave_one_out_separators, max_margin
from tunebound.bounds.constants import Constant, weakest

mp.dps = 50
EPS = 2.0**-52


def test_a_constant_is_a_frozen_number_with_a_provenance():
    c = Constant(name="C", value=3, provenance="assumed", source="given")
    assert type(c.value) is float
    assert (c.name, c.value, c.provenance, c.source) == ("C", 3.0, "assumed", "given")
    assert c.certificate is None
    estimated = dataclasses.replace(c, provenance="estimated", certificate=np.float32(0.5))
    assert type(estimated.certificate) is float
    assert estimated.certificate == 0.5
    with pytest.raises(dataclasses.FrozenInstanceError):
        c.value = 4.0


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"value": np.nan}, ValueError, "value = nan: value must be finite"),
        ({"value": "1"}, TypeError, "value must be made of real numbers"),
        ({"value": True}, TypeError, "value must be made of real numbers"),
        (
            {"value": [1.0, 2.0]},
            ValueError,
            r"value must be one number, got an array of shape \(2,\)",
        ),
        (
            {"provenance": "guessed"},
            ValueError,
            "provenance must be one of 'exact', 'estimated', 'fitted', 'assumed'",
        ),
        ({"provenance": None}, TypeError, "provenance must be one of"),
        (
            {"provenance": "exact"},
            ValueError,
            "certificate is missing: an exact constant states",
        ),
        (
            {"provenance": "exact", "certificate": -1.0},
            ValueError,
            "certificate must be 0 or more",
        ),
        (
            {"provenance": "estimated", "certificate": np.inf},
            ValueError,
            "certificate must be finite",
        ),
    ],
)
def test_a_constant_without_provenance_is_refused(changed, error, message):
    given = {"name": "C", "value": 1.0, "provenance": "assumed", "source": ""}
    with pytest.raises(error, match=message):
        Constant(**(given | changed))


def test_weakest_orders_exact_estimated_fitted_assumed():
    order = ["exact", "estimated", "fitted", "assumed"]
    assert list(constants.PROVENANCES) == order
    for k, word in enumerate(order):
        for other in order[: k + 1]:
            assert weakest([word, other]) == weakest((other, word)) == word
    assert weakest(word for word in ["exact"]) == "exact"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([], ValueError, "provenances is empty: pass the provenance of at least one"),
        (
            "exact",
            TypeError,
            "provenances must be a sequence of words, got 'exact'; pass a list",
        ),
        (["exact", "sure"], ValueError, "provenances must be one of .*, got 'sure'"),
        ([1], TypeError, "provenances must be one of"),
    ],
)
def test_weakest_refuses_unknown_words(words, error, message):
    with pytest.raises(error, match=message):
        weakest(words)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1.0, 1e150, 1e300])
def test_radius_is_exact(scale):
    X = np.random.default_rng(0).normal(size=(30, 7)) * scale
    exact = max(mp.sqrt(mp.fsum(mpf(float(x)) ** 2 for x in row)) for row in X)
    c = constants.radius(X)
    assert abs(mpf(c.value) / exact - 1) <= c.certificate == 7 * EPS
    assert (c.name, c.provenance) == ("radius", "exact")


def test_margin_carries_the_gap():
    X, y = separable(np.random.default_rng(0), 30, 5)
    s = max_margin(X, y)
    c = constants.margin(s)
    assert (c.name, c.value, c.provenance) == ("margin", s.margin, "exact")
    assert s.gap < c.certificate <= s.gap + 3e-16


def test_kkt_lambda_is_the_largest_that_every_dual_allows():
    X, y = separable(np.random.default_rng(0), 30, 5)
    s = max_margin(X, y)
    c = constants.kkt_lambda(s)
    assert (c.name, c.provenance) == ("lam", "exact")
    assert c.value * 30 * s.dual.max() == pytest.approx(1, rel=1e-15)
    assert s.gap < c.certificate < s.gap + 3e-16
    bound = head.kkt(n=30, margin=s.margin, radius=9.0, dual=s.dual, nu=s.margin)
    stated = head.published(
        n=30, margin=s.margin, radius=9.0, steps=5, C=0, lam=c.value, nu=s.margin
    )
    assert bound == pytest.approx(stated, rel=1e-14)


def exact_direction_constant(s, left_out):
    a = [mpf(float(x)) for x in s.weights]
    norm = mp.sqrt(mp.fsum(x * x for x in a))
    ratios = []
    for row, margin in zip(left_out.weights, left_out.margins, strict=True):
        b = [mpf(float(x)) for x in row]
        distance = mp.sqrt(mp.fsum((p - q) ** 2 for p, q in zip(a, b, strict=True)))
        if margin > s.margin:
            other = mp.sqrt(mp.fsum(x * x for x in b))
            chord = mp.sqrt(mp.fsum((p / norm - q / other) ** 2 for p, q in zip(a, b, strict=True)))
            ratios.append(chord / distance)
    return max(ratios)


@pytest.mark.parametrize(("n", "d"), [(20, 3), (30, 10), (15, 30)])
def test_direction_constant_is_exact(n, d):
    X, y = separable(np.random.default_rng(n), n, d)
    s = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, s)
    c = constants.direction_constant(s, left_out)
    assert c.value == pytest.approx(float(exact_direction_constant(s, left_out)), rel=1e-12)
    assert (c.name, c.provenance) == ("nu", "exact")
    assert max(s.gap, left_out.gaps.max()) <= c.certificate < 1e-11
    assert c.value <= s.margin * np.sqrt(2 / (1 + s.margin / left_out.margins.max())) * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 30), st.integers(1, 40))
def test_certified_constants_bound_every_left_out_sample(seed, n, d):
    X, y = separable(np.random.default_rng(seed), n, d)
    s = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, s)
    units = left_out.weights / np.linalg.norm(left_out.weights, axis=1)[:, None]
    measured = np.linalg.norm(units - s.direction, axis=1)
    radius = constants.radius(X).value
    exact, certified = (
        constants.direction_constant(s, left_out),
        constants.certified_direction_constant(s),
    )
    for nu in (exact, certified):
        bound = head.kkt(n=n, margin=s.margin, radius=radius, dual=s.dual, nu=nu.value)
        assert np.all(measured <= bound + 1e-12)
    distance = np.linalg.norm(left_out.weights - s.weights, axis=1)
    assert np.all(measured <= exact.value * distance + 1e-12)
    assert (certified.name, certified.value, certified.provenance) == ("nu", s.margin, "exact")
    assert s.gap < certified.certificate <= s.gap + 3e-16


def test_direction_constant_near_a_tie_loses_no_digits():
    # near-duplicates: the separator moves by 1e-7 only when one of a pair is left out
    rng = np.random.default_rng(2)
    X, y = separable(rng, 10, 4)
    X, y = np.vstack([X, X + 1e-7 * rng.normal(size=X.shape)]), np.tile(y, 2)
    s = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, s)
    assert constants.direction_constant(s, left_out).value == pytest.approx(
        float(exact_direction_constant(s, left_out)), rel=1e-7
    )


def test_direction_constant_is_0_where_no_sample_matters():
    X, y = separable(np.random.default_rng(2), 10, 4)
    X, y = np.vstack([X, X]), np.tile(y, 2)
    s = max_margin(X, y)
    c = constants.direction_constant(s, leave_one_out_separators(X, y, s))
    assert (c.value, c.provenance) == (0.0, "exact")
    assert 0 < c.certificate < 1e-12


@pytest.mark.parametrize(("distance", "moved"), [(0.9e-12, False), (1.1e-12, True)])
def test_a_separator_is_moved_by_more_than_rounding_of_its_norm(distance, moved):
    # turned at right angles to itself, so that directions move as far as separators times margin
    y = np.array([1, -1, 1, -1])
    X = y[:, None] * [[2.0, 1.0], [2.0, -1.0], [2.0, 3.0], [2.0, -3.0]]
    s = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, s)
    weights = s.weights + np.array([[0.0, 0.0]] * 3 + [[0.0, distance / 2]])
    found = constants.direction_constant(s, dataclasses.replace(left_out, weights=weights))
    assert s.weights == pytest.approx([0.5, 0.0], abs=1e-15)
    assert found.value == pytest.approx(2.0 if moved else 0.0)


def test_direction_constant_needs_one_data_set():
    X, y = separable(np.random.default_rng(2), 10, 4)
    s, left_out = max_margin(X, y), leave_one_out_separators(X, y)
    with pytest.raises(
        ValueError,
        match=r"left_out is for data of shape \(10, 4\), separator for \(9, 4\): compute both",
    ):
        constants.direction_constant(max_margin(X[:9], y[:9]), left_out)
    with pytest.raises(ValueError, match="compute both from one X, y"):
        constants.direction_constant(_narrow(s), left_out)


def _narrow(s):
    return dataclasses.replace(s, weights=s.weights[:3])


def test_direction_constant_of_a_tiny_margin():
    X, y = flat(np.random.default_rng(8), 14, 4, 1e-8)
    s = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, s)
    c = constants.direction_constant(s, left_out)
    assert c.value == pytest.approx(float(exact_direction_constant(s, left_out)), rel=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1.0, 1e150])
@pytest.mark.parametrize(("n", "d"), [(20, 5), (5, 20), (1, 3)])
def test_head_curvature_is_the_largest_eigenvalue(n, d, scale):
    X = np.random.default_rng(0).normal(size=(n, d))
    largest = np.linalg.eigvalsh(X.T @ X / n).max() / 4
    c = constants.head_curvature(X * scale)
    assert c.value / scale / scale == pytest.approx(largest, rel=1e-12)
    assert (c.name, c.provenance) == ("beta", "exact")
    assert c.certificate == 2 * max(n, d) * EPS


def test_head_curvature_is_attained_by_the_loss_at_0():
    X, y = separable(np.random.default_rng(1), 30, 4)
    Z = X * y[:, None]
    u = np.linalg.svd(X)[2][0]

    def loss(t):
        return mp.fsum(mp.log(1 + mp.exp(-mpf(float(m)) * t)) for m in Z @ u) / 30

    assert constants.head_curvature(X).value == pytest.approx(float(mp.diff(loss, 0, 2)), rel=1e-12)


@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
def test_the_step_size_limit_covers_every_left_out_loss(weighting):
    rng = np.random.default_rng(1)
    X, _ = separable(rng, 12, 5)
    X[3] = 0  # leaving it out changes the weights only, so the limit is attained
    limit = constants.step_size_limit(X, weighting)
    n = 12 if weighting == "1/n" else 11
    curvatures = [
        np.linalg.eigvalsh(np.delete(X, i, axis=0).T @ np.delete(X, i, axis=0) / n).max() / 4
        for i in range(12)
    ]
    assert limit.value * max(curvatures) == pytest.approx(2, rel=1e-12)
    assert (limit.name, limit.provenance) == ("step_size_limit", "exact")
    assert limit.certificate == constants.head_curvature(X).certificate + 2 * EPS


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("n", [3, 40])
def test_the_published_step_is_two_over_beta_and_the_largest_singular_value(n, scale):
    X = np.random.default_rng(2).normal(size=(n, 5))
    largest = np.sqrt(np.linalg.eigvalsh(X.T @ X).max())
    c = constants.published_step_size_limit(X * scale)
    assert c.value * scale == pytest.approx(2 / (largest / 4), rel=1e-12)
    assert (c.name, c.provenance) == ("published_step_size_limit", "exact")
    assert c.certificate == 2 * max(n, 5) * EPS


def test_step_size_limit_defaults_to_1_over_n():
    X = np.array([[2.0], [0.0]])
    assert constants.step_size_limit(X).value == 2 / (4 / 2 / 4)
    assert constants.step_size_limit(X, "1/(n-1)").value == 2 / 0.5 / 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: constants.radius(np.zeros((2, 2))),
            ValueError,
            "X is zero: give at least one sample",
        ),
        (
            lambda: constants.radius([1.0, 2.0]),
            ValueError,
            r"X must have axes \(samples",
        ),
        (
            lambda: constants.radius(np.full((1, 4), 1.7e308)),
            OverflowError,
            "the radius of X leaves float64 .*: rescale X",
        ),
        (
            lambda: constants.head_curvature(np.full((1, 1), 1e160)),
            OverflowError,
            "the curvature of X leaves float64",
        ),
        (
            lambda: constants.head_curvature(np.full((1, 1), 1e-170)),
            OverflowError,
            "the curvature of X leaves float64",
        ),
        (
            lambda: constants.published_step_size_limit(np.full((2, 1), 1e-308)),
            OverflowError,
            "the published step size limit of X leaves float64",
        ),
        (
            lambda: constants.step_size_limit(np.full((2, 1), 1e-154)),
            OverflowError,
            "step_size_limit exceeds float64",
        ),
        (
            lambda: constants.step_size_limit(np.ones((1, 1)), "1/(n-1)"),
            ValueError,
            "n must be at least 2",
        ),
        (
            lambda: constants.step_size_limit(np.ones((2, 1)), "n"),
            ValueError,
            "weighting must be one of '1/n'",
        ),
        (lambda: constants.head_curvature([["a"]]), TypeError, "X must be made of real numbers"),
    ],
)
def test_calculators_refuse_what_they_cannot_compute(call, error, message):
    with pytest.raises(error, match=message):
        call()


@given(st.lists(st.tuples(st.floats(0.5, 30), st.floats(-12, 0)), min_size=1, max_size=6))
@example([(0.5, 0.0)])
@example([(30.0, -12.0)])
def test_fit_direction_constant_is_exact(records):
    steps = [max(3.0, float(np.floor(10**t))) for t, _ in records]
    error = [10**e for _, e in records]
    exact = max(
        mpf(e) * mp.log(mpf(t)) / mp.log(mp.log(mpf(t))) for t, e in zip(steps, error, strict=True)
    )
    c = constants.fit_direction_constant(steps, error)
    assert abs(mpf(c.value) / exact - 1) <= 1e-12
    assert (c.name, c.provenance, c.certificate) == ("C", "fitted", None)
    assert f"over {len(records)} records" in c.source


def test_fit_direction_constant_takes_many_heads_at_each_record():
    steps = [10, 100, 1000]
    error = np.random.default_rng(0).random((3, 4, 5))
    singles = [
        constants.fit_direction_constant([t], [e.max()]).value
        for t, e in zip(steps, error, strict=True)
    ]
    assert constants.fit_direction_constant(steps, error).value == max(singles)
    assert constants.fit_direction_constant(steps, np.zeros(3)).value == 0.0


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        ([2], [0.1], "steps must be at least 3"),
        ([3.5], [0.1], "steps must be a whole number"),
        ([10], [-0.1], "direction_error must be 0 or more"),
        (
            [10, 100],
            [0.1],
            (
                r"steps has shape \(2,\), direction_error \(1,\): give one step for each row of"
                r" records"
            ),
        ),
        ([[10, 100]], [[0.1, 0.2]], "give one step for each row"),
        (10, 0.1, "give one step for each row"),
        ([10], 0.1, "give one step for each row"),
        ([], [], "steps is empty"),
        ([10], [np.nan], "direction_error.* must be finite"),
    ],
)
def test_fit_direction_constant_checks_its_records(steps, error, message):
    with pytest.raises(ValueError, match=message):
        constants.fit_direction_constant(steps, error)


@pytest.mark.parametrize("other", [None, 3, "separator", np.ones(3)])
def test_what_is_no_separator_is_refused(other):
    for constant in (
        constants.margin,
        constants.kkt_lambda,
        constants.certified_direction_constant,
        lambda separator: constants.direction_constant(separator, separator),
    ):
        with pytest.raises(
            TypeError, match=r"separator must be a Separator, got .*pass max_margin"
        ):
            constant(other)
    X = np.array([[1.0, 2.0], [2.0, 1.0], [-1.0, -1.0], [-2.0, -1.0]])
    separator = max_margin(X, np.array([1, 1, -1, -1]))
    refusal = r"left_out must be a LeaveOneOut, got .*; pass leave_one_out_separators\(X, y\)$"
    with pytest.raises(TypeError, match=refusal):
        constants.direction_constant(separator, other)


def test_every_constant_says_where_it_comes_from():
    X, y = separable(np.random.default_rng(0), 12, 3)
    s = max_margin(X, y)
    left_out = leave_one_out_separators(X, y, s)
    for constant, source in (
        (constants.radius(X), "max_i |x_i|"),
        (constants.margin(s), "hard-margin separator, duality gap"),
        (constants.kkt_lambda(s), "1/(n max_j alpha_j), dual of the separator"),
        (
            constants.direction_constant(s, left_out),
            "max_i of direction distance / separator distance, all leave-one-out separators",
        ),
        (
            constants.certified_direction_constant(s),
            "nu = margin, certified together with lam = 1/(n max_j alpha_j)",
        ),
        (constants.head_curvature(X), "lambda_max(X^T X / n) / 4"),
        (constants.step_size_limit(X), "2/beta"),
        (constants.step_size_limit(X, "1/(n-1)"), "2 (n-1)/(n beta)"),
        (constants.published_step_size_limit(X), "8/sigma_max(X)"),
    ):
        assert constant.source == source
