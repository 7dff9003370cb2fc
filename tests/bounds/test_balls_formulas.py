"""What `bounds.balls` holds and answers, sample by sample and row by row, from its statement."""

import re
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from tunebound import bounds
from tunebound.bounds import balls

UNIT = 2.0**-52
ROOT2 = 2**0.5


def expected(rows, owner, products_of, duals, norms, terms):
    """Attributes from explicit rows z_ik, a loop over samples."""
    n, rounding = len(norms), 2 * (terms + 8) * UNIT
    row_norms = norms[owner]
    w = products_of
    sure = min(
        z @ w - rounding * a * np.linalg.norm(w) for z, a in zip(rows, row_norms, strict=True)
    )
    w = w / sure
    size = np.linalg.norm(w)
    slack = 0.0
    for z, a, alpha in zip(rows, row_norms, duals, strict=True):
        slack += alpha * max(z @ products_of / sure - 1, 0)
        slack += (rounding + len(rows) * UNIT) * alpha * (a * size + 1)
    parts = np.array([(duals[owner == i, None] * rows[owner == i]).sum(axis=0) for i in range(n)])
    support = [i for i in range(n) if duals[owner == i].any()]
    total = parts.sum(axis=0)
    others = [total - parts[i] for i in support] + [total]
    lengths = np.array([np.linalg.norm(r) for r in others])
    units = np.array([r / a if a else 0 * r for r, a in zip(others, lengths, strict=True)])
    reach = np.maximum(units @ w, 0)
    return {
        "weights": w,
        "support": support,
        "column": [support.index(i) if i in support else len(support) for i in range(n)],
        "units": units,
        "lengths": lengths,
        "reach": reach,
        "across": [np.linalg.norm(w - a * u) for a, u in zip(reach, units, strict=True)],
        "parts": [*(np.linalg.norm(parts[i]) for i in support), 0],
        "along": [*(parts[i] @ w for i in support), 0],
        "slack": slack,
        "residual": np.linalg.norm(w - total),
        "cone": [
            2 * np.sin(np.arccos(min(1, (1 - rounding) / size / np.delete(norms, i).max())) / 2)
            for i in range(n)
        ],
        "rounding": rounding,
    }


def compare(found, known, rtol=1e-9):
    for name, value in known.items():
        np.testing.assert_allclose(
            getattr(found, name), value, rtol=rtol, atol=1e-13 * np.abs(value).max(), err_msg=name
        )
    assert found.length == pytest.approx(np.linalg.norm(known["weights"]), rel=1e-12)


