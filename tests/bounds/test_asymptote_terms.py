"""Every term of the expansion on samples small enough to know it from the statement on paper."""

import dataclasses

import numpy as np
import pytest
from mpmath import mp, mpf

from tunebound import bounds
from tunebound.bounds import asymptotics

UNIT = float(np.finfo(float).eps)
# rows y_i x_i with w_S = (1, 0, ...): support vectors, samples on the margin without a dual, others
ROWS = {
    "generic": ([[1, 1], [1, -0.5]], [], [[2, 3], [1.2, -0.3], [1.05, 0.4]]),
    "alone": ([[1, 1], [1, -0.5]], [], []),
    "far": ([[1, 2], [1, -0.5]], [], [[7, 3]]),
    "steep": ([[1, 0.05], [1, -0.2]], [], [[1.5, 6.0], [1.01, -4.0]]),
    "dependent": ([[1, 3], [1, 1], [1, -0.1]], [], [[1.3, 2]]),
    "degenerate": ([[1, 1, 0], [1, -0.5, 0]], [[1, 0.3, 0.7], [1, 0.1, 0.4]], [[3, 1, 5]]),
    "dependent and degenerate": (
        [[1, 3, 0], [1, 1, 0], [1, -0.1, 0]],
        [[1, 0.3, 0.7], [1, 2.0, 0.4]],
        [[3, 1, 5]],
    ),
    "in a plane": ([[1, 1, 0], [1, -0.5, 0]], [], [[2, 3, 0]]),
    "out of the plane": ([[1, 1, 0], [1, -0.5, 0]], [], [[2, 3, 0.5]]),
}


def signed(rows, scale=1.0):
    Z = scale * np.array([row for part in rows for row in part], dtype=float)
    y = np.where(np.arange(len(Z)) % 2, -1, 1)
    return Z * y[:, None], y


def offset_and_dual(support, n, rate):
    """v in the span with sum exp(ln(rate/n) - z_i . v) z_i = w_S, by Newton with 40 digits."""
    with mp.workdps(40):
        Z = mp.matrix([[mpf(v) for v in row[:2]] for row in support])
        v = mp.matrix([mp.log(mpf(rate) / n), 0])
        for _ in range(400):
            terms = [mpf(rate) / n * mp.exp(-(Z[k, :] * v)[0]) for k in range(Z.rows)]
            gradient, hessian = mp.matrix([1, 0]), mp.zeros(2)
            for k, term in enumerate(terms):
                gradient -= term * Z[k, :].T
                hessian += term * Z[k, :].T * Z[k, :]
            step = mp.lu_solve(hessian, -gradient)
            size = mp.norm(step)
            v += step / max(1, size)
            if size < mpf(10) ** -35:
                return np.array([float(x) for x in v]), np.array([float(t) for t in terms])
    raise AssertionError("no convergence")


def onset(support, dual, others, offset, n, rate):
    """ln t from which the slowest deviation, and what the others shift, are 0.5 % of the offset's
    part across w_S: explicit sums, by bisection.
    """
    Z = np.array(support)[:, :2]
    hessian = (Z.T * dual) @ Z
    across = abs(offset[1])
    start = np.log(np.linalg.norm(offset) / (0.005 * across)) / np.linalg.eigvalsh(hessian)[0]
    response = [abs(np.linalg.solve(hessian, np.array(z[:2]))[1]) for z in others]

    def shift(u):
        return sum(
            rate / n * np.exp(-np.dot(z[:2], offset) - (z[0] - 1) * u) * r
            for z, r in zip(others, response, strict=True)
        )

    if shift(start) <= 0.005 * across:
        return start, "relaxation"
    low, high = start, start + 1.0
    while shift(high) > 0.005 * across:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if shift(middle) > 0.005 * across else (low, middle)
    return high, "others"


