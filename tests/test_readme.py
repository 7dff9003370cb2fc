"""Every command and every Python block of the README runs, and every Python block of the
documentation.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


COMMANDS = [
    line.split("#")[0].strip()
    for block in blocks("sh")
    for line in block.splitlines()
    if line.strip()
]


def call(command, directory, **environment):
    done = subprocess.run(
        command,
        shell=True,
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_commands_run_in_the_order_in_which_they_stand(tmp_path):
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (writes,) = [block for block in blocks("python") if "np.savez" in block]
    (tmp_path / "write.py").write_text(writes, encoding="utf-8")
    call(f"{sys.executable} write.py", tmp_path)
    commands = [command for command in COMMANDS if not command.startswith("make")]
    assert len(commands) > 4
    printed = {command: call(command, tmp_path) for command in commands}
    assert (tmp_path / "runs/smoke/report.html").stat().st_size > 50_000
    assert len(list((tmp_path / "runs/smoke/figures").glob("*.png"))) == 5, (
        "the small suite varies no factor by design"
    )
    assert (tmp_path / "runs/full/report.html").stat().st_size > 50_000
    (anytime,) = [text for command, text in printed.items() if "verify H-anytime" in command]
    assert "H-anytime [proved here]: not violated" in anytime
    assert (tmp_path / "certificate.html").stat().st_size > 5_000
    (published,) = [text for command, text in printed.items() if "verify P-Full" in command]
    assert "P-Full [published]: not violated" in published


@pytest.mark.slow
def test_the_violated_bound_exits_with_1(tmp_path):
    assert "`tunebound verify P-Full`" in README
    done = subprocess.run(
        [f"{sys.prefix}/bin/tunebound", "verify", "P-Full"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "P-Full [published]: violated" in done.stdout
    assert "with the weights 1/(n-1) it does not fail there" in done.stdout
    assert "F-closed" in next(
        line for line in done.stdout.splitlines() if line.startswith("  on it hold:")
    )
    assert len(list(tmp_path.rglob("P-Full.npz"))) == 1


@pytest.mark.slow
def test_make_run_does_the_main_job(tmp_path):
    assert [command for command in COMMANDS if command.startswith("make")] == [
        "make run",
        "make test",
    ]
    call("make run", ROOT, RUN=str(tmp_path / "standard"))
    report = (tmp_path / "standard/report.html").read_text(encoding="utf-8")
    assert "H-anytime" in report
    assert "no number named" in report


def test_make_test_is_what_continuous_integration_runs():
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")


@pytest.mark.slow
def test_python_blocks_run_in_order(tmp_path):
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    printed = call(f"{sys.executable} {script}", tmp_path)
    assert "H-anytime [proved here]: not violated" in printed
    assert "half-of-anytime [conjecture]: violated" in printed


PAGES = {
    path.name: blocks("python", path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "docs").glob("*.md"))
}
# blocks that are files: tests/synthetic/test_documentation.py and tests/test_how_to.py write them
OF_THEIR_OWN = ("synthetic-data.md", "testing-formulas.md")


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [name for name, found in PAGES.items() if found and name not in OF_THEIR_OWN]
)
def test_python_blocks_of_the_documentation_run_in_order(page, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(PAGES[page]), encoding="utf-8")
    call(f"{sys.executable} {script}", tmp_path)
