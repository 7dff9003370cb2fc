"""Grids in files: read strictly, run, continued and reported from the command line."""

import pytest

from tests.theory.test_command_line import call
from tunebound import synthetic, theory
from tunebound.theory.engine.grids import read_grid

TEXT = """
families = ["gaussian", "wide"]
n = [8, 12]
d = 10
margin = 0.5
radius_over_margin = [4, 8]
theorems = ["H-limit", "H-anytime"]

[options]
steps = 40
exact = true
"""


@pytest.fixture
def path(tmp_path):
    written = tmp_path / "mine.toml"
    written.write_text(TEXT, encoding="utf-8")
    return written


def test_a_file_is_the_call_that_it_spells(path):
    file = read_grid(path)
    assert file.grid == synthetic.make_grid(
        ["gaussian", "wide"], n=[8, 12], d=10, margin=0.5, radius_over_margin=[4, 8], name="mine"
    )
    assert (file.setting, file.theorems) == (None, ("H-limit", "H-anytime"))
    study = file.study(steps=50)
    assert (study.setting, study.options) == ("head", {"steps": 50, "exact": True})
    assert [each.name for each in study.tested()] == ["H-limit", "H-anytime"]
    path.write_text('name = "other"\nsetting = "churn"\n' + TEXT.partition("theorems")[0])
    named = read_grid(path)
    assert (named.grid.name, named.study().setting, named.study().theorems) == (
        "other",
        "churn",
        None,
    )
    with pytest.raises(ValueError, match="one of the setting 'churn', and 'head' is asked for"):
        named.study("head")


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("margin =", "margn =", ValueError, "no key of a grid is named 'margn'; did you mean 'mar"),
        ("n = [8, 12]\n", "", ValueError, "it lacks n; name the levels"),
        ("n = [8, 12]", "n = [8, 12.0]", TypeError, r"n\[1\] must be an integer, got 12.0"),
        ("n = [8, 12]", "n = [8, 2]", ValueError, r"n\[1\] must be at least 4, got 2"),
        ('"wide"', '"wyde"', ValueError, "no family is named 'wyde'; did you mean 'wide'"),
        ("= 0.5", '= "half"', TypeError, "margin must be a value or a sequence"),
        ("= 0.5", "= nan", ValueError, r"margin\[0\] must be finite"),
        ("H-limit", "H-limt", ValueError, "no theorem is named 'H-limt'; did you mean 'H-limit'"),
        ('["H-limit", "H-anytime"]', '"H-limit"', TypeError, "theorems must be a list of names"),
        (
            "[options]\nsteps = 40\nexact = true",
            "options = 3",
            TypeError,
            "options must be a table",
        ),
        ("margin = 0.5", "setting = 3\nmargin = 0.5", TypeError, "setting must be text, got 3"),
        ("[options]", "options]", ValueError, "is not readable as TOML"),
    ],
)
def test_files_are_read_strictly(path, old, new, error, message):
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != TEXT
    with pytest.raises(error, match=rf"mine\.toml.*{message}"):
        read_grid(path)


def test_a_grid_is_run_continued_and_reported(path, monkeypatch, capsys):
    target = path.parent / "study"
    run = ("run", "--grid", path, "--output", target, "--jobs", "1")
    code, out, err = call(monkeypatch, capsys, *run, "--dry-run")
    assert code == 0, err
    assert "grid mine: 6 data sets (3 independent draws)" in out
    assert "wide-n12-d10-m0.5-r2 and 1 like it: family 'wide': needs more features" in out
    assert "theorems: H-limit, H-anytime" in out
    assert not target.exists()
    code, out, err = call(monkeypatch, capsys, *run)
    assert code == 0, err
    assert "left out, being impossible: 2 data sets" in out
    assert "H-anytime  on 3 independent draws of this design" in out
    shards = sorted((target / "checksums").iterdir())
    kept = shards[0].stat().st_mtime_ns
    shards[-1].unlink()
    assert call(monkeypatch, capsys, *run)[0] == 0
    assert shards[0].stat().st_mtime_ns == kept
    assert set(theory.load(target).rows["theorem"]) == {"H-limit", "H-anytime"}
    assert call(monkeypatch, capsys, "report", target)[0] == 0
    assert "The grid mine" in (target / "report.html").read_text(encoding="utf-8")
    path.rename(path.with_name("other.toml"))
    code, _, err = call(
        monkeypatch, capsys, "run", "--grid", path.with_name("other.toml"), "--output", target
    )
    assert code == 2
    assert "holds another study, of the grid mine (there and here differ: suite, " in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "smoke"), "names data sets and seeds; leave out --suite and --seed"),
        (("--seed", "3"), "leave out --suite and --seed"),
        (("--setting", "churn"), "theorem 'H-anytime' speaks of the setting 'head', not of 'chur"),
        (("--set", "families=wide"), "families=('wide',) is for the suites of the setting 'head'"),
        (("--set", "step=3"), "unknown to the setting 'head'"),
    ],
)
def test_what_contradicts_a_grid_is_refused(path, monkeypatch, capsys, arguments, message):
    code, _, err = call(monkeypatch, capsys, "run", "--grid", path, *arguments)
    assert code == 2
    assert message in err


def test_a_file_that_is_not_there_is_named(monkeypatch, capsys, tmp_path):
    code, _, err = call(monkeypatch, capsys, "run", "--grid", tmp_path / "nothing.toml")
    assert code == 2
    assert "nothing.toml is no file; name the TOML file of a grid" in err
