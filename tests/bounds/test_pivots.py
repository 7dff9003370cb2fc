"""Pivots of many problems at a time against a plain loop over one problem on dense matrices."""

from itertools import pairwise

import numpy as np
import pytest

from tests.oracles.pivots import Stage, path, pivot_transform
from tests.oracles.samples import separable
from tunebound.bounds import max_margin
from tunebound.bounds.separators import pivots
from tunebound.bounds.separators.tableau import tableau

# rows enter and leave, depend on others and take their place, and come back
CASES = [
    (12, 4, 5),
    (12, 4, 7),
    (9, 9, 1),
    (8, 20, 4),
    (30, 5, 2),
    (30, 5, 6),
    (30, 5, 7),
    (30, 5, 9),
]


def rows_and_dual(n, d, seed):
    """Rows at a margin of 1 and their dual."""
    X, y = separable(np.random.default_rng([n, seed]), n, d)
    X = X / max_margin(X, y).margin
    return X * y[:, None], max_margin(X, y).dual


def to_leave_out(n, dual):
    """Support vectors one at a time, and some rows together; n stands for no row."""
    support = np.flatnonzero(dual)
    others = np.setdiff1d(np.arange(n), support)
    alone = [(i, n, n) for i in support]
    pairs = [(n, i, j) for i, j in pairwise(support)]
    mixed = [(j, i, n) for i, j in zip(support[::-1], others, strict=False)]
    return np.array([*alone, *pairs, *mixed, (n, n, n), support[[0, -1, 1]]])


class Watched(pivots._Pivots):
    """Notes where every problem is, and holds what is kept of it against dense matrices."""

    def __init__(self, Z, dual, left_out):
        super().__init__(tableau(Z, dual), left_out)
        self.H, _ = pivot_transform(Z, dual)
        self.all_left_out = left_out
        self.stages = [[] for _ in left_out]

    def _drop(self, at):
        self.note()
        super()._drop(at)

    def _grow(self):
        assert self.free() < 2
        super()._grow()

    def _step_back(self, at, target, blocking):
        assert self.free() >= 2
        super()._step_back(at, target, blocking)

    def _enter(self, at, inner, outer, solutions):
        assert self.free() >= 2
        super()._enter(at, inner, outer, solutions)

    def free(self):
        """The smallest number of empty slots of a problem."""
        return min(np.count_nonzero(changed == self.empty) for changed in self.changed)

    def note(self):
        for p, k in enumerate(self.problem):
            stage = self.stage(p)
            if not self.stages[k] or not same(self.stages[k][-1], stage):
                self.stages[k].append(stage)

    def stage(self, p):
        """Of the problem in place p."""
        n, A = self.empty, self.whole.active
        T = self.changed[p][self.changed[p] < n]
        assert len(set(T)) == len(T)
        assert set(T[np.isin(T, A)]) == set(A[self.removed[p]])
        active = set(A) ^ set(T)
        out = self.all_left_out[self.problem[p]]
        assert np.array_equal(self.left_out[p], out)
        assert set(np.flatnonzero(self.closed[p])) == active | set(out) | {n}
        dual = np.zeros(n + 1)
        dual[A] = self.inner[p]
        outside = np.isin(self.changed[p], T) & ~np.isin(self.changed[p], A)
        assert not self.outer[p][~outside].any()
        dual[self.changed[p][outside]] = self.outer[p][outside]
        filled = self.changed[p] < n
        inverse = np.zeros(self.inverse[p].shape)
        inverse[np.ix_(filled, filled)] = np.linalg.inv(self.H[np.ix_(T, T)])
        np.testing.assert_allclose(
            self.inverse[p], inverse, rtol=1e-7, atol=1e-9 * np.abs(inverse).max(initial=1)
        )
        return Stage(
            frozenset(int(j) for j in active),
            dual[:n],
            int(self.latest[p]),
            frozenset(np.flatnonzero(self.refused[p]).tolist()),
        )


def same(a, b):
    return (a.active, a.latest, a.refused) == (b.active, b.latest, b.refused) and np.allclose(
        a.dual, b.dual, rtol=1e-8, atol=1e-10 * b.dual.max()
    )


