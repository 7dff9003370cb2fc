"""Bounds on a linear head that is the mean of H heads, each tuned by its own gradient descent from
its own random start.

=============  =============================================  ======================================
rung           bounds                                         needs
=============  =============================================  ======================================
published      the mean instability over the left-out         constants C, xi, lam, nu that nobody
               samples, after `steps`                         gives
refined        the distance of the mean head's direction      the common bias and a spread of the
               from a given one                               heads
concentration  the distance of the mean head from its own     the spread of the starts, no other
               expectation                                    constant
heads_needed   no distance: the fewest heads that             delta
               `published` is stated for
=============  =============================================  ======================================

`published` says that all of the first term of `bounds.head.published` falls like 1/sqrt(H).
`refined` says that only the part that comes from the heads' random starts does, and that the
*common bias*, the error of the expected head, stays. `concentration` is that part in the
parameters, with sharper constants; by `bounds.head.chord` it becomes a statement on directions.

All arguments are keywords, scalars or arrays that broadcast; the result is a float when every
argument is a scalar. Nothing is clipped. Every proof is in ``docs/multi-head.md``.

Parameters
----------
heads : array_like
    Number H of heads in a mean, at least 1; for `published` above 2 + 8 ln(1/delta).
delta : array_like
    Probability with which the bound may fail, in (0, 1).

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
from tunebound.bounds import head
from tunebound.bounds.arguments import margin_and_radius
from tunebound.bounds.arithmetic import SQRT2, finish, product

__all__ = ["concentration", "heads_needed", "published", "refined"]


def published(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    steps: ArrayLike,
    heads: ArrayLike,
    delta: ArrayLike,
    C: ArrayLike,
    xi: ArrayLike,
    lam: ArrayLike,
    nu: ArrayLike,
) -> float | Floats:
    r"""Published multi-head bound, for constants that the caller has to supply.

    .. math::
        \sqrt{\frac{2 + 8\ln(1/\delta)}{H}}\; C\,\xi\,\frac{\ln\ln t}{\ln t}
        + \nu \max\left\{ \sqrt{\tfrac{2}{\lambda n}\bigl(1 + \tfrac B\gamma\bigr)},\;
        \frac{B + \sqrt{B^2 + 8 n \lambda (1 + B/\gamma)}}{2 n \lambda} \right\}

    bounds, with probability 1 - delta, the mean distance of the unit directions of the mean heads
    on S and S^i.

    Parameters
    ----------
    n, margin, radius, steps, lam, nu : array_like
        As for `bounds.head.published`.
    C, xi : array_like
        Constants of the theorem, 0 or more; `xi` bounds how far a head's direction is from its
        expectation.

    Notes
    -----
    Assumptions: those of `bounds.head.published`, and independent random starts. The theorem claims
    that *some* C, xi, lambda, nu exist, which cannot be checked: give the provenance of each.
    Source: Fu, So, Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model",
    arXiv:2301.09820v2 (2023), the multi-head theorem.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    steps = whole_array("steps", steps, low=3)
    heads = whole_array("heads", heads)
    delta = fraction_array("delta", delta, one=False)
    C = non_negative_array("C", C)
    xi = non_negative_array("xi", xi)
    lam = positive_array("lam", lam)
    nu = non_negative_array("nu", nu)
    broadcast(
        n=n,
        margin=margin,
        radius=radius,
        steps=steps,
        heads=heads,
        delta=delta,
        C=C,
        xi=xi,
        lam=lam,
        nu=nu,
    )
    _enough(heads, delta)
    logarithm = np.log(steps)
    first = product(
        (C, xi, np.sqrt(_spread_factor(delta)), np.log(logarithm)), (logarithm, np.sqrt(heads))
    )
    second = head.published(n=n, margin=margin, radius=radius, steps=steps, C=0.0, lam=lam, nu=nu)
    with np.errstate(over="ignore"):
        return finish("published", np.asarray(first + second))


