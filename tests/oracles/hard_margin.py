"""Hard-margin separators by routes that share nothing with the package: a cone program, and exact
KKT conditions.
"""

import warnings

import cvxpy as cp
import numpy as np
from mpmath import mp, mpf

mp.dps = 50


TOLERANCES = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9)


def cone_program_margin(X, y):
    """Largest margin, from maximising it over the unit ball; data are scaled to margin 1 for the
    second solve.
    """
    margin = 1.0
    for _ in range(2):
        Z = X * y[:, None] / margin
        w, t = cp.Variable(X.shape[1]), cp.Variable()
        problem = cp.Problem(cp.Maximize(t), [Z @ w >= t, cp.norm(w) <= 1])
        for tolerance in TOLERANCES:
            with warnings.catch_warnings():
                # "may be inaccurate": the next tolerance is tried
                warnings.simplefilter("ignore", UserWarning)
                problem.solve(
                    solver=cp.CLARABEL,
                    tol_gap_abs=tolerance,
                    tol_gap_rel=tolerance,
                    tol_feas=tolerance,
                )
            if problem.status == cp.OPTIMAL:
                break
        else:
            raise AssertionError(
                f"Clarabel reached no tolerance up to {TOLERANCES[-1]:g}: {problem.status}"
            )
        margin *= float(problem.value)
    return margin


def exact_margin(X, y, support):
    """Margin with 50 digits if `support` is a support set of the exact separator; raises otherwise.

    The shortest w with z_j . w = 1 on the support set is the separator if its multipliers are not
    negative and no other sample is violated. All arithmetic is on the very numbers in X.
    """
    with mp.workdps(120):  # the Gram matrix squares the condition of the data
        return _exact_margin(X, y, support)


def _exact_margin(X, y, support):
    Z = [[mpf(float(x)) * int(label) for x in row] for row, label in zip(X, y, strict=True)]
    chosen = [Z[j] for j in support]
    gram = mp.matrix([[mp.fdot(a, b) for b in chosen] for a in chosen])
    alpha = mp.lu_solve(gram, mp.matrix([1] * len(chosen)))
    w = [mp.fdot(alpha, [row[k] for row in chosen]) for k in range(len(Z[0]))]
    products = [mp.fdot(row, w) for row in Z]
    if min(alpha) < 0 or min(products) < 1 - mpf(10) ** -30:
        raise AssertionError(
            f"not the support set: min dual {min(alpha)}, min product {min(products)}"
        )
    return 1 / mp.sqrt(mp.fsum(x * x for x in w)), np.array([float(x) for x in w])


def direction_distance(a, b):
    """Distance of unit vectors along a and b."""
    return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))
