"""Strongly convex quadratics with known constants: full fine-tuning where everything can be
computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from tunebound.synthetic.largest_gradient import largest_quadratic_gradient
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
class QuadraticProblem(StronglyConvexProblem):
    """Losses f_i(w) = ½(w − m_i)ᵀH_i(w − m_i), i = 1..n, with μI ≼ H_i ≼ βI; made by
    `make_quadratics` or `from_arrays`.

    Attributes
    ----------
    hessians : (n, d, d) float64
        H_i, symmetric.
    minimisers : (n, d) float64
        m_i; all rows are equal if the problem interpolates.
    minimiser : (d,) float64
        w*, the minimiser of the mean loss F_S.
    start : (d,) float64
        w_0, where descent starts.
    mu, beta : float
        The smallest and the largest eigenvalue of all H_i.
    lipschitz : float
        L = max ‖∇f_i(w)‖ over all i and the ball ‖w − w*‖ ≤ ‖w_0 − w*‖: exactly β‖w_0 − w*‖ if the
        problem interpolates.

    Notes
    -----
    Descent on F_S from ``start`` with step η ≤ 2/β stays in that ball: w_{t+1} − w* = (I − ηH)(w_t
    − w*) with H = (1/n) Σ H_i, whose eigenvalues lie in [μ, β], so ‖I − ηH‖ ≤ 1. If the problem
    interpolates, the same holds for every left-out sample: w* minimises its loss too, and its
    Hessian's eigenvalues lie in (0, β].
    """

    FORMAT = "tunebound-quadratics-1"
    ENTRIES = ("hessians", "minimisers", "minimiser", "start", "mu", "beta", "lipschitz")

    hessians: Floats
    minimisers: Floats

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.hessians)

    @property
    def interpolates(self) -> bool:
        """Whether one w makes every loss zero."""
        return bool((self.minimisers == self.minimisers[0]).all())

    def _remark(self) -> str:
        return "interpolating" if self.interpolates else "not interpolating"

    @within_float64("w")
    def losses(self, w: ArrayLike) -> Floats:
        """f_i(w), shape (..., n), for w of shape (..., d)."""
        offsets = self.parameters(w)[..., None, :] - self.minimisers
        return np.asarray(
            0.5 * np.einsum("...ni,nij,...nj->...n", offsets, self.hessians, offsets, optimize=True)
        )

    @within_float64("w")
    def gradients(self, w: ArrayLike) -> Floats:
        """∇f_i(w), shape (..., n, d), for w of shape (..., d)."""
        offsets = self.parameters(w)[..., None, :] - self.minimisers
        return np.asarray((self.hessians @ offsets[..., None])[..., 0])

    @classmethod
    @within_float64("hessians", "minimisers", "start")
    def from_arrays(cls, hessians: ArrayLike, minimisers: ArrayLike, start: ArrayLike) -> Self:
        """Take Hessians (n, d, d), minimisers (n, d) or (d,) for all, and a start (d,); the
        constants are computed.

        Raises
        ------
        TypeError
            If an array does not hold real numbers.
        ValueError
            If a shape does not fit, a value is not finite, n < 2, or a Hessian is not symmetric
            positive definite.
        """
        matrices = real_array("hessians", hessians)
        if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or matrices.shape[0] < 2:
            raise ValueError(
                f"hessians must have shape (n, d, d) with n >= 2, got {matrices.shape}"
            )
        n, d = matrices.shape[:2]
        centres, origin = real_array("minimisers", minimisers), real_array("start", start)
        if centres.shape not in ((n, d), (d,)):
            raise ValueError(
                f"minimisers must have shape ({n}, {d}), or ({d},) for all samples, got"
                f" {centres.shape}"
            )
        if origin.shape != (d,):
            raise ValueError(f"start must have shape ({d},), got {origin.shape}")
        scale = np.abs(matrices).max()
        if not np.abs(matrices - matrices.transpose(0, 2, 1)).max() <= TOLERANCE * scale:
            raise ValueError("hessians must be symmetric; replace H by (H + Hᵀ)/2")
        matrices = 0.5 * (matrices + matrices.transpose(0, 2, 1))
        eigenvalues = np.linalg.eigvalsh(matrices)
        if not eigenvalues.min() > 0:
            worst = int(eigenvalues[:, 0].argmin())
            raise ValueError(
                f"hessians must be positive definite, got the eigenvalue {eigenvalues.min():.3g} in"
                f" sample {worst}; add a multiple of the identity or drop the sample"
            )
        centres = np.broadcast_to(centres, (n, d)).copy()
        shared = bool((centres == centres[0]).all())
        centre = centres[0].copy() if shared else _mean_minimiser(matrices, centres)
        mu, beta = float(eigenvalues.min()), float(eigenvalues.max())
        return cls(
            hessians=matrices,
            minimisers=centres,
            minimiser=centre,
            start=origin.copy(),
            mu=mu,
            beta=beta,
            lipschitz=_lipschitz(matrices, centres, centre, origin, beta),
        )

    @classmethod
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """The problem of stored arrays and constants, which have to fit each other.

        Raises
        ------
        TypeError, ValueError
            As `from_arrays`; and if the minimiser or a constant does not fit the arrays.
        """
        computed = cls.from_arrays(stored["hessians"], stored["minimisers"], stored["start"])
        centre = real_array("minimiser", stored["minimiser"])
        if centre.shape != (computed.d,):
            raise ValueError(f"minimiser must have shape ({computed.d},), got {centre.shape}")
        with within_float64("minimiser"):
            residual = np.linalg.norm(computed.gradients(centre).mean(axis=0))
        if not residual <= TOLERANCE * computed.beta * (
            np.abs(computed.minimisers).max() + computed.distance
        ):
            raise ValueError("minimiser does not minimise the mean loss")
        scales = {"mu": computed.beta, "beta": computed.beta, "lipschitz": computed.lipschitz}
        constants = {name: real_number(name, stored[name].item(), low=0.0) for name in scales}
        for name, value in constants.items():
            if not abs(value - getattr(computed, name)) <= TOLERANCE * scales[name]:
                raise ValueError(
                    f"{name}={value!r} does not fit the Hessians, which give"
                    f" {getattr(computed, name)!r}"
                )
        return replace(
            computed,
            minimiser=centre,
            mu=constants["mu"],
            beta=constants["beta"],
            lipschitz=constants["lipschitz"],
        )


@within_float64("mu", "beta", "distance", "scatter")
def make_quadratics(
    n: int,
    d: int,
    *,
    mu: float,
    beta: float,
    distance: float,
    seed: int = 0,
    interpolate: bool = True,
    spectrum: str = "uniform",
    rotated: bool = False,
    scatter: float | None = None,
) -> QuadraticProblem:
    """Draw n quadratics in d dimensions with exact constants.

    Parameters
    ----------
    n : int
        Number of samples, at least 2.
    d : int
        Number of parameters, at least 1.
    mu, beta : float
        0 < μ ≤ β. Both are attained: one sample has the eigenvalue β, another one μ.
    distance : float
        ‖w_0 − w*‖, positive; its direction is uniform.
    seed : int
        At least 0. The same arguments give the same problem.
    interpolate : bool
        True: all samples share their minimiser w*. False: they have their own, and w* minimises the
        mean loss.
    spectrum : {"uniform", "log-uniform", "two-point", "power-law"}
        Law of the other eigenvalues: uniform in λ, uniform in ln λ, μ or β with equal chance, or
        μ + (β − μ)·u·k^(−3/2) for the k-th direction with u uniform in [0, 1].
    rotated : bool
        False: all Hessians are diagonal, so they commute and μ and β are exact to the last bit
        (descent does not depend on the basis, so nothing is lost). True: each has its own random
        basis; μ and β are then exact up to the rounding of the matrices, about 1e-15·β.
    scatter : float, optional
        Root mean square of ‖m_i − w*‖ when ``interpolate=False``; ``distance`` by default.

    Returns
    -------
    QuadraticProblem

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
    rng = np.random.default_rng(
        whole_number("seed", seed, low=0, remedy="seeds are non-negative integers")
    )
    if true_or_false("interpolate", interpolate):
        if scatter is not None:
            raise ValueError(
                f"scatter={scatter!r} has no meaning when interpolate=True; leave it out or pass"
                " interpolate=False"
            )
        spread = 0.0
    elif scatter is None:
        spread = length
    else:
        spread = real_number(
            "scatter",
            scatter,
            low=SMALLEST,
            high=LARGEST,
            remedy="it is the distance of the samples' minimisers",
        )
    eigenvalues = draw_eigenvalues(spectrum, samples, size, low, high, rng)
    frames = draw_frames(samples, size, rng, rotated=turned)
    hessians = frames.transpose(0, 2, 1) @ (eigenvalues[..., None] * frames)
    hessians = 0.5 * (hessians + hessians.transpose(0, 2, 1))
    # The minimiser lies as far from the origin as the start from it, so that no digits of the
    # distance are lost.
    minimiser = length * random_direction(size, rng)
    start = minimiser + length * random_direction(size, rng)
    if spread == 0.0:
        minimisers = np.broadcast_to(minimiser, (samples, size)).copy()
        lipschitz = high * length
    else:
        offsets = rng.standard_normal((samples, size))
        # Once more: the first correction leaves rounding errors times the condition number.
        for _ in range(2):
            offsets -= _mean_minimiser(hessians, offsets)
        offsets *= spread / np.sqrt((offsets**2).sum(axis=1).mean())
        minimisers = minimiser + offsets
        lipschitz = _lipschitz(hessians, minimisers, minimiser, start, high)
    return QuadraticProblem(
        hessians=hessians,
        minimisers=minimisers,
        minimiser=minimiser,
        start=start,
        mu=low,
        beta=high,
        lipschitz=lipschitz,
    )


def _mean_minimiser(hessians: Floats, minimisers: Floats) -> Floats:
    """argmin of the mean loss: (Σ H_i)⁻¹ Σ H_i m_i."""
    pull = (hessians @ minimisers[..., None])[..., 0].mean(axis=0)
    return np.asarray(np.linalg.solve(hessians.mean(axis=0), pull))


def _lipschitz(
    hessians: Floats, minimisers: Floats, minimiser: Floats, start: Floats, beta: float
) -> float:
    radius = float(np.linalg.norm(start - minimiser))
    offsets = minimiser - minimisers
    if not offsets.any():
        return beta * radius
    eigenvalues, bases = np.linalg.eigh(hessians)
    gradients = np.einsum("nij,nj->ni", hessians, offsets)
    return float(
        largest_quadratic_gradient(
            eigenvalues, np.einsum("nji,nj->ni", bases, gradients), radius
        ).max()
    )
