"""Least distance programming by an interior-point method, for sizes where pivoting takes too long.

``min |w|^2/2, Z w >= 1``, with slacks s = Z w - 1 and duals alpha, is followed along
``alpha_j s_j = mu`` by Mehrotra's predictor and corrector (SIAM Journal on Optimization 2, 1992).
A step solves one system, ``(I + Z^T diag(alpha/s) Z) dw = r``, in the d dimensions, and some 20
steps suffice whatever the number of support vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from tqdm import tqdm

from tunebound._ground.arrays import Floats

_STEPS = 100
_SHARE = 0.995  # of the way to the boundary
_ENOUGH = 1e-11  # of the duality gap; the support is told from the rest by then


def support_of(Z: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Find the rows with a positive dual.

    Parameters
    ----------
    Z : ndarray of float64, shape (n, d)
        Rows of norm at most about 1; d <= n is what a step is cheap for.

    Returns
    -------
    active : ndarray of int
        Rows whose dual outweighs their slack when the method ends.
    dual : ndarray of float64, shape (n,)
        alpha > 0 then, scaled to sum 1: Z^T alpha is small where there is no separator.
    """
    n, d = Z.shape
    w, dual, slack = np.zeros(d), np.ones(n), np.ones(n)
    with _digits() as bar:
        for _ in range(_STEPS):
            stationarity = w - dual @ Z
            feasibility = Z @ w - slack - 1.0
            mu = float(dual @ slack) / n
            size = max(1.0, float(w @ w))
            open_ = n * mu / size + float(np.abs(feasibility).max())
            bar.update(_closed(open_) - bar.n)
            if open_ < _ENOUGH or mu == 0:
                break
            weighted = Z * np.sqrt(dual / slack)[:, np.newaxis]
            matrix = weighted.T @ weighted
            matrix.flat[:: d + 1] += 1.0
            try:
                factor = scipy.linalg.cho_factor(matrix, check_finite=False)
            except np.linalg.LinAlgError:
                break

            system = _System(Z, dual, slack, stationarity, feasibility, factor)
            product = dual * slack
            _, dual_step, slack_step = system.step(-product)
            length = min(_length(dual, dual_step), _length(slack, slack_step), 1.0)
            predicted = float((dual + length * dual_step) @ (slack + length * slack_step)) / n
            centre = mu * (predicted / mu) ** 3
            w_step, dual_step, slack_step = system.step(centre - product - dual_step * slack_step)
            length = min(_SHARE * min(_length(dual, dual_step), _length(slack, slack_step)), 1.0)
            if not length > 1e-12:
                break
            w = w + length * w_step
            dual = dual + length * dual_step
            slack = slack + length * slack_step
    return np.flatnonzero(dual > slack), dual / dual.sum()


def _digits() -> tqdm:
    """A bar of the digits of the duality gap that are closed; the number of steps is not known."""
    return tqdm(
        total=_closed(_ENOUGH),
        desc="separator",
        unit="digit",
        miniters=0,
        disable=None,
        delay=2,
        leave=False,
    )


def _closed(open_: float) -> int:
    return math.floor(-math.log10(min(max(_ENOUGH, open_), 1.0)))


@dataclass(frozen=True)
class _System:
    """The linearised conditions at a point, and the factor of their matrix in d dimensions."""

    Z: Floats
    dual: Floats
    slack: Floats
    stationarity: Floats
    feasibility: Floats
    factor: tuple[Floats, bool]

    def step(self, target: Floats) -> tuple[Floats, Floats, Floats]:
        """Steps of w, dual and slack towards dual * slack = its value + target."""
        pull = (target - self.dual * self.feasibility) / self.slack
        right = pull @ self.Z - self.stationarity
        w_step = scipy.linalg.cho_solve(self.factor, right, check_finite=False)
        slack_step = self.Z @ w_step + self.feasibility
        return w_step, (target - self.dual * slack_step) / self.slack, slack_step


def _length(values: Floats, step: Floats) -> float:
    """How many steps keep all values at 0 or more."""
    falling = step < 0
    return float((values[falling] / -step[falling]).min(initial=np.inf))
