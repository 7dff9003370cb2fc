"""Constants of the theorems with their provenance: a bound is worth as much as its weakest
constant.

Parameters
----------
X : array_like of shape (n, d)
    Encoded features, finite, not all 0.
separator : Separator
    ``max_margin(X, y)``.

Raises
------
TypeError, ValueError
    If an argument is malformed or out of its range.
OverflowError
    If a constant exceeds float64.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import WEIGHTINGS, choice, instance, non_negative_array, whole_array
from tunebound._ground.sample_checks import features
from tunebound.bounds.arithmetic import finish, product
from tunebound.bounds.provenance import PROVENANCES, Constant, Provenance, weakest
from tunebound.bounds.separators import LeaveOneOut, Separator

__all__ = [
    "PROVENANCES",
    "Constant",
    "Provenance",
    "certified_direction_constant",
    "direction_constant",
    "fit_direction_constant",
    "head_curvature",
    "kkt_lambda",
    "margin",
    "published_step_size_limit",
    "radius",
    "step_size_limit",
    "weakest",
]

_EPS = float(np.finfo(np.float64).eps)
_SEPARATOR = "pass max_margin(X, y)"
_RESOLUTION = 1e-12


def radius(X: ArrayLike) -> Constant:
    """Largest norm of a row of X: "radius", exact.

    The certificate is d times the rounding of float64.
    """
    X = features(X)
    scaled, exponent = _scaled(X)
    value = float(np.linalg.norm(scaled, axis=1).max())
    return Constant(
        name="radius",
        value=_back(value, exponent, "radius"),
        provenance="exact",
        source="max_i |x_i|",
        certificate=X.shape[1] * _EPS,
    )


def margin(separator: Separator) -> Constant:
    """Margin of a solved separator: "margin", exact, certified by its duality gap.

    The true margin exceeds it by at most half the gap, to first order.
    """
    instance("separator", separator, Separator, remedy=_SEPARATOR)
    return Constant(
        name="margin",
        value=separator.margin,
        provenance="exact",
        source="hard-margin separator, duality gap",
        certificate=separator.gap + _EPS,
    )


def kkt_lambda(separator: Separator) -> Constant:
    """Certified constant lambda = 1/(n max_j alpha_j) of the published bound: "lam", exact.

    It is the largest lambda for which alpha_i <= 1/(n lambda) for every sample, which the proof for
    a fixed left-out sample needs.
    """
    instance("separator", separator, Separator, remedy=_SEPARATOR)
    return Constant(
        name="lam",
        value=float(1.0 / separator.dual.max() / separator.dual.size),
        provenance="exact",
        source="1/(n max_j alpha_j), dual of the separator",
        certificate=separator.gap + _EPS,
    )


def direction_constant(separator: Separator, left_out: LeaveOneOut) -> Constant:
    """Exact constant nu: the largest distance of unit directions per distance of separators.

    Named "nu": max_i |u_S - u_{S^i}| / |w_S - w_{S^i}| over the samples whose removal moves the
    separator by more than 1e-12 of its norm; 0 if none does. It is at most sqrt(2 / (1 + margin /
    max_i margin_{S^i})) * margin.

    Parameters
    ----------
    left_out : LeaveOneOut
        ``leave_one_out_separators(X, y)`` of the same data.
    """
    instance("separator", separator, Separator, remedy=_SEPARATOR)
    remedy = "pass leave_one_out_separators(X, y)"
    instance("left_out", left_out, LeaveOneOut, remedy=remedy)
    unit = separator.direction
    others = left_out.weights * separator.margin
    if others.shape != (separator.dual.size, unit.size):
        raise ValueError(
            f"left_out is for data of shape {others.shape}, separator for"
            f" {(separator.dual.size, unit.size)}: compute both from one X, y"
        )
    difference = others - unit
    distance = np.linalg.norm(difference, axis=1)
    moved = distance > _RESOLUTION
    largest = 0.0
    if moved.any():
        others, difference, distance = others[moved], difference[moved], distance[moved]
        norms = np.linalg.norm(others, axis=1)
        # b/|b| - a = b - a - (|b| - 1) b/|b| for a unit vector a, with |b| - 1 from the difference:
        # no digits cancel
        growth = np.einsum("ij,ij->i", difference, others + unit) / (1.0 + norms)
        chord = np.linalg.norm(difference - (growth / norms)[:, np.newaxis] * others, axis=1)
        largest = float((chord / distance).max())
    return Constant(
        name="nu",
        value=largest * separator.margin,
        provenance="exact",
        source="max_i of direction distance / separator distance, all leave-one-out separators",
        certificate=max(separator.gap, float(left_out.gaps.max())) + _EPS,
    )


def certified_direction_constant(separator: Separator) -> Constant:
    """Constant nu = margin, which needs no left-out separator: "nu", exact.

    Together with `kkt_lambda`, `bounds.head.kkt` then bounds every left-out sample (proof in
    docs/head-tuning.md).
    """
    instance("separator", separator, Separator, remedy=_SEPARATOR)
    return Constant(
        name="nu",
        value=separator.margin,
        provenance="exact",
        source="nu = margin, certified together with lam = 1/(n max_j alpha_j)",
        certificate=separator.gap + _EPS,
    )


def head_curvature(X: ArrayLike) -> Constant:
    """Largest curvature of the mean logistic loss of a linear head: lambda_max(X^T X / n) / 4.

    Named "beta", exact; the certificate, 2 max(n, d) times the rounding of float64, is the backward
    error of a singular value decomposition.
    """
    beta, error = _head_curvature(features(X))
    return Constant(
        name="beta",
        value=beta,
        provenance="exact",
        source="lambda_max(X^T X / n) / 4",
        certificate=error,
    )


def step_size_limit(X: ArrayLike, weighting: str = "1/n") -> Constant:
    """Largest step for which gradient descent on every left-out loss is certified to be
    non-expansive: "step_size_limit", exact.

    Parameters
    ----------
    weighting : {"1/n", "1/(n-1)"}
        Weight of each remaining sample in the left-out loss: 2/beta for 1/n, and 2 (n-1)/(n beta)
        for 1/(n-1), where the left-out losses have a curvature of up to beta n/(n-1); n is at least
        2 then.
    """
    weighting = choice("weighting", weighting, WEIGHTINGS)
    X = features(X)
    beta, error = _head_curvature(X)
    n = len(X)
    if weighting == "1/n":
        share, source = 1.0, "2/beta"
    else:
        whole_array("n", n, low=2)
        share, source = (n - 1) / n, "2 (n-1)/(n beta)"
    limit = float(finish("step_size_limit", product((2.0, share), (beta,))))
    return Constant(
        name="step_size_limit",
        value=limit,
        provenance="exact",
        source=source,
        certificate=error + 2 * _EPS,
    )


def published_step_size_limit(X: ArrayLike) -> Constant:
    """The published condition on the step size of head tuning, 2/(beta sigma_max(X)) with the
    smoothness beta = 1/4 of the scalar logistic loss: "published_step_size_limit", exact.

    Read for the mean loss, the stricter of two readings (docs/head-tuning.md). It is no limit of
    stability: `step_size_limit` is, and may be below or above.
    """
    X = features(X)
    scaled, exponent = _scaled(X)
    limit = 8 / float(scipy.linalg.svdvals(scaled)[0])
    return Constant(
        name="published_step_size_limit",
        value=_back(limit, -exponent, "published step size limit"),
        provenance="exact",
        source="8/sigma_max(X)",
        certificate=2 * max(X.shape) * _EPS,
    )


def fit_direction_constant(steps: ArrayLike, direction_error: ArrayLike) -> Constant:
    """Constant C of the published head-tuning bound, fitted to records of one run.

    Named "C": the smallest C with error <= C ln ln t / ln t at every record. Test a bound that uses
    it on records that are not among these.

    Parameters
    ----------
    steps : array_like of shape (K,)
        Numbers t of gradient steps, at least 3.
    direction_error : array_like of shape (K,) or (K, ...)
        Distances | w(t)/|w(t)| - u_S | at these steps, 0 or more; a limit from
        `bounds.head.direction` will do.
    """
    steps = whole_array("steps", steps, low=3)
    error = non_negative_array("direction_error", direction_error)
    if steps.ndim != 1 or error.ndim == 0 or error.shape[0] != steps.size:
        raise ValueError(
            f"steps has shape {steps.shape}, direction_error {error.shape}: give one step for each"
            " row of records"
        )
    largest = error.max(axis=tuple(range(1, error.ndim)))
    logarithm = np.log(steps)
    value = float((largest * (logarithm / np.log(logarithm))).max())
    source = (
        f"max of error ln t / ln ln t over {steps.size} records, t = {steps.min():.4g} to"
        f" {steps.max():.4g}"
    )
    return Constant(name="C", value=value, provenance="fitted", source=source)


def _head_curvature(X: Floats) -> tuple[float, float]:
    """The curvature of checked features, and its relative error."""
    scaled, exponent = _scaled(X)
    largest = float(scipy.linalg.svdvals(scaled)[0])
    value = _back(largest**2 / (4 * X.shape[0]), 2 * exponent, "curvature")
    return value, 2 * max(X.shape) * _EPS


def _scaled(X: Floats) -> tuple[Floats, int]:
    largest = float(np.abs(X).max())
    if largest == 0:
        raise ValueError("X is zero: give at least one sample with a feature that is not 0")
    exponent = int(np.frexp(largest)[1])
    return np.ldexp(X, -exponent), exponent


def _back(value: float, exponent: int, what: str) -> float:
    with np.errstate(over="ignore"):
        result = float(np.ldexp(value, exponent))
    if not 0 < result < np.inf:
        raise OverflowError(
            f"the {what} of X leaves float64 ({value:.3g} * 2**{exponent}): rescale X"
        )
    return result
