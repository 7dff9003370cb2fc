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

_SPARE_SLOTS = 4
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
        for rows in left_out.T:
            at = np.flatnonzero(whole.inside[rows])
            self._change(at, rows[at])

    def run(self, solutions: Floats) -> None:
        for _ in range(6 * self.empty):
            if not self.problem.size:
                return
            if np.count_nonzero(self.changed == self.empty, axis=1).min() < _CHANGES:
                self._grow()
            x = np.matmul(self.inverse, self.whole.offset[self.changed][..., np.newaxis])[..., 0]
            inner, outer = self._duals(self.whole.offset[self.whole.active], x)
            candidates = np.concatenate([inner, outer], axis=1)
            members = np.concatenate([~self.removed, self._entered()], axis=1)
            blocking = members & (candidates <= 0)
            infeasible = blocking.any(axis=1)
            at = np.flatnonzero(infeasible)
            if at.size:
                self._step_back(at, candidates[at], blocking[at])
            at = np.flatnonzero(~infeasible)
            if at.size:
                self._enter(at, inner[at], outer[at], solutions)

    def _entered(self) -> Booleans:
        """Slots whose row is not of A."""
        return (self.changed < self.empty) & ~self.whole.inside[self.changed]

    def _duals(
        self, base: Floats, x: Floats, at: Indices | slice = slice(None)
    ) -> tuple[Floats, Floats]:
        """What the solution x on T makes of duals on A, and the duals in the slots."""
        along = self.whole.on_active[self.changed[at]]
        inner = base - np.matmul(x[:, np.newaxis], along)[:, 0]
        inner[self.removed[at]] = 0.0
        return inner, np.where(self._entered()[at], x, 0.0)

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
        fall = np.where(blocking & (current > target), current - target, 1.0)
        length = np.where(blocking, np.where(current > target, current, 0.0) / fall, np.inf)
        first = np.argmin(length, axis=1)
        shortest = length[np.arange(at.size), first]
        gone = self._row_at(at, first)
        self.refused[at, gone] = (gone == self.latest[at]) & (shortest == 0)
        self._move(at, np.maximum(current + shortest[:, np.newaxis] * (target - current), 0.0))
        self._change(at, gone)

    def _move(self, at: Indices, duals: Floats) -> None:
        k = self.whole.active.size
        self.inner[at], self.outer[at] = duals[:, :k], duals[:, k:]

    def _enter(self, at: Indices, inner: Floats, outer: Floats, solutions: Floats) -> None:
        """Admit the most violated row of each problem; finish the problems that have none."""
        whole, each = self.whole, np.arange(at.size)
        changed, entered = self.changed[at], self._entered()[at]
        weights = inner @ whole.rows[whole.active]
        weights += np.matmul(outer[:, np.newaxis], whole.rows[changed])[:, 0]
        residual = 1.0 - weights @ whole.rows.T
        # one step of iterative refinement, with the residuals on the active rows
        on_active = np.where(self.removed[at], 0.0, residual[:, whole.active])
        own = np.where(entered, np.take_along_axis(residual, changed, axis=1), 0.0)
        own -= np.matmul(whole.on_active[changed], on_active[..., np.newaxis])[..., 0]
        x = np.matmul(self.inverse[at], own[..., np.newaxis])[..., 0]
        correction = self._duals(-(on_active @ whole.on_active[whole.active]), x, at)
        inner, outer = (
            np.maximum(inner + correction[0], 0.0),
            np.maximum(outer + correction[1], 0.0),
        )

        moved = (changed == self.latest[at][:, np.newaxis]).any(axis=1) | (
            whole.inside[self.latest[at]] & ~self.removed[at, whole.place[self.latest[at]]]
        )
        self.refused[at[moved]] = False
        active = np.where(self.removed[at], self.empty, whole.active)
        residual[each[:, np.newaxis], active] = -np.inf
        residual[each[:, np.newaxis], np.where(entered, changed, self.empty)] = -np.inf
        residual[each[:, np.newaxis], self.left_out[at]] = -np.inf
        residual[:, self.empty] = -np.inf
        residual[self.refused[at]] = -np.inf
        entering = np.argmax(residual, axis=1)
        optimal = residual[each, entering] <= self.tolerance
        done, going = np.flatnonzero(optimal), np.flatnonzero(~optimal)
        found = np.zeros((done.size, self.empty + 1))
        found[:, whole.active] = inner[done]
        found[np.arange(done.size)[:, np.newaxis], changed[done]] += outer[done]
        solutions[self.problem[at[done]]] = found[:, :-1]
        self.inner[at], self.outer[at] = inner, outer
        stuck = self._admit(at[going], entering[going])
        self._drop(np.concatenate([at[done], stuck]))

    def _admit(self, at: Indices, entering: Indices) -> Indices:
        """Add a row to each active set; return the problems where it depends on the others and none
        can make room.
        """
        if not at.size:
            return at
        image, left = self._image(at, entering)
        weight = np.zeros(at.size)
        dependent = np.flatnonzero(left <= 0)
        if dependent.size:
            weight[dependent] = self._exchange(at[dependent], image[dependent])
            left[dependent] = self._image(at[dependent], entering[dependent])[1]
        independent = np.flatnonzero(left > 0)
        chosen, entering, weight = at[independent], entering[independent], weight[independent]
        self._change(chosen, entering)
        inside = self.whole.inside[entering]
        slot = np.argmax(self.changed[chosen] == entering[:, np.newaxis], axis=1)
        self.inner[chosen[inside], self.whole.place[entering[inside]]] = weight[inside]
        self.outer[chosen[~inside], slot[~inside]] = weight[~inside]
        self.latest[chosen] = entering
        return np.delete(at, independent)

    def _image(self, at: Indices, entering: Indices) -> tuple[Floats, Floats]:
        """Return the coefficients of the new row on the active ones (on A, then in the slots), and
        what they leave of it, squared; 0 where that is rounding.
        """
        whole, changed, inverse = self.whole, self.changed[at], self.inverse[at]
        back = whole.inside[entering]  # a row of A that returns
        column = whole.between(entering, changed)
        x = np.matmul(inverse, column[..., np.newaxis])[..., 0]
        left = whole.diagonal(entering) - (column * x).sum(axis=1)
        base = np.where(back[:, np.newaxis], 0.0, whole.on_active[entering])
        slot = np.argmax(changed == entering[:, np.newaxis], axis=1)[back]
        x[back] = inverse[back, :, slot]
        left[back] = -inverse[back, slot, slot]
        image = np.concatenate(self._duals(base, x, at), axis=1)
        return image, np.where(left > _DEPENDENT * whole.squares[entering], left, 0.0)

    def _exchange(self, at: Indices, image: Floats) -> Floats:
        """Shift weight from the active rows to a new one that depends on them, until the first dual
        is 0, and drop that row.
        """
        current = np.concatenate([self.inner[at], self.outer[at]], axis=1)
        falling = image > 0
        length = np.where(falling, current / np.where(falling, image, 1.0), np.inf)
        first = np.argmin(length, axis=1)
        shortest = length[np.arange(at.size), first]
        possible = np.flatnonzero(np.isfinite(shortest))
        weight = np.zeros(at.size)
        weight[possible] = shortest[possible]
        self._move(at, np.maximum(current - weight[:, np.newaxis] * image, 0.0))
        self._change(at[possible], self._row_at(at, first)[possible])
        return weight

    def _change(self, at: Indices, row: Indices) -> None:
        """Take rows into the active sets, or out of them."""
        is_changed = self.changed[at] == row[:, np.newaxis]
        back = is_changed.any(axis=1)
        self._undo(at[back], np.argmax(is_changed[back], axis=1))
        self._add(at[~back], row[~back])
        inside = self.whole.inside[row]
        place = self.whole.place[row[inside]]
        self.removed[at[inside], place] = ~back[inside]
        self.inner[at[inside], place] = 0.0

    def _add(self, at: Indices, row: Indices) -> None:
        if not at.size:
            return
        column = self.whole.between(row, self.changed[at])
        x = np.matmul(self.inverse[at], column[..., np.newaxis])[..., 0]
        left = self.whole.diagonal(row) - (column * x).sum(axis=1)
        slot = np.argmax(self.changed[at] == self.empty, axis=1)
        x[np.arange(at.size), slot] = -1.0
        self.inverse[at] += (x / left[:, np.newaxis])[:, :, np.newaxis] * x[:, np.newaxis]
        self.changed[at, slot] = row
        self.outer[at, slot] = 0.0

    def _undo(self, at: Indices, slot: Indices) -> None:
        each = np.arange(at.size)
        inverse = self.inverse[at]
        column = inverse[each, :, slot]
        inverse -= (column / column[each, slot][:, np.newaxis])[:, :, np.newaxis] * column[
            :, np.newaxis
        ]
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
        self.changed, self.inverse = self.changed[kept], self.inverse[kept]
        self.removed, self.inner, self.outer = (
            self.removed[kept],
            self.inner[kept],
            self.outer[kept],
        )
