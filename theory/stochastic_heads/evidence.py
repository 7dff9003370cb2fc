"""What is measured of one task, and the claims made of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tunebound import bounds, tuning
from tunebound.bounds import head
from tunebound.theory.engine.setting import Cell
from tunebound.theory.engine.statement import Claim
from tunebound.theory.stochastic_heads import columns
from tunebound.theory.stochastic_heads.tasks import StochasticTask

MEAN = "mean instability at step t"
EACH = "instability of each sample at step t"
DISTANCE = "distance of the heads of each sample at step t"


@dataclass(frozen=True, kw_only=True)
class StochasticEvidence:
    """All that was computed and measured on one task. n samples, K recorded steps.

    Attributes
    ----------
    task : StochasticTask
    separator : bounds.Separator
        Maximum-margin separator of the whole sample, with its duality gap.
    run : tuning.HeadRun
        All heads, on one sequence of batches.
    rate_fraction : float
        Step size as a share of the optimiser's limit; NaN for Adam, which has none.
    """

    task: StochasticTask
    separator: bounds.Separator
    run: tuning.HeadRun
    rate_fraction: float

    @property
    def n(self) -> int:
        return self.task.data.n

    @property
    def margin(self) -> float:
        return self.separator.margin

    @property
    def radius(self) -> float:
        return self.task.data.radius

    @cached_property
    def decided(self) -> NDArray[np.bool_]:
        """Records at which every head has a direction: two different samples were used by then,
        shape (K,).
        """
        return np.asarray(np.isfinite(self.run.direction_distance).all(axis=1))

    @property
    def resolution(self) -> NDArray[np.float64]:
        """Rounding of t steps in a unit direction, shape (K,), times what one gradient moves in
        all; estimated for optimisers whose steps may expand.
        """
        return self.run.resolution * self.task.rule.gain

    @property
    def drift(self) -> NDArray[np.float64]:
        """c_i‖x_i‖ with w_S(t) = Σ_j c_j z_j, shape (K, n); of linear optimisers."""
        if self.run.coefficients is None:  # of plain descent on all samples, where it is that
            return self.run.certificate
        return self.run.coefficients * np.linalg.norm(self.task.data.X, axis=1)

    def mean_claim(self) -> Claim:
        """The mean instability against the bound from n, margin and radius alone, at every step at
        which it is defined.
        """
        measured = self.run.direction_distance[self.decided].mean(axis=1)
        bound = head.anytime(n=self.n, margin=self.margin, radius=self.radius)
        return Claim(
            measured=measured,
            bound=np.full_like(measured, bound),
            steps=self.run.steps[self.decided],
            resolution=self.resolution[self.decided],
            provenance="exact",
            quantity=MEAN,
        )

    def drift_claim(self) -> Claim:
        """The distance of the heads against what the left-out sample's gradients have moved."""
        run = self.run
        return Claim(
            measured=run.distance,
            bound=self.drift,
            steps=run.steps,
            resolution=self.resolution[:, None] * run.norm.max(axis=1, keepdims=True),
            provenance="exact",
            quantity=DISTANCE,
            maximum=np.inf,
        )

    def chord_claim(self) -> Claim:
        """Each sample's instability against the largest angle that its drift allows."""
        run, kept = self.run, self.decided
        return Claim(
            measured=run.direction_distance[kept],
            bound=head.chord(drift=self.drift[kept], norm=run.norm[kept, :1]),
            steps=run.steps[kept],
            resolution=self.resolution[kept],
            provenance="exact",
            quantity=EACH,
        )

    def columns(self) -> dict[str, Cell]:
        task, mean = self.task, self.run.direction_distance[self.decided].mean(axis=1)
        ratio = np.nan
        if self.run.coefficients is not None:
            moved = self.drift > 0
            ratio = float((self.run.distance[moved] / self.drift[moved]).max())
        with_memory = task.optimiser in ("heavy-ball", "nesterov")
        return {
            columns.FAMILY: task.data.family,
            columns.N: self.n,
            columns.D: task.data.d,
            columns.MARGIN: self.margin if task.data.margin is None else task.data.margin,
            columns.RADIUS: self.radius,
            columns.OPTIMISER: task.optimiser,
            columns.MOMENTUM: task.momentum if with_memory else 0.0,
            columns.ORDER: task.order,
            columns.SIZE: task.size,
            columns.SEED: task.seed,
            columns.RATE_FRACTION: self.rate_fraction,
            columns.LEARNING_RATE: float(self.run.learning_rate),
            columns.GAP: self.separator.gap,
            columns.LARGEST_INSTABILITY: float(mean.max()),
            columns.FINAL_INSTABILITY: float(mean[-1]),
            columns.LARGEST_DRIFT_RATIO: ratio,
        }
