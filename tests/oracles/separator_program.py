"""The hard-margin separator as a convex program for cvxpy and Clarabel: an independent route to the
planted truth.
"""

from __future__ import annotations

import warnings

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

TOLERANCES = (1e-15, 1e-14, 1e-13, 1e-12)


def hard_margin_direction(
    X: NDArray[np.float64], y: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Unit max-margin direction (d,) and margin of separable data, knowing nothing but X and y.

    The interior point gives the separator and shows which constraints are tight; the least-norm
    solution on those then gives the last digits, and is accepted only if it satisfies the other
    constraints and has no negative multiplier.
    """
    radius = np.linalg.norm(X, axis=1).max()
    Z = (y[:, None] * X) / radius
    approximate, multipliers = _interior_point(Z)
    tight = np.flatnonzero(Z @ approximate < 1 + 1e-5)
    exact = np.linalg.lstsq(Z[tight], np.ones(tight.size), rcond=None)[0]
    assert np.abs(Z[tight] @ exact - 1).max() < 1e-11
    assert (Z @ exact).min() > 1 - 1e-11
    # Optimality: the solution is a non-negative combination of the tight samples (checked with the
    # solver's own dual).
    assert multipliers.min() > -1e-9
    assert np.linalg.norm(exact - approximate) < 1e-4 * np.linalg.norm(exact)
    norm = float(np.linalg.norm(exact))
    return exact / norm, radius / norm


def _interior_point(Z: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weights = cp.Variable(Z.shape[1])
    tight = Z @ weights >= 1
    problem = cp.Problem(cp.Minimize(cp.sum_squares(weights)), [tight])
    for tolerance in TOLERANCES:
        try:
            with warnings.catch_warnings():
                # "may be inaccurate": then the next tolerance is tried.
                warnings.simplefilter("ignore", UserWarning)
                problem.solve(
                    solver=cp.CLARABEL,
                    tol_gap_abs=tolerance,
                    tol_gap_rel=tolerance,
                    tol_feas=tolerance,
                    max_iter=200,
                )
        except cp.SolverError:
            continue
        if problem.status == cp.OPTIMAL:
            return np.asarray(weights.value), np.asarray(tight.dual_value)
    raise AssertionError(
        f"Clarabel found no solution to {TOLERANCES[-1]:g}, status {problem.status}"
    )
