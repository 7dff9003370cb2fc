r"""The optimality conditions of a hard-margin separator, solved for the support vectors.

The dual alpha of rows Z with K = Z Z^T has ``alpha_j = 0`` or ``(K alpha)_j = 1`` for every j, with
alpha_j >= 0 and (K alpha)_j >= 1. Solved for alpha on the support set A and for 1 - K alpha off it,
the conditions are linear in what is 0 at the solution, and leaving some rows T out or taking them
in needs H on T alone:

    H = [[-G, V], [V^T, U U^T]],   G = K_AA^-1,   V = G K_A,   h = (alpha_A, 1 - K alpha)

where the rows of U are what the span of Z_A leaves of the rows of Z, in an orthonormal basis. This
is what a principal pivot transform gives; all problems that differ in a few rows share it. With x
the solution of ``H_TT x = h_T``, the rows of T outside A get the dual x, those inside lose theirs,
and the others of A have ``h_A - H_AT x``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from tunebound._ground.arrays import Booleans, Floats

Indices = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Tableau:
    """H in factors, with a row of zeros at the end that stands for "no row".

    Attributes
    ----------
    rows : ndarray of float64, shape (n + 1, d)
        Z, in the coordinates of its span where that is smaller.
    active : ndarray of int, shape (k,)
        The support set A.
    place : ndarray of int, shape (n + 1,)
        Position of a row in `active`, 0 for the others.
    inside : ndarray of bool, shape (n + 1,)
        Whether a row is in A.
    on_active : ndarray of float64, shape (n + 1, k)
        H between every row and A.
    beyond : ndarray of float64, shape (n + 1, d - k)
        U.
    offset : ndarray of float64, shape (n + 1,)
        h.
    outside : ndarray of bool, shape (n + 1,)
        Whether a row is one, and not in A.
    squares : ndarray of float64, shape (n + 1,)
        Squared norms of the rows.
    """

    rows: Floats
    active: Indices
    place: Indices
    inside: Booleans
    outside: Booleans
    on_active: Floats
    beyond: Floats
    offset: Floats
    squares: Floats

    def between(self, row: Indices, others: Indices) -> Floats:
        """H between one row and some others a problem: (P,) and (P, m) to (P, m)."""
        row = row[:, np.newaxis]
        by_other = self.on_active[row, self.place[others]]
        by_row = self.on_active[others, self.place[row]]
        outside = np.matmul(self.beyond[others], self.beyond[row[:, 0], :, np.newaxis])[..., 0]
        return np.where(self.inside[others], by_other, np.where(self.inside[row], by_row, outside))

    def diagonal(self, row: Indices) -> Floats:
        """H of rows with themselves."""
        return np.where(
            self.inside[row],
            self.on_active[row, self.place[row]],
            (self.beyond[row] ** 2).sum(axis=1),
        )


def tableau(Z: Floats, dual: Floats) -> Tableau:
    """Build it for rows Z (n, d) at a margin near 1 and the dual (n,) of their separator, whose
    support vectors are independent.
    """
    n, d = Z.shape
    rows = Z if d <= n else scipy.linalg.qr(Z.T, mode="r")[0][:n].T
    active = np.flatnonzero(dual)
    k = active.size
    Q, R = scipy.linalg.qr(rows[active].T, check_finite=False)
    inverse = scipy.linalg.solve_triangular(R[:k], np.eye(k), check_finite=False)
    rotated = rows @ Q
    on_active = rotated[:, :k] @ inverse.T
    on_active[active] = -(inverse @ inverse.T)
    offset = 1.0 - rows @ (dual[active] @ rows[active])
    offset[active] = dual[active]
    place = np.zeros(n + 1, np.intp)
    place[active] = np.arange(k)
    inside = np.zeros(n + 1, bool)
    inside[active] = True
    return Tableau(
        rows=_padded(rows),
        active=active,
        place=place,
        inside=inside,
        outside=~inside & (np.arange(n + 1) < n),
        on_active=_padded(on_active),
        beyond=_padded(rotated[:, k:]),
        offset=_padded(offset),
        squares=_padded((rows**2).sum(axis=1)),
    )


def _padded(values: Floats) -> Floats:
    return np.pad(values, [(0, 1)] + [(0, 0)] * (values.ndim - 1))
