"""The commands that a study names: run word for word, they continue it, or compute a set again."""

import html
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest

from tests.theory.test_workers import files
from tunebound import synthetic, theory
from tunebound.theory.command_line import main
from tunebound.theory.engine import computing

OPTIONS = {"steps": 50, "rate_fraction": 0.25, "families": ("gaussian", "wide")}
STUDY = theory.Study("head", "smoke", 3, OPTIONS)
GRID = synthetic.make_grid("gaussian", n=[8, 12], d=3, margin=1.0, radius=4.0, name="two sizes")


@pytest.fixture(autouse=True)
def several_shards(monkeypatch):
    monkeypatch.setattr(computing, "SHARD_MEMBERS", 2)


def typed(monkeypatch, capsys, command):
    """What the command line prints, and its status."""
    monkeypatch.setattr("sys.argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out + said.err


def unfinished(study, directory):
    theory.run(study, directory, jobs=1)
    (directory / "checksums/00000.sha256").unlink()
    return directory


@pytest.mark.parametrize(
    "study",
    [STUDY, theory.Study("head", GRID, options={"steps": 50}, theorems=["H-limit", "H-ratio"])],
    ids=["suite", "grid"],
)
def test_a_report_of_an_unfinished_study_says_what_continues_it(
    monkeypatch, capsys, tmp_path, study
):
    whole = files(theory_run(study, tmp_path / "whole"))
    place = unfinished(study, tmp_path / "a place with spaces")
    status, said = typed(monkeypatch, capsys, shlex.join(["tunebound", "report", str(place)]))
    assert status == 2
    (command,) = re.findall(r"shards are missing; `(.*)` continues the study", said)
    status, said = typed(monkeypatch, capsys, f"{command} --jobs 1")
    assert status == 0, said
    assert files(place) == whole


def theory_run(study, directory):
    theory.run(study, directory, jobs=1)
    return directory


def test_what_no_command_names_is_continued_in_python(tmp_path):
    sets = [GRID[0], GRID[1]]
    for number, study in enumerate(
        [
            theory.Study("head", sets, options={"steps": 50}),
            theory.Study("head", "smoke", options={"steps": 50}, theorems="H-limit"),
        ]
    ):
        place = unfinished(study, tmp_path / f"{number}")
        with pytest.raises(ValueError, match="the same call in Python continues the study"):
            theory.load(place)


def replays(page):
    """Name of a data set → the command that the report shows below it."""
    shown = r"<code>([^<]*)</code>; to compute it again: <code>([^<]*)</code>"
    return {name: html.unescape(command) for name, command in re.findall(shown, page)}


@pytest.mark.parametrize(
    "study", [STUDY, theory.Study("head", GRID, options={"steps": 50})], ids=["suite", "grid"]
)
def test_a_report_says_what_computes_a_data_set_again(monkeypatch, capsys, tmp_path, study):
    results = theory.run(study, tmp_path / "study", jobs=1)
    shown = replays(theory.report(tmp_path / "study").read_text(encoding="utf-8"))
    assert len(shown) > 1
    named = results.environments.set_index("environment")["member"]
    name, command = min(shown.items(), key=lambda each: -named[each[0]])
    status, said = typed(monkeypatch, capsys, f"{command} --jobs 1")
    assert status == 0, said
    assert name in said.split("\n")
    place, member = shlex.split(command)[-1], int(named[name])
    again = theory.load(place, members=(member, member + 1))
    for table in computing.TABLES:
        whole = getattr(results, table)
        expected = whole[whole["member"] == member].reset_index(drop=True)
        pd.testing.assert_frame_equal(
            getattr(again, table), expected, check_exact=True, check_dtype=False
        )
    for row in theory.judged_rows(again.rows).itertuples():
        assert f"{row.theorem}  measured {row.measured:.6g}, bound {row.bound:.6g}, " in said


def test_what_was_handed_over_is_tested_again_from_its_file(monkeypatch, capsys, tmp_path):
    sets = [GRID[0], GRID[1]]
    theory.run(theory.Study("head", sets, options={"steps": 50}), tmp_path / "study", jobs=1)
    shown = replays(theory.report(tmp_path / "study").read_text(encoding="utf-8"))
    command = shown[GRID.specifications[1].name]
    status, said = typed(monkeypatch, capsys, command)
    theorem = shlex.split(command)[2]
    expected = theory.verify(theorem, [sets[1]], steps=50)
    assert status == int(bool(expected.violations))
    assert said.startswith(str(expected).split("\n")[0])


@pytest.mark.parametrize("members", ["3", "5:3", "2:2", "a:b", "-1:2", "0:2:4"])
def test_a_range_that_is_none_is_refused(monkeypatch, capsys, tmp_path, members):
    place = tmp_path / "none"
    command = f"tunebound run --suite smoke --members={members} --output {place}"
    status, said = typed(monkeypatch, capsys, command)
    assert status == 2
    assert "--members" in said
    assert not place.exists()


def test_a_manifest_of_no_grid_is_refused_as_one(monkeypatch, capsys, tmp_path):
    theory.run(STUDY, tmp_path / "study", jobs=1)
    shutil.rmtree(tmp_path / "study/rows")
    command = f"tunebound run --grid {tmp_path}/study/manifest.json --output {tmp_path}/other"
    status, said = typed(monkeypatch, capsys, command)
    assert status == 2
    assert "the smoke suite, which is no grid" in said


def test_a_whole_number_is_one_option_however_it_is_written(tmp_path):
    """What Python hands over as 1.0 is what the command line reads as 1."""
    written, read = (
        theory.Study("head", "smoke", options={"steps": 50, "rate_fraction": one}).manifest()
        for one in (np.float64(1.0), 1)
    )
    assert str(written) == str(read)
