"""How far a direction turns when a part of what it is a sum of is left out."""

from __future__ import annotations

import numpy as np

from tunebound._ground.arrays import Floats


def sums_of_others(shares: Floats) -> Floats:
    """Sum over j != i for every i of the last axis, by sums from both ends: nothing cancels."""
    nothing = np.zeros_like(shares[..., :1])
    before = np.concatenate([nothing, np.cumsum(shares[..., :-1], axis=-1)], axis=-1)
    reverse = np.flip(shares, axis=-1)[..., :-1]
    behind = np.concatenate([nothing, np.cumsum(reverse, axis=-1)], axis=-1)
    return np.asarray(before + np.flip(behind, axis=-1))


def largest_of_others(norms: Floats) -> Floats:
    """Largest over j != i for every i of the last axis, which has at least 2 entries."""
    two = np.sort(norms, axis=-1)[..., -2:]
    return np.where(norms == two[..., 1:], two[..., :1], two[..., 1:])


def chord_within_cone(sideways: Floats, along: Floats, margin: Floats, radius: Floats) -> Floats:
    """2 sin(theta/2) for tan theta = sideways/along, 90 degrees where nothing is left along, theta
    at most the cone's arccos(margin/radius).
    """
    turned = np.where(along > 0, np.arctan2(sideways, along), np.pi / 2)
    beyond = np.sqrt(np.maximum(radius - margin, 0.0)) * np.sqrt(radius + margin)
    return np.asarray(2.0 * np.sin(np.minimum(turned, np.arctan2(beyond, margin)) / 2.0))
