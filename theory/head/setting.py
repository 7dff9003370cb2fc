"""Head tuning: separable data sets, their separators, and every left-out head along gradient
descent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound import bounds, synthetic, tuning
from tunebound.bounds import constants
from tunebound.theory.engine.setting import Setting, register
from tunebound.theory.engine.statement import Claim
from tunebound.tuning.arguments import step_count
from tunebound.tuning.heads.flow.follow import DESCENT, LATEST, flow_records

# rate_fraction: the step size as a share of the limit 2/β of each data set, so that one value is
# legal for all of them.
MEAN_INSTABILITY = "mean instability at step t"
INSTABILITY = "instability of each sample at step t"
ERROR = "direction error of the head on S at step t"
MEAN_LIMIT = "mean instability in the limit"
LIMIT = "instability of each sample in the limit"
OPTIONS = {
    "steps": 1e30,
    "exact": False,
    "weighting": "1/n",
    "rate_fraction": 0.5,
    "device": "auto",
    "dtype": "float64",
}
MOST_EXACT_STEPS = 1e8  # days of work; beyond it only the flow gets there
FITTED_FROM = 1e10  # the slope in ln ln t is fitted on later records


@dataclass(frozen=True)
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
    rate_fraction : float
        Step size as a share of the limit 2/β.
    """

    data: synthetic.SeparableDataset
    separator: bounds.Separator
    left_out: bounds.LeaveOneOut
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
    def norms(self) -> NDArray[np.float64]:
        """‖x_i‖, shape (n,)."""
        return np.linalg.norm(self.data.X, axis=1)

    @property
    def margins(self) -> NDArray[np.float64]:
        """Margin of S, then of each S^i, shape (n + 1,)."""
        return np.append(self.margin, self.left_out.margins)

    @cached_property
    def limit_distance(self) -> NDArray[np.float64]:
        """‖û_S − û_{S^i}‖ between the separators, shape (n,): what the direction distance tends to
        as t grows.
        """
        left_out = self.left_out.weights / np.linalg.norm(
            self.left_out.weights, axis=1, keepdims=True
        )
        return np.linalg.norm(left_out - self.separator.direction, axis=1)

    @cached_property
    def limit_resolution(self) -> NDArray[np.float64]:
        """What the duality gaps leave open in the distance of two separators' directions, shape
        (n,).

        A feasible w with relative duality gap g is within √g ‖w‖ of the separator (the squared norm
        is strongly convex).
        """
        floor = np.finfo(float).eps
        return np.sqrt(np.maximum(self.separator.gap, floor)) + np.sqrt(
            np.maximum(self.left_out.gaps, floor)
        )

    @property
    def run_resolution(self) -> NDArray[np.float64]:
        """What the run leaves open in a distance of unit directions, shape (K,)."""
        return self.run.resolution

    @cached_property
    def nu(self) -> float:
        """Exact ν of the published bound: the largest ‖û_S − û_{S^i}‖/‖w_S − w_{S^i}‖."""
        return constants.direction_constant(self.separator, self.left_out).value

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

    def columns(self) -> dict[str, Any]:
        data, asymptote = self.data, self.asymptote
        planted = data.margin
        return {
            "family": data.family,
            "n": data.n,
            "d": data.d,
            "margin": self.margin if planted is None else planted,
            "radius": self.radius,
            "seed": data.seed,
            "weighting": self.run.weighting,
            "rate_fraction": self.rate_fraction,
            "learning_rate": self.run.learning_rate,
            "support_vectors": len(self.separator.support),
            "gap": self.separator.gap,
            "worst_left_out_gap": float(self.left_out.gaps.max()),
            "planted_margin_error": np.nan if planted is None else abs(self.margin / planted - 1),
            "limit_instability": float(self.limit_distance.mean()),
            "worst_limit_instability": float(self.limit_distance.max()),
            "final_instability": float(self.run.direction_distance[-1].mean()),
            "final_error": float(np.asarray(self.run.direction_error)[-1, 0]),
            "asymptotic_rate": asymptote.rate,
            "asymptotic_shift": float(asymptote.offset @ asymptote.direction) * self.margin,
            "asymptotic_onset": asymptote.onset / np.log(10),
            "double_log_rate": asymptote.double_log_rate,
            "double_log_slope": self.double_log_slope,
        }


def limit_claim(evidence: HeadEvidence, bound: ArrayLike) -> Claim:
    """Every sample's limit distance against its bound."""
    measured = evidence.limit_distance[None]
    return Claim(
        measured,
        np.broadcast_to(bound, measured.shape),
        np.inf,
        evidence.limit_resolution[None],
        "exact",
        LIMIT,
    )


