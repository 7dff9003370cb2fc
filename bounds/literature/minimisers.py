"""Stability of regularised minimisers (Bousquet and Elisseeff 2002); see `bounds.literature`.

Assumptions of both: convex loss; A(S) minimises (1/n) sum_j loss_j + lam |w|^2, A(S^i) the same
without the term of i and with the weights 1/n unchanged. Source: Bousquet and Elisseeff, "Stability
and Generalization", JMLR 2 (2002), Theorem 22 and the main step of its proof.

Parameters
----------
n : array_like
    Number m of samples, at least 1.
lipschitz : array_like
    sigma: Lipschitz constant of the loss in the prediction (1 for the logistic and the hinge loss),
    above 0.
radius : array_like
    kappa: largest norm of a feature, square root of the largest k(x, x), above 0.
lam : array_like
    Weight of the penalty lam |w|^2 (without a factor 1/2), above 0.

Raises
------
TypeError, ValueError
    If an argument is no real number or out of its range.
OverflowError
    If a bound exceeds float64.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import broadcast, positive_array, whole_array
from tunebound.bounds.arithmetic import finish, product


def regularized_stability(
    *, n: ArrayLike, lipschitz: ArrayLike, radius: ArrayLike, lam: ArrayLike
) -> float | Floats:
    """Change of the loss at any point when one sample is left out: sigma^2 kappa^2 / (2 lam n)."""
    n, lipschitz, radius, lam = _regularized(n, lipschitz, radius, lam)
    return finish(
        "regularized_stability", product((0.5, lipschitz, lipschitz, radius, radius), (lam, n))
    )


def regularized_distance(
    *, n: ArrayLike, lipschitz: ArrayLike, radius: ArrayLike, lam: ArrayLike
) -> float | Floats:
    """Distance of the minimisers with and without a sample: sigma kappa / (2 lam n).

    It bounds | A(S) - A(S^i) |.
    """
    n, lipschitz, radius, lam = _regularized(n, lipschitz, radius, lam)
    return finish("regularized_distance", product((0.5, lipschitz, radius), (lam, n)))


def _regularized(
    n: ArrayLike, lipschitz: ArrayLike, radius: ArrayLike, lam: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats]:
    n = whole_array("n", n)
    lipschitz = positive_array("lipschitz", lipschitz)
    radius = positive_array("radius", radius)
    lam = positive_array("lam", lam)
    broadcast(n=n, lipschitz=lipschitz, radius=radius, lam=lam)
    return n, lipschitz, radius, lam
