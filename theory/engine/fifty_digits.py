"""Vectors and least distance problems with 50 digits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
from scipy.optimize import nnls

from tunebound._ground.arrays import Floats

DIGITS = 50
NEAR = 1e-6  # of the margin: candidates for support vectors
SLACK = mpmath.mpf(10) ** -40  # of the optimality conditions
ROUNDED_ONCE = 2 * float(np.finfo(float).eps)  # in a distance of unit directions

Vector = list[Any]  # of mpf


def exactly(rows: Floats) -> list[Vector]:
    """Rows of float64 numbers as they are."""
    return [[mpmath.mpf(float(value)) for value in row] for row in rows]


def dot(a: Vector, b: Vector) -> Any:
    """aᵀb."""
    return mpmath.fdot(a, b)


def norm(a: Vector) -> Any:
    """‖a‖."""
    return mpmath.sqrt(mpmath.fdot(a, a))


def unit(a: Vector) -> Vector:
    """a/‖a‖.

    Raises
    ------
    ValueError
        If a is zero.
    """
    length = norm(a)
    if length == 0:
        raise ValueError("with 50 digits a head is zero and has no direction")
    return [value / length for value in a]


def apart(a: Vector, b: Vector) -> Any:
    """‖a − b‖."""
    return norm([x - y for x, y in zip(a, b, strict=True)])


def floats(a: Iterable[Any]) -> Floats:
    """Each number rounded to float64 once."""
    return np.array([float(value) for value in a])


def least_distance(
    rows: Sequence[Vector], kept: Sequence[int], guess: Floats
) -> tuple[Vector, Vector]:
    """The shortest w with rows_j·w ≥ 1 for the kept rows, and its dual (0 for the others).

    The support vectors are taken from the solution in float64, the rest is solved and checked.

    Parameters
    ----------
    rows : sequence of vectors
    kept : sequence of int
    guess : (d,)
        w in float64.

    Raises
    ------
    ValueError
        If the support vectors of float64 do not satisfy the optimality conditions.
    """
    near_rows = np.array([floats(rows[j]) for j in kept])
    near = np.flatnonzero(near_rows @ guess <= 1 + NEAR)
    # the passive set of non-negative least squares is independent
    shares, _ = nnls(near_rows[near].T, guess)
    support = [kept[int(row)] for row in near[shares > 0]]
    gram = mpmath.matrix([[dot(rows[a], rows[b]) for b in support] for a in support])
    try:
        solution = list(mpmath.lu_solve(gram, mpmath.matrix([1] * len(support))))
    except ZeroDivisionError as error:
        raise ValueError("the support vectors of float64 are dependent") from error
    if min(solution) < 0:
        raise ValueError("with 50 digits a dual of the support vectors of float64 is negative")
    dual = [mpmath.mpf(0)] * len(rows)
    for j, value in zip(support, solution, strict=True):
        dual[j] = value
    weights = [mpmath.fsum(dual[j] * rows[j][k] for j in support) for k in range(len(rows[0]))]
    if min(dot(rows[j], weights) for j in kept) < 1 - SLACK:
        raise ValueError(
            "the support vectors of float64 do not satisfy the optimality conditions with 50 digits"
        )
    return weights, dual
