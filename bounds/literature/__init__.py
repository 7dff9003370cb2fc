r"""Stability bounds of the literature, each in its own assumptions and normalisation.

=================================  =================================================================
rung                               bounds
=================================  =================================================================
regularized_distance               minimisers of (1/n) sum f_i + lam |w|^2, in the parameters
regularized_stability              the same, in the loss
convex_descent_distance            stochastic gradient descent, in the parameters
convex_descent_stability           the same, in the loss
strongly_convex_descent_stability  the same with strong convexity, for every number of steps
non_convex_descent_stability       the same without convexity, for steps that fall like 1/t
self_bounded_distance              full-batch gradient descent on self-bounded losses
separable_descent_distance         the same for a logistic head on separable data
=================================  =================================================================

The first two are by Bousquet and Elisseeff 2002 (one sample dropped, the weights 1/n kept), the
next four by Hardt, Recht and Singer 2016 (samples drawn with replacement, one sample exchanged),
the last two by Schliserman and Koren 2022 (one sample dropped, weights 1/n).

Parameters that several functions share, errors and sources are in the docstrings of their modules,
`minimisers`, `stochastic_descent` and `separable_descent`.

None speaks of directions: these are bounds on distances of parameters, or on losses. Proofs of the
statements as they are implemented here are in ``docs/head-tuning.md``; the theorem numbers are
those by which the papers are usually cited and no result depends on them.
"""

from tunebound.bounds.literature.minimisers import regularized_distance, regularized_stability
from tunebound.bounds.literature.separable_descent import (
    self_bounded_distance,
    separable_descent_distance,
)
from tunebound.bounds.literature.stochastic_descent import (
    convex_descent_distance,
    convex_descent_stability,
    non_convex_descent_stability,
    strongly_convex_descent_stability,
)

__all__ = [
    "convex_descent_distance",
    "convex_descent_stability",
    "non_convex_descent_stability",
    "regularized_distance",
    "regularized_stability",
    "self_bounded_distance",
    "separable_descent_distance",
    "strongly_convex_descent_stability",
]
