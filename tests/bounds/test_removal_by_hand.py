"""Clashes, covers and removals of samples few enough to know the answer."""

import re
from fractions import Fraction

import numpy as np
import pytest
import scipy.optimize

from tunebound import bounds
from tunebound.bounds import removal

UNIT = 2.0**-52


def lists(rows):
    return [list(map(int, row)) for row in rows]


def array(rows):
    return np.array(rows, dtype=float)


@pytest.mark.parametrize(
    ("y", "signs"), [([0, 1, 1], [-1, 1, 1]), ([1, 0, 0], [1, -1, -1])], ids=str
)
def test_rows_of_two_classes_are_signed_and_scaled_by_powers_of_two(y, signs):
    X = array([[3, -1], [0.25, 0.1], [0, 0]])
    Z, owner = removal._rows(X, np.array(y), 2)
    scaled = array([[0.75, -0.25], [0.5, 0.2], [0, 0]])
    np.testing.assert_array_equal(Z, scaled * np.array(signs)[:, None])
    assert owner.tolist() == [0, 1, 2]


def test_rows_of_several_classes_compare_with_every_rival():
    X = array([[1, 2], [3, 5], [-7, 1]])
    y = np.array([0, 1, 2])
    Z, owner = removal._rows(X, y, 3)
    assert owner.tolist() == [0, 0, 1, 1, 2, 2]
    # W has two rows, the last class scores 0; each row has the norm of a number in [1/2, 1)
    W = array([[0.3, -1.1], [0.7, 0.2]])
    scores = X @ np.vstack([W, [0, 0]]).T
    known = [scores[i, y[i]] - scores[i, k] for i in range(3) for k in range(3) if k != y[i]]
    powers = [4, 4, 8, 8, 8, 8]
    np.testing.assert_allclose(Z @ W.ravel() * powers, known, rtol=1e-13)
    assert (np.abs(Z).max(axis=1) >= 0.5).all()
    assert (np.abs(Z).max(axis=1) < 1).all()


def test_contradictions_are_disjoint_pairs_and_zero_rows():
    points = array([[1, 2], [0, 0], [1, 2], [3, 3], [1, 2], [-0.0, 0.0], [3, 3], [1, 2], [5, 5]])
    y = np.array([0, 1, 1, 2, 0, 0, 2, 1, 1])
    found = lists(removal._contradictions(points, y))
    assert found[:2] == [[1], [5]]
    # four equal samples of two classes give two pairs, equal ones of one class none
    pairs = found[2:]
    assert len(pairs) == 2
    assert sorted(i for pair in pairs for i in pair) == [0, 2, 4, 7]
    for pair in pairs:
        assert pair == sorted(pair)
        assert y[pair[0]] != y[pair[1]]


def test_contradictions_count_the_fewer_side():
    points, y = np.ones((6, 2)), np.array([1, 1, 0, 1, 2, 1])
    found = lists(removal._contradictions(points, y))
    assert len(found) == 2
    assert {i for pair in found for i in pair if y[i] != 1} == {2, 4}
    # a zero written with a sign is the same number
    mixed = array([[1, 0.0], [1, -0.0]])
    assert lists(removal._contradictions(mixed, np.array([0, 1]))) == [[0, 1]]
    assert removal._contradictions(array([[1e-20, 1], [2e-20, 1]]), np.array([0, 1])) == []


TRIANGLE = array([[1, 0], [-1, 1], [-1, -1]])


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        (TRIANGLE, (2, 1, 1)),
        (TRIANGLE[[2, 0, 1]], (1, 2, 1)),
        (TRIANGLE * [[1e3], [1], [1e-3]], (2e-6, 1e-3, 1)),
        (array([[1, 0], [1, 1], [1, -1]]), None),
        (array([[1, 0], [-1, 0], [0, 1]]), None),
        (array([[1.0], [-2.0]]), (2, 1)),
        (array([[1.0], [2.0]]), None),
        (array([[0.0, 0.0]]), (1,)),
        (array([[1.0, 0.0]]), None),
        (array([[1, 2], [-2, -4]]), (2, 1)),
        (array([[1, 2], [-2, -4.000001]]), None),
        (array([[1, 2], [2, 4]]), None),
        (array([[1, 0, 0], [-1, 1, 0], [-1, -1, 0]]), (2, 1, 1)),
        (array([[0, 1, 0], [0, -1, 1], [0, -1, -1]]), (2, 1, 1)),
        (array([[1, 0, 0], [-1, 1, 0], [-1, -1, 1e-9]]), None),
        (array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -2, -3]]), (1, 2, 3, 1)),
        (array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -2, 3]]), None),
    ],
)
def test_what_is_a_clash(rows, shares):
    rng = np.random.default_rng(0)
    for _ in range(5):
        if shares is None:
            assert removal.clash_shares(rows, rng.uniform(0.1, 1, len(rows))) is None
            continue
        true = np.array(shares) / sum(shares)
        found = removal.clash_shares(rows, true * (1 + 1e-3 * rng.normal(size=len(rows))))
        assert (found > 0).all()
        np.testing.assert_allclose(found / found.sum(), true, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [2.0**-40, 1.0, 2.0**20])
