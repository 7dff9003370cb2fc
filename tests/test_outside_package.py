"""A package of somebody else's, `tests/outside`, is installed and adds to every command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tunebound import theory

ROOT = Path(__file__).parents[1]
TUNEBOUND = Path(sys.executable).with_name("tunebound")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """The environment variables of a process that finds the package."""
    project = tmp_path_factory.mktemp("outside")
    # from a copy: a build leaves folders where it takes place
    shutil.copytree(ROOT / "tests" / "outside", project, dirs_exist_ok=True)
    target = tmp_path_factory.mktemp("installed")
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline, "--target", str(target)]
    done = subprocess.run([*pip, str(project)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in target.glob("*.dist-info")} == {"tunebound_outside-1.0.dist-info"}
    path = os.pathsep.join(filter(None, (str(target), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


@pytest.fixture
def tunebound(outside, tmp_path):
    """Run a command in an empty folder with the package installed; what it printed."""

    def call(*words, environment=outside):
        done = subprocess.run(
            [TUNEBOUND, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return call


@pytest.mark.parametrize(
    ("command", "name", "text"),
    [
        ("families", "shell", "Between two spheres"),
        ("methods", "feature_decay", "an example"),
        ("theorems", "O-detour [head]", "the triangle inequality"),
    ],
)
def test_what_it_adds_is_listed_with_it_and_not_without(tunebound, command, name, text):
    listed = tunebound(command)
    assert f"\n{name}\n" in listed
    assert text in listed
    assert name not in tunebound(command, environment=dict(os.environ))


def test_a_study_of_its_family_judges_its_theorem(tunebound, tmp_path):
    words = ("--suite", "smoke", "--set", "families=shell", "--jobs", "2")
    printed = tunebound("run", *words, "--output", "study")
    (line,) = (line for line in printed.splitlines() if "O-detour" in line)
    assert line.split()[:5] == ["not", "violated", "proved", "here", "O-detour"]
    assert "on 1 independent draw of this design; few: up to 95 % of new draws" in line
    results = theory.load(tmp_path / "study")
    assert set(results.environments["family"]) == {"shell"}
    rows = results.rows[results.rows["theorem"] == "O-detour"]
    assert set(rows["environment"]) == set(results.environments["environment"])
    assert (rows["bound"] < 2).any()
    tunebound("report", "study")
    report = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert "O-detour" in report
    assert "shell" in report


def test_a_study_compares_its_method_with_plain(tunebound, tmp_path):
    words = ("--suite", "smoke", "--set", "methods=plain,feature_decay", "--jobs", "2")
    tunebound("run", "--setting", "remedies", *words, "--output", "study")
    columns = theory.load(tmp_path / "study").environments.columns
    assert {name.partition(":")[0] for name in columns if ":" in name} == {
        "plain",
        "feature_decay",
    }
    tunebound("report", "study")
    report = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert "feature_decay" in report
