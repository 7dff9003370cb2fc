"""Other ways to one hard-margin separator: min ‖w‖²/2 subject to Zw ≥ 1. Each takes Z (n, d) and
gives w (d,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cvxpy_clarabel(Z: Array) -> Array:
    """cvxpy, solved by Clarabel."""
    import cvxpy

    w = cvxpy.Variable(Z.shape[1])
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w) / 2), [Z @ w >= 1]).solve(
        solver=cvxpy.CLARABEL
    )
    return np.asarray(w.value)


def support_vector_machine(Z: Array) -> Array:
    """scikit-learn's SVC with C = 1e10; it fits a bias, which the mirrored sample makes zero."""
    from sklearn.svm import SVC

    X = np.vstack([Z, -Z])
    fitted = SVC(kernel="linear", C=1e10, tol=1e-5).fit(X, np.repeat([1, -1], len(Z)))
    return fitted.coef_[0]


def quadprog_raw(Z: Array) -> Array:
    """quadprog, by Goldfarb and Idnani."""
    import quadprog

    d = Z.shape[1]
    return quadprog.solve_qp(np.eye(d), np.zeros(d), Z.T.copy(), np.ones(len(Z)))[0]


def daqp_raw(Z: Array) -> Array:
    """daqp, dual active set."""
    import daqp

    n, d = Z.shape
    solution, _, flag, _ = daqp.solve(
        np.eye(d),
        np.zeros(d),
        np.ascontiguousarray(Z),
        np.full(n, 1e30),
        np.ones(n),
        np.zeros(n, dtype=np.int32),
    )
    if flag != 1:
        raise ArithmeticError(f"daqp ended with flag {flag}")
    return np.asarray(solution)
