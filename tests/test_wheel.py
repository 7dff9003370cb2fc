"""The wheel as a user gets it: what is in it, and that it works where nothing of this tree is.

The tests' own environment cannot show that: it has tunebound in editable form, so that a module
which the wheel lacks is found in the checkout, and the packages of the dev extra, which hide a
dependency that is not declared. So the wheel is installed, with its declared dependencies only,
into an environment of its own, and used from a folder elsewhere.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from tests.test_packages import PORTIONS, PROJECT, ROOT, tracked
from tests.test_readme import blocks

VERSION = PROJECT["project"]["version"]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
# what points a Python process to the checkout or to the tests' environment
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
}


def call(command, directory, seconds=600):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=directory,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(project, folder):
    """The wheel of a project's folder, built with the tests' own setuptools: nothing is loaded."""
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    call([*PIP, "wheel", *offline, "--wheel-dir", folder, project], folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: in the tree, setuptools would leave folders, and ship stale ones."""
    project = tmp_path_factory.mktemp("project")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    for portion in PORTIONS:
        shutil.copytree(
            ROOT / portion, project / portion, ignore=shutil.ignore_patterns("__pycache__")
        )
    return build(project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel):
    """bin/ of an environment with the wheel and its dependencies, as pinned, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="tunebound-") as folder:  # some 2 GB: not kept
        probe = ["download", "--no-deps", "--timeout", "10", "--retries", "0", "--dest", folder]
        try:
            call([*PIP, *probe, "jinja2"], folder, seconds=60)
        except (AssertionError, subprocess.TimeoutExpired) as reason:
            pytest.skip(f"pip reaches no package index: {str(reason)[-500:]}")
        call([sys.executable, "-m", "venv", "environment"], folder)
        binaries = Path(folder, "environment", "bin")
        pip = [binaries / "python", *PIP[1:], "install"]
        call([*pip, wheel, "--constraint", ROOT / "constraints.txt"], folder, seconds=1800)
        yield binaries


@pytest.fixture
def folder(tmp_path):
    """A user's folder, whose own modules have the names of portions."""
    (tmp_path / "bounds.py").write_text('mine = "bounds"\n', encoding="utf-8")
    (tmp_path / "theory").mkdir()
    (tmp_path / "theory" / "__init__.py").write_text('mine = "theory"\n', encoding="utf-8")
    return tmp_path


def run_script(installed, folder, *lines):
    script = folder / "script.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    return call([installed / "python", script], folder)


def test_the_wheel_has_every_file_of_the_portions_and_one_top_level_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.partition("/")[0] for name in names} == {
        "tunebound",
        f"tunebound-{VERSION}.dist-info",
    }
    shipped = {name for name in names if name.startswith("tunebound/")}
    files = {path for portion in PORTIONS for path in tracked(f"{portion}/*")}
    assert shipped == {f"tunebound/{path.relative_to(ROOT).as_posix()}" for path in files}
    assert {f"tunebound/{portion}/py.typed" for portion in PORTIONS} <= shipped
    assert "tunebound/theory/engine/report.html.jinja" in shipped
    assert "tunebound/theory/remedies/chosen.json" in shipped
    assert "tunebound/theory/engine/reached.json" in shipped


@pytest.mark.slow
def test_neither_the_checkout_nor_the_dev_extra_is_there(installed, folder):
    run_script(
        installed,
        folder,
        "import importlib.util, sys, tunebound",
        "assert all(path.startswith(sys.prefix) for path in tunebound.__path__)",
        "for name in ('pytest', 'hypothesis', 'PEPit', 'daqp', 'jax', 'numba'):",
        "    assert importlib.util.find_spec(name) is None, name",
    )


@pytest.mark.slow
def test_the_readme_runs_beside_modules_named_like_portions(installed, folder):
    printed = run_script(
        installed,
        folder,
        *blocks("python"),
        "import bounds as b, theory as t",
        "print('own modules:', b.mine, t.mine)",
    )
    assert "H-anytime [proved here]: not violated" in printed
    assert "half-of-anytime [conjecture]: violated" in printed
    assert "own modules: bounds theory" in printed


@pytest.mark.slow
def test_a_study_and_its_report(installed, folder):
    tunebound = installed / "tunebound"
    call([tunebound, "run", "--suite", "smoke", "--output", "runs/smoke"], folder)
    call([tunebound, "report", "runs/smoke"], folder)
    report = (folder / "runs" / "smoke" / "report.html").read_text(encoding="utf-8")
    assert "H-anytime" in report
    assert "no number named" in report


@pytest.mark.slow
def test_the_command_line_tells_its_version(installed, folder):
    assert VERSION in call([installed / "tunebound", "--version"], folder)


@pytest.mark.slow
def test_data_and_bounds_load_nothing_heavy(installed, folder):
    run_script(
        installed,
        folder,
        "import sys",
        "import tunebound.bounds",
        "import tunebound.synthetic",
        "heavy = {'torch', 'pandas', 'cvxpy', 'sklearn', 'matplotlib'} & set(sys.modules)",
        "assert not heavy, heavy",
    )


@pytest.mark.slow
def test_a_type_checker_sees_the_annotations(installed, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from tunebound import synthetic\n"
        "data = synthetic.make_separable(n=20, d=4)\n"
        "size: str = data.n\n",
        encoding="utf-8",
    )
    mypy = [Path(sys.executable).with_name("mypy"), "--python-executable", installed / "python"]
    done = subprocess.run(
        [*mypy, "--follow-imports", "silent", "--cache-dir", tmp_path / "cache", script],
        cwd=tmp_path,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.stdout.count("error:") == 1, done.stdout + done.stderr
    assert 'script.py:3: error: Incompatible types in assignment (expression has type "int"' in (
        done.stdout
    )


@pytest.mark.slow
def test_distributions_named_like_portions_live_beside_it(installed, tmp_path):
    for name in ("bounds", "synthetic"):
        project = tmp_path / name
        project.mkdir()
        (project / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["setuptools"]\n'
            'build-backend = "setuptools.build_meta"\n'
            f'[project]\nname = "{name}"\nversion = "1"\n'
            f'[tool.setuptools]\npy-modules = ["{name}"]\n',
            encoding="utf-8",
        )
        (project / f"{name}.py").write_text(f'other = "{name}"\n', encoding="utf-8")
        target = tmp_path / f"wheel-{name}"
        target.mkdir()
        pip = [installed / "python", *PIP[1:], "install", "--no-index", "--no-deps"]
        call([*pip, build(project, target)], tmp_path)
    run_script(
        installed,
        tmp_path / "bounds",
        "import sys",
        "sys.path.pop(0)  # the folder, which holds the source of the other distribution",
        "from importlib.metadata import packages_distributions as owners",
        "import bounds, synthetic, tunebound.bounds, tunebound.synthetic",
        "assert (bounds.other, synthetic.other) == ('bounds', 'synthetic')",
        "data = tunebound.synthetic.make_separable(n=20, d=4)",
        "assert tunebound.bounds.max_margin(data.X, data.y).margin > 0",
        "names = ('tunebound', 'bounds', 'synthetic')",
        "assert all(owners()[name] == [name] for name in names), owners()",
    )
    assert "gaussian" in call([installed / "tunebound", "families"], tmp_path)
