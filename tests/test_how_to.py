"""The files and commands of docs/figures.md and docs/testing-formulas.md, and the command that
makes the front page's figure.
"""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIGURE = ROOT / "docs" / "bound-against-measured.png"

pytestmark = pytest.mark.slow


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def commands(page):
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return block.splitlines()


def call(command, directory):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=directory,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pixels(path):
    """Width and height of a png."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:])


def test_figures_for_slides_and_papers_and_the_front_page(tmp_path):
    for command in commands(text("docs/figures.md")):
        call(command, tmp_path)
    name = "bound-against-measured"
    assert pixels(tmp_path / f"slide/{name}.png")[0] == pytest.approx(13.3 * 150, abs=2)
    assert (tmp_path / f"paper/{name}.pdf").read_bytes().startswith(b"%PDF")
    assert re.search(r'<svg[^>]* width="432pt"', (tmp_path / f"page/{name}.svg").read_text("utf-8"))

    (command,) = re.findall(r"`(tunebound plot runs/standard [^`]*)`", text("CONTRIBUTING.md"))
    call(command.replace("runs/standard", "runs/small"), tmp_path)
    drawn = tmp_path / FIGURE.relative_to(ROOT)
    # the same command on the standard study: the same four panels, and a longer legend beside them
    assert pixels(drawn) == pixels(FIGURE)


def test_the_front_pages_show_that_figure():
    caption = "!\\[(.*)\\]\\({}\\)"
    (readme,) = re.findall(caption.format(re.escape("docs/" + FIGURE.name)), text("README.md"))
    (front,) = re.findall(caption.format(re.escape(FIGURE.name)), text("docs/site/index.md"))
    assert readme == front


def test_the_unit_tests_of_the_page_pass_and_notice_a_wrong_formula(tmp_path):
    page = text("docs/testing-formulas.md")
    for way, name, code in re.findall(
        r"^(Append to )?`(\w+\.py)`[^\n]*:\n\n```python\n(.*?)```", page, re.DOTALL | re.MULTILINE
    ):
        with (tmp_path / name).open("a" if way else "x", encoding="utf-8") as file:
            file.write(code)
    assert page.count("```python") == 3
    (command,) = commands(page)
    assert re.search(r"\b3\d passed", call(f"{command} -p no:cacheprovider", tmp_path))
    file = tmp_path / "test_share.py"
    wrong = file.read_text(encoding="utf-8").replace("2 * n_support", "0.1 * n_support")
    file.write_text(wrong, encoding="utf-8")
    with pytest.raises(AssertionError, match="failed"):
        call("pytest -q -p no:cacheprovider test_share.py", tmp_path)
