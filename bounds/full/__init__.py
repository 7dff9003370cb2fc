r"""Bounds on the leave-one-out instability of full fine-tuning: distances of parameters after
gradient descent.

The ladder, from the published statement to the exact worst case. Every loss is beta-smooth and
mu-strongly convex, the step is 1/beta, ``kappa = mu/beta``, and the rates of one step are ``r =
sqrt(1 - kappa)`` for the root of the loss, ``p = 1 - kappa`` for the distance to the minimiser, and
``q = 1 - kappa (n-1)/n`` (weights 1/n) or ``q = p`` (weights 1/(n-1)) for the distance of two runs
on a left-out loss:

=================  =======================================  ========================================
rung               bounds                                   needs
=================  =======================================  ========================================
published          the mean, after any number of steps;     n, L, mu, beta, \|w_0 - w*\|
                   *false* for kappa > 12 sqrt(2) - 16
                   with weights 1/n
closed             the mean, after any number of steps      the same
steps              the mean, after T steps                  the same, T
data               the mean, after T steps                  n, mu, beta, the initial loss, T
trajectory         every left-out sample, after T steps     n, mu, beta, gradients along the run on
                                                            S
contraction        every left-out sample, after T steps     n, mu, beta, \|w_0 - w*\|, T
worst_case         every left-out sample, after T steps;    the same (a semidefinite program)
                   the best bound that these arguments
                   allow
worst_quadratic    from *below*: a problem that attains it  the same
off_interpolation  what to add where the minimiser is not   n, mu, beta, \|grad f_i(w*_S)\|, T
                   common
minimiser_shift    the minimisers themselves, the limit of  n, mu, \|grad f_i(w*_S)\|
                   T
=================  =======================================  ========================================

All arguments are keywords, scalars or arrays that broadcast; the result is a float when every
argument is a scalar (`worst_case` takes scalars only). ``weights`` is the weight of each remaining
sample in the left-out loss. Powers and differences of rates are formed from logarithms, so they
keep their digits for kappa from 1e-15 to 1, n to 1e12 and 1e30 steps; a result is lost only where
it is itself beyond float64 (`OverflowError`) or rounds to 0.

Parameters that several rungs share, and errors, are in the docstrings of their modules:
`through_the_loss`, `distances` and `worst_cases`. Every proof is in ``docs/full-tuning.md``.
"""

from tunebound.bounds.full.distances import (
    contraction,
    minimiser_shift,
    off_interpolation,
    worst_quadratic,
)
from tunebound.bounds.full.through_the_loss import closed, data, published, steps, trajectory
from tunebound.bounds.full.worst_cases import WorstCase, worst_case

__all__ = [
    "WorstCase",
    "closed",
    "contraction",
    "data",
    "minimiser_shift",
    "off_interpolation",
    "published",
    "steps",
    "trajectory",
    "worst_case",
    "worst_quadratic",
]
