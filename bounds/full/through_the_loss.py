"""Full fine-tuning: the published bound, and the rungs that follow the losses and gradients; see
`bounds.full`.

What the functions share is said here: they bound | w_S(T) - w_{S^i}(T) |, `trajectory` for every i
and the others its mean, for gradient descent with step 1/beta.

Parameters
----------
n : array_like
    Number of samples, at least 2.
lipschitz : array_like
    L: Lipschitz constant of every loss where the runs stay, above 0. The class has mu R <= L.
mu, beta : array_like
    Strong convexity and smoothness of every loss, beta >= mu > 0.
distance : array_like
    R = |w_0 - w*|, 0 or more.
steps : array_like
    Number T of gradient steps, at least 1.
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
from tunebound.bounds.arithmetic import SQRT2, finish, product
from tunebound.bounds.full.rates import curvature, geometric_sum, power, rates


def published(
    *, n: ArrayLike, lipschitz: ArrayLike, mu: ArrayLike, beta: ArrayLike, distance: ArrayLike
) -> float | Floats:
    """Published bound, for any number of steps: sqrt(2 L R / beta) / (n ((1 - kappa)^(-1/4) - 1)).

    It is 0 at kappa = 1. That is false with weights 1/n: gradient descent on S then stops after one
    step, on S^i it does not. With weights 1/n it holds on the whole class up to kappa = 12 sqrt(2)
    - 16 = 0.9706 and fails at one step beyond; with weights 1/(n-1) it always holds.

    Assumptions: non-negative losses with a common minimiser w*, where each is 0. Source: Fu, So,
    Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model", arXiv:2301.09820v2 (2023),
    the full-tuning theorem; range of validity by this project, proof in docs/full-tuning.md.
    """
    n, lipschitz, mu, beta, distance = _lipschitz_arguments(n, lipschitz, mu, beta, distance)
    log_root = 0.25 * rates(n, mu, beta, "1/n").log_full
    with np.errstate(under="ignore"):
        return finish(
            "published",
            product(
                (*_root(lipschitz, distance), np.exp(log_root)),
                (np.sqrt(beta), n, -np.expm1(log_root)),
            ),
        )


def closed(
    *,
    n: ArrayLike,
    lipschitz: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    distance: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound for every number of steps: sqrt(2 L R / beta) / (n (1 - max(q, r))), n - 1 in place of
    n for 1/(n-1).

    About half of `published` for small kappa, and without its corner. Assumptions: those of
    `published`. Source: this project, proof in docs/full-tuning.md.
    """
    n, lipschitz, mu, beta, distance = _lipschitz_arguments(n, lipschitz, mu, beta, distance)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    rate = rates(n, mu, beta, weighting)
    # 1 - q and 1 - r without a difference of nearly equal numbers
    decrease = np.minimum(rate.share * rate.kappa, rate.kappa / (1.0 + np.sqrt(rate.complement)))
    return finish(
        "closed",
        product(_root(lipschitz, distance), (np.sqrt(beta), _others(n, weighting), decrease)),
    )


