"""Least distance problems that differ in one missing row, solved together by active-set pivots.

With K = Z Z^T + 1, the non-negative u that solve the NNLS problem of least distance programming
satisfy K u = 1 where u is positive, and w = Z^T u / (1 - sum u). Leaving a support vector out
changes a few members of the active set, so every problem starts from the active set of the whole.
All problems pivot at the same time: each keeps the inverse of K on its active set, in slots of
which some are empty, and a pivot is a rank-one update of it.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from tunebound._ground.arrays import Floats

Indices = NDArray[np.intp]

_SPARE_SLOTS = 4
_LARGEST_BLOCK = 2**22  # entries of the inverses that are held at once (32 MiB)
# a new member that the active ones explain up to this (squared, relative) takes the place of one of
# them
_DEPENDENT = 1e-12


def kernel_of(Z: Floats) -> tuple[Floats, Floats]:
    """Return the rows, in the coordinates of their span where that is smaller, and K = Z Z^T +
    1.
    """
    rows = Z if Z.shape[1] <= Z.shape[0] else scipy.linalg.qr(Z.T, mode="r")[0][: Z.shape[0]].T
    return rows, rows @ rows.T + 1.0


def resolve(Z: Floats, dual: Floats, left_out: Indices) -> Floats:
    """Solve the problems without one support vector each.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, d)
        Rows y_i x_i at a margin near 1.
    dual : ndarray of float64, shape (n,)
        Dual of the whole problem.
    left_out : ndarray of int, shape (P,)
        Samples to leave out, each with a dual above 0.

    Returns
    -------
    ndarray of float64, shape (P, n)
        u of each problem, proportional to its dual; NaN where the pivots lead nowhere.
    """
    rows, kernel = kernel_of(Z)
    active = np.flatnonzero(dual)
    inverse = scipy.linalg.pinvh(kernel[np.ix_(active, active)])
    u = dual[active] / (1.0 + dual.sum())
    solutions = np.full((left_out.size, Z.shape[0]), np.nan)
    together = max(1, _LARGEST_BLOCK // (active.size + _SPARE_SLOTS) ** 2)
    for first in range(0, left_out.size, together):
        block = slice(first, first + together)
        _Pivots(rows, kernel, active, inverse, u, left_out[block]).run(solutions[block])
    return solutions


class _Pivots:
    """Lawson and Hanson's NNLS with a warm start, one problem a row; no step raises the objective,
    so no active set comes twice.
    """

    def __init__(
        self,
        rows: Floats,
        kernel: Floats,
        active: Indices,
        inverse: Floats,
        u: Floats,
        left_out: Indices,
    ) -> None:
        n, count = kernel.shape[0], left_out.size
        self.empty = n  # stands for a member in the empty slots: a row of zeros
        self.rows = np.pad(rows, ((0, 1), (0, 0)))
        self.kernel = np.pad(kernel, (0, 1))
        self.tolerance = 1e-14 * float(np.sqrt(kernel.diagonal().max()))
        self.problem = np.arange(count)  # position among the solutions
        self.left_out = left_out
        self.member = np.tile(np.append(active, np.full(_SPARE_SLOTS, n)), (count, 1))
        self.inverse = np.tile(np.pad(inverse, (0, _SPARE_SLOTS)), (count, 1, 1))
        self.current = np.tile(np.append(u, np.zeros(_SPARE_SLOTS)), (count, 1))
        self.latest = np.full(count, -1)  # the member that entered last
        self.refused = np.zeros((count, n + 1), dtype=bool)
        self._remove(np.arange(count), np.searchsorted(active, left_out))

    def run(self, solutions: Floats) -> None:
        for _ in range(6 * self.empty):
            u = self.inverse.sum(axis=2)
            blocking = (u <= 0) & (self.member < self.empty)
            infeasible = blocking.any(axis=1)
            if infeasible.any():
                self._step_back(np.flatnonzero(infeasible), u, blocking)
            feasible = np.flatnonzero(~infeasible)
            if feasible.size:
                self._enter(feasible, u[feasible], solutions)
            if not self.problem.size:
                return

    def _step_back(self, at: Indices, u: Floats, blocking: NDArray[np.bool_]) -> None:
        """Go towards u until the first member is 0, and drop that one.

        A member that would have to leave just after it entered was violated by rounding alone, and
        is refused until another step succeeds (as in Lawson and Hanson's own program).
        """
        current, target = self.current[at], u[at]
        fall = np.where(blocking[at] & (current > target), current - target, 1.0)
        length = np.where(blocking[at], np.where(current > target, current, 0.0) / fall, np.inf)
        first = np.argmin(length, axis=1)
        shortest = length[np.arange(at.size), first]
        gone = self.member[at, first]
        self.refused[at, gone] = (gone == self.latest[at]) & (shortest == 0)
        self.current[at] = np.maximum(current + shortest[:, np.newaxis] * (target - current), 0.0)
        self._remove(at, first)

    def _enter(self, at: Indices, u: Floats, solutions: Floats) -> None:
        """Admit the most violated row of each problem; finish the problems that have none."""
        each = np.arange(at.size)
        active = each[:, np.newaxis], self.member[at]
        solution = np.zeros((at.size, self.empty + 1))
        solution[active] = u
        residual = (1.0 - u.sum(axis=1))[:, np.newaxis] - (solution @ self.rows) @ self.rows.T
        u = u + np.matmul(self.inverse[at], residual[active][..., np.newaxis])[..., 0]
        solution[active] = u
        moved = (self.member[at] == self.latest[at][:, np.newaxis]).any(axis=1)
        self.refused[at[moved]] = False
        residual[active] = residual[each, self.left_out[at]] = residual[:, self.empty] = -np.inf
        residual[self.refused[at]] = -np.inf
        entering = np.argmax(residual, axis=1)
        optimal = residual[each, entering] <= self.tolerance
        solutions[self.problem[at[optimal]]] = solution[optimal, : self.empty]
        self.current[at] = np.maximum(u, 0.0)
        stuck = self._admit(at[~optimal], entering[~optimal])
        self._drop(np.concatenate([at[optimal], stuck]))

    def _remove(self, at: Indices, slot: Indices) -> None:
        each = np.arange(at.size)
        inverse = self.inverse[at]
        column = inverse[each, :, slot]
        inverse -= (column / column[each, slot][:, np.newaxis])[:, :, np.newaxis] * column[
            :, np.newaxis, :
        ]
        inverse[each, slot, :] = inverse[each, :, slot] = 0.0
        self.inverse[at] = inverse
        self.member[at, slot] = self.empty
        self.current[at, slot] = 0.0

    def _admit(self, at: Indices, entering: Indices) -> Indices:
        """Add a member to each problem; return the problems where it depends on the others and none
        can make room.

        Example: rows z = 0, 1 are active with u = (1/4, 1/2), and z = 2 enters. K of the active is
        [[1, 1], [1, 2]], its inverse [[2, -1], [-1, 1]], and the new column is (1, 3) above the
        diagonal 5. `_image` gives (-1, 2), as (2, 1) = -1 (0, 1) + 2 (1, 1), and leaves
        5 - (-1 * 1 + 2 * 3) = 0: dependent. `_exchange` shifts weight w to z = 2, so that u becomes
        (1/4 + w, 1/2 - 2 w), until z = 1 is at 0: w = 1/4, u = (1/2, 0), and z = 1 leaves; sum u z
        = 1/2 and sum u = 3/4 stay. On z = 0 alone the image of z = 2 is 1 and leaves 5 - 1 = 4, so
        the inverse gains (1, -1) (1, -1)^T / 4: [[5/4, -1/4], [-1/4, 1/4]] on z = 0, 2.
        """
        if not at.size:
            return at
        if (self.member[at] < self.empty).all(axis=1).any():
            self._grow()
        image, schur = self._image(at, entering)
        weight = np.zeros(at.size)
        dependent = np.flatnonzero(schur <= 0)
        if dependent.size:
            weight[dependent] = self._exchange(at[dependent], image[dependent])
            image[dependent], schur[dependent] = self._image(at[dependent], entering[dependent])
        independent = np.flatnonzero(schur > 0)
        image, schur = image[independent], schur[independent]
        chosen, entering = at[independent], entering[independent]
        slot = np.argmax(self.member[chosen] == self.empty, axis=1)
        image[np.arange(chosen.size), slot] = -1.0
        self.inverse[chosen] += (image / schur[:, np.newaxis])[:, :, np.newaxis] * image[
            :, np.newaxis, :
        ]
        self.member[chosen, slot], self.current[chosen, slot] = entering, weight[independent]
        self.latest[chosen] = entering
        return np.delete(at, independent)

    def _image(self, at: Indices, entering: Indices) -> tuple[Floats, Floats]:
        """Return the coefficients of the new member on the active ones, and what they leave of it;
        0 where that is rounding. See `_admit` for an example.
        """
        column = self.kernel[self.member[at], entering[:, np.newaxis]]
        diagonal = self.kernel[entering, entering]
        image = np.matmul(self.inverse[at], column[..., np.newaxis])[..., 0]
        left = diagonal - np.einsum("pm,pm->p", column, image)
        return image, np.where(left > _DEPENDENT * diagonal, left, 0.0)

    def _exchange(self, at: Indices, image: Floats) -> Floats:
        """Shift weight from the active members to a new one that depends on them, until the first
        is 0, and drop that one. See `_admit` for an example.
        """
        falling = image > 0
        length = np.where(falling, self.current[at] / np.where(falling, image, 1.0), np.inf)
        first = np.argmin(length, axis=1)
        shortest = length[np.arange(at.size), first]
        possible = np.isfinite(shortest)
        weight = np.where(possible, shortest, 0.0)
        self.current[at] = np.maximum(self.current[at] - weight[:, np.newaxis] * image, 0.0)
        self._remove(at[possible], first[possible])
        return weight

    def _grow(self) -> None:
        more = self.member.shape[1]
        self.member = np.pad(self.member, ((0, 0), (0, more)), constant_values=self.empty)
        self.current = np.pad(self.current, ((0, 0), (0, more)))
        self.inverse = np.pad(self.inverse, ((0, 0), (0, more), (0, more)))

    def _drop(self, at: Indices) -> None:
        if not at.size:
            return
        kept = np.ones(self.problem.size, dtype=bool)
        kept[at] = False
        self.problem, self.left_out = self.problem[kept], self.left_out[kept]
        self.latest, self.refused = self.latest[kept], self.refused[kept]
        self.member, self.current = self.member[kept], self.current[kept]
        self.inverse = self.inverse[kept]