def test_what_shares_are_does_not_depend_on_their_sum(scale):
    # off by (0, 1e-13 s) of 2 s
    rows, shares = array([[1, 0], [-1, 2 * removal.TOLD]]), scale * np.ones(2)
    for told, proved in ((1.001, True), (0.999, False)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(removal, "TOLD", removal.TOLD * told)
            patch.setattr(removal, "CORRECTIONS", 1)
            found = removal.clash_shares(rows, shares)
        assert (found is not None) is proved
        assert not proved or found.tolist() == shares.tolist()


@pytest.mark.parametrize("sums", [0, 0.5, -0.5, 1, -1])
def test_what_is_added_up_counts_with_its_error(sums, monkeypatch):
    monkeypatch.setattr(removal, "CORRECTIONS", 1)
    for share, proved in ((1 - 2e-9, True), (1 - 5e-10, False)):
        # shares 2, 1, 1 add up to 4, less what their own sum may be off by
        limit = 4 * removal.TOLD * share
        found = limit * array([[sums, 0]]), limit * array([[1 - abs(sums), 0]])
        monkeypatch.setattr(removal, "product", lambda *_, found=found: found)
        assert (removal.clash_shares(TRIANGLE, array([2, 1, 1])) is not None) is proved


def test_rationals_add_up_what_float64_proves():
    rng = np.random.default_rng(0)
    proved = 0
    for _ in range(200):
        d = rng.integers(1, 6)
        Z = rng.uniform(-1, 1, (d + 1, d)) * 10.0 ** rng.integers(-9, 1, d)
        Z /= np.abs(Z).max(axis=1, keepdims=True)
        null = np.linalg.svd(Z)[0][:, -1]
        Z *= np.sign(null)[:, None]
        found = removal.clash_shares(Z, np.abs(null) * (1 + 1e-9 * rng.normal(size=d + 1)))
        if found is None:
            continue
        proved += 1
        assert (found > 0).all()
        terms = [[Fraction(a) * Fraction(z) for z in row] for a, row in zip(found, Z, strict=True)]
        square = sum(sum(column) ** 2 for column in zip(*terms, strict=True))
        assert square <= (Fraction(removal.TOLD) * sum(map(Fraction, found))) ** 2
    assert proved > 150


def test_positive_products_exceed_their_rounding(monkeypatch):
    # two entries: 4 units of rounding of the sum of absolute terms, which is 2
    monkeypatch.setattr(removal, "TOLD", 0)
    w = array([1, 1])
    near = [[1, -1 + units * UNIT] for units in (3, 7, 9, 12)]
    Z = array([[1, 1], [1, -1], *near, [-1, 0.5], [0, 0]])
    expected = [True, False, False, False, True, True, False, False]
    assert removal._positive(Z, w).tolist() == expected
    assert removal._positive(2.0**20 * Z, w).tolist() == expected


def test_positive_products_are_told_from_none():
    # w is of norm 5, and 4 units are the rounding of a product whose terms do not cancel
    w = array([3, 4])
    for length in (5e-13, 7e-13):
        Z = (length + np.array([[-1e-15], [5e-15]])) * w / 25
        assert removal._positive(Z, w).tolist() == [length > 5e-13, True]


def test_a_separator_has_the_largest_margin():
    for Z, margin in (
        ([[1, 0], [0, 1]], 0.5**0.5),
        ([[0.5, 0], [0, 0.25]], 1 / 20**0.5),
        ([[0.9, 0.8], [0.9, -0.8]], 0.9),
        ([[3, 1], [2, 2]], 8**0.5),
        ([[-1, 0.5], [-0.2, -0.1]], 0.05**0.5),
    ):
        w = removal._separator(array(Z))
        assert (array(Z) @ w).min() / np.linalg.norm(w) == pytest.approx(margin, rel=1e-12)
    assert removal._separator(TRIANGLE) is None
    # margins below and above what counts as told from none
    assert removal._separator(array([[1, 5e-14], [-1, 5e-14]])) is None
    assert removal._separator(array([[1, 5e-13], [-1, 5e-13]])) is not None
    assert removal._separator(array([[1, 0], [-1, 0]])) is None


def test_fits_reweigh_by_their_errors():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(12, 3))
    found = removal._least_squares(Z)
    assert len(found) == 4 * removal.REWEIGHTINGS
    weights = np.ones(12)
    for w in found:
        # the minimiser of the weighted squares, with a ridge of 1e-9 |Z|^2
        root = np.sqrt(weights)
        ridge = np.sqrt(1e-9 * (Z**2).sum()) * np.eye(3)
        known = np.linalg.lstsq(
            np.vstack([root[:, None] * Z, ridge]), np.append(root, np.zeros(3)), rcond=None
        )[0]
        np.testing.assert_allclose(w, known, rtol=1e-9)
        weights = 1 / (abs(1 - Z @ w) + 0.1)


