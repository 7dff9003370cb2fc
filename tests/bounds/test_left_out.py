"""Problems without some rows: blocks, what proves nothing, and whose separator one is."""

import sys

import numpy as np
import pytest

from tests.bars import recording
from tests.oracles.samples import separable
from tunebound.bounds import leave_one_out_separators, max_margin
from tunebound.bounds.separators import classes, leave_one_out, left_out, pivots, quadratic_programs
from tunebound.bounds.separators.classes import leave_one_out_classes, max_margin_classes
from tunebound.bounds.separators.split_products import EPS


def sample(seed=1, n=30, d=5):
    X, y = separable(np.random.default_rng(seed), n, d)
    return X, y, max_margin(X, y)


def three_classes():
    rng = np.random.default_rng(2)
    y = np.repeat(np.arange(3), 5)
    return 3 * np.eye(3)[y] @ rng.normal(size=(3, 4)) + 0.1 * rng.normal(size=(15, 4)), y


@pytest.mark.parametrize(
    ("size", "allowed"), [(1.0, 1e-6), (1e12, 5 * EPS * 1e12 * 10**0.5 + 1e-6)]
)
@pytest.mark.parametrize("side", [-1, 1])
def test_the_smallest_product_is_1_within_rounding(size, allowed, side):
    # the others have the largest norm, the first row the smallest product
    for share, possible in ((0.99, True), (1.01, False)):
        product = 1 + side * share * allowed
        Z = np.array([[0.0, 1.0, 0.0], [size, 2.0, 0.0], [size, 2.0, 0.0]])
        w = np.array([0.0, product, 3.0])
        found = left_out.smallest_product(Z, w)
        assert found == (product, possible)
        assert isinstance(found[0], float)


@pytest.mark.parametrize(("share", "together"), [(0.1, 1), (1.9, 1), (2, 2), (3.1, 3), (99, 7)])
def test_a_block_holds_what_memory_allows(monkeypatch, share, together):
    X, y, whole = sample(n=20)
    Z, k = X * y[:, None], whole.support.size
    monkeypatch.setattr(left_out, "_LARGEST_BLOCK", int(share * 40 * k))
    monkeypatch.setattr(left_out, "_DIFFERENT_ROWS", 40)
    problems = left_out._Problems(Z, whole.dual, np.arange(7)[:, None], "active-set")
    blocks = list(problems.blocks())
    assert [block.size for block in blocks[:-1]] == [together] * (len(blocks) - 1)
    assert np.array_equal(np.concatenate(blocks), np.arange(7))
    # without many active rows the products themselves fill it
    monkeypatch.setattr(left_out, "_DIFFERENT_ROWS", 0)
    monkeypatch.setattr(left_out, "_LARGEST_BLOCK", 60)
    assert [block.size for block in problems.blocks()] == [3, 3, 1]


def test_a_dual_that_proves_nothing_has_an_infinite_gap():
    X, y, whole = sample()
    Z = X * y[:, None] / whole.margin
    rows = np.full((5, 1), len(y))  # nothing is left out
    problems = left_out._Problems(Z, whole.dual * whole.margin**2, rows, "active-set")
    own = problems.dual
    alone = np.eye(len(y))[np.argmin(((Z / np.linalg.norm(Z, axis=1)[:, None]) @ Z.T).min(axis=1))]
    assert (Z @ (alone @ Z)).min() < 0
    duals = np.array([own, own * np.nan, -own, alone, np.where(own > 0, own, -1e-300)])
    weights, margins, gaps = problems._certified(np.arange(5), duals)
    assert not problems._certified(np.arange(1), 0 * duals[:1])[0].any()
    assert np.isfinite(gaps).tolist() == [True, False, False, False, False]
    assert gaps[0] < 1e-13
    assert margins == pytest.approx([1.0, 0, 0, 0, 0], rel=1e-12)
    assert weights[0] == pytest.approx(whole.weights * whole.margin, rel=1e-10)
    assert (Z @ weights[0]).min() == pytest.approx(1.0, rel=1e-12)
    assert not weights[1:].any()


