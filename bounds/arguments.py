"""Checks that only bounds need: quantities of one data set that cannot contradict each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import (
    ROUNDING,
    broadcast,
    first,
    non_negative_array,
    place,
    positive_array,
)

RADIUS_REASON = (
    "no sample is nearer to the origin than the margin; check that both come from the same data"
)


def not_below(name: str, value: Floats, floor_name: str, floor: Floats, reason: str) -> None:
    """Raise where `value` lies below `floor` by more than rounding (relative 1e-9).

    Parameters
    ----------
    name, floor_name : str
        The arguments' names, for the message.
    value, floor : ndarray of float64
        Arrays that broadcast against each other; `floor` is positive.
    reason : str
        Why it cannot be, and what to do.
    """
    broadcast(**{name: value, floor_name: floor})
    value, floor = np.broadcast_arrays(value, floor)
    below = value < floor * (1.0 - ROUNDING)
    if np.any(below):
        where = first(below)
        at = place(where)
        raise ValueError(
            f"{name}{at} = {float(value[where])!r} is below {floor_name}{at} ="
            f" {float(floor[where])!r}: {reason}"
        )


def within(name: str, value: Floats, limit: Floats, formula: str) -> None:
    """Raise where `value` exceeds `limit` by more than rounding; `formula` says what the limit
    is.
    """
    value, limit = np.broadcast_arrays(value, limit)
    above = value > limit * (1.0 + ROUNDING)
    if np.any(above):
        raise ValueError(
            f"{name} = {float(value[above][0])!r} exceeds {formula} = {float(limit[above][0])!r}:"
            " take smaller steps"
        )


def margin_and_radius(margin: ArrayLike, radius: ArrayLike) -> tuple[Floats, Floats]:
    """Return both as float64 with radius >= margin > 0, up to rounding."""
    margin = positive_array("margin", margin)
    radius = positive_array("radius", radius)
    not_below("radius", radius, "margin", margin, RADIUS_REASON)
    return margin, radius


def sample_duals(dual: ArrayLike) -> Floats:
    """Return a dual with the samples on its last axis, 0 or more, at least one entry above 0 for
    each data set.
    """
    dual = non_negative_array("dual", dual)
    if dual.ndim == 0:
        raise ValueError(
            "dual must have the samples on its last axis, got a scalar: pass one value per sample"
        )
    if np.any(np.all(dual == 0, axis=-1)):
        raise ValueError(
            "dual is 0 for every sample: a separator has at least one support vector; pass its dual"
        )
    return dual


def per_data_set(name: str, value: Floats, sample_name: str, per_sample: Floats) -> Floats:
    """Give a value per data set a last axis, so that it meets all samples of its data set."""
    if 0 < value.ndim < per_sample.ndim:
        value = value[..., np.newaxis]
    broadcast(**{name: value, sample_name: per_sample})
    return value
