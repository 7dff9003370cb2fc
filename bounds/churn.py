r"""Which predictions cannot change when a sample is left out, and how many can.

The prediction of a head w at a point x is the sign of x . w; it *flips* when sample i is left out
if the head without i has the other sign there. A certificate says that it does not, from what is
known without the head of S^i. Write m(x) = |x . w| / (|x| |w|), the sine of the point's angle to
the boundary:

============  =================================================  ===================================
certificate   no flip of x by i where                            needs
============  =================================================  ===================================
angle         m(x) > sin theta_i                                 a bound on the directions' distance
drift         |x . w_S(t)| > |x| delta_i(t)                      the drift along the run on S
ball          |x . w| > (|x| |e_i| + s x . e_i) / 2              |Delta|^2 <= Delta . e_i
deletion      the same for the best ball at every x, in the      the separator of S and its dual
              limit
training      alpha_i |x_i|^2 < 1, for x = x_i and i itself      the dual
============  =================================================  ===================================

with Delta = w_S - w_{S^i} and s the sign of x . w. `count` bounds how many of the n samples can
flip a point at all: B / (gamma m(x)).

A certificate is never given on the strength of rounding: what is compared has to differ by more
than the rounding of its inner products. Masks have the points on their first axis and the samples
on their last; they are filled in blocks of points, so that nothing but the mask grows with their
product. Source: this project, proofs in docs/churn.md.

Parameters
----------
points : array_like of shape (m, d)
    Features at which is predicted; finite, no zero row.
weights : array_like of shape (d,)
    The head on the whole sample, other than 0.

Raises
------
TypeError, ValueError
    If an argument is no array of real numbers, out of its range, or of another shape.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Booleans, Floats
from tunebound._ground.checks import (
    ROUNDING,
    non_negative_array,
    positive_array,
    real_array,
    real_number,
    require,
    within_float64,
)
from tunebound.bounds import balls
from tunebound.bounds.arguments import margin_and_radius, sample_duals

__all__ = ["angle", "ball", "count", "deletion", "drift", "training"]

BLOCK = 2**21  # entries of a block of points by samples
UNIT = float(np.finfo(np.float64).eps)


@within_float64("points", "weights", "distance")
def angle(
    *, points: ArrayLike, weights: ArrayLike, distance: ArrayLike, gap: float = 0.0
) -> Booleans:
    """No flip where the point is farther from the boundary than the head can turn.

    Exact for what it knows: among all heads within the angle there is one that flips a point which
    is not certified.

    Parameters
    ----------
    distance : array_like of shape (n,)
        Bound on the distance of the unit directions of w_S and w_{S^i} for each left-out sample, as
        the ladder of `bounds.head` gives it. One of sqrt(2) or more, 90 degrees, certifies nothing.
    gap : float
        Relative duality gap of a computed separator, in [0, 1): it is within sqrt(2 - 2 sqrt(1 -
        gap)) of the direction that the distance speaks of. 0 for a head along a run.

    Returns
    -------
    ndarray of bool, shape (m, n)
        True where leaving the sample out cannot change the prediction.
    """
    points, weights, _ = _predicted(points, weights)
    distance = _per_sample("distance", distance)
    gap = real_number("gap", gap, low=0, below=1)
    between = distance + np.sqrt(2.0 * gap / (1.0 + np.sqrt(1.0 - gap)))
    acute = between < np.sqrt(2.0)
    known = np.where(acute, between, 0.0)
    sine = np.where(acute, known * np.sqrt(1.0 - known * known / 4.0), 2.0)  # 2: above every m(x)
    return _beyond(points, weights, sine * np.linalg.norm(weights))


@within_float64("points", "weights", "drift")
def drift(*, points: ArrayLike, weights: ArrayLike, drift: ArrayLike) -> Booleans:
    """No flip where |x . w_S(t)| > |x| delta_i(t): at every step, from any start, either weighting.

    Parameters
    ----------
    drift : array_like of shape (n,)
        Certified distances of the heads w_S(t) and w_{S^i}(t), as for `bounds.head.trajectory`.

    Returns
    -------
    ndarray of bool, shape (m, n)
    """
    points, weights, unit = _predicted(points, weights)
    return _beyond(points, weights, _in_units(_per_sample("drift", drift), unit))


@within_float64("points", "weights", "diameter")
def ball(*, points: ArrayLike, weights: ArrayLike, diameter: ArrayLike) -> Booleans:
    """No flip where |x . w| > (|x| |e_i| + s x . e_i)/2, s the sign of x . w.

    Assumption: |Delta|^2 <= Delta . e_i, so that Delta = w_S - w_{S^i} lies in the ball with the
    diameter from 0 to e_i. So do regularised minimisers with e_i = -grad f_i(w_S) / (n lam).

    Parameters
    ----------
    diameter : array_like of shape (n, d)
        e_i for each left-out sample.

    Returns
    -------
    ndarray of bool, shape (m, n)
    """
    points, weights, unit = _predicted(points, weights)
    diameter = real_array("diameter", diameter)
    if diameter.ndim != 2 or diameter.shape[1] != weights.size:
        raise ValueError(
            f"diameter must have shape (n, {weights.size}), one row a left-out sample, got"
            f" {diameter.shape}"
        )
    diameter = _in_units(diameter, unit)
    lengths = np.linalg.norm(diameter, axis=1)
    scale = np.linalg.norm(weights) + lengths
    certified = np.empty((len(points), len(diameter)), dtype=np.bool_)
    for rows, block in _blocks(points, len(diameter)):
        value = block @ weights
        size = np.linalg.norm(block, axis=1)[:, np.newaxis]
        along = np.sign(value)[:, np.newaxis] * (block @ diameter.T)
        slack = np.abs(value)[:, np.newaxis] - (size * lengths + along) / 2.0
        certified[rows] = slack > _rounding(weights.size) * size * scale
    return certified


@within_float64("X", "weights", "dual", "points")
def deletion(
    *, X: ArrayLike, y: ArrayLike, weights: ArrayLike, dual: ArrayLike, points: ArrayLike
) -> Booleans:
    """No flip in the limit, for every left-out sample from the separator of S and its dual.

    With r_i = sum_{j != i} alpha_j z_j and e_i the part of w_S across r_i: no flip where |x . w_S|
    > (|e_i| |x'| + s x . e_i)/2, x' the part of x across r_i. It uses all that Delta . r_i <= 0 and
    |Delta|^2 <= Delta . w_S say, and is never weaker than the angle between w_S and r_i.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features.
    y : array_like of shape (n,)
        Labels, -1 or +1; both must occur.
    weights, dual : array_like of shape (d,) and (n,)
        A separator and its dual, such as `max_margin(X, y)` gives. Neither has to be exact: what
        their duality gap leaves open is measured on the data and paid for, so that the certificate
        is about the given weights and the true separators of S^i.

    Returns
    -------
    ndarray of bool, shape (m, n)
    """
    points, weights, unit = _predicted(points, weights)
    known = balls.two_classes(X=X, y=y, weights=np.ldexp(weights, unit), dual=dual)
    certified = np.empty((len(points), known.column.size), dtype=np.bool_)
    for rows, block in _blocks(points, known.column.size):
        value = block @ known.weights
        sign = np.sign(value)[:, np.newaxis]
        value = np.abs(value)[:, np.newaxis]
        size = np.linalg.norm(block, axis=1)[:, np.newaxis]
        shift = known.shift(value, sign * (block @ known.units.T), size)
        certified[rows] = (value > shift)[:, known.column]
    return certified


def training(*, dual: ArrayLike, norms: ArrayLike) -> Booleans:
    """Whether sample i itself is still classified when it is left out, in the limit: alpha_i
    |x_i|^2 < 1.

    The others are classified by every left-out separator. So there are at most as many
    leave-one-out errors as samples with alpha_i |x_i|^2 >= 1, and at most (B/gamma)^2 of those.

    Parameters
    ----------
    dual : array_like of shape (n,)
        Dual of the hard-margin separator of S.
    norms : array_like of shape (n,)
        Norms of the features.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    dual, norms = sample_duals(dual), positive_array("norms", norms)
    if dual.ndim != 1 or norms.shape != dual.shape:
        raise ValueError(
            f"dual and norms must have one shape (n,), got {dual.shape} and {norms.shape}"
        )
    with np.errstate(over="ignore"):  # beyond float64 is beyond 1
        return np.asarray(dual * norms * norms < 1.0 - ROUNDING)


@within_float64("points", "weights", "margin", "radius")
def count(*, points: ArrayLike, weights: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> Floats:
    """How many of the n samples can flip each point: at most B/(gamma m(x)).

    In the limit, and at every step from w_0 = 0 with weights 1/n (step within its limit). Its mean
    over points, over n, bounds the share of (point, sample) pairs that flip.

    Parameters
    ----------
    margin, radius : float
        Margin of the data and largest norm of a feature; radius >= margin > 0.

    Returns
    -------
    ndarray of float64, shape (m,)
        Not rounded down; infinite where rounding cannot tell a point from the boundary.
    """
    points, weights, _ = _predicted(points, weights)
    margin, radius = margin_and_radius(margin, radius)
    if margin.ndim or radius.ndim:
        raise ValueError(
            f"margin and radius must be numbers, got shapes {margin.shape} and {radius.shape}: the"
            " weights belong to one data set"
        )
    size = np.linalg.norm(points, axis=1) * np.linalg.norm(weights)
    value = np.abs(points @ weights)
    value = np.maximum(value - _rounding(weights.size) * size, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(radius / margin * (size / value))


def _beyond(points: Floats, weights: Floats, reach: Floats) -> Booleans:
    """|x . w| > |x| reach_i, by more than the rounding of both sides."""
    certified = np.empty((len(points), len(reach)), dtype=np.bool_)
    scale = _rounding(weights.size) * (np.linalg.norm(weights) + reach)
    for rows, block in _blocks(points, len(reach)):
        value = np.abs(block @ weights) / np.linalg.norm(block, axis=1)
        certified[rows] = value[:, np.newaxis] > reach + scale
    return certified


def _blocks(points: Floats, n: int) -> Iterator[tuple[slice, Floats]]:
    rows = max(1, BLOCK // n)
    for start in range(0, len(points), rows):
        block = slice(start, start + rows)
        yield block, points[block]


def _rounding(d: int) -> float:
    """Largest relative error of an inner product of d terms, and of what is made of two of them."""
    return 2.0 * (d + 8) * UNIT


def _predicted(points: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats, int]:
    """Points and a head, checked, in units in which no square of theirs leaves float64; the head's
    is 2 to the power of the number returned, and no certificate depends on those of the points.
    """
    weights = real_array("weights", weights)
    if weights.ndim != 1 or not np.any(weights):
        raise ValueError(
            f"weights must be one head other than 0, of shape (d,), got shape {weights.shape}: only"
            " that predicts"
        )
    points = real_array("points", points)
    if points.ndim != 2 or points.shape[1] != weights.size:
        raise ValueError(
            f"points must have shape (m, {weights.size}) to meet the weights, got {points.shape}"
        )
    require(
        "points",
        np.abs(points).max(axis=1),
        np.any(points != 0, axis=1),
        "must have no zero row: every head is undecided there",
    )
    powers = np.frexp(np.abs(points).max(axis=1))[1]
    unit = int(np.frexp(np.abs(weights).max())[1])
    return np.ldexp(points, -powers[:, np.newaxis]), np.ldexp(weights, -unit), unit


def _in_units(values: Floats, unit: int) -> Floats:
    """What has the unit of the head, as a multiple of 2^unit."""
    return np.ldexp(values, -unit)


def _per_sample(name: str, value: ArrayLike) -> Floats:
    array = non_negative_array(name, value)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), one a left-out sample, got {array.shape}")
    return array
