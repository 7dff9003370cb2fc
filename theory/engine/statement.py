"""Theorems as objects: what one says, under which assumptions, and what it claims of a piece of
evidence.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from functools import partial
from typing import Any

import numpy as np

from tunebound._ground.checks import (
    choice,
    file_name,
    instance,
    real_array,
    real_number,
    sequence,
    shown,
)
from tunebound._ground.registry import Registry
from tunebound.theory.engine.claim import Claim
from tunebound.theory.engine.folders import modules_called
from tunebound.theory.engine.setting import Setting, find_setting, home_of

# What is known of a statement before anything is measured.
PROVED, PUBLISHED, CONJECTURE = "proved here", "published", "conjecture"
EXTRAPOLATION, FITTED = "extrapolation of ours", "fitted"
PROOFS = (PROVED, PUBLISHED, CONJECTURE, EXTRAPOLATION, FITTED)
# What a bound is made of.
PREDICTION, A_POSTERIORI = "prediction", "a posteriori"
KINDS = (PREDICTION, A_POSTERIORI)


@dataclass(frozen=True)
class Assumption:
    """A condition of a theorem and the check that says whether a piece of evidence meets it.

    Attributes
    ----------
    statement : str
    check : callable
    under : mapping
        Options of a study without which nothing meets it.
    """

    statement: str
    check: Callable[[Any], bool]
    under: Mapping[str, Any] = field(default_factory=dict, hash=False)


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
    formula : str
        The inequality in LaTeX, for pages; the conditions in words stay in the statement.
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
    formula: str = ""

    def __post_init__(self) -> None:
        file_name("name", self.name)
        for word in ("statement", "source", "proof", "setting", "domain", "kind", "formula"):
            instance(word, getattr(self, word), str, remedy="say it in words")
        if not callable(self.claims):
            raise TypeError(
                f"claims must be a function, evidence -> claims, got {shown(self.claims)}"
            )
        for assumption in sequence("assumptions", self.assumptions, of="Assumption"):
            instance("assumptions", assumption, Assumption, remedy="pass theory.Assumption(…)")
        if not isinstance(self.rates, Mapping):
            raise TypeError(f"rates must map factors to exponents, got {shown(self.rates)}")
        for factor, exponent in self.rates.items():
            real_number(f"rates[{factor!r}]", exponent)
        for constant in sequence("free_constants", self.free_constants, of="names"):
            instance("free_constants", constant, str, remedy="pass a tuple of names")
        if not real_array("maximum", self.maximum, infinite=True) > 0:
            raise ValueError(f"maximum must be above 0, got {self.maximum!r}")

    def claims_of(self, evidence: Any) -> tuple[Claim, ...]:
        """What it claims of a piece of evidence.

        Raises
        ------
        AttributeError
            If its function asks the evidence for what that has not.
        TypeError
            If its function gives anything but claims.
        """
        try:
            made = self.claims(evidence)
            claims = tuple(made) if isinstance(made, Iterable) else (made,)
        except AttributeError as error:
            if error.name is None or not is_dataclass(error.obj):
                raise
            raise AttributeError(
                f"theorem {self.name!r}: {_lacking(error.obj, error.name)}", name=error.name
            ) from error
        if not isinstance(made, Iterable) or not all(isinstance(each, Claim) for each in claims):
            raise TypeError(
                f"theorem {self.name!r}: its function returned {reprlib.repr(made)}; return a list"
                " of claims, for example [evidence.mean_run_claim(bound)] or [theory.Claim(…)]"
            )
        return claims

    @property
    def status(self) -> str:
        """The status of the proof, and that a bound is no prediction where it is none."""
        return self.proof if self.kind == PREDICTION else f"{self.proof}, {self.kind}"


def _lacking(evidence: object, name: str) -> str:
    known = [each for each in dir(evidence) if not each.startswith("_")]
    close = difflib.get_close_matches(name, known, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"{type(evidence).__name__} has no {name!r}{hint} It has: {', '.join(known)}"


_THEOREMS: Registry[Theorem] = Registry(
    "theorem", partial(modules_called, "theorems"), "tunebound.theorems"
)


def theorem(
    name: str,
    *,
    statement: str,
    source: str,
    setting: str,
    formula: str = "",
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
        Whose evidence the function takes, for example "head"; one of one's own is registered first.
    formula : str
        The inequality in LaTeX, for the pages that can show it.
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
        If another function is registered under the name, the name cannot be that of a file, there
        is no such setting, `proof` or `kind` is none of the above, or `maximum` is not above 0.
    """
    choice("proof", proof, PROOFS)
    choice("kind", kind, KINDS)

    def register(claims: Callable[[Any], Iterable[Claim]]) -> Theorem:
        new = Theorem(
            name=name,
            statement=statement,
            formula=formula,
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
        # ours are imported without what their settings compute with; a test finds these
        if not claims.__module__.startswith("tunebound."):
            setting_of(new)
        _THEOREMS.add(name, new, claims)
        return new

    return register


def setting_of(theorem: Theorem) -> Setting:
    """The setting that a theorem names; ValueError where there is none."""
    try:
        return find_setting(theorem.setting)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"theorem {theorem.name!r} names the setting {theorem.setting!r}: {error}"
        ) from error


def theorems(setting: str | None = None) -> dict[str, Theorem]:
    """The registered theorems by name, by their settings and in the order of registration; those of
    one setting if it is named.
    """
    if setting is not None and not isinstance(setting, str):
        raise TypeError(f"setting must be named by text, got {shown(setting)}")
    if setting is not None:
        known = _THEOREMS.known(home_of(setting))
        return {name: each for name, each in known.items() if each.setting == setting}
    return dict(sorted(_THEOREMS.known().items(), key=lambda entry: entry[1].setting))


def find_theorem(name: str | Theorem) -> Theorem:
    """The theorem of that name; a `Theorem` is passed through."""
    if callable(name):
        raise TypeError(
            f"theorem must be a name or a Theorem, got the function {name.__name__}; decorate it"
            " with @theory.theorem(name, statement=…, source=…, setting=…)"
        )
    return name if isinstance(name, Theorem) else _THEOREMS.find(name)


def find_theorems(names: str | Theorem | Sequence[str | Theorem]) -> list[Theorem]:
    """The theorems of those names; ValueError where there are none."""
    if isinstance(names, (str, Theorem)) or not isinstance(names, Iterable):
        return [find_theorem(names)]
    listed = sequence("theorems", names, of="names or theorems")
    if not listed:
        raise ValueError("theorems is empty; leave it out to compute all of the setting")
    try:
        return [find_theorem(name) for name in listed]
    except (TypeError, ValueError) as error:
        raise type(error)(f"theorems: {error}") from None
