"""Studies over grids and over data that are handed over: the tables of verify, kept and resumed."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.oracles.descent import leave_one_out_paths
from tests.registries import keep
from tunebound import synthetic, theory
from tunebound.theory.engine import computing, members, statement
from tunebound.theory.engine.manifests import read_manifest
from tunebound.theory.multi_head.starts import RandomStarts

OPTIONS = {"steps": 40, "exact": True}
NAMES = ["H-anytime", "H-limit"]


@pytest.fixture(scope="module")
def grid():
    return synthetic.make_grid(
        ["gaussian", "orthogonal"],
        n=[6, 8],
        d=[4, 8],
        margin=1.0,
        radius=[4.0, 8.0],
        seeds=[0, 5],
        name="mine",
    )


@pytest.fixture(scope="module")
def on_grid(grid, tmp_path_factory):
    directory = tmp_path_factory.mktemp("grid") / "study"
    return directory, theory.study(grid, output=directory, jobs=1, **OPTIONS)


@pytest.fixture(scope="module")
def on_sets(grid, tmp_path_factory):
    directory = tmp_path_factory.mktemp("sets") / "study"
    return directory, theory.study(list(grid)[:6], NAMES, output=directory, jobs=1, **OPTIONS)


def same(first, second, without=()):
    for table in computing.TABLES:
        one, other = (
            getattr(each, table).drop(columns=list(without), errors="ignore")
            for each in (first, second)
        )
        pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-12)


def test_rows_agree_with_one_head_at_a_time(grid, on_grid):
    rows, environments = on_grid[1].rows, on_grid[1].environments
    assert environments["environment"].tolist() == [data.name for data in grid]
    for member in (0, 9, len(grid) - 1):
        data = grid[member]
        rate = environments.loc[member, "learning_rate"]
        paths = leave_one_out_paths(data.X, data.y, rate, 40)
        units = paths[:, 40] / np.linalg.norm(paths[:, 40], axis=1, keepdims=True)
        own = rows[(rows["member"] == member) & (rows["steps"] == 40)].set_index("theorem")
        measured = np.linalg.norm(units[1:] - units[0], axis=1).mean()
        assert own.loc["H-anytime-plain", "measured"] == pytest.approx(measured, rel=1e-9)
        expected = 2 * data.radius / (data.margin * data.n)
        assert own.loc["H-anytime-plain", "bound"] == pytest.approx(expected, rel=1e-9)


def test_verdicts_are_those_of_verify(grid, on_sets):
    sets = list(grid)[:6]
    for name in NAMES:
        judged = theory.judge(name, on_sets[1])
        assert judged == theory.verify(name, sets, jobs=1, **OPTIONS)
        assert "on 6 environments handed over" in str(judged)
        assert judged.violation_limit is None


def test_the_same_sets_have_the_same_rows_whoever_hands_them_over(grid, on_grid, on_sets):
    in_grid = theory.load(on_grid[0], theorems=NAMES)
    first = in_grid.rows["member"] < 6
    pd.testing.assert_frame_equal(
        in_grid.rows[first].drop(columns="draw"),
        on_sets[1].rows.drop(columns="draw"),
        check_dtype=False,  # maxima are whole numbers where only such theorems are computed
        rtol=1e-9,
        atol=1e-12,
    )
    assert set(on_sets[1].rows["draw"]) == {""}
    in_memory = theory.study(list(grid)[:6], NAMES, jobs=2, **OPTIONS)
    same(in_memory, on_sets[1])


def test_only_the_theorems_that_are_asked_for_are_computed(on_sets, grid):
    assert set(on_sets[1].rows["theorem"]) == set(NAMES)
    asked = [
        each.name for each in theory.Study(suite=grid, theorems=[*NAMES[::-1], NAMES[0]]).tested()
    ]
    order = [name for name in theory.theorems("head") if name in NAMES]
    assert asked == order, "in the order of registration, whoever asks"


def test_sets_that_share_a_cloud_are_one_draw(grid, on_grid):
    environments = on_grid[1].environments
    clouds = {(data.family, data.n, data.d, data.seed) for data in grid}
    assert environments["draw"].nunique() == len(clouds) == len(grid) // 2
    verdict = theory.judge("H-anytime", on_grid[1])
    assert verdict.draws == len(clouds)
    assert verdict.violation_limit == pytest.approx(1 - 0.05 ** (1 / len(clouds)))
    assert read_manifest(on_grid[0])["draws"] == len(clouds)


def test_a_grid_is_told_by_its_name_and_lists_what_is_impossible(on_grid, grid):
    manifest = read_manifest(on_grid[0])
    assert (manifest["suite"], manifest["seed"]) == ("mine", None)
    assert manifest["grid"] == json.loads(json.dumps(grid.design))
    assert set(manifest["left_out"]) == {
        "orthogonal-n6-d4-m1-r4",
        "orthogonal-n6-d4-m1-r8",
        "orthogonal-n8-d4-m1-r4",
        "orthogonal-n8-d4-m1-r8",
    }
    page = theory.report(on_grid[0]).read_text(encoding="utf-8")
    assert "The grid mine" in page
    assert "8 orthogonal samples need d ≥ n" in page


def test_data_without_a_planted_truth_are_reported(grid, tmp_path):
    sets = [synthetic.SeparableDataset.from_arrays(data.X, data.y) for data in list(grid)[:3]]
    results = theory.study(sets, "H-limit", output=tmp_path / "study", jobs=1, **OPTIONS)
    assert results.environments["planted_margin_error"].isna().all()
    page = theory.report(tmp_path / "study").read_text(encoding="utf-8")
    assert "Data handed over" in page
    assert "none is planted" in page
    assert "3 data sets, every sample left out" in page


def test_a_study_of_sets_goes_on_and_keeps_to_its_sets(grid, on_sets, tmp_path):
    sets = list(grid)[:6]
    directory = tmp_path / "study"
    theory.study(sets, NAMES, output=directory, jobs=1, **OPTIONS)
    shards = sorted((directory / "checksums").iterdir())
    kept = shards[0].stat().st_mtime_ns
    shards[-1].unlink()
    again = [replace(data) for data in sets]
    same(theory.study(again, NAMES, output=directory, jobs=1, **OPTIONS), on_sets[1])
    assert shards[0].stat().st_mtime_ns == kept, "finished shards are not computed again"
    moved = sets[3].X.copy()
    moved[0, 0] = np.nextafter(moved[0, 0], np.inf)
    for others in (sets[:5], sets[::-1], [*sets[:3], replace(sets[3], X=moved), *sets[4:]]):
        with pytest.raises(
            ValueError,
            match=r"another study \(there and here differ: (members, 6 and 5|digest)\)",
        ):
            theory.study(others, NAMES, output=directory, **OPTIONS)


def test_another_study_in_the_directory_is_named(grid, on_grid, on_sets):
    other = synthetic.make_grid("gaussian", n=8, d=4, margin=0.5, radius=4.0, name="other")
    with pytest.raises(
        ValueError,
        match=r"another study, of the grid mine \(there and here differ: suite, 'mine' and 'other'",
    ):
        theory.study(other, output=on_grid[0], **OPTIONS)
    shorter = synthetic.make_grid(**{**grid.design, "seeds": [0]}, name="mine")
    with pytest.raises(ValueError, match=r"another study \(there and here differ: members, .*grid"):
        theory.study(shorter, output=on_grid[0], **OPTIONS)
    with pytest.raises(ValueError, match=r"another study \(there and here differ: theorems"):
        theory.study(grid, NAMES, output=on_grid[0], **OPTIONS)
    with pytest.raises(ValueError, match="another study, of data handed over"):
        theory.study("smoke", NAMES, output=on_sets[0], **OPTIONS)


@pytest.mark.parametrize("handed_over", [False, True])
def test_counterexamples_are_stored_and_replay(grid, handed_over, tmp_path, monkeypatch):
    keep(monkeypatch, statement._THEOREMS)

    @theory.theorem("N-none", statement="nothing moves", source="a test", setting="head")
    def none(evidence):
        return [evidence.mean_limit_claim(0.0)]

    sets = list(grid)[:6] if handed_over else grid
    results = theory.study(sets, none, output=tmp_path / "study", jobs=1, **OPTIONS)
    theory.report(tmp_path / "study")
    verdict = theory.judge(none, results)
    assert verdict.test == "violated"
    stored = synthetic.SeparableDataset.from_npz(tmp_path / "study/counterexamples/N-none.npz")
    np.testing.assert_array_equal(stored.X, grid[verdict.violation.member].X)
    assert theory.verify(none, [stored], jobs=1, **OPTIONS).violations == 1


def test_what_no_report_would_find_is_not_stored(grid, tmp_path):
    loose = theory.Theorem(
        name="T",
        statement="s",
        source="s",
        proof="conjecture",
        setting="head",
        claims=lambda evidence: [evidence.mean_limit_claim(2.0)],
    )
    assert set(theory.study([grid[0]], loose, jobs=1, **OPTIONS).rows["theorem"]) == {"T"}
    with pytest.raises(ValueError, match="theorem 'T' is not registered"):
        theory.study([grid[0]], loose, output=tmp_path / "study", **OPTIONS)
    assert not (tmp_path / "study").exists()


def test_a_suite_itself_is_kept_with_its_draws(tmp_path):
    suite = synthetic.make_suite("smoke")
    few = synthetic.Suite("few", 0, suite.specifications[:2])
    results = theory.study(few, "H-limit", output=tmp_path / "study", jobs=1, **OPTIONS)
    assert results.rows["draw"].tolist() == [each.name for each in few.specifications]
    assert len(list((tmp_path / "study/members").iterdir())) == 2
    assert theory.report(tmp_path / "study").is_file()


MADE = {
    "head": synthetic.make_separable(n=6, d=3),
    "several-classes": synthetic.make_classes(n=9, d=3, classes=3),
    "full-quadratics": synthetic.make_quadratics(2, 1, mu=0.5, beta=1.0, distance=1.0),
    "regularised-heads": synthetic.make_mirrored(n=8, d=3),
}


def test_the_setting_is_found_from_the_sets_or_the_theorems():
    for name, data in MADE.items():
        assert members.setting_for([data, data], None, None).name == name
        assert data.__class__ in members.taken_by(theory.find_setting(name))
    log_cosh = synthetic.make_smooth_losses(2, 1, mu=0.5, beta=1.0, distance=1.0)
    both = [MADE["full-quadratics"], log_cosh]
    assert members.setting_for(both, None, None).name == "full-quadratics"
    assert members.taken_by(theory.find_setting("multi-head")) == (RandomStarts,)
    churn = next(iter(theory.theorems("churn").values()))
    assert members.setting_for([MADE["head"]], [churn], None).name == "churn"
    assert members.setting_for([MADE["head"]], None, "churn").name == "churn"
    assert members.setting_for("strengths", None, None).name == "remedies"
    assert members.setting_for(synthetic.make_class_suite("smoke"), None, None).name == (
        "several-classes"
    )


@pytest.mark.parametrize(
    ("sets", "keywords", "error", "message"),
    [
        ([MADE["head"], MADE["several-classes"]], {}, TypeError, "no setting takes ClassDataset, "),
        ([], {"setting": "head"}, ValueError, "suite is empty"),
        ([3], {}, TypeError, "no setting takes int"),
        ([MADE["head"], 3], {"setting": "head"}, TypeError, "environment 1 is of type int, and"),
        (
            [synthetic.make_suite("smoke").specifications[0]],
            {"theorems": "H-limit"},
            TypeError,
            r"environment 0 is of type Specification, .* takes SeparableDataset; call its make\(\)",
        ),
        (
            synthetic.make_grid("gaussian", n=6, d=3, margin=1.0, radius=2.0),
            {"setting": "several-classes"},
            TypeError,
            "a data set of the grid is of type SeparableDataset, and the setting 'several-classes'",
        ),
        ([MADE["head"]], {"setting": "hed"}, ValueError, "no setting is named 'hed'; did you mean"),
        ("smok", {}, ValueError, "no suite of any setting is named 'smok'"),
        ([MADE["head"]], {"theorems": []}, ValueError, "theorems is empty; leave it out"),
        ([MADE["head"]], {"theorems": "H-limt"}, ValueError, "did you mean 'H-limit'"),
        (
            [MADE["head"]],
            {"theorems": ["H-limit", "P-Full"]},
            ValueError,
            "several settings .'H-limit' of 'head', 'P-Full' of 'full-quadratics'.",
        ),
        (
            [MADE["head"]],
            {"theorems": "H-limit", "setting": "churn"},
            ValueError,
            "theorem 'H-limit' speaks of the setting 'head', not of 'churn'",
        ),
        ([MADE["head"]], {"step": 3}, ValueError, r"options \['step'\] are unknown"),
        ([MADE["head"]], {"families": "wide"}, ValueError, "families=.'wide',. is for the suites"),
    ],
)
def test_what_cannot_be_studied_is_refused_before_any_work(
    sets, keywords, error, message, monkeypatch
):
    monkeypatch.setattr(computing, "examine", None)
    with pytest.raises(error, match=message):
        theory.study(sets, jobs=1, **keywords)


def test_a_study_is_summarised_and_shown(on_grid, grid, tmp_path):
    text = theory.Study(suite=grid, options=OPTIONS).summary(tmp_path / "nothing")
    assert f"grid mine: {len(grid)} data sets ({grid.draws} independent draws)" in text
    results = on_grid[1]
    assert f"{len(results.rows):,} rows on {len(grid)} environments" in repr(results)
    shown = results._repr_html_()
    assert shown.count("<table") == 3
    assert "H-anytime [proved here]" in theory.judge("H-anytime", results)._repr_html_()
