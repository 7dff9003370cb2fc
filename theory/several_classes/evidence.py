"""What is computed and measured on one separable data set of several classes, and the claims made
of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound import bounds, synthetic, tuning
from tunebound.bounds import multi_class
from tunebound.theory.engine.setting import Cell
from tunebound.theory.engine.statement import Claim
from tunebound.theory.several_classes import columns

MEAN_INSTABILITY = "mean instability at step t"
INSTABILITY = "instability of each sample at step t"
MEAN_LIMIT = "mean instability in the limit"
LIMIT = "instability of each sample in the limit"


@dataclass(frozen=True, kw_only=True)
class ClassEvidence:
    """All that was computed and measured on one data set. n samples, K classes.

    Attributes
    ----------
    data : ClassDataset
    separator : bounds.ClassSeparator
        Maximum-margin separator of the whole sample, with its duality gap.
    left_out : bounds.LeaveOneOutClasses
        The separators with each sample left out.
    run : tuning.HeadRun
        The softmax heads; `direction_error` is measured against the separators.
    rate_fraction : float
        Step size as a share of the limit 2/β.
    """

    data: synthetic.ClassDataset
    separator: bounds.ClassSeparator
    left_out: bounds.LeaveOneOutClasses
    run: tuning.HeadRun
    rate_fraction: float

    @property
    def n(self) -> int:
        return self.data.n

    @property
    def margin(self) -> float:
        return self.separator.margin

    @property
    def radius(self) -> float:
        return self.data.radius

    @cached_property
    def limit_distance(self) -> NDArray[np.float64]:
        """‖Û_S − Û_{S^i}‖ between the separators, shape (n,)."""
        norms = np.linalg.norm(self.left_out.weights, axis=(1, 2), keepdims=True)
        apart = self.left_out.weights / norms - self.separator.direction
        return np.linalg.norm(apart, axis=(1, 2))

    @cached_property
    def limit_resolution(self) -> NDArray[np.float64]:
        """What the duality gaps leave open in the distance of two separators' directions, shape
        (n,): a feasible W with relative duality gap g is within √g ‖W‖ of the separator.
        """
        floor = np.finfo(float).eps
        return np.sqrt(max(self.separator.gap, floor)) + np.sqrt(
            np.maximum(self.left_out.gaps, floor)
        )

    @cached_property
    def deletion(self) -> NDArray[np.float64]:
        """The bound of each sample from one solve, shape (n,)."""
        return np.asarray(
            multi_class.deletion(
                margin=self.margin,
                dual=self.separator.dual,
                norms=np.linalg.norm(self.data.X, axis=1),
            )
        )

    def limit_claim(self, bound: ArrayLike) -> Claim:
        """Every sample's limit distance against its bound."""
        return self._in_the_limit(
            self.limit_distance[None], bound, self.limit_resolution[None], LIMIT
        )

    def mean_limit_claim(self, bound: ArrayLike) -> Claim:
        """The mean limit distance against its bound."""
        return self._in_the_limit(
            self.limit_distance.mean(), bound, self.limit_resolution.mean(), MEAN_LIMIT
        )

    def run_claim(self, bound: ArrayLike) -> Claim:
        """Every sample's distance against its bound, at every recorded step."""
        return self._along_the_run(self.run.direction_distance, bound, INSTABILITY)

    def mean_run_claim(self, bound: ArrayLike) -> Claim:
        """The mean distance against its bound, at every recorded step."""
        return self._along_the_run(
            self.run.direction_distance.mean(axis=1), bound, MEAN_INSTABILITY
        )

    def _in_the_limit(
        self, measured: ArrayLike, bound: ArrayLike, resolution: ArrayLike, quantity: str
    ) -> Claim:
        return Claim(
            measured=measured,
            bound=np.broadcast_to(bound, np.shape(measured)),
            steps=np.inf,
            resolution=resolution,
            provenance="exact",
            quantity=quantity,
        )

    def _along_the_run(
        self, measured: NDArray[np.float64], bound: ArrayLike, quantity: str
    ) -> Claim:
        return Claim(
            measured=measured,
            bound=np.broadcast_to(bound, measured.shape),
            steps=self.run.steps,
            resolution=self.run.resolution,
            provenance="exact",
            quantity=quantity,
        )

    def columns(self) -> dict[str, Cell]:
        data, planted = self.data, self.data.margin
        return {
            columns.CLASSES: data.classes,
            columns.N: data.n,
            columns.D: data.d,
            columns.MARGIN: self.margin if planted is None else planted,
            columns.RADIUS: self.radius,
            columns.RIVALS: data.rivals,
            columns.SEED: -1 if data.seed is None else data.seed,
            columns.WEIGHTING: self.run.weighting,
            columns.RATE_FRACTION: self.rate_fraction,
            columns.LEARNING_RATE: float(np.asarray(self.run.learning_rate)),
            columns.SUPPORT_VECTORS: len(self.separator.support),
            columns.GAP: self.separator.gap,
            columns.WORST_LEFT_OUT_GAP: float(self.left_out.gaps.max()),
            columns.PLANTED_MARGIN_ERROR: np.nan
            if planted is None
            else abs(self.margin / planted - 1),
            columns.LIMIT_INSTABILITY: float(self.limit_distance.mean()),
            columns.WORST_LIMIT_INSTABILITY: float(self.limit_distance.max()),
            columns.FINAL_INSTABILITY: float(self.run.direction_distance[-1].mean()),
            columns.FINAL_ERROR: float(np.asarray(self.run.direction_error)[-1, 0]),
        }
