"""Strongly convex losses that are not quadratic, with known constants: log-cosh bowls around one
minimiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import (
    real_array,
    real_number,
    true_or_false,
    whole_number,
    within_float64,
)
from tunebound.synthetic.largest_gradient import largest_log_cosh_gradient, log_cosh, sech_squared
from tunebound.synthetic.planting import random_direction
from tunebound.synthetic.spectra import (
    LARGEST,
    SMALLEST,
    curvature_range,
    draw_eigenvalues,
    draw_frames,
)
from tunebound.synthetic.strongly_convex import TOLERANCE, StronglyConvexProblem


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SmoothProblem(StronglyConvexProblem):
    """Losses f_i(w) = (μ/2)‖v‖² + Σ_k c_ik s² ln cosh(⟨a_ik, v⟩/s), v = w − w*; made by
    `make_smooth_losses`.

    Attributes
    ----------
    directions : (n, d, d) float64
        a_ik, orthonormal rows, one frame a sample.
    curvatures : (n, d) float64
        c_ik in [0, β − μ].
    minimiser : (d,) float64
        w*, where every loss is zero: the problem interpolates.
    start : (d,) float64
        w_0, where descent starts.
    width : float
        s, the distance over which the curvature falls from c to c·sech²(1) ≈ 0.42c. Far beyond it
        the losses grow like
        |v| on top of the bowl; far within it they are quadratic.
    mu, beta : float
        Exact: ∇²f_i(w) = μI + Σ_k c_ik sech²(⟨a_ik, v⟩/s) a_ik a_ikᵀ has its eigenvalues in [μ, β]
        for every w, and at w* one sample attains β, another one μ.
    lipschitz : float
        L = max ‖∇f_i(w)‖ over all i and the ball ‖w − w*‖ ≤ ‖w_0 − w*‖.

    Notes
    -----
    Descent from ``start`` with step η ≤ 2/β on F_S, or on F of any part of the samples, stays in
    that ball: w_{t+1} − w* = (I − ηA)(w_t − w*), where A is the mean of the Hessian along the
    segment from w* to w_t, whose eigenvalues lie in [0, β]; ∇F(w*) = 0 because every loss has its
    minimum at w*.
    """

    FORMAT = "tunebound-smooth-losses-1"
    ENTRIES = (
        "directions",
        "curvatures",
        "minimiser",
        "start",
        "width",
        "mu",
        "beta",
        "lipschitz",
    )

    directions: Floats
    curvatures: Floats
    width: float

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.directions)

    def _remark(self) -> str:
        return f"width={self.width:.6g}"

    @within_float64("w")
    def losses(self, w: ArrayLike) -> Floats:
        """f_i(w), shape (..., n), for w of shape (..., d)."""
        offsets = self.parameters(w) - self.minimiser
        bowl = 0.5 * self.mu * (offsets**2).sum(axis=-1)
        terms = self.curvatures * log_cosh(self._projections(offsets) / self.width)
        return np.asarray(bowl[..., None] + self.width**2 * terms.sum(axis=-1))

    @within_float64("w")
    def gradients(self, w: ArrayLike) -> Floats:
        """∇f_i(w), shape (..., n, d), for w of shape (..., d)."""
        offsets = self.parameters(w) - self.minimiser
        pull = self.curvatures * self.width * np.tanh(self._projections(offsets) / self.width)
        return np.asarray(
            self.mu * offsets[..., None, :]
            + np.einsum("...nk,nkj->...nj", pull, self.directions, optimize=True)
        )

    @within_float64("w")
    def hessians(self, w: ArrayLike) -> Floats:
        """∇²f_i(w), shape (n, d, d), for w of shape (d,)."""
        point = self.parameters(w)
        if point.ndim != 1:
            raise ValueError(f"w must have shape ({self.d},) for the Hessians, got {point.shape}")
        bend = self.curvatures * sech_squared(
            self._projections(point - self.minimiser) / self.width
        )
        return np.asarray(
            self.mu * np.eye(self.d)
            + np.einsum("nki,nk,nkj->nij", self.directions, bend, self.directions, optimize=True)
        )

    @classmethod
    @within_float64("directions", "curvatures", "minimiser", "start")
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """The losses of stored arrays and constants; shapes, frames and constants are checked.

        Raises
        ------
        TypeError, ValueError
            If an entry does not fit the others.
        """
        arrays = ("directions", "curvatures", "minimiser", "start")
        directions, curvatures, minimiser, start = (
            real_array(name, stored[name]) for name in arrays
        )
        width, mu, beta, lipschitz = (
            real_number(name, stored[name].item(), low=SMALLEST)
            for name in ("width", "mu", "beta", "lipschitz")
        )
        n, d = curvatures.shape if curvatures.ndim == 2 else (0, 0)
        if n < 2 or directions.shape != (n, d, d) or minimiser.shape != (d,) or start.shape != (d,):
            raise ValueError("the shapes of directions, curvatures, minimiser and start do not fit")
        if not np.abs(directions @ directions.transpose(0, 2, 1) - np.eye(d)).max() <= TOLERANCE:
            raise ValueError("directions are not orthonormal")
        if curvatures.min() != 0.0 or not abs(curvatures.max() - (beta - mu)) <= TOLERANCE * beta:
            raise ValueError(
                "curvatures do not attain 0 and beta - mu, so mu and beta are not exact"
            )
        problem = cls(
            directions=directions,
            curvatures=curvatures,
            minimiser=minimiser,
            start=start,
            width=width,
            mu=mu,
            beta=beta,
            lipschitz=lipschitz,
        )
        expected = float(largest_log_cosh_gradient(curvatures, mu, width, problem.distance).max())
        if not abs(lipschitz - expected) <= TOLERANCE * expected:
            raise ValueError(
                f"lipschitz={lipschitz!r} is not the largest gradient in the ball, {expected!r}"
            )
        return problem

    def _projections(self, offsets: Floats) -> Floats:
        return np.asarray(np.einsum("...j,nkj->...nk", offsets, self.directions, optimize=True))


@within_float64("mu", "beta", "distance", "width")
def make_smooth_losses(
    n: int,
    d: int,
    *,
    mu: float,
    beta: float,
    distance: float,
    seed: int = 0,
    width: float | None = None,
    spectrum: str = "uniform",
    rotated: bool = True,
) -> SmoothProblem:
    """Draw n interpolating, smooth, strongly convex losses in d dimensions with exact constants.

    Parameters
    ----------
    n : int
        Number of samples, at least 2.
    d : int
        Number of parameters, at least 1.
    mu, beta : float
        0 < μ ≤ β; both are attained at w*.
    distance : float
        ‖w_0 − w*‖, positive; its direction is uniform.
    seed : int
        At least 0. The same arguments give the same problem.
    width : float, optional
        Length over which the curvature falls off, from 1e-6 to 1e6 times ``distance``, which is the
        default.
    spectrum : {"uniform", "log-uniform", "two-point", "power-law"}
        Law of the curvatures at w*, as in `make_quadratics`.
    rotated : bool
        Whether each sample has its own random frame; otherwise all use the coordinate axes.

    Returns
    -------
    SmoothProblem

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range; the message names the argument and the
        remedy.
    """
    samples = whole_number("n", n, low=2, remedy="leaving one out needs two samples")
    size = whole_number("d", d, low=1, remedy="there is at least one parameter")
    turned = true_or_false("rotated", rotated)
    low, high = curvature_range(mu, beta, rotated=turned)
    length = real_number(
        "distance",
        distance,
        low=SMALLEST,
        high=LARGEST,
        remedy="it is the distance of the start from the minimiser",
    )
    remedy = (
        "it is the length over which the curvature falls off, between a millionth and a million"
        " times distance"
    )
    reach = (
        length
        if width is None
        else real_number("width", width, low=1e-6 * length, high=1e6 * length, remedy=remedy)
    )
    rng = np.random.default_rng(
        whole_number("seed", seed, low=0, remedy="seeds are non-negative integers")
    )
    curvatures = draw_eigenvalues(spectrum, samples, size, low, high, rng) - low
    directions = draw_frames(samples, size, rng, rotated=turned)
    minimiser = length * random_direction(size, rng)
    start = minimiser + length * random_direction(size, rng)
    lipschitz = float(largest_log_cosh_gradient(curvatures, low, reach, length).max())
    return SmoothProblem(
        directions=directions,
        curvatures=curvatures,
        minimiser=minimiser,
        start=start,
        width=reach,
        mu=low,
        beta=high,
        lipschitz=lipschitz,
    )
