"""Least distance programming piece by piece: the routes to an active set, and its polish against
exact rationals and a plain loop.
"""

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest

from tests.oracles.rational_margin import solved
from tests.oracles.samples import separable
from tunebound.bounds import NotSeparableError
from tunebound.bounds.separators import least_distance as module
from tunebound.bounds.separators.certificates import EXTENDED_EPS, products
from tunebound.bounds.separators.least_distance import LeastDistance, least_distance
from tunebound.bounds.separators.split_products import EPS, split


def rows(seed=0, n=9, d=3):
    X, y = separable(np.random.default_rng(seed), n, d)
    return X * y[:, None]


def brute_force(Z):
    """The shortest w with Z w >= 1 among those of all active sets, in exact rationals."""
    best = None
    for size in range(1, Z.shape[1] + 1):
        for chosen in combinations(range(len(Z)), size):
            equal = exact_solution(Z[list(chosen)])
            if equal is None:
                continue
            w, dual = equal
            feasible = all(sum(map(product, z, w)) >= 1 for z in fractions(Z))
            square = sum(map(product, w, w))
            if feasible and (best is None or square < best[0]):
                best = square, w, dict(zip(chosen, dual, strict=True))
    return best


def product(a, b):
    return a * b


def fractions(Z):
    return [[Fraction(float(x)) for x in row] for row in Z]


def exact_solution(A):
    """Shortest w with A w = 1 and its multipliers; None where rows are dependent."""
    A = fractions(A)
    dual = solved([[sum(map(product, a, b)) for b in A] + [Fraction(1)] for a in A])
    if dual is None:
        return None
    return [sum(map(product, dual, column)) for column in zip(*A, strict=True)], dual


@pytest.mark.parametrize("seed", range(6))
def test_the_solution_is_the_best_of_all_active_sets(seed):
    Z = rows(seed, 6, 3)
    square, w, dual = brute_force(Z)
    for start in (None, np.array([0]), np.arange(3), np.array([], dtype=int)):
        found = least_distance(Z, start)
        assert found.margin == pytest.approx(float(square) ** -0.5, rel=1e-14)
        np.testing.assert_allclose(found.weights, [float(x) for x in w], rtol=1e-13)
        expected = np.zeros(6)
        expected[list(dual)] = [float(x) for x in dual.values()]
        np.testing.assert_allclose(found.dual, expected, rtol=1e-12, atol=1e-14)
        assert found.gap < 1e-14


def test_the_first_row_of_zeros_is_named():
    with pytest.raises(NotSeparableError, match=r"^X\[1\] is the zero vector"):
        least_distance(np.array([[1.0, 0.0], [0.0, 0.0], [2.0, 1.0], [0.0, 0.0]]))


def solution(gap, margin=2.0):
    return LeastDistance(np.array([0.5, 0.0]), margin, np.array([0.25, 0.0]), gap)


@pytest.mark.parametrize(
    ("gap", "polished"), [(1e-9, 1), (np.nextafter(1e-9, 1), 2), (np.nextafter(1e-6, 1), 2)]
)
def test_a_start_that_was_right_is_enough(monkeypatch, gap, polished):
    Z, calls = rows(), []
    right = module._polish

    def noted(Z, active):
        calls.append((Z, active))
        return solution(gap) if len(calls) == 1 else right(Z, active)

    monkeypatch.setattr(module, "_polish", noted)
    start = np.array([1, 2])
    found = least_distance(Z, start)
    assert len(calls) == polished
    assert calls[0][0] is Z
    assert calls[0][1] is start
    assert (found.gap == gap) == (polished == 1)


def test_no_rows_to_start_from_are_no_start(monkeypatch):
    calls, right = [], module._polish
    monkeypatch.setattr(module, "_polish", lambda *a: calls.append(a) or right(*a))
    least_distance(rows(), np.array([], dtype=int))
    assert [active.size > 0 for _, active in calls] == [True]


