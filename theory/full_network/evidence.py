"""What is measured and estimated on one network."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tunebound import tuning
from tunebound.theory.engine.setting import Cell
from tunebound.theory.full_network.networks import NetworkTask

MEAN = "mean distance of the parameters at step t"
# mean loss at w* below which the network fits every sample; at the start it is about one half
INTERPOLATED = 1e-3


@dataclass(frozen=True, kw_only=True)
class NetworkEvidence:
    """All that was measured and estimated on one network.

    Attributes
    ----------
    task : NetworkTask
    run : tuning.FullRun
        All n + 1 replicas, full-batch descent with step 1/β.
    start, end : tuning.Curvature
        Extreme eigenvalues over all ∇²f_i, at w_0 and at the estimate of w*.
    minimiser : tuning.Minimiser
    lipschitz : tuning.Estimate
        Along the run on S.
    """

    task: NetworkTask
    run: tuning.FullRun
    start: tuning.Curvature
    end: tuning.Curvature
    minimiser: tuning.Minimiser
    lipschitz: tuning.Estimate

    @property
    def n(self) -> int:
        return len(self.task.labels)

    @property
    def beta(self) -> float:
        """Estimate of β: the largest curvature of a sample's loss at both ends of the run."""
        return max(self.start.largest.value, self.end.largest.value)

    @property
    def interpolates(self) -> bool:
        return self.minimiser.loss < INTERPOLATED

    @property
    def strongly_convex(self) -> bool:
        """Whether the smallest curvature of a sample's loss at w* is above zero by more than its
        error.
        """
        return self.end.smallest.value - self.end.smallest.error > 0

    @property
    def resolution(self) -> NDArray[np.float64]:
        """Rounding of t steps, shape (K,), relative to the parameters' norm."""
        return (
            8
            * np.finfo(float).eps
            * (self.run.steps + 4.0)
            * float(np.linalg.norm(self.run.weights[0]))
        )

    def columns(self) -> dict[str, Cell]:
        return {
            **asdict(self.task.specification),
            "parameters": self.run.weights.shape[1],
            "distance": self.minimiser.distance.value,
            "distance_error": self.minimiser.distance.error,
            "weighting": self.run.weighting,
            "beta": self.beta,
            "beta_error": max(self.start.largest.error, self.end.largest.error),
            "mu": self.end.smallest.value,
            "mu_error": self.end.smallest.error,
            "curvature_at_start": self.start.smallest.value,
            "lipschitz": self.lipschitz.value,
            "lipschitz_error": self.lipschitz.error,
            "final_loss": float(self.run.loss[-1]),
            "loss_at_minimiser": self.minimiser.loss,
            "final_instability": float(self.run.distance[-1].mean()),
        }