@pytest.mark.parametrize("scale", [1.0, 3e7, 2e-5])
@pytest.mark.parametrize("name", ROWS)
def test_every_term_is_the_stated_one(name, scale):
    support, degenerate, others = ROWS[name]
    (X, y), n, d = signed(ROWS[name], scale), sum(map(len, ROWS[name])), len(support[0])
    rate = 0.37
    found = bounds.asymptote(X, y, learning_rate=rate / scale**2)
    offset, dual = offset_and_dual(support, n, rate)
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(found.leading * scale, np.eye(d)[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.offset[:2] * scale, offset, **close)
    np.testing.assert_allclose(found.offset[2:] * scale, 0, atol=1e-12)
    expected = np.zeros(n)
    expected[: len(support)] = dual
    np.testing.assert_allclose(found.dual * scale**2, expected, **close)
    assert np.array_equal(found.dual > 0, expected > 0)
    # the separator of what is left of the degenerate rows off the plane of the others
    lift = np.zeros(d)
    if degenerate:
        lift[2] = 1 / min(row[2] for row in degenerate)
    np.testing.assert_allclose(found.double_log * scale, lift, **close)
    spans = not degenerate and name != "out of the plane"
    assert found.spans is spans
    assert found.residual < 1e-12
    assert found.rate == pytest.approx(abs(offset[1]), rel=1e-9)
    assert found.double_log_rate == pytest.approx(lift[-1] if degenerate else 0, rel=1e-9, abs=1e-9)
    if spans:
        known, _ = onset(support, dual, others, offset, n, rate)
        assert found.onset == pytest.approx(known, rel=1e-8)
    else:
        assert found.onset == np.inf


def test_the_cases_have_onsets_of_both_kinds():
    kinds = set()
    for name in ("generic", "far", "steep", "dependent", "in a plane"):
        support, _, others = ROWS[name]
        n = sum(map(len, ROWS[name]))
        offset, dual = offset_and_dual(support, n, 0.37)
        kinds.add(onset(support, dual, others, offset, n, 0.37)[1])
    assert kinds == {"relaxation", "others"}


@pytest.mark.parametrize("rate", [1e-300, 1e-12, 1.0, 1e9, 1e290])
@pytest.mark.parametrize("name", ["generic", "dependent", "steep"])
def test_any_step_size_gives_the_shares_that_the_separator_needs(name, rate):
    (X, y), n = signed(ROWS[name]), sum(map(len, ROWS[name]))
    found = bounds.asymptote(X, y, learning_rate=rate)
    offset, dual = offset_and_dual(ROWS[name][0], n, rate)
    np.testing.assert_allclose(found.offset, offset, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(found.dual[: dual.size], dual, rtol=1e-9)


def test_a_separator_that_is_known_is_taken():
    X, y = signed(ROWS["generic"])
    separator = bounds.max_margin(X, y)
    known = bounds.asymptote(X, y, learning_rate=0.3)
    for factor in (1 - 9e-7, 1.0):
        given = dataclasses.replace(separator, weights=separator.weights * factor)
        found = bounds.asymptote(X, y, learning_rate=0.3, separator=given)
        assert found.leading == pytest.approx(given.weights, rel=1e-15)
        assert found.offset == pytest.approx(known.offset, rel=1e-4)
    longer = dataclasses.replace(separator, weights=separator.weights * (1 + 9e-7))
    with pytest.raises(ArithmeticError, match=r"^X: the support vectors miss the separator by inf"):
        bounds.asymptote(X, y, learning_rate=0.3, separator=longer)
    for factor in (1 - 1.1e-6, 1 + 1.1e-6):
        given = dataclasses.replace(separator, weights=separator.weights * factor)
        said = (
            rf"^separator has min_j y_j x_j . w = {factor:.6g} on X, y instead of 1; pass"
            r" max_margin\(X, y\) of the same X and y, or leave it out$"
        )
        with pytest.raises(ValueError, match=said):
            bounds.asymptote(X, y, learning_rate=0.3, separator=given)
    with pytest.raises(
        ValueError,
        match=r"^separator is of samples of shape \(5, 2\), X has \(4, 2\); pass max_margin\(X, y\)"
        " of the same X and y, or leave it out$",
    ):
        bounds.asymptote(X[:4], y[:4], learning_rate=0.3, separator=separator)
    with pytest.raises(
        TypeError,
        match=r"^separator must be a Separator, got int; pass max_margin\(X, y\) of the same X and"
        " y, or leave it out$",
    ):
        bounds.asymptote(X, y, learning_rate=0.3, separator=3)


def test_the_head_and_its_error_are_the_expansion():
    found = asymptotics.Asymptote(
        leading=np.array([3.0, 4.0]),
        double_log=np.array([-0.8, 0.6]),
        offset=np.array([1.0, -2.0]),
        dual=np.ones(3),
        spans=False,
        onset=np.inf,
        residual=0.0,
    )
    for steps in ([3.0], [3, 10, 1e9], 7):
        heads = [
            [
                3 * np.log(t) - 0.8 * np.log(np.log(t)) + 1,
                4 * np.log(t) + 0.6 * np.log(np.log(t)) - 2,
            ]
            for t in np.atleast_1d(steps)
        ]
        np.testing.assert_allclose(found.head(steps), heads, rtol=1e-14)
        units = np.array([h / np.linalg.norm(h) for h in heads])
        known = np.linalg.norm(units - [0.6, 0.8], axis=1)
        np.testing.assert_allclose(found.direction_error(steps), known, rtol=1e-12)
    with pytest.raises(ValueError, match=r"^steps must have shape \(K,\), got \(1, 2\): pass a"):
        found.head([[3, 4]])
    with pytest.raises(ValueError, match=r"^steps = 2\.0: steps must be at least 3"):
        found.head(2)
    assert found.double_log_rate == pytest.approx(1 / 5)  # (−0.8, 0.6) is across (3, 4)
    assert found.rate == pytest.approx(np.linalg.norm([1 + 0.6, -2 + 0.8]) / 5)


@pytest.mark.parametrize(
    ("across", "along", "error", "message"),
    [
        (-1.0, 1.0, ValueError, "^across = -1.0: across must be 0 or more"),
        ("1", 1.0, TypeError, "^across must be made of real numbers"),
        (1.0, np.nan, ValueError, "^along = nan: along must be finite"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], ValueError, r"broadcast: across \(2,\), along \(3,\);"),
    ],
)
def test_distances_of_directions_refuse_by_name(across, along, error, message):
    with pytest.raises(error, match=message):
        bounds.direction_distance(across, along)


@pytest.mark.parametrize(
    ("rows", "leading", "supports"),
    [
        # independent rows have one combination
        ([[1, 1], [1, -1]], [1, 0], [True, True]),
        ([[1, 0], [1, 1]], [1, 0], [True, False]),
        ([[1e3, 0], [0, 1e3]], [1e-3, 1e-3], [True, True]),
        ([[1, 2], [1, 1]], [1, 0], [False, True]),
        # up to 1e-10 of the largest share is rounding
        ([[1, 0], [0, 1]], [1, 1.1e-10], [True, True]),
        ([[1, 0], [0, 1]], [1, 0.9e-10], [True, False]),
        # of dependent ones every combination counts, not only the shortest
        ([[1, 3], [1, 1], [1, -0.1]], [1, 0], [True, True, True]),
        ([[1, 3, 0], [1, 1, 1e-12], [1, -0.1, 0]], [1, 0, 0], [True, True, True]),
        ([[1, 1, 0], [1, -1, 0], [1, 0, 0], [1, 0, 1]], [1, 0, 0], [True, True, True, False]),
        # s of the program costs nothing, however long the rows are along the separator
        (
            [[1.1, 0.9, 1], [0.9, 1.1, 1], [1, 1.1, 0.9], [1, 0.9, 1.1]],
            [1 / 3, 1 / 3, 1 / 3],
            [True, True, True, True],
        ),
    ],
)
def test_who_can_support(rows, leading, supports):
    found = asymptotics._can_support(np.array(rows, dtype=float), np.array(leading, dtype=float))
    assert found.tolist() == supports


def test_an_offset_along_the_separator_leaves_nothing_to_predict():
    support, dual = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([0.5, 0.5])
    leading, others = np.array([1.0, 0.0]), np.array([[2.0, 0.5]])

    def found(offset, others=others):
        return asymptotics._onset(support, dual, others, leading, np.array(offset), 0.0)

    assert found([0.0, 0.0]) == np.inf
    assert found([10.0, 5e-12]) == np.inf
    assert np.isfinite(found([10.0, 5e-11]))
    assert np.isfinite(found([0.1, 5e-13]))
    # a sample that pulls nothing shifts nothing
    assert found([1.0, 1.0], np.zeros((1, 2))) == pytest.approx(np.log(2**0.5 / 0.005))
    assert found([1.0, 1.0], np.zeros((0, 2))) == pytest.approx(np.log(2**0.5 / 0.005))


def test_rows_of_equal_shares_need_no_step(monkeypatch):
    monkeypatch.setattr(asymptotics, "_NEWTON_STEPS", 0)
    # z_k = w/|w|^2 + v_k with sum v_k = 0: each of three has the share |w|^2/3 of w = (1, 2)
    rows = np.array([[0.2 + 2 * a, 0.4 - a] for a in (-1.0, 0.25, 0.75)])
    v, shares = asymptotics._offset(rows, np.array([1.0, 2.0]), -7.0)
    assert shares == pytest.approx([5 / 3] * 3, rel=1e-12)
    assert np.exp(-7.0 - rows @ v) == pytest.approx(shares, rel=1e-12)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0])