def routed(monkeypatch, answers, gaps):
    """`least_distance` of rows of largest entry 12 where routes and polish answer this."""
    seen, left = [], list(gaps)

    def route(answer):
        return lambda Z: seen.append(("route", Z)) or answer

    def polish(Z, active):
        seen.append(("polish", Z, active))
        return solution(left.pop(0))

    monkeypatch.setattr(module, "_routes", lambda size: [route(answer) for answer in answers])
    monkeypatch.setattr(module, "_polish", polish)
    Z = np.array([[3.0, 12.0], [1.0, -2.0]])
    return Z, seen, least_distance


FIRST, SECOND = (np.array([0]), 3), (np.array([1]), -2)


def test_the_first_route_that_is_good_enough_is_taken(monkeypatch):
    Z, seen, solve = routed(monkeypatch, [None, FIRST, SECOND], [1e-6])
    found = solve(Z)
    assert [name for name, *_ in seen] == ["route", "route", "polish"]
    assert np.array_equal(seen[0][1], Z / 16)
    assert np.array_equal(seen[2][1], Z / 16 * 8)
    assert seen[2][2] is FIRST[0]
    # 16 / 8 times the margin of what was polished
    assert found.margin == 4.0
    assert np.array_equal(found.weights, [0.25, 0.0])
    assert np.array_equal(found.dual, [0.0625, 0.0])
    assert found.gap == 1e-6


def test_the_second_route_is_taken_where_the_first_leaves_a_gap(monkeypatch):
    Z, seen, solve = routed(monkeypatch, [FIRST, SECOND], [np.nextafter(1e-6, 1), 1e-7])
    found = solve(Z)
    assert np.array_equal(seen[3][1], Z / 16 / 4)
    assert seen[3][2] is SECOND[0]
    assert (found.gap, found.margin) == (1e-7, 128.0)


@pytest.mark.parametrize(
    ("answers", "gaps", "said"),
    [
        ([FIRST, SECOND], [1e-3, 2e-2], r"X \(relative duality gap 1\.0e-03\)\. Append"),
        ([FIRST, SECOND], [2e-2, 1e-3], r"X \(relative duality gap 1\.0e-03\)\. Append"),
        ([None, SECOND], [2e-2], r"X \(relative duality gap 2\.0e-02\)\. Append"),
        ([None, None], [], r"X\. Append"),
    ],
)
def test_routes_that_lead_nowhere_are_said_with_the_smallest_gap(monkeypatch, answers, gaps, said):
    Z, _, solve = routed(monkeypatch, answers, gaps)
    with pytest.raises(
        NotSeparableError, match="no separator through the origin.*largest entry of " + said
    ):
        solve(Z)


def test_the_route_depends_on_the_size():
    pivoting, following = module._by_least_squares, module._by_interior_point
    assert module._routes(10**6) == [pivoting, following]
    assert module._routes(10**6 + 1) == [following, pivoting]


def test_the_size_is_that_of_the_rows(monkeypatch):
    asked, right = [], module._routes
    monkeypatch.setattr(module, "_routes", lambda size: asked.append(size) or right(size))
    least_distance(rows(n=9, d=3))
    assert asked == [27]


@pytest.mark.parametrize("margin", [1e-153, 1e153])
def test_a_solution_is_carried_over_to_another_scale(margin):
    found = module.unscale(solution(0.25, margin / 8), 3)
    assert found.margin == margin
    assert np.array_equal(found.weights, [0.0625, 0.0])
    assert np.array_equal(found.dual, [0.25 / 64, 0.0])
    assert found.gap == 0.25
    outwards = 0.0 if margin < 1 else np.inf
    with pytest.raises(ValueError, match=r"the margin of X is 1\.0e[-+]153: its inverse square"):
        module.unscale(solution(0.25, np.nextafter(margin, outwards) / 8), 3)


@pytest.mark.parametrize(("n", "d"), [(5, 3), (4, 4), (3, 8)])
def test_columns_keep_all_products(n, d):
    Z = np.random.default_rng(n).normal(size=(n, d))
    columns = module._columns(Z)
    assert columns.shape == (min(n, d), n)
    np.testing.assert_allclose(columns.T @ columns, Z @ Z.T, atol=1e-12)
    assert d > n or np.array_equal(columns, Z.T)


