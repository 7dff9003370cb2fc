"""How heads predict, and which predictions a removal cannot change.

A scheme holds its heads and answers for a block of points. Certificates are about the labels that
the computed heads give, and the true separators without a sample; they are given only where they
hold by more than rounding. Masks have the points on their first axis, samples on their second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Protocol

import numpy as np

from tunebound import bounds
from tunebound._ground.arrays import Booleans, Floats, Integers
from tunebound.theory.certification.many_heads import AllPairs, OneVsRest
from tunebound.theory.certification.one_head import Signs, Softmax
from tunebound.theory.certification.solved import Rows, Solved, solve_several, solve_two

# Weights without a sample and their relative error; None for the head of all samples.
Found = tuple[Floats, float] | None
Without = Callable[[Sequence[Found]], tuple[Booleans, Booleans]]


class Scheme(Protocol):
    """Heads, and the rule by which they predict."""

    @property
    def heads(self) -> tuple[Solved, ...]:
        """All heads."""
        ...

    @property
    def says(self) -> str:
        """Which heads these are, in words."""
        ...

    def predict(self, points: Floats) -> Integers:
        """Predicted class of each point, shape (m,)."""
        ...

    def certified(self, points: Floats, n: int) -> Booleans:
        """Where leaving a sample out cannot change the prediction, by one solve: (m, n)."""
        ...

    def certified_by_group(self, points: Floats, size: int) -> Booleans:
        """Where no removal of `size` samples can change it: (m,)."""
        ...

    def without(self, points: Floats) -> Without:
        """Function of the heads without a sample, one entry a head, that says where they surely
        predict the same, and where their prediction differs: (m,) each.
        """
        ...


def make_scheme(X: Floats, y: Integers, names: tuple[object, ...], classes: str) -> Scheme:
    """Solve for the heads; two classes have one head whatever `classes` says.

    Raises
    ------
    NotSeparableError
        If a head has no separator; it is named where there are several.
    """
    count, everyone = len(names), np.arange(len(X))
    if count == 2:
        return Signs(solve_two(X, 2 * y - 1, everyone))
    if classes == "softmax":
        return Softmax(solve_several(X, y))
    if classes == "one-vs-rest":
        return OneVsRest(
            [
                _named(X, np.where(y == k, 1, -1), everyone, f"class {names[k]!r} from the rest")
                for k in range(count)
            ]
        )
    heads = []
    for first, second in combinations(range(count), 2):
        rows = np.flatnonzero((y == first) | (y == second))
        what = f"class {names[first]!r} from class {names[second]!r}"
        heads.append(_named(X[rows], np.where(y[rows] == first, 1, -1), rows, what))
    return AllPairs(heads, count)


def _named(X: Floats, signs: Integers, rows: Rows, what: str) -> Solved:
    try:
        return solve_two(X, signs, rows)
    except bounds.NotSeparableError as error:
        raise bounds.NotSeparableError(f"no separator tells {what}: {error}") from error
