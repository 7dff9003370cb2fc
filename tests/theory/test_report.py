"""What a reader of the report's tables is told of draws, limits and slopes."""

import html
import re

import numpy as np
import pytest

from tunebound import theory
from tunebound.theory.engine.exponents import by_slope
from tunebound.theory.engine.reached import reached
from tunebound.theory.engine.reporting import judge_all
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
    return re.sub(r'src="data:[^"]*"', "", text)


def rows(page, heading):
    """Cells of the first table below a heading."""
    table = page[page.index(heading) :]
    table = table[: table.index("</table>")]
    return [
        [
            re.sub(r"<[^>]+>|\s+", " ", cell).strip()
            for cell in re.findall(r"<td.*?</td>", row, re.S)
        ]
        for row in re.findall(r"<tr>.*?</tr>", table, re.S)
    ]


def test_what_is_not_violated_names_its_draws_and_what_is_violated_has_no_rate(page, directory):
    verdicts = {each.theorem.name: each for each in judge_all(directory, theory.load(directory))}
    seen = {row[0].split()[0]: row for row in rows(page, "<h2>Verdicts") if row}
    assert set(seen) == set(verdicts)
    for name, verdict in verdicts.items():
        if verdict.violations:
            assert "%" not in seen[name][2], name
            assert seen[name][3] == str(verdict.violations)
        elif verdict.environments:
            assert f"on {verdict.draws} independent draws of this design" in seen[name][2]
    assert (
        "on 32 independent draws of this design; few: up to 8.9 % of new draws may show an"
        in (seen["H-free"][2])
    )
    assert round(100 * (1 - 0.05 ** (1 / 32)), 1) == 8.9
    assert "<b>The design:</b> family = gaussian, orthogonal; n = 24, 48, 96, 192;" in page


def test_the_table_says_how_tight_a_bound_can_get_and_what_was_left_out(page, directory):
    results = theory.load(directory)
    verdicts = {each.theorem.name: each for each in judge_all(directory, results)}
    listed = {row[0].split()[0]: row for row in rows(page, "<h2>Verdicts") if row}
    skipped = results.skipped
    for name, verdict in verdicts.items():
        mine = skipped[skipped["theorem"] == name]
        if verdict.theorem.free_constants:  # claims nothing, whatever it assumes
            mine = mine[:0]
        assert verdict.skipped == len(mine) == mine["member"].nunique()
        cell = listed[name][-1]
        assert sum(map(int, re.findall(r"(\d+) without “", cell))) == len(mine), name
        for assumption in mine["assumption"].unique():
            assert html.escape(assumption) in cell
        assert (cell == "–") == (not len(mine))
    never = [name for name, each in verdicts.items() if each.skipped and not each.environments]
    assert {"H-first-term", "P-Head-fitted"} <= set(never)
    found = reached(find_theorem("H-anytime"))
    assert listed["H-anytime"][8] == f"largest a search reached: {found.ratio:.4f} ({found.shape})"
    assert listed["H-constant-1"][8].startswith("refuted by a search: 1.0")


def test_one_row_of_numbers_a_slope_and_all_who_predict_it(page, directory):
    results = theory.load(directory)
    rates = [rate for verdict in judge_all(directory, results) for rate in verdict.rates]
    listed = [row for row in rows(page, "<h2>Measured slopes") if row]
    assert len(listed) == len(rates)
    # a row that starts a slope has its numbers, the others the theorem's alone
    starts = [row for row in listed if len(row) == 12]
    assert len(starts) == len(by_slope(rates)) == rates[0].together
    assert all(len(row) == 5 for row in listed if row not in starts)
    ratio = [row for row in starts if row[1] == "radius_over_margin"]
    assert {row[0] for row in ratio} == {
        "mean instability in the limit",
        "mean instability at step t",
    }
    assert not {row[1] for row in starts} & {"margin", "radius"}


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
    cells = {row[0]: row[1:] for row in rows(page, "<th>slope by family") if row}
    assert f"{expected:+.2f}" in cells["orthogonal"]
    assert "Orthogonal samples attain 1/√n." in page
