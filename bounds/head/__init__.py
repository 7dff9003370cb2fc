r"""Bounds on the leave-one-out instability of a linear head: distances of unit directions.

The ladder, from the published statement to what is certified. With $B$ the radius, $\gamma$ the
margin, $w_S$ the hard-margin separator of norm $1/\gamma$ and dual $\alpha$, `a` = $1 + B/\gamma$:

===============  ==========================================  =======================================
rung             bounds                                      needs
===============  ==========================================  =======================================
published        the mean over the left-out samples, after   constants C, lam, nu that nobody gives
                 `steps` steps
kkt              every left-out sample, in the limit         the dual, and nu
ratio            every left-out sample, in the limit         the left-out margins
pair             every left-out sample, in the limit         the dual and the left-out separators
deletion         every left-out sample, in the limit         the dual
deletion_group   one set left out together, in the limit     the dual
deletion_worst   every set of one size, in the limit         the dual
replacement      one sample given up for another, or its     such bounds for S and for the new data
                 label changed
limit            the mean, in the limit                      n, B, gamma
dual             the mean, in the limit                      the dual
support          the mean, in the limit                      the number of support vectors
free             the mean, in the limit                      n, B, gamma
trajectory       every left-out sample, after any number of  the drift along the run on S
                 steps
chord            the same, sharper where the drift is below  the drift along the run on S
                 the norm
anytime          the mean, after any number of steps from    n, B, gamma
                 w_0 = 0
anytime_flow     the mean, at any time of gradient flow      n, B, gamma
                 from w_0 = 0, other weights 1/(n-1)
anytime_plain    the mean, after any number of steps         n, B, gamma, and the progress from w_0
simplex          from below: attained by a simplex, always   n, B, gamma
simplex_worst    the mean, if the simplex is the worst       n, B, gamma
                 (not proved for n > 2)
direction        one trained head against the hard-margin    the head's own margin
                 direction
copies_lower     from below: the same on copies of one       n, B, gamma, the step size
                 sample and one other
copies_upper     the same from above                         n, B, gamma, the step size
===============  ==========================================  =======================================

All arguments are keywords, scalars or arrays that broadcast; the result is a float when every
argument is a scalar. An array of one value per sample has the samples on its *last* axis; an
argument with fewer axes than that array holds one value per data set and is aligned with the axes
before it. Nothing is clipped: a bound above 2, the largest distance of two unit directions, comes
back as it is. By their proofs `chord` ends at 2, and `pair`, `dual` and the three of `deletion`,
whose angles are below 90 degrees, at sqrt(2). Products are formed with separate exponents, so a
result is lost only where it is itself beyond float64 (`OverflowError`).

Parameters that several rungs share, and errors, are in the docstrings of their modules:
`as_published`, `in_the_limit`, `from_one_solve`, `sharp_constants`, `along_the_run` and
`two_directions`. Every proof is in ``docs/head-tuning.md``.
"""

from tunebound.bounds.head.along_the_run import anytime_plain, chord, direction, trajectory
from tunebound.bounds.head.as_published import kkt, published
from tunebound.bounds.head.from_one_solve import deletion, deletion_group, deletion_worst
from tunebound.bounds.head.in_the_limit import dual, free, pair, ratio, replacement, support
from tunebound.bounds.head.sharp_constants import (
    anytime,
    anytime_flow,
    limit,
    simplex,
    simplex_worst,
)
from tunebound.bounds.head.two_directions import copies_lower, copies_upper

__all__ = [
    "anytime",
    "anytime_flow",
    "anytime_plain",
    "chord",
    "copies_lower",
    "copies_upper",
    "deletion",
    "deletion_group",
    "deletion_worst",
    "direction",
    "dual",
    "free",
    "kkt",
    "limit",
    "pair",
    "published",
    "ratio",
    "replacement",
    "simplex",
    "simplex_worst",
    "support",
    "trajectory",
]
