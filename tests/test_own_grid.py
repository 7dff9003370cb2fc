"""The file and the commands of docs/own-grid.md; its Python blocks run with those of all pages."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tunebound import synthetic, theory

PAGE = (Path(__file__).parents[1] / "docs" / "own-grid.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_commands_of_the_page_run_in_their_order(tmp_path):
    name, text = re.search(r"`([\w.]+)`:\n\n```toml\n(.*?)```", PAGE, re.DOTALL).groups()
    (tmp_path / name).write_text(text, encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands.splitlines():
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    stored = tomllib.loads(text)
    levels = {key: stored[key] for key in stored if key not in ("theorems", "options")}
    results = theory.load(tmp_path / "runs/margins")
    names = [each.name for each in synthetic.make_grid(**levels).specifications]
    assert results.environments["environment"].tolist() == names
    assert set(results.rows["theorem"]) == set(stored["theorems"])
    assert results.rows["steps"].replace(float("inf"), 0).max() == stored["options"]["steps"]
    assert "The grid margins" in (tmp_path / "runs/margins/report.html").read_text("utf-8")