@pytest.mark.parametrize("spare", [2, 7])
@pytest.mark.parametrize(("n", "d", "seed"), CASES)
def test_every_problem_takes_the_path_of_the_plain_loop(monkeypatch, n, d, seed, spare):
    monkeypatch.setattr(pivots, "_SPARE_SLOTS", spare)
    Z, dual = rows_and_dual(n, d, seed)
    left_out = to_leave_out(n, dual)
    before = left_out.copy()
    solutions = np.full((len(left_out), n), np.nan)
    watched = Watched(Z, dual, left_out)
    watched.run(solutions)
    for rows, stages, found in zip(left_out, watched.stages, solutions, strict=True):
        expected, solution = path(Z, dual, rows)
        kept = expected[:1] + [b for a, b in pairwise(expected) if not same(a, b)]
        assert len(stages) == len(kept)
        assert all(same(a, b) for a, b in zip(stages, kept, strict=True))
        if solution is None:
            assert np.isnan(found).all()
        else:
            np.testing.assert_allclose(found, solution, rtol=1e-9, atol=1e-12 * solution.max())
            assert np.array_equal(found > 0, solution > 0)
    assert np.array_equal(left_out, before)
    answer = pivots.resolve(tableau(Z, dual), left_out)
    assert answer.dtype == np.float64
    np.testing.assert_array_equal(answer, solutions)


def problems(n=12, d=4, seed=5, count=3):
    """So many problems without a support vector each, at their start."""
    Z, dual = rows_and_dual(n, d, seed)
    whole = tableau(Z, dual)
    return Z, pivots._Pivots(whole, np.resize(whole.active, (count, 1)))


def test_the_tolerance_is_that_of_the_longest_row():
    Z, found = problems()
    assert found.tolerance == pytest.approx(
        1e-14 * np.linalg.norm(Z, axis=1).max(), rel=1e-12, abs=0
    )


def test_pivots_end_after_six_steps_a_row(monkeypatch):
    _, found = problems()
    entered = []
    monkeypatch.setattr(found, "_enter", lambda at, *_: entered.append(at))
    monkeypatch.setattr(found, "_step_back", lambda at, *_: entered.append(at))
    found.run(np.full((3, 12), np.nan))
    assert len(entered) == 6 * 12


def test_a_lost_problem_is_no_number_and_the_others_are_solved():
    _, found = problems()
    expected, solutions = np.full((2, 3, 12), np.nan)
    problems()[1].run(expected)
    found.lost[1] = True
    found.run(solutions)
    assert found.problem.size == 0
    assert np.isfinite(expected).all()
    assert np.isnan(solutions[1]).all()
    np.testing.assert_array_equal(solutions[[0, 2]], expected[[0, 2]])


def test_a_problem_lost_in_its_last_step_is_not_finished():
    _, found = problems(count=2)
    solutions = np.full((2, 12), np.nan)
    found.tolerance = np.inf
    found.lost[0] = True
    found._enter(np.arange(2), found.inner.copy(), found.outer.copy(), solutions)
    assert np.isnan(solutions).all(axis=1).tolist() == [True, False]
    assert found.problem.tolist() == [0]


def test_a_dual_of_0_leaves(monkeypatch):
    _, found = problems(count=1)
    stepped = []
    right = found._duals

    def one_is_0(base, x, at=slice(None)):
        inner, outer = right(base, x, at)
        return np.where(np.arange(inner.shape[1]) == 1, 0.0, np.abs(inner)), outer

    monkeypatch.setattr(found, "_duals", one_is_0)
    monkeypatch.setattr(found, "_step_back", lambda at, *rest: stepped.append((at, *rest)))
    monkeypatch.setattr(found, "_enter", lambda *_: stepped.append(None))
    found.run(np.full((1, 12), np.nan))
    at, target, blocking = stepped[0]
    assert at.tolist() == [0]
    assert target[0, 1] == 0.0
    assert np.flatnonzero(blocking[0]).tolist() == [1]


def test_the_row_at_a_place_is_one_of_the_support_or_in_a_slot():
    _, found = problems()
    k, slots = found.whole.active.size, found.changed.shape[1]
    found.changed[1] = np.arange(slots) + 3
    expected = [*found.whole.active, *range(3, 3 + slots)]
    places = np.arange(k + slots)
    assert found._row_at(np.full(k + slots, 1), places).tolist() == expected


