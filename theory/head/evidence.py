"""What is computed and measured on one separable data set, and the claims made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound import bounds, synthetic, tuning
from tunebound.bounds import constants
from tunebound.theory.engine.setting import Cell
from tunebound.theory.engine.statement import Claim
from tunebound.theory.head import columns
from tunebound.theory.head.label_changes import LabelChanges, label_changes

MEAN_INSTABILITY = "mean instability at step t"
INSTABILITY = "instability of each sample at step t"
ERROR = "direction error of the head on S at step t"
MEAN_LIMIT = "mean instability in the limit"
REPLACED = "instability of each pair in the limit"
CHANGED = "distance when a label changes, for each that can be learned, in the limit"
MEAN_REPLACED = "mean instability over pairs in the limit"
LIMIT = "instability of each sample in the limit"
PAIRS_AT_ONCE = 10_000
FITTED_FROM = 1e10  # the slope in ln ln t is fitted on later records


@dataclass(frozen=True, kw_only=True)
class HeadEvidence:
    """All that was computed and measured on one separable data set. n samples, K recorded steps.

    Attributes
    ----------
    data : SeparableDataset
    separator : bounds.Separator
        Maximum-margin separator of the whole sample, with its duality gap.
    left_out : bounds.LeaveOneOut
        The separators with each sample left out.
    run : tuning.HeadRun
        The heads; `direction_error` is measured against the separators.
    exact : bool
        Whether every step of the run was taken; otherwise it was followed in log-time, which leaves
        an error that is estimated.
    rate_fraction : float
        Step size as a share of a limit of at most 2/β.
    published_step_limit : float
        2/(σ_max(X)/4), the published condition on the step size.
    """

    data: synthetic.SeparableDataset
    separator: bounds.Separator
    left_out: bounds.LeaveOneOut
    run: tuning.HeadRun
    exact: bool
    rate_fraction: float
    published_step_limit: float

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
    def norms(self) -> NDArray[np.float64]:
        """‖x_i‖, shape (n,)."""
        return np.linalg.norm(self.data.X, axis=1)

    @property
    def margins(self) -> NDArray[np.float64]:
        """Margin of S, then of each S^i, shape (n + 1,)."""
        return np.append(self.margin, self.left_out.margins)

    @cached_property
    def left_out_directions(self) -> NDArray[np.float64]:
        """û_{S^i}, shape (n, d)."""
        return self.left_out.weights / np.linalg.norm(self.left_out.weights, axis=1, keepdims=True)

    @cached_property
    def limit_distance(self) -> NDArray[np.float64]:
        """‖û_S − û_{S^i}‖ between the separators, shape (n,): what the direction distance tends to
        as t grows.
        """
        return np.linalg.norm(self.left_out_directions - self.separator.direction, axis=1)

    @cached_property
    def limit_resolution(self) -> NDArray[np.float64]:
        """What the duality gaps leave open in the distance of two separators' directions, shape
        (n,).

        A feasible w with relative duality gap g is within √g ‖w‖ of the separator (the squared norm
        is strongly convex); as a distance of unit directions that is √g to first order.
        """
        floor = np.finfo(float).eps
        return np.sqrt(np.maximum(self.separator.gap, floor)) + np.sqrt(
            np.maximum(self.left_out.gaps, floor)
        )

    @cached_property
    def label_changes(self) -> LabelChanges:
        """The separators with one label changed, where the data stay separable."""
        return label_changes(self.data)

    @property
    def run_resolution(self) -> NDArray[np.float64]:
        """What the run leaves open in a distance of unit directions, shape (K,)."""
        return self.run.resolution

    @property
    def run_provenance(self) -> str:
        """What a bound along the run is worth at most."""
        return "exact" if self.exact else "estimated"

    @property
    def step_over_published(self) -> float:
        """Step size over the published limit on it."""
        return float(self.run.learning_rate) / self.published_step_limit

    @cached_property
    def nu(self) -> float:
        """Exact ν of the published bound: the largest ‖û_S − û_{S^i}‖/‖w_S − w_{S^i}‖."""
        return constants.direction_constant(self.separator, self.left_out).value

    @property
    def mean_nu(self) -> float:
        """ν of the published bound that is certified for the mean over i, with λ = γ²."""
        return self.margin if self.run.weighting == "1/n" else 2 * self.margin

    @cached_property
    def asymptote(self) -> bounds.Asymptote:
        """What the head on S tends to, as an expansion in ln t."""
        return bounds.asymptote(
            self.data.X,
            self.data.y,
            learning_rate=float(self.run.learning_rate),
            separator=self.separator,
        )

    @property
    def double_log_slope(self) -> float:
        """Slope of ‖ŵ_S(t) − û_S‖ ln t in ln ln t, fitted on the records from t = 1e10 on; NaN
        where the run ends before.
        """
        late = self.run.steps >= FITTED_FROM
        if late.sum() < 3:
            return np.nan
        logarithm = np.log(self.run.steps[late])
        return float(
            np.polyfit(
                np.log(logarithm), np.asarray(self.run.direction_error)[late, 0] * logarithm, 1
            )[0]
        )

    @property
    def direction_error_sum(self) -> NDArray[np.float64]:
        """‖ŵ_S(t) − û_S‖ plus the mean over i of ‖ŵ_{S^i}(t) − û_{S^i}‖, shape (K,)."""
        error = np.asarray(self.run.direction_error)
        return error[:, 0] + error[:, 1:].mean(axis=1)

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

    def replacement_claims(
        self, one: NDArray[np.intp], other: NDArray[np.intp], bound: ArrayLike, mean: ArrayLike
    ) -> tuple[Claim, Claim]:
        """Distances between the left-out limit directions of pairs, and their mean."""
        directions = self.left_out_directions
        # differences, not inner products: close pairs keep their digits
        distance = np.empty(len(one))
        for first in range(0, len(one), PAIRS_AT_ONCE):
            part = slice(first, first + PAIRS_AT_ONCE)
            apart = directions[one[part]] - directions[other[part]]
            distance[part] = np.sqrt(np.vecdot(apart, apart))
        resolution = self.limit_resolution[one] + self.limit_resolution[other]
        return (
            self._in_the_limit(distance[None], bound, resolution[None], REPLACED),
            self._in_the_limit(distance.mean(), mean, resolution.mean(), MEAN_REPLACED),
        )

    def label_claim(self, bound: ArrayLike) -> Claim:
        """Distance of the limit directions before and after each label change that can be learned,
        against its bound.
        """
        changes = self.label_changes
        directions = changes.weights * changes.margins[:, None]
        floor = np.finfo(float).eps
        resolution = np.sqrt(np.maximum(self.separator.gap, floor)) + np.sqrt(
            np.maximum(changes.gaps, floor)
        )
        measured = np.linalg.norm(directions - self.separator.direction, axis=1)
        return self._in_the_limit(measured[None], bound, resolution[None], CHANGED)

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
            resolution=self.run_resolution,
            provenance=self.run_provenance,
            quantity=quantity,
        )

    def columns(self) -> dict[str, Cell]:
        data, asymptote = self.data, self.asymptote
        planted = data.margin
        return {
            columns.FAMILY: data.family,
            columns.N: data.n,
            columns.D: data.d,
            columns.MARGIN: self.margin if planted is None else planted,
            columns.RADIUS: self.radius,
            # rounded, so that data sets of one design share the value
            columns.RADIUS_OVER_MARGIN: float(
                f"{self.radius / (self.margin if planted is None else planted):.12g}"
            ),
            columns.SEED: data.seed,
            columns.WEIGHTING: self.run.weighting,
            columns.RATE_FRACTION: self.rate_fraction,
            columns.LEARNING_RATE: self.run.learning_rate,
            columns.STEP_OVER_PUBLISHED: self.step_over_published,
            columns.SUPPORT_VECTORS: len(self.separator.support),
            columns.GAP: self.separator.gap,
            columns.WORST_LEFT_OUT_GAP: float(self.left_out.gaps.max()),
            columns.PLANTED_MARGIN_ERROR: np.nan
            if planted is None
            else abs(self.margin / planted - 1),
            columns.LABEL_CHANGES: len(self.label_changes.samples),
            columns.LIMIT_INSTABILITY: float(self.limit_distance.mean()),
            columns.WORST_LIMIT_INSTABILITY: float(self.limit_distance.max()),
            columns.FINAL_INSTABILITY: float(self.run.direction_distance[-1].mean()),
            columns.FINAL_ERROR: float(np.asarray(self.run.direction_error)[-1, 0]),
            columns.ASYMPTOTIC_RATE: asymptote.rate,
            columns.ASYMPTOTIC_SHIFT: float(asymptote.offset @ asymptote.direction) * self.margin,
            columns.ASYMPTOTIC_ONSET: asymptote.onset / np.log(10),
            columns.DOUBLE_LOG_RATE: asymptote.double_log_rate,
            columns.DOUBLE_LOG_SLOPE: self.double_log_slope,
        }


def early_and_late(steps: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the records to fit a constant of ln ln t/ln t on, e^e ≤ t ≤ √T, and of those to test
    it on, t > √T.

    ln ln t/ln t falls from t = e^e ≈ 15.2 on; before that it rises and says nothing of convergence.
    """
    border = np.sqrt(steps[-1])
    return (steps >= math.exp(math.e)) & (steps <= border), steps > border
