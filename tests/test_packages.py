"""What holds for every package: that it is shipped, what it may import, and that public names are
documented.
"""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
PORTIONS = tuple(SETUPTOOLS["package-dir"].values())
PACKAGES = ("synthetic", "bounds", "tuning", "theory")


def tracked(pattern):
    """The files that git knows whose names match, new ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_every_folder_with_modules_is_listed_and_shipped():
    folders = {path.parent for portion in PORTIONS for path in tracked(f"{portion}/*.py")}
    names = {".".join(("tunebound", *folder.relative_to(ROOT).parts)) for folder in folders}
    assert set(SETUPTOOLS["packages"]) == names, (
        "name in [tool.setuptools] of pyproject.toml exactly the folders that have modules"
    )
    for folder in sorted(folders):
        assert (folder / "__init__.py").is_file(), f"{folder} has modules but no __init__.py"


def test_every_tool_sees_the_same_portions():
    assert SETUPTOOLS["package-dir"] == {f"tunebound.{portion}": portion for portion in PORTIONS}
    assert set(PACKAGES) | {"_ground"} == set(PORTIONS)
    names = set(SETUPTOOLS["package-dir"])
    assert set(PROJECT["tool"]["mypy"]["packages"]) == names
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == names
    links = {path.name: path for path in (ROOT / ".types" / "tunebound").iterdir()}
    assert set(links) == set(PORTIONS)
    for portion, link in links.items():
        assert os.readlink(link) == f"../../{portion}"


@pytest.mark.parametrize("portion", PORTIONS)
def test_every_portion_is_marked_as_typed(portion):
    assert "py.typed" in SETUPTOOLS["package-data"]["*"]
    marker = ROOT / portion / "py.typed"
    assert marker.is_file(), f"add an empty {portion}/py.typed (PEP 561)"


def test_version_is_told_once_and_the_same():
    version = PROJECT["project"]["version"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, flags=re.MULTILINE) == [version]
    released = re.findall(r'^date-released: "(.+)"$', citation, flags=re.MULTILINE)
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+)\] - (.+)$", changes, flags=re.MULTILINE)
    assert newest is not None
    assert [newest[1], [newest[2]]] == [version, released]


def sources():
    """Every Python text of the tree and where it stands: in a module, a notebook or a page."""
    for path in tracked("*.py"):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in tracked("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for number, cell in enumerate(cells):
            if cell["cell_type"] == "code":
                # lines with a percent sign are IPython's, not Python's
                code = re.sub(r"^%.*$", "", "".join(cell["source"]), flags=re.MULTILINE)
                yield f"{path.relative_to(ROOT)}, cell {number}", code
    for path in tracked("*.md"):
        page = path.read_text(encoding="utf-8")
        blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
        for number, block in enumerate(blocks):
            yield f"{path.relative_to(ROOT)}, block {number}", block


def imported(source):
    """The top-level names that a text imports by absolute imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module.partition(".")[0]


def test_nothing_imports_a_portion_without_the_namespace():
    texts = dict(sources())
    for kind in (".py", ".ipynb, ", "README.md, ", "docs/"):
        assert any(kind in place for place in texts), kind
    bare = {place: set(imported(text)) & set(PORTIONS) for place, text in texts.items()}
    assert {place: names for place, names in bare.items() if names} == {}, (
        "write `from tunebound import …`"
    )
    assert set(imported("import bounds.head\nfrom theory import run")) == {"bounds", "theory"}


def run_without(blocked, code):
    """Run code in a process in which importing any of the blocked packages fails."""
    guard = f"import sys\nfor name in {blocked!r}:\n    sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", guard + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_lower_rooms_work_without_cvxpy():
    run_without(
        ["cvxpy", "clarabel", "PEPit"],
        "from tunebound import bounds, synthetic, tuning\n"
        "data = synthetic.make_separable(n=20, d=4)\n"
        "separator = bounds.max_margin(data.X, data.y)\n"
        "bounds.leave_one_out_margins(data.X, data.y)\n"
        "bounds.head.anytime(n=20, margin=separator.margin, radius=data.radius)\n"
        "tuning.tune_heads(data.X, data.y, steps=10)\n",
    )


def test_data_and_bounds_work_without_torch():
    run_without(
        ["torch", "sklearn", "pandas", "matplotlib"],
        "from tunebound import bounds, synthetic\ndata = synthetic.make_separable(n=20,"
        " d=4)\nbounds.max_margin(data.X, data.y)\n",
    )


def public():
    for package in PACKAGES:
        module = importlib.import_module(f"tunebound.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value):
                for inner in getattr(value, "__all__", []):
                    yield f"{package}.{name}.{inner}", getattr(value, inner)
            else:
                yield f"{package}.{name}", value


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(name, value, id=name) for name, value in public()]
)
def test_public_names_document_their_parameters(name, value):
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return
    text = inspect.getdoc(value)
    assert text, f"{name} has no docstring"
    if not inspect.isfunction(value):
        return
    shared = parameters_section(inspect.getdoc(inspect.getmodule(value)))
    described = parameters_section(text) | shared
    for parameter in inspect.signature(value).parameters:
        mentioned = not shared and re.search(rf"\b{re.escape(parameter)}\b", text)
        assert parameter in described or mentioned, (
            f"{name} does not document {parameter}: do so under Parameters, there or, where several"
            f" functions share it, in the docstring of {value.__module__}"
        )


def parameters_section(text):
    """Names that the section "Parameters" of a docstring describes; none where it has none."""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=\n\w[^\n]*\n-+\n|\Z)", text, re.M | re.S)
    if not found:
        return set()
    entries = re.findall(r"^(\S[^:\n]*?)(?: :|$)", found.group(1), re.M)
    return {part.strip().lstrip("*") for entry in entries for part in entry.split(",")}
