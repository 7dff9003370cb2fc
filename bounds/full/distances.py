"""Full fine-tuning: the rungs that follow distances to the minimiser, and what holds off
interpolation; see `bounds.full`.

What the functions share is said here: they bound | w_S(T) - w_{S^i}(T) |, both runs from one w_0
with step 1/beta. Source: this project, proofs in docs/full-tuning.md.

Parameters
----------
n : array_like
    Number of samples, at least 2.
mu, beta : array_like
    Strong convexity and smoothness of every loss, beta >= mu > 0.
distance : array_like
    R = |w_0 - w*|, 0 or more.
steps : array_like
    Number T of gradient steps, at least 1.
gradient_norm : array_like
    |grad f_i(w*_S)| at the minimiser w*_S of the mean loss, 0 or more; its mean over i for the
    mean.
weighting : {"1/n", "1/(n-1)"}
    Weight of each remaining sample in the left-out loss.

Raises
------
TypeError, ValueError
    If an argument is no real number, out of its range, or `weighting` is unknown.
OverflowError
    If a bound exceeds float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import (
    WEIGHTINGS,
    broadcast,
    choice,
    non_negative_array,
    positive_array,
    whole_array,
)
from tunebound.bounds.arithmetic import finish, product
from tunebound.bounds.full.rates import curvature, geometric_sum, power, rates


def contraction(
    *,
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    distance: ArrayLike,
    steps: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound for each left-out sample without a Lipschitz constant: the smaller of (R/n) sum_{t<T}
    q^(T-1-t) p^t and R (q^T + p^T).

    The first is R (q^T - p^T) / kappa with weights 1/n and R T p^T / n with 1/(n-1); at one step
    nothing smaller holds on the class. The second is the way by the minimiser; with weights 1/n it
    is also what the worst case tends to, relatively, as T grows. Assumption: losses of the class
    with a common minimiser w*.
    """
    n, mu, beta, distance, steps, weighting = _distance_arguments(
        n, mu, beta, distance, steps, weighting
    )
    rate = rates(n, mu, beta, weighting)
    total = geometric_sum(rate.log_left_out, rate.log_full, rate.left_out_over_full, steps)
    # With weights 1/(n-1) the gradients of a sample and of the others differ by at most beta - mu
    # per unit of distance.
    spread = 1.0 if weighting == "1/n" else rate.complement
    apart = product((distance, spread, *total), (n,))
    with np.errstate(over="ignore", under="ignore"):
        # halves of the powers: a distance may lift them back into float64
        left_out, full = (
            np.exp(power(logarithm, steps) / 2) for logarithm in (rate.log_left_out, rate.log_full)
        )
        by_minimiser = product((distance, left_out, left_out)) + product((distance, full, full))
    return finish("contraction", np.minimum(apart, by_minimiser))


def worst_quadratic(
    *,
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    distance: ArrayLike,
    steps: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """Largest distance that one-dimensional quadratics reach: R (q^T - ((n-1) p / n)^T).

    A value from below: no bound that holds for every left-out sample of the class can be smaller.
    It is the maximum of R | (1 - A/beta)^T - (1 - C/beta)^T | over curvatures a of the other
    samples and b of sample i in [mu, beta], with A = ((n-1) a + b)/n and C = (n-1) a/n (weights
    1/n) or C = a (1/(n-1)), attained at a = mu, b = beta: the problem f_i = beta (w - w*)^2 / 2,
    f_j = mu (w - w*)^2 / 2.
    """
    n, mu, beta, distance, steps, weighting = _distance_arguments(
        n, mu, beta, distance, steps, weighting
    )
    rate = rates(n, mu, beta, weighting)
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        log_ratio = np.log1p(1.0 / (n - 1) / (rate.complement if weighting == "1/n" else 1.0))
        # twice: the power itself may lie below float64 and the bound not
        root = np.exp(power(rate.log_left_out, steps) / 2)
        return finish(
            "worst_quadratic", product((distance, root, root, -np.expm1(-steps * log_ratio)))
        )


def off_interpolation(
    *,
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    steps: ArrayLike,
    gradient_norm: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """What the lack of a common minimiser adds for a left-out sample: |grad f_i(w*_S)| (1 - q^T) /
    (mu (n-1)).

    Add it to `data` (both for the mean over i), whose initial loss is then F_S(w_0) - F_S(w*_S).
    Assumption: losses of the class.
    """
    n = whole_array("n", n, low=2)
    mu, beta = curvature(mu, beta)
    steps = whole_array("steps", steps)
    gradient_norm = non_negative_array("gradient_norm", gradient_norm)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    broadcast(n=n, mu=mu, beta=beta, steps=steps, gradient_norm=gradient_norm)
    with np.errstate(under="ignore"):
        approached = -np.expm1(power(rates(n, mu, beta, weighting).log_left_out, steps))
    return finish("off_interpolation", product((gradient_norm, approached), (mu, n - 1)))


def minimiser_shift(*, n: ArrayLike, mu: ArrayLike, gradient_norm: ArrayLike) -> float | Floats:
    """Distance of the minimisers with and without a sample: |grad f_i(w*_S)| / (mu (n-1)).

    It bounds | w*_S - w*_{S^i} | for either weights, which do not move the minimiser. Assumption:
    the mean loss of the other samples is mu-strongly convex.
    """
    n = whole_array("n", n, low=2)
    mu = positive_array("mu", mu)
    gradient_norm = non_negative_array("gradient_norm", gradient_norm)
    broadcast(n=n, mu=mu, gradient_norm=gradient_norm)
    return finish("minimiser_shift", product((gradient_norm,), (mu, n - 1)))


def _distance_arguments(
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    distance: ArrayLike,
    steps: ArrayLike,
    weighting: str,
) -> tuple[Floats, Floats, Floats, Floats, Floats, str]:
    n = whole_array("n", n, low=2)
    mu, beta = curvature(mu, beta)
    distance = non_negative_array("distance", distance)
    steps = whole_array("steps", steps)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    broadcast(n=n, mu=mu, beta=beta, distance=distance, steps=steps)
    return n, mu, beta, distance, steps, weighting
