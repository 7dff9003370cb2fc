r"""The direction error of a trained head from both sides, on data where it is known; see
`bounds.head`.

The data: n - 1 copies of one z = y x of norm B, and one z orthogonal to them, of the norm r <= B
with 1/gamma^2 = 1/B^2 + 1/r^2. Then the two products u_1, u_2 of the head with them do not meet:
from w_0 = 0 each follows u <- u + kappa/(1 + e^u), with kappa_1 = eta B^2 (n - 1)/n and kappa_2 =
eta r^2/n, and after t steps u + e^u lies between

.. math::
    \ell = \tfrac\kappa2 + e^{\kappa/2} + \kappa(t - 1), \qquad \ell + \kappa c \ln\Bigl(1 +
    \frac{\kappa(t - 1)}{5 + e^{\kappa/2}}\Bigr), \qquad c = e^{\kappa/(1 + e^{\kappa/2})}.

The distance of the unit directions of head and hard-margin separator is 2 sin(theta/2), tan(theta)
= tau (u_1 - u_2)/(u_1 + tau^2 u_2), tau = B/r = sqrt(rho^2 - 1); it grows with u_1 and falls with
u_2. Exact for t = 1; for large t both sides tend to tau/(1 + tau^2) ln((n - 1) tau^2)/ln(t), which
grows with n.

Assumptions: data of that form, weights 1/n, w_0 = 0; any step size. Source: this project, proof in
docs/head-tuning.md.

Parameters
----------
n : array_like
    Number of samples, at least 2.
margin, radius : array_like
    gamma and B; radius >= sqrt(2) margin > 0.
learning_rate : array_like
    Step size eta of gradient descent on the mean loss, above 0.
steps : array_like
    Number t of steps, at least 1.

Raises
------
TypeError, ValueError
    If an argument is no real number or out of its range.
OverflowError
    If eta B^2 t leaves float64, or eta B^2 exceeds about 1,400, where e^(kappa/2) does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import wrightomega

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import broadcast, positive_array, whole_array
from tunebound.bounds.arguments import margin_and_radius, not_below
from tunebound.bounds.arithmetic import SQRT2, finish, product
from tunebound.bounds.head.sharp_constants import cone

NEWTON_STEPS = 4  # from an error of 0.06 at most to the last digit
RIGHT_ANGLE = "no two orthogonal samples have so large a margin; the bound is for such data"


def copies_lower(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    learning_rate: ArrayLike,
    steps: ArrayLike,
) -> float | Floats:
    """Lower bound on the direction error on copies: from the least u_1 and the largest u_2, and 0
    where these cross.
    """
    u, v, cosine, sine = _products(n, margin, radius, learning_rate, steps, largest=(False, True))
    return finish("copies_lower", _chord(u, v, cosine, sine))


def copies_upper(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    learning_rate: ArrayLike,
    steps: ArrayLike,
) -> float | Floats:
    """Upper bound on the direction error on copies: from the largest u_1 and the least u_2."""
    u, v, cosine, sine = _products(n, margin, radius, learning_rate, steps, largest=(True, False))
    return finish("copies_upper", _chord(u, v, cosine, sine))


def _products(
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    learning_rate: ArrayLike,
    steps: ArrayLike,
    *,
    largest: tuple[bool, bool],
) -> tuple[Floats, Floats, Floats, Floats]:
    """u_1 and u_2, each the largest or the least that it can be, and the cosine and sine of the
    angle between the copies and the separator.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    rate = positive_array("learning_rate", learning_rate)
    steps = whole_array("steps", steps)
    broadcast(n=n, margin=margin, radius=radius, learning_rate=rate, steps=steps)
    not_below("radius", radius, "sqrt(2) margin", product((SQRT2, margin)), RIGHT_ANGLE)
    cosine, sine = cone(margin, radius)
    of_copies = product((rate, radius, radius, n - 1.0), (n,))
    of_other = product((rate, margin, margin), (n, sine, sine))
    if np.any(of_other < np.finfo(float).tiny):
        raise ValueError(
            "learning_rate times the squared margin over n is below 2.2e-308: take larger steps, or"
            " rescale the data"
        )
    many, one = _product(of_copies, steps, largest[0]), _product(of_other, steps, largest[1])
    return many, one, cosine, sine


def _product(kappa: Floats, steps: Floats, largest: bool) -> Floats:
    """The largest or least u after that many steps of size kappa."""
    finish("learning_rate times the squared radius", kappa)
    with np.errstate(over="ignore"):
        first, growth = np.expm1(kappa / 2.0), product((kappa, steps - 1.0))
        reached = kappa / 2.0 + first + growth  # u + e^u - 1
    finish("e^(kappa/2) + kappa t", reached)
    if largest:
        widest = np.exp(kappa / (2.0 + first))
        reached = reached + product((kappa, widest, np.log1p(growth / (6.0 + first))))
    near = np.minimum(reached, 1.0)
    u = near / 2.0  # above the root of a convex function: Newton's steps fall towards it
    for _ in range(NEWTON_STEPS):
        u = u - (u + np.expm1(u) - near) / (1.0 + np.exp(u))
    return np.where(reached < 1.0, u, np.log(wrightomega(1.0 + reached)))


def _chord(many: Floats, one: Floats, cosine: Floats, sine: Floats) -> Floats:
    """Distance of the unit directions of (u_1/B, u_2/r) and (1/B, 1/r)."""
    across = sine * cosine * np.maximum(many - one, 0.0)
    along = cosine**2 * many + sine**2 * one
    return np.asarray(2.0 * np.sin(0.5 * np.arctan2(across, along)))
