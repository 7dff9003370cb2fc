"""Least distance problems that differ in a few missing rows, solved together by active-set pivots.

Every problem starts from the support set of the whole and moves to its own by single rows: one that
is violated enters, one whose dual would turn negative leaves (Lawson and Hanson's algorithm with a
warm start; no step raises the objective, so no active set comes twice). A problem keeps the inverse
of H (see `tableau`) on the rows T in which its set differs from the whole's, in slots of which some
are empty; a pivot is a rank-one update of it. All problems pivot at the same time.
"""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Booleans, Floats
from tunebound.bounds.separators.tableau import Indices, Tableau

_SPARE_SLOTS = 7
_CHANGES = 2  # that a problem may make between two looks at its slots
# a new row of which the active ones leave no more than this (squared, relative) takes the place of
# one of them
_DEPENDENT = 1e-12


def resolve(whole: Tableau, left_out: Indices) -> Floats:
    """Solve the problems without some rows each.

    Parameters
    ----------
    whole : Tableau
        Of the whole problem.
    left_out : ndarray of int, shape (P, g)
        Rows to leave out; n, the number of rows, where a problem leaves out fewer than g.

    Returns
    -------
    ndarray of float64, shape (P, n)
        Dual of each problem; NaN where the pivots lead nowhere.
    """
    solutions = np.full((left_out.shape[0], whole.rows.shape[0] - 1), np.nan)
    _Pivots(whole, left_out).run(solutions)
    return solutions


