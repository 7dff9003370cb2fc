"""Hard-margin separators of a sample with each member left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import choice, instance
from tunebound._ground.sample_checks import labelled_sample, sample_numbers
from tunebound.bounds.separators import left_out, quadratic_programs
from tunebound.bounds.separators.separator import Separator, max_margin

SOLVERS = ("active-set", "daqp")


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """Separators of the left-out data; row i has sample i left out, or the i-th of the chosen ones.

    Attributes
    ----------
    weights : ndarray of float64, shape (n, d)
        w_{S^i}; equal to w_S where sample i is no support vector.
    margins : ndarray of float64, shape (n,)
        Margins of S^i; none is below the margin of S.
    gaps : ndarray of float64, shape (n,)
        Relative duality gaps, rounding included: the true margin is at most margin / sqrt(1 - gap).
    hinge : ndarray of float64, shape (n,)
        max(0, 1 - y_i x_i . w_{S^i}), the hinge loss of the left-out sample.
    """

    weights: Floats
    margins: Floats
    gaps: Floats
    hinge: Floats


def leave_one_out_separators(
    X: ArrayLike,
    y: ArrayLike,
    separator: Separator | None = None,
    *,
    solver: str = "active-set",
    samples: ArrayLike | None = None,
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
    samples : array_like of int, optional
        Numbers of the samples to leave out, in the order of the rows of the result; all by default.
        Many samples may be done in parts, so that what is done can be kept.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    TypeError, ValueError
        If `X` or `y` is malformed, a class has one sample only, `separator` belongs to other data,
        `solver` is unknown, or `samples` are no numbers of samples.
    NotSeparableError
        If no hyperplane through the origin separates the classes.
    MissingSolverError
        If daqp is asked for and not installed; an ImportError.

    Notes
    -----
    Where sample i has the dual 0, w_S solves the problem without it too, and nothing is computed.
    For the others, the data are scaled to a margin near 1, the separator is computed anew from the
    dual that the solver found, and its duality gap, rounding included, decides, whatever the solver
    said of itself: a sample whose gap exceeds 1e-12 goes from daqp to the pivots, from these to an
    active-set polish in extended precision, and from that to a fresh solve. The time is that of
    products of k x d with d x n matrices, one a pivot, for k samples with a dual above 0.
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
    chosen = sample_numbers("samples", samples, len(Z))
    weights = np.tile(separator.weights, (chosen.size, 1))
    margins = np.full(chosen.size, separator.margin)
    gaps = np.full(chosen.size, separator.gap)
    hinge = np.zeros(chosen.size)
    at = np.flatnonzero(separator.dual[chosen] > 0)
    rows = chosen[at]
    weights[at], margins[at], gaps[at] = left_out.resolve(
        Z, separator.margin, separator.dual, rows[:, np.newaxis], solver=solver
    )
    hinge[at] = np.maximum(0.0, 1.0 - np.einsum("kd,kd->k", Z[rows], weights[at]))
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


def _check_belongs(Z: Floats, separator: Separator) -> None:
    n, d = Z.shape
    remedy = "pass max_margin(X, y) of the same X and y, or leave it out"
    instance("separator", separator, Separator, remedy=remedy)
    if separator.weights.shape != (d,) or separator.dual.shape != (n,):
        raise ValueError(
            f"separator is for {separator.dual.shape[0]} samples in {separator.weights.shape[0]}"
            f" dimensions, X has shape {Z.shape}: {remedy}"
        )
    smallest, possible = left_out.smallest_product(Z, separator.weights)
    if not possible:
        raise ValueError(
            f"separator has min_j y_j x_j . w = {smallest:.6g} on X, y instead of 1: {remedy}"
        )
