"""The smallest removal that leaves separable data, against all removals of small samples."""

from itertools import combinations

import numpy as np
import pytest
import scipy.optimize

from tunebound import bounds, synthetic
from tunebound.bounds import removal


def separable(Z):
    """Whether some w has Z w >= 1, by a linear program of the statement."""
    free = (None, None)
    found = scipy.optimize.linprog(
        np.zeros(Z.shape[1]), A_ub=-Z, b_ub=-np.ones(len(Z)), bounds=free
    )
    return found.status == 0


def class_rows(X, y, keep):
    unit = np.eye(int(max(y)) + 1)
    pairs = [(i, k) for i in keep for k in range(len(unit)) if k != y[i]]
    return np.array([np.outer(unit[y[i]] - unit[k], X[i]).ravel() for i, k in pairs])


def fewest(n, leaves_separable):
    for size in range(n):
        for left in combinations(range(n), n - size):
            if leaves_separable(list(left)):
                return size
    return n


def check(X, y, found):
    """What a removal claims, without its solver; the clashes by Farkas' alternative."""
    X, y = np.asarray(X), np.asarray(y)
    kept = np.delete(np.arange(len(y)), found.rows)
    if found.weights.ndim == 1:
        assert np.all(y[kept] * (X[kept] @ found.weights) > 0)
    else:
        assert np.array_equal((X[kept] @ found.weights.T).argmax(axis=1), y[kept])
    loads = np.zeros(len(y))
    for clash, share in zip(found.clashes, found.shares, strict=True):
        assert share >= 0
        loads[clash] += share
        Z = y[clash, None] * X[clash] if found.weights.ndim == 1 else class_rows(X, y, clash)
        assert not separable(Z)
    assert loads.max(initial=0) <= 1 + 1e-12
    assert found.at_least == max(0, np.ceil(found.shares.sum() - 1e-9))
    assert found.at_least <= len(found.rows)


def test_all_removals_of_small_samples_of_two_classes():
    tight = smallest = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n, d = 9, 1 + seed % 3
        X, y = rng.standard_normal((n, d)), np.where(rng.random(n) < 0.5, 1, -1)
        y[:2] = 1, -1
        found = bounds.smallest_removal(X, y)
        check(X, y, found)
        Z = X * y[:, None]
        truth = fewest(n, lambda left, Z=Z: separable(Z[left]))
        assert found.at_least <= truth <= len(found.rows)
        tight, smallest = tight + (found.at_least == truth), smallest + (len(found.rows) == truth)
    print(f"bound attained in {tight}, smallest found in {smallest} of 30")
    assert tight >= 25
    assert smallest >= 25


def test_all_removals_of_small_samples_of_three_classes():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((7, 2)), np.array([0, 0, 1, 1, 2, 2, 0])
        found = bounds.smallest_removal(X, y)
        check(X, y, found)
        truth = fewest(7, lambda left, X=X, y=y: separable(class_rows(X, y, left)))
        assert found.at_least <= truth <= len(found.rows)


def test_separable_data_need_no_removal():
    for family in synthetic.families():
        d = {"orthogonal": 12, "simplex": 12, "wide": 24}.get(family, 4)
        data = synthetic.make_separable(family, n=12, d=d, margin=0.5, radius=4.0, seed=1)
        found = bounds.smallest_removal(data.X, data.y)
        assert found.rows.size == found.at_least == 0
        assert found.exact
        check(data.X, data.y, found)


def test_planted_wrong_labels_are_an_upper_bound_and_repeated_ones_are_found_exactly():
    data = synthetic.make_separable("gaussian", n=200, d=10, margin=0.5, radius=4.0, seed=0)
    y = data.y.copy()
    y[:9] *= -1
    found = bounds.smallest_removal(data.X, y)
    check(data.X, y, found)
    assert 1 <= found.at_least <= len(found.rows) <= 9
    X, y = np.vstack([data.X, data.X[:7]]), np.concatenate([data.y, -data.y[:7]])
    found = bounds.smallest_removal(X, y)
    assert len(found.rows) == found.at_least == 7
    check(X, y, found)