def two(seed, n, d, long):
    """Rows of products 1 and more with weights along the first axis, `long` across it."""
    rng = np.random.default_rng(seed)
    Z = long * rng.normal(size=(n, d))
    Z[:, 0] = np.where(np.arange(n) < n // 2, 1.0, 1 + rng.random(n))
    y = np.where(np.arange(n) % 2, -1, 1)
    return Z * y[:, None], y


@pytest.mark.parametrize("long", [0.3, 1.0, 1e8])
@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("support", [(0,), (0, 1, 5), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_two_classes_hold_what_is_stated(long, scale, support):
    X, y = two(1, 8, 3, long)
    weights, dual = scale * np.eye(3)[0], np.zeros(8)
    dual[list(support)] = np.random.default_rng(2).uniform(0.1, 0.4, len(support)) / max(long, 1)
    found = balls.two_classes(X=X, y=y, weights=weights, dual=dual)
    norms = np.linalg.norm(X, axis=1)
    compare(found, expected(X * y[:, None], np.arange(8), weights, dual, norms, 3))
    assert found.rounding == 2 * 11 * UNIT


@pytest.mark.parametrize("long", [0.3, 1e7])
def test_several_classes_hold_what_is_stated(long):
    rng = np.random.default_rng(3)
    y = np.array([0, 0, 1, 1, 2, 2, 1])
    X = np.column_stack([3.0 * np.eye(3)[y] + rng.uniform(0, 0.1, (7, 3)), long * rng.random(7)])
    weights = np.column_stack([np.eye(3) + 0.1 * rng.random((3, 3)), np.zeros(3)])
    dual = rng.uniform(0.1, 0.3, (7, 3)) * (rng.random((7, 3)) < 0.6)
    dual[4] = 0
    found = balls.classes(X=X, y=y, weights=weights, dual=dual)
    rows, owner, duals = [], [], []
    for i in range(7):
        for k in range(3):
            if k != y[i]:
                rows.append(np.outer(np.eye(3)[y[i]] - np.eye(3)[k], X[i]).ravel())
                owner.append(i)
                duals.append(dual[i, k])
    norms = ROOT2 * np.linalg.norm(X, axis=1)
    known = expected(
        np.array(rows), np.array(owner), weights.ravel(), np.array(duals), norms, 2 * 4
    )
    compare(found, known)
    assert found.rounding == 2 * 16 * UNIT


def test_the_cone_pays_for_rounding():
    found = balls.two_classes(X=[[1.0], [-1.0]], y=[1, -1], weights=[1.0], dual=[0.5, 0.5])
    # the margin of what is left is 1 - 2 roundings, of samples of norm 1
    np.testing.assert_allclose(found.cone, np.sqrt(4 * found.rounding), rtol=0.05)
    assert found.weights[0] > 1


def some(**changed):
    """Balls of four samples, three of them with a dual, whose allowances are large."""
    rng = np.random.default_rng(7)
    units = rng.normal(size=(4, 3))
    units /= np.linalg.norm(units, axis=1)[:, None]
    weights = np.array([3.0, 0.0, 1.0])
    reach = np.array([2.0, 3.1, 0.4, 3.0])
    given = {
        "weights": weights,
        "support": np.array([0, 2, 3]),
        "column": np.array([0, 3, 1, 2]),
        "units": units,
        "lengths": np.array([1.5, 2.5, 0.8, 2.0]),
        "reach": reach,
        "across": np.sqrt(10 - reach**2),
        "parts": np.array([0.4, 0.9, 0.6, 0.0]),
        "along": np.array([0.2, -0.6, 1.5, 0.0]),
        "slack": 0.02,
        "residual": 0.05,
        "cone": np.array([1.2, 1.3, 1.1, 1.4]),
        "rounding": 0.003,
    }
    return balls.DeletionBalls(**{**given, **changed})


def chord(sine):
    return 2 * np.sin(np.arcsin(sine) / 2) if sine < 1 else ROOT2


def hinge_of(ball, i):
    r = ball.column[i]
    squared = ball.along[r] + 10**0.5 * (ball.parts[r] + ball.residual) + ball.slack
    return chord(np.sqrt(max(squared, 0)) / 10**0.5 + ball.rounding)


CHANGES = [
    {},
    {"slack": 0.0},
    {"rounding": 0.0},
    {"rounding": 0.4},
    {"residual": 0.0},
    {"cone": np.full(4, 0.01)},
    {"reach": np.array([2.0, 0.0, 1e-9, 3.0])},
    {"lengths": np.array([1.5, 0.0, 0.8, 2.0]), "along": np.full(4, 9.0)},
    {"along": np.array([-4.0, -0.6, 30.0, 0.0])},
    {"parts": np.full(4, 50.0), "cone": np.full(4, 2.0)},
]


@pytest.mark.parametrize("changed", CHANGES, ids=str)
def test_distances_are_the_smallest_of_three(changed):
    ball = some(**changed)
    known = []
    for i in range(4):
        r = ball.column[i]
        pay = ball.slack / ball.lengths[r] if ball.lengths[r] else 0
        # |Delta|^2 - across |Delta| <= reach slack/|r|: the larger root
        roots = np.roots([1, -ball.across[r], -ball.reach[r] * pay])
        sine = max(roots.real) / 10**0.5 + ball.rounding
        by_ball = chord(sine) if ball.reach[r] > 0 else ROOT2
        known.append(min(by_ball, hinge_of(ball, i), ball.cone[i]))
    np.testing.assert_allclose(ball.distance(), known, rtol=1e-12)
    np.testing.assert_allclose(ball.by_hinge(), [hinge_of(ball, i) for i in range(4)], rtol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 9])
@pytest.mark.parametrize(
    "changed",
    [
        *CHANGES,
        {"along": np.array([9.9, 0.1, 0.2, 0.0]), "residual": 0.0, "parts": np.full(4, 4.0)},
    ],
    ids=str,
)
def test_the_worst_distance_adds_the_largest_parts(changed, size):
    ball = some(**changed)
    w = 10**0.5
    along = ball.along / w
    across = np.sqrt(np.maximum(ball.parts**2 - along**2, 0)) + ball.rounding * w
    size_or_all = min(size, 4)
    moved = max(sum(c) for c in combinations(across, size_or_all)) + ball.residual
    left = w - ball.residual - max(sum(c) for c in combinations(along, size_or_all))
    known = ROOT2
    if left > 0:
        sine = np.sin(np.arctan(moved / left))
        roots = np.roots([1, -w * sine, -w * ball.slack / left])
        known = chord(max(roots.real) / w + ball.rounding)
    assert ball.worst_distance(size) == pytest.approx(min(known, max(ball.cone)), rel=1e-12)


def test_nothing_left_is_a_right_angle():
    ball = some(
        weights=np.array([3.0, 0.0, 4.0]),
        along=np.array([25.0, 0.0, 0.0, 0.0]),
        parts=np.array([5.0, 0.0, 0.0, 0.0]),
        residual=0.0,
        cone=np.full(4, 2.0),
        slack=0.0,
    )
    assert ball.worst_distance(1) == ROOT2
    with pytest.raises(ValueError, match=r"^size must be at least 1, got 0"):
        ball.worst_distance(0)


def shifted(ball, r, value, toward, size, tilt):
    """v . centre + |v| radius of the ball of lam |r| = reach + tilt, halved as stated."""
    length, w = ball.lengths[r], ball.length
    pay = ball.slack / length if length else 0
    along = ball.reach[r] + tilt
    radius = np.sqrt((ball.across[r] ** 2 + tilt**2) / 4 + along * pay)
    return (value - along * toward) / 2 + size * radius + 4 * ball.rounding * size * w


@pytest.mark.parametrize("changed", CHANGES[:5] + CHANGES[7:8], ids=str)
def test_a_shift_is_that_of_the_best_ball(changed):
    ball = some(**changed)
    rng = np.random.default_rng(0)
    V = rng.normal(size=(9, 3)) * 10 ** rng.uniform(-1, 1, (9, 1))
    V[0], V[1] = 2 * ball.units[1], -0.5 * ball.units[2]  # along an axis nothing is beside it
    value, size = V @ ball.weights, np.linalg.norm(V, axis=1)
    toward = V @ ball.units.T
    found = ball.shift(value[:, None], toward, size[:, None])
    assert found.shape == (9, 4)
    for k in range(9):
        for r in range(4):
            beside = np.sqrt(max(size[k] ** 2 - toward[k, r] ** 2, 0))
            if beside > 1e-6 * size[k]:
                tilt = ball.across[r] * toward[k, r] / beside
                tilt = min(max(tilt, -ball.reach[r]), ball.length)
                known = shifted(ball, r, value[k], toward[k, r], size[k], tilt)
                assert found[k, r] == pytest.approx(known, rel=1e-11)
            if ball.slack == 0 and beside > 1e-6 * size[k]:
                best = minimize_scalar(
                    lambda t, k=k, r=r: shifted(ball, r, value[k], toward[k, r], size[k], t),
                    bounds=(-ball.reach[r], ball.length),
                    method="bounded",
                    options={"xatol": 1e-10},
                ).fun
                assert found[k, r] <= best + 1e-6


def test_a_vector_along_the_rest_has_nothing_beside_it():
    ball = some()
    # exactly along: the ball of lam |r| = reach is taken
    found = ball.shift(np.array([6.0]), np.array([2.0, 2.0, 2.0, 2.0]), np.array([2.0]))
    known = [shifted(ball, r, 6.0, 2.0, 2.0, 0.0) for r in range(4)]
    np.testing.assert_allclose(found, known, rtol=1e-13)
    # rounding may leave a size below its own product
    again = ball.shift(np.array([6.0]), np.full(4, 2.0 + 1e-15), np.array([2.0]))
    np.testing.assert_allclose(again, known, rtol=1e-13)


@pytest.mark.parametrize("removed", [1, 2, 4, 7])
@pytest.mark.parametrize("changed", CHANGES[:5], ids=str)
def test_the_worst_shift_adds_the_largest_terms(changed, removed):
    ball = some(**changed)
    V = np.random.default_rng(1).normal(size=(5, 3))
    toward, size = V @ ball.units.T, np.linalg.norm(V, axis=1)
    found = ball.worst_shift(toward, size[:, None], removed)
    assert found.shape == (5,)
    for k in range(5):
        terms = []
        for r in range(4):
            # v . p is what v . P loses to v . r
            part = toward[k, 3] * ball.lengths[3] - toward[k, r] * ball.lengths[r]
            terms.append(max((size[k] * ball.parts[r] + part) / 2, 0))
        known = sum(sorted(terms)[::-1][:removed])
        known += size[k] * (
            ball.residual + ball.slack**0.5 + 8 * removed * ball.rounding * ball.length
        )
        assert found[k] == pytest.approx(known, rel=1e-12)


X, Y = [[1.0, 2.0], [-1.0, 3.0], [2.0, 0.5]], [1, -1, 1]
DUAL = [0.3, 0.2, 0.0]
SEVERAL = (
    [[3.0, 0.0], [3.0, 0.1], [0.0, 3.0], [0.1, 3.0]],
    [0, 0, 1, 1],
    [[1.0, 0.0], [0.0, 1.0]],
    [[0.0, 0.1], [0.0, 0.1], [0.1, 0.0], [0.1, 0.0]],
)


def of_two(X=X, y=Y, weights=(1.0, 0.0), dual=DUAL):
    return balls.two_classes(X=X, y=y, weights=weights, dual=dual)


def of_several(X=SEVERAL[0], y=SEVERAL[1], weights=SEVERAL[2], dual=SEVERAL[3]):
    return balls.classes(X=X, y=y, weights=weights, dual=dual)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: of_two(weights=[1.0, np.nan]),
            ValueError,
            "weights[1] = nan: weights must be fin",
        ),
        (lambda: of_two(dual=[0.1, np.nan, 0.1]), ValueError, "dual[1] = nan: dual must be finite"),
        (lambda: of_two(dual=[0.1, -0.1, 0.1]), ValueError, "dual[1] = -0.1: dual must be 0 or mo"),
        (
            lambda: of_two(X=[[1.0, 2.0], [np.nan, 0.0]]),
            ValueError,
            "X[1, 0] = nan: X must be fini",
        ),
        (lambda: of_two(y=[1, -1, 2]), ValueError, "y[2] = 2.0: y must be -1 or +1"),
        (
            lambda: of_two(weights=[1.0]),
            ValueError,
            "weights have shape (1,), X has 2 features: pass one head of shape (2,)",
        ),
        (
            lambda: of_two(dual=[0.1, 0.2]),
            ValueError,
            "dual must have shape (3,), one a sample, got (2,)",
        ),
        (
            lambda: of_two(weights=[0.0, 0.0]),
            ValueError,
            "weights have a product of 0 with row 0, less rounding: only a separator has a"
            " certificate; pass max_margin(X, y).weights",
        ),
        (
            lambda: of_two(weights=[0.1, 1.0]),
            ValueError,
            "weights have a product of -2.9 with row 1, less rounding: only a separator has a"
            " certificate; pass max_margin(X, y).weights",
        ),
        (
            lambda: of_several(weights=[[np.nan, 0.0], [0.0, 1.0]]),
            ValueError,
            "weights[0, 0] = nan: weights must be finite",
        ),
        (
            lambda: of_several(dual=[[np.nan, 0.1]] * 4),
            ValueError,
            "dual[0, 0] = nan: dual must be finite",
        ),
        (lambda: of_several(dual=[[0.0, 0.0]] * 4), ValueError, "dual is 0 for every sample"),
        (
            lambda: of_several(weights=[[1.0], [0.0]]),
            ValueError,
            "weights and dual must have shapes (2, 2) and (4, 2), got (2, 1) and (4, 2): pass those"
            " of max_margin_classes(X, y)",
        ),
        (
            lambda: of_several(dual=[[0.1], [0.1], [0.1], [0.1]]),
            ValueError,
            "weights and dual must have shapes (2, 2) and (4, 2), got (2, 2) and (4, 1): pass those"
            " of max_margin_classes(X, y)",
        ),
        (
            lambda: of_several(weights=[[0.0, 1.0], [1.0, 0.0]]),
            ValueError,
            "weights have a product of -3 with row 0, less rounding: only a separator has a"
            " certificate; pass max_margin_classes(X, y).weights",
        ),
        (
            lambda: of_several(y=[0, 0, 0, 1]),
            ValueError,
            "y has 1 sample(s) of class 1 of 2 and needs 2",
        ),
    ],
)
def test_refusals_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        call()


