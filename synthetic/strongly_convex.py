"""What the smooth strongly convex problems have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import real_array
from tunebound._ground.storage import Stored

# Rounding of eigenvalues and solves; stored constants must match the arrays this well, relative to
# β and to distances.
TOLERANCE = 1e-11


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class StronglyConvexProblem(Stored):
    """Losses of n samples in d parameters with known constants.

    Attributes
    ----------
    minimiser : (d,) float64
        w*, the minimiser of the mean loss.
    start : (d,) float64
        w_0, where descent starts.
    mu, beta : float
        All Hessians have their eigenvalues in [μ, β], 0 < μ ≤ β.
    lipschitz : float
        L = max ‖∇f_i(w)‖ over all i and the ball ‖w − w*‖ ≤ ‖w_0 − w*‖.
    """

    minimiser: Floats
    start: Floats
    mu: float
    beta: float
    lipschitz: float

    @property
    @abstractmethod
    def n(self) -> int:
        """Number of samples."""

    @abstractmethod
    def _remark(self) -> str:
        """What sets this problem apart from others of its constants, in a word or two."""

    @property
    def d(self) -> int:
        """Number of parameters."""
        return len(self.minimiser)

    @property
    def distance(self) -> float:
        """‖w_0 − w*‖."""
        return float(np.linalg.norm(self.start - self.minimiser))

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} n{self.n}-d{self.d} mu={self.mu:.6g} beta={self.beta:.6g}"
            f" distance={self.distance:.6g} {self._remark()}>"
        )

    def parameters(self, w: ArrayLike) -> Floats:
        """Check weights of shape (..., d)."""
        array = real_array("w", w)
        if array.ndim < 1 or array.shape[-1] != self.d:
            raise ValueError(f"w must have shape (..., {self.d}), got {array.shape}")
        return array
