"""Every prediction of one data set's heads, with each sample left out, and what was certified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from tunebound import bounds, synthetic, tuning
from tunebound._ground.arrays import Booleans, Floats
from tunebound.bounds import churn, head
from tunebound.theory.churn import columns
from tunebound.theory.engine.flips import nearness_to_flips
from tunebound.theory.engine.setting import Cell
from tunebound.theory.engine.statement import Claim

PAIRS = "share of (point, sample) pairs that flip"


@dataclass(frozen=True, kw_only=True)
class ChurnEvidence:
    """Predictions at m points by the heads on S and on each S^i; n samples.

    Attributes
    ----------
    data : SeparableDataset
    points : (m, d)
        Drawn from a normal distribution with the second moment of the samples.
    separator : bounds.Separator
    left_out : bounds.LeaveOneOut
    run : tuning.HeadRun
        Gradient descent from 0; its last step is predicted with.
    """

    data: synthetic.SeparableDataset
    points: Floats
    separator: bounds.Separator
    left_out: bounds.LeaveOneOut
    run: tuning.HeadRun

    @property
    def n(self) -> int:
        return self.data.n

    @property
    def last_step(self) -> float:
        return float(self.run.steps[-1])

    @cached_property
    def norms(self) -> Floats:
        """‖x_i‖, shape (n,)."""
        return np.linalg.norm(self.data.X, axis=1)

    @cached_property
    def flips(self) -> Booleans:
        """Which left-out sample flips which point in the limit, shape (m, n)."""
        return tuning.left_out_flips(self.points, self.separator.weights, self.left_out.weights)

    @cached_property
    def undecided(self) -> Booleans:
        """Pairs whose point is nearer to the boundary of the left-out separator than its duality
        gap leaves open, shape (m, n).
        """
        gaps = np.maximum(self.left_out.gaps, np.finfo(float).eps)
        return self._near(self.left_out.weights, np.sqrt(gaps))

    @cached_property
    def flips_at_step(self) -> Booleans:
        """The same after the last step of the run, shape (m, n)."""
        return tuning.left_out_flips(self.points, self.run.weights[0], self.run.weights[1:])

    @cached_property
    def undecided_at_step(self) -> Booleans:
        """Pairs whose point is nearer to the boundary of the left-out head than rounding leaves
        open, shape (m, n).
        """
        return self._near(self.run.weights[1:], np.full(self.n, self.run.resolution[-1]))

    @cached_property
    def by_angle(self) -> Booleans:
        """Certified by the angle of `bounds.head.deletion`, shape (m, n)."""
        separator = self.separator
        distance = head.deletion(margin=separator.margin, dual=separator.dual, norms=self.norms)
        return churn.angle(
            points=self.points, weights=separator.weights, distance=distance, gap=separator.gap
        )

    @cached_property
    def by_ball(self) -> Booleans:
        """Certified by `bounds.churn.deletion`, shape (m, n)."""
        return churn.deletion(
            X=self.data.X,
            y=self.data.y,
            weights=self.separator.weights,
            dual=self.separator.dual,
            points=self.points,
        )

    @cached_property
    def by_drift(self) -> Booleans:
        """Certified for the last step by its drift, shape (m, n)."""
        return churn.drift(
            points=self.points, weights=self.run.weights[0], drift=self.run.certificate[-1]
        )

    def largest_counts(self, weights: Floats) -> Floats:
        """How many samples can flip each point, shape (m,)."""
        return churn.count(
            points=self.points,
            weights=weights,
            margin=self.separator.margin,
            radius=self.data.radius,
        )

    @cached_property
    def own_products(self) -> Floats:
        """z_i·w_{S^i}, shape (n,): at most 0 for a leave-one-out error."""
        return np.einsum("nd,nd,n->n", self.data.X, self.left_out.weights, self.data.y)

    def pairs_claim(self, certified: Booleans) -> Claim:
        """Flipped ≤ not certified, of every pair in the limit."""
        nearness = nearness_to_flips(
            self.points, self.separator.weights, self.left_out.weights, certified
        )
        return self.claim(self.flips, ~certified, self.undecided, np.inf, PAIRS, nearness)

    def pairs_claim_at_step(self, certified: Booleans) -> Claim:
        """Flipped ≤ not certified, of every pair after the last step of the run."""
        heads = self.run.weights
        nearness = nearness_to_flips(self.points, heads[0], heads[1:], certified)
        return self.claim(
            self.flips_at_step, ~certified, self.undecided_at_step, self.last_step, PAIRS, nearness
        )

    def claim(
        self,
        measured: ArrayLike,
        bound: ArrayLike,
        resolution: ArrayLike,
        steps: float,
        quantity: str,
        nearness: ArrayLike | None = None,
    ) -> Claim:
        """A claim about counts at one number of steps."""
        values = np.asarray(measured, dtype=np.float64).reshape(1, -1)
        return Claim(
            measured=values,
            bound=np.broadcast_to(np.asarray(bound, dtype=np.float64).reshape(1, -1), values.shape),
            steps=steps,
            resolution=np.asarray(resolution, dtype=np.float64).reshape(1, -1),
            provenance="exact",
            quantity=quantity,
            nearness=nearness,
        )

    def columns(self) -> dict[str, Cell]:
        data = self.data
        return {
            columns.FAMILY: data.family,
            columns.N: data.n,
            columns.D: data.d,
            columns.MARGIN: self.separator.margin if data.margin is None else data.margin,
            columns.RADIUS: data.radius,
            columns.SEED: -1 if data.seed is None else data.seed,
            columns.POINTS: len(self.points),
            columns.STEPS: self.last_step,
            columns.GAP: self.separator.gap,
            columns.WORST_LEFT_OUT_GAP: float(self.left_out.gaps.max()),
            columns.UNDECIDED: float(self.undecided.mean()),
            columns.FLIPPED: float(self.flips.mean()),
            columns.ANGLE: float(self.by_angle.mean()),
            columns.BALL: float(self.by_ball.mean()),
            columns.FLIPPED_AT_STEP: float(self.flips_at_step.mean()),
            columns.DRIFT: float(self.by_drift.mean()),
            columns.SAFE_POINTS: float((self.by_ball | self.by_angle).all(axis=1).mean()),
            columns.UNMOVED_POINTS: float((~self.flips).all(axis=1).mean()),
            columns.LEAVE_ONE_OUT_ERRORS: int((self.own_products <= 0).sum()),
        }

    def _near(self, heads: Floats, open_sine: Floats) -> Booleans:
        scale = np.linalg.norm(self.points, axis=1)[:, None] * np.linalg.norm(heads, axis=1)
        return np.abs(self.points @ heads.T) <= open_sine * scale