def test_some_rows_are_left_out_together_and_n_stands_for_none():
    X, y, whole = sample()
    Z, n = X * y[:, None], len(y)
    first, second = whole.support[:2]
    problems = np.array([[first, second], [first, n], [n, n], [second, first]])
    weights, margins, gaps = left_out.resolve(
        Z, whole.margin, whole.dual, problems, solver="active-set"
    )
    assert gaps.max() < 1e-12
    for k, rows in enumerate(problems):
        rest = np.setdiff1d(np.arange(n), rows)
        own = max_margin(X[rest], y[rest])
        assert margins[k] == pytest.approx(own.margin, rel=1e-12)
        assert weights[k] == pytest.approx(own.weights, rel=1e-9)


@pytest.mark.parametrize("gap", [1e-12, np.nextafter(1e-12, 1)])
def test_a_gap_above_1e_12_is_solved_anew(monkeypatch, gap):
    X, y, whole = sample()
    Z, support = X * y[:, None] / whole.margin, whole.support[:, None]
    solved = []
    fresh = left_out.least_distance

    def noted(rows, active):
        solved.append((len(rows), active))
        return fresh(rows, active)

    certified = left_out._Problems._certified

    def pretended(self, block, duals):
        weights, margins, gaps = certified(self, block, duals)
        return weights, margins, np.full_like(gaps, gap)

    monkeypatch.setattr(left_out._Problems, "_certified", pretended)
    monkeypatch.setattr(left_out, "least_distance", noted)
    problems = left_out._Problems(Z, whole.dual * whole.margin**2, support, "active-set")
    weights, margins, gaps = problems.solved(np.arange(len(support)))
    assert len(solved) == (len(support) if gap > 1e-12 else 0)
    duals = pivots.resolve(problems.whole, support)
    for (rows, active), i, dual in zip(solved, whole.support, duals, strict=False):
        assert rows == len(y) - 1
        rest = np.arange(len(y)) != i
        assert np.array_equal(active, np.flatnonzero(dual[rest] > 0))
    assert gaps.max() <= 1e-12
    for i, k in enumerate(whole.support):
        own = max_margin(np.delete(X, k, 0) / whole.margin, np.delete(y, k))
        assert margins[i] == pytest.approx(own.margin, rel=1e-12)
        assert weights[i] == pytest.approx(own.weights, rel=1e-9)


def test_refusals_name_the_argument_and_the_remedy():
    X, y, whole = sample()
    points, labels = three_classes()
    own = max_margin_classes(points, labels)
    remedy = r"pass max_margin\(X, y\) of the same X and y, or leave it out$"
    of_classes = r"pass max_margin_classes\(X, y\) of the same X and y, or leave it out$"
    for call, error, message in (
        (lambda: leave_one_out_separators(X, y, own), TypeError, "^separator .*" + remedy),
        (
            lambda: leave_one_out_classes(points, labels, whole),
            TypeError,
            "^separator .*" + of_classes,
        ),
        (lambda: leave_one_out_separators(X, y, samples=[0.5]), ValueError, "^samples"),
        (lambda: leave_one_out_classes(points, labels, samples=[0.5]), ValueError, "^samples"),
        (lambda: leave_one_out_separators(X, y, solver="nnls"), ValueError, "^solver must be"),
        (
            lambda: leave_one_out_separators(X[:, :4], y, whole),
            ValueError,
            r"^separator is for 30 samples in 5 dimensions, X has shape \(30, 4\): " + remedy,
        ),
        (
            lambda: leave_one_out_separators(X * 2, y, whole),
            ValueError,
            r"^separator has min_j y_j x_j \. w = 2 on X, y instead of 1: " + remedy,
        ),
        (
            lambda: leave_one_out_classes(points[:, :3], labels, own),
            ValueError,
            r"^separator has weights \(3, 4\) for 15 samples, X and y ask for \(3, 3\) and 15: "
            + of_classes,
        ),
        (
            lambda: leave_one_out_classes(points[1:], labels[1:], own),
            ValueError,
            r"^separator has weights \(3, 4\) for 15 samples, X and y ask for \(3, 4\) and 14: "
            + of_classes,
        ),
        (
            lambda: leave_one_out_classes(points * 2, labels, own),
            ValueError,
            "^separator has a smallest margin of 2 on X, y instead of 1: " + of_classes,
        ),
    ):
        with pytest.raises(error, match=message):
            call()


