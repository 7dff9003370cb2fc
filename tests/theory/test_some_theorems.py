"""A study of any one theorem can be told: no figure, sentence or table asks for another's rows."""

from dataclasses import replace

import pandas as pd
import pytest

from tunebound import theory
from tunebound.theory.engine import tables
from tunebound.theory.engine.computing import checked_options

CHEAP = {
    "head": {"steps": 500},
    "churn": {"steps": 100},
    "several-classes": {"steps": 500},
    "regularised-heads": {"strengths": 3},
    "full-quadratics": {"steps": 20},
    "stochastic-heads": {"steps": 20},
    "multi-head": {"steps": 20},
}

pytestmark = pytest.mark.slow


def only(results, name):
    """The tables as if that theorem alone had been computed."""
    return replace(
        results,
        rows=results.rows[results.rows[tables.THEOREM] == name].reset_index(drop=True),
        skipped=results.skipped[results.skipped[tables.THEOREM] == name].reset_index(drop=True),
    )


@pytest.mark.parametrize("name", CHEAP)
def test_every_theorem_alone_is_told(name):
    setting = theory.find_setting(name)
    options = checked_options(setting, CHEAP[name])
    manifest = {"options": vars(options), "suite": "smoke", "seed": 0}
    results = theory.study("smoke", setting=name, jobs=1, **CHEAP[name])
    presentation = setting.presentation()
    drawn = {}
    for theorem in theory.theorems(name).values():
        part = only(results, theorem.name)
        verdicts = [theory.judge(theorem, part)]
        assert presentation.subtitle(part, manifest)
        assert all(presentation.findings(part, verdicts))
        assert presentation.certificates(part.environments)
        presentation.tables(part)
        theory.decide(list(theory.hypotheses(name).values()), part)
        for figure, illustration in presentation.figures(part).items():
            drawn[figure] = illustration.draw(part)
    assert drawn
    nothing = replace(results, rows=pd.DataFrame(columns=tables.ROWS), skipped=results.skipped[:0])
    for illustration in presentation.figures(nothing).values():
        illustration.draw(nothing)
