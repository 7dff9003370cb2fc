"""Least distance problems without some of their rows, with certificates: what left-out separators
of two and of several classes have in common.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tunebound._ground.arrays import Floats
from tunebound.bounds.separators import pivots, quadratic_programs
from tunebound.bounds.separators.certificates import certify, products
from tunebound.bounds.separators.least_distance import least_distance
from tunebound.bounds.separators.split_products import EPS, Split, split
from tunebound.bounds.separators.tableau import Indices, Tableau, tableau

_ACCEPTED_GAP = 1e-12  # what a solver leaves above is solved by the next one
_FOREIGN = 1e-6
_LARGEST_BLOCK = 2**21  # products held at once: 16 MiB an array
_DIFFERENT_ROWS = 32  # of an active set from the whole's: what memory is planned for


def resolve(
    Z: Floats, margin: float, dual: Floats, left_out: Indices, *, solver: str
) -> tuple[Floats, Floats, Floats]:
    """Solve the problems without some rows each.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, d)
        Rows y_i x_i.
    margin : float
        Margin of Z.
    dual : ndarray of float64, shape (n,)
        Dual of its separator, in any multiple.
    left_out : ndarray of int, shape (P, g)
        Rows that each problem does without; n stands for none.
    solver : str
        "active-set" or "daqp"; the second for g = 1 only.

    Returns
    -------
    weights : ndarray of float64, shape (P, d)
    margins, gaps : ndarray of float64, shape (P,)
        None of the margins is below `margin`.
    """
    exponent = int(np.frexp(margin)[1])
    problems = _Problems(np.ldexp(Z, -exponent), np.ldexp(dual, 2 * exponent), left_out, solver)
    weights = np.zeros((len(left_out), Z.shape[1]))
    margins, gaps = np.zeros(len(left_out)), np.full(len(left_out), np.inf)
    with tqdm(
        total=len(left_out), desc="left-out separators", unit="", disable=None, delay=2, leave=False
    ) as bar:
        for block in problems.blocks():
            weights[block], margins[block], gaps[block] = problems.solved(block)
            bar.update(block.size)
    # the separator of all rows is one without some too: a smaller margin can only be rounding
    return np.ldexp(weights, -exponent), np.maximum(np.ldexp(margins, exponent), margin), gaps


def smallest_product(Z: Floats, w: Floats) -> tuple[float, bool]:
    """Return min_j z_j . w, and whether it is 1 within rounding, as for the separator of Z."""
    smallest = float((Z @ w).min())
    rounding = (len(w) + 2) * EPS * float((np.linalg.norm(Z, axis=1)).max() * np.linalg.norm(w))
    return smallest, abs(smallest - 1.0) <= _FOREIGN + rounding


class _Problems:
    """Rows at a margin near 1, what all problems share, and the ways to solve them."""

    def __init__(self, Z: Floats, dual: Floats, left_out: Indices, solver: str) -> None:
        self.Z, self.dual, self.left_out = Z, dual, left_out
        self.rows: Split = split(Z)
        self.whole: Tableau = tableau(Z, dual)
        self.routes = [self._by_pivots]
        if solver == "daqp":
            self.routes.insert(0, self._by_programs)

    def blocks(self) -> Iterator[Indices]:
        """Problems that are solved at a time."""
        n, k = len(self.Z), self.whole.active.size
        together = max(1, _LARGEST_BLOCK // max(n, _DIFFERENT_ROWS * k))
        for first in range(0, len(self.left_out), together):
            yield np.arange(first, min(first + together, len(self.left_out)))

    def solved(self, block: Indices) -> tuple[Floats, Floats, Floats]:
        """Return w, margin and gap of each problem by the solver; by the pivots, by a polish of
        what they found, and by a fresh solve where the gap stays open.
        """
        weights = np.zeros((block.size, self.Z.shape[1]))
        margins, gaps = np.zeros(block.size), np.full(block.size, np.inf)
        duals = np.zeros((block.size, len(self.Z)))
        for route in self.routes:
            rest = np.flatnonzero(gaps > _ACCEPTED_GAP)
            if rest.size:
                duals[rest] = route(block[rest])
                weights[rest], margins[rest], gaps[rest] = self._certified(block[rest], duals[rest])
        for k in np.flatnonzero(gaps > _ACCEPTED_GAP):
            kept = np.ones(len(self.Z) + 1, dtype=bool)
            kept[self.left_out[block[k]]] = False
            solution = least_distance(self.Z[kept[:-1]], np.flatnonzero(duals[k, kept[:-1]] > 0))
            if solution.gap < gaps[k]:
                weights[k], margins[k], gaps[k] = solution.weights, solution.margin, solution.gap
        return weights, margins, gaps

    def _by_pivots(self, block: Indices) -> Floats:
        return pivots.resolve(self.whole, self.left_out[block])

    def _by_programs(self, block: Indices) -> Floats:
        return quadratic_programs.resolve(self.Z, self.dual, self.left_out[block, 0])

    def _certified(self, block: Indices, duals: Floats) -> tuple[Floats, Floats, Floats]:
        """Return w, its margin and the duality gap of each problem; the gap is infinite where the
        dual proves nothing.
        """
        weights = np.zeros((block.size, self.Z.shape[1]))
        margins, gaps = np.zeros(block.size), np.full(block.size, np.inf)
        proper = np.flatnonzero((duals >= 0).all(axis=1) & (duals > 0).any(axis=1))  # nor NaN
        duals = duals[proper]
        combination = duals @ self.Z
        terms = int(np.count_nonzero(duals, axis=1).max(initial=0))
        deviation = 1.01 * (terms + 2) * EPS * (duals @ self.rows.norms)
        left_out: NDArray[np.bool_] = np.zeros((proper.size, len(self.Z) + 1), dtype=bool)
        left_out[np.arange(proper.size)[:, np.newaxis], self.left_out[block[proper]]] = True
        extended = combination.astype(np.longdouble)
        smallest, margins[proper], gaps[proper] = certify(
            *products(self.rows, extended), extended, duals, deviation, left_out[:, :-1]
        )
        separating = margins[proper] > 0
        weights[proper[separating]] = (combination / smallest[:, np.newaxis])[separating]
        return weights, margins, gaps
