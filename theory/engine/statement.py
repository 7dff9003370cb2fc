"""Theorems as objects: what one says, under which assumptions, and what it claims of a piece of
evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.checks import (
    choice,
    file_name,
    instance,
    real_array,
    require,
    sequence,
    shown,
)
from tunebound._ground.registry import Registry
from tunebound.bounds.constants import PROVENANCES
from tunebound.theory.engine import tables
from tunebound.theory.engine.folders import modules_called

# What is known of a statement before anything is measured.
PROVED, PUBLISHED, CONJECTURE = "proved here", "published", "conjecture"
EXTRAPOLATION, FITTED = "extrapolation of ours", "fitted"
PROOFS = (PROVED, PUBLISHED, CONJECTURE, EXTRAPOLATION, FITTED)
# What a bound is made of.
PREDICTION, A_POSTERIORI = "prediction", "a posteriori"
KINDS = (PREDICTION, A_POSTERIORI)


@dataclass(frozen=True)
class Assumption:
    """A condition of a theorem and the check that says whether a piece of evidence meets it."""

    statement: str
    check: Callable[[Any], bool]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One inequality, measured ≤ bound, on one environment.

    Attributes
    ----------
    measured, bound : (K,) or (K, m)
        Both sides at K numbers of steps; a second axis holds quantities that are bounded one by one
        (samples, heads).
    steps : (K,)
        Numbers of steps t; infinity stands for the limit.
    resolution : float or (K,) or (K, m)
        What rounding and the solvers' certificates leave open in measured − bound; an excess within
        it is no violation.
    provenance : {"exact", "estimated", "fitted", "assumed"}
        Of the weakest constant in the bound, or of what was measured where that is weaker: a run
        that was followed and not stepped through is estimated.
    quantity : str
        What was measured, for tables and axes.
    maximum : float, optional
        The largest value that the measured quantity can take on this environment; the theorem's by
        default.
    nearness : (K,) or (K, m), optional
        How near each inequality is to failing, for a search: above 1 where it fails, 0 where
        nothing is claimed. measured/bound by default, which says nothing of counts.
    """

    measured: ArrayLike
    bound: ArrayLike
    steps: ArrayLike
    resolution: ArrayLike
    provenance: str
    quantity: str
    maximum: float | None = None
    nearness: ArrayLike | None = None

    def sides(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Steps (K,); measured, bound and resolution, each (K, m).

        Raises
        ------
        TypeError
            For what is not made of real numbers, and for masked arrays.
        ValueError
            For sides of different shapes, and for what decides nothing: NaN anywhere, both sides
            infinite, a side of −∞, a resolution that is negative or infinite, steps of 0 or less.
        """
        steps = np.atleast_1d(self._numbers("steps", self.steps))
        self._require("steps", steps, steps > 0, "must be above 0; infinity stands for the limit")
        measured, bound = (
            self._table(name, values, len(steps))
            for name, values in (("measured", self.measured), ("bound", self.bound))
        )
        if measured.shape != bound.shape:
            raise ValueError(
                f"{self.quantity}: measured has shape {measured.shape} and bound {bound.shape}; a"
                " claim compares like with like"
            )
        self._require("bound", bound, bound > -np.inf, "must be above −∞")
        decidable = (measured > -np.inf) & np.isfinite(np.minimum(measured, bound))
        self._require("measured", measured, decidable, "and the bound must not both be infinite")
        resolution = self._numbers("resolution", self.resolution)
        allowed = (resolution >= 0) & np.isfinite(resolution)
        self._require("resolution", resolution, allowed, "must be finite and at least 0")
        if resolution.ndim == 1:
            resolution = resolution[:, np.newaxis]
        try:
            return steps, measured, bound, np.broadcast_to(resolution, measured.shape)
        except ValueError:
            raise ValueError(
                f"{self.quantity}: resolution has shape {resolution.shape}, measured"
                f" {measured.shape}; give one number, one a number of steps, or one each"
            ) from None

    def _table(self, name: str, values: ArrayLike, steps: int) -> NDArray[np.float64]:
        array = self._numbers(name, values)
        if array.size % steps:
            raise ValueError(
                f"{self.quantity}: {name} has shape {array.shape} for {steps} numbers of steps; its"
                " first axis is along them"
            )
        return array.reshape(steps, -1)

    def _numbers(self, name: str, values: ArrayLike) -> NDArray[np.float64]:
        return real_array(f"{self.quantity}: {name}", values, infinite=True)

    def _require(
        self, name: str, array: NDArray[np.float64], allowed: NDArray[np.bool_], rule: str
    ) -> None:
        require(f"{self.quantity}: {name}", array, allowed, rule)

    def rows(self) -> list[dict[str, Any]]:
        """One row a number of steps: means over the second axis, the worst excess over it, and
        where that is.
        """
        if self.provenance not in PROVENANCES:
            raise ValueError(f"provenance must be one of {PROVENANCES}, got {self.provenance!r}")
        steps, measured, bound, resolution = self.sides()
        excess = measured - bound - resolution
        worst = excess.argmax(axis=1)
        return [
            {
                tables.QUANTITY: self.quantity,
                tables.STEPS: float(t),
                tables.MEASURED: float(measured[k].mean()),
                tables.BOUND: float(bound[k].mean()),
                tables.EXCESS: float(excess[k, worst[k]]),
                tables.RESOLUTION: float(resolution[k, worst[k]]),
                tables.WORST: int(worst[k]),
                tables.WORST_MEASURED: float(measured[k, worst[k]]),
                tables.WORST_BOUND: float(bound[k, worst[k]]),
                tables.PROVENANCE: self.provenance,
            }
            for k, t in enumerate(steps)
        ]


@dataclass(frozen=True, kw_only=True)
class Theorem:
    """A statement that evidence can be held against.

    Attributes
    ----------
    name, statement, source : str
        Short name, the inequality in symbols, and where it is proved.
    proof : {"proved here", "published", "conjecture", "extrapolation of ours", "fitted"}
        Status of the proof. A violation of what is proved here is an error of the code. "fitted": a
        constant is fitted on some of the data and tested on others.
    kind : {"prediction", "a posteriori"}
        "a posteriori": the bound at a step reads the very run that it bounds, up to that step (its
        gradients, its progress, its margin). Where it is proved it certifies that run; it predicts
        none.
    domain : str
        Where the statement is known to be true or false, in words that stand beside a violation.
    setting : str
        Whose evidence it reads: the name of a setting, for example "head".
    claims : callable
        Evidence → claims. Raises for evidence that the theorem does not speak of.
    assumptions : tuple of Assumption
        Evidence that fails one is left out of the verdict and counted.
    rates : mapping
        Factor → predicted exponent of the instability in it.
    maximum : float
        The largest value the measured quantity can take; a bound at or above it says nothing.
    free_constants : tuple of str
        Constants that the statement only says to exist. A theorem that has any names no number and
        makes no claims.
    """

    name: str
    statement: str
    source: str
    proof: str
    setting: str
    claims: Callable[[Any], Iterable[Claim]]
    assumptions: tuple[Assumption, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    maximum: float = np.inf
    free_constants: tuple[str, ...] = ()
    domain: str = ""
    kind: str = PREDICTION

    def __post_init__(self) -> None:
        file_name("name", self.name)
        for word in ("statement", "source", "proof", "setting", "domain", "kind"):
            instance(word, getattr(self, word), str, remedy="say it in words")
        for assumption in sequence("assumptions", self.assumptions, of="Assumption"):
            instance("assumptions", assumption, Assumption, remedy="pass theory.Assumption(…)")
        if not real_array("maximum", self.maximum, infinite=True) > 0:
            raise ValueError(f"maximum must be above 0, got {self.maximum!r}")

    @property
    def status(self) -> str:
        """The status of the proof, and that a bound is no prediction where it is none."""
        return self.proof if self.kind == PREDICTION else f"{self.proof}, {self.kind}"


_THEOREMS: Registry[Theorem] = Registry(
    "theorem", partial(modules_called, "theorems"), "tunebound.theorems"
)


def theorem(
    name: str,
    *,
    statement: str,
    source: str,
    setting: str,
    proof: str = CONJECTURE,
    kind: str = PREDICTION,
    domain: str = "",
    assumptions: Iterable[Assumption] = (),
    rates: Mapping[str, float] | None = None,
    maximum: float = np.inf,
    free_constants: Iterable[str] = (),
) -> Callable[[Callable[[Any], Iterable[Claim]]], Theorem]:
    """Register the decorated function, evidence → claims, as a theorem; the name then means the
    `Theorem`.

    Parameters
    ----------
    name : str
        Short and unique, and the name of a file; registering the same function again (a notebook
        cell run twice) replaces it.
    statement, source : str
        The inequality in symbols, and where it is proved.
    setting : str
        Whose evidence the function takes, for example "head".
    proof : {"proved here", "published", "conjecture", "extrapolation of ours", "fitted"}
        Status of the proof; a conjecture unless something else is said.
    kind : {"prediction", "a posteriori"}
        "a posteriori" if the bound reads the very run that it bounds; a prediction unless that is
        said.
    domain : str
        Where the statement is known to be true or false.
    assumptions : iterable of Assumption
        Evidence that fails one is left out of the verdict and counted.
    rates : mapping
        Factor → predicted exponent of the instability in it.
    maximum : float
        The largest value the measured quantity can take; a bound at or above it says nothing.
    free_constants : iterable of str
        Constants that the statement only says to exist.

    Raises
    ------
    ValueError
        If another function is registered under the name, the name cannot be that of a file, `proof`
        or `kind` is none of the above, or `maximum` is not above 0.
    """
    choice("proof", proof, PROOFS)
    choice("kind", kind, KINDS)

    def register(claims: Callable[[Any], Iterable[Claim]]) -> Theorem:
        new = Theorem(
            name=name,
            statement=statement,
            source=source,
            proof=proof,
            kind=kind,
            domain=domain,
            setting=setting,
            claims=claims,
            assumptions=tuple(assumptions),
            rates=dict(rates or {}),
            maximum=maximum,
            free_constants=tuple(free_constants),
        )
        _THEOREMS.add(name, new, claims)
        return new

    return register


def theorems(setting: str | None = None) -> dict[str, Theorem]:
    """The registered theorems by name, in the order of registration; those of one setting if it is
    named.
    """
    if setting is not None and not isinstance(setting, str):
        raise TypeError(f"setting must be named by text, got {shown(setting)}")
    return {
        name: known for name, known in _THEOREMS.known().items() if setting in (None, known.setting)
    }


def find_theorem(name: str | Theorem) -> Theorem:
    """The theorem of that name; a `Theorem` is passed through."""
    return name if isinstance(name, Theorem) else _THEOREMS.find(name)
