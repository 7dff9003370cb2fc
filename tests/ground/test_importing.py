"""Modules are imported without a pause for garbage, and names when they are used."""

import gc
import sys

import pytest

from tunebound._ground.importing import imported, when_used


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a module that says whether garbage was looked for when it was imported."""
    folder = tmp_path / "package_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("own = 1\n")
    (folder / "inner.py").write_text("import gc\n\ncollecting = gc.isenabled()\n")
    (folder / "broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    for name in [each for each in sys.modules if each.split(".")[0] == folder.name]:
        del sys.modules[name]


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_not_looked_for_in_between_and_then_as_before(package, collecting):
    (gc.enable if collecting else gc.disable)()
    try:
        assert not imported(f"{package}.inner").collecting
        assert gc.isenabled() is collecting
        with pytest.raises(ZeroDivisionError):
            imported(f"{package}.broken")
        assert gc.isenabled() is collecting
    finally:
        gc.enable()


def test_names_are_loaded_when_they_are_used(package):
    imported(package)
    load, names = when_used(package, {"collecting": "inner"})
    assert f"{package}.inner" not in sys.modules
    assert {"own", "collecting"} <= set(names())
    assert names() == sorted(names())
    assert load("collecting") is sys.modules[f"{package}.inner"].collecting
    assert vars(sys.modules[package])["collecting"] is False, "it is not asked for again"
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'colecting'"):
        load("colecting")
