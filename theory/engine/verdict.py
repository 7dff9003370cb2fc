"""Verdicts: what a body of evidence says of a theorem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tunebound._ground.checks import instance
from tunebound.bounds.constants import weakest
from tunebound.theory.engine import computing, populations, tables
from tunebound.theory.engine.exponents import Rate, decide_rates
from tunebound.theory.engine.setting import Setting
from tunebound.theory.engine.statement import PROVED, Theorem, find_theorem, setting_of
from tunebound.theory.engine.tightness import judged_rows, spread

# a bound that says nothing on more than half of the environments is called vacuous
VACUOUS_SHARE = 0.5
# what a test can say
TESTS = ("not violated", "vacuous", "violated", "no number named", "not tested")


# by the weakest constant
CONTRADICTIONS = {
    "exact": (
        "this is proved, so that a violation is an error of the code (or of the proof): please"
        " report it with the stored counterexample"
    ),
    "estimated": (
        "this is proved, so that a violation is an error of the code (or of the proof), or lies"
        " beyond the estimated resolution or constants: replay the stored counterexample with exact"
        " steps where the setting has them (--exact), and report it if it stays"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Violation:
    """The smallest environment on which the measured value exceeds the bound by more than the
    resolution.
    """

    member: int
    environment: str
    quantity: str
    steps: float
    measured: float
    bound: float
    excess: float
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the evidence says of one theorem.

    Attributes
    ----------
    theorem : Theorem
    test : {"not violated", "violated", "vacuous", "no number named", "not tested"}
        What the environments say; what is known without them is the theorem's `proof`. "vacuous":
        never violated, but at or above the trivial maximum on more than half of the environments.
        "no number named": the statement leaves constants open. "not tested": no environment met
        the assumptions.
    environments, violations : int
        How many were tested, and how many violate the bound anywhere.
    draws : int
        Independent draws of the design among them (`Setting.draw`); environments that were handed
        over are none.
    population : str
        What they are draws of: the design's factors and their levels.
    vacuous_share : float
        Share of the environments on which the bound is at or above the trivial maximum, where the
        setting judges (`Setting.judged_at`).
    tightness : mapping
        measured/bound where the setting judges: "median", "loosest" and "tightest", with the
        environments' names under "loosest_environment" and "tightest_environment". 1 is a bound
        that is attained.
    provenance : str
        Of the weakest constant.
    rates : tuple of Rate
        Predicted exponents against measured slopes; none of a theorem that is violated.
    skipped : int
        Environments that fail an assumption.
    violation : Violation or None
    bounded : bool
        Whether the measured quantity has a trivial maximum, so that a bound can be vacuous.
    """

    theorem: Theorem
    test: str
    environments: int = 0
    violations: int = 0
    draws: int = 0
    population: str = ""
    vacuous_share: float = float("nan")
    tightness: Mapping[str, Any] | None = None
    provenance: str = ""
    rates: tuple[Rate, ...] = ()
    skipped: int = 0
    violation: Violation | None = None
    bounded: bool = False

    @property
    def contradiction(self) -> str:
        """What it means that the evidence violates what is proved here; empty where it does not."""
        violated = self.theorem.proof == PROVED and self.violations > 0
        return CONTRADICTIONS.get(self.provenance, "") if violated else ""

    @property
    def violation_limit(self) -> float | None:
        """Upper 95 % confidence limit of the share of new draws of the design that violate the
        bound (`populations.violation_limit`); None where one does, since the levels of a design
        are chosen and a rate over them means nothing, and where nothing was drawn.
        """
        if self.violations or not self.draws:
            return None
        return populations.violation_limit(self.draws)

    @property
    def extent(self) -> str:
        """What the test rests on, in words; empty where nothing was tested."""
        if not self.environments:
            return ""
        if self.violations:
            return f"on {counted(self.violations, 'environment')}"
        limit = self.violation_limit
        if limit is None:
            return f"on {counted(self.environments, 'environment')} handed over"
        few = "few: " if self.draws < populations.FEW else ""
        estimate = "" if self.provenance == "exact" else " or of an estimate"
        what = (
            f"show an error of the code{estimate}" if self.theorem.proof == PROVED else "violate it"
        )
        return (
            f"on {counted(self.draws, 'independent draw')} of this design; {few}up to"
            f" {100 * limit:.2g} % of new draws may {what} (95 %)"
        )

    def __str__(self) -> str:
        never = ", never violated" if self.test == "vacuous" else ""
        found = f"{self.test}{never} {self.extent}".rstrip()
        lines = [f"{self.theorem.name} [{self.theorem.status}]: {found}"]
        lines.append(f"  {self.theorem.statement}")
        if self.theorem.free_constants:
            lines.append(f"  the statement leaves open: {', '.join(self.theorem.free_constants)}")
        if self.population:
            lines.append(f"  the design: {self.population}")
        if self.theorem.domain:
            lines.append(f"  domain: {self.theorem.domain}")
        if self.contradiction:
            lines.append(f"  {self.contradiction}")
        if self.test == "not tested" and not self.skipped:
            lines.append(
                "  nothing is claimed of any environment: return at least one claim, or say in"
                " assumptions where the theorem does not apply"
            )
        if self.skipped:
            lines.append(
                f"  {self.skipped} environments do not meet the assumptions and were left out"
            )
        if self.tightness:
            tightest = (
                f"{self.tightness['tightest']:.3g} ({self.tightness['tightest_environment']})"
            )
            if self.tightness["loosest"] == self.tightness["tightest"]:
                lines.append(f"  measured/bound: {tightest}")
            else:
                lines.append(
                    f"  measured/bound: median {self.tightness['median']:.3g}, loosest"
                    f" {self.tightness['loosest']:.3g} ({self.tightness['loosest_environment']}),"
                    f" tightest {tightest}"
                )
            if self.bounded:
                lines.append(
                    f"  at or above the trivial maximum on {self.vacuous_share:.0%} of the"
                    " environments"
                )
            lines.append(f"  weakest constant: {self.provenance}")
        lines += [f"  {rate}" for rate in self.rates]
        if self.violation:
            worst = self.violation
            lines.append(
                f"  smallest counterexample: {worst.environment} at t = {worst.steps:g}: "
                f"{worst.quantity} {worst.measured:.6g} > bound {worst.bound:.6g}"
            )
            if worst.path:
                lines.append(
                    f"  replay it: tunebound verify {self.theorem.name} --data {worst.path}"
                )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *others = escape(str(self)).split("\n")
        return f"<pre><strong>{first}</strong>\n" + "\n".join(others) + "</pre>"


