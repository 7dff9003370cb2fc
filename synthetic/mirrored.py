"""Samples in mirror pairs around an axis: separable or not, with every regularised minimiser known.

z_{2k−1} = a_k u + v_k and z_{2k} = a_k u − v_k with v_k ⟂ u (z_j = y_j x_j, u the unit axis). Along
the axis the two of a pair have one activity, so their loss gradients add up to a multiple of u: the
minimiser of the mean logistic loss plus (λ/2)‖w‖² is s u for every λ > 0, s the root of λ s =
mean_k a_k σ(−a_k s), whose two sides rise and fall. If some a_k < 0 < a_l, the four samples of
these pairs have a convex combination 0, which proves that nothing separates the data; if all a_k >
0, the axis is the maximum-margin direction with margin min a_k.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import choice, real_array, real_number, whole_number, within_float64
from tunebound._ground.sample_checks import labelled_sample
from tunebound._ground.storage import Stored
from tunebound.synthetic.lazy_suite import Suite, named_suite
from tunebound.synthetic.planting import even_labels, orthogonal_part, random_direction

SMALLEST_RADIUS, LARGEST_RADIUS = 1e-150, 1e150  # beyond them squares leave float64
TOLERANCE = 1e-12  # of the mirror pairs, relative to the radius
CLOUDS = ("gaussian", "heavy_tailed", "anisotropic")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MirroredDataset(Stored):
    """Binary data in mirror pairs; made by `make_mirrored` or `from_npz`.

    Attributes
    ----------
    X : (n, d) float64
        Samples; rows 2k and 2k + 1 are a pair.
    y : (n,) int64
        Labels, −1 or +1.
    axis : (d,) float64
        The unit vector u.
    name : str
    """

    FORMAT = "tunebound-mirrored-1"
    ENTRIES = ("X", "y", "axis", "name")

    X: Floats
    y: Integers
    axis: Floats
    name: str = "given"

    @within_float64("X", "axis")
    def __post_init__(self) -> None:
        Z = self.X * self.y[:, None]
        radius = float(np.linalg.norm(Z, axis=1).max())
        if len(Z) % 2 or abs(float(np.linalg.norm(self.axis)) - 1) > TOLERANCE:
            raise ValueError("mirrored data have an even number of samples and an axis of norm 1")
        middle = (Z[::2] + Z[1::2]) / 2
        off = np.abs(middle - np.outer(middle @ self.axis, self.axis)).max()
        if off > TOLERANCE * radius:
            raise ValueError(
                f"a pair of samples is no mirror pair: its mean is {off:.2g} off the axis"
            )

    def __repr__(self) -> str:
        return f"<MirroredDataset {self.name}>"

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.X.shape[1])

    @property
    def radius(self) -> float:
        """max_i ‖x_i‖."""
        return float(np.linalg.norm(self.X, axis=1).max())

    @property
    def activities(self) -> Floats:
        """a_k = z·u of each pair, shape (n/2,)."""
        return np.asarray(((self.X * self.y[:, None]) @ self.axis).reshape(-1, 2).mean(axis=1))

    @property
    def margin(self) -> float | None:
        """min a_k, the largest possible margin; None where the data are not separable."""
        lowest = float(self.activities.min())
        return lowest if lowest > 0 else None

    @property
    def certificate(self) -> Floats | None:
        """Convex weights q (n,) with Σ q_j z_j = 0, which prove that nothing separates the data;
        None where the axis does.
        """
        a = self.activities
        above, below = np.maximum(a, 0.0), np.maximum(-a, 0.0)
        if not below.any():
            return None
        # pairs above weigh as much as those below, each in proportion to its share
        weights = np.where(a > 0, below.sum(), above.sum())
        return np.repeat(weights / (2 * weights.sum()), 2)

    def minimiser(self, strength: float) -> Floats:
        """The minimiser of (1/n) Σ ln(1 + exp(−z_jᵀw)) + (λ/2)‖w‖², shape (d,).

        Parameters
        ----------
        strength : float
            λ > 0.
        """
        lam = real_number("strength", strength, above=0)
        a = self.activities

        def slope(s: float) -> float:
            return lam * s - float(np.mean(a * expit(-a * s)))

        # the mean is between −max|a| and max|a|, and falls from its value at 0 towards the root
        with within_float64("strength"):
            start = np.mean(a) / 2 / lam
        if start == 0:
            return np.zeros(self.d)
        low, high = sorted((0.0, float(start) * (1 + 1e-12)))  # beyond what rounds at the end
        root = brentq(slope, low, high, xtol=1e-300, rtol=1e-15, maxiter=2500)
        return np.asarray(root * self.axis)

    @classmethod
    def from_entries(cls, stored: Mapping[str, NDArray[Any]]) -> Self:
        """The data of stored arrays, whose pairs are checked again.

        Raises
        ------
        TypeError, ValueError
            If the arrays are no labelled sample, or not in mirror pairs around the axis.
        """
        X, y = labelled_sample(stored["X"], stored["y"])
        axis = real_array("axis", stored["axis"])
        if axis.shape != X.shape[1:]:
            raise ValueError(f"axis must have shape {X.shape[1:]}, got {axis.shape}")
        return cls(X=X, y=y.astype(np.int64), axis=axis, name=str(stored["name"]))


@within_float64("gap", "radius")
def make_mirrored(
    cloud: str = "gaussian",
    *,
    n: int = 48,
    d: int = 8,
    overlap: float = 0.25,
    gap: float = 0.25,
    radius: float = 4.0,
    seed: int = 0,
) -> MirroredDataset:
    """Draw mirror pairs around a random axis.

    Parameters
    ----------
    cloud : {"gaussian", "heavy_tailed", "anisotropic"}
        Normal; Student's t with three degrees of freedom; normal with axes of length 1, 1/2, 1/3 …
    n, d : int
        Samples, an even number of at least 4, and features, at least 2.
    overlap : float
        Share of the pairs on the wrong side of the axis, in [0, 0.5): 0 gives separable data, above
        0 at least one pair is on the wrong side.
    gap : float
        What is added to the size of every activity, above 0, in the units of the cloud before it is
        scaled to the radius: no sample is nearer to the plane across the axis.
    radius : float
        Largest norm, above 0.
    seed : int

    Returns
    -------
    MirroredDataset

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range.
    """
    choice("cloud", cloud, CLOUDS)
    n = whole_number("n", n, low=4)
    if n % 2:
        raise ValueError(f"n must be even, got {n}: the samples are pairs; take {n + 1}")
    d = whole_number("d", d, low=2, remedy="a pair needs a direction across the axis")
    overlap = real_number("overlap", overlap, low=0, below=0.5)
    gap = real_number("gap", gap, above=0)
    radius = real_number("radius", radius, above=SMALLEST_RADIUS, high=LARGEST_RADIUS)
    rng = np.random.default_rng(whole_number("seed", seed, low=0))
    pairs = n // 2
    axis = random_direction(d, rng)
    draw = partial(rng.standard_t, 3) if cloud == "heavy_tailed" else rng.standard_normal
    lateral = np.asarray(draw(size=(pairs, d)))
    if cloud == "anisotropic":
        lateral = lateral / np.arange(1, d + 1)
    lateral = orthogonal_part(lateral, axis)
    activities = gap + np.abs(np.asarray(draw(size=pairs)))
    wrong = min(pairs - 1, max(int(overlap > 0), round(overlap * pairs)))
    activities[rng.permutation(pairs)[:wrong]] *= -1
    along = np.outer(activities, axis)
    Z = np.stack([along + lateral, along - lateral], axis=1).reshape(n, d)
    Z *= radius / np.linalg.norm(Z, axis=1).max()
    y = even_labels(np.empty(0, dtype=np.int64), n, rng)
    specification = MirroredSpecification(
        cloud=cloud, n=n, d=d, overlap=overlap, gap=gap, radius=radius, seed=seed
    )
    return MirroredDataset(X=Z * y[:, None], y=y, axis=axis, name=specification.name)


@dataclass(frozen=True, kw_only=True)
class MirroredSpecification:
    """The arguments of one `make_mirrored` call."""

    cloud: str
    n: int
    d: int
    overlap: float
    gap: float
    radius: float
    seed: int

    @property
    def name(self) -> str:
        """The name that the data set will have."""
        return (
            f"{self.cloud}-n{self.n}-d{self.d}-o{self.overlap:g}-g{self.gap:g}-r{self.radius:g}"
            f"-s{self.seed}"
        )

    def make(self) -> MirroredDataset:
        """Generate the data set."""
        return make_mirrored(
            self.cloud,
            n=self.n,
            d=self.d,
            overlap=self.overlap,
            gap=self.gap,
            radius=self.radius,
            seed=self.seed,
        )


# two separable sets, with a narrow and a wide margin, for two that overlap
DESIGN = ((0.0, 0.25), (0.0, 2.0), (0.1, 0.25), (0.3, 0.25))
SHAPES = ((24, 4), (24, 16), (24, 48), (48, 8), (96, 8), (48, 24))


def _smoke(seed: int) -> Iterator[MirroredSpecification]:
    """One small set of each cloud, separable and not."""
    for cloud in CLOUDS:
        for overlap in (0.0, 0.2):
            yield MirroredSpecification(
                cloud=cloud, n=16, d=4, overlap=overlap, gap=1.0, radius=4.0, seed=seed
            )


def _standard(seed: int) -> Iterator[MirroredSpecification]:
    """216 sets, half of them not separable: clouds, shapes, gaps, overlaps, replicates."""
    for cloud in CLOUDS:
        for n, d in SHAPES:
            for replicate in range(3):
                drawn = 3 * seed + replicate
                for overlap, gap in DESIGN:
                    yield MirroredSpecification(
                        cloud=cloud, n=n, d=d, overlap=overlap, gap=gap, radius=4.0, seed=drawn
                    )


_SUITES = {"smoke": _smoke, "standard": _standard}


def mirrored_suite_names() -> tuple[str, ...]:
    """Names of the suites of mirrored data, smallest first."""
    return tuple(_SUITES)


def make_mirrored_suite(name: str = "standard", seed: int = 0) -> Suite[MirroredDataset]:
    """A suite of mirrored data, half of it not separable.

    Parameters
    ----------
    name : {"smoke", "standard"}
    seed : int

    Returns
    -------
    Suite

    Raises
    ------
    TypeError, ValueError
        If there is no such suite, or the seed is no whole number of at least 0.
    """
    return named_suite(name, seed, _SUITES)