def search(Z, owner=None, n=None):
    owner = np.arange(len(Z)) if owner is None else np.array(owner)
    return removal._Search(array(Z), owner, len(Z) if n is None else n)


# three rows around the origin, twice, and one that no clash needs
DOUBLE = [[1, 0], [-1, 1], [-1, -1], [2, 0.1], [-2, 1.9], [-2, -2.1], [0.3, 0.1]]


def test_disjoint_clashes_share_no_sample_and_leave_none():
    one = search(DOUBLE)
    one.disjoint()
    members = [i for clash in one.clashes for i in clash]
    assert len(members) == len(set(members))
    assert len(one.clashes) == 2
    assert one.at_least == 2
    rest = [i for i in range(7) if i not in members]
    assert removal._separator(array(DOUBLE)[rest]) is not None
    # what is taken already is not free
    two = search(DOUBLE)
    two.add(np.array([0, 1, 2]))
    two.disjoint()
    assert lists(two.clashes)[0] == [0, 1, 2]
    assert not {0, 1, 2} & set(lists(two.clashes)[1])


def test_nothing_to_cover():
    one = search([[1, 0], [1, 1]])
    one.disjoint()
    assert one.clashes == []
    cover, shares = one.packing
    assert cover.tolist() == [0, 0]
    assert shares.tolist() == []
    assert one.at_least == 0
    assert one.crossing() is False


def test_the_packing_is_the_best_of_its_clashes():
    one = search(np.ones((5, 2)))
    for clash in ([0, 1], [1, 2], [0, 2]):
        one.add(np.array(clash))
    cover, shares = one.packing
    # each sample half: an odd cycle
    assert cover == pytest.approx([0.5, 0.5, 0.5, 0, 0])
    assert shares == pytest.approx([0.5, 0.5, 0.5])
    assert one.at_least == 2
    one.add(np.array([3]))  # what is known of the others is forgotten
    assert one.packing[1] == pytest.approx([0.5, 0.5, 0.5, 1])
    assert one.at_least == 3


def test_a_crossing_clash_is_one_that_the_cover_leaves_open():
    one = search(DOUBLE)
    one.add(np.array([0, 1, 2]))
    assert one.crossing() is True
    assert len(one.clashes) == 2
    around = np.linspace(0, 2 * np.pi, 10_000)
    products = array(DOUBLE)[one.clashes[1]] @ np.stack([np.cos(around), np.sin(around)])
    assert products.min(axis=0).max() <= 0
    while one.crossing():
        assert len(one.clashes) < 20
    cover = one.packing[0]
    samples = one._clash(np.ones(7, dtype=bool), cover)
    assert cover[samples].sum() > 1 - 1e-6


