"""A search for the data set on which a theorem is closest to failing, or fails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tunebound._ground.arrays import Floats
from tunebound._ground.checks import whole_number
from tunebound.theory.engine.computing import checked_options
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.search_space import Chart, SearchSpace
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.statement import Theorem, find_theorem

BUDGET = 6000
# What 64-bit formulas of bounds leave open, relative to the bound; measured sides have their own.
FORMULA = 1e-11
FIRST_SHARE = 0.5  # of the budget is spent on all charts alike, the rest on the best
SPREAD = 0.3  # of a search around its start
PATIENCE = 2  # generations without a single member that meets the assumptions
INFEASIBLE = 1e3  # -ln(ratio) of a point that means no member


@dataclass(frozen=True, kw_only=True)
class Found:
    """One member held against a theorem, at its worst claim."""

    member: Any
    options: Options
    ratio: float
    excess: float
    quantity: str = ""
    steps: float = np.nan
    measured: float = np.nan
    bound: float = np.nan


@dataclass(frozen=True, kw_only=True)
class Falsification:
    """What a search found; true where it found a violation and 50 digits confirmed it.

    Attributes
    ----------
    theorem : Theorem
    ratio : float
        The largest (measured − resolution)/bound that was seen.
    data : object
        A member of the theorem's setting: of a violation the smallest that still violates, else the
        one with the largest ratio.
    options : mapping
        Under which it was examined, as `verify` takes them.
    measured, bound, steps, quantity
        Of `data`, at its worst claim.
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
    data: Any
    options: dict[str, Any] = field(default_factory=dict)
    measured: float
    bound: float
    steps: float
    quantity: str
    confirmed: bool
    doubt: str = ""
    evaluations: int
    path: Path | None = None

    def __bool__(self) -> bool:
        return self.confirmed

    def __str__(self) -> str:
        status = "violated" if self.confirmed else "not violated"
        lines = [
            f"{self.theorem.name} [{self.theorem.proof}]: {status} in {self.evaluations:,} trials",
            f"  {self.theorem.statement}",
            f"  largest measured/bound: {self.ratio:.8g}",
            f"  {self.quantity} {self.measured:.8g} {'>' if self.confirmed else '≤'} bound"
            f" {self.bound:.8g} at t = {self.steps:g}, on {_shape(self.data)}",
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
    ImportError
        Without the package cma (``pip install 'tunebound[search]'``).
    """
    known = find_theorem(theorem)
    setting = find_setting(known.setting)
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
    chosen = checked_options(setting, options)
    search = _Search(known, setting, budget, np.random.default_rng(seed))
    search.spend(space.charts(chosen, tuple(options)))
    best = search.best
    if best is None:
        raise ValueError(
            f"no member that was tried meets the assumptions of {known.name}: "
            + "; ".join(each.statement for each in known.assumptions)
        )
    confirmed, doubt, largest = False, "", best.ratio
    if search.violated():
        best = _shrunk(best, space, search)
        confirmed, doubt, best = _confirmed(best, space, known)
    return Falsification(
        theorem=known,
        ratio=largest,
        data=best.member,
        options=_differing(best.options, setting),
        measured=best.measured,
        bound=best.bound,
        steps=best.steps,
        quantity=best.quantity,
        confirmed=confirmed,
        doubt=doubt,
        evaluations=search.spent,
        path=None if output is None else _stored(best.member, setting, known, Path(output)),
    )


class _Search:
    """Trials of members against a theorem, counted, the best kept."""

    def __init__(
        self, theorem: Theorem, setting: Setting, budget: int, rng: np.random.Generator
    ) -> None:
        self.theorem, self.setting, self.budget, self.rng = theorem, setting, budget, rng
        self.spent = 0
        self.best: Found | None = None

    def spend(self, charts: Sequence[Chart]) -> None:
        """Half of the budget on all charts alike, the rest on the best; ends at a violation."""
        with tqdm(
            total=self.budget, desc=f"searching {self.theorem.name}", delay=2, disable=None
        ) as progress:
            reached: list[tuple[float, int, Floats]] = []
            share = int(FIRST_SHARE * self.budget) // len(charts)
            for number, chart in enumerate(charts):
                reached.append(self._climb(chart, None, share, number, progress))
                if self.violated():
                    return
            if self.best is None:
                return  # nowhere is there anything that the theorem speaks of
            while self.spent < self.budget:
                reached.sort(key=lambda each: -each[0])
                _, number, point = reached[0]
                again = self.rng.random() < 0.5  # deepen the best, or start afresh on a good shape
                place = (
                    number if again else reached[int(self.rng.integers(min(3, len(reached))))][1]
                )
                cap = min(self.budget - self.spent, max(share, 40 * len(point)))
                found = self._climb(charts[place], point if again else None, cap, place, progress)
                if self.violated():
                    return
                reached.append(found)

    def examine(self, members: Sequence[Any], options: Options) -> list[Found]:
        """Each member at its worst claim; those that fail an assumption are left out."""
        self.spent += len(members)
        found = []
        for member, evidence in zip(
            members, self.setting.evidence(members, members, options), strict=True
        ):
            if all(each.check(evidence) for each in self.theorem.assumptions):
                found.append(worst_claim(self.theorem, evidence, member, options))
        for each in found:
            if self.best is None or each.ratio > self.best.ratio:
                self.best = each
        return found

    def violated(self) -> bool:
        """Whether the best member violates by more than the formulas' own rounding."""
        return self.best is not None and self.best.excess > FORMULA * self.best.bound

    def _climb(
        self, chart: Chart, start: Floats | None, cap: int, number: int, progress: tqdm
    ) -> tuple[float, int, Floats]:
        cma = _evolution_strategy()
        begin = chart.starts(self.rng, 1)[0] if start is None else start
        strategy = cma.CMAEvolutionStrategy(
            begin,
            SPREAD if start is None else SPREAD / 10,
            {"seed": int(self.rng.integers(1, 2**31)), "verbose": -9},
        )
        top, place, limit = -np.inf, begin, self.spent + cap
        while self.spent < limit and not strategy.stop() and not self.violated():
            if strategy.countiter >= PATIENCE and top <= -INFEASIBLE:
                break  # nothing here that the theorem speaks of
            points = strategy.ask()
            before = self.spent
            values = self._values(chart, points)
            progress.update(self.spent - before)
            strategy.tell(points, list(-values))
            if values.max() > top:
                top, place = float(values.max()), np.asarray(points[int(values.argmax())])
        return top, number, place

    def _values(self, chart: Chart, points: Sequence[Floats]) -> Floats:
        """ln(measured/bound) of each point."""
        values = np.full(len(points), -INFEASIBLE)
        members, places = [], []
        for place, point in enumerate(points):
            try:
                members.append(chart.member(np.asarray(point)))
            except ValueError:
                self.spent += 1
                continue
            places.append(place)
        by_member = {id(each.member): each for each in self._examined(members, chart.options)}
        for place, member in zip(places, members, strict=True):
            if id(member) in by_member:
                ratio = by_member[id(member)].ratio
                values[place] = np.log(ratio) if ratio > 0 else -INFEASIBLE / 2
        return values

    def _examined(self, members: list[Any], options: Options) -> list[Found]:
        """All at once; where that fails (one of them is not separable), each alone."""
        if not members:
            return []
        try:
            return self.examine(members, options)
        except (ValueError, ArithmeticError):
            self.spent -= len(members)
        found = []
        for member in members:
            try:
                found += self.examine([member], options)
            except (ValueError, ArithmeticError):
                continue  # counted by examine; the point means no environment of this theorem
        return found


def worst_claim(theorem: Theorem, evidence: Any, member: Any, options: Options) -> Found:
    """The claim with the largest ratio on a piece of evidence: (measured − resolution)/bound, or its
    nearness where it has one.
    """
    worst = Found(member=member, options=options, ratio=-np.inf, excess=-np.inf)
    for claim in theorem.claims(evidence):
        steps, measured, bound, resolution = claim.sides()
        excess = measured - bound - resolution
        if claim.nearness is None:
            known = np.maximum(measured - resolution, 0.0)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(known > 0, known / bound, 0.0)
        else:
            near = np.asarray(claim.nearness, dtype=np.float64).reshape(excess.shape)
            ratio = np.where(excess > 0, near, np.minimum(near, 1.0))
        row, column = np.unravel_index(int(ratio.argmax()), ratio.shape)
        if ratio[row, column] > worst.ratio:
            worst = Found(
                member=member,
                options=options,
                ratio=float(ratio[row, column]),
                excess=float(excess[row, column]),
                quantity=claim.quantity,
                steps=float(steps[row]),
                measured=float(measured[row, column]),
                bound=float(bound[row, column]),
            )
    return worst


def _shrunk(found: Found, space: SearchSpace, search: _Search) -> Found:
    """The violation made smaller as long as it stays one."""
    while True:
        for member, options in space.smaller(found.member, found.options):
            try:
                tried = search.examine([member], options)
            except (ValueError, ArithmeticError):
                continue  # not separable, or too few samples: not a simpler counterexample
            if tried and tried[0].excess > FORMULA * tried[0].bound:
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
    if again.excess > FORMULA * again.bound:
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


def _shape(member: Any) -> str:
    known = [f"{name} = {getattr(member, name)}" for name in ("n", "d") if hasattr(member, name)]
    return ", ".join(known) or repr(member)


def _evolution_strategy() -> Any:
    try:
        import cma  # type: ignore[import-untyped]
    except ImportError as missing:
        raise ImportError(
            "falsify needs the package cma, which is not installed: pip install 'tunebound[search]'"
        ) from missing
    return cma