@pytest.mark.parametrize(
    ("combination", "shift"),
    [([0.75, 0.0], 0), ([0.6, 0.8], -1), ([0.5, 0.0], 0), ([0.0, 0.49], 1), ([1e-14, 0.0], 46)],
)
def test_the_power_of_two_that_brings_a_margin_near_1(combination, shift):
    found = module._wanted_shift(np.array(combination))
    assert found == shift
    assert type(found) is int


def test_a_combination_of_norm_0_is_refused():
    with pytest.raises(NotSeparableError, match=r"rows y_i x_i has norm 1\.0e-14 where"):
        module._wanted_shift(np.array([np.nextafter(1e-14, 0), 0.0]))


def least_squares(monkeypatch, combinations):
    """Answers of non-negative least squares that combine two rows to these numbers."""
    systems, left = [], list(combinations)

    def nnls(system, target):
        systems.append((system, target))
        second = left.pop(0)
        # (1 - share) 2^-60 + share 2^-1: the combination's size is that of `second`
        share = (second - 2.0**-60) / (0.5 - 2.0**-60)
        return 3.0 * np.array([1 - share, share, 0.0]), 0.0

    monkeypatch.setattr(module.scipy.optimize, "nnls", nnls)
    return systems


Z_THREE = np.array([[2.0**-60], [0.5], [0.25]])


@pytest.mark.parametrize(
    ("wanted", "shift"),
    [
        ([6], 6),  # at most 12 binary digits lost: wanted at once
        ([7, 8], 8),
        ([20, 30, 36], 36),
        ([30, 10, 4], 4),
        ([10, 30, 10, 30], 30),  # no agreement in four
        ([30, 10, 18, 10], 10),
    ],
)
def test_least_squares_are_asked_again_where_the_margin_was_far_off(monkeypatch, wanted, shift):
    systems = least_squares(monkeypatch, [0.75 * 2.0**-power for power in wanted])
    active, found = module._by_least_squares(Z_THREE)
    assert found == shift
    assert np.array_equal(active, [0, 1])
    assert len(systems) == len(wanted)
    for (system, target), power in zip(systems, [0, *wanted[:-1]], strict=True):
        assert np.array_equal(system, [np.ldexp(Z_THREE[:, 0], power), [1.0, 1.0, 1.0]])
        assert np.array_equal(target, [0.0, 1.0])


