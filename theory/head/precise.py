"""The evidence of a small data set with 50 digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mpmath  # type: ignore[import-untyped]
import numpy as np

from tunebound import bounds, synthetic, tuning
from tunebound.theory.engine.fifty_digits import DIGITS, exactly, floats, least_distance, norm
from tunebound.theory.engine.precise_heads import precise_run, precise_separators
from tunebound.theory.head.evidence import HeadEvidence
from tunebound.theory.head.label_changes import LabelChanges, changed, label_changes
from tunebound.theory.head.setting import HeadOptions


@dataclass(frozen=True, kw_only=True)
class PreciseEvidence(HeadEvidence):
    """Evidence with 50 digits, of changed labels too."""

    @cached_property
    def label_changes(self) -> LabelChanges:
        """Where float64 finds a separator, the same with 50 digits."""
        data, found = self.data, label_changes(self.data)
        weights, margins, duals = [], [], []
        with mpmath.workdps(DIGITS):
            for sample, guess in zip(found.samples, found.weights, strict=True):
                Z = exactly(changed(data, int(sample)) * data.y[:, None])
                w, dual = least_distance(Z, range(data.n), guess)
                weights.append(floats(w))
                margins.append(float(1 / norm(w)))
                duals.append(floats(dual))
        return LabelChanges(
            samples=found.samples,
            weights=np.array(weights).reshape(-1, data.d),
            margins=np.array(margins),
            duals=np.array(duals).reshape(-1, data.n),
            gaps=np.zeros(len(margins)),
        )


def precise_evidence(data: synthetic.SeparableDataset, options: HeadOptions) -> HeadEvidence:
    """All of `HeadEvidence` from exact inputs with 50 digits, each number rounded to float64 once.

    Parameters
    ----------
    data : SeparableDataset
        A few samples: time grows with n²·d·steps.
    options : HeadOptions
        With exact steps; the step size is the float64 number that the fast run uses.

    Raises
    ------
    ValueError
        If the support vectors that float64 finds do not satisfy the optimality conditions.
    """
    separator, left_out, directions = precise_separators(data)
    limit = tuning.learning_rate_limits(data.X, weighting=options.weighting)
    published = bounds.constants.published_step_size_limit(data.X).value
    if options.step_limit == "published":
        limit = min(limit, published)
    return PreciseEvidence(
        data=data,
        separator=separator,
        left_out=left_out,
        run=precise_run(
            data,
            steps=int(options.steps),
            rate=float(options.rate_fraction * limit),
            weighting=options.weighting,
            directions=directions,
        ),
        exact=True,
        rate_fraction=options.rate_fraction,
        published_step_limit=published,
    )
