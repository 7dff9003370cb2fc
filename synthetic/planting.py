"""Planting an exact max-margin separator into a cloud of points.

Why it is exact: the unit vector u is the max-margin direction with margin m if every z_i = y_i x_i
has z_iᵀu ≥ m and some α ≥ 0 that is positive only where z_iᵀu = m gives Σ α_i z_i = u/m: these are
the optimality conditions of min ‖w‖² s.t. z_iᵀw ≥ 1 at w = u/m. So take support vectors z_j = m u +
v_j with v_j ⟂ u and Σ α_j v_j = 0, Σ α_j = 1/m², and keep all other points beyond the margin. No
solver is involved.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import (
    as_array,
    instance,
    non_negative_array,
    real_array,
    real_number,
    require,
    shown,
    whole_number,
    within_float64,
)
from tunebound.synthetic.registry import Planted, Request

__all__ = [
    "balance_columns",
    "centre",
    "check_gap",
    "dual_weights",
    "even_labels",
    "largest_scale",
    "orthogonal_part",
    "part_cloud",
    "random_direction",
    "random_frame",
]

Balance = Callable[[Floats, Floats], Floats]


def random_direction(d: int, rng: np.random.Generator) -> Floats:
    """A unit vector (d,), uniform on the sphere, drawn from ``rng``."""
    vector = _generator(rng).standard_normal(whole_number("d", d, low=1))
    return np.asarray(vector / np.linalg.norm(vector))


def random_frame(d: int, k: int, rng: np.random.Generator) -> Floats:
    """k orthonormal columns (d, k), uniform (Haar), drawn from ``rng``; the signs are fixed so that
    every LAPACK gives the same frame.
    """
    d = whole_number("d", d, low=1)
    k = whole_number("k", k, low=1, high=d)
    q, r = np.linalg.qr(_generator(rng).standard_normal((d, k)))
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0))


def dual_weights(k: int, rng: np.random.Generator) -> Floats:
    """k positive weights (k,) with sum 1, drawn from ``rng``, no two more than a factor 3 apart."""
    weights = _generator(rng).uniform(0.5, 1.5, whole_number("k", k, low=1))
    return np.asarray(weights / weights.sum())


@within_float64("points", "separator")
def orthogonal_part(points: Floats, separator: Floats) -> Floats:
    """The points (n, d) without their component along the unit ``separator``, to full precision."""
    points = _rows("points", points)
    separator = _vector("separator", separator, points.shape[1])
    lateral = points - np.outer(points @ separator, separator)
    # Once more: the first subtraction leaves rounding errors of the size of the removed component.
    return np.asarray(lateral - np.outer(lateral @ separator, separator))


def even_labels(given: Integers, n: int, rng: np.random.Generator) -> Integers:
    """Labels ±1 (n,) that begin with the given ones; the others, in random order, even the classes
    out as far as they can.

    Parameters
    ----------
    given : (k,) of ±1, k at most n
    n : int
    rng : numpy Generator
        Draws the order of the others.
    """
    first = real_array("given", given) if as_array("given", given).size else np.empty(0)
    if first.ndim != 1 or (np.abs(first) != 1).any():
        raise ValueError(f"given must be a list of -1 and +1, got {shown(given)}")
    others = whole_number("n", n, low=len(first)) - len(first)
    missing = min(others, max(0, n // 2 - int((first == 1).sum())))
    rest = _generator(rng).permutation(np.where(np.arange(others) < missing, 1, -1))
    return np.concatenate([first, rest]).astype(np.int64)


@within_float64("lateral", "weights")
def centre(lateral: Floats, weights: Floats) -> Floats:
    """Shift the rows ``lateral`` (k, d) so that their mean under ``weights`` (k,), sum 1, is
    zero.
    """
    lateral = _rows("lateral", lateral)
    weights = _vector("weights", weights, len(lateral))
    shifted = lateral - weights @ lateral
    return np.asarray(shifted - weights @ shifted)


@within_float64("lateral", "weights")
def balance_columns(lateral: Floats, weights: Floats) -> Floats:
    """Shrink the heavier sign of every column of ``lateral`` (k, d) until Σ_j weights_j lateral_jk
    = 0 with the ``weights`` (k,); zeros and signs stay.

    A column whose entries all have one sign cannot be balanced so and becomes zero.
    """
    lateral = _rows("lateral", lateral)
    weights = _vector("weights", weights, len(lateral))
    positive, negative = np.maximum(lateral, 0.0), np.maximum(-lateral, 0.0)
    above, below = weights @ positive, weights @ negative
    level = np.minimum(above, below)
    up = np.divide(level, above, out=np.zeros_like(level), where=above > 0)
    down = np.divide(level, below, out=np.zeros_like(level), where=below > 0)
    return np.asarray(positive * up - negative * down)


@within_float64("base", "slope", "lateral", "radius")
def largest_scale(base: Floats, slope: Floats, lateral: Floats, radius: float) -> float:
    """Largest s with (base_i + s slope_i)² + s² lateral_i² ≤ radius² for every i; at that s one
    row attains the radius.

    Parameters
    ----------
    base, slope, lateral : (n,) float64, not negative
    radius : float
        Above every entry of ``base``.

    Raises
    ------
    ValueError
        If slope and lateral are zero for every i, so that no scale reaches the radius.
    """
    base, slope = non_negative_array("base", base), non_negative_array("slope", slope)
    lateral = non_negative_array("lateral", lateral)
    if base.ndim != 1 or not base.shape == slope.shape == lateral.shape:
        raise ValueError(
            "base, slope and lateral must have one shape (n,), got"
            f" {base.shape}, {slope.shape} and {lateral.shape}"
        )
    radius = real_number("radius", radius, above=float(base.max()))
    # Per row: A s² + 2 B s − C = 0, in the form of the positive root that loses no digits.
    A, B, C = slope**2 + lateral**2, base * slope, (radius - base) * (radius + base)
    moving = A > 0
    if not moving.any():
        raise ValueError("the cloud has no extent: no point can be moved to the radius")
    roots = C[moving] / (B[moving] + np.sqrt(B[moving] ** 2 + A[moving] * C[moving]))
    return float(roots.min())


def check_gap(request: Request, n_on_margin: int, *, stretch: float = 1.0) -> float:
    """Signed distance margin·(1 + gap) where the points off the margin begin.

    Parameters
    ----------
    request : Request
        Has the option ``gap``.
    n_on_margin : int
        Number of points on the margin.
    stretch : float
        The least norm of a point of this family over its distance from the separating plane.

    Raises
    ------
    ValueError
        If the first points off the margin, or on it where there are no others, lie outside the
        radius.
    """
    instance("request", request, Request, remedy="pass what the family was given")
    n_on_margin = whole_number("n_on_margin", n_on_margin, low=0, high=request.n)
    stretch = real_number("stretch", stretch, above=0)
    start = request.margin * (1.0 + request.options["gap"])
    first = request.margin if n_on_margin == request.n else start
    if stretch * first >= request.radius:
        beyond = "" if n_on_margin == request.n else "·(1 + gap)"
        factor = "" if stretch == 1.0 else f"stretch {stretch:.4g} times "
        request.refuse(
            f"{factor}margin{beyond} = {stretch * first:.6g} leaves no room inside"
            f" radius={request.radius:g} (margin={request.margin:g}); lower the margin or the gap,"
            " or raise the radius"
        )
    return start


@within_float64("cloud", "separator")
def part_cloud(
    request: Request,
    cloud: Floats,
    separator: Floats,
    rng: np.random.Generator,
    *,
    n_support: int | None = None,
    n_degenerate: int = 0,
    balance: Balance = centre,
    labels: Integers | None = None,
) -> Planted:
    """Part a cloud along ``separator`` and plant margin and radius.

    Points on the wrong side of the separator are mirrored through the origin first. All of the
    cloud is stretched by one common factor s, which keeps its shape: a point with distance a ≥ 0
    and orthogonal part v becomes (margin·(1 + gap) + s a) u + s v. The first ``n_support`` rows go
    onto the margin and are balanced against each other, m u + s v_j with Σ α_j v_j = 0; the next
    ``n_degenerate`` rows go onto the margin as they are, with dual 0. The factor s is the largest
    that keeps every point inside the radius, so one point attains it.

    Parameters
    ----------
    request : Request
        Needs the option ``gap``, and ``n_support`` unless given here.
    cloud : (n, d) float64
        Points z = label·sample.
    separator : (d,) float64, unit length
    rng : numpy Generator
        Draws the relative sizes of the duals.
    n_support : int, optional
        By default the option, else a third of n, at most d.
    n_degenerate : int
    balance : callable
        (lateral (k, d), weights (k,)) → rows with zero weighted sum, orthogonal to the separator.
    labels : (n,) of ±1, optional

    Raises
    ------
    ValueError
        If support vectors and degenerate points outnumber the points, or margin·(1 + gap) is not
        inside the radius.
    """
    instance("request", request, Request, remedy="pass what the family was given")
    cloud = _rows("cloud", cloud)
    if cloud.shape != (request.n, request.d):
        raise ValueError(
            f"cloud must have shape {(request.n, request.d)}, as requested, got {cloud.shape}"
        )
    separator = _vector("separator", separator, request.d)
    n_support = None if n_support is None else whole_number("n_support", n_support, low=1)
    n_degenerate = whole_number("n_degenerate", n_degenerate, low=0)
    if not callable(balance):
        raise TypeError(f"balance must be callable, got {type(balance).__name__}; pass `centre`")
    if labels is not None:
        signs = _vector("labels", labels, request.n)
        require("labels", signs, np.abs(signs) == 1, "must be -1 or +1")
        labels = signs.astype(np.int64)
    k = request.support_size(at_most=request.d) if n_support is None else n_support
    on_margin = k + n_degenerate
    if on_margin > request.n:
        request.refuse(
            f"{on_margin} points on the margin were asked for, but n={request.n}; raise n or lower"
            " them"
        )
    start = check_gap(request, on_margin)
    size = float(np.linalg.norm(cloud, axis=1).max())
    if size == 0.0:
        request.refuse("the cloud's points are all zero; draw some that are not")
    # Folding mirrors a point through the origin, which a change of its label undoes: a sample stays
    # where it was drawn.
    cloud = cloud / np.where(cloud @ separator < 0.0, -size, size)[:, None]
    weights = dual_weights(k, rng)
    lateral, slope = orthogonal_part(cloud, separator), cloud @ separator
    lateral[:k] = _balanced(balance, lateral[:k], weights)
    base = np.full(request.n, start)
    base[:on_margin], slope[:on_margin] = request.margin, 0.0
    scale = largest_scale(base, slope, np.linalg.norm(lateral, axis=1), request.radius)
    Z = np.outer(base + scale * slope, separator) + scale * lateral
    dual = np.zeros(request.n)
    dual[:k] = weights / request.margin**2
    return Planted(Z, separator, dual, labels)


def _generator(rng: np.random.Generator) -> np.random.Generator:
    instance("rng", rng, np.random.Generator, remedy="pass the one that the family was given")
    return rng


def _balanced(balance: Balance, lateral: Floats, weights: Floats) -> Floats:
    remedy = "pass `centre`, or what takes and returns rows as it does"
    try:
        rows = real_array("balance", balance(lateral, weights))
    except TypeError as error:
        raise TypeError(f"balance does not give rows ({error}); {remedy}") from error
    if rows.shape != lateral.shape:
        raise ValueError(f"balance gave shape {rows.shape} for rows {lateral.shape}; {remedy}")
    return rows


def _rows(name: str, value: Floats) -> Floats:
    array = real_array(name, value)
    if array.ndim != 2:
        raise ValueError(f"{name} must have axes (points, features), got shape {array.shape}")
    return array


def _vector(name: str, value: Floats | Integers, size: int) -> Floats:
    array = real_array(name, value)
    if array.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {array.shape}")
    return array