def test_shares_of_any_spread_are_found(spread):
    # shares p_k of orthogonal rows z_k = e_k / p_k for w = (1, ..., 1), as sum p_k z_k = w
    shares = np.exp(spread * np.array([0.0, -1.0, 0.3, -0.6]))
    v, found = asymptotics._offset(np.diag(1 / shares), np.ones(4), 2.0)
    assert found == pytest.approx(shares, rel=1e-12)
    assert v == pytest.approx((2.0 - np.log(shares)) * shares, rel=1e-12)


@pytest.mark.parametrize(
    ("scale", "second", "rank"),
    [(1e-8, 1e-3, 2), (1e8, 1e-12, 1), (1.0, 2e-10, 2), (1.0, 5e-11, 1)],
)
def test_the_span_of_rows_does_not_depend_on_their_scale(scale, second, rank):
    basis = asymptotics._span(scale * np.array([[1.0, 0.0, 0.0], [0.0, second, 0.0]]))
    assert basis.shape == (3, rank)
    assert np.abs(basis) == pytest.approx(np.eye(3)[:, :rank])


def test_the_residual_is_relative_to_the_separator():
    X, y = signed(ROWS["in a plane"], 0.6)
    separator = bounds.max_margin(X, y)
    for residual in (5e-7, 9.9e-7, 1.01e-6):
        # what no sample sees
        given = dataclasses.replace(separator, weights=np.array([1, 0, residual]) / 0.6)
        if residual < 1e-6:
            found = bounds.asymptote(X, y, learning_rate=1.0, separator=given)
            assert found.residual == pytest.approx(residual, rel=1e-6)
        else:
            with pytest.raises(ArithmeticError, match="miss the separator by 1e-06, relatively"):
                bounds.asymptote(X, y, learning_rate=1.0, separator=given)