def test_least_squares_that_give_up_are_no_route(monkeypatch):
    def no_convergence(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(module.scipy.optimize, "nnls", no_convergence)
    assert module._by_least_squares(Z_THREE) is None


def test_the_interior_point_gets_rows_of_norm_at_most_1(monkeypatch):
    Z, seen = rows(n=9, d=3), []
    shares = np.arange(9) / 36

    def support_of(Z):
        seen.append(Z)
        return np.array([2, 5]), shares

    monkeypatch.setattr(module.interior_point, "support_of", support_of)
    active, shift = module._by_interior_point(Z)
    assert np.array_equal(active, [2, 5])
    assert shift == -int(np.frexp(np.linalg.norm(shares @ Z))[1])
    np.testing.assert_allclose(seen[0], Z / np.linalg.norm(Z, axis=1).max(), rtol=1e-15)
    assert seen[0].flags.c_contiguous
    monkeypatch.setattr(
        module.interior_point, "support_of", lambda Z: (np.array([], dtype=int), shares)
    )
    assert module._by_interior_point(Z) is None


def test_equations_on_an_active_set_hold_to_extended_precision():
    rng = np.random.default_rng(2)
    for _ in range(5):
        Z = rng.normal(size=(6, 4))
        Z[3] = Z[1] + 1e-5 * rng.normal(size=4)
        Z[4] = Z[1]
        active, w, dual = module._equality_solution(Z, np.array([1, 3, 4, 5]))
        # of a row that is there twice one is left
        assert sorted(active) in ([1, 3, 5], [3, 4, 5])
        exact_w, exact_dual = exact_solution(Z[active])
        for found, exact in ((w, exact_w), (dual, exact_dual)):
            assert found.dtype == np.longdouble
            error = max(abs(as_fraction(a) - b) for a, b in zip(found, exact, strict=True))
            # the condition number is about 1e5
            assert error <= 1e6 * EXTENDED_EPS * float(max(map(abs, exact)))


def as_fraction(x):
    high = float(x)
    return Fraction(high) + Fraction(float(x - np.longdouble(high)))


@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_rows_that_rounding_cannot_tell_from_the_others_are_left_out(n, d):
    limit = 4 * max(n, d) * EPS
    for size, left in ((limit, [0]), (np.nextafter(limit, 1), [0, 1])):
        Z = np.zeros((n, d))
        Z[0, 0], Z[1, 1] = 4.0, size
        active, _, _ = module._equality_solution(Z, np.arange(n))
        assert active.tolist() == left


@pytest.mark.parametrize(
    ("corrections", "taken"),
    [
        ([1.0, 0.5, 0.25], 3),
        ([1.0, 0.5, 0.25 * (1 + EPS)], 2),
        ([2.0**-k for k in range(9)], 8),
    ],
)
def test_equations_are_refined_while_corrections_halve(monkeypatch, corrections, taken):
    """At one row (1), the first of two triangular systems is the correction of w."""
    left = iter([*corrections, np.inf])

    def solve_triangular(R, right, **options):
        return np.array([next(left)]) if options.get("trans") == "T" else right

    monkeypatch.setattr(module.scipy.linalg, "solve_triangular", solve_triangular)
    _, w, _ = module._equality_solution(np.ones((1, 1)), np.array([0]))
    assert abs(w[0]) == sum(corrections[:taken])


def test_a_row_that_depends_on_the_active_ones_takes_the_place_of_the_first_to_fall():
    Z = np.array(
        [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 2, 0, 0], [-1, -2, 0, 0], [1, 2, 0, 1]]
    )
    active, dual = np.array([2, 0, 1]), np.array([0.1, 1.0, 3.0])
    # the first of (1, 3) / (1, 2) is the row 0
    assert module._replaced(Z, active, dual, 3).tolist() == [1]
    assert module._replaced(Z, active, np.array([0.1, 2.0, 3.0]), 3).tolist() == [2]
    # a row whose coefficients are below 0 pushes none out, nor does an independent one
    assert module._replaced(Z, active, dual, 4).tolist() == []
    assert module._replaced(Z, active, dual, 5).tolist() == []
    # in as many dimensions as there are active rows every row depends on them
    assert module._replaced(Z[:, :3], active, dual, 3).tolist() == [1]


def test_a_row_depends_on_others_up_to_rounding():
    limit = 3 * EPS
    for left, place in ((limit, [0]), (np.nextafter(limit, 1), [])):
        Z = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, left]])
        assert module._replaced(Z, np.array([0]), np.ones(1), 1).tolist() == place
        twice = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 2 * left]])
        assert module._replaced(twice, np.array([0]), np.ones(1), 1).tolist() == place
    # as many rows as dimensions, badly conditioned: what is left is rounding, however much
    Z = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1e-3]])
    assert module._replaced(Z, np.array([0, 1]), np.array([1.0, 2.0]), 2).tolist() == [0]


def following(Z, active, w, dual, current):
    """The rows of the next active set, and the feasible dual to go on from; None at the end."""
    if min(dual) < 0:
        start = current or dict(zip(active, np.maximum(dual, 0), strict=True))
        lengths = {j: start[j] / (start[j] - u) for j, u in zip(active, dual, strict=True) if u < 0}
        gone = min(lengths, key=lengths.get)
        moved = {
            j: max(start[j] + lengths[gone] * (u - start[j]), 0.0)
            for j, u in zip(active, dual, strict=True)
        }
        return {j for j in active if j != gone}, {j: u for j, u in moved.items() if j != gone}
    violation = 1 - Z @ w
    violation[active] = 0
    if max(violation) < 1e-13:
        return None
    entering = int(np.argmax(violation))
    moved = {**dict(zip(active, dual, strict=True)), entering: 0.0}
    chosen = set(active)
    if len(active) == Z.shape[1]:
        image = np.linalg.solve(Z[active].T, Z[entering])
        lengths = {j: u / c for j, u, c in zip(active, dual, image, strict=True) if c > 0}
        gone = min(lengths, key=lengths.get)
        chosen, moved = chosen - {gone}, {j: u for j, u in moved.items() if j != gone}
    return chosen | {entering}, moved


