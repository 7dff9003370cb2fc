"""Regularised minimisers of one data set with and without each sample, and their approximations,
at several strengths of the penalty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from tunebound import bounds, synthetic, tuning
from tunebound._ground.arrays import Booleans, Floats
from tunebound.bounds import churn, regularised
from tunebound.theory.engine.flips import nearness_to_flips
from tunebound.theory.engine.setting import Cell
from tunebound.theory.regularised_heads import columns


@dataclass(frozen=True, kw_only=True)
class AtStrength:
    """One strength λ of the penalty: n samples, m points.

    Attributes
    ----------
    data : MirroredDataset
    points : (m, d)
    heads : tuning.MinimisedHeads
        w_S and every w_{S^i}, by Newton's method on each loss of its own.
    approximation : bounds.regularised.ApproximateLeaveOneOut
        From w_S alone.
    """

    data: synthetic.MirroredDataset
    points: Floats
    heads: tuning.MinimisedHeads
    approximation: bounds.regularised.ApproximateLeaveOneOut

    @property
    def strength(self) -> float:
        return self.heads.strength

    @property
    def moved(self) -> Floats:
        """w_S − w_{S^i}, shape (n, d)."""
        return self.heads.weights[0] - self.heads.weights[1:]

    @property
    def certified(self) -> Booleans:
        """Samples whose approximation is certified, shape (n,)."""
        return np.isfinite(self.approximation.reach)

    @property
    def open_distance(self) -> Floats:
        """What both minimisations leave open in `moved`, shape (n,)."""
        return self.heads.error[0] + self.heads.error[1:]

    @property
    def ball(self) -> Floats:
        """Bound on ‖w_S − w_{S^i}‖, shape (n,)."""
        data = self.data
        residuals = expit(-data.y * (data.X @ self.heads.weights[0]))
        norms = np.linalg.norm(data.X, axis=1)
        return np.asarray(
            regularised.ball(n=data.n, lam=self.strength, residuals=residuals, norms=norms)
        )

    @property
    def reach(self) -> Floats:
        """max_{j≠i} |x_jᵀ(w_S − w_{S^i})|, shape (n,)."""
        activities = np.abs(self.moved @ self.data.X.T)
        np.fill_diagonal(activities, 0.0)
        return np.asarray(activities.max(axis=1))

    def hessian_norms(self, vectors: Floats) -> Floats:
        """‖v_i‖_{H_i} of one vector a sample (n, d), H_i the Hessian of the loss without i at
        w_S, shape (n,).
        """
        residuals = expit(-self.data.y * (self.data.X @ self.heads.weights[0]))
        squares = (vectors @ self.data.X.T) ** 2 * (residuals * (1 - residuals) / self.data.n)
        np.fill_diagonal(squares, 0.0)
        return np.sqrt(self.strength * (vectors**2).sum(axis=1) + squares.sum(axis=1))

    @property
    def largest_curvature(self) -> float:
        """At least the largest eigenvalue of every H_i."""
        return self.strength + self.data.radius**2 / 4

    @property
    def approximation_error(self) -> Floats:
        """‖w_{S^i} − ŵ_i‖_{H_i} of the approximations ŵ_i, shape (n,)."""
        return self.hessian_norms(self.heads.weights[1:] - self.approximation.weights)

    @cached_property
    def flips(self) -> Booleans:
        """Which left-out sample flips which point, shape (m, n)."""
        return tuning.left_out_flips(self.points, self.heads.weights[0], self.heads.weights[1:])

    @cached_property
    def by_ball(self) -> Booleans:
        """Pairs that the ball certifies not to flip, shape (m, n)."""
        return churn.ball(
            points=self.points,
            weights=self.heads.weights[0],
            diameter=self.approximation.gradients / self.strength,
        )

    @property
    def nearness_to_flips(self) -> Floats:
        """How near each pair that the ball certifies comes to flipping, shape (m, n)."""
        weights = self.heads.weights
        return nearness_to_flips(self.points, weights[0], weights[1:], self.by_ball)

    @cached_property
    def undecided(self) -> Booleans:
        """Pairs nearer to the boundary of w_{S^i} than its minimisation leaves open, (m, n)."""
        values = np.abs(self.points @ self.heads.weights[1:].T)
        sizes = np.linalg.norm(self.points, axis=1)[:, None]
        return np.asarray(values <= sizes * self.heads.error[1:])

    @property
    def direction_distance(self) -> Floats:
        """‖w_S/‖w_S‖ − w_{S^i}/‖w_{S^i}‖‖, shape (n,)."""
        units = self.heads.weights / np.linalg.norm(self.heads.weights, axis=1, keepdims=True)
        return np.asarray(np.linalg.norm(units[1:] - units[0], axis=1))

    @property
    def open_direction(self) -> Floats:
        """What the minimisations leave open in `direction_distance`, shape (n,)."""
        relative = 2 * self.heads.error / np.linalg.norm(self.heads.weights, axis=1)
        return np.asarray(relative[0] + relative[1:])


@dataclass(frozen=True)
class RegularisedEvidence:
    """One data set at every strength.

    Attributes
    ----------
    data : MirroredDataset
    source : MirroredSpecification or the data set itself
        Where the data come from.
    at : tuple of AtStrength
        In the order of falling strength.
    """

    data: synthetic.MirroredDataset
    source: synthetic.MirroredSpecification | synthetic.MirroredDataset
    at: tuple[AtStrength, ...]

    @property
    def inverse_strengths(self) -> Floats:
        """1/λ, which stands where a run has its number of steps, shape (K,)."""
        return np.array([1 / each.strength for each in self.at])

    def columns(self) -> dict[str, Cell]:
        data, source = self.data, self.source
        certified = np.concatenate([each.certified for each in self.at])
        sizes = np.concatenate([each.hessian_norms(each.moved) for each in self.at])
        errors = np.concatenate([each.approximation.error for each in self.at])
        known = certified & (sizes > 0)
        planted = [
            np.linalg.norm(each.heads.weights[0] - data.minimiser(each.strength))
            for each in self.at
        ]
        return {
            columns.CLOUD: getattr(source, "cloud", "given"),
            columns.N: data.n,
            columns.D: data.d,
            columns.OVERLAP: getattr(source, "overlap", np.nan),
            columns.GAP: getattr(source, "gap", np.nan),
            columns.SEED: getattr(source, "seed", -1),
            columns.SEPARABLE: data.margin is not None,
            columns.RADIUS: data.radius,
            columns.MARGIN: np.nan if data.margin is None else data.margin,
            columns.SOLVER_ERROR: float(max(each.heads.error.max() for each in self.at)),
            columns.PLANTED_ERROR: float(max(planted)),
            columns.CERTIFIED: float(certified.mean()),
            columns.RELATIVE_ERROR: float(np.median(errors[known] / sizes[known]))
            if known.any()
            else np.nan,
            columns.FLIPPED: float(np.mean([each.flips.mean() for each in self.at])),
            columns.CERTIFIED_LABELS: float(np.mean([each.by_ball.mean() for each in self.at])),
            columns.LARGEST_INSTABILITY: float(
                max(each.direction_distance.mean() for each in self.at)
            ),
        }
