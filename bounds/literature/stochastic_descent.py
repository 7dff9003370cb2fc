"""Stability of stochastic gradient descent (Hardt, Recht and Singer 2016); see
`bounds.literature`.

The runs are on data that differ in one exchanged sample, and samples are drawn with replacement.
Stability is the expected change of the loss at any point. Source: Hardt, Recht and Singer, "Train
faster, generalize better", ICML 2016 (numbering of arXiv:1509.01240v2).

Parameters
----------
n : array_like
    Number of samples, at least 1; for non-convex losses at least 2.
lipschitz : array_like
    L: Lipschitz constant of every loss in the parameters, above 0; for strongly convex losses on
    the set to which the steps are projected.
beta : array_like
    Smoothness of every loss, above 0.
step_sizes : array_like of shape (..., T)
    Steps eta_t, each above 0 and at most 2/beta.

Raises
------
TypeError, ValueError
    If an argument is no real number or out of its range.
OverflowError
    If a bound exceeds float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import broadcast, positive_array, whole_array
from tunebound.bounds.arguments import within
from tunebound.bounds.arithmetic import finish, product


def convex_descent_distance(
    *, n: ArrayLike, lipschitz: ArrayLike, beta: ArrayLike, step_sizes: ArrayLike
) -> float | Floats:
    """Expected distance E | w_T - w_T' | of two runs on convex losses: (2 L / n) sum_t eta_t.

    Assumptions: convex, L-Lipschitz, beta-smooth losses; each step uses one sample drawn uniformly,
    or all of them. Source: the proof of Theorem 3.8.
    """
    n = whole_array("n", n)
    lipschitz = positive_array("lipschitz", lipschitz)
    total = _total_step(beta, step_sizes)
    broadcast(n=n, lipschitz=lipschitz, total_step=total)
    return finish("convex_descent_distance", product((2.0, lipschitz, total), (n,)))


def convex_descent_stability(
    *, n: ArrayLike, lipschitz: ArrayLike, beta: ArrayLike, step_sizes: ArrayLike
) -> float | Floats:
    """Uniform stability of stochastic gradient descent on convex losses: (2 L^2 / n) sum_t eta_t.

    Assumptions as for `convex_descent_distance`. Source: Theorem 3.8.
    """
    n = whole_array("n", n)
    lipschitz = positive_array("lipschitz", lipschitz)
    total = _total_step(beta, step_sizes)
    broadcast(n=n, lipschitz=lipschitz, total_step=total)
    return finish("convex_descent_stability", product((2.0, lipschitz, lipschitz, total), (n,)))


def strongly_convex_descent_stability(
    *, n: ArrayLike, lipschitz: ArrayLike, mu: ArrayLike
) -> float | Floats:
    """Uniform stability of stochastic gradient descent on strongly convex losses: 2 L^2 / (mu n),
    for every T.

    Assumptions: mu-strongly convex, beta-smooth losses; projected steps of constant size at most
    1/beta. Source: Theorem 3.9.

    Parameters
    ----------
    mu : array_like
        Strong convexity of every loss, above 0.
    """
    n = whole_array("n", n)
    lipschitz = positive_array("lipschitz", lipschitz)
    mu = positive_array("mu", mu)
    broadcast(n=n, lipschitz=lipschitz, mu=mu)
    return finish(
        "strongly_convex_descent_stability", product((2.0, lipschitz, lipschitz), (mu, n))
    )


def non_convex_descent_stability(
    *, n: ArrayLike, lipschitz: ArrayLike, beta: ArrayLike, c: ArrayLike, steps: ArrayLike
) -> float | Floats:
    r"""Uniform stability of stochastic gradient descent on non-convex losses with steps of at most
    c/t.

    .. math::
        \frac{1 + 1/(\beta c)}{n - 1}\,(2 c L^2)^{1/(\beta c + 1)}\, T^{\beta c/(\beta c + 1)}

    Assumptions: losses with values in [0, 1], L-Lipschitz and beta-smooth. Source: Theorem 3.12.

    Parameters
    ----------
    c : array_like
        Constant of the step sizes eta_t <= c/t, above 0.
    steps : array_like
        Number T of steps, at least 1.
    """
    n = whole_array("n", n, low=2)
    lipschitz = positive_array("lipschitz", lipschitz)
    beta = positive_array("beta", beta)
    c = positive_array("c", c)
    steps = whole_array("steps", steps)
    broadcast(n=n, lipschitz=lipschitz, beta=beta, c=c, steps=steps)
    with np.errstate(over="ignore", divide="ignore"):
        expansion = beta * c
        contraction = 1.0 / expansion
        logarithm = np.log(2.0) + np.log(c) + 2.0 * np.log(lipschitz)
        growth = np.exp(logarithm / (1.0 + expansion) + np.log(steps) / (1.0 + contraction))
        return finish("non_convex_descent_stability", (1.0 + contraction) / (n - 1.0) * growth)


def _total_step(beta: ArrayLike, step_sizes: ArrayLike) -> Floats:
    beta = positive_array("beta", beta)
    step_sizes = positive_array("step_sizes", step_sizes)
    if step_sizes.ndim == 0:
        raise ValueError(
            "step_sizes must have the steps on its last axis, got a scalar: pass one value per step"
        )
    beta = beta[..., np.newaxis]
    broadcast(beta_per_run=beta, step_sizes=step_sizes)
    step_sizes, beta = np.broadcast_arrays(step_sizes, beta)
    within("step_sizes", step_sizes, product((2.0,), (beta,)), "2/beta")
    with np.errstate(over="ignore"):
        return np.asarray(step_sizes.sum(axis=-1))
