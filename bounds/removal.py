"""The smallest set of samples whose removal leaves separable data: one that was found, and a bound
from below on all of them.

To find the smallest is NP-hard (Johnson and Preparata 1978). From above: the sum of the slacks is
minimised as a linear program, reweighted so that few samples have any, and what can be put back is.
From below: a *clash* is a set of samples with a positive combination of their rows z_j that is 0
as far as float64 tells, so that no w has z_j . w > 0 by more than that for all of them (after
Gordan); of every clash one sample has to go. If
shares mu_C >= 0 of clashes give each sample at most 1 in total, a removal R has
|R| >= sum_{j in R} sum_{C with j} mu_C >= sum_C mu_C. The best shares solve a linear program; what
is returned proves the bound without it.

Source: this project; Chinneck, Feasibility and Infeasibility in Optimization (2008), chapter 7, for
the method of both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np
import scipy.optimize
import scipy.sparse
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_array
from tunebound._ground.sample_checks import labelled_classes, labelled_sample
from tunebound.bounds.separators.least_distance import NotSeparableError, least_distance
from tunebound.bounds.separators.split_products import product, split

Rows = NDArray[np.intp]

UNIT = float(np.finfo(np.float64).eps)
REWEIGHTINGS = 4
ROUNDS = 30  # clashes looked for beyond disjoint ones, at most
PUT_BACK = 60  # removed samples that are tried on the other side, at most
# rows times columns times the smaller of both, of all linear programs: a few tens of seconds
WORK = 3 * 10**9
FEWEST = 2 * (REWEIGHTINGS + 1)  # linear programs that are worth a beginning
# Rows are scaled to entries of at most 1: what float64 tells from 0 in a product with a unit vector
TOLD = 1e-13
STEPS = 10  # of the simplex method a row and column: it takes one at most, or turns in circles
CORRECTIONS = 4  # of a combination from a linear program, which is off by some 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallestRemoval:
    """A removal that leaves separable data, and what proves that no much smaller one does.

    Attributes
    ----------
    rows : ndarray of int, shape (k,)
        Samples to remove, ascending; empty where the data are separable.
    at_least : int
        No removal of fewer samples leaves data that float64 can tell to be separable: the sum of
        `shares`, rounded up. Clashes are found to the extent that linear programs of this size are
        affordable, so it can be far below k, down to 0.
    weights : ndarray of float64, shape (d,) or (K, d)
        Separates all other samples: z_j . w > 0, by more than rounding.
    clashes : tuple of ndarray of int
        Sets of samples that no w separates by more than rounding, each proved by a positive
        combination that is 0 within it.
    shares : ndarray of float64, shape (len(clashes),)
        mu_C >= 0; those of the clashes of one sample add up to 1 at most.
    """

    rows: Rows
    at_least: int
    weights: Floats
    clashes: tuple[Rows, ...]
    shares: Floats

    @property
    def exact(self) -> bool:
        """Whether no smaller removal exists, as far as float64 tells."""
        return len(self.rows) == self.at_least


def smallest_removal(X: ArrayLike, y: ArrayLike) -> SmallestRemoval:
    """Find few samples whose removal leaves separable data, with a bound on the fewest.

    Separable means by a hyperplane through the origin, or for classes 0, ..., K - 1 by weights
    (K, d) whose score of the right class is the largest for every sample.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features; finite, n >= 2.
    y : array_like of shape (n,)
        Labels -1 and +1, or classes 0, ..., K - 1.

    Returns
    -------
    SmallestRemoval

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed.

    Notes
    -----
    Deterministic. How much is tried depends on the size: with r rows (one a sample, K - 1 for
    classes) of c columns (d, (K - 1) d) about N = 3e9/(r c min(r, c)) linear programs are solved,
    a few tens of seconds at most; up to 60 samples are put back, at most N/2, and up to 30 clashes
    looked for beyond disjoint ones, at most N/4. Below N = 10 there are no linear programs: from
    above a least-squares fit is reweighted, from below samples of equal features and different
    labels alone count.

    With rows z scaled by powers of 2 to a largest entry in [1/2, 1) float64 tells z . w from 0
    above 1e-13 |w|. A combination with shares a > 0 and |sum_j a_j z_j| <= 1e-13 sum_j a_j, which
    is checked with its rounding, has no w with all products above that, since sum_j a_j z_j . w <=
    1e-13 |w| sum_j a_j.
    """
    signed = bool((real_array("y", y) < 0).any())
    if signed:
        points, signs = labelled_sample(X, y)
        classes, count = (signs > 0).astype(np.int64), 2
    else:
        points, classes, count = labelled_classes(X, y, classes=None, members=1)
    Z, owner = _rows(points, classes, count)
    search = _Search(Z, owner, len(points))
    for pair in _contradictions(points, classes):
        search.add(pair)
    programs = WORK // (Z.size * min(Z.shape))
    affordable = programs >= FEWEST
    if affordable:
        search.disjoint()
    removed, w = search.removal(programs if affordable else 0)
    if affordable:
        rounds = range(min(ROUNDS, programs // 4))
        for _ in tqdm(rounds, desc="clashes", unit="", disable=None, delay=2, leave=False):
            if search.at_least >= removed.size or not search.crossing():
                break
    if count == 2:
        weights = w if signed else np.stack([-w / 2, w / 2])
    else:
        weights = np.vstack([w.reshape(count - 1, -1), np.zeros(points.shape[1])])
    return SmallestRemoval(
        rows=removed,
        at_least=search.at_least,
        weights=weights,
        clashes=tuple(search.clashes),
        shares=search.packing[1],
    )


def _rows(points: Floats, classes: Integers, count: int) -> tuple[Floats, Rows]:
    """Rows z with z . w > 0 where the sample `owner` is right, scaled by powers of two to norms
    about 1, which changes no sign and rounds nothing. The last class scores 0.
    """
    n = len(points)
    if count == 2:
        Z, owner = points * (2.0 * classes - 1.0)[:, np.newaxis], np.arange(n)
    else:
        owner, rival = np.nonzero(classes[:, np.newaxis] != np.arange(count))
        factors = np.eye(count)[classes[owner]] - np.eye(count)[rival]
        Z = (factors[:, :-1, np.newaxis] * points[owner][:, np.newaxis]).reshape(len(owner), -1)
    exponents = np.frexp(np.abs(Z).max(axis=1))[1]
    return np.ldexp(Z, -exponents[:, np.newaxis]), owner


def _contradictions(points: Floats, classes: Integers) -> list[Rows]:
    """Disjoint pairs of samples with equal features and different classes, and zero rows alone."""
    found = [np.array([row]) for row in np.flatnonzero(~points.any(axis=1))]
    _, group = np.unique(points, axis=0, return_inverse=True)
    group = group.reshape(-1)  # NumPy 2.0 returns a column
    repeated = np.flatnonzero(np.bincount(group) > 1)
    for members in (np.flatnonzero(group == which) for which in repeated):
        if not points[members[0]].any():
            continue
        labels = classes[members]
        most = np.bincount(labels).argmax()
        pairs = zip(members[labels == most], members[labels != most], strict=False)
        found += [np.sort(np.array(pair)) for pair in pairs]
    return found


class _Search:
    """Clashes as they are found, each a set of samples."""

    def __init__(self, Z: Floats, owner: Rows, n: int) -> None:
        self.Z, self.owner, self.n = Z, owner, n
        self.clashes: list[Rows] = []

    @cached_property
    def directions(self) -> Floats:
        """The rows in coordinates at right angles in which they vary alike, so that the same
        combinations of them are 0.

        A linear program would overlook a direction of the features in which they hardly vary, as
        there is one behind a layer norm in float32.
        """
        left, singular, _ = np.linalg.svd(self.Z, full_matrices=False)
        seen = singular > max(self.Z.shape) * UNIT * singular[0]
        return left[:, seen] * np.sqrt(len(left))

    def add(self, samples: Rows) -> None:
        self.clashes.append(samples)
        self.__dict__.pop("packing", None)

    def disjoint(self) -> None:
        """Find clashes that share no sample, until none is left among the others."""
        free = np.ones(self.n, dtype=np.bool_)
        for samples in self.clashes:
            free[samples] = False
        while (found := self._clash(free, np.zeros(self.n))) is not None:
            self.add(found)
            free[found] = False

    def crossing(self) -> bool:
        """Find a clash that the present cover of all others leaves open; whether there was one."""
        cover, _ = self.packing
        samples = self._clash(np.ones(self.n, dtype=np.bool_), cover)
        if samples is None or cover[samples].sum() > 1 - 1e-6:
            return False
        self.add(samples)
        return True

    @cached_property
    def packing(self) -> tuple[Floats, Floats]:
        """The cheapest fractional cover (n,) of the clashes, and the largest shares they admit."""
        if not self.clashes:
            return np.zeros(self.n), np.zeros(0)
        sizes = [len(samples) for samples in self.clashes]
        which = np.repeat(np.arange(len(sizes)), sizes)
        holds = scipy.sparse.csr_array(
            (np.ones(len(which)), (which, np.concatenate(self.clashes))),
            shape=(len(sizes), self.n),
        )
        solved = scipy.optimize.linprog(
            np.ones(self.n), A_ub=-holds, b_ub=-np.ones(len(sizes)), method="highs"
        )
        shares = np.maximum(-solved.ineqlin.marginals, 0.0)
        return solved.x, shares / max(1.0, float((shares @ holds).max()) * (1 + 1e-12))

    @property
    def at_least(self) -> int:
        """The bound that the shares prove."""
        return max(0, ceil(float(self.packing[1].sum()) - 1e-9))

    def removal(self, programs: int) -> tuple[Rows, Floats]:
        """A small removal, and what separates the others; by about so many linear programs."""
        kept = None
        found = self._reweighted() if programs else []
        for w in found or _least_squares(self.Z):
            right = np.ones(self.n, dtype=np.bool_)
            right[self.owner[~_positive(self.Z, w)]] = False
            if kept is None or right.sum() > kept.sum():
                kept, best = right, w
        assert kept is not None
        if programs:
            wrong = np.flatnonzero(~kept)
            nearest = np.full(self.n, np.inf)
            np.minimum.at(nearest, self.owner, self.Z @ best)
            order = wrong[np.argsort(-nearest[wrong], kind="stable")]
            tried = order[: min(PUT_BACK, programs // 2)]
            for row in tqdm(tried, desc="put back", unit="", disable=None, delay=2, leave=False):
                kept[row] = True
                separator = _separator(self.Z[kept[self.owner]])
                if separator is None:
                    kept[row] = False
                else:
                    best = separator
        return np.flatnonzero(~kept), best

    def _reweighted(self) -> list[Floats]:
        """Minimisers of the weighted sum of slacks; a sample weighs less, the more it has."""
        rows, d = self.Z.shape
        sums = scipy.sparse.csr_array((-np.ones(rows), (np.arange(rows), self.owner)))
        table = scipy.sparse.hstack([scipy.sparse.csr_array(-self.Z), sums])
        bounds = [(None, None)] * d + [(0, None)] * self.n
        weights, found = np.ones(self.n), []
        for _ in range(REWEIGHTINGS):
            cost = np.concatenate([np.zeros(d), weights])
            solved = scipy.optimize.linprog(
                cost,
                A_ub=table,
                b_ub=-np.ones(rows),
                bounds=bounds,
                method="highs",
                options={"maxiter": STEPS * sum(table.shape)},
            )
            if solved.x is None:
                break
            found.append(solved.x[:d])
            slack = solved.x[d:]
            weights = 1.0 / (slack + 0.1)
        return found

    def _clash(self, free: NDArray[np.bool_], cost: Floats) -> Rows | None:
        """A clash of free samples, cheap in the cost of its samples, if one is found and proved."""
        rows = np.flatnonzero(free[self.owner])
        if rows.size == 0:
            return None
        columns = self.directions[rows].T
        solved = scipy.optimize.linprog(
            cost[self.owner[rows]],
            A_eq=np.vstack([columns, np.ones(len(rows))]),
            b_eq=np.append(np.zeros(len(columns)), 1.0),
            method="highs-ds",
            options={"maxiter": STEPS * sum(columns.shape)},
        )
        if solved.x is None:
            return None
        used = solved.x > 1e-9
        if clash_shares(self.Z[rows[used]], solved.x[used]) is None:
            return None
        return np.unique(self.owner[rows[used]])


def clash_shares(Z: Floats, near: Floats) -> Floats | None:
    """Shares a > 0 (m,) near those given with which rows (m, d) add up to 0 as far as float64
    tells, so that no w has larger products with all of them; None if none are found.
    """
    columns, shares = split(Z.T), near
    for _ in range(CORRECTIONS):
        sums, errors = (each[0] for each in product(split(shares[np.newaxis]), columns))
        if np.linalg.norm(np.abs(sums) + errors) <= TOLD * shares.sum() * (1 - 1e-9):
            return shares
        # relative to the shares, so that the small ones stay positive
        shares = shares * (1 - np.linalg.lstsq((Z * shares[:, np.newaxis]).T, sums)[0])
        if not np.all(shares > 0):
            return None
    return None


def _separator(Z: Floats) -> Floats | None:
    """w with Z w > 0 beyond rounding, of the largest margin; None if none."""
    try:
        w = least_distance(Z).weights
    except NotSeparableError:
        return None
    return w if _positive(Z, w).all() else None


def _least_squares(Z: Floats) -> list[Floats]:
    """Fits of Z w to 1, those with the largest errors weighing less each time."""
    weights, found = np.ones(len(Z)), []
    ridge = 1e-9 * np.eye(Z.shape[1]) * float(np.square(Z).sum())
    for _ in range(4 * REWEIGHTINGS):
        weighted = Z.T * weights
        found.append(np.linalg.solve(weighted @ Z + ridge, weighted.sum(axis=1)))
        weights = 1.0 / (np.abs(1.0 - Z @ found[-1]) + 0.1)
    return found


def _positive(Z: Floats, w: Floats) -> NDArray[np.bool_]:
    """Rows whose product with w is above 0 by more than its rounding, and as far as is told."""
    rounding = (Z.shape[1] + 2) * UNIT * (np.abs(Z) @ np.abs(w))
    return Z @ w > rounding + TOLD * np.linalg.norm(w)