def counted(number: int, what: str) -> str:
    """A number and what it counts, as in ``1 draw`` and ``59 draws``."""
    return f"{number} {what}{'s' * (number != 1)}"


def judge(theorem: str | Theorem, results: computing.Results) -> Verdict:
    """The verdict on a theorem from the tables of a study.

    Parameters
    ----------
    theorem : str or Theorem
    results : Results

    Returns
    -------
    Verdict
    """
    known = find_theorem(theorem)
    instance("results", results, computing.Results, remedy="pass what theory.run or study gave")
    return judge_in(setting_of(known), known, results)


def judge_in(setting: Setting, theorem: Theorem, results: computing.Results) -> Verdict:
    """The verdict on a theorem of that setting, see `judge`."""
    return judge_together(setting, [theorem], results)[0]


def judge_together(
    setting: Setting, known: Sequence[Theorem], results: computing.Results
) -> list[Verdict]:
    """The verdicts on some theorems of a setting; their exponents are decided together."""
    rows, skipped = _by_theorem(results.rows), _by_theorem(results.skipped)
    none = results.rows.iloc[:0]
    verdicts = [
        _without_rates(setting, each, rows.get(each.name, none), len(skipped.get(each.name, ())))
        for each in known
    ]
    rates = decide_rates(
        setting,
        [
            (verdict.theorem, rows[verdict.theorem.name])
            for verdict in verdicts
            if verdict.environments and not verdict.violations
        ],
    )
    return [replace(each, rates=rates.get(each.theorem.name, ())) for each in verdicts]


def _without_rates(setting: Setting, theorem: Theorem, rows: pd.DataFrame, skipped: int) -> Verdict:
    if theorem.free_constants:
        return Verdict(theorem=theorem, test="no number named")
    if not len(rows):
        return Verdict(theorem=theorem, test="not tested", skipped=skipped)

    violating = rows[rows[tables.EXCESS] > 0]
    violations = int(violating[tables.MEMBER].nunique())
    last = judged_rows(rows, setting.judged_at)
    vacuous = float(
        (last[tables.BOUND] >= last[tables.MAXIMUM]).groupby(last[tables.MEMBER]).all().mean()
    )
    drawn = rows[rows[tables.DRAW] != ""]
    return Verdict(
        theorem=theorem,
        test="violated" if violations else "vacuous" if vacuous > VACUOUS_SHARE else "not violated",
        environments=int(rows[tables.MEMBER].nunique()),
        violations=violations,
        draws=int(drawn[tables.DRAW].nunique()),
        population=populations.described(drawn, setting.factors) if len(drawn) else "",
        vacuous_share=vacuous,
        tightness=spread(last),
        provenance=weakest(rows[tables.PROVENANCE].unique()),
        skipped=skipped,
        violation=_smallest(violating) if violations else None,
        bounded=bool(np.isfinite(rows[tables.MAXIMUM]).all()),
    )


def _by_theorem(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return dict(iter(table.groupby(tables.THEOREM))) if len(table) else {}


def _smallest(violating: pd.DataFrame) -> Violation:
    """Smallest environment first; within it the largest excess, which is the clearest."""
    size = [name for name in ("n", "d") if name in violating]
    order = violating.assign(excess_first=-violating[tables.EXCESS])
    worst = order.sort_values([*size, "excess_first"]).iloc[0]
    return Violation(
        member=int(worst[tables.MEMBER]),
        environment=str(worst[tables.ENVIRONMENT]),
        quantity=str(worst[tables.QUANTITY]),
        steps=float(worst[tables.STEPS]),
        measured=float(worst[tables.WORST_MEASURED]),
        bound=float(worst[tables.WORST_BOUND]),
        excess=float(worst[tables.EXCESS]),
    )