def refined(
    *, bias: ArrayLike, spread: ArrayLike, heads: ArrayLike, delta: ArrayLike
) -> float | Floats:
    """Common bias and spread apart: bias + spread sqrt((2 + 8 ln(1/delta)) / H).

    It bounds, with probability 1 - delta, the distance of the mean head's unit direction from a
    reference. Assumptions: gradient steps that do not expand (convex smooth loss, step at most 2
    over its curvature), independent starts; no condition on H. Source: this project, proof in
    docs/multi-head.md.

    Parameters
    ----------
    bias : array_like
        Distance of the *expected* head's unit direction from the reference, 0 or more. The run from
        the mean of the starts is another head, and does not serve.
    spread : array_like
        What a head's own start may add to a direction: 2 rho / |E w(t)|, where rho bounds the
        distance of every start from the mean of the starts, or is sigma sqrt(d) for Gaussian starts
        of scale sigma.
    """
    bias = non_negative_array("bias", bias)
    spread = non_negative_array("spread", spread)
    heads = whole_array("heads", heads)
    delta = fraction_array("delta", delta, one=False)
    broadcast(bias=bias, spread=spread, heads=heads, delta=delta)
    with np.errstate(over="ignore"):
        return finish(
            "refined", bias + product((spread, np.sqrt(_spread_factor(delta))), (np.sqrt(heads),))
        )


def concentration(
    *,
    spread: ArrayLike,
    deviation: ArrayLike,
    heads: ArrayLike,
    delta: ArrayLike,
    groups: ArrayLike = 1,
) -> float | Floats:
    """Distance of a mean head from its expectation: (spread + deviation sqrt(2 ln(1/delta) / G)) /
    sqrt(H).

    It holds with probability 1 - delta, in the parameters. Assumptions: those of `refined`. Source:
    this project, proof in docs/multi-head.md.

    Parameters
    ----------
    spread : array_like
        Root of E|w(t) - E w(t)|^2, or of the same at the start, which is at least as large.
    deviation : array_like
        How far the starts' randomness reaches in one direction, 0 or more: sigma for Gaussian
        starts of scale sigma, and the largest distance of a start from the mean of the starts for
        bounded ones.
    groups : array_like
        Number G of disjoint groups of H heads; the bound is then on the root mean square over the
        groups' means. More than 1 for Gaussian starts only: for bounded ones the proof gains
        nothing from the groups.
    """
    spread = non_negative_array("spread", spread)
    deviation = non_negative_array("deviation", deviation)
    heads = whole_array("heads", heads)
    delta = fraction_array("delta", delta, one=False)
    groups = whole_array("groups", groups)
    broadcast(spread=spread, deviation=deviation, heads=heads, delta=delta, groups=groups)
    root = np.sqrt(heads)
    random = product((SQRT2, deviation, np.sqrt(-np.log(delta))), (root, np.sqrt(groups)))
    with np.errstate(over="ignore"):
        return finish("concentration", product((spread,), (root,)) + random)


def heads_needed(*, delta: ArrayLike) -> float | Floats:
    """Smallest number of heads that `published` accepts: the first whole number above 2 + 8
    ln(1/delta).
    """
    return finish(
        "heads_needed", np.floor(_spread_factor(fraction_array("delta", delta, one=False))) + 1.0
    )


def _spread_factor(delta: Floats) -> Floats:
    return np.asarray(2.0 - 8.0 * np.log(delta))


def _enough(heads: Floats, delta: Floats) -> None:
    given, factor = np.broadcast_arrays(heads, _spread_factor(delta))
    few = given <= factor
    if np.any(few):
        raise ValueError(
            f"heads = {given[few][0]:g} is not above 2 + 8 ln(1/delta) = {factor[few][0]:.6g}: take"
            f" at least {np.floor(factor[few][0]) + 1:.0f} heads, or a larger delta"
        )
