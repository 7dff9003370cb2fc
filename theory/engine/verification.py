"""A theorem tested on a suite or on environments of one's own, and its counterexample replayed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tunebound.theory.engine import computing
from tunebound.theory.engine.members import members_of
from tunebound.theory.engine.setting import Setting, find_setting
from tunebound.theory.engine.statement import Theorem, find_theorem, setting_of, theorems
from tunebound.theory.engine.verdict import Verdict, judge_in


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
        A suite's name, a suite or grid, or for example a list of `SeparableDataset`.
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
    setting = setting_of(known)
    checked = computing.checked_options(setting, options)
    members = members_of(suite, setting, seed, checked)
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
