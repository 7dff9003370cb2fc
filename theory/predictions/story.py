"""How a study of predictions is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.presentation import Illustration, Presentation, Table
from tunebound.theory.engine.verdict import Verdict
from tunebound.theory.predictions import columns, figures, table
from tunebound.theory.predictions.design import designs
from tunebound.theory.predictions.findings import SMALL_FACTOR, Finding, judge


def subtitle(results: Results, manifest: dict[str, Any]) -> str:
    """What was computed, in numbers."""
    drawn = results.environments[columns.DESIGN]
    return (
        f"{drawn.nunique()} designs, {len(drawn)} draws, each measured at every level of its"
        " design's factor."
    )


def findings(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """The main results as sentences, all numbers taken from the tables."""
    judged = [finding for finding in judge(results) if finding.draws]
    sentences = []
    for status in ("confirmed", "refuted", "not decided"):
        named = [each for each in judged if each.status == status]
        if named:
            sentences.append(
                f"The sign is {status} for {len(named)} of {len(judged)} predictions, each on its"
                f" population: {', '.join(_named(each) for each in named)}."
            )
    for word in ("shows", "stronger", "weaker", "reversed", "open"):
        named_exponents = [
            f"{each.prediction} ({who})"
            for each in judged
            for who, said in each.exponents.items()
            if said == word
        ]
        if named_exponents:
            sentences.append(f"Predicted exponents: {word} for {', '.join(named_exponents)}.")
    return sentences


def _named(finding: Finding) -> str:
    return finding.prediction + (f" (within {SMALL_FACTOR - 1:.0%})" if finding.small else "")


def certificates(environments: pd.DataFrame) -> list[str]:
    """What backs the numbers."""
    return [
        "Draws are independent; the levels of a draw share everything but the factor.",
        (
            "Values enter a slope only above their resolution: duality gaps for separators,"
            " rounding and the solver's estimated error for heads, rounding for full tuning."
        ),
        "Designs were chosen on other seeds than those of a suite, which begin at 10,000.",
    ]


def judged_table(results: Results) -> list[Table]:
    """Predicted, measured, decided; and the designs."""
    judged = judge(results)
    rows = tuple(
        (each.prediction, *table.cells(each), *table.details(each)) for each in judged if each.draws
    )
    drawn = set(results.environments[columns.DESIGN])
    designed = tuple(
        (each.name, each.factor, table.levels(each), each.population, each.held)
        for each in designs().values()
        if each.name in drawn
    )
    return [
        Table(
            "Predicted, measured, decided",
            table.NOTE,
            ("prediction", *table.COLUMNS, *table.DETAILS),
            rows,
        ),
        Table(
            "The designs",
            "Levels of the full suite; the smoke suite takes the first two.",
            ("design", "factor", "levels", "population", "held"),
            designed,
        ),
    ]


PRESENTATION = Presentation(
    title="What the theory predicts, one factor at a time.",
    question=("Does what the theory predicts of each factor show when that factor alone varies?"),
    subtitle=subtitle,
    findings=findings,
    member="design",
    certificates=certificates,
    group=columns.DESIGN,
    illustrations={
        "slopes": Illustration(
            figures.slopes_of_all,
            "Dots: one draw each. Circles with bars: median and its interval, which holds for all"
            " rows at once; green where the predicted sign is confirmed, orange where it is"
            " refuted. Open marks: predicted exponents.",
        ),
        "along-the-factors": Illustration(
            figures.along_the_factors,
            "Every draw along its factor, relative to its own geometric mean. Broken lines: the"
            " predicted exponents.",
        ),
    },
    tables=judged_table,
)
