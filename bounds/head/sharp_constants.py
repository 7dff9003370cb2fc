"""The constants of the bounds by B/(gamma n), as functions of rho = B/gamma; see `bounds.head`.

`limit` and `anytime` bound the mean over i of the distance of unit directions of w_S and w_{S^i},
in the limit and after any number of steps, and `anytime_flow` at any time of gradient flow;
`simplex` is attained.
Source: this project, proofs in docs/head-tuning.md.

Parameters
----------
n : array_like
    Number of samples, at least 2.
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

import math

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import WEIGHTINGS, broadcast, choice, whole_array
from tunebound.bounds.arguments import margin_and_radius
from tunebound.bounds.arithmetic import chord_of_sine, finish, product

SIMPLEX_STEPS = 3  # to 8 digits of a root, of whose error a largest value has the square
NEWTON_STEPS = 5  # from sqrt(2) to the root in [1, sqrt(2)] to the last digit


def limit(
    *, n: ArrayLike, margin: ArrayLike, radius: ArrayLike, size: ArrayLike = 1
) -> float | Floats:
    r"""Bound on the mean in the limit: size kappa(rho) rho / n.

    kappa(rho) = max over theta in [0, arccos(1/rho)] of sqrt(1 - rho^-2) cos(theta)/cos(theta/2) +
    (2/rho) sin(theta/2); it is at most sqrt(32/27) = 1.0887 (attained at rho = 3/2 and n = 2) and
    tends to 1 for large rho. Assumptions: separable data, limit directions; either weighting.

    Parameters
    ----------
    size : array_like
        How many samples are left out together, from 1 to n - 1; the mean is over all sets of that
        size.
    """
    n = whole_array("n", n, low=2)
    size = whole_array("size", size)
    margin, radius = margin_and_radius(margin, radius)
    broadcast(n=n, margin=margin, radius=radius, size=size)
    if np.any(size >= n):
        raise ValueError(
            f"size = {size.tolist()} leaves no sample of n = {n.tolist()}: take at most n - 1"
        )
    return finish("limit", product((limit_constant(margin, radius), size, radius), (margin, n)))


def limit_constant(margin: Floats, radius: Floats) -> Floats:
    """kappa(rho): the maximum of `limit`, in closed form.

    With x = tan(theta/2) the derivative vanishes where x^3 + 3x = 2/sqrt(rho^2 - 1), at x = 2
    sinh(asinh(1/sqrt(rho^2 - 1))/3), if that angle is within the cone.
    """
    cosine, sine = cone(margin, radius)
    with np.errstate(divide="ignore"):  # where rho is 1, and the cone has no inside
        cotangent = cosine / sine
    stationary = 2.0 * np.arctan(2.0 * np.sinh(np.arcsinh(cotangent) / 3.0))
    angle = np.minimum(stationary, np.arctan2(sine, cosine))
    return np.asarray(
        sine * np.cos(angle) / np.cos(angle / 2.0) + 2.0 * cosine * np.sin(angle / 2.0)
    )


def anytime(
    *, n: ArrayLike, margin: ArrayLike, radius: ArrayLike, weighting: str = "1/n"
) -> float | Floats:
    r"""Bound on the mean at every step from w_0 = 0: C(rho) rho / n, with C from 1 to 8/sqrt(27) =
    1.5396.

    C(rho) = max over omega in [0, 90] degrees of cos(omega)/cos((omega + psi)/2) where omega + psi
    <= 90 degrees and 2 cos(omega) sin((omega + psi)/2) beyond, psi = arccos(1/rho). For left-out
    losses with weights 1/(n-1) the distance between the runs of both weightings is added,
    min(C(rho) rho/(n-1), chord of the angle of sine rho/(n-1)); for n = 2 both weightings give one
    direction. `anytime_plain` is the form with 2 in place of C(rho), which other starts need.

    Assumptions: separable data, logistic loss, step at most 2 over the curvature of every left-out
    loss (`bounds.constants.step_size_limit`), both runs from w_0 = 0.

    Parameters
    ----------
    weighting : {"1/n", "1/(n-1)"}
        Weight of each remaining sample in the left-out loss.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    broadcast(n=n, margin=margin, radius=radius)
    constant = anytime_constant(margin, radius)
    bound = product((constant, radius), (margin, n))
    if weighting == "1/(n-1)":
        bound = np.where(n > 2, bound + _between_weightings(n, margin, radius, constant), bound)
    return finish("anytime", bound)