@pytest.mark.parametrize(("n", "d"), [(9, 3), (30, 5), (20, 20), (40, 8)])
@pytest.mark.parametrize("seed", range(4))
def test_an_active_set_is_corrected_by_single_rows(monkeypatch, n, d, seed):
    rng = np.random.default_rng([n, seed])
    Z = rows(seed, n, d)
    found = least_distance(Z)
    Z, dual = Z / found.margin, found.dual * found.margin**2
    calls, right = [], module._equality_solution

    def noted(Z, active):
        result = right(Z, active)
        calls.append((set(active.tolist()), *result))
        return result

    monkeypatch.setattr(module, "_equality_solution", noted)
    start = rng.choice(n, size=min(n, d) - seed % 2, replace=False)
    result = module._polish(Z, start)
    assert calls[0][0] == set(start)
    current = {}
    for before, after in pairwise([*calls, None]):
        asked, active, w, multipliers = before
        assert asked == set(active)
        step = following(Z, active.tolist(), w.astype(float), multipliers.astype(float), current)
        assert (step is None) == (after is None)
        if step is not None:
            assert after[0] == step[0]
            current = step[1]
    assert result.margin == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(result.dual, dual, atol=1e-10)


def faked(monkeypatch, *, values, errors=0.0, duals=((1.0,),), gaps=()):
    """Note the active sets that a polish of three rows solves where products and duals are these,
    the last one for ever.
    """
    asked, left = [], list(gaps)

    def equality_solution(Z, active):
        dual = np.array(duals[min(len(asked), len(duals) - 1)])
        asked.append(active.tolist())
        return active[: len(dual)], np.array([1.0, 0, 0], np.longdouble), dual

    def fake_products(rows, weights):
        return np.array([values]), np.full((1, 3), errors)

    monkeypatch.setattr(module, "_equality_solution", equality_solution)
    monkeypatch.setattr(module, "products", fake_products)
    monkeypatch.setattr(module, "_replaced", lambda *_: np.empty(0, np.intp))
    if gaps:
        monkeypatch.setattr(module, "_certified", lambda *_: solution(left.pop(0), 2.0 + len(left)))
    return asked


@pytest.mark.parametrize("errors", [0.0, 1e-9])
@pytest.mark.parametrize("size", [1.0, 1e6])
def test_a_row_is_violated_beyond_what_its_product_may_be_off_by(monkeypatch, size, errors):
    Z = size * np.eye(3)
    allowed = errors + 4 * EPS + 8 * EXTENDED_EPS * 1.01 * size
    for share, number in ((0.9, 1), (1.1, 22)):
        low = 1 - share * allowed
        asked = faked(monkeypatch, values=[1.0, low, 1.0], errors=errors)
        module._polish(Z, np.array([0]))
        assert len(asked) == number
        # the active rows are what is solved for, whatever rounding leaves there
        asked = faked(monkeypatch, values=[low, 1.0, 1.0], errors=errors)
        module._polish(Z, np.array([0]))
        assert len(asked) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_polish_ends_after_two_systems_a_row_and_twenty(monkeypatch, number):
    asked = faked(monkeypatch, values=[0.0, 0.5, 0.25])
    module._polish(np.eye(3), np.arange(number))
    assert len(asked) == 2 * number + 20


def test_the_first_best_candidate_is_returned_and_the_last_of_a_path_that_ended(monkeypatch):
    gaps = [0.5, 0.1, 0.1, 0.3] + [0.2] * 18
    faked(monkeypatch, values=[0.0, 0.5, 0.25], gaps=gaps)
    found = module._polish(np.eye(3), np.array([0]))
    assert (found.gap, found.margin) == (0.1, 2.0 + 20)
    duals = ((-1.0, 1.0), (1.0,))
    faked(monkeypatch, values=[1.0, 1.0, 1.0], duals=duals, gaps=[0.2, 0.5])
    assert module._polish(np.eye(3), np.arange(2)).gap == 0.5


