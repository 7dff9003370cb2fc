r"""Bounds on the leave-one-out instability of a softmax head for K classes: distances of unit
directions of matrices, by their Frobenius norm.

=============  =============================================  ======================================
rung           bounds                                         needs
=============  =============================================  ======================================
deletion       every left-out sample, in the limit            the dual
limit          the mean, in the limit                         n, B, gamma
anytime        the mean, after any number of steps from       n, B, gamma
               W_0 = 0
anytime_plain  the mean, after any number of steps            n, B, gamma, and the progress from W_0
=============  =============================================  ======================================

They are those of `bounds.head` for the rows (e_y - e_k) x^T, whose largest norm is sqrt(2) B and
whose margin is $\gamma$ (`bounds.ClassSeparator.margin`): their $\rho$ is sqrt(2) B/gamma. For K =
2 that is the B/gamma of two classes, and so are the bounds. `bounds.head.trajectory`,
`bounds.head.chord` and `bounds.head.direction` hold as they are, for Frobenius norms.

All arguments are keywords, scalars or arrays that broadcast; the result is a float when every
argument is a scalar. Nothing is clipped. Every proof is in ``docs/several-classes.md``.

Parameters
----------
n : array_like
    Number of samples, at least 2.
margin : array_like
    Margin of S over matrices of Frobenius norm 1, above 0; one value per data set.
radius : array_like
    Largest norm B of a feature; sqrt(2) B is at least the margin.

Raises
------
TypeError, ValueError
    If an argument is no real number or out of its range, or two of them contradict each other.
OverflowError
    If a bound exceeds float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import broadcast, non_negative_array, positive_array, within_float64
from tunebound.bounds import head
from tunebound.bounds.arguments import RADIUS_REASON, not_below
from tunebound.bounds.arithmetic import SQRT2, finish, product
from tunebound.bounds.turning import chord_within_cone, largest_of_others, sums_of_others

__all__ = ["anytime", "anytime_plain", "deletion", "limit"]

AGREEMENT = 1e-6  # of margin and dual; a separator's are given to far more digits


@within_float64("margin", "dual", "norms")
def deletion(*, margin: ArrayLike, dual: ArrayLike, norms: ArrayLike) -> float | Floats:
    """Bound for each left-out sample: 2 sin(theta_i/2), theta_i the angle between W_S and what the
    other samples contribute to it.

    With A_i = sum_k alpha_ik and b_i^2 = |x_i|^2 (1 + sum_k alpha_ik^2/A_i^2)/gamma^2, tan theta_i
    = A_i sqrt(b_i^2 - 1) / sum_{j != i} A_j; or the angle of the others' cone, arccos(gamma /
    (sqrt(2) max_{j != i} |x_j|)), where that is smaller. 0 for a sample that supports nothing.
    Assumptions: separable data, limit directions; either weighting.

    Parameters
    ----------
    dual : array_like of shape (..., n, K)
        Dual of the separator of S, for n >= 2 samples and K >= 2 classes: 0 or more, 0 at a
        sample's own class, with sum 1/margin^2 up to a relative 1e-6.
    norms : array_like of shape (..., n)
        Norms |x_i| of the features.
    """
    margin = positive_array("margin", margin)[..., np.newaxis]
    shares = _shares(margin, non_negative_array("dual", dual))
    norms = positive_array("norms", norms)
    share = shares.sum(axis=-1)
    broadcast(margin_per_data_set=margin, samples_of_dual=share, norms=norms)
    norms = np.broadcast_to(norms, np.broadcast_shapes(norms.shape, share.shape))
    rows = SQRT2 * norms
    not_below("sqrt(2) norms", rows, "margin", margin, RADIUS_REASON)
    own = np.divide(shares, share[..., None], out=np.zeros_like(shares), where=share[..., None] > 0)
    pulling = norms * np.sqrt(1.0 + (own**2).sum(axis=-1))  # |sum_k alpha_ik z_ik| / A_i
    beyond = np.sqrt(np.maximum(pulling - margin, 0.0)) * np.sqrt(pulling + margin)
    sideways = product((share, beyond), (margin,))
    others = largest_of_others(rows)
    return finish("deletion", chord_within_cone(sideways, sums_of_others(share), margin, others))


def limit(*, n: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> float | Floats:
    """Bound on the mean in the limit: kappa(rho) rho / n with rho = sqrt(2) B/gamma; see
    `bounds.head.limit`.

    Assumptions: separable data, limit directions; either weighting.
    """
    return head.limit(n=n, margin=margin, radius=_row_radius(radius))


def anytime(
    *, n: ArrayLike, margin: ArrayLike, radius: ArrayLike, weighting: str = "1/n"
) -> float | Floats:
    """Bound on the mean at every step from W_0 = 0: C(rho) rho / n with rho = sqrt(2) B/gamma; see
    `bounds.head.anytime`.

    Assumptions: separable data, softmax cross-entropy, step at most 4/lambda_max(X^T X/n) (times
    (n - 1)/n under weights 1/(n-1)), both runs from W_0 = 0.

    Parameters
    ----------
    weighting : {"1/n", "1/(n-1)"}
        Weight of each remaining sample in the left-out loss.
    """
    return head.anytime(n=n, margin=margin, radius=_row_radius(radius), weighting=weighting)


def anytime_plain(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    progress: ArrayLike = 1.0,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound on the mean at every step from any start: 2 rho / n * progress, 4 rho / n * progress
    with weights 1/(n-1), rho = sqrt(2) B/gamma; see `bounds.head.anytime_plain`.

    Assumptions: as for `anytime`, but for the start, which both runs share.

    Parameters
    ----------
    progress : array_like
        <W_S(t) - W_0, U_S> / |W_S(t)| with U_S the unit direction of the separator, 0 or more. The
        default, 1, covers every run that starts at W_0 = 0.
    weighting : {"1/n", "1/(n-1)"}
        Weight of each remaining sample in the left-out loss.
    """
    return head.anytime_plain(
        n=n, margin=margin, radius=_row_radius(radius), progress=progress, weighting=weighting
    )


def _row_radius(radius: ArrayLike) -> Floats:
    """Largest norm sqrt(2) B of a row (e_y - e_k) x^T."""
    with within_float64("radius"):
        return SQRT2 * positive_array("radius", radius)


def _shares(margin: Floats, dual: Floats) -> Floats:
    """The dual scaled to sum 1, after a check that it belongs to the margin."""
    if dual.ndim < 2 or dual.shape[-2] < 2 or dual.shape[-1] < 2:
        raise ValueError(
            "dual must have axes (..., samples, classes), at least 2 of each, got shape"
            f" {dual.shape}: pass the dual of max_margin_classes"
        )
    broadcast(margin_per_data_set=margin, samples_of_dual=dual[..., 0])
    by_class = margin[..., np.newaxis]
    shares = product((by_class, by_class, dual))
    total = shares.sum(axis=(-2, -1), keepdims=True)
    if np.any(np.abs(total - 1.0) > AGREEMENT):
        raise ValueError(
            f"dual has sum {float(total.ravel()[0]):.9g}/margin^2, and a separator's has"
            " 1/margin^2: pass margin and dual of one separator"
        )
    return np.asarray(shares / total)
