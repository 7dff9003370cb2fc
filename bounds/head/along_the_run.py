"""Certified bounds along gradient descent on a head, after any number of steps; see `bounds.head`.

What several functions share is said here: they bound the distance of the unit directions of w_S(t)
and w_{S^i}(t), `trajectory` and `chord` for each left-out sample (shape (..., n)).

Parameters
----------
drift : array_like of shape (..., n)
    Certified distance of the two heads, 0 or more. With weights 1/n on the left-out data it is
    (eta/n) sum_{s<t} p_i(w_S(s)) |x_i|; with 1/(n-1), (eta/(n-1)) sum_{s<t} |grad f_i - grad F_S|
    at w_S(s).
norm : array_like
    Norm of w_S(t), above 0. One value per run, or one per sample.
margin : array_like
    Margin of the data, above 0.

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
    WEIGHTINGS,
    broadcast,
    choice,
    non_negative_array,
    positive_array,
    real_array,
    whole_array,
)
from tunebound.bounds.arguments import margin_and_radius, not_below, per_data_set
from tunebound.bounds.arithmetic import (
    SQRT2,
    chord_of_sine,
    finish,
    product,
    root_of_one_plus_ratio,
)


def trajectory(*, drift: ArrayLike, norm: ArrayLike, left_out_norms: ArrayLike) -> float | Floats:
    """Bound for each left-out sample along a run: 2 drift / (|w_S(t)| + |w_{S^i}(t)|).

    Assumptions: convex smooth loss, step at most 2 over the curvature of the left-out loss, both
    runs from one w_0. Source: this project, proof in docs/head-tuning.md.

    Parameters
    ----------
    left_out_norms : array_like of shape (..., n)
        Norms of w_{S^i}(t), above 0.
    """
    drift = non_negative_array("drift", drift)
    norm = positive_array("norm", norm)
    left_out_norms = positive_array("left_out_norms", left_out_norms)
    norm = per_data_set("norm", norm, "drift", drift)
    broadcast(drift=drift, norm=norm, left_out_norms=left_out_norms)
    larger = np.maximum(norm, left_out_norms)
    smaller = np.minimum(norm, left_out_norms)
    relative_sum = 1.0 + smaller / larger
    return finish("trajectory", product((2.0, drift), (larger, relative_sum)))


def chord(*, drift: ArrayLike, norm: ArrayLike) -> float | Floats:
    """Bound for each left-out sample from the drift against one norm, without the left-out run.

    With delta = drift / norm: sqrt(2 - 2 sqrt(1 - delta^2)) where delta < 1, and 2, the largest
    distance of two unit vectors, elsewhere. Where delta < 1 it is at most sqrt(2) delta.
    Assumptions and source as for `trajectory`.
    """
    drift = non_negative_array("drift", drift)
    norm = positive_array("norm", norm)
    norm = per_data_set("norm", norm, "drift", drift)
    inside = drift < norm
    bounded = np.where(inside, drift, 0.0)
    delta = product((bounded,), (norm,))
    cosine = np.sqrt(product((norm - bounded,), (norm,)) * (1.0 + delta))
    return finish("chord", np.where(inside, chord_of_sine(delta, cosine), 2.0))


def anytime_plain(
    *,
    n: ArrayLike,
    margin: ArrayLike,
    radius: ArrayLike,
    progress: ArrayLike = 1.0,
    weighting: str = "1/n",
) -> float | Floats:
    """Bound on the mean at every step of gradient descent from any start, with no constant left
    open; from w_0 = 0 `anytime` is sharper.

    ``2 B / (gamma n) * progress`` for left-out losses with weights 1/n, ``4 B / (gamma n) *
    progress`` with 1/(n-1). Assumptions: separable data, logistic loss, step at most 2 over the
    curvature of every left-out loss (`bounds.constants.step_size_limit`), both runs from one w_0.
    Source: this project, proof in docs/head-tuning.md.

    Parameters
    ----------
    n : array_like
        Number of samples, at least 2.
    radius : array_like
        Largest norm of a feature, at least `margin`.
    progress : array_like
        <w_S(t) - w_0, u_S> / |w_S(t)| with u_S the unit hard-margin direction, 0 or more. The
        default, 1, covers every run that starts at w_0 = 0.
    weighting : {"1/n", "1/(n-1)"}
        Weight of each remaining sample in the left-out loss.
    """
    n = whole_array("n", n, low=2)
    margin, radius = margin_and_radius(margin, radius)
    progress = non_negative_array("progress", progress)
    weighting = choice("weighting", weighting, WEIGHTINGS)
    broadcast(n=n, margin=margin, radius=radius, progress=progress)
    factor = 2.0 if weighting == "1/n" else 4.0
    return finish("anytime_plain", product((factor, radius, progress), (margin, n)))


def direction(*, margin: ArrayLike, head_margin: ArrayLike) -> float | Floats:
    """Distance of a trained head's direction from the hard-margin direction: sqrt(2 (1 - gamma_w /
    gamma_S)).

    Assumptions: separable data; any w other than 0. Source: this project, proof in
    docs/head-tuning.md.

    Parameters
    ----------
    head_margin : array_like
        Normalised margin gamma_w = min_j z_j . w / |w| of the head; at most `margin`, and negative
        while the head still errs. A value above `margin` by rounding (relative 1e-9) counts as
        equal to it.
    """
    margin = positive_array("margin", margin)
    head_margin = real_array("head_margin", head_margin)
    reason = "no head has a larger margin than the hard-margin separator; solve it to more digits"
    correct = np.maximum(head_margin, 0.0)
    not_below("margin", margin, "head_margin", correct, reason)
    shortfall = np.sqrt(product((np.maximum(margin - correct, 0.0),), (margin,)))
    erring = root_of_one_plus_ratio(np.maximum(-head_margin, 0.0), margin)
    return finish("direction", product((SQRT2, np.where(head_margin < 0, erring, shortfall))))
