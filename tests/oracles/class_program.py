"""The separator of several classes as a cone program for cvxpy and Clarabel: a matrix U of
Frobenius norm 1 with the largest lead of any sample over any rival class.
"""

import warnings

import cvxpy as cp
import numpy as np


def largest_margin(X, y):
    """Margin and direction (K, d)."""
    classes = int(y.max()) + 1
    scale = np.linalg.norm(X, axis=1).max()
    U, lead = cp.Variable((classes, X.shape[1])), cp.Variable()
    constraints = [cp.norm(U, "fro") <= 1]
    for x, label in zip(X / scale, y, strict=True):
        for rival in range(classes):
            if rival != label:
                constraints.append((U[int(label)] - U[rival]) @ x >= lead)
    problem = cp.Problem(cp.Maximize(lead), constraints)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    assert problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE), problem.status
    return float(problem.value) * scale, np.asarray(U.value)
