"""Verdicts: what a body of evidence says of a theorem."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from tunebound.bounds.constants import weakest
from tunebound.theory.engine import computing, tables
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.statement import PROVED, Theorem, find_theorem, theorems
from tunebound.theory.engine.statistics.rates import CONFIDENCE, Rate, within_group_rate

# a factor like any other, but it varies along each run instead of across environments
ALONG_STEPS = "ln ln t/ln t"
IDENTITY = [tables.MEMBER, tables.THEOREM, tables.QUANTITY]
# a bound that says nothing on more than half of the environments is called vacuous
VACUOUS_SHARE = 0.5


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
    violation_limit : float
        Upper 95 % confidence limit (Clopper–Pearson, one-sided) of the share of environments that
        violate the bound, were they independent draws of one population.
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
    violation_limit: float = 1.0
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

    def __str__(self) -> str:
        lines = [f"{self.theorem.name} [{self.theorem.status}]: {self.test}"]
        lines.append(f"  {self.theorem.statement}")
        if self.theorem.free_constants:
            lines.append(f"  the statement leaves open: {', '.join(self.theorem.free_constants)}")
        if self.environments:
            lines.append(f"  {self.violations} violations on {self.environments} environments")
        if self.theorem.domain:
            lines.append(f"  domain: {self.theorem.domain}")
        if self.contradiction:
            lines.append(f"  {self.contradiction}")
        if self.skipped:
            lines.append(
                f"  {self.skipped} environments do not meet the assumptions and were left out"
            )
        if self.tightness:
            lines.append(
                f"  measured/bound: median {self.tightness['median']:.3g}, loosest"
                f" {self.tightness['loosest']:.3g} ({self.tightness['loosest_environment']}),"
                f" tightest {self.tightness['tightest']:.3g}"
                f" ({self.tightness['tightest_environment']})"
            )
            if self.bounded:
                lines.append(
                    f"  at or above the trivial maximum on {self.vacuous_share:.0%} of the"
                    " environments"
                )
            lines.append(f"  weakest constant: {self.provenance}")
        for rate in self.rates:
            lines.append(
                f"  rate in {rate.factor}: predicted {rate.predicted:+g}, measured"
                f" {rate.slope:+.3f} [{rate.low:+.3f}, {rate.high:+.3f}] over {rate.groups} groups:"
                f" {rate.exponent}, sign {rate.sign}"
            )
        if self.violation:
            found = self.violation
            lines.append(
                f"  smallest counterexample: {found.environment} at t = {found.steps:g}: "
                f"{found.quantity} {found.measured:.6g} > bound {found.bound:.6g}"
            )
            if found.path:
                lines.append(
                    f"  replay it: tunebound verify {self.theorem.name} --data {found.path}"
                )
        return "\n".join(lines)


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
    return judge_in(find_setting(known.setting), known, results)


def judge_in(setting: Setting, theorem: Theorem, results: computing.Results) -> Verdict:
    """The verdict on a theorem of that setting, see `judge`."""
    if theorem.free_constants:
        return Verdict(theorem=theorem, test="no number named")
    skipped = _of(results.skipped, theorem)
    rows = _of(results.rows, theorem)
    if not len(rows):
        return Verdict(theorem=theorem, test="not tested", skipped=len(skipped))

    violating = rows[rows[tables.EXCESS] > 0]
    environments = int(rows[tables.MEMBER].nunique())
    violations = int(violating[tables.MEMBER].nunique())
    last = judged_rows(rows, setting.judged_at)
    vacuous = float(
        (last[tables.BOUND] >= last[tables.MAXIMUM]).groupby(last[tables.MEMBER]).all().mean()
    )
    rates = (
        _rate(rows, last, factor, predicted, setting) for factor, predicted in theorem.rates.items()
    )
    return Verdict(
        theorem=theorem,
        test="violated" if violations else "vacuous" if vacuous > VACUOUS_SHARE else "not violated",
        environments=environments,
        violations=violations,
        violation_limit=_limit(violations, environments),
        vacuous_share=vacuous,
        tightness=tightness(last),
        provenance=weakest(rows[tables.PROVENANCE].unique()),
        rates=tuple(rate for rate in rates if rate is not None),
        skipped=len(skipped),
        violation=_smallest(violating) if violations else None,
        bounded=bool(np.isfinite(rows[tables.MAXIMUM]).all()),
    )


def _of(table: pd.DataFrame, theorem: Theorem) -> pd.DataFrame:
    return table[table[tables.THEOREM] == theorem.name] if len(table) else table


def _limit(violations: int, environments: int) -> float:
    """Upper one-sided confidence limit of a rate (Clopper and Pearson)."""
    if violations == environments:
        return 1.0
    return float(betaincinv(violations + 1, environments - violations, CONFIDENCE))


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


def _rate(
    rows: pd.DataFrame, last: pd.DataFrame, factor: str, predicted: float, setting: Setting
) -> Rate | None:
    if factor != ALONG_STEPS:
        varied = setting.stands_for.get(factor)
        fixed = [name for name in setting.factors if name not in (factor, varied)]
        return within_group_rate(
            last.drop_duplicates(tables.MEMBER, keep="last"), factor, predicted, (factor, *fixed)
        )
    late = rows[np.isfinite(rows[tables.STEPS]) & (rows[tables.STEPS] > np.exp(np.e))]
    logarithm = np.log(late[tables.STEPS])
    return within_group_rate(
        late.assign(**{factor: np.log(logarithm) / logarithm}),
        factor,
        predicted,
        (tables.MEMBER, factor),
    )


def judged_rows(rows: pd.DataFrame, judged_at: str) -> pd.DataFrame:
    """One row per environment, theorem and quantity: at the last number of steps, or where the
    bound is tightest.
    """
    if judged_at == "last":
        return rows[rows[tables.STEPS] == rows.groupby(IDENTITY)[tables.STEPS].transform("max")]
    ratio = tightness_ratio(rows.assign(bound=rows[tables.BOUND].where(rows[tables.BOUND] > 0)))
    return rows.loc[
        ratio.fillna(-1.0).groupby([rows[name] for name in IDENTITY]).idxmax().sort_values()
    ]


def tightness_ratio(rows: pd.DataFrame) -> pd.Series:
    """measured/bound of each row; 0 where what was measured is within its resolution of 0."""
    return (
        rows[tables.MEASURED].where(rows[tables.MEASURED] > rows[tables.RESOLUTION], 0.0)
        / rows[tables.BOUND]
    )


def tightness(last: pd.DataFrame) -> dict[str, Any] | None:
    """measured/bound over environments: median, loosest, tightest, and which; None where no bound
    is positive.
    """
    positive = last[last[tables.BOUND] > 0]
    if not len(positive):
        return None
    ratio = tightness_ratio(positive)
    loosest, tightest = ratio.idxmin(), ratio.idxmax()
    return {
        "median": float(ratio.median()),
        "loosest": float(ratio[loosest]),
        "loosest_environment": str(positive.loc[loosest, tables.ENVIRONMENT]),
        "tightest": float(ratio[tightest]),
        "tightest_environment": str(positive.loc[tightest, tables.ENVIRONMENT]),
    }


def verify(
    theorem: str | Theorem,
    suite: Any = "smoke",
    *,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    **options: Any,
) -> Verdict:
    """Test a theorem on a suite, or on environments of one's own, and say what the evidence shows.

    Parameters
    ----------
    theorem : str or Theorem
        A registered name (see `theorems`) or a theorem of one's own.
    suite : str, Suite or sequence of environments
        A suite's name, a suite, or for example a list of `SeparableDataset`.
    seed : int
        Of a suite given by name.
    output : path, optional
        Directory that receives the smallest counterexample, if there is one.
    jobs : int, optional
        Processes; all cores by default.
    **options
        Options of the theorem's setting, for head tuning: steps, weights, rate_fraction, device,
        dtype.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        For unknown names or options out of range; before any work.
    """
    known = find_theorem(theorem)
    setting = find_setting(known.setting)
    checked = computing.checked_options(setting, options)
    members = computing.suite_of(suite, setting, seed, checked)
    if known.free_constants:
        return Verdict(theorem=known, test="no number named")
    results = computing.examine_members(setting, members, checked, [known], jobs)
    verdict = judge_in(setting, known, results)
    return verdict if output is None else with_counterexample(verdict, members, setting, output)


def second_opinions(verdict: Verdict, member: Any, options: Mapping[str, Any]) -> list[str]:
    """What else holds on a counterexample: the theorem under the other weights, and the other
    theorems of its setting.

    Parameters
    ----------
    verdict : Verdict
        Of a theorem that is violated.
    member : environment
        The counterexample.
    options : mapping
        Options that the verdict was reached with.

    Returns
    -------
    list of str
        Sentences.
    """
    theorem = verdict.theorem
    setting = find_setting(theorem.setting)
    checked = computing.checked_options(setting, options)
    others = [
        each
        for each in theorems(setting.name).values()
        if not each.free_constants and each.name != theorem.name
    ]
    results = computing.examine(setting, [member], checked, others, [0], [member])
    tested = [
        judged for each in others if (judged := judge_in(setting, each, results)).environments
    ]
    holding = [each.theorem.name for each in tested if not each.violations]
    failing = [each.theorem.name for each in tested if each.violations]
    sentences = [
        f"on it hold: {', '.join(holding) or 'none of the others'}"
        + (f"; fail too: {', '.join(failing)}" if failing else "")
    ]
    if "weighting" in checked.names():
        other = "1/(n-1)" if checked["weighting"] == "1/n" else "1/n"
        again = computing.checked_options(setting, {**asdict(checked), "weighting": other})
        results = computing.examine(setting, [member], again, [theorem], [0], [member])
        judged = judge_in(setting, theorem, results)
        if judged.environments:
            outcome = "fails there too" if judged.violations else "does not fail there"
            sentences.append(f"with the weights {other} it {outcome}")
    return sentences


def with_counterexample(
    verdict: Verdict, suite: Any, setting: Setting, directory: str | os.PathLike[str]
) -> Verdict:
    """The verdict with its smallest counterexample stored as a file that replays it; unchanged
    where there is none.
    """
    if verdict.violation is None:
        return verdict
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{verdict.theorem.name}.npz"
    setting.save(suite[verdict.violation.member], path)
    return replace(verdict, violation=replace(verdict.violation, path=path))
