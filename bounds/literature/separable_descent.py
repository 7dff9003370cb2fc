"""Stability of gradient descent on self-bounded losses (Schliserman and Koren 2022); see
`bounds.literature`.

Both functions bound the mean over i of | w_S(T) - w_{S^i}(T) |, with weights 1/n on the left-out
data and both runs from one w_0. Source: the argument of Schliserman and Koren, "Stability vs
Implicit Bias of Gradient Methods on Separable Data and Beyond", COLT 2022, with the constants that
our proof gives; theirs were not compared.

Parameters
----------
steps : array_like
    Number T of gradient steps, at least 1.
learning_rate : array_like
    Step eta, above 0; at most 1/(2 beta), on separable data at most 2 / radius^2.

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
from tunebound._ground.checks import (
    broadcast,
    fraction_array,
    non_negative_array,
    positive_array,
    whole_array,
)
from tunebound.bounds.arguments import margin_and_radius, within
from tunebound.bounds.arithmetic import finish, product


def self_bounded_distance(
    *,
    n: ArrayLike,
    steps: ArrayLike,
    learning_rate: ArrayLike,
    beta: ArrayLike,
    c: ArrayLike,
    delta: ArrayLike,
    distance: ArrayLike,
    loss: ArrayLike,
) -> float | Floats:
    r"""Leave-one-out distance of gradient descent on self-bounded losses.

    .. math::
        \frac{\eta c T}{n} \Bigl( \frac{R^2}{\eta T} + 2 F_S(u) \Bigr)^{1 - \delta}

    Assumptions: convex, non-negative, beta-smooth, (c, delta)-self-bounded losses.

    Parameters
    ----------
    n : array_like
        Number of samples, at least 1.
    beta : array_like
        Smoothness of every loss, above 0.
    c, delta : array_like
        Self-boundedness |grad f(w)| <= c f(w)^(1 - delta), c above 0 and delta in [0, 1/2]. Every
        non-negative beta-smooth loss has c = sqrt(2 beta), delta = 1/2; the logistic loss has c =
        radius, delta = 0.
    distance : array_like
        R = |w_0 - u| for any comparator u, 0 or more.
    loss : array_like
        F_S(u), the mean loss of the comparator, 0 or more.
    """
    n = whole_array("n", n)
    steps = whole_array("steps", steps)
    learning_rate = positive_array("learning_rate", learning_rate)
    beta = positive_array("beta", beta)
    c = positive_array("c", c)
    delta = fraction_array("delta", delta, zero=True)
    distance = non_negative_array("distance", distance)
    loss = non_negative_array("loss", loss)
    broadcast(
        n=n,
        steps=steps,
        learning_rate=learning_rate,
        beta=beta,
        c=c,
        delta=delta,
        distance=distance,
        loss=loss,
    )
    if np.any(delta > 0.5):
        raise ValueError(
            f"delta = {delta.tolist()} must be at most 1/2: a smooth loss is self-bounded with 1/2"
        )
    within("learning_rate", learning_rate, product((0.5,), (beta,)), "1/(2 beta)")
    learning_rate, _ = np.broadcast_arrays(learning_rate, beta)
    time = product((learning_rate, steps))
    with np.errstate(over="ignore"):
        level = product((distance, distance), (time,)) + 2.0 * loss
        return finish("self_bounded_distance", product((c, time, level ** (1.0 - delta)), (n,)))


def separable_descent_distance(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    steps: ArrayLike,
    learning_rate: ArrayLike,
) -> float | Floats:
    """Leave-one-out distance of a logistic head trained from 0 on separable data: (B/n) (ln^2 T /
    gamma^2 + 2 eta).

    `self_bounded_distance` with c = B, delta = 0 and the comparator u = (ln T / gamma) u_S, whose
    loss is at most 1/T. The norm of the head grows like ln T / gamma only, so the bound on its
    direction that follows grows with T; `bounds.head.anytime` does not. Assumptions: separable
    data, logistic loss without bias, w_0 = 0.

    Parameters
    ----------
    n : array_like
        Number of samples, at least 2.
    margin, radius : array_like
        Margin gamma of the data and largest norm B of a feature; radius >= margin > 0.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    steps = whole_array("steps", steps)
    learning_rate = positive_array("learning_rate", learning_rate)
    broadcast(n=n, margin=margin, radius=radius, steps=steps, learning_rate=learning_rate)
    limit = product((2.0,), (radius, radius))
    within("learning_rate", learning_rate, limit, "2 / radius^2")
    logarithm = np.log(steps)
    far = product((radius, logarithm, logarithm), (n, margin, margin))
    near = product((2.0, radius, learning_rate), (n,))
    return finish("separable_descent_distance", far + near)
