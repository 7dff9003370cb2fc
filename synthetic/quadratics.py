"""Strongly convex quadratics with known constants: full fine-tuning where everything can be
computed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import real_array, real_number, true_or_false, whole_number
from tunebound._ground.storage import read_arrays, write_arrays
from tunebound.synthetic.largest_gradient import largest_quadratic_gradient
from tunebound.synthetic.planting import random_direction
from tunebound.synthetic.spectra import (
    LARGEST,
    SMALLEST,
    curvature_range,
    draw_eigenvalues,
    draw_frames,
)

FORMAT = "tunebound-quadratics-1"
# Rounding of eigenvalues and solves; stored constants must match the arrays this well, relative to
# β and to distances.
TOLERANCE = 1e-11


@dataclass(frozen=True, eq=False)
class QuadraticProblem:
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

    hessians: Floats
    minimisers: Floats
    minimiser: Floats
    start: Floats
    mu: float
    beta: float
    lipschitz: float

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.hessians.shape[0])

    @property
    def d(self) -> int:
        """Number of parameters."""
        return int(self.hessians.shape[1])

    @property
    def distance(self) -> float:
        """‖w_0 − w*‖."""
        return float(np.linalg.norm(self.start - self.minimiser))

    @property
    def interpolates(self) -> bool:
        """Whether one w makes every loss zero."""
        return bool((self.minimisers == self.minimisers[0]).all())

    def __repr__(self) -> str:
        kind = "interpolating" if self.interpolates else "not interpolating"
        return (
            f"<QuadraticProblem n{self.n}-d{self.d} mu={self.mu:.6g} beta={self.beta:.6g}"
            f" distance={self.distance:.6g} {kind}>"
        )

    def losses(self, w: ArrayLike) -> Floats:
        """f_i(w), shape (..., n), for w of shape (..., d)."""
        offsets = parameters(w, self.d)[..., None, :] - self.minimisers
        return np.asarray(
            0.5 * np.einsum("...ni,nij,...nj->...n", offsets, self.hessians, offsets, optimize=True)
        )

    def gradients(self, w: ArrayLike) -> Floats:
        """∇f_i(w), shape (..., n, d), for w of shape (..., d)."""
        offsets = parameters(w, self.d)[..., None, :] - self.minimisers
        return np.asarray((self.hessians @ offsets[..., None])[..., 0])

    @classmethod
    def from_arrays(
        cls, hessians: ArrayLike, minimisers: ArrayLike, start: ArrayLike
    ) -> QuadraticProblem:
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
            matrices,
            centres,
            centre,
            origin.copy(),
            mu,
            beta,
            _lipschitz(matrices, centres, centre, origin, beta),
        )

    def to_npz(self, path: str | os.PathLike[str]) -> Path:
        """Write the problem to ``path`` (NumPy .npz, no pickled objects; complete or not at all)
        and return the path.
        """
        names = ("hessians", "minimisers", "minimiser", "start", "mu", "beta", "lipschitz")
        return write_arrays(
            path, {"format": FORMAT} | {name: getattr(self, name) for name in names}
        )

    @classmethod
    def from_npz(cls, path: str | os.PathLike[str]) -> QuadraticProblem:
        """Read a problem that `to_npz` wrote; its arrays and constants come back bit for bit and
        are checked again.

        Raises
        ------
        FileNotFoundError, PermissionError, IsADirectoryError
            If there is no such file or it may not be read.
        ValueError
            If the file is no .npz, is damaged, holds pickled objects, lacks an entry or contradicts
            itself.
        """
        constants = ("mu", "beta", "lipschitz")
        names = ("hessians", "minimisers", "start", "minimiser", *constants)
        stored = read_arrays(path, format_name=FORMAT, entries=names)
        try:
            computed = cls.from_arrays(stored["hessians"], stored["minimisers"], stored["start"])
            centre = real_array("minimiser", stored["minimiser"])
            if centre.shape != (computed.d,):
                raise ValueError(f"minimiser must have shape ({computed.d},), got {centre.shape}")
            residual = np.linalg.norm(computed.gradients(centre).mean(axis=0))
            if not residual <= TOLERANCE * computed.beta * (
                np.abs(computed.minimisers).max() + computed.distance
            ):
                raise ValueError("minimiser does not minimise the mean loss")
            mu, beta, lipschitz = (
                real_number(name, stored[name].item(), low=0.0) for name in constants
            )
            scales = {"mu": computed.beta, "beta": computed.beta, "lipschitz": computed.lipschitz}
            for name, value in zip(constants, (mu, beta, lipschitz), strict=True):
                if not abs(value - getattr(computed, name)) <= TOLERANCE * scales[name]:
                    raise ValueError(
                        f"{name}={value!r} does not fit the Hessians, which give"
                        f" {getattr(computed, name)!r}"
                    )
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} contradicts itself: {error}; write the file again with to_npz"
            ) from error
        return cls(
            computed.hessians, computed.minimisers, centre, computed.start, mu, beta, lipschitz
        )


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
        return QuadraticProblem(hessians, minimisers, minimiser, start, low, high, high * length)
    offsets = rng.standard_normal((samples, size))
    # Once more: the first correction leaves rounding errors times the condition number.
    for _ in range(2):
        offsets -= _mean_minimiser(hessians, offsets)
    offsets *= spread / np.sqrt((offsets**2).sum(axis=1).mean())
    minimisers = minimiser + offsets
    return QuadraticProblem(
        hessians,
        minimisers,
        minimiser,
        start,
        low,
        high,
        _lipschitz(hessians, minimisers, minimiser, start, high),
    )


def parameters(w: ArrayLike, d: int) -> Floats:
    """Check weights of shape (..., d)."""
    array = real_array("w", w)
    if array.ndim < 1 or array.shape[-1] != d:
        raise ValueError(f"w must have shape (..., {d}), got {array.shape}")
    return array


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
