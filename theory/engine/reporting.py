"""The report of a study: one HTML file, the answer first."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import matplotlib
import pandas as pd
from markupsafe import Markup
from tqdm import tqdm

from tunebound._ground.checks import path, whole_number
from tunebound._ground.storage import write_text
from tunebound.theory.engine import computing, exploring, populations, tables
from tunebound.theory.engine.alternative import described
from tunebound.theory.engine.answering import in_three_sentences, shown_first
from tunebound.theory.engine.commands import replaying
from tunebound.theory.engine.decision import decide
from tunebound.theory.engine.exponents import by_family, by_slope
from tunebound.theory.engine.formulas import in_parts, mathml
from tunebound.theory.engine.html import png, render
from tunebound.theory.engine.hypothesis import hypotheses
from tunebound.theory.engine.judging import judge_all
from tunebound.theory.engine.loading import load
from tunebound.theory.engine.manifests import population, read_manifest
from tunebound.theory.engine.presentation import Illustration
from tunebound.theory.engine.processes import ahead, shared_out
from tunebound.theory.engine.reached import reached
from tunebound.theory.engine.scatter import has_points
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.tightness import judged_rows, tightness

SCATTER = "bound-against-measured"
SHORT = 3  # letters
NOTHING = "–"
# parts of the page beside the figures, whose names have no spaces
FIRST, EXPLORER = "first figure", "chart to explore"


def report(
    directory: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    jobs: int = 1,
) -> Path:
    """Write the report of a finished study.

    Parameters
    ----------
    directory : path
        The study's directory; counterexamples are stored in it.
    output : path, optional
        The HTML file; `report.html` in the directory by default.
    jobs : int
        Processes that draw, of which this one is one.

    Returns
    -------
    Path
        The file, self-contained.
    """
    jobs = whole_number("jobs", jobs, low=1)
    source = path("directory", directory)
    target = source / "report.html" if output is None else path("output", output)
    manifest = read_manifest(source)
    study = source, uuid4().hex
    scripts = ahead(_begun, study, processes=jobs)
    results = _tables(*study)
    setting = find_setting(manifest["setting"])
    presentation = setting.presentation()
    verdicts = judge_all(source, results)
    rates = [rate for verdict in verdicts for rate in verdict.rates]
    decisions = decide(list(hypotheses(manifest["setting"]).values()), results)
    words = in_words(results.environments, setting.factors)
    chosen = presentation.figures(results)
    parts = _parts(chosen, study, shown_first(verdicts), words, setting.name, jobs)
    _tables.cache_clear()
    figures = [parts[name] for name in chosen]
    first = parts.get(FIRST) or (figures.pop(0) if figures else None)
    numbers = dict(results.environments[[tables.ENVIRONMENT, tables.MEMBER]].to_numpy())
    names = [verdict.theorem.name for verdict in verdicts if verdict.bounded and verdict.tightness]
    page = render(
        "tunebound.theory.engine",
        "report.html.jinja",
        title=f"{_sentence(presentation.title)} {_capital(population(manifest))}",
        subtitle=presentation.subtitle(results, manifest),
        question=presentation.question,
        answer=in_three_sentences(
            verdicts,
            decisions,
            presentation.headline(results, verdicts),
            presentation.member,
        ),
        member=presentation.member,
        along=presentation.along,
        words=words,
        replay=lambda environment, theorem: replaying(
            source, manifest, int(numbers[environment]), theorem
        ),
        formulas={
            each.theorem.name: Markup(" ").join(map(_mathematics, in_parts(each.theorem.formula)))
            for each in verdicts
            if each.theorem.formula
        },
        explorer=_scripted(parts[EXPLORER], scripts),
        verdicts=verdicts,
        reached={each.theorem.name: reached(each.theorem) for each in verdicts},
        left_out=left_out(results),
        design=populations.described(results.environments, setting.factors),
        slopes=by_slope(rates),
        families=_family_rows(by_family(rates)),
        decisions=decisions,
        findings=[told(each, words) for each in presentation.findings(results, verdicts)],
        tables=presentation.tables(results),
        first=first,
        figures=figures,
        symbol=tables.symbol,
        group=tables.symbol(presentation.group),
        group_theorems=names,
        group_rows=_group_rows(results, names, presentation.group),
        certificates=presentation.certificates(results.environments),
        manifest=[(key, _plain(value)) for key, value in manifest.items()],
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    # paths of another encoding than the locale's come back as they were
    write_text(target, page, errors="surrogateescape")
    return target


def in_words(environments: pd.DataFrame, factors: Sequence[str]) -> dict[str, str]:
    """What each environment is called in sentences: its levels of the factors that vary."""
    first, *others = factors
    others = [name for name in others if environments[name].nunique() > 1]
    words = {}
    for row in environments.to_dict("records"):
        kind = tables.level(row[first])
        # a short word says nothing without what it is of
        said = [kind if len(kind) > SHORT else f"{tables.symbol(first)} {kind}"]
        said += [_levelled(name, row[name]) for name in others]
        words[row[tables.ENVIRONMENT]] = ", ".join(said)
    return words


def _levelled(factor: str, value: Any) -> str:
    name, level = tables.symbol(factor), tables.level(value)
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name} = {level}" if isinstance(value, (int, float)) else f"{name} {level}"


def told(sentence: str, words: Mapping[str, str]) -> str:
    """A sentence with the names of environments in words."""
    return re.sub(r"\w[\w.+-]*\w", lambda found: words.get(found[0], found[0]), sentence)


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


def _parts(
    chosen: Mapping[str, Illustration],
    study: tuple[Path, str],
    first: Sequence[str],
    words: Mapping[str, str],
    setting: str,
    jobs: int,
) -> dict[str, Any]:
    """What takes longest: the figures, and the chart to explore; where the first figure shows
    theorems, it once more with those alone that stand first.
    """
    # what a notebook has set, but not where it draws
    style = {
        key: value
        for key, value in matplotlib.rcParams.copy().items()
        if not key.startswith("backend")
    }
    calls: list[tuple[Any, ...]] = [
        (name, _drawn, style, name, illustration, study) for name, illustration in chosen.items()
    ]
    if first and next(iter(chosen), None) == SCATTER:
        calls.insert(0, (FIRST, _drawn, style, SCATTER, chosen[SCATTER], study, first))
    calls.append((EXPLORER, _explorer, study, words, setting))
    made = shared_out(_called, calls, jobs)
    return dict(tqdm(made, total=len(calls), desc="figures", unit="figure", delay=2, disable=None))


def _called(name: str, function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    return name, function(*arguments)


@lru_cache(maxsize=1)
def _tables(source: Path, report: str) -> computing.Results:
    """The tables of a study, read once for each report by each process: to be sent one would take
    as long, and make the sender wait.
    """
    return load(source)


def _begun(study: tuple[Path, str]) -> str | None:
    """What takes a second and does not depend on the verdicts."""
    _tables(*study)
    return exploring.scripts()


def _drawn(
    style: Any,
    name: str,
    illustration: Illustration,
    study: tuple[Path, str],
    theorems: Sequence[str] | None = None,
) -> dict[str, str]:
    results = _tables(*study)
    if theorems is not None:
        shown = results.rows[results.rows[tables.THEOREM].isin(theorems)]
        results = replace(results, rows=shown)
    with matplotlib.rc_context(style):
        figure = illustration.draw(results)
        return {
            "name": name,
            "caption": illustration.caption,
            "alt": described(figure),
            "data": png(figure),
        }


def _explorer(
    study: tuple[Path, str], words: Mapping[str, str], name: str
) -> dict[str, Any] | None:
    """The chart as parts of a page; None where there is nothing to look at."""
    results = _tables(*study)
    if not has_points(results):
        return None
    setting = find_setting(name)
    drawn = exploring.chart(results, words, setting.factors, setting.presentation())
    chart = json.dumps(drawn, separators=(",", ":"))
    # an element of a page ends where its text has the end's tag
    return {
        "chart": Markup(chart.replace("</", "<\\/")),
        "moves": exploring.moves(drawn),
    }


def _scripted(
    chart: dict[str, Any] | None, scripts: Callable[[], str | None]
) -> dict[str, Any] | None:
    """The chart with what draws it; None where there is no chart, or nothing that draws it."""
    script = None if chart is None else scripts()
    if chart is None or script is None:
        return None
    return {**chart, "scripts": Markup(script.replace("</script", "<\\/script"))}


def _group_rows(
    results: computing.Results, names: Sequence[str], group: str
) -> list[dict[str, Any]]:
    if not names:
        return []
    judged = judged_rows(results.rows[results.rows[tables.THEOREM].isin(names)])
    ratios = (
        judged.assign(ratio=tightness(judged))
        .dropna(subset="ratio")
        .groupby([group, tables.THEOREM])["ratio"]
        .agg(["median", "min"])
    )
    cells = {key: _spread(row["median"], row["min"]) for key, row in ratios.iterrows()}
    sets = results.environments.groupby(group)[tables.MEMBER].nunique()
    return [
        {
            "group": tables.level(value),
            "sets": int(count),
            "cells": [cells.get((value, name), "–") for name in names],
        }
        for value, count in sets.items()
    ]


def _spread(median: float, loosest: float) -> str:
    said = [f"{value:.2g}" for value in (median, loosest)]
    return said[0] if said[0] == said[1] else f"{said[0]} ({said[1]})"


def _family_rows(slopes: Mapping[str, Mapping[str, float]]) -> list[tuple[str, list[str]]]:
    """A line of cells for each family, after a first line of what the slopes are of."""
    names = sorted({family for each in slopes.values() for family in each})
    lines = [
        (
            tables.level(name),
            [f"{each[name]:+.2f}" if name in each else "–" for each in slopes.values()],
        )
        for name in names
    ]
    return [("", list(slopes)), *lines] if lines else []


def _mathematics(formula: str) -> Markup:
    return Markup(mathml(formula))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sentence(words: str) -> str:
    return words if words.endswith("?") else f"{words.rstrip('.')}."


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(entry)}" for key, entry in value.items()) or NOTHING
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or NOTHING
