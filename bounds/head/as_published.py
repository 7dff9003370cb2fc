"""The published head-tuning bound, as stated and with certified constants; see `bounds.head`.

Parameters
----------
n : array_like
    Number of samples, at least 2; for `kkt` the length of the last axis of `dual`.
margin, radius : array_like
    Margin of the data and largest norm of a feature; radius >= margin > 0.

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
from tunebound._ground.checks import broadcast, non_negative_array, positive_array, whole_array
from tunebound.bounds.arguments import margin_and_radius, sample_duals
from tunebound.bounds.arithmetic import SQRT2, finish, product, root_of_one_plus_ratio


def published(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    steps: ArrayLike,
    C: ArrayLike,
    lam: ArrayLike,
    nu: ArrayLike,
) -> float | Floats:
    r"""Published head-tuning bound, for constants that the caller has to supply.

    .. math::
        C \frac{\ln\ln t}{\ln t} + \nu \max\left\{ \sqrt{\tfrac{2}{\lambda n}\bigl(1 + \tfrac
        B\gamma\bigr)},\; \frac{B + \sqrt{B^2 + 8 n \lambda (1 + B/\gamma)}}{2 n \lambda} \right\}

    bounds the mean distance of the unit directions of w_S(t) and w_{S^i}(t). The second entry of
    the maximum is never the smaller one: with $p = B/(2n\lambda)$ and $q$ the first entry it reads
    $p + \sqrt{p^2 + q^2}$, and this is how it is computed.

    Parameters
    ----------
    steps : array_like
        Number t of gradient steps, at least 3 so that ln ln t > 0.
    C, nu : array_like
        Constants of the theorem, 0 or more.
    lam : array_like
        Constant lambda of the theorem, above 0.

    Notes
    -----
    Assumptions: separable data, gradient descent on the logistic loss with a step below 2/(beta
    sigma_max(X)). The theorem claims that *some* C, lambda, nu exist, which cannot be checked: give
    the provenance of each. Source: Fu, So, Collier, "A Stability Analysis of Fine-Tuning a
    Pre-Trained Model", arXiv:2301.09820v2 (2023), the head-tuning theorem.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    steps = whole_array("steps", steps, low=3)
    C = non_negative_array("C", C)
    lam = positive_array("lam", lam)
    nu = non_negative_array("nu", nu)
    broadcast(n=n, margin=margin, radius=radius, steps=steps, C=C, lam=lam, nu=nu)
    root_n_lam = (np.sqrt(n), np.sqrt(lam))
    first = product((SQRT2, nu, root_of_one_plus_ratio(radius, margin)), root_n_lam)
    half = product((nu, radius), (2.0, n, lam))
    logarithm = np.log(steps)
    with np.errstate(over="ignore"):
        bound = C * (np.log(logarithm) / logarithm) + (half + np.hypot(half, first))
    return finish("published", bound)


def kkt(
    *, n: ArrayLike, margin: ArrayLike, radius: ArrayLike, dual: ArrayLike, nu: ArrayLike
) -> float | Floats:
    r"""Published bound in the limit t = infinity with the certified constant lambda = 1/(n max_j
    alpha_j).

    .. math::
        \nu \Bigl( \tfrac{B A}{2} + \sqrt{\bigl(\tfrac{B A}{2}\bigr)^2 + 2 A \bigl(1 + \tfrac
        B\gamma\bigr)} \Bigr), \qquad A = \max_j \alpha_j

    (n cancels, which is the finding: the promised decay in n is gone). It bounds the distance of
    the unit directions of w_S and w_{S^i} for every i when `nu` is the exact direction constant,
    and also when ``nu = margin``, which needs no left-out separator.

    Parameters
    ----------
    dual : array_like of shape (..., n)
        Dual of the hard-margin separator, >= 0, at least one entry above 0. The other arguments
        have one value per data set.
    nu : array_like
        Direction constant, 0 or more; see `bounds.constants.direction_constant`.

    Notes
    -----
    Assumptions: separable data, limit directions. Source: the head-tuning theorem of
    arXiv:2301.09820v2 with the constants certified by this project, proof in docs/head-tuning.md.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    dual = sample_duals(dual)
    nu = non_negative_array("nu", nu)
    if np.any(n != dual.shape[-1]):
        raise ValueError(
            f"n = {n.tolist()} but dual has {dual.shape[-1]} samples on its last axis: they must"
            " agree"
        )
    largest = dual.max(axis=-1)
    broadcast(n=n, margin=margin, radius=radius, dual_per_data_set=largest, nu=nu)
    first = product((SQRT2, nu, np.sqrt(largest), root_of_one_plus_ratio(radius, margin)))
    half = product((0.5, nu, radius, largest))
    with np.errstate(over="ignore"):
        bound = half + np.hypot(half, first)
    return finish("kkt", bound)
