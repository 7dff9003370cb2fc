"""What studies said, as it is stored and shown."""

import shutil
from pathlib import Path

import pytest

from tunebound import theory
from tunebound.theory.engine import answers
from tunebound.theory.engine.reporting import judge_all

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_what_is_stored():
    stored = answers.stored()
    assert answers.table(stored) in (ROOT / "README.md").read_text(encoding="utf-8")
    known = theory.theorems()
    assert set(theory.theorems("head")) | set(theory.theorems("full-quadratics")) <= set(stored)
    for name, said in stored.items():
        assert said.statement == known[name].statement, f"{name} was tested as another statement"
        assert said.suite == "standard"
        if known[name].proof == "proved here":
            assert said.test != "violated"


def test_a_study_is_published_as_it_is_judged(study_directory, results, tmp_path):
    for path in (answers.DATA, answers.PAGE):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    assert answers.main([str(study_directory), "--root", str(tmp_path)]) == 0
    written = answers._read((tmp_path / answers.DATA).read_text(encoding="utf-8"))
    for verdict in judge_all(study_directory, results):
        said = written[verdict.theorem.name]
        assert (said.test, said.extent, said.suite) == (verdict.test, verdict.extent, "smoke")
        if verdict.tightness:
            assert said.median == pytest.approx(verdict.tightness["median"])
    page = (tmp_path / answers.PAGE).read_text(encoding="utf-8")
    assert answers.table(written) in page
    assert "P-Full" in page, "what another study said stays"


def test_a_directory_without_a_study_is_one_line_and_status_2(tmp_path, capsys):
    shutil.copytree(ROOT / "theory/engine", tmp_path / "theory/engine")
    assert answers.main([str(tmp_path / "nowhere"), "--root", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
