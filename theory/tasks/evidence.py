"""The head on one subsample of a task, with and without each sample, and what was certified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from tunebound import bounds, tuning
from tunebound._ground.arrays import Booleans, Floats
from tunebound.bounds import churn, constants, head
from tunebound.theory.certification.certificate import Certificate
from tunebound.theory.certification.certify import certify
from tunebound.theory.engine.setting import Cell
from tunebound.theory.tasks import columns
from tunebound.theory.tasks.members import FOREMOST, OWN, SampleSpecification, TaskSample
from tunebound.theory.tasks.second_opinion import margin_by_clarabel

# samples up to which the heads are followed along the flow: as the encoder gives them, and in other
# preparations, which are several times as many
FLOWED, PREPARED_FLOWED = 200, 100
LATEST = 1e30  # steps that it is followed to
PIVOTAL = 5  # rows that are told
EPS = float(np.finfo(np.float64).eps)

Source: TypeAlias = SampleSpecification | TaskSample


@dataclass(frozen=True, kw_only=True)
class Separated:
    """A separable subsample of n samples, with m validation points.

    Attributes
    ----------
    sample : TaskSample
    separator : bounds.Separator
    left_out : bounds.LeaveOneOut
    run : tuning.HeadRun or None
        The flow to 1e30 steps, where it was followed.
    other_margin : float or None
        The margin by another solver, where it was asked.
    """

    sample: TaskSample
    separator: bounds.Separator
    left_out: bounds.LeaveOneOut
    run: tuning.HeadRun | None
    other_margin: float | None

    @property
    def radius(self) -> float:
        return float(self.norms.max())

    @cached_property
    def norms(self) -> Floats:
        """‖x_i‖, shape (n,)."""
        return np.linalg.norm(self.sample.X, axis=1)

    @cached_property
    def distance(self) -> Floats:
        """‖û_S − û_{S^i}‖, shape (n,)."""
        weights = self.left_out.weights
        units = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        return np.asarray(np.linalg.norm(units - self.separator.direction, axis=1))

    @cached_property
    def resolution(self) -> Floats:
        """What the duality gaps leave open in it, shape (n,): a feasible w of relative gap g is
        within √g ‖w‖ of the separator.
        """
        return np.sqrt(np.maximum(self.separator.gap, EPS)) + np.sqrt(
            np.maximum(self.left_out.gaps, EPS)
        )

    @cached_property
    def by_sample(self) -> dict[str, Floats]:
        """Bounds on each distance, shape (n,), by the name of the formula."""
        margin, dual = self.separator.margin, self.separator.dual
        nu = constants.direction_constant(self.separator, self.left_out).value
        every = {
            "ratio": head.ratio(margin=margin, left_out_margins=self.left_out.margins),
            "pair": head.pair(margin=margin, dual=dual, hinge=self.left_out.hinge),
            "deletion": head.deletion(margin=margin, dual=dual, norms=self.norms),
            "kkt": head.kkt(n=self.sample.n, margin=margin, radius=self.radius, dual=dual, nu=nu),
        }
        return {name: np.broadcast_to(bound, self.norms.shape) for name, bound in every.items()}

    @cached_property
    def of_mean(self) -> dict[str, float]:
        """Bounds on the mean distance, by the name of the formula."""
        separator, n = self.separator, self.sample.n
        margin = separator.margin
        size: dict[str, Any] = {"n": n, "margin": margin, "radius": self.radius}
        found = {
            "limit": head.limit(**size),
            "dual": head.dual(margin=margin, dual=separator.dual, norms=self.norms),
            "support": head.support(**size, n_support=separator.support.size),
            "free": head.free(**size),
            "anytime": head.anytime(**size),
            # its first term is 0 with C = 0, whatever the steps
            "published": head.published(**size, steps=3, C=0.0, lam=margin**2, nu=margin),
        }
        return {name: float(bound) for name, bound in found.items()}

    @cached_property
    def flips(self) -> Booleans:
        """Which left-out sample flips which validation point, shape (m, n)."""
        return tuning.left_out_flips(
            self.sample.X_test, self.separator.weights, self.left_out.weights
        )

    @cached_property
    def undecided(self) -> Booleans:
        """Pairs nearer to the boundary of the left-out separator than its gap leaves open, shape
        (m, n).
        """
        points, weights = self.sample.X_test, self.left_out.weights
        reach = np.sqrt(np.maximum(self.left_out.gaps, EPS)) * np.linalg.norm(weights, axis=1)
        sizes = np.linalg.norm(points, axis=1)[:, None]
        return np.asarray(np.abs(points @ weights.T) <= sizes * reach)

    @cached_property
    def excluded(self) -> Booleans:
        """Pairs that one solve certifies not to flip, shape (m, n)."""
        return churn.deletion(
            X=self.sample.X,
            y=self.sample.y,
            weights=self.separator.weights,
            dual=self.separator.dual,
            points=self.sample.X_test,
        )

    @property
    def pivotal(self) -> str:
        order = np.argsort(-self.distance, kind="stable")[:PIVOTAL]
        return " ".join(map(str, self.sample.rows[order]))

    def columns(self) -> dict[str, Cell]:
        separator, sample = self.separator, self.sample
        predicted = np.sign(sample.X_test @ separator.weights)
        margin, other = separator.margin, self.other_margin
        bounded = {name: float(bound.mean()) for name, bound in self.by_sample.items()}
        return {
            columns.MARGIN: margin,
            columns.RADIUS: self.radius,
            columns.RADIUS_OVER_MARGIN: self.radius / margin,
            columns.SUPPORT_VECTORS: int(separator.support.size),
            columns.GAP: separator.gap,
            columns.WORST_LEFT_OUT_GAP: float(self.left_out.gaps.max()),
            columns.OTHER_SOLVER: np.nan if other is None else abs(margin / other - 1),
            columns.INSTABILITY: float(self.distance.mean()),
            columns.WORST_INSTABILITY: float(self.distance.max()),
            columns.RESOLUTION: float(self.resolution.mean()),
            columns.FLOW: np.nan
            if self.run is None
            else float(self.run.direction_distance[-1].mean()),
            columns.ACCURACY: float((predicted == sample.y_test).mean()),
            columns.CHURN: float(self.flips.mean()),
            columns.WORST_CHURN: float(self.flips.mean(axis=0).max()),
            columns.UNDECIDED: float(self.undecided.mean()),
            columns.NOT_EXCLUDED: float((~self.excluded).mean()),
            columns.FIXED: float((~(self.flips | self.undecided)).all(axis=1).mean()),
            columns.STRENGTH: np.nan,
            columns.REMOVED: np.nan,
            columns.REMOVED_AT_LEAST: np.nan,
            columns.PIVOTAL: self.pivotal,
            **{columns.BOUND + name: value for name, value in {**bounded, **self.of_mean}.items()},
        }


TWIN = ("newton", "ball")  # of the regularised head
# every bound has its column, also where nothing separates
BOUNDS = (
    *("ratio", "pair", "deletion", "kkt"),
    *("limit", "dual", "support", "free", "anytime", "published"),
    *TWIN,
)


@dataclass(frozen=True, kw_only=True)
class TaskEvidence:
    """One subsample: its separators, or, where there is none, the regularised head instead.

    Attributes
    ----------
    sample : TaskSample
    source : SampleSpecification or the sample itself
    separated : Separated or None
    twin : Certificate or None
        Of the head with a quadratic penalty.
    """

    sample: TaskSample
    source: Source
    separated: Separated | None
    twin: Certificate | None

    def columns(self) -> dict[str, Cell]:
        source = self.source
        design: dict[str, Cell] = {
            columns.TASK: getattr(source, "task", "given"),
            columns.PREPARATION: getattr(source, "preparation", "given"),
            columns.N: self.sample.n,
            columns.D: self.sample.d,
            columns.SUBSAMPLE: getattr(source, "subsample", -1),
            columns.LABELS: getattr(source, "labels", "given"),
            columns.SEED: getattr(source, "seed", -1),
            columns.ENCODER: getattr(source, "encoder", "given"),
            columns.SEPARABLE: self.separated is not None,
        }
        found = self.separated.columns() if self.separated else _of_twin(self.sample, self.twin)
        unknown = {columns.BOUND + name: np.nan for name in BOUNDS}
        return {**design, **unknown, **found}


def examine(sample: TaskSample, source: Source, checked: int) -> TaskEvidence:
    """All that is computed on one subsample; the first `checked` ones of a task also ask another
    solver.
    """
    try:
        separator = bounds.max_margin(sample.X, sample.y)
    except bounds.NotSeparableError:
        twin = certify(sample.X, sample.y.astype(np.int64), X_test=sample.X_test, progress=False)
        return TaskEvidence(sample=sample, source=source, separated=None, twin=twin)
    asked = getattr(source, "subsample", -1) < checked
    given = getattr(source, "preparation", FOREMOST), getattr(source, "labels", OWN)
    follow = sample.n <= (FLOWED if given == (FOREMOST, OWN) else PREPARED_FLOWED)
    separated = Separated(
        sample=sample,
        separator=separator,
        left_out=bounds.leave_one_out_separators(sample.X, sample.y, separator),
        run=tuning.flow_heads(sample.X, sample.y, until=LATEST) if follow else None,
        other_margin=margin_by_clarabel(sample.X, sample.y) if asked else None,
    )
    return TaskEvidence(sample=sample, source=source, separated=separated, twin=None)


def _of_twin(sample: TaskSample, twin: Certificate | None) -> dict[str, Cell]:
    """The columns of a regularised head; what was not computed is NaN."""
    assert twin is not None
    assert twin.inseparable is not None
    assert twin.predictions is not None
    predicted, m = twin.predictions, len(sample.X_test)
    known = bool(np.isfinite(twin.exact).all())
    counted = predicted.flips if known else np.full(sample.n, np.nan)
    return {
        columns.MARGIN: np.nan,
        columns.RADIUS: twin.radius,
        columns.RADIUS_OVER_MARGIN: np.nan,
        columns.SUPPORT_VECTORS: sample.n,
        columns.GAP: twin.gap,
        columns.WORST_LEFT_OUT_GAP: np.nan,
        columns.OTHER_SOLVER: np.nan,
        columns.INSTABILITY: float(twin.exact.mean()),
        columns.WORST_INSTABILITY: float(twin.exact.max()),
        columns.RESOLUTION: float(twin.exact_error.mean()),
        columns.FLOW: np.nan,
        columns.ACCURACY: float((predicted.labels == sample.y_test).mean()),
        columns.CHURN: float(counted.mean() / m),
        columns.WORST_CHURN: float(counted.max() / m),
        columns.UNDECIDED: np.nan,
        columns.NOT_EXCLUDED: float(predicted.reach.mean() / m),
        columns.FIXED: float(predicted.fixed.mean()),
        columns.STRENGTH: twin.inseparable.lam,
        columns.REMOVED: len(twin.inseparable.removal),
        columns.REMOVED_AT_LEAST: twin.inseparable.at_least,
        columns.PIVOTAL: " ".join(map(str, sample.rows[twin.pivotal[:PIVOTAL]])),
        **{columns.BOUND + name: value for name, value in twin.ladder.items()},
    }