def steps(
    *,
    n: ArrayLike,
    lipschitz: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    distance: ArrayLike,
    steps: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound after T steps: sqrt(2 L R / beta) / n * sum_{t<T} q^(T-1-t) r^t, n - 1 in place of n
    for 1/(n-1).

    Assumptions: those of `published`. Source: this project, proof in docs/full-tuning.md.
    """
    n, lipschitz, mu, beta, distance = _lipschitz_arguments(n, lipschitz, mu, beta, distance)
    steps = whole_array("steps", steps)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    broadcast(n=n, lipschitz=lipschitz, mu=mu, beta=beta, distance=distance, steps=steps)
    total = _decayed(n, mu, beta, steps, weighting)
    return finish(
        "steps",
        product((*_root(lipschitz, distance), *total), (np.sqrt(beta), _others(n, weighting))),
    )


def data(
    *,
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    initial_loss: ArrayLike,
    steps: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound after T steps from the initial loss: sqrt(2 F / beta) / n * sum_{t<T} q^(T-1-t) r^t, n
    - 1 for 1/(n-1).

    Assumptions: losses of the class; where they have no common minimiser, add `off_interpolation`.
    Source: this project, proof in docs/full-tuning.md.

    Parameters
    ----------
    initial_loss : array_like
        F = F_S(w_0) - min F_S, 0 or more; the mean loss at w_0 itself where the losses share a
        minimiser.
    """
    n = whole_array("n", n, low=2)
    mu, beta = curvature(mu, beta)
    initial_loss = non_negative_array("initial_loss", initial_loss)
    steps = whole_array("steps", steps)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    broadcast(n=n, mu=mu, beta=beta, initial_loss=initial_loss, steps=steps)
    total = _decayed(n, mu, beta, steps, weighting)
    return finish(
        "data",
        product((SQRT2, np.sqrt(initial_loss), *total), (np.sqrt(beta), _others(n, weighting))),
    )


def trajectory(
    *,
    n: ArrayLike,
    mu: ArrayLike,
    beta: ArrayLike,
    gradient_norms: ArrayLike,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound for each left-out sample along the run on S: (1/(beta n)) sum_{t<T} q^(T-1-t) |grad
    f_i(w_S(t))|.

    Assumptions: the mean loss of the other samples is in the class (the left-out loss need not be
    convex, and no common minimiser is needed); both runs from one w_0. Source: this project, proof
    in docs/full-tuning.md.

    Parameters
    ----------
    gradient_norms : array_like of shape (..., T)
        With weights 1/n: |grad f_i| at w_S(0), ..., w_S(T-1), the steps on the last axis, which the
        bound loses; the other arguments broadcast against the axes before it. With 1/(n-1), where
        the sum is divided by beta (n-1): |grad f_i - grad F_S| there.
    """
    n = whole_array("n", n, low=2)
    mu, beta = curvature(mu, beta)
    gradient_norms = non_negative_array("gradient_norms", gradient_norms)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    if gradient_norms.ndim == 0:
        raise ValueError(
            "gradient_norms must have the steps on its last axis, got a scalar: pass one value per"
            " step"
        )
    broadcast(n=n, mu=mu, beta=beta, gradient_norms_without_steps=gradient_norms[..., 0])
    length = gradient_norms.shape[-1]
    remaining = np.arange(length - 1, -1, -1.0)
    with np.errstate(over="ignore", under="ignore"):
        decay = np.exp(
            power(rates(n, mu, beta, weighting).log_left_out[..., np.newaxis], remaining)
        )
        terms = product(
            (decay, gradient_norms), (beta[..., np.newaxis], _others(n, weighting)[..., np.newaxis])
        )
        return finish("trajectory", np.asarray(terms.sum(axis=-1)))


def _decayed(
    n: Floats, mu: Floats, beta: Floats, steps: Floats, weighting: str
) -> tuple[Floats, Floats]:
    rate = rates(n, mu, beta, weighting)
    return geometric_sum(rate.log_left_out, rate.log_loss, rate.left_out_over_loss, steps)


def _others(n: Floats, weighting: str) -> Floats:
    return n if weighting == "1/n" else n - 1


def _root(lipschitz: Floats, distance: Floats) -> tuple[float, Floats, Floats]:
    return SQRT2, np.sqrt(lipschitz), np.sqrt(distance)


def _lipschitz_arguments(
    n: ArrayLike, lipschitz: ArrayLike, mu: ArrayLike, beta: ArrayLike, distance: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    n = whole_array("n", n, low=2)
    lipschitz = positive_array("lipschitz", lipschitz)
    mu, beta = curvature(mu, beta)
    distance = non_negative_array("distance", distance)
    broadcast(n=n, lipschitz=lipschitz, mu=mu, beta=beta, distance=distance)
    return n, lipschitz, mu, beta, distance
