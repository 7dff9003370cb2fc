"""Registered predictions: planted slopes are recovered, decided together, told and published as
they are.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

from tunebound import theory
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.generated import filled
from tunebound.theory.predictions import __main__ as command
from tunebound.theory.predictions import columns, publication, slopes, table
from tunebound.theory.predictions import design as module
from tunebound.theory.predictions.design import Measured, Prediction, designs, sweep
from tunebound.theory.predictions.evidence import Draw, examine
from tunebound.theory.predictions.findings import exponent, judge, registered
from tunebound.theory.predictions.setting import FIRST, make_suite

ROOT = Path(__file__).parents[2]
SETTING = theory.find_setting("predictions")
DRAWS = 40


def planted(slopes_of, draws=DRAWS, jitter=0.05, resolution=1e-12):
    """Tables in which each outcome of a design is a power of the coordinate, and draws differ by
    orders of magnitude.
    """
    rng = np.random.default_rng(0)
    rows = []
    for design in designs().values():
        for number in range(draws):
            row = {
                "member": len(rows),
                "environment": f"{design.name}-s{number}",
                columns.DESIGN: design.name,
                columns.SEED: number,
            }
            for k, level in enumerate(design.levels):
                row[columns.level(k)] = float(level)
            for prediction in design.predictions:
                size = 10 ** rng.uniform(-3, 0)
                power = slopes_of(prediction) + jitter * rng.normal()
                for k, level in enumerate(design.levels):
                    value = size * design.coordinate(level) ** power
                    row[columns.measured(prediction.outcome, k)] = value
                    row[columns.resolution(prediction.outcome, k)] = resolution
            rows.append(row)
    return Results(pd.DataFrame(), pd.DataFrame(rows), pd.DataFrame())


def first_exponent(prediction):
    return next(iter(prediction.exponents.values()), 0.3 * prediction.sign)


AS_PREDICTED = planted(first_exponent)


def test_planted_slopes_are_recovered_and_show():
    for finding in judge(AS_PREDICTED):
        design, prediction = registered()[finding.prediction]
        assert finding.status == "confirmed"
        assert (finding.draws, finding.agreeing, finding.dropped) == (DRAWS, DRAWS, 0)
        assert finding.values == DRAWS * len(design.levels)
        assert finding.slope == pytest.approx(first_exponent(prediction), abs=0.03)
        said = list(finding.exponents.values())
        assert said[:1] in ([], ["shows"])
        assert set(said[1:]) <= {"weaker"}, "1/√n where 1/n is the other one, √(B/γ) where B/γ is"


def test_the_opposite_of_every_prediction_is_refuted_and_reversed():
    for finding in judge(planted(lambda prediction: -first_exponent(prediction))):
        assert finding.status == "refuted"
        assert set(finding.exponents.values()) <= {"reversed"}


def test_signs_are_corrected_by_holm_and_intervals_by_bonferroni_for_all_rows():
    strengths = dict(zip(registered(), np.linspace(-0.2, 0.2, len(registered())), strict=True))
    results = planted(lambda prediction: strengths[prediction.name], jitter=0.2)
    findings = judge(results)
    p, bounds = {}, {}
    for finding in findings:
        each = np.sort(
            slopes.sweeps(results.environments, *registered()[finding.prediction]).slopes()
        )
        p[finding.prediction] = binomtest(int((each > 0).sum()), len(each)).pvalue
        # the widest order statistics whose tails hold 5 % over all rows, shared by two sides
        tail = 0.05 / len(findings) / 2
        k = max(k for k in range(1, len(each)) if binom.cdf(k - 1, len(each), 0.5) <= tail)
        bounds[finding.prediction] = (each[k - 1], each[len(each) - k])
    ranked, largest = sorted(p, key=p.get), 0.0
    adjusted = {}
    for rank, name in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - rank) * p[name]))
        adjusted[name] = largest
    assert len({finding.status for finding in findings}) > 1
    for finding in findings:
        assert finding.adjusted == pytest.approx(adjusted[finding.prediction])
        assert (finding.status == "not decided") == (adjusted[finding.prediction] > 0.05)
        assert (finding.low, finding.high) == pytest.approx(bounds[finding.prediction])


def test_values_within_their_resolution_are_left_out_and_counted():
    results = planted(lambda prediction: -1.0, jitter=0.0)
    design, prediction = registered()["n-full"]
    rows = results.environments
    name = columns.measured(prediction.outcome, 4)
    mine = rows[columns.DESIGN] == design.name
    rows.loc[mine, name] = 1e-13
    broken = rows.index[mine][:3]
    for k in range(1, len(design.levels)):
        rows.loc[broken, columns.measured(prediction.outcome, k)] = np.nan
    found = slopes.sweeps(rows, design, prediction).slopes()
    assert found.isna().sum() == 3, "a single value has no slope"
    np.testing.assert_allclose(found.dropna(), -1.0, rtol=1e-9)
    finding = next(each for each in judge(results) if each.prediction == "n-full")
    assert (finding.draws, finding.values) == (DRAWS - 3, DRAWS * 5)
    assert finding.dropped == DRAWS + 3 * 3


def test_a_slope_is_the_least_squares_one():
    results = planted(lambda prediction: 0.5, jitter=0.3)
    rng = np.random.default_rng(1)
    design, prediction = registered()["t-heads-error"]
    for k in range(len(design.levels)):
        results.environments[columns.measured(prediction.outcome, k)] *= np.exp(
            rng.normal(size=len(results.environments))
        )
    found = slopes.sweeps(results.environments, design, prediction).slopes()
    rows = results.environments.set_index("environment").loc[found.index]
    x = np.log(np.log(np.log(design.levels)) / np.log(design.levels))
    for name, row in rows.iterrows():
        y = np.log([row[columns.measured("error", k)] for k in range(len(x))])
        assert found[name] == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-9)


@pytest.mark.parametrize(
    ("predicted", "low", "high", "said"),
    [
        (-0.5, -0.52, -0.47, "shows"),
        (-0.5, -0.495, -0.49, "shows"),
        (-0.5, -0.44, -0.40, "weaker"),
        (-0.5, -0.90, -0.56, "stronger"),
        (-0.5, -0.10, 0.10, "weaker"),
        (-0.5, -0.60, 0.10, "open"),
        (-0.5, 0.01, 0.10, "reversed"),
        (1.0, 0.97, 1.2, "shows"),
        (1.0, 1.06, 1.2, "stronger"),
        (1.0, -0.2, 0.94, "weaker"),
        (1.0, -np.inf, np.inf, "open"),
        (1.0, -0.3, -0.1, "reversed"),
    ],
)
def test_where_an_exponent_lies(predicted, low, high, said):
    assert exponent(predicted, low, high) == said


def test_a_decided_effect_may_be_small():
    results = planted(lambda prediction: 0.004 * prediction.sign, jitter=0.0005)
    for finding in judge(results):
        design, _ = registered()[finding.prediction]
        ends = [design.coordinate(design.levels[place]) for place in (0, -1)]
        assert finding.change[0] == pytest.approx((ends[1] / ends[0]) ** finding.slope)
        assert finding.change[1] <= finding.change[0] <= finding.change[2]
        assert finding.status == "confirmed"
        assert finding.small
        assert "confirmed (within 5%)" in table.decided(finding)
    assert not any(finding.small for finding in judge(AS_PREDICTED))


def test_a_study_of_nothing_decides_nothing():
    results = AS_PREDICTED
    only = replace(results, environments=results.environments[:DRAWS])
    kept = only.environments[columns.DESIGN].unique()
    for finding in judge(only):
        tested = registered()[finding.prediction][0].name in kept
        assert (finding.status != "not tested") == tested
        assert (table.decided(finding) == "not tested") == (not tested)
    assert len(table.cells(judge(only)[-1])) == len(table.COLUMNS)


def test_every_prediction_is_a_hypothesis_of_its_own():
    hypotheses = theory.hypotheses("predictions")
    assert list(hypotheses) == list(registered())
    for name, (_, prediction) in registered().items():
        assert hypotheses[name].predicted == prediction.sign
        assert hypotheses[name].statement
        assert "Fu, So & Collier" in prediction.source
    statements = [hypothesis.statement for hypothesis in hypotheses.values()]
    assert len(set(statements)) == len(statements)


def test_designs_say_what_varies_and_what_is_held():
    for name, design in designs().items():
        assert name == design.name
        assert list(design.levels) == sorted(design.levels)
        assert min(design.levels) > 0
        assert all((design.factor, design.population, design.held, design.title))
        assert design.draws >= 30, "enough to decide in the company of all"
        # one sign everywhere must decide
        assert len(registered()) * 2 * 0.5**design.draws < 1e-6


def test_wrong_predictions_are_refused():
    with pytest.raises(ValueError, match="'up' has the sign 1 and the exponents"):
        Prediction(
            name="up",
            outcome="o",
            label="l",
            statement="s",
            source="t",
            sign=1,
            exponents={"published": -1.0},
        )


def test_one_file_adds_a_design(monkeypatch):
    @sweep(
        name="new",
        title="t",
        factor="f",
        levels=(1, 2),
        population="p",
        held="h",
        predictions=(
            Prediction(name="new", outcome="o", label="l", statement="s", source="t", sign=1),
        ),
    )
    def new(seed, levels):
        return {"o": Measured.of([float(level) * seed for level in levels])}

    from tunebound.theory.predictions.designs import samples

    monkeypatch.setattr(samples, "added", new, raising=False)
    assert designs()["new"] is new
    assert examine(Draw("new", 3, (1.0, 2.0))).columns()["o:measured:1"] == 6.0
    monkeypatch.setattr(samples, "again", replace(new, title="another"), raising=False)
    with pytest.raises(ValueError, match="two designs are named 'new'"):
        designs()
    monkeypatch.setattr(samples, "again", replace(new, name="newer"))
    with pytest.raises(ValueError, match="both have a prediction 'new'"):
        designs()


def test_a_design_measures_every_outcome_at_every_level(monkeypatch):
    wrong = replace(designs()["samples-losses"], measure=lambda seed, levels: {})
    monkeypatch.setattr(module, "designs", lambda: {"samples-losses": wrong})
    with pytest.raises(ValueError, match=r"design 'samples-losses' measured \{\}"):
        examine(Draw("samples-losses", 3, (8.0, 16.0)))
    with pytest.raises(ValueError, match="did you mean 'samples-losses'"):
        examine(Draw("sample-losses", 3, (8.0, 16.0)))


def test_suites_are_draws_of_every_design():
    full, small = make_suite("predictions", 0), make_suite("smoke", 0)
    assert {draw.design for draw in full.specifications} == set(designs())
    assert len(full) == sum(design.draws for design in designs().values())
    assert {draw.design for draw in small.specifications} == set(designs())
    assert all(len(draw.levels) == 2 for draw in small.specifications)
    seeds = [{draw.seed for draw in make_suite("predictions", s).specifications} for s in (0, 1)]
    assert not seeds[0] & seeds[1]
    assert min(seeds[0]) == FIRST
    few = make_suite("predictions", 0, ["samples-gaussian"], draws=2)
    assert [draw.name for draw in few.specifications] == [
        "samples-gaussian-s10000",
        "samples-gaussian-s10001",
    ]
    with pytest.raises(ValueError, match="did you mean 'samples-gaussian'"):
        make_suite("predictions", 0, ["samples-gausian"])
    with pytest.raises(ValueError, match="draws must be"):
        make_suite("predictions", 0, draws=FIRST + 1)


def test_a_draw_comes_back_from_its_file(tmp_path):
    draw = make_suite("smoke", 0)[3]
    SETTING.save(draw, tmp_path / "draw.npz")
    assert SETTING.load(tmp_path / "draw.npz") == draw
    np.savez(tmp_path / "other.npz", design="x")
    with pytest.raises(ValueError, match="holds no draw of a prediction's design"):
        SETTING.load(tmp_path / "other.npz")


CHEAP = {"designs": ("samples-gaussian", "samples-orthogonal", "steps-heads"), "draws": 3}


@pytest.fixture(scope="module")
def study_of_few(tmp_path_factory):
    directory = tmp_path_factory.mktemp("predictions") / "run"
    theory.run(theory.Study("predictions", "predictions", 0, CHEAP), directory, jobs=1)
    return directory


def test_a_study_is_reported(study_of_few):
    page = theory.report(study_of_few).read_text(encoding="utf-8")
    assert "Predicted, measured, decided" in page
    assert page.index("n-heads-gaussian") < page.index("n-heads-orthogonal")
    assert "3 designs, 9 draws" in page
    results = theory.load(study_of_few)
    (orthogonal,) = [each for each in judge(results) if each.prediction == "n-heads-orthogonal"]
    assert (orthogonal.draws, orthogonal.agreeing) == (3, 3)
    assert -0.5 < orthogonal.slope < -0.47


def test_figures_draw_and_explain_themselves(tmp_path):
    presentation = SETTING.presentation()
    for name, illustration in presentation.figures(AS_PREDICTED).items():
        figure = illustration.draw(AS_PREDICTED)
        figure.savefig(tmp_path / f"{name}.png")
        assert any(axis.get_xlabel() for axis in figure.axes)
        assert illustration.caption.endswith(".")
    assert len(presentation.illustrations) == 2


def test_words_name_every_prediction():
    text = " ".join(SETTING.presentation().findings(AS_PREDICTED, []))
    assert all(name in text for name in registered())
    first, second = SETTING.presentation().tables(AS_PREDICTED)
    assert [row[0] for row in first.rows] == list(registered())
    assert [row[0] for row in second.rows] == list(designs())
    assert all(len(row) == len(each.columns) for each in (first, second) for row in each.rows)


MANIFEST = {
    "suite": "predictions",
    "seed": 0,
    "options": {"designs": [], "draws": 0},
    "versions": {"tunebound": "1"},
}


def test_what_is_committed_comes_back(tmp_path):
    findings = judge(AS_PREDICTED)
    stored = json.dumps(publication.document(findings, MANIFEST))
    values, again = publication.read(stored)
    assert again == findings
    for names in publication.BLOCKS.values():
        for name in names:
            text = publication.block(name, values, again)
            listed = designs() if name == "designs" else registered()
            assert len(text.split("\n\n")[0].splitlines()) == 2 + len(listed)


@pytest.mark.parametrize(
    "changed", [{"suite": "smoke"}, {"options": {"designs": ["steps-heads"], "draws": 0}}]
)
def test_only_the_full_suite_is_committed(changed):
    with pytest.raises(ValueError, match="only that is committed"):
        publication.document(judge(AS_PREDICTED), {**MANIFEST, **changed})


def test_publishing_fills_the_pages_and_nothing_by_halves(monkeypatch, tmp_path, study_of_few):
    for page in publication.BLOCKS:
        (tmp_path / page).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / page, tmp_path / page)
    assert command.main([str(study_of_few), "--root", str(tmp_path)]) == 2
    assert not (tmp_path / publication.STORED).exists()
    monkeypatch.setattr(publication, "load", lambda directory: AS_PREDICTED)
    monkeypatch.setattr(publication, "read_manifest", lambda directory: MANIFEST)
    assert command.main([str(study_of_few), "--root", str(tmp_path)]) == 0
    values, findings = publication.read((tmp_path / publication.STORED).read_text("utf-8"))
    for page, names in publication.BLOCKS.items():
        text = (tmp_path / page).read_text("utf-8")
        for name in names:
            assert publication.block(name, values, findings) in text
            assert (
                filled(
                    text,
                    name,
                    publication.block(name, values, findings),
                    command=publication.COMMAND,
                )
                == text
            )


def test_a_page_without_a_block_is_refused():
    with pytest.raises(ValueError, match="the page has 0 blocks"):
        filled("no block", "results", "text", command=publication.COMMAND)


def test_the_committed_tables_are_those_of_the_committed_results():
    values, findings = publication.read((ROOT / publication.STORED).read_text(encoding="utf-8"))
    assert [finding.prediction for finding in findings] == list(registered()), (
        f"run `tunebound run --suite predictions` and `{publication.COMMAND} runs/predictions`"
    )
    for page, names in publication.BLOCKS.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        for name in names:
            made = filled(
                text, name, publication.block(name, values, findings), command=publication.COMMAND
            )
            assert made == text, f"run `{publication.COMMAND} runs/predictions`: {page} is older"
    for finding in findings:
        design, _ = registered()[finding.prediction]
        assert finding.draws <= design.draws
        assert finding.values == design.draws * len(design.levels)


def test_the_page_reads_every_prediction():
    page = (ROOT / "docs/predictions.md").read_text(encoding="utf-8")
    reading = page[page.index("## What each says") :]
    missing = [name for name in registered() if f"`{name}`" not in reading]
    assert not missing, f"say in docs/predictions.md what {missing} say"
