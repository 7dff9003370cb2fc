"""Climbing towards the members of a search space on which a theorem is closest to failing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from tunebound._ground.arrays import Floats
from tunebound.theory.engine.options import Options
from tunebound.theory.engine.search_space import Chart
from tunebound.theory.engine.setting import Setting
from tunebound.theory.engine.statement import Theorem

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

    @property
    def violates(self) -> bool:
        """Whether it exceeds the bound by more than the formulas' own rounding."""
        return self.excess > FORMULA * self.bound


class Search:
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
        """Whether the best member is a violation in float64."""
        return self.best is not None and self.best.violates

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
    """The claim of the largest ratio: (measured − resolution)/bound, or nearness where it has
    that.
    """
    worst = Found(member=member, options=options, ratio=-np.inf, excess=-np.inf)
    for claim in theorem.claims_of(evidence):
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


def _evolution_strategy() -> Any:
    try:
        import cma  # type: ignore[import-untyped]
    except ImportError as missing:
        raise ImportError(
            "falsify needs the package cma, which is not installed: pip install 'tunebound[search]'"
        ) from missing
    return cma
