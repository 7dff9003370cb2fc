"""Tables read in part: what a filter by hand gives, and no more is read; checksums all the same."""

import shutil

import numpy as np
import pandas as pd
import pytest

from tunebound import theory
from tunebound.theory.engine import computing

NAMES = ["H-limit", "H-anytime"]


def test_the_rows_of_some_theorems(study_directory, results):
    found = theory.load(study_directory, theorems=NAMES)
    for table in ("rows", "skipped"):
        whole = getattr(results, table)
        expected = whole[whole["theorem"].isin(NAMES)].reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(found, table), expected, check_dtype=False)
    assert len(found.rows) > 0
    pd.testing.assert_frame_equal(found.environments, results.environments)
    assert theory.judge("H-limit", found) == theory.judge("H-limit", results)


def test_some_columns_of_every_table_that_has_them(study_directory, results):
    found = theory.load(study_directory, columns=["bound", "n", "gap"])
    pd.testing.assert_frame_equal(found.rows, results.rows[["member", "n", "bound"]])
    pd.testing.assert_frame_equal(found.environments, results.environments[["member", "n", "gap"]])
    assert list(found.skipped.columns) == ["member"]


def test_theorems_and_columns_together(study_directory, results):
    found = theory.load(study_directory, theorems="H-limit", columns="measured")
    whole = results.rows[results.rows["theorem"] == "H-limit"]
    expected = whole[["member", "measured"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.rows, expected)


def test_a_theorem_that_only_skipped_has_rows_of_none_with_their_columns(study_directory, results):
    silent = set(results.skipped["theorem"]) - set(results.rows["theorem"])
    assert silent
    found = theory.load(study_directory, theorems=sorted(silent))
    assert len(found.rows) == 0
    assert {"theorem", "measured", "bound"} <= set(found.rows.columns)
    assert set(found.skipped["theorem"]) == silent


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"theorems": "H-limt"}, "no theorem of this study is named 'H-limt'; did you mean"),
        ({"theorems": ["H-limit", "P-Full"]}, "no theorem of this study is named 'P-Full'"),
        ({"theorems": []}, "no theorem of this study is named; leave it out to read all"),
        ({"columns": "mesured"}, "no column is named 'mesured'; did you mean 'measured'"),
        ({"columns": []}, "no column is named; leave it out"),
    ],
)
def test_unknown_names_are_refused(study_directory, asked, message):
    with pytest.raises(ValueError, match=message):
        theory.load(study_directory, **asked)


def test_what_is_damaged_is_refused_though_it_is_not_asked_for(study_directory, tmp_path):
    directory = tmp_path / "study"
    shutil.copytree(study_directory, directory)
    path = sorted((directory / "environments").iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match="not what this study wrote"):
        theory.load(directory, theorems="H-limit", columns="measured")


def rows(**columns):
    number = len(columns["measured"])
    return pd.DataFrame(
        {
            "member": np.zeros(number, int),
            "environment": "e",
            "theorem": "H-limit",
            "quantity": "q",
            "steps": np.arange(1.0, number + 1),
            "resolution": 0.01,
            **columns,
        }
    )


def test_tightness_is_a_ratio_where_there_is_one():
    made = rows(measured=[1.0, 0.005, 0.0, 0.005, 1.0, 2.0], bound=[4.0, 2.0, 0.0, 0.0, 0.0, -1.0])
    np.testing.assert_array_equal(theory.tightness(made), [0.25, 0.0, *[np.nan] * 4])
    assert theory.tightness(made).index.equals(made.index)


def test_judged_rows_are_the_last_or_the_tightest_of_each():
    made = rows(measured=[1.0, 3.0, 2.0, 1.0], bound=[4.0, 4.0, 4.0, 0.0])
    two = pd.concat([made, made.assign(member=1, measured=made["measured"] / 2)], ignore_index=True)
    assert list(theory.judged_rows(two, "last").index) == [3, 7]
    assert list(theory.judged_rows(two, "tightest").index) == [1, 5]
    assert list(theory.judged_rows(two).index) == [3, 7], "heads are judged at the last step"
    full = two.assign(theorem="P-Full")
    assert list(theory.judged_rows(full).index) == [1, 5], "full tuning where it is tightest"
    assert len(theory.judged_rows(two[:0])) == 0


def test_judged_rows_of_a_study_agree_with_a_loop(results):
    expected = []
    for _, group in results.rows.groupby(["member", "theorem", "quantity"]):
        expected += list(group.index[group["steps"] == max(group["steps"])])
    judged = theory.judged_rows(results.rows)
    assert list(judged.index) == sorted(expected)
    ratio = theory.tightness(judged)
    for index in judged.index[::17]:
        measured, bound, resolution = judged.loc[index, ["measured", "bound", "resolution"]]
        if bound > 0:
            assert ratio[index] == (measured / bound if measured > resolution else 0)
        else:
            assert np.isnan(ratio[index])


@pytest.mark.parametrize("function", [theory.tightness, theory.judged_rows])
def test_what_are_no_rows_is_refused(function, results):
    with pytest.raises(TypeError, match="rows must be a DataFrame, got Results"):
        function(results)
    with pytest.raises(ValueError, match="rows lack the columns"):
        function(results.environments)
    assert computing.TABLES[0] == "rows"


def test_the_rows_of_some_members(study_directory, results):
    found = theory.load(study_directory, members=(3, 6))
    for table in computing.TABLES:
        whole = getattr(results, table)
        expected = whole[whole["member"].isin([3, 4, 5])].reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(found, table), expected, check_dtype=False)
    part = theory.load(study_directory, members=(3, 4), theorems="H-limit", columns="bound")
    assert part.rows["member"].unique().tolist() == [3]
    assert list(part.rows.columns) == ["member", "bound"]


@pytest.mark.parametrize("members", [(4, 4), (0, 10**6), (-1, 1), (0.0, 1), (1, 2, 3)])
def test_members_that_are_none_are_refused(study_directory, members):
    with pytest.raises((ValueError, TypeError), match="members"):
        theory.load(study_directory, members=members)