def test_a_zero_row_and_large_scales_count():
    X = np.array([[0.0, 0.0], [1e150, 0.0], [-1e-150, 0.0], [1e150, 0.0]])
    y = np.array([1, 1, -1, -1])
    found = bounds.smallest_removal(X, y)
    assert len(found.rows) == found.at_least == 2
    assert found.exact


def test_a_direction_in_which_features_hardly_vary_hides_no_clash():
    rng = np.random.default_rng(0)
    A, fixed = rng.normal(size=(60, 9)), rng.normal(size=9)
    last = A @ fixed + 0.3
    y = np.where(rng.random(60) < 0.5, -1, 1)
    # but for the rounding to float32 one feature is a combination of the others, as behind a layer
    # norm
    X = np.c_[A, last, np.full(60, 0.3)].astype(np.float32).astype(np.float64)
    assert 0 < np.linalg.svd(X)[1][-1] < 1e-6
    found = bounds.smallest_removal(X, y)
    assert found.at_least >= 3
    check(X, y, found)


def test_large_data_are_answered_without_linear_programs(monkeypatch):
    data = synthetic.make_separable("gaussian", n=60, d=4, margin=0.5, radius=4.0, seed=0)
    y = data.y.copy()
    y[:3] *= -1
    X, y = np.vstack([data.X, data.X[10]]), np.append(y, -y[10])
    monkeypatch.setattr(removal, "WORK", 0)
    found = bounds.smallest_removal(X, y)
    check(X, y, found)
    assert found.at_least == 1


@pytest.mark.parametrize(("programs", "put_back", "rounds"), [(19, 9, 4), (20, 10, 5)])
def test_what_is_tried_shrinks_with_the_programs_that_are_affordable(
    programs, put_back, rounds, monkeypatch
):
    # (1, x) with labels of a coin: dozens of samples have to go
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(80), rng.standard_normal(80)])
    y = np.where(rng.random(80) < 0.5, -1, 1)
    tried, looked = [], []
    separator, crossing = removal._separator, removal._Search.crossing
    monkeypatch.setattr(removal, "_separator", lambda Z: tried.append(1) or separator(Z))
    monkeypatch.setattr(
        removal._Search, "crossing", lambda self: looked.append(1) or crossing(self) or True
    )
    monkeypatch.setattr(removal, "WORK", programs * 80 * 2 * 2)
    bars = []
    monkeypatch.setattr(removal, "tqdm", lambda items, **options: bars.append(options) or items)
    found = bounds.smallest_removal(X, y)
    check(X, y, found)
    assert [bar.pop("desc") for bar in bars] == ["put back", "clashes"]
    assert bars == 2 * [{"unit": "", "disable": None, "delay": 2, "leave": False}]
    assert not found.exact
    assert (len(tried), len(looked)) == (put_back, rounds)


def test_a_clash_is_a_positive_combination_that_is_zero():
    rng = np.random.default_rng(3)
    for _ in range(20):
        A = rng.integers(-5, 6, (3, 3)).astype(float)
        if abs(np.linalg.det(A)) < 0.5:
            continue
        shares = rng.integers(1, 4, 3).astype(float)
        near = np.append(shares, 1) * rng.uniform(0.9, 1.1, 4)
        found = removal.clash_shares(np.vstack([A, -shares @ A]), near)
        np.testing.assert_allclose(found / found[3], [*shares, 1], rtol=1e-12)
        assert removal.clash_shares(np.vstack([A, shares @ A]), near) is None


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1.0], [np.nan]], [1, -1], "X"),
        ([[1.0], [2.0]], [1, 1], "only|needs"),
        ([[1.0], [2.0]], [-1, -1], "only the class"),
        ([[1.0], [2.0]], [1, -1, 1], "shape"),
    ],
)
def test_bad_input_is_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        bounds.smallest_removal(X, y)
