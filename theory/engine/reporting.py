"""The report of a study: one HTML file, verdicts first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tunebound._ground.checks import path
from tunebound._ground.storage import replacing
from tunebound.theory.engine import computing, populations, studies, tables
from tunebound.theory.engine.exponents import by_family, by_slope
from tunebound.theory.engine.html import png, render
from tunebound.theory.engine.hypothesis import decide, hypotheses
from tunebound.theory.engine.reached import reached
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.statement import theorems
from tunebound.theory.engine.tightness import judged_rows, tightness_ratio
from tunebound.theory.engine.verdict import Verdict, judge_together
from tunebound.theory.engine.verification import with_counterexample


def report(
    directory: str | os.PathLike[str], *, output: str | os.PathLike[str] | None = None
) -> Path:
    """Write the report of a finished study.

    Parameters
    ----------
    directory : path
        The study's directory; counterexamples are stored in it.
    output : path, optional
        The HTML file; `report.html` in the directory by default.

    Returns
    -------
    Path
        The file, self-contained.
    """
    source = path("directory", directory)
    target = source / "report.html" if output is None else path("output", output)
    results = studies.load(source)
    manifest = studies.read_manifest(source)
    setting = find_setting(manifest["setting"])
    presentation = setting.presentation()
    verdicts = judge_all(source, results)
    rates = [rate for verdict in verdicts for rate in verdict.rates]
    chosen = presentation.figures(results)
    figures = [
        {"name": name, "caption": chosen[name].caption, "data": png(chosen[name].draw(results))}
        for name in tqdm(chosen, desc="figures", unit="figure", delay=2, disable=None)
    ]
    names = [verdict.theorem.name for verdict in verdicts if verdict.bounded and verdict.tightness]
    page = render(
        "tunebound.theory.engine",
        "report.html.jinja",
        title=f"{presentation.title} The {manifest['suite']} suite",
        subtitle=presentation.subtitle(results, manifest),
        verdicts=verdicts,
        reached={each.theorem.name: reached(each.theorem) for each in verdicts},
        left_out=left_out(results),
        design=populations.described(results.environments, setting.factors),
        slopes=by_slope(rates),
        families=_family_rows(by_family(rates)),
        decisions=decide(list(hypotheses(manifest["setting"]).values()), results),
        findings=presentation.findings(results, verdicts),
        tables=presentation.tables(results),
        figures=figures,
        group=presentation.group,
        group_theorems=names,
        group_rows=_group_rows(results, names, presentation.group, setting.judged_at),
        certificates=presentation.certificates(results.environments),
        manifest=[(key, _plain(value)) for key, value in manifest.items()],
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as partial:
        # paths of another encoding than the locale's come back as they were
        partial.write_text(page, encoding="utf-8", errors="surrogateescape")
    return target


def judge_all(directory: str | os.PathLike[str], results: computing.Results) -> list[Verdict]:
    """The verdict on every theorem of the study, published ones first; counterexamples are stored
    in the directory.
    """
    manifest = studies.read_manifest(directory)
    setting = find_setting(manifest["setting"])
    options = setting.options.of(manifest["options"], setting=setting.name)
    suite = setting.suite(manifest["suite"], manifest["seed"], options)
    judged = {
        name: known
        for name, known in theorems(setting.name).items()
        if name in manifest["theorems"]
    }
    target = Path(directory) / "counterexamples"
    ordered = sorted(judged, key=lambda name: (not name.startswith("P-"), name))
    verdicts = judge_together(setting, [judged[name] for name in ordered], results)
    return [with_counterexample(verdict, suite, setting, target) for verdict in verdicts]


def left_out(results: computing.Results) -> dict[str, list[str]]:
    """How many environments each theorem leaves out, by the assumption that they fail."""
    skipped = results.skipped
    if not len(skipped):
        return {}
    counts = skipped.groupby([tables.THEOREM, tables.ASSUMPTION], sort=False).size()
    said: dict[str, list[str]] = {}
    for (theorem, assumption), number in counts.items():
        said.setdefault(theorem, []).append(f"{number} without “{assumption}”")
    return said


def _group_rows(
    results: computing.Results, names: Sequence[str], group: str, judged_at: str
) -> list[dict[str, Any]]:
    if not names:
        return []
    judged = judged_rows(results.rows[results.rows[tables.THEOREM].isin(names)], judged_at)
    judged = judged[judged[tables.BOUND] > 0]
    ratios = (
        judged.assign(ratio=tightness_ratio(judged))
        .groupby([group, tables.THEOREM])["ratio"]
        .agg(["median", "min"])
    )
    cells = {key: f"{row['median']:.2g} ({row['min']:.1g})" for key, row in ratios.iterrows()}
    sets = results.environments.groupby(group)[tables.MEMBER].nunique()
    return [
        {
            "group": value,
            "sets": int(count),
            "cells": [cells.get((value, name), "–") for name in names],
        }
        for value, count in sets.items()
    ]


def _family_rows(slopes: Mapping[str, Mapping[str, float]]) -> list[tuple[str, list[str]]]:
    """A line of cells for each family, after a first line of what the slopes are of."""
    names = sorted({family for each in slopes.values() for family in each})
    lines = [
        (name, [f"{each[name]:+.2f}" if name in each else "–" for each in slopes.values()])
        for name in names
    ]
    return [("", list(slopes)), *lines] if lines else []


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(entry)}" for key, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