@pytest.mark.parametrize(
    ("current", "target", "gone", "moved", "refused"),
    [
        # the first to fall is neither the latest nor was it 0
        ((3.0, 1.0, 2.0), (-1.0, -1.0, 4.0), 1, (1.0, 0.0, 3.0), False),
        ((3.0, 5.0, 2.0), (-1.0, -1.0, 4.0), 0, (0.0, 0.5, 3.5), False),
        # the latest, which had a share of the dual before
        ((3.0, 2.0, 2.0), (1.0, -3.0, -6.0), 2, (2.5, 0.75, 0.0), False),
        # another one at once, the latest at once, both of them 0
        ((0.0, 1.0, 2.0), (-1.0, 1.0, -4.0), 0, (0.0, 1.0, 2.0), False),
        ((3.0, 1.0, 0.0), (-1.0, 1.0, -4.0), 2, (3.0, 1.0, 0.0), True),
        ((3.0, 1.0, 0.0), (-1.0, 1.0, 0.0), 2, (3.0, 1.0, 0.0), True),
        # what stays above 0 blocks nothing
        ((3.0, 1.0, 2.0), (0.5, 0.5, -2.0), 2, (1.75, 0.75, 0.0), False),
    ],
)
@pytest.mark.parametrize("other", [False, True])
def test_a_step_back_ends_where_the_first_dual_is_0(
    monkeypatch, current, target, gone, moved, refused, other
):
    """Three rows of the support, the third of which entered last; beside another problem."""
    Z, dual = rows_and_dual(12, 4, 5)
    found = pivots._Pivots(tableau(Z, dual), np.full((2, 1), 12))
    at, rows = int(other), found.whole.active
    assert rows.size == 3
    beside = int(np.flatnonzero(found.whole.outside)[0])
    left = []
    monkeypatch.setattr(found, "_leave", lambda *rest: left.append(rest))
    found.inner[at] = current
    found.latest[at] = rows[2]
    found.refused[at, [beside, rows[gone]]] = True
    target = np.pad(np.array([target]), ((0, 0), (0, found.outer.shape[1])))
    blocking = (target <= 0) & (np.arange(target.shape[1]) < 3)
    before = found.inner[1 - at].copy()
    found._step_back(np.array([at]), target, blocking)
    assert [x.tolist() for x in left[0]] == [[at], [rows[gone]]]
    np.testing.assert_allclose(found.inner[at], np.where(np.arange(3) == gone, 0, moved))
    assert found.refused[at, rows[gone]] == refused
    assert found.refused[at, beside]
    assert not found.refused[1 - at].any()
    assert np.array_equal(found.inner[1 - at], before)


@pytest.mark.parametrize("stayed", [True, False])
def test_rows_are_refused_until_what_entered_last_stays(monkeypatch, stayed):
    """The problem without a support vector, whose most violated row is refused."""
    _, found = problems(count=1)
    inner, outer = found.inner.copy(), found.outer.copy()
    admitted = []
    monkeypatch.setattr(found, "_admit", lambda at, rows: admitted.extend(rows) or at[:0])
    found._enter(np.array([0]), inner, outer, np.empty((1, 12)))
    found.refused[0, admitted[0]] = True
    found.latest[0] = found.whole.active[1] if stayed else admitted[0]
    found._enter(np.array([0]), inner, outer, np.empty((1, 12)))
    assert (admitted[1] == admitted[0]) == stayed
    assert found.refused[0, admitted[0]] != stayed


def test_a_violation_of_exactly_the_tolerance_is_none(monkeypatch):
    _, found = problems(count=1)
    whole = found.whole
    weights = found.inner @ whole.rows[whole.active]
    residual = 1.0 - weights @ whole.rows.T
    largest = np.where(found.closed, -np.inf, residual).max()
    assert largest > 0
    for tolerance, finished in ((largest, True), (np.nextafter(largest, 0), False)):
        _, found = problems(count=1)
        found.tolerance = tolerance
        found._enter(np.array([0]), found.inner.copy(), found.outer.copy(), np.empty((1, 12)))
        assert (found.problem.size == 0) == finished