def test_the_cheapest_clash_of_free_samples():
    one = search(DOUBLE[:6])
    everything = np.ones(6, dtype=bool)
    found = one._clash(everything, np.array([1, 1, 1, 0, 0, 0.0]))
    assert found.tolist() == [3, 4, 5]
    found = one._clash(everything, np.array([0, 0, 0, 1, 1, 1.0]))
    assert found.tolist() == [0, 1, 2]
    some = everything.copy()
    some[[0, 3]] = False
    assert one._clash(some, np.zeros(6)) is None
    some[3] = True
    assert 3 in one._clash(some, np.zeros(6))
    assert one._clash(np.zeros(6, dtype=bool), np.zeros(6)) is None


def test_a_clash_of_rows_is_named_by_the_samples_that_own_them():
    one = search([[1, 0], [-1, 1], [-1, -1], [4, 1]], owner=[2, 0, 2, 1], n=3)
    found = one._clash(np.ones(3, dtype=bool), np.array([0, 1, 0.0]))
    assert found.tolist() == [0, 2]


def test_a_removal_keeps_all_that_can_be_kept():
    for programs in (1000, 0):
        rows, w = search(DOUBLE[:6]).removal(programs)
        kept = np.setdiff1d(np.arange(6), rows)
        assert (array(DOUBLE)[kept] @ w > 0).all()
        if programs:
            assert len(rows) == 2
    rows, w = search([[1, 0.2], [1, -0.3]]).removal(1000)
    assert rows.size == 0
    assert (array([[1, 0.2], [1, -0.3]]) @ w > 0).all()


def test_what_a_program_leaves_out_is_put_back_where_it_fits(monkeypatch):
    # rows 0 and 3 exclude each other, and nothing else does
    Z = array([[1, 0], [0.9, 0.1], [0.1, 1], [-1, 0]])
    tried = []
    real = removal._separator
    monkeypatch.setattr(removal, "_separator", lambda Z: tried.append(len(Z)) or real(Z))

    def after(*fits):
        tried.clear()
        one = search(Z)
        monkeypatch.setattr(one, "_reweighted", lambda: [array(fit) for fit in fits])
        rows, w = one.removal(1000)
        assert (np.delete(Z, rows, axis=0) @ w > 0).all()
        return rows.tolist(), tried

    assert after([-1, 0]) == ([0], [2, 3, 4])
    # the fit that keeps most counts, of equal ones the first
    assert after([-1, 0], [-1, 0.2]) == ([0], [3, 4])
    assert after([-1, 0.2], [-1, 0]) == ([0], [3, 4])
    assert after([-1, 0.2], [1, -2]) == ([0], [3, 4])
    assert after([1, -2], [-1, 0.2]) == ([3], [3, 3])
    # the nearest is tried first
    monkeypatch.setattr(removal, "PUT_BACK", 1)
    assert after([-1, 0]) == ([0, 1], [2])
    assert after([1, -2]) == ([2, 3], [3])


