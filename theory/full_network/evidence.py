"""What is measured and estimated on one network."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tunebound import tuning
from tunebound.theory.engine.setting import Cell
from tunebound.theory.full_network import columns
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
            columns.PARAMETERS: self.run.weights.shape[1],
            columns.DISTANCE: self.minimiser.distance.value,
            columns.DISTANCE_ERROR: self.minimiser.distance.error,
            columns.WEIGHTING: self.run.weighting,
            columns.BETA: self.beta,
            columns.BETA_ERROR: max(self.start.largest.error, self.end.largest.error),
            columns.MU: self.end.smallest.value,
            columns.MU_ERROR: self.end.smallest.error,
            columns.CURVATURE_AT_START: self.start.smallest.value,
            columns.LIPSCHITZ: self.lipschitz.value,
            columns.LIPSCHITZ_ERROR: self.lipschitz.error,
            columns.FINAL_LOSS: float(self.run.loss[-1]),
            columns.LOSS_AT_MINIMISER: self.minimiser.loss,
            columns.FINAL_INSTABILITY: float(self.run.distance[-1].mean()),
        }
