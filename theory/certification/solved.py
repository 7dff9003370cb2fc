"""Separators with all that one solve certifies about them, and the separators without a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunebound import bounds
from tunebound._ground.arrays import Floats, Integers

Rows = NDArray[np.intp]
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """A separator of some of the samples, its members, and its certificates.

    Attributes
    ----------
    X : ndarray of float64, shape (n, d)
        Features of the members.
    y : ndarray of int, shape (n,)
        -1 and +1 for a head of two classes, 0, ..., K - 1 for one of several.
    rows : ndarray of int, shape (n,)
        The members among all samples.
    separator : Separator or ClassSeparator
    balls : DeletionBalls
    ladder : mapping of str to float
        Certified bounds on the mean distance over the members, by the name of the formula.
    along_training : float
    """

    X: Floats
    y: Integers
    rows: Rows
    separator: bounds.Separator | bounds.ClassSeparator
    balls: bounds.balls.DeletionBalls
    ladder: Mapping[str, float]
    along_training: float

    @property
    def several(self) -> bool:
        """Whether the head has a row for each class."""
        return isinstance(self.separator, bounds.ClassSeparator)

    @property
    def between(self) -> float:
        """Largest distance of the computed unit direction from the true separator's."""
        return direction_error(self.separator.gap)

    def per_sample(self) -> Floats:
        """Bound on the distance of the unit directions with and without each member, shape (n,).

        It holds from the computed head and, by the last term, from the true separator.
        """
        return np.minimum(self.balls.distance() + self.between, np.sqrt(2.0))

    def worst(self, size: int) -> float:
        """The same for any `size` members together."""
        return min(self.balls.worst_distance(size) + self.between, float(np.sqrt(2.0)))


@dataclass(frozen=True, kw_only=True, eq=False)
class LeftOut:
    """Separators without one member each.

    Attributes
    ----------
    members : ndarray of int, shape (k,)
        Which member is left out.
    weights : ndarray of float64, shape (k, d) or (k, K, d)
    errors : ndarray of float64, shape (k,)
        Certified relative error |weights - w_{S^i}| / |weights|: the square root of the gap.
    distance : ndarray of float64, shape (k,)
        Distance of the unit directions from that of the separator of all members.
    distance_error : ndarray of float64, shape (k,)
        Certified error of `distance`.
    """

    members: Rows
    weights: Floats
    errors: Floats
    distance: Floats
    distance_error: Floats


def solve_two(X: Floats, signs: Integers, rows: Rows) -> Solved:
    """The separator of two classes, labels -1 and +1, and its certificates."""
    separator = bounds.max_margin(X, signs)
    norms = np.linalg.norm(X, axis=1)
    n, radius = len(X), max(float(norms.max()), separator.margin)
    balls = bounds.balls.two_classes(X=X, y=signs, weights=separator.weights, dual=separator.dual)
    known: dict[str, Any] = {"n": n, "margin": separator.margin, "radius": radius}
    head = bounds.head
    paid = 2.0 * direction_error(
        separator.gap
    )  # the dual of a computed separator is not the true one
    ladder = {
        "limit": head.limit(**known),
        "dual": float(balls.by_hinge().mean()) + paid,
        "support": head.support(**known, n_support=separator.support.size) + paid,
        "free": head.free(**known),
        "anytime_plain": head.anytime_plain(**known),
        "published": head.published(
            **known, steps=3, C=0.0, lam=separator.margin**2, nu=separator.margin
        ),
    }
    return Solved(
        X=X,
        y=signs,
        rows=rows,
        separator=separator,
        balls=balls,
        ladder={name: float(value) for name, value in ladder.items()},
        along_training=float(head.anytime(**known)),
    )


def solve_several(X: Floats, y: Integers) -> Solved:
    """The softmax separator of classes 0, ..., K - 1, and its certificates."""
    separator = bounds.max_margin_classes(X, y)
    radius = float(np.linalg.norm(X, axis=1).max())
    known: dict[str, Any] = {"n": len(X), "margin": separator.margin, "radius": radius}
    balls = bounds.balls.classes(X=X, y=y, weights=separator.weights, dual=separator.dual)
    several = bounds.multi_class
    ladder = {
        "limit": several.limit(**known),
        "dual": balls.by_hinge().mean() + 2.0 * direction_error(separator.gap),
        "anytime_plain": several.anytime_plain(**known),
    }
    return Solved(
        X=X,
        y=y,
        rows=np.arange(len(X)),
        separator=separator,
        balls=balls,
        ladder={name: float(value) for name, value in ladder.items()},
        along_training=float(several.anytime(**known)),
    )


def leave_out(solved: Solved, members: Rows) -> LeftOut:
    """Compute the separators without each of these support vectors."""
    separator = solved.separator
    if isinstance(separator, bounds.ClassSeparator):
        several = bounds.leave_one_out_classes(solved.X, solved.y, separator, samples=members)
        weights, gaps = several.weights, several.gaps
    else:
        two = bounds.leave_one_out_separators(solved.X, solved.y, separator, samples=members)
        weights, gaps = two.weights, two.gaps
    flat = weights.reshape(len(members), -1)
    whole = separator.direction.ravel()
    units = flat / np.linalg.norm(flat, axis=1)[:, np.newaxis]
    own = np.array([direction_error(float(gap)) for gap in gaps])
    return LeftOut(
        members=members,
        weights=weights,
        errors=np.sqrt(gaps),
        distance=np.linalg.norm(units - whole / np.linalg.norm(whole), axis=1),
        distance_error=own + direction_error(separator.gap) + 8.0 * EPS,
    )


def direction_error(gap: float) -> float:
    """Largest distance of unit directions of a computed separator of this gap and the true one."""
    return float(np.sqrt(2.0 * gap / (1.0 + np.sqrt(1.0 - gap))))