def test_a_dual_of_exactly_0_stays(monkeypatch):
    asked = faked(monkeypatch, values=[1.0, 1.0, 1.0], duals=((1.0, 0.0),))
    module._polish(np.eye(3), np.arange(2))
    assert asked == [[0, 1]]
    # nor does it leave in the place of one that is below
    asked = faked(monkeypatch, values=[1.0, 1.0, 1.0], duals=((0.0, -1.0, 1.0), (0.0, 1.0)))
    module._polish(np.eye(3), np.arange(3))
    assert asked == [[0, 1, 2], [0, 2]]


@pytest.mark.parametrize(
    ("last", "left"),
    # (2, 1, 0) goes halfway to (-2, 1, 2), where row 0 leaves; from (1, 1) the first to fall
    [((-1.0, -1.2), [1]), ((-1.0, -0.5), [2]), ((-1.2, -1.0), [2]), ((-0.5, -1.0), [1])],
)
def test_a_row_enters_with_dual_0_and_keeps_what_it_gets(monkeypatch, last, left):
    duals = ((2.0, 1.0), (-2.0, 1.0, 2.0), last, (1.0,))
    asked = faked(monkeypatch, values=[1.0, 1.0, 0.5], duals=duals)
    module._polish(np.eye(3), np.arange(2))
    assert asked[:4] == [[0, 1], [0, 1, 2], [1, 2], left]


def certified(Z, w, multipliers, active):
    w = np.array(w, np.longdouble)
    values, errors = products(split(Z), w[np.newaxis])
    return module._certified(
        split(Z), np.array(active), w, np.array(multipliers, np.longdouble), values, errors
    )


def test_what_is_certified_is_scaled_to_products_of_1():
    Z = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    # products 0.5, 1, 3 of w; the dual -1 of the last row counts as 0
    found = certified(Z, [0.5, 0.5], [0.5, -1.0, 0.25], [0, 2, 1])
    assert np.array_equal(found.weights, [1.0, 1.0])
    assert found.margin == pytest.approx(0.5**0.5, rel=1e-15)
    # sum of the dual = |w|^2 = 2
    np.testing.assert_allclose(found.dual, [4 / 3, 2 / 3, 0.0], rtol=1e-14)
    # c = (0.5, 0.5) is w: at most |c| / 0.75 against the margin
    assert found.gap == pytest.approx(1 - 0.5 / (0.5 / 0.75**2), rel=1e-13)


def test_weights_that_separate_nothing_have_margin_0():
    found = certified(np.eye(2), [1.0, -1.0], [0.5, 0.25], [1, 0])
    assert found.margin == 0.0
    assert found.gap == np.inf
    assert np.array_equal(found.weights, [1.0, -1.0])
    assert found.weights.dtype == np.float64
    assert np.array_equal(found.dual, [0.25, 0.5])


@pytest.mark.parametrize("off", [0.0, 1e-3])
def test_a_combination_is_off_by_its_deviation_and_rounding(monkeypatch, off):
    seen, right = [], module.certify

    def noted(values, errors, weights, dual, deviation):
        seen.append((weights, dual, deviation))
        return right(values, errors, weights, dual, deviation)

    monkeypatch.setattr(module, "certify", noted)
    Z = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    certified(Z, [0.5 + off, 1.0], [0.5, 0.5, -2.0], [0, 1, 2])
    weights, dual, deviation = seen[0]
    assert np.array_equal(weights, np.array([[0.5 + off, 1.0]]))
    assert np.array_equal(dual, [[0.5, 0.5, 0.0]])
    rounding = 5 * EXTENDED_EPS * 1.01 * (0.5 + 2 * 0.5)
    assert deviation == pytest.approx([off + rounding], rel=1e-13, abs=0)


def test_the_combination_is_taken_in_extended_precision(monkeypatch):
    seen, right = [], module.certify
    monkeypatch.setattr(module, "certify", lambda *args: seen.append(args[-1]) or right(*args))
    Z, dual = rows(n=4, d=3), np.array([1.0, 3.0, 2.0, 1.0]) / 3
    certified(Z, dual.astype(np.longdouble) @ Z, dual, [0, 1, 2, 3])
    rounding = 6 * EXTENDED_EPS * 1.01 * (dual @ np.linalg.norm(Z, axis=1))
    assert seen[0] == pytest.approx([rounding], rel=0.1, abs=0)
