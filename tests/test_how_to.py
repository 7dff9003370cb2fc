"""The files and commands of docs/figures.md and docs/testing-formulas.md, and the command that
makes the front page's figure.
"""

import re
import shlex
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tunebound.theory import command_line

ROOT = Path(__file__).parents[1]
FIGURE = ROOT / "docs" / "bound-against-measured.png"

pytestmark = pytest.mark.slow


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def commands(page):
    (block,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return block.splitlines()


def pixels(path):
    """Width and height of a png."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return struct.unpack(">II", head[16:])


def test_figures_for_slides_and_papers_and_the_front_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(command):
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as stop:
            command_line.main()
        assert not stop.value.code, f"{command}\n{capsys.readouterr()}"

    for command in commands(text("docs/figures.md")):
        call(command)
    name = "bound-against-measured"
    assert pixels(tmp_path / f"slide/{name}.png")[0] == pytest.approx(13.3 * 150, abs=2)
    assert (tmp_path / f"paper/{name}.pdf").read_bytes().startswith(b"%PDF")
    assert re.search(r'<svg[^>]* width="432pt"', (tmp_path / f"page/{name}.svg").read_text("utf-8"))

    (command,) = re.findall(r"`(tunebound plot runs/standard [^`]*)`", text("CONTRIBUTING.md"))
    call(command.replace("runs/standard", "runs/small"))
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
    share = (tmp_path / "test_share.py").read_text(encoding="utf-8")
    wrong = share.replace("2 * n_support", "0.1 * n_support")
    (tmp_path / "test_wrong.py").write_text(wrong, encoding="utf-8")
    (command,) = commands(page)
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "test_wrong.py", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 30, done.stdout
    assert set(re.findall(r"^FAILED (\w+\.py)", done.stdout, re.MULTILINE)) == {"test_wrong.py"}