def test_of_equally_near_samples_the_first_is_put_back(monkeypatch):
    # one row against sixty that are wrong for (1, 0), the last ten the least, of which each alone
    # could be kept
    Z = array([[1, 0], *([-1 - (59 - k) // 10, 0.1 * (k + 1)] for k in range(60))])
    one = search(Z)
    monkeypatch.setattr(one, "_reweighted", lambda: [np.array([1.0, 0.0])])
    monkeypatch.setattr(removal, "PUT_BACK", 1)
    assert one.removal(1000)[0].tolist() == [*range(1, 51), *range(52, 61)]


def test_what_is_not_affordable_solves_no_program(monkeypatch):
    def refuse(*given, **named):
        raise AssertionError("a linear program")

    one = search(DOUBLE[:6])
    monkeypatch.setattr(removal.scipy.optimize, "linprog", refuse)
    assert one.removal(0)[0].size > 0


@pytest.mark.parametrize("seed", [None, 0])
def test_reweighted_fits_are_those_of_their_programs(seed):
    Z = array(DOUBLE) if seed is None else np.random.default_rng(seed).normal(size=(25, 2))
    one = search(Z)
    found = one._reweighted()
    assert len(found) == removal.REWEIGHTINGS
    weights = np.ones(len(Z))
    for w in found:
        slack = np.maximum(1 - Z @ w, 0)
        # no other w of a fine search has a smaller weighted sum of slacks
        rng = np.random.default_rng(0)
        others = w + rng.normal(size=(400, 2)) * 10 ** rng.uniform(-4, 1, (400, 1))
        sums = np.maximum(1 - Z @ others.T, 0).T @ weights
        assert sums.min() >= slack @ weights - 1e-9
        weights = 1 / (slack + 0.1)


def test_a_program_that_fails_leaves_the_fits_before_it(monkeypatch):
    real, asked = removal.scipy.optimize.linprog, []

    def once(*given, **named):
        asked.append(1)
        return scipy.optimize.OptimizeResult(x=None) if asked[1:] else real(*given, **named)

    one = search(DOUBLE)
    first = one._reweighted()[0]
    monkeypatch.setattr(removal.scipy.optimize, "linprog", once)
    np.testing.assert_array_equal(one._reweighted(), [first])


def test_rows_of_a_sample_share_its_slack():
    one = search([[1, 0], [-1, 0], [0, 1]], owner=[0, 0, 1], n=2)
    w = one._reweighted()[0]
    assert w[1] >= 1 - 1e-9
    assert abs(w[0]) < 1e-9  # |w_0| + 1 is the slack of the first sample


@pytest.mark.parametrize(
    ("X", "y", "rows", "shape"),
    [
        ([[1.0], [2.0], [3.0]], [1, -1, 1], [1], (1,)),
        ([[1.0], [2.0], [3.0]], [1, 0, 1], [1], (2, 1)),
        ([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0, 1, 2], [], (3, 2)),
        ([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]], [0, 1, 2, 2], [], (3, 2)),
        ([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [0, 1, 2, 0], [1], (3, 2)),
        ([[0.0, 0.0], [1.0, 1.0]], [1, -1], [0], (2,)),
    ],
)
def test_small_answers(X, y, rows, shape):
    found = bounds.smallest_removal(X, y)
    assert found.rows.tolist() == rows
    assert found.exact
    assert found.weights.shape == shape
    X, y = np.array(X), np.array(y)
    kept = np.setdiff1d(np.arange(len(y)), rows)
    scores = X[kept] @ found.weights.T
    if len(shape) == 1:
        assert (scores * y[kept] > 0).all()
    else:
        assert (scores.argmax(axis=1) == y[kept]).all()
        own = scores[np.arange(len(kept)), y[kept]]
        rivals = np.where(np.eye(shape[0])[y[kept]] == 1, -np.inf, scores).max(axis=1)
        assert (own > rivals).all()
    assert len(found.clashes) == len(found.shares)
    assert found.at_least == np.ceil(found.shares.sum() - 1e-9)


@pytest.mark.parametrize("work", [359, 360])
def test_linear_programs_are_solved_where_ten_are_affordable(work, monkeypatch):
    # the two samples in the middle are of the wrong class: 9 rows of 2 entries, so 36 a program
    X = array([[1, t] for t in (-4, -3, -2, -0.1, 0.1, 0.2, 2, 3, 4)])
    y = np.array([-1, -1, -1, 1, -1, 1, 1, 1, 1])
    solved, real = [], removal.scipy.optimize.linprog
    monkeypatch.setattr(
        removal.scipy.optimize,
        "linprog",
        lambda *given, **named: solved.append(1) or real(*given, **named),
    )
    monkeypatch.setattr(removal, "WORK", work)
    found = bounds.smallest_removal(X, y)
    assert found.at_least == (1 if work == 360 else 0)
    assert (len(solved) > 0) == (work == 360)


def test_rounds_end_where_the_bound_is_met(monkeypatch):
    asked = []
    real = removal._Search.crossing
    monkeypatch.setattr(removal._Search, "crossing", lambda self: asked.append(1) or real(self))
    assert bounds.smallest_removal([[1.0], [2.0], [3.0]], [1, -1, 1]).exact
    assert asked == []
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((12, 3)), np.where(np.arange(12) % 2, 1, -1)
    monkeypatch.setattr(removal, "ROUNDS", 2)
    found = bounds.smallest_removal(X, y)
    assert found.exact or 1 <= len(asked) <= 2


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1.0], [2.0]], [-1, np.nan], "y[1] = nan: y must be finite"),
        ([[1.0], [2.0]], [0, 0], "y holds only the class 0"),
        ([[1.0], [2.0]], [0, 2], "y has 0 sample(s) of class 1 of 3 and needs 1"),
        ([[1.0], [2.0]], [-1, 2], "y[1] = 2.0: y must be -1 or +1"),
    ],
)
def test_labels_are_checked(X, y, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        bounds.smallest_removal(X, y)


@pytest.mark.parametrize(("least", "found"), [(1 - 0.9e-6, False), (1 - 1.1e-6, True)])
def test_a_clash_is_open_where_its_cover_is_below_one_by_more_than_rounding(least, found):
    one = search([[1, 0], [-1, 1], [-1, -1]])
    one.packing = np.array([least, 0.0, 0.0]), np.zeros(0)
    assert one.crossing() is found
    assert lists(one.clashes) == ([[0, 1, 2]] if found else [])


def test_five_directions_at_equal_angles_need_clashes_that_cross():
    # an open half plane holds three of them, and two clashes of three cannot be disjoint; half of
    # each of three, which meet in pairs, adds up to 3/2
    angles = 2 * np.pi * np.arange(5) / 5
    Z, y = np.stack([np.cos(angles), np.sin(angles)], axis=1), np.array([1, -1, 1, 1, -1])
    found = bounds.smallest_removal(Z * y[:, None], y)
    assert len(found.rows) == found.at_least == 2
    assert sorted(map(len, found.clashes)) == [3] * len(found.clashes)


def test_two_classes_share_the_weights_of_two_signs():
    rng = np.random.default_rng(4)
    X, y = rng.standard_normal((9, 3)), np.array([1, -1, 1, 1, -1, -1, 1, -1, 1])
    signed, classes = bounds.smallest_removal(X, y), bounds.smallest_removal(X, (y > 0) * 1)
    assert classes.rows.tolist() == signed.rows.tolist()
    np.testing.assert_array_equal(2 * classes.weights, [-signed.weights, signed.weights])


def test_what_is_not_proved_is_no_clash(monkeypatch):
    monkeypatch.setattr(removal, "clash_shares", lambda Z, near: None)
    one = search([[1, 0], [-1, 1], [-1, -1]])
    assert one._clash(np.ones(3, dtype=bool), np.zeros(3)) is None


@pytest.mark.parametrize("least", [1.0, 1e-7, 1e-12])
def test_directions_have_the_relations_of_the_rows(least):
    rng = np.random.default_rng(1)
    Z = rng.normal(size=(20, 3)) @ np.diag([1, 1, least])
    found = search(Z @ np.linalg.qr(rng.normal(size=(3, 3)))[0]).directions
    np.testing.assert_allclose(found.T @ found, 20 * np.eye(3), atol=1e-12)
    # a combination that is 0 of the rows is 0 of theirs
    combination = np.linalg.svd(Z.T)[2][3:]
    np.testing.assert_allclose(combination @ found, 0, atol=1e-14 / least)


def test_directions_in_which_nothing_varies_are_left_out():
    rng = np.random.default_rng(2)
    Z = rng.normal(size=(20, 3))
    for rows, rank in ((np.c_[Z, Z[:, 0]], 3), (np.zeros((4, 2)), 0), (Z[:2], 2)):
        assert search(rows).directions.shape == (len(rows), rank)
    # 20 units of rounding of the largest are not told from nothing
    columns = np.linalg.qr(rng.normal(size=(20, 2)))[0]
    for units, rank in ((18, 1), (22, 2)):
        assert search(columns * [1, units * UNIT]).directions.shape[1] == rank


def test_a_program_that_turns_in_circles_is_stopped_and_done_without(monkeypatch):
    real, steps = scipy.optimize.linprog, []

    def stopped(cost, **program):
        if program.keys() == {"A_ub", "b_ub", "method"}:
            return real(cost, **program)  # that of the shares, which is small
        table = program.get("A_ub") if program.get("A_eq") is None else program["A_eq"]
        steps.append(program["options"]["maxiter"] / sum(table.shape))
        return real(cost, **{**program, "options": {"maxiter": 1}})

    monkeypatch.setattr(scipy.optimize, "linprog", stopped)
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((40, 4)), np.where(rng.random(40) < 0.5, 1, -1)
    found = bounds.smallest_removal(X, y)
    assert len(steps) >= 2
    assert steps == [pytest.approx(removal.STEPS, rel=0.05)] * len(steps)
    assert found.at_least == 0
    assert found.clashes == ()
    kept = np.delete(np.arange(40), found.rows)
    assert kept.size > 20
    assert (y[kept] * (X[kept] @ found.weights) > 0).all()
