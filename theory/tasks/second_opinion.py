"""The margin once more, by a general convex solver that shares no code with this project's."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Floats


def margin_by_clarabel(X: Floats, y: Floats) -> float:
    """Margin of separable data: 1/‖w‖ for the w of least norm with y_i x_iᵀw ≥ 1.

    Parameters
    ----------
    X : (n, d)
    y : (n,) of −1 and +1

    Raises
    ------
    ArithmeticError
        If the solver finds no solution.
    """
    import cvxpy

    scale = float(np.linalg.norm(X, axis=1).max())
    w = cvxpy.Variable(X.shape[1])
    problem = cvxpy.Problem(
        cvxpy.Minimize(cvxpy.sum_squares(w)), [(X * y[:, None] / scale) @ w >= 1]
    )
    tight = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-11)
    problem.solve(solver=cvxpy.CLARABEL, **tight)
    if problem.status not in (cvxpy.OPTIMAL, cvxpy.OPTIMAL_INACCURATE):
        raise ArithmeticError(f"Clarabel says {problem.status} of data that are separable")
    # the smallest product makes up for what the solver leaves of feasibility
    found = np.asarray(w.value)
    return float((X * y[:, None] @ found).min() / np.linalg.norm(found))
