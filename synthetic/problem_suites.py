"""Suites of smooth strongly convex problems for full tuning: a designed experiment over n, κ,
distance and spectrum. The levels of κ are chosen, not sampled; everything else of a problem is
drawn from its seed, which no other problem of any suite has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tunebound._ground.checks import choice
from tunebound.synthetic.lazy_suite import Suite, named_suite
from tunebound.synthetic.quadratics import QuadraticProblem, make_quadratics
from tunebound.synthetic.smooth_losses import SmoothProblem, make_smooth_losses

SPECTRA = ("uniform", "log-uniform", "two-point", "power-law")
SIZES = (4, 8, 16, 32, 64)
# The published bound fails for one step above κ = 12√2 − 16 ≈ 0.9706; its proof already above 15/16
# = 0.9375.
CONDITIONS = (0.01, 0.03, 0.1, 0.3, 0.6, 0.95, 0.99)
DISTANCES = (0.25, 4.0)
# Seeds of one suite; suites of other names or seeds have others.
BLOCK = 1000


@dataclass(frozen=True, kw_only=True)
class ProblemSpecification:
    """The arguments of one problem with smoothness β = 1.

    Attributes
    ----------
    kind : {"quadratic", "log-cosh"}
        `make_quadratics` or `make_smooth_losses`.
    n, d : int
    kappa : float
        μ/β, in (0, 1].
    distance : float
        ‖w_0 − w*‖.
    spectrum : str
    rotated, interpolate : bool
        Log-cosh losses always interpolate.
    seed : int
    """

    kind: str
    n: int
    d: int
    kappa: float
    distance: float = 1.0
    spectrum: str = "uniform"
    rotated: bool = False
    interpolate: bool = True
    seed: int = 0

    @property
    def name(self) -> str:
        """Readable and unique within a suite."""
        marks = ("-rotated" if self.rotated else "") + ("" if self.interpolate else "-apart")
        return (
            f"{self.kind}-{self.spectrum}{marks}-n{self.n}-d{self.d}"
            f"-k{self.kappa:g}-r{self.distance:g}-s{self.seed}"
        )

    def make(self) -> QuadraticProblem | SmoothProblem:
        """Generate the problem."""
        common: dict[str, Any] = {
            "mu": self.kappa,
            "beta": 1.0,
            "distance": self.distance,
            "seed": self.seed,
            "spectrum": self.spectrum,
            "rotated": self.rotated,
        }
        if choice("kind", self.kind, ("quadratic", "log-cosh")) == "quadratic":
            return make_quadratics(self.n, self.d, **common, interpolate=self.interpolate)
        if not self.interpolate:
            raise ValueError(
                "interpolate must be True for log-cosh losses, got False; take quadratics for"
                " problems whose samples do not share their minimiser"
            )
        return make_smooth_losses(self.n, self.d, **common)


def _smoke() -> Iterator[ProblemSpecification]:
    """A dozen small problems, one of each kind of trouble."""
    for kappa in (0.1, 0.99):
        quadratic = partial(ProblemSpecification, kind="quadratic", kappa=kappa)
        log_cosh = partial(ProblemSpecification, kind="log-cosh", kappa=kappa)
        yield quadratic(n=2, d=1)
        for spectrum in SPECTRA:
            yield quadratic(n=6, d=3, spectrum=spectrum, rotated=spectrum == "uniform")
        yield log_cosh(n=6, d=3, rotated=True)
        yield quadratic(n=6, d=3, interpolate=False)


def _standard() -> Iterator[ProblemSpecification]:
    """Sweeps of n and κ for every spectrum, rotated or not; of the distance at n = 16; other
    losses; no common minimiser.
    """
    for kappa in CONDITIONS:
        quadratic = partial(ProblemSpecification, kind="quadratic", kappa=kappa)
        log_cosh = partial(ProblemSpecification, kind="log-cosh", kappa=kappa)
        for spectrum in SPECTRA:
            for n in SIZES:
                for rotated in (False, True):
                    yield quadratic(n=n, d=6, spectrum=spectrum, rotated=rotated)
            for distance in DISTANCES:
                yield quadratic(n=16, d=6, distance=distance, spectrum=spectrum)
        yield quadratic(n=2, d=1)
        for n in SIZES:
            yield log_cosh(n=n, d=6, rotated=True)
            yield quadratic(n=n, d=6, rotated=True, interpolate=False)


_SUITES: Mapping[str, Callable[[], Iterator[ProblemSpecification]]] = {
    "smoke": _smoke,
    "standard": _standard,
}


def _drawn(name: str, seed: int) -> Iterator[ProblemSpecification]:
    """The problems of a suite, each with a seed of its own."""
    first = BLOCK * (len(_SUITES) * seed + list(_SUITES).index(name))
    for number, specification in enumerate(_SUITES[name]()):
        yield replace(specification, seed=first + number)


def problem_suite_names() -> tuple[str, ...]:
    """Names of the suites of problems, smallest first."""
    return tuple(_SUITES)


def make_problem_suite(
    name: str = "standard", seed: int = 0
) -> Suite[QuadraticProblem | SmoothProblem]:
    """A suite of smooth strongly convex problems for full tuning.

    Parameters
    ----------
    name : {"smoke", "standard"}
        smoke: a dozen small ones. standard: a designed experiment over n × κ × spectrum, with
        sweeps of the distance, losses that are no quadratics, and problems whose samples do not
        share their minimiser (more than 400).
    seed : int
        At least 0.

    Returns
    -------
    Suite
        Each member is an independent draw and depends on (name, seed, i) only. One sample pair in
        one dimension has nothing to draw: it is one problem for each κ.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown (the closest one is suggested) or the seed is no integer of at least
        0.
    """
    return named_suite(name, seed, {each: partial(_drawn, each) for each in _SUITES})