def test_the_dual_of_a_sample_towards_its_own_class_counts_nothing():
    plain = of_several()
    own = np.array(SEVERAL[3]) + 5 * np.eye(2)[[0, 0, 1, 1]]
    compare(
        of_several(dual=own), {name: getattr(plain, name) for name in ("weights", "parts", "slack")}
    )


def test_weights_of_any_length_that_separate_are_taken():
    for length in (1e-6, 0.5, 1e6):
        found = of_two(weights=[length, 0.0])
        assert found.weights == pytest.approx([1.0, 0.0])
        assert (np.array(Y) * (np.array(X) @ found.weights)).min() >= 1
    assert bounds.balls.two_classes is balls.two_classes


ONE = {"value": [[1.0]], "toward": [[1.0, 1.0, 1.0, 1.0]], "size": [[2.0]]}
THREE = np.ones((3, 4))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"value": "x"}, "value must be made of real numbers"),
        (
            {"value": [[1.0, 2.0]]},
            "value must have shape (..., 1), one number a vector, got (1, 2)",
        ),
        ({"value": 1.0}, "value must have shape (..., 1), one number a vector, got ()"),
        ({"toward": [[np.nan] * 4]}, "toward[0, 0] = nan: toward must be finite"),
        ({"toward": [[1.0] * 3]}, "toward must have shape (..., 4), a product with each of units"),
        ({"toward": 1.0}, "toward must have shape (..., 4), a product with each of units, got ()"),
        ({"size": [[-1.0]]}, "size[0, 0] = -1.0: size must be"),
        ({"size": [2.0, 2.0]}, "size must have shape (..., 1), one number a vector, got (2,)"),
        (
            {"value": [[1.0]] * 2, "toward": THREE},
            "shapes do not broadcast: value (2, 1), toward (3, 4), size (1, 1)",
        ),
        ({"size": [[1e200]]}, "value, toward, size: what is computed of them leaves float64"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(changed, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        some().shift(**{**ONE, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"toward": THREE, "size": [[2.0]] * 2}, "shapes do not broadcast: toward (3, 4), size (2"),
        ({"toward": [[1.0] * 5]}, "toward must have shape (..., 4), a product with each of units"),
        ({"removed": 0}, "removed must be at least 1, got 0"),
        ({"removed": 0.5}, "removed must be an integer, got 0.5"),
        (
            {"toward": [[1.7e308, 1.0, 1.0, -1.7e308]]},
            "toward, size: what is computed of them leaves float64",
        ),
    ],
)
def test_groups_of_vectors_that_do_not_fit_are_refused(changed, message):
    given = {"toward": ONE["toward"], "size": ONE["size"], "removed": 2, **changed}
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        some().worst_shift(**given)
