"""The separator of several classes as a quadratic program for cvxpy and Clarabel: the shortest
matrix W in which every sample leads any rival class by 1. It has the direction of the matrix of
norm 1 with the largest lead, and its length is one over that lead.
"""

import warnings

import cvxpy as cp
import numpy as np


def largest_margin(X, y):
    """Margin and direction (K, d)."""
    classes = int(y.max()) + 1
    scale = np.linalg.norm(X, axis=1).max()
    W = cp.Variable((classes, X.shape[1]))
    leads = [
        (W[int(label)] - W[rival]) @ x >= 1
        for x, label in zip(X / scale, y, strict=True)
        for rival in range(classes)
        if rival != label
    ]
    problem = cp.Problem(cp.Minimize(cp.sum_squares(W)), leads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    assert problem.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE), problem.status
    length = float(np.linalg.norm(W.value))
    return scale / length, np.asarray(W.value) / length