def anytime_flow(*, n: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> float | Floats:
    r"""Bound on the mean at every time of gradient flow from w_0 = 0, for left-out losses with
    weights 1/(n-1): C(rho) rho / n, as `anytime` with weights 1/n, plus the chord of the angle
    ln(n/(n-1)) sin(min(2 psi, 90 degrees)) between the flows of both weightings (nothing for n =
    2).

    At most 2 rho / n for every n >= 4 and rho, which for gradient descent is a conjecture.
    Assumptions: separable data, logistic loss, both flows from w_0 = 0, compared at one time.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    broadcast(n=n, margin=margin, radius=radius)
    cosine, sine = cone(margin, radius)
    spread = np.where(sine < cosine, 2.0 * sine * cosine, 1.0)
    later = np.where(n > 2, np.log1p(1.0 / (n - 1.0)), 0.0)  # that much, in ln of time
    bound = product((anytime_constant(margin, radius), radius), (margin, n))
    return finish("anytime_flow", bound + 2.0 * np.sin(later * spread / 2.0))


def anytime_constant(margin: Floats, radius: Floats) -> Floats:
    """C(rho): the maximum of `anytime`.

    With T = tan((omega + psi)/2) and tau = tan(psi) = sqrt(rho^2 - 1) it lies at the root of T^3 +
    3T = 2 tau where tau <= 2, with the value 2 sqrt((1 + T^2)/(4 + T^2)), and of 2 tau T^3 + 5 T^2
    - 4 tau T - 1 = 0 beyond, where T >= 1.
    """
    cosine, sine = cone(margin, radius)
    psi = np.arctan2(sine, cosine)
    narrow = sine <= 2.0 * cosine
    tangent = sine / np.maximum(cosine, sine / 2.0)  # tau, and 2 where it is larger
    square = (2.0 * np.sinh(np.arcsinh(tangent) / 3.0)) ** 2
    below = 2.0 * np.sqrt((1.0 + square) / (4.0 + square))
    cotangent = cosine / np.maximum(sine, 2.0 * cosine)  # 1/tau, and 1/2 where it is larger
    root = np.full_like(cotangent, math.sqrt(2.0))
    for _ in range(NEWTON_STEPS):  # convex and above the root at the start: it falls towards it
        value = ((2.0 * root + 5.0 * cotangent) * root - 4.0) * root - cotangent
        root = root - value / ((6.0 * root + 10.0 * cotangent) * root - 4.0)
    wide = np.arctan(root)
    above = 2.0 * np.cos(2.0 * wide - psi) * np.sin(wide)
    return np.where(narrow, below, above)


def simplex(*, n: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> float | Floats:
    r"""What leaving one out costs on a regular simplex, exactly, at every step and in the limit: a
    lower bound for the worst case over all data of these n, margin and radius.

    2 sin(arctan(sqrt(rho^2 - 1)/(n - 1))/2), for every sample, start w_0 = 0 and either weighting;
    rho/n to first order for 1 << rho << n.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    broadcast(n=n, margin=margin, radius=radius)
    cosine, sine = cone(margin, radius)
    return finish("simplex", 2.0 * np.sin(0.5 * np.arctan2(sine, cosine * (n - 1.0))))


def simplex_worst(*, n: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> float | Floats:
    r"""The largest constant of B/(gamma n) that a simplex of n samples attains, times B/(gamma n).

    That it bounds the mean for all data from w_0 = 0 is a conjecture, proved for n = 2 only. With m
    = n - 1 and c the root in [2/3, 1) of (m^2 - 1) c^3 - 3 m^2 c + 2 m^2 = 0 the constant is n c
    sqrt(2 (1 - c)/(m^2 - (m^2 - 1) c^2)): 1.0887, 1.0530, 1.0379 for n = 2, 3, 4, and 1 in the
    limit.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    broadcast(n=n, margin=margin, radius=radius)
    share = 1.0 / (n - 1.0)
    root = np.full_like(share, 1.0 / math.sqrt(3.0))
    for _ in range(SIMPLEX_STEPS):  # convex in m (1 - c), and above its root at the start
        cosine = 1.0 - share * root
        value = (2.0 + cosine) * root**2 - cosine**3
        root = root - value / (3.0 * ((1.0 + cosine) * root + share * cosine**2))
    cosine = 1.0 - share * root
    sine = np.sqrt(2.0 * root / (root * (1.0 + cosine) + share * cosine**2))
    constant = n * share * cosine * sine
    return finish("simplex_worst", product((constant, radius), (margin, n)))


def cone(margin: Floats, radius: Floats) -> tuple[Floats, Floats]:
    """cos(psi) = 1/rho and sin(psi) of the cone around the separator that holds all samples."""
    margin, radius = np.broadcast_arrays(margin, np.maximum(radius, margin))
    cosine = margin / radius
    return cosine, np.sqrt((radius - margin) / radius * (1.0 + cosine))


def _between_weightings(n: Floats, margin: Floats, radius: Floats, constant: Floats) -> Floats:
    """Largest distance of the left-out directions under weights 1/(n-1) and 1/n, for n > 2."""
    others = np.maximum(n - 1.0, 1.0)
    straight = product((constant, radius), (margin, others))
    sine = product((radius,), (margin, others))
    inside = np.minimum(sine, 1.0)
    chord = chord_of_sine(inside, np.sqrt((1.0 - inside) * (1.0 + inside)))
    return np.where(sine < 1.0, np.minimum(straight, chord), straight)