@pytest.mark.parametrize(("n", "d", "seed"), CASES)
def test_a_finished_dual_is_refined_by_the_residuals_of_its_rows(n, d, seed):
    """One refinement mends any error where the inverse is exact, since the equations are linear."""
    rng = np.random.default_rng(n)
    Z, dual = rows_and_dual(n, d, seed)
    left_out = to_leave_out(n, dual)
    found = Watched(Z, dual, left_out)
    finished = []

    def spoilt(at, inner, outer, residual, solutions):
        K, off = Z @ Z.T, np.zeros(n)
        for p, q in enumerate(at):
            stage = found.stage(q)
            own = sorted(stage.active)
            off[:] = 0.0
            off[own] = 0.1 * rng.random(len(own)) * dual.max()
            slots = found.changed[q]
            inner[p] += np.where(found.removed[q], 0.0, off[found.whole.active])
            outer[p] += np.where(found.whole.outside[slots], np.append(off, 0.0)[slots], 0.0)
            residual[p, :-1] -= K @ off
            # how far rows are off that have left does not matter
            residual[p, found.whole.active[found.removed[q]]] = 1e10
            finished.append((found.problem[q], own))
        pivots._Pivots._finish(found, at, inner, outer, residual, solutions)

    found._finish = spoilt
    solutions = np.full((len(left_out), n), np.nan)
    found.run(solutions)
    assert len(finished) == len(left_out)
    for k, own in finished:
        expected = np.zeros(n)
        expected[own] = np.linalg.solve((Z @ Z.T)[np.ix_(own, own)], np.ones(len(own)))
        np.testing.assert_allclose(solutions[k], expected, rtol=1e-8, atol=1e-10 * dual.max())


def test_a_row_that_can_neither_enter_nor_replace_another_ends_its_problem(monkeypatch):
    _, found = problems()
    row = int(np.flatnonzero(found.whole.outside)[0])
    right = found._solution

    def dependent(at, entering):
        x, left = right(at, entering)
        return x, np.where(at == 1, 0.0, left)

    monkeypatch.setattr(found, "_solution", dependent)
    monkeypatch.setattr(found, "_exchange", lambda at, *_: np.zeros(at.size))
    stuck = found._admit(np.arange(3), np.full(3, row))
    assert stuck.tolist() == [1]
    assert found.closed[:, row].tolist() == [True, False, True]
    assert found.latest.tolist() == [row, -1, row]


def test_a_row_depends_on_others_where_they_leave_no_more_than_a_share(monkeypatch):
    _, found = problems(count=1)
    at, exact = np.array([0]), 0
    for row in np.flatnonzero(found.whole.outside):
        _, left = found._solution(at, np.array([row]))
        square = found.whole.squares[row]
        with monkeypatch.context() as patch:
            patch.setattr(pivots, "_DEPENDENT", left[0] / square)
            exact += left[0] / square * square == left[0]
            limit = found._solution(at, np.array([row]))[1][0]
            assert (limit == 0) == (left[0] / square * square >= left[0])
    assert exact


def test_a_row_that_no_active_one_makes_room_for_gets_no_weight(monkeypatch):
    _, found = problems(count=2)
    row = int(np.flatnonzero(found.whole.outside)[0])
    k, slots = found.whole.active.size, found.outer.shape[1]
    images = np.array([[-1.0] * k, [0.5] * k]), np.zeros((2, slots))
    found.inner[:] = 0.25 * np.arange(3, 3 + k)
    before = found.inner.copy()
    left = []
    monkeypatch.setattr(found, "_duals", lambda *_: images)
    monkeypatch.setattr(found, "_leave", lambda at, rows: left.append((at, rows)))
    weight = found._exchange(np.arange(2), np.full(2, row), np.zeros((2, slots)))
    assert weight.tolist() == [0.0, 1.5]
    assert np.array_equal(found.inner[0], before[0])
    np.testing.assert_allclose(found.inner[1], before[1] - 0.75)
    assert [x.tolist() for x in left[0]] == [[1], [found.whole.active[0]]]


def test_a_pivot_without_its_sign_loses_the_problem():
    _, found = problems(count=7)
    inside, outside = found.whole.active[0], np.flatnonzero(found.whole.outside)[0]
    rows = np.array([inside] * 3 + [outside] * 3)
    values = np.array([-2.0, 0.0, 3.0, -2.0, 0.0, 3.0])
    at = np.array([0, 1, 2, 3, 5, 6])
    assert found._pivot(at, values, rows).tolist() == [-2.0, 1.0, 1.0, 1.0, 1.0, 3.0]
    assert found.lost.tolist() == [False, True, True, True, False, True, False]