class _Pivots:
    """The state of all problems that are not finished, one a row."""

    def __init__(self, whole: Tableau, left_out: Indices) -> None:
        count, n, k = left_out.shape[0], whole.rows.shape[0] - 1, whole.active.size
        slots = left_out.shape[1] + _SPARE_SLOTS
        self.whole = whole
        self.empty = n
        self.tolerance = 1e-14 * float(np.sqrt(whole.squares.max()))
        self.problem = np.arange(count)  # position among the solutions
        self.left_out = left_out
        self.changed = np.full((count, slots), n)  # T
        self.inverse = np.zeros((count, slots, slots))
        self.removed = np.zeros((count, k), dtype=bool)
        # the last duals without a negative one, on A and in the slots
        self.inner = np.tile(whole.offset[whole.active], (count, 1))
        self.outer = np.zeros((count, slots))
        self.latest = np.full(count, -1)  # the row that entered last
        self.refused = np.zeros((count, n + 1), dtype=bool)
        self.lost = np.zeros(count, dtype=bool)
        self.closed = np.tile(whole.inside, (count, 1))  # active, left out, or no row
        for rows in left_out.T:
            at = np.flatnonzero(whole.inside[rows])
            self._leave(at, rows[at])
        self.closed[np.arange(count)[:, np.newaxis], left_out] = True
        self.closed[:, n] = True

    def run(self, solutions: Floats) -> None:
        for _ in range(6 * self.empty):
            self._drop(np.flatnonzero(self.lost))
            if not self.problem.size:
                return
            if np.count_nonzero(self.changed == self.empty, axis=1).min() < _CHANGES:
                self._grow()
            x = np.matmul(self.inverse, self.whole.offset[self.changed][..., np.newaxis])[..., 0]
            inner, outer = self._duals(self.whole.offset[self.whole.active], x)
            candidates = np.concatenate([inner, outer], axis=1)
            members = np.concatenate([~self.removed, self.whole.outside[self.changed]], axis=1)
            blocking = members & (candidates <= 0)
            infeasible = blocking.any(axis=1)
            at = np.flatnonzero(infeasible)
            if at.size:
                self._step_back(at, candidates[at], blocking[at])
            at = np.flatnonzero(~infeasible)
            if at.size:
                self._enter(at, inner[at], outer[at], solutions)

    def _duals(
        self, base: Floats, x: Floats, at: Indices | slice = slice(None)
    ) -> tuple[Floats, Floats]:
        """What the solution x on T makes of duals on A, and the duals in the slots."""
        along = self.whole.on_active[self.changed[at]]
        inner = base - np.matmul(x[:, np.newaxis], along)[:, 0]
        inner[self.removed[at]] = 0.0
        return inner, np.where(self.whole.outside[self.changed[at]], x, 0.0)

    def _row_at(self, at: Indices, position: Indices) -> Indices:
        """The row at a position among A and the slots."""
        k = self.whole.active.size
        slot = np.maximum(position - k, 0)
        return np.where(
            position < k,
            self.whole.active[np.minimum(position, k - 1)],
            self.changed[at, slot],
        )

    def _step_back(self, at: Indices, target: Floats, blocking: Booleans) -> None:
        """Go towards the target until the first dual is 0, and drop that row.

        A row that would have to leave just after it entered was violated by rounding alone, and is
        refused until another step succeeds (as in Lawson and Hanson's own program).
        """
        current = np.concatenate([self.inner[at], self.outer[at]], axis=1)
        fall = np.where(current > target, current - target, np.inf)
        length = np.where(blocking, current / fall, np.inf)
        first = np.argmin(length, axis=1)
        shortest = length[np.arange(at.size), first]
        gone = self._row_at(at, first)
        self.refused[at, gone] = (gone == self.latest[at]) & (shortest == 0)
        self._move(at, np.maximum(current + shortest[:, np.newaxis] * (target - current), 0.0))
        self._leave(at, gone)

    def _move(self, at: Indices, duals: Floats) -> None:
        k = self.whole.active.size
        self.inner[at], self.outer[at] = duals[:, :k], duals[:, k:]

    def _enter(self, at: Indices, inner: Floats, outer: Floats, solutions: Floats) -> None:
        """Admit the most violated row of each problem; finish the problems that have none."""
        whole = self.whole
        weights = inner @ whole.rows[whole.active]
        weights += np.matmul(outer[:, np.newaxis], whole.rows[self.changed[at]])[:, 0]
        residual = 1.0 - weights @ whole.rows.T
        kept = self.closed[at, self.latest[at]]  # what entered last stayed: the step succeeded
        self.refused[at[kept]] = False
        open_ = np.where(self.closed[at] | self.refused[at], -np.inf, residual)
        entering = np.argmax(open_, axis=1)
        optimal = open_[np.arange(at.size), entering] <= self.tolerance
        optimal &= ~self.lost[at]
        done, going = at[optimal], at[~optimal]
        if done.size:
            self._finish(done, inner[optimal], outer[optimal], residual[optimal], solutions)
        self.inner[at], self.outer[at] = inner, outer
        stuck = self._admit(going, entering[~optimal])
        self._drop(np.concatenate([done, stuck]))

    def _finish(
        self, at: Indices, inner: Floats, outer: Floats, residual: Floats, solutions: Floats
    ) -> None:
        """Store duals after one step of iterative refinement with the residuals of their rows."""
        whole, changed = self.whole, self.changed[at]
        each = np.arange(at.size)[:, np.newaxis]
        on_active = residual[:, whole.active] * ~self.removed[at]
        own = np.where(whole.outside[changed], residual[each, changed], 0.0)
        own -= np.matmul(whole.on_active[changed], on_active[..., np.newaxis])[..., 0]
        x = np.matmul(self.inverse[at], own[..., np.newaxis])[..., 0]
        correction = self._duals(-(on_active @ whole.on_active[whole.active]), x, at)
        found = np.zeros((at.size, self.empty + 1))
        found[:, whole.active] = np.maximum(inner + correction[0], 0.0)
        found[each, changed] = np.maximum(outer + correction[1], 0.0)
        solutions[self.problem[at]] = found[:, :-1]

    def _admit(self, at: Indices, entering: Indices) -> Indices:
        """Add a row to each active set; return the problems where it depends on the others and none
        can make room.
        """
        if not at.size:
            return at
        x, left = self._solution(at, entering)
        weight = np.zeros(at.size)
        dependent = np.flatnonzero(left <= 0)
        if dependent.size:
            tight, rows = at[dependent], entering[dependent]
            weight[dependent] = self._exchange(tight, rows, x[dependent])
            x[dependent], left[dependent] = self._solution(tight, rows)
        independent = left > 0
        new = np.flatnonzero(independent & self.whole.outside[entering])
        if new.size:
            slot = self._extend(at[new], entering[new], x[new], left[new])
            self.outer[at[new], slot] = weight[new]
        back = np.flatnonzero(independent & self.whole.inside[entering])
        if back.size:
            self._return(at[back], entering[back], weight[back])
        chosen = at[independent]
        self.closed[chosen, entering[independent]] = True
        self.latest[chosen] = entering[independent]
        return at[~independent]

    def _solution(self, at: Indices, entering: Indices) -> tuple[Floats, Floats]:
        """Return what T contributes to a new row, and what the active rows leave of it, squared; 0
        where that is rounding.
        """
        whole, changed = self.whole, self.changed[at]
        column = whole.between(entering, changed)
        x = np.matmul(self.inverse[at], column[..., np.newaxis])[..., 0]
        left = whole.diagonal(entering) - (column * x).sum(axis=1)
        back = np.flatnonzero(whole.inside[entering])  # rows of A that return
        if back.size:
            slot = self._slot_of(at[back], entering[back])
            x[back] = self.inverse[at[back], :, slot]
            left[back] = -x[back, slot]
        return x, np.where(left > _DEPENDENT * whole.squares[entering], left, 0.0)

    def _slot_of(self, at: Indices, row: Indices) -> Indices:
        return np.argmax(self.changed[at] == row[:, np.newaxis], axis=1)

    def _exchange(self, at: Indices, entering: Indices, x: Floats) -> Floats:
        """Shift weight from the active rows to a new one that depends on them, until the first dual
        is 0, and drop that row.
        """
        back = self.whole.inside[entering, np.newaxis]
        base = np.where(back, 0.0, self.whole.on_active[entering])
        image = np.concatenate(self._duals(base, x, at), axis=1)  # coefficients of the new row
        current = np.concatenate([self.inner[at], self.outer[at]], axis=1)
        falling = image > 0
        length = np.where(falling, current / np.where(falling, image, np.inf), np.inf)
        first = np.argmin(length, axis=1)
        shortest = length[np.arange(at.size), first]
        possible = np.flatnonzero(np.isfinite(shortest))
        weight = np.zeros(at.size)
        weight[possible] = shortest[possible]
        self._move(at, np.maximum(current - weight[:, np.newaxis] * image, 0.0))
        self._leave(at[possible], self._row_at(at, first)[possible])
        return weight

    def _leave(self, at: Indices, row: Indices) -> None:
        """Take rows out of the active sets."""
        inside = self.whole.inside[row]
        self.closed[at, row] = False
        own, rows = at[inside], row[inside]
        column = self.whole.between(rows, self.changed[own])
        x = np.matmul(self.inverse[own], column[..., np.newaxis])[..., 0]
        self._extend(own, rows, x, self.whole.diagonal(rows) - (column * x).sum(axis=1))
        self.removed[own, self.whole.place[rows]] = True
        self.inner[own, self.whole.place[rows]] = 0.0
        self._shrink(at[~inside], self._slot_of(at[~inside], row[~inside]))

    def _return(self, at: Indices, row: Indices, dual: Floats) -> None:
        """Take rows of A back into the active sets."""
        self._shrink(at, self._slot_of(at, row))
        self.removed[at, self.whole.place[row]] = False
        self.inner[at, self.whole.place[row]] = dual

    def _extend(self, at: Indices, row: Indices, x: Floats, left: Floats) -> Indices:
        """Add a row to T, given the solution for its column and what that leaves; return its
        slot.
        """
        left = self._pivot(at, left, row)
        slot = self._slot_of(at, np.full(at.size, self.empty))
        x[np.arange(at.size), slot] = -1.0
        self.inverse[at] += (x / left[:, np.newaxis])[:, :, np.newaxis] * x[:, np.newaxis]
        self.changed[at, slot] = row
        self.outer[at, slot] = 0.0
        return slot

    def _pivot(self, at: Indices, pivot: Floats, row: Indices) -> Floats:
        """Return pivots that can be divided by; where rounding took the sign, the problem is lost.

        K is positive definite on independent rows, so that pivots are above 0; those of rows of A,
        which H has with the other sign, are below.
        """
        proper = np.where(self.whole.inside[row], -pivot, pivot) > 0
        self.lost[at[~proper]] = True
        return np.where(proper, pivot, 1.0)

    def _shrink(self, at: Indices, slot: Indices) -> None:
        """Take a row off T."""
        each = np.arange(at.size)
        inverse = self.inverse[at]
        column = inverse[each, :, slot]
        pivot = self._pivot(at, column[each, slot], self.changed[at, slot])
        inverse -= (column / pivot[:, np.newaxis])[:, :, np.newaxis] * column[:, np.newaxis]
        inverse[each, slot, :] = inverse[each, :, slot] = 0.0
        self.inverse[at] = inverse
        self.changed[at, slot] = self.empty
        self.outer[at, slot] = 0.0

    def _grow(self) -> None:
        more = self.changed.shape[1]
        self.changed = np.pad(self.changed, ((0, 0), (0, more)), constant_values=self.empty)
        self.outer = np.pad(self.outer, ((0, 0), (0, more)))
        self.inverse = np.pad(self.inverse, ((0, 0), (0, more), (0, more)))

    def _drop(self, at: Indices) -> None:
        if not at.size:
            return
        kept = np.ones(self.problem.size, dtype=bool)
        kept[at] = False
        self.problem, self.left_out = self.problem[kept], self.left_out[kept]
        self.latest, self.refused = self.latest[kept], self.refused[kept]
        self.closed, self.lost = self.closed[kept], self.lost[kept]
        self.changed, self.inverse = self.changed[kept], self.inverse[kept]
        self.removed, self.inner, self.outer = (
            self.removed[kept],
            self.inner[kept],
            self.outer[kept],
        )
