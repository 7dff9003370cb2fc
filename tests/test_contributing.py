"""The recipes of CONTRIBUTING.md, followed word for word on a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = re.split(
    r"^## ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.MULTILINE
)
BLOCK = re.compile(
    r"(?:(?P<way>New file|Append to|In) `(?P<path>[^`]+)`"
    r"(?:, (?P<place>below|instead of) ``(?P<anchor>.+?)``)?:\n\n)?"
    r"```(?P<language>\w+)\n(?P<text>.*?)```",
    flags=re.DOTALL,
)
TITLES = {
    "A family of data",
    "A bound",
    "A theorem",
    "A fine-tuning method",
    "A setting",
}

pytestmark = pytest.mark.slow


def follow(block, copy):
    """Do what one block of a recipe says."""
    path, text, anchor = copy / (block["path"] or ""), block["text"], block["anchor"]
    if block["way"] == "New file":
        assert not path.exists(), f"{block['path']} is there already"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if block["way"] == "Append to":
        after = f"{before}\n\n{text}"
    elif block["place"] == "instead of":
        assert before.count(anchor) == 1, f"{block['path']} has no single {anchor!r}"
        after = before.replace(anchor, text.strip())
    else:
        lines = before.splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if anchor in line]
        assert places, f"{block['path']} has no line with {anchor!r}"
        lines.insert(places[0] + 1, text)
        after = "".join(lines)
    path.write_text(after, encoding="utf-8")


@pytest.fixture
def copy(tmp_path):
    """The repository's files in another place, where a process finds this copy and no other."""
    target = tmp_path / "copy"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)
    (target / ".venv").symlink_to(sys.prefix)
    for words in (("init", "--quiet"), ("add", "--all")):
        subprocess.run(["git", *words], cwd=target, check=True)
    return target


def test_the_recipes_work_as_they_stand_one_after_the_other(copy):
    assert {recipe.partition("\n")[0] for recipe in RECIPES} >= TITLES
    environment = {**os.environ, "PYTHONPATH": str(copy / ".types")}
    for recipe in RECIPES:
        for block in BLOCK.finditer(recipe):
            if block["way"]:
                follow(block, copy)
                continue
            assert block["language"] == "sh", f"a block that says nowhere to go:\n{block['text']}"
            for command in block["text"].splitlines():
                done = subprocess.run(
                    command,
                    shell=True,
                    cwd=copy,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
