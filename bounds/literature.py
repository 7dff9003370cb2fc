r"""Stability bounds of the literature, each in its own assumptions and normalisation.

=================================  ==================================================================================
Bousquet and Elisseeff 2002        minimisers of (1/n) sum f_i + lam |w|^2; one sample dropped, the weights 1/n kept
Hardt, Recht and Singer 2016       stochastic gradient descent, samples drawn with replacement; one sample exchanged
Schliserman and Koren 2022         full-batch gradient descent on self-bounded losses; one sample dropped, weights 1/n
=================================  ==================================================================================

None speaks of directions: these are bounds on distances of parameters, or on losses. Proofs of the statements as they
are implemented here are in ``docs/head-tuning.md``; the theorem numbers are those by which the papers are usually cited
and no result depends on them.
"""

from bounds.literature_minimisers import regularized_distance, regularized_stability
from bounds.literature_separable import self_bounded_distance, separable_descent_distance
from bounds.literature_stochastic import (
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
