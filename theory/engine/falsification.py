"""A search for the data set on which a theorem is closest to failing, or fails."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tunebound._ground.checks import path, whole_number
from tunebound.theory.engine.climbing import Found, Search, worst_claim
from tunebound.theory.engine.computing import checked_options
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.search_space import SearchSpace
from tunebound.theory.engine.setting import Setting
from tunebound.theory.engine.statement import Theorem, find_theorem, setting_of

BUDGET = 6000


class NoMemberError(ValueError):
    """No member that a search tried meets the theorem's assumptions."""


@dataclass(frozen=True, kw_only=True)
class Falsification:
    """What a search found; true where it found a violation and 50 digits confirmed it.

    Attributes
    ----------
    theorem : Theorem
    ratio : float
        (measured − resolution)/bound of `data`, at its worst claim; of counts the nearness to
        failing (`Claim.nearness`).
    largest : float
        The largest ratio that was seen, in float64 but for that of `data`: at least `ratio`, and
        above it where a violation was shrunk to smaller data that violate by less.
    data : object
        A member of the theorem's setting: of a violation the smallest that still violates, else the
        one with the largest ratio.
    options : mapping
        Under which it was examined, as `verify` takes them.
    measured, bound, steps, quantity
        Of `data`, at its worst claim.
    shape : str
        Size of `data` and the number of steps, for people: "n = 4, d = 2, t = 1".
    confirmed : bool
        Whether the violation was seen again with 50 digits.
    doubt : str
        Why a violation in float64 was not confirmed; empty otherwise.
    evaluations : int
    path : Path or None
        The stored `data`.
    """

    theorem: Theorem
    ratio: float
    largest: float
    data: Any
    options: dict[str, Any] = field(default_factory=dict)
    measured: float
    bound: float
    steps: float
    quantity: str
    shape: str
    confirmed: bool
    doubt: str = ""
    evaluations: int
    path: Path | None = None

    def __bool__(self) -> bool:
        return self.confirmed

    def __str__(self) -> str:
        status = "violated" if self.confirmed else "not violated"
        exceeds = self.measured > self.bound
        more = f", the largest seen {self.largest:.8g}" if self.largest > self.ratio else ""
        lines = [
            f"{self.theorem.name} [{self.theorem.proof}]: {status} in {self.evaluations:,} trials",
            f"  {self.theorem.statement}",
            f"  measured/bound (of counts: nearness to failing): {self.ratio:.8g}{more}",
            f"  {self.quantity} {self.measured:.8g} {'>' if exceeds else '≤'} bound"
            f" {self.bound:.8g} on {self.shape}",
        ]
        if self.confirmed:
            lines.append("  seen again with 50 digits")
        if self.doubt:
            lines.append(f"  a violation in float64 was not confirmed: {self.doubt}")
        if self.path is not None:
            named = " ".join(f"--set {name}={value}" for name, value in self.options.items())
            lines.append(
                f"  replay it: tunebound verify {self.theorem.name} --data {self.path} {named}"
            )
        return "\n".join(lines)


def falsify(
    theorem: str | Theorem,
    *,
    budget: int = BUDGET,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Falsification:
    """Search for a violation of a theorem, or for the largest measured/bound.

    Small shapes are searched from many starts by an evolution strategy (CMA-ES), where the setting
    knows gradients from points that these found; half of the budget goes to all shapes alike, half
    to the best. A violation is shrunk (fewest samples, then features, steps and digits) and counts
    only when it is seen again with 50 digits.

    Parameters
    ----------
    theorem : str or Theorem
        A registered name (see `theorems`) or a theorem of one's own.
    budget : int
        Members to examine, at least 100. The search depends on it and the seed alone.
    seed : int
        At least 0.
    output : path, optional
        Directory that receives `data`, as a file that `verify` replays.
    **options
        Options of the theorem's setting; what is not given varies.

    Returns
    -------
    Falsification

    Raises
    ------
    ValueError
        For unknown names, options out of range, a statement that names no number, or a setting
        without a search space; before any work.
    NoMemberError
        If no member that was tried meets the theorem's assumptions.
    ImportError
        Without the package cma (``pip install 'tunebound[search]'``).
    """
    known = find_theorem(theorem)
    setting = setting_of(known)
    space = setting.search_space()
    if known.free_constants:
        raise ValueError(
            f"{known.name} names no number (it leaves {', '.join(known.free_constants)} open):"
            " nothing can contradict it; search an instance with certified constants"
        )
    if space is None:
        raise ValueError(
            f"the setting {setting.name!r} of {known.name} has no search space; give it one by"
            " Setting.search_space"
        )
    whole_number("budget", budget, low=100, remedy="a search needs that many trials to start")
    whole_number("seed", seed, low=0)
    target = None if output is None else path("output", output)
    chosen = checked_options(setting, options)
    search = Search(known, setting, budget, np.random.default_rng(seed))
    search.spend(space.charts(chosen, tuple(options)))
    best = search.best
    if best is None:
        raise NoMemberError(
            f"no member that was tried meets the assumptions of {known.name}: "
            + "; ".join(each.statement for each in known.assumptions)
        )
    confirmed, doubt = False, ""
    if search.violated():
        best = _shrunk(best, space, search)
        confirmed, doubt, best = _confirmed(best, space, known)
    return Falsification(
        theorem=known,
        ratio=best.ratio,
        largest=max(each.ratio for each in (search.best, best) if each is not None),
        data=best.member,
        options=_differing(best.options, setting),
        measured=best.measured,
        bound=best.bound,
        steps=best.steps,
        quantity=best.quantity,
        shape=_shape(best, space),
        confirmed=confirmed,
        doubt=doubt,
        evaluations=search.spent,
        path=None if target is None else _stored(best.member, setting, known, target),
    )


def _shrunk(found: Found, space: SearchSpace, search: Search) -> Found:
    """The violation made smaller as long as it stays one."""
    while True:
        for member, options in space.smaller(found.member, found.options):
            try:
                tried = search.examine([member], options)
            except (ValueError, ArithmeticError):
                continue  # not separable, or too few samples: not a simpler counterexample
            if tried and tried[0].violates:
                found = tried[0]
                break
        else:
            return found


def _confirmed(found: Found, space: SearchSpace, theorem: Theorem) -> tuple[bool, str, Found]:
    """Whether 50 digits show the violation too, and the claim as they show it."""
    try:
        evidence = space.precisely(found.member, found.options)
    except ValueError as reason:
        return False, str(reason), found
    again = worst_claim(theorem, evidence, found.member, found.options)
    if again.violates:
        return True, "", again
    return False, f"with 50 digits measured/bound is {again.ratio:.12g}", again


def _differing(options: Options, setting: Setting) -> dict[str, Any]:
    """The options that are not the setting's defaults."""
    defaults = asdict(setting.options())
    return {name: value for name, value in asdict(options).items() if value != defaults[name]}


def _stored(member: Any, setting: Setting, theorem: Theorem, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{theorem.name}.npz"
    setting.save(member, path)
    return path


def _shape(found: Found, space: SearchSpace) -> str:
    steps = "limit" if np.isinf(found.steps) else f"{space.steps_called} = {found.steps:g}"
    return f"{space.shape(found.member)}, {steps}"
