"""The evidence of a small data set with 50 digits."""

from __future__ import annotations

from tunebound import bounds, synthetic, tuning
from tunebound.theory.engine.precise_heads import precise_run, precise_separators
from tunebound.theory.head.evidence import HeadEvidence
from tunebound.theory.head.setting import HeadOptions


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
    return HeadEvidence(
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
