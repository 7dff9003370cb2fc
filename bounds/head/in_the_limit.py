"""Certified bounds for the limit of head tuning, the hard-margin directions; see `bounds.head`.

What the functions share is said here: they bound the distance of the unit directions of w_S and
w_{S^i}, `ratio` and `pair` for each left-out sample (shape (..., n)), the others its mean over i.
All assume separable data and limit directions. Source: this project, proofs in docs/head-tuning.md.

Parameters
----------
n : array_like
    Number of samples, at least 2.
margin : array_like
    Margin of S, above 0. One value per data set; for `ratio` and `pair` also one per sample.
radius : array_like
    Largest norm of a feature, at least `margin`.
dual : array_like of shape (..., n)
    Dual of the hard-margin separator of S, >= 0; for `dual` at least one entry above 0.

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
from tunebound.bounds.arguments import (
    RADIUS_REASON,
    margin_and_radius,
    not_below,
    per_data_set,
    sample_duals,
)
from tunebound.bounds.arithmetic import (
    SQRT2,
    chord_of_sine,
    complement,
    finish,
    product,
    root_of_one_plus_ratio,
)


def ratio(*, margin: ArrayLike, left_out_margins: ArrayLike) -> float | Floats:
    """Bound for each left-out sample from the growth of the margin: sqrt(2 (1 - gamma_S /
    gamma_{S^i})).

    Two margins in float64 show no growth below 1e-16 of them, so directions that differ by less
    than 2e-8 may give 0.

    Parameters
    ----------
    left_out_margins : array_like of shape (..., n)
        Margins of the left-out data S^i; leaving a sample out never shrinks the margin. A value
        that is smaller than `margin` by rounding (relative 1e-9) counts as equal to it.
    """
    margin = positive_array("margin", margin)
    left_out_margins = positive_array("left_out_margins", left_out_margins)
    margin = per_data_set("margin", margin, "left_out_margins", left_out_margins)
    reason = "leaving a sample out cannot shrink the margin; solve both to more digits"
    not_below("left_out_margins", left_out_margins, "margin", margin, reason)
    growth = np.maximum(left_out_margins - margin, 0.0)
    return finish("ratio", SQRT2 * np.sqrt(growth / left_out_margins))


def pair(*, margin: ArrayLike, dual: ArrayLike, hinge: ArrayLike) -> float | Floats:
    """Bound for each left-out sample from its dual and its hinge loss: the chord of the angle whose
    sine is gamma sqrt(alpha_i h_i), and sqrt(2), the chord of 90 degrees, where that exceeds 1.

    Parameters
    ----------
    hinge : array_like of shape (..., n)
        Hinge loss h_i = max(0, 1 - z_i . w_{S^i}) of the left-out sample under the separator of
        S^i.
    """
    margin = positive_array("margin", margin)
    dual = non_negative_array("dual", dual)
    hinge = non_negative_array("hinge", hinge)
    margin = per_data_set("margin", margin, "dual", dual)
    broadcast(margin=margin, dual=dual, hinge=hinge)
    sine = product((margin, np.sqrt(dual), np.sqrt(hinge)))
    return finish("pair", _acute_chord(sine, complement((margin, margin, dual, hinge))))


def dual(*, margin: ArrayLike, dual: ArrayLike, norms: ArrayLike) -> float | Floats:
    """Bound on the mean from one solve: `pair` with the largest hinge loss that there can be, 1 +
    |x_i| / gamma.

    Parameters
    ----------
    norms : array_like of shape (..., n)
        Norms of the features; none is below the margin.
    """
    margin = positive_array("margin", margin)[..., np.newaxis]
    dual = sample_duals(dual)
    norms = positive_array("norms", norms)
    broadcast(margin_per_data_set=margin, dual=dual, norms=norms)
    not_below("norms", norms, "margin", margin, RADIUS_REASON)
    sine = product((margin, np.sqrt(dual), root_of_one_plus_ratio(norms, margin)))
    both = margin + norms
    lost = product((margin, dual, margin - (both - norms)))  # what rounding took from the sum
    squared_cosine = complement((margin, dual, both)) - lost
    return finish("dual", np.mean(_acute_chord(sine, squared_cosine), axis=-1))


def _acute_chord(sine: Floats, squared_cosine: Floats) -> Floats:
    """Chord of an angle below 90 degrees from a bound on its sine, which may be no sine at all."""
    cosine = np.sqrt(np.maximum(squared_cosine, 0.0))
    return np.where(squared_cosine > 0, chord_of_sine(np.minimum(sine, 1.0), cosine), SQRT2)


def support(
    *, n: ArrayLike, margin: ArrayLike, radius: ArrayLike, n_support: ArrayLike
) -> float | Floats:
    """Bound on the mean from the number of support vectors: sqrt(2 n_support (1 + B/gamma)) / n.

    Parameters
    ----------
    n_support : array_like
        Number of samples with a dual above 0, from 1 to n.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    n_support = whole_array("n_support", n_support)
    broadcast(n=n, margin=margin, radius=radius, n_support=n_support)
    if np.any(n_support > n):
        raise ValueError(
            f"n_support = {n_support.tolist()} exceeds n = {n.tolist()}: count the samples with"
            " dual > 0"
        )
    return finish(
        "support",
        product((SQRT2, np.sqrt(n_support), root_of_one_plus_ratio(radius, margin)), (n,)),
    )


def free(*, n: ArrayLike, margin: ArrayLike, radius: ArrayLike) -> float | Floats:
    """Bound on the mean without any solve: sqrt(2 (1 + B/gamma) / n).

    This is the first entry of the maximum of `published` for lambda = gamma^2 and nu = gamma: on
    average over the left-out samples these constants are certified.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    broadcast(n=n, margin=margin, radius=radius)
    return finish("free", product((SQRT2, root_of_one_plus_ratio(radius, margin)), (np.sqrt(n),)))


def replacement(*, before: ArrayLike, after: ArrayLike) -> float | Floats:
    r"""Bound where one sample gives its place to another, or changes its label: 2 sin(theta +
    theta'), sin(theta) = before/2, sin(theta') = after/2, and 2 where they add up to 90 degrees.

    The old data S and the new ones S' have what is left of both in common, so the angles that
    leaving the sample out costs on each side add up. Attained by two samples whose label changes.
    The mean over all pairs of n + 1 samples, of which S lacks one and S' the other, is at most
    twice the mean on either side: 2 `limit` in the limit, 2 `anytime` after any number of steps,
    with the smallest margin and the largest radius of them.

    Parameters
    ----------
    before, after : array_like
        Bounds on the distance of unit directions when the old sample is left out of S and the new
        one of S', 0 or more: of `deletion` or `pair`, for example. Two solves.
    """
    before = non_negative_array("before", before)
    after = non_negative_array("after", after)
    broadcast(before=before, after=after)
    sine, other = np.minimum(before / 2.0, 1.0), np.minimum(after / 2.0, 1.0)
    cosine = np.sqrt((1.0 - sine) * (1.0 + sine))
    other_cosine = np.sqrt((1.0 - other) * (1.0 + other))
    # not of the sines, which halving may have rounded to 0
    added = before * other_cosine + after * cosine
    return finish("replacement", np.where(sine < other_cosine, added, 2.0))
