"""Hard-margin separators of a sample with each member left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import choice, labelled_sample
from tunebound.bounds.separators import pivots, quadratic_programs
from tunebound.bounds.separators.certificates import duality_gap
from tunebound.bounds.separators.least_distance import least_distance
from tunebound.bounds.separators.separator import Separator, max_margin

SOLVERS = ("active-set", "daqp")
_ACCEPTED_GAP = 1e-12  # what a solver leaves above is solved by the next one
_FOREIGN = 1e-6


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """Separators of the left-out data; row i has sample i left out.

    Attributes
    ----------
    weights : ndarray of float64, shape (n, d)
        w_{S^i}; equal to w_S where sample i is no support vector.
    margins : ndarray of float64, shape (n,)
        Margins of S^i; none is below the margin of S.
    gaps : ndarray of float64, shape (n,)
        Relative duality gaps.
    hinge : ndarray of float64, shape (n,)
        max(0, 1 - y_i x_i . w_{S^i}), the hinge loss of the left-out sample.
    """

    weights: Floats
    margins: Floats
    gaps: Floats
    hinge: Floats


def leave_one_out_separators(
    X: ArrayLike, y: ArrayLike, separator: Separator | None = None, *, solver: str = "active-set"
) -> LeaveOneOut:
    """Compute the hard-margin separators of all left-out data.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite.
    y : array_like of shape (n,)
        Labels, -1 or +1; each must occur twice.
    separator : Separator, optional
        ``max_margin(X, y)``, if it is known already.
    solver : {"active-set", "daqp"}
        What finds the support vectors of the left-out data, starting from those of w_S.
        "active-set": pivots of all problems at once, with nothing beyond NumPy and SciPy. "daqp":
        each quadratic program by the package of that name (``pip install daqp``), faster where few
        support vectors or many pivots leave little to do at once.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, a class has one sample only, `separator` belongs to other data,
        or `solver` is unknown.
    NotSeparableError
        If no hyperplane through the origin separates the classes.
    MissingSolverError
        If daqp is asked for and not installed; an ImportError.

    Notes
    -----
    Where sample i has the dual 0, w_S solves the problem without it too, and nothing is computed.
    For the others, the data are scaled to a margin near 1, the separator is computed anew from the
    active set that the solver found, and its duality gap decides, whatever the solver said of
    itself: a sample whose gap exceeds 1e-12 goes from daqp to the pivots, and from the pivots to a
    fresh solve.
    """
    X, y = labelled_sample(X, y)
    choice("solver", solver, SOLVERS)
    if solver == "daqp":
        quadratic_programs.daqp_module()
    for label in (-1, 1):
        members = np.flatnonzero(y == label)
        if members.size == 1:
            raise ValueError(
                f"y has one sample of the class {label:+d}, number {members[0]}: leaving it out"
                " leaves one class; give two samples of each class"
            )
    Z = X * y[:, np.newaxis]
    if separator is None:
        separator = max_margin(X, y)
    else:
        _check_belongs(Z, separator)
    n = Z.shape[0]
    weights = np.tile(separator.weights, (n, 1))
    margins = np.full(n, separator.margin)
    gaps = np.full(n, separator.gap)
    hinge = np.zeros(n)
    exponent = int(np.frexp(separator.margin)[1])
    left_out = separator.support
    w, found, open_gaps = _solved(
        np.ldexp(Z, -exponent), np.ldexp(separator.dual, 2 * exponent), left_out, solver
    )
    weights[left_out] = np.ldexp(w, -exponent)
    # w_S separates S^i too, so a smaller margin can only be rounding
    margins[left_out] = np.maximum(np.ldexp(found, exponent), separator.margin)
    gaps[left_out] = open_gaps
    hinge[left_out] = np.maximum(0.0, 1.0 - np.einsum("kd,kd->k", Z[left_out], weights[left_out]))
    return LeaveOneOut(weights=weights, margins=margins, gaps=gaps, hinge=hinge)


def leave_one_out_margins(X: ArrayLike, y: ArrayLike) -> Floats:
    """Compute the margins of all left-out data.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features, finite.
    y : array_like of shape (n,)
        Labels, -1 or +1; each must occur twice.

    Returns
    -------
    ndarray of float64, shape (n,)
        Margins of S^i; none is below the margin of S. Errors as for `leave_one_out_separators`.
    """
    return leave_one_out_separators(X, y).margins


def _solved(
    Z: Floats, dual: Floats, left_out: NDArray[np.intp], solver: str
) -> tuple[Floats, Floats, Floats]:
    """Return w, margin and gap of each problem by the solver; by the pivots, then by a fresh solve
    where the gap stays open.
    """
    weights = np.zeros((left_out.size, Z.shape[1]))
    margins = np.zeros(left_out.size)
    gaps = np.full(left_out.size, np.inf)
    routes = [pivots.resolve]
    if solver == "daqp":
        routes.insert(0, quadratic_programs.resolve)
    for resolve in routes:
        rest = np.flatnonzero(gaps > _ACCEPTED_GAP)
        if rest.size:
            weights[rest], margins[rest], gaps[rest] = _certified(
                Z, resolve(Z, dual, left_out[rest]), left_out[rest]
            )
    for k in np.flatnonzero(gaps > _ACCEPTED_GAP):
        fresh = least_distance(np.delete(Z, left_out[k], axis=0))
        weights[k], margins[k], gaps[k] = fresh.weights, fresh.margin, fresh.gap
    return weights, margins, gaps


def _certified(Z: Floats, u: Floats, left_out: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Return w, its margin and the duality gap of each problem; the gap is infinite where u proves
    nothing.
    """
    weights = np.zeros((left_out.size, Z.shape[1]))
    margins = np.zeros(left_out.size)
    gaps = np.full(left_out.size, np.inf)
    proper = np.flatnonzero((u >= 0).all(axis=1))  # not NaN either
    combination = u[proper] @ Z
    products = combination @ Z.T
    products[np.arange(proper.size), left_out[proper]] = np.inf
    smallest = products.min(axis=1)
    separating = smallest > 0
    proper, combination = proper[separating], combination[separating]
    smallest = smallest[separating]
    norms = np.linalg.norm(combination, axis=1)
    attained, largest = smallest / norms, norms / u[proper].sum(axis=1)
    weights[proper] = combination / smallest[:, np.newaxis]
    margins[proper] = attained
    gaps[proper] = duality_gap(attained, largest)
    return weights, margins, gaps


def _check_belongs(Z: Floats, separator: Separator) -> None:
    n, d = Z.shape
    remedy = "pass max_margin(X, y) of the same X and y, or leave it out"
    if separator.weights.shape != (d,) or separator.dual.shape != (n,):
        raise ValueError(
            f"separator is for {separator.dual.shape[0]} samples in {separator.weights.shape[0]}"
            f" dimensions, X has shape {Z.shape}: {remedy}"
        )
    smallest = float((Z @ separator.weights).min())
    if abs(smallest - 1.0) > _FOREIGN:
        raise ValueError(
            f"separator has min_j y_j x_j . w = {smallest:.6g} on X, y instead of 1: {remedy}"
        )