def test_left_out_classes_without_a_given_separator_are_those_with_it():
    points, labels = three_classes()
    own = max_margin_classes(points, labels)
    assert own.direction == pytest.approx(own.weights / np.linalg.norm(own.weights), rel=1e-12)
    given, computed = (
        leave_one_out_classes(points, labels, own),
        leave_one_out_classes(points, labels),
    )
    assert np.array_equal(given.weights, computed.weights)
    assert np.array_equal(given.gaps, computed.gaps)
    other = np.setdiff1d(np.arange(15), own.support)
    assert other.size
    for i in other:
        assert np.array_equal(given.weights[i], own.weights)
        assert (given.margins[i], given.gaps[i]) == (own.margin, own.gap)
    assert classes._differences(points, labels, 3).shape == (30, 12)


def test_the_pivots_answer_at_every_scale_and_a_bar_counts_problems(monkeypatch):
    X, y, _ = sample()
    seen = []

    def unwanted(*_):
        raise AssertionError("the pivots left a gap")

    monkeypatch.setattr(left_out, "tqdm", recording(seen))
    monkeypatch.setattr(left_out, "least_distance", unwanted)
    for scale in (2.0**-30, 1.0, 2.0**30):
        whole = max_margin(X * scale, y)
        support = whole.support[:, None]
        _, _, gaps = left_out.resolve(
            X * scale * y[:, None], whole.margin, whole.dual, support, solver="active-set"
        )
        assert gaps.dtype == float
    assert seen[:2] == [
        {
            "total": len(support),
            "desc": "left-out separators",
            "unit": "",
            "disable": None,
            "delay": 2,
            "leave": False,
        },
        len(support),
    ]


def test_daqp_is_asked_where_it_is_named_and_missed_before_work(monkeypatch):
    X, y, whole = sample()
    asked, right = [], quadratic_programs.resolve

    def noted(Z, dual, rows):
        asked.extend(rows.tolist())
        return right(Z, dual, rows)

    monkeypatch.setattr(quadratic_programs, "resolve", noted)
    leave_one_out_separators(X, y, whole)
    assert asked == []
    leave_one_out_separators(X, y, whole, solver="daqp")
    assert asked == whole.support.tolist()

    def unwanted(*_):
        raise AssertionError("work before the refusal")

    monkeypatch.setitem(sys.modules, "daqp", None)
    monkeypatch.setattr(leave_one_out, "max_margin", unwanted)
    with pytest.raises(ImportError, match="solver='daqp' needs the package daqp"):
        leave_one_out_separators(X, y, solver="daqp")


def test_a_combination_is_off_by_the_rounding_of_its_terms(monkeypatch):
    X, y, whole = sample()
    Z = X * y[:, None] / whole.margin
    problems = left_out._Problems(
        Z, whole.dual * whole.margin**2, np.full((2, 1), len(y)), "active-set"
    )
    seen, right = [], left_out.certify

    def noted(values, errors, weights, duals, deviation, rows):
        seen.append(deviation)
        return right(values, errors, weights, duals, deviation, rows)

    monkeypatch.setattr(left_out, "certify", noted)
    duals = np.array([problems.dual, 3 * problems.dual])
    problems._certified(np.arange(2), duals)
    terms = 1.01 * (whole.support.size + 2) * EPS
    expected = terms * (duals @ (1.01 * np.linalg.norm(Z, axis=1)))
    assert seen[0] == pytest.approx(expected, rel=1e-12, abs=0)