@pytest.mark.parametrize(
    ("far", "excess", "on_margin"),
    [
        # 8 units of the rounding of |z| |w_S|, which here are far above 1e-9
        (2.0**27, 7.5 * UNIT * 2.0**27.5, True),
        (2.0**27, 8.5 * UNIT * 2.0**27.5, False),
        (0.5, 0.9e-9, True),
        (0.5, 1.1e-9, False),
    ],
)
def test_a_sample_is_on_the_margin_up_to_the_rounding_of_its_own_product(far, excess, on_margin):
    # w_S = (1, 1, 0): two support vectors, the sample, and a near one that exceeds the margin by
    # 1e-8, which is no rounding there
    Z = np.array([[1.5, -0.5, 0], [0.25, 0.75, 0], [0.5 + excess, 0.5, far], [0.5, 0.5 + 1e-8, 1]])
    y = np.array([1, -1, 1, -1])
    known = bounds.max_margin(Z[:2] * y[:2, None], y[:2])
    given = dataclasses.replace(known, weights=np.array([1.0, 1.0, 0.0]), dual=np.ones(4))
    found = bounds.asymptote(Z * y[:, None], y, learning_rate=1.0, separator=given)
    assert found.dual == pytest.approx([0.4, 1.6, 0, 0], abs=1e-9)
    assert found.double_log == pytest.approx([0, 0, 1 / far if on_margin else 0], abs=1e-12)


def test_the_others_set_the_onset_once_they_shift_more():
    # H is the identity, and one other sample of z = (3, 1/2): e^(height - 2 u) of what is allowed
    support, dual, leading = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([0.5, 0.5]), [1.0, 0.0]
    offset, other = np.array([0.3, 0.4]), np.array([3.0, 0.5])
    relaxed = np.log(0.5 / (0.005 * 0.4))
    for excess in (-1e-3, 1e-3, 0.5, 1.5):
        shift = np.log(0.5 / (0.005 * 0.4)) - other @ offset
        scale = excess + 2 * relaxed - shift
        found = asymptotics._onset(support, dual, other[None], np.array(leading), offset, scale)
        assert found == pytest.approx(relaxed + max(excess, 0) / 2, rel=1e-12)
