"""The report of a study: one HTML file, verdicts first."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from tqdm import tqdm

from theory import study
from theory.settings import find_setting
from theory.statement import theorems
from theory.verdict import Verdict, judge, last_rows, tightness_ratio, with_counterexample

CAPTIONS = {
    "bound-against-measured": "Each point is one data set at the last step. On the black line a bound is attained; below it, it would be "
    "violated; above the dashed line it says nothing, since unit directions are at most 2 apart. Data sets without any instability "
    "have no place on logarithmic axes and are left out.",
    "instability-against-n": "Instability and the bounds when only the number of samples changes. A rung's slope is its rate.",
    "instability-against-margin": "The same when only the margin changes, at a fixed radius.",
    "instability-against-radius": "The same when only the radius changes, at a fixed margin.",
    "instability-along-steps": "Instability along gradient descent, and the bounds that hold at every step. P-Head-fitted uses a "
    "constant fitted on t ≤ √T and is drawn where it is tested.",
    "direction-error-along-steps": "How slowly the heads approach their separators, certified by the margin that they have reached, "
    "beside the published rate with a constant fitted on early steps.",
    "tightness-by-family": "Which bound is close to the truth on which kind of data. Bright is tight.",
}


def report(directory: str | os.PathLike[str], *, output: str | os.PathLike[str] | None = None) -> Path:
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
    from theory import plots  # slow to import, and no worker process draws

    source = Path(directory)
    results = study.load(source)
    manifest = study.read_manifest(source)
    verdicts = judge_all(source, results)
    figures = [
        {"name": name, "caption": CAPTIONS[name], "data": _png(draw(results))}
        for name, draw in tqdm(plots.drawable(results).items(), desc="figures", unit="figure", delay=2, disable=None)
    ]
    family_theorems = [verdict.theorem.name for verdict in verdicts if verdict.bounded and verdict.tightness]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string((files("theory") / "report.html.jinja").read_text(encoding="utf-8")).render(
        title=f"Head tuning: does the theory of its stability hold? The {manifest['suite']} suite",
        subtitle=f"{len(results.environments)} data sets with planted truth; {manifest['options']['steps']:,} steps of gradient descent "
        f"with every sample left out in turn: {int((results.environments['n'] + 1).sum()):,} heads.",
        verdicts=verdicts,
        findings=findings(results, verdicts),
        figures=figures,
        family_theorems=family_theorems,
        family_rows=_family_rows(results, family_theorems),
        certificates=_certificates(results.environments),
        manifest=[(key, _plain(value)) for key, value in manifest.items()],
    )
    target = source / "report.html" if output is None else Path(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, target)
    return target


def judge_all(directory: str | os.PathLike[str], results: study.Results) -> list[Verdict]:
    """The verdict on every theorem of the study, published ones first; counterexamples are stored in the directory."""
    manifest = study.read_manifest(directory)
    setting = find_setting(manifest["setting"])
    suite = setting.suite(manifest["suite"], manifest["seed"])
    known = theorems(manifest["setting"])
    ordered = sorted((name for name in known if name in manifest["theorems"]), key=lambda name: (not name.startswith("P-"), name))
    return [with_counterexample(judge(name, results), suite, setting, Path(directory) / "counterexamples") for name in ordered]


def findings(results: study.Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    by_name = {verdict.theorem.name: verdict for verdict in verdicts}
    environments = results.environments
    sentences = [
        f"Measured: leaving one sample out moves the direction of the head by {environments['final_instability'].median():.3g} in the "
        f"median data set (largest {environments['final_instability'].max():.3g}) after the last step, and by "
        f"{environments['limit_instability'].median():.3g} (largest {environments['limit_instability'].max():.3g}) in the limit."
    ]
    published = by_name.get("P-Head")
    if published is not None:
        sentences.append(
            f"The published bound P-Head is untestable as stated: it holds for some {', '.join(published.theorem.free_constants)}."
        )
    for name, what in (
        ("P-Head-fitted", "With λ certified, ν exact and C fitted on early steps, P-Head"),
        ("H-kkt", "Its second term alone, all constants certified (H-kkt),"),
        ("H-anytime", "H-anytime, which has no unspecified constant and holds at every step,"),
        ("H-trajectory", "H-trajectory, computed along the run on the whole sample,"),
    ):
        verdict = by_name.get(name)
        if verdict is None or verdict.tightness is None:
            continue
        tight = verdict.tightness
        sentences.append(
            f"{what} has {verdict.violations} violations on {verdict.environments} data sets and is vacuous on "
            f"{verdict.vacuous_share:.0%}; measured/bound is {tight['median']:.3g} in the median and {tight['loosest']:.3g} at worst "
            f"({tight['loosest_environment']})."
        )
    first = by_name.get("P-Head-first-term")
    if first is not None and first.environments:
        sentences.append(
            f"A constant C seen early does not always carry over: C ln ln t/ln t with C fitted on e^e ≤ t ≤ √T is exceeded "
            f"at some later t on {first.violations} of {first.environments} data sets. That is no contradiction to P-Head, "
            "whose C is free; it says what fitting it on a run is worth."
        )
    chain = by_name.get("H-chain")
    if chain is not None and chain.environments:
        sentences.append(
            f"The order of the ladder (H-pair ≤ H-dual ≤ H-support ≤ H-free, H-trajectory ≤ H-anytime) is violated on {chain.violations} "
            f"of {chain.environments} data sets."
        )
    return sentences


def _family_rows(results: study.Results, names: Sequence[str]) -> list[dict[str, Any]]:
    last = last_rows(results.rows)
    last = last[(last["bound"] > 0) & last["theorem"].isin(names)]
    ratio = last.assign(ratio=tightness_ratio(last)).groupby(["family", "theorem"])["ratio"].agg(["median", "min"])
    sets = results.environments.groupby("family")["member"].nunique()
    return [
        {
            "family": family,
            "sets": int(count),
            "cells": [
                f"{ratio.loc[(family, name), 'median']:.2g} ({ratio.loc[(family, name), 'min']:.1g})"
                if (family, name) in ratio.index
                else "–"
                for name in names
            ],
        }
        for family, count in sets.items()
    ]


def _certificates(environments: pd.DataFrame) -> list[str]:
    error = environments["planted_margin_error"]
    return [
        f"Largest relative duality gap of a maximum-margin separator: {environments['gap'].max():.1e}; of a left-out one: "
        f"{environments['worst_left_out_gap'].max():.1e}.",
        f"Largest relative difference between the computed margin and the planted one: {np.nanmax(error):.1e} "
        f"({int(error.notna().sum())} data sets with planted truth).",
    ]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(entry)}" for key, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _png(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
