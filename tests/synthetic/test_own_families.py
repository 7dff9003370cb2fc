"""Families of one's own: in a script, in an installed package, in other processes, in suites."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tunebound.synthetic import (
    Family,
    Planted,
    Request,
    Specification,
    Suite,
    families,
    make_separable,
    make_suite,
    register_family,
    suite_names,
)

PAGE = (Path(__file__).parents[2] / "docs" / "synthetic-data.md").read_text(encoding="utf-8")
(HYPERCUBE,) = (
    block
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    if "@register_family" in block
)
# Makes members of a suite in two processes, and the same here.
IN_TWO_PROCESSES = """
import json
import os

import joblib

from tunebound.synthetic import families, make_suite


def made(specification):
    data = specification.make()
    truth = [part.tobytes().hex() for part in (data.X, data.y, data.separator, data.dual)]
    return os.getpid(), "hypercube" in families(), data.name, truth


suite = make_suite("standard", seed=3, families=["hypercube", "gaussian"])
some = suite.specifications[::6]
there = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(made)(each) for each in some)
here = [made(each) for each in some]
print(json.dumps({
    "families": sorted({name.split("-")[0] for _, _, name, _ in there}),
    "elsewhere": all(pid != os.getpid() for pid, *_ in there),
    "known there": any(known for _, known, *_ in there),
    "known here": all(known for _, known, *_ in here),
    "same": [each[2:] for each in there] == [each[2:] for each in here],
}))
"""


def run(script: Path, *folders: Path) -> dict[str, object]:
    """What a script printed, in a process of its own that also imports from the folders."""
    path = os.pathsep.join([*map(str, folders), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_family_of_a_script_makes_its_data_in_other_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(HYPERCUBE + IN_TWO_PROCESSES, encoding="utf-8")
    assert run(script) == {
        "families": ["gaussian", "hypercube"],
        "elsewhere": True,
        "known there": False,
        "known here": True,
        "same": True,
    }


def test_a_family_of_an_installed_package_is_found_and_makes_its_data_in_other_processes(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "site"
    about = folder / "cubes-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "cubes.py").write_text(HYPERCUBE, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: cubes\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[tunebound.families]\nhypercube = cubes\n")
    script = tmp_path / "script.py"
    script.write_text(IN_TWO_PROCESSES, encoding="utf-8")
    result = run(script, folder)
    assert result["families"] == ["gaussian", "hypercube"]
    assert result["known here"]
    assert result["same"]


def register_mirrored() -> Family:
    """The gaussian family under another name, registered."""

    @register_family("mirrored", summary="A cloud and its mirror image.")
    def draw(request: Request, rng: np.random.Generator) -> Planted:
        return families()["gaussian"].draw(request, rng)

    return families()["mirrored"]


@pytest.mark.parametrize("name", suite_names())
def test_registering_a_family_changes_no_suite(name: str, clean_register: None) -> None:
    before = make_suite(name, seed=1)
    assert register_mirrored().name == "mirrored"
    after = make_suite(name, seed=1)
    assert after == before
    assert [each.name for each in after.specifications] == [
        each.name for each in before.specifications
    ]


@pytest.mark.parametrize("name", suite_names())
def test_a_suite_of_named_families_has_the_design_of_the_suite(
    name: str, clean_register: None
) -> None:
    mine = register_mirrored()

    def cells(suite: Suite, family: str) -> list[dict[str, object]]:
        return [
            vars(each) | {"family": None}
            for each in suite.specifications
            if each.family.name == family
        ]

    usual = make_suite(name, seed=2)
    suite = make_suite(name, seed=2, families=["wide", mine, "orthogonal"])
    for family, like in (("wide", "wide"), ("mirrored", "gaussian"), ("orthogonal",) * 2):
        assert cells(suite, family) == cells(usual, like) != []
    assert {each.family.name for each in suite.specifications} == {"wide", "mirrored", "orthogonal"}
    assert suite == make_suite(name, seed=2, families=("wide", "mirrored", "orthogonal"))


def test_naming_the_families_of_a_suite_gives_the_suite() -> None:
    for name in suite_names():
        suite = make_suite(name)
        own = dict.fromkeys(each.family.name for each in suite.specifications)
        assert make_suite(name, families=list(own)).specifications[:20] == suite.specifications[:20]
        assert len(make_suite(name, families=list(own))) == len(suite)


def test_a_family_need_not_be_registered() -> None:
    gaussian = families()["gaussian"]
    mine = Family(name="mine", summary="As gaussian.", draw=gaussian.draw)
    data = make_separable(mine, n=12, d=4)
    assert data.name == "mine-n12-d4-m0.5-r4-s0"
    assert "mine" not in families()
    assert make_suite("smoke", families=[mine])[0].family == "mine"
    by_object, by_name = make_separable(gaussian, n=12, d=4), make_separable(n=12, d=4)
    np.testing.assert_array_equal(by_object.X, by_name.X)
    assert repr(gaussian) == "<Family gaussian>"


def test_specifications_are_equal_by_value() -> None:
    shape = {"n": 12, "d": 4, "margin": 0.5, "radius": 4.0, "seed": 1}
    first = Specification(family="gaussian", **shape)
    assert first.family is families()["gaussian"]
    second = Specification(family=families()["gaussian"], **shape)
    again = pickle.loads(pickle.dumps(first))
    assert first == second == again
    assert len({first, second, again}) == 1
    assert first != Specification(family="laplace", **shape)
    assert first != Specification(family="gaussian", **shape, options={"gap": 0.2})


def test_unknown_and_doubled_families_are_refused() -> None:
    with pytest.raises(ValueError, match="no family is named 'gausian'; did you mean 'gaussian'"):
        Specification(family="gausian", n=12, d=4, margin=0.5, radius=4.0, seed=1)
    with pytest.raises(ValueError, match="no family is named 'gausian'; did you mean 'gaussian'"):
        make_suite(families=["gausian"])
    with pytest.raises(TypeError, match=r"must be a sequence of families, got 'gaussian'"):
        make_suite(families="gaussian")
    with pytest.raises(ValueError, match="families must differ, got wide, wide; name each once"):
        make_suite(families=["wide", families()["wide"]])
