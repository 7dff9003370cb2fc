"""What a reader of the report's tables is told of draws, limits and slopes."""

import html
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from tunebound import theory
from tunebound.theory.engine.exponents import by_slope
from tunebound.theory.engine.formulas import in_parts, mathml
from tunebound.theory.engine.presentation import Table
from tunebound.theory.engine.reached import reached
from tunebound.theory.engine.reporting import in_words, judge_all, told
from tunebound.theory.engine.statement import find_theorem


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Two families of the standard design."""
    target = tmp_path_factory.mktemp("report") / "study"
    options = {"steps": 100, "families": ["gaussian", "orthogonal"]}
    theory.run(theory.Study("head", "standard", 0, options), target, jobs=1)
    return target


@pytest.fixture(scope="module")
def page(directory):
    text = theory.report(directory).read_text(encoding="utf-8")
    text = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    return re.sub(r'src="data:[^"]*"', "", text)


def text(part):
    """What a reader sees of a part of a page, an index behind a ``_``."""
    part = re.sub(r"<sub>(.*?)</sub>", r"_\1", part)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())


def rows(page, heading):
    """Cells of the first table below a heading, the first of a row included."""
    table = page[page.index(heading) :]
    table = table[: table.index("</table>")]
    return [
        [text(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)]
        for row in re.findall(r"<tr>.*?</tr>", table.split("</thead>")[1], re.S)
    ]


def verdict_row(page, name):
    """The row of a theorem: its cells, and what is folded away, by the word that names it."""
    row = page[page.index(f'<tr id="{name}">') :]
    row = row[: row.index("</tr>")]
    cells = [text(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)]
    folded = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", row, re.S)
    return cells, {text(word): text(said) for word, said in folded}


def test_what_is_not_violated_names_its_draws_and_what_is_violated_has_no_rate(page, directory):
    verdicts = {each.theorem.name: each for each in judge_all(directory, theory.load(directory))}
    for name, verdict in verdicts.items():
        (_, test, status, median), folded = verdict_row(page, name)
        assert test.startswith(verdict.test)
        assert status == verdict.theorem.status
        begin = test.split(" More on ")[0]
        if verdict.violations:
            assert "%" not in begin, name
            assert folded["violations"].startswith(f"{verdict.violations} of ")
        elif verdict.environments:
            assert f"on {verdict.draws} independent draws of this design" in begin
        if verdict.environments and verdict.tightness:
            assert median == f"{verdict.tightness['median']:.3g}"
    assert (
        "on 32 independent draws of this design; few: up to 8.9 % of new draws may show an"
        in verdict_row(page, "H-free")[0][1]
    )
    assert round(100 * (1 - 0.05 ** (1 / 32)), 1) == 8.9
    assert "<b>The design:</b> family = gaussian, orthogonal; n = 24, 48, 96, 192;" in page


def test_the_table_says_how_tight_a_bound_can_get_and_what_was_left_out(page, directory):
    results = theory.load(directory)
    verdicts = {each.theorem.name: each for each in judge_all(directory, results)}
    listed = {name: verdict_row(page, name)[1] for name in verdicts}
    skipped = results.skipped
    for name, verdict in verdicts.items():
        mine = skipped[skipped["theorem"] == name]
        if verdict.theorem.free_constants:  # claims nothing, whatever it assumes
            mine = mine[:0]
        assert verdict.skipped == len(mine) == mine["member"].nunique()
        cell = listed[name]["left out"]
        assert sum(map(int, re.findall(r"(\d+) without “", cell))) == len(mine), name
        for assumption in mine["assumption"].unique():
            assert " ".join(assumption.split()) in cell
        assert (cell == "–") == (not len(mine))
    never = [name for name, each in verdicts.items() if each.skipped and not each.environments]
    assert {"H-first-term", "P-Head-fitted"} <= set(never)
    found = reached(find_theorem("H-anytime"))
    tight = "how tight it can get"
    assert (
        listed["H-anytime"][tight] == f"largest a search reached: {found.ratio:.4f} ({found.shape})"
    )
    assert listed["H-constant-1"][tight].startswith("refuted by a search: 1.0")


def test_one_row_of_numbers_a_slope_and_all_who_predict_it(page, directory):
    results = theory.load(directory)
    rates = [rate for verdict in judge_all(directory, results) for rate in verdict.rates]
    listed = [row for row in rows(page, "<h2>Measured slopes") if row]
    assert len(listed) == len(rates)
    # a row that starts a slope has its numbers, the others the theorem's alone
    starts = [row for row in listed if len(row) == 12]
    assert len(starts) == len(by_slope(rates)) == rates[0].together
    assert all(len(row) == 5 for row in listed if row not in starts)
    ratio = [row for row in starts if row[1] == "B/γ"]
    assert {row[0] for row in ratio} == {
        "mean instability in the limit",
        "mean instability at step t",
    }
    assert not {row[1] for row in starts} & {"margin", "radius", "γ", "B"}


def test_orthogonal_samples_attain_the_rate_of_the_published_bound(page, directory):
    results = theory.load(directory)
    slope = theory.judge("H-free", results).rates[0].slope
    sets = results.environments
    sets = sets[(sets["family"] == "orthogonal") & (sets["radius_over_margin"] >= 10)]
    logs = np.log(sets[["n", "limit_instability"]])
    centred = logs - logs.groupby(sets["radius_over_margin"]).transform("mean")
    expected = (centred["n"] @ centred["limit_instability"]) / (centred["n"] @ centred["n"])
    assert slope.families["orthogonal"] == pytest.approx(expected, rel=1e-9)
    assert slope.families["orthogonal"] == pytest.approx(-0.5, abs=0.03)
    cells = {row[0]: row[1:] for row in rows(page, ">slope by family<") if row}
    assert f"{expected:+.2f}".replace("-", "−") in cells["orthogonal"]
    assert "Orthogonal samples attain 1/√n." in page


def test_the_answer_comes_first_and_its_numbers_are_those_of_the_table(page, directory):
    verdicts = judge_all(directory, theory.load(directory))
    answer = text(page[page.index('id="answer"') : page.index('id="verdicts"')])
    moved = np.sort(theory.load(directory).environments["final_instability"].to_numpy())
    middle = (moved[(len(moved) - 1) // 2] + moved[len(moved) // 2]) / 2
    assert f"by {middle:.3g} in the median data set and by {moved[-1]:.3g} at most" in answer
    proved = [
        each for each in verdicts if each.theorem.proof == "proved here" and each.environments
    ]
    assert not any(each.violations for each in proved)
    assert f"Each of the {len(proved)} statements proved here holds on every data set" in answer
    tight = [each for each in proved if each.tightness and each.bounded]
    near = max(tight, key=lambda each: each.tightness["median"])
    (_, _, _, median), _ = verdict_row(page, near.theorem.name)
    promised = re.search(rf"{near.theorem.name}, promises (\S+) times", answer)
    assert float(promised[1]) == pytest.approx(1 / float(median), rel=0.01)
    for each in verdicts:
        if each.violations and each.theorem.proof != "published":
            assert each.theorem.name in answer
    assert page.index("The answer") < page.index("<h2>Verdicts")


def test_formulas_are_set_as_mathematics_and_names_as_words(page, directory):
    results = theory.load(directory)
    for verdict in judge_all(directory, results):
        row = page[page.index(f'<tr id="{verdict.theorem.name}">') :]
        assert "<math" in row[: row.index("</th>")]
        if verdict.environments and verdict.tightness:
            folded = verdict_row(page, verdict.theorem.name)[1]
            name = verdict.tightness["tightest_environment"]
            family = name.split("-")[0].replace("_", " ")
            assert re.match(rf"\S+ {family}, n = \d+, d = \d+, B/γ = ", folded["tightest"])
            assert name in folded["tightest"]


def test_who_cannot_see_is_told_what_the_figures_show(page):
    images = re.findall(r"<img ([^>]*)>", page)
    assert len(images) > 3
    for image in images:
        said = html.unescape(re.search(r'alt="([^"]*)"', image)[1])
        assert len(re.findall(r"\d", said)) > 5, said
    for table in re.findall(r"<table.*?</table>", page, re.S):
        assert not re.search(r"<th\b(?![^>]*scope=)", table)
    assert page.count("<main>") == page.count("</main>") == 1
    assert len(re.findall(r"<h1", page)) == 1


def test_a_formula_is_cut_between_its_sides_and_its_conditions():
    assert in_parts(r"\lVert a=b\rVert\le\max_{i<j}(c>d)=e,\quad f=g") == [
        r"\lVert a=b\rVert",
        r"\le\max_{i<j}(c>d)",
        r"=e,\quad ",
        "f=g",
    ]
    for known in theory.theorems().values():
        parts = in_parts(known.formula)
        assert "".join(parts) == known.formula
        assert all(part.count("{") == part.count("}") for part in parts)
        shown = "".join(text(mathml(part)) for part in parts)
        assert shown.replace(" ", "") == text(mathml(known.formula)).replace(" ", "")


def test_bars_do_not_grow_unless_the_formula_says_so():
    for known in theory.theorems().values():
        for operator in ElementTree.fromstring(mathml(known.formula)).iter():
            if operator.text in ("‖", "|"):
                kept = operator.get("stretchy") == "false"
                assert kept or r"\left" in known.formula, known.name


def test_no_data_set_is_called_by_the_name_of_its_file(page, directory):
    names = set(theory.load(directory).environments["environment"])
    seen = re.sub(r'<details class="set">.*?</details>', "", page, flags=re.DOTALL)
    assert not names & set(re.findall(r"[\w.+-]*\w", text(seen)))
    assert "radius_over_margin" not in text(seen[: seen.index('id="computed"')])


def test_a_member_is_called_by_what_varies():
    environments = pd.DataFrame(
        {
            "environment": ["one-n6", "mlp-n8"],
            "kind": ["one", "heavy_tailed"],
            "n": [6, 8],
            "rotated": [True, False],
            "radius_over_margin": [4.0, 4.5],
            "order": ["at_random", "cyclic"],
            "kappa": [0.1, 0.1],
        }
    )
    words = in_words(environments, [name for name in environments if name != "environment"])
    assert words == {
        "one-n6": "kind one, n = 6, rotated, B/γ = 4, order at random",
        "mlp-n8": "heavy tailed, n = 8, not rotated, B/γ = 4.5, order cyclic",
    }
    assert told("worst on one-n6.", words) == f"worst on {words['one-n6']}."


def test_columns_of_words_are_told_from_columns_of_numbers():
    rows = (("a", "1.5 (2)", "–", "grows: +1"), ("b", "×0.9 [0, ∞]", "−3", "12"))
    assert Table("t", "n", ("", "x", "y", "z"), rows).numeric == (False, True, True, False)


def test_a_report_does_not_wait_for_what_it_does_without(study_directory, tmp_path):
    asked = (
        "import sys; from tunebound import theory; theory.report(sys.argv[1], output=sys.argv[2]);"
        " print(*{'torch', 'scipy.stats', 'seaborn', 'matplotlib.pyplot'} & set(sys.modules))"
    )
    target = tmp_path / "report.html"
    done = subprocess.run(
        [sys.executable, "-c", asked, study_directory, target],
        capture_output=True,
        text=True,
        check=True,
    )
    assert target.exists()
    assert done.stdout.split() == []