def mean_limit_claim(evidence: HeadEvidence, bound: ArrayLike) -> Claim:
    """The mean limit distance against its bound."""
    return Claim(
        evidence.limit_distance.mean(),
        bound,
        np.inf,
        evidence.limit_resolution.mean(),
        "exact",
        MEAN_LIMIT,
    )


def early_and_late(steps: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the records to fit a constant of ln ln t/ln t on, e^e ≤ t ≤ √T, and of those to test
    it on, t > √T.

    ln ln t/ln t falls from t = e^e ≈ 15.2 on; before that it rises and says nothing of convergence.
    """
    border = np.sqrt(steps[-1])
    return (steps >= np.exp(np.e)) & (steps <= border), steps > border


def head_evidence(
    members: Sequence[synthetic.SeparableDataset],
    specifications: Sequence[Any],
    options: Mapping[str, Any],
) -> list[HeadEvidence]:
    """Separators, left-out separators and all heads of data sets of one shape, tuned together."""
    separators = [bounds.max_margin(data.X, data.y) for data in members]
    left_out = [
        bounds.leave_one_out_separators(data.X, data.y, separator)
        for data, separator in zip(members, separators, strict=True)
    ]
    directions = np.stack(
        [
            np.concatenate([[separator.weights], others.weights])
            for separator, others in zip(separators, left_out, strict=True)
        ]
    )
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    X, y = np.stack([data.X for data in members]), np.stack([data.y for data in members])
    common: dict[str, Any] = {
        "learning_rate": (
            options["rate_fraction"]
            * tuning.learning_rate_limits(X, weighting=options["weighting"])
        ),
        "weighting": options["weighting"],
        "reference": directions,
        "device": options["device"],
    }
    if options["exact"]:
        run = tuning.tune_heads(X, y, steps=int(options["steps"]), dtype=options["dtype"], **common)
    else:
        run = tuning.flow_heads(X, y, until=options["steps"], **common)
    return [
        HeadEvidence(data, separator, others, run[index], options["rate_fraction"])
        for index, (data, separator, others) in enumerate(
            zip(members, separators, left_out, strict=True)
        )
    ]


def check_options(options: Mapping[str, Any]) -> None:
    """Try the options on four points, so that a bad one is refused before any data set is
    generated.
    """
    fraction = options["rate_fraction"]
    if (
        isinstance(fraction, bool)
        or not isinstance(fraction, (int, float))
        or not 0 < fraction <= 1
    ):
        raise ValueError(
            "rate_fraction must lie in (0, 1], as a share of the largest stable step size, got"
            f" {fraction!r}"
        )
    exact = options["exact"]
    if not isinstance(exact, bool):
        raise TypeError(f"exact must be true or false, got {exact!r}")
    steps = step_count("steps", options["steps"], MOST_EXACT_STEPS if exact else LATEST)
    if not exact and options["dtype"] != "float64":
        raise ValueError(
            f"dtype={options['dtype']!r} is for exact steps; the flow computes in float64: add"
            " exact (--exact), or leave dtype out"
        )
    corners = np.array([[1.0, 0.1], [1.0, -0.1], [-1.0, 0.1], [-1.0, -0.1]])
    kept = {name: options[name] for name in ("weighting", "device", "dtype")}
    tuning.tune_heads(corners, np.sign(corners[:, 0]), steps=1, **kept)
    flow_records(steps)


def cost(specification: Any, options: Mapping[str, Any]) -> float:
    """Multiplications and what costs about as much, of all heads of one data set."""
    n, r = specification.n, min(specification.n, specification.d)
    descent = (
        n**2
        * (specification.d + 10)
        * min(options["steps"], np.inf if options["exact"] else DESCENT)
    )
    if options["exact"]:
        return descent
    # some 60 steps of the solver: a Jacobian and its factors, then six stages with about 40 passes
    # over the activities
    return descent + 60 * n * (n * r**2 + r**3 + 40 * n * (r + 20))


register(
    Setting(
        name="head",
        summary=(
            "a linear head tuned on frozen features by gradient descent, each sample left out in"
            " turn"
        ),
        measures="leave-one-out distance of unit directions (0 to 2)",
        factors=("family", "n", "d", "margin", "radius", "rate_fraction"),
        stands_for={},
        options=OPTIONS,
        check=check_options,
        judged_at="last",
        suite_names=synthetic.suite_names,
        suite=synthetic.make_suite,
        cost=cost,
        batch_key=lambda specification: (specification.n, specification.d),
        evidence=head_evidence,
        save=lambda data, path: data.to_npz(path),
        load=synthetic.SeparableDataset.from_npz,
    )
)
