"""Least distance problems that differ in one missing row, by the dual active-set method of daqp
(optional).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import scipy.linalg

from tunebound._ground.arrays import Floats
from tunebound.bounds.separators.tableau import Indices

# Tighter than daqp's own, which stop at 1e-6; what it returns is polished and certified by the
# caller.
_SETTINGS = {"primal_tol": 1e-11, "eps_prox": 0.0}


class MissingSolverError(ImportError):
    """daqp was asked for and is not installed."""


def daqp_module() -> ModuleType:
    """Import daqp, or say how to get it."""
    try:
        import daqp
    except ImportError as error:
        raise MissingSolverError(
            "solver='daqp' needs the package daqp, which is not installed: run `pip install daqp`,"
            " or keep solver='active-set'"
        ) from error
    return daqp


def resolve(Z: Floats, dual: Floats, left_out: Indices) -> Floats:
    """Solve the problems without one support vector each.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, d)
        Rows y_i x_i at a margin near 1.
    dual : ndarray of float64, shape (n,)
        Dual of the whole problem.
    left_out : ndarray of int, shape (P,)
        Rows to leave out, each with a dual above 0.

    Returns
    -------
    ndarray of float64, shape (P, n)
        Multiple of each problem's dual; NaN where daqp reports a failure, or no support vector.
    """
    daqp = daqp_module()
    n = Z.shape[0]
    rows = Z if Z.shape[1] <= n else scipy.linalg.qr(Z.T, mode="r")[0][:n].T
    kernel = rows @ rows.T + 1.0
    at_most = np.full(n, -1.0)
    at_least = np.full(n, -np.inf)
    program: dict[str, Any] = {
        "H": np.eye(rows.shape[1]),
        "f": np.zeros(rows.shape[1]),
        "A": np.ascontiguousarray(-rows),
    }
    start = dual.copy()
    active = np.zeros((left_out.size, n), dtype=bool)
    for k, i in enumerate(left_out):
        at_most[i], start[i] = np.inf, 0.0
        _, _, status, about = daqp.solve(
            bupper=at_most, blower=at_least, dual_start=start, **program, **_SETTINGS
        )
        at_most[i], start[i] = -1.0, dual[i]
        if status == 1:
            active[k] = about["lam"] > 0
    return _polish(kernel, active)


def _polish(kernel: Floats, active: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    """Solve K u = 1 on every active set, the rest of u being 0; all systems in one call, filled up
    by the identity.
    """
    solutions = np.full(active.shape, np.nan)
    solvable = np.flatnonzero(active.any(axis=1))
    if not solvable.size:
        return solutions
    chosen = active[solvable]
    slots = int(chosen.sum(axis=1).max())
    member = np.argsort(~chosen, axis=1, kind="stable")[:, :slots]
    filled = np.take_along_axis(chosen, member, axis=1)
    system = np.where(
        filled[:, :, np.newaxis] & filled[:, np.newaxis, :],
        kernel[member[:, :, np.newaxis], member[:, np.newaxis, :]],
        0.0,
    )
    each = np.arange(slots)
    system[:, each, each] += ~filled
    target = filled.astype(np.float64)[..., np.newaxis]
    try:
        u = np.linalg.solve(system, target)
    except np.linalg.LinAlgError:  # duplicated rows in one of the active sets
        return solutions
    values = np.zeros(chosen.shape)
    np.put_along_axis(values, member, u[..., 0], axis=1)
    solutions[solvable] = values
    return solutions
