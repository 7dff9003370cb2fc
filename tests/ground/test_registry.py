"""What is registered is found by name, and found where files and packages offer it."""

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from tunebound._ground import registry
from tunebound._ground.registry import Registry, find_named, load_entry_points, modules_in

GROUP = "tunebound.test_kinds"


@pytest.fixture
def kinds():
    load_entry_points.cache_clear()
    yield Registry("kind", lambda: (), GROUP)
    load_entry_points.cache_clear()


def offer(monkeypatch, **modules):
    """Let an installed package offer these modules as entry points."""
    points = [EntryPoint(name, value, GROUP) for name, value in modules.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])


def first():
    return 1


def second():
    return 2


def test_entries_are_found_in_the_order_they_were_added(kinds):
    kinds.add("one", 1, first)
    kinds.add("another", 2, second)
    assert kinds.find("one") == 1
    assert list(kinds.known().items()) == [("one", 1), ("another", 2)]
    assert kinds.owner("another") == f"{__name__}.second"


def test_what_is_known_is_a_copy(kinds):
    kinds.add("one", 1, first)
    kinds.known().clear()
    assert kinds.find("one") == 1


def test_the_same_source_replaces_its_entry(kinds):
    kinds.add("one", 1, first)
    kinds.add("one", 10, first)
    assert kinds.known() == {"one": 10}


def test_another_source_is_refused_and_changes_nothing(kinds):
    kinds.add("one", 1, first)
    owner = rf"kind 'one' is registered by {__name__}\.first already; choose another name"
    with pytest.raises(ValueError, match=owner):
        kinds.add("one", 2, second)
    assert kinds.find("one") == 1
    assert kinds.owner("one") == f"{__name__}.first"


def test_an_unknown_name_is_answered_with_the_closest(kinds):
    kinds.add("gaussian", 1, first)
    kinds.add("sphere", 2, second)
    with pytest.raises(ValueError, match=r"^no kind is named 'gausian'; did you mean 'gaussian'\?"):
        kinds.find("gausian")
    with pytest.raises(ValueError, match=r"^no kind is named 'xyz'\. Known: gaussian, sphere$"):
        kinds.find("xyz")
    with pytest.raises(TypeError, match=r"kind must be named by text, got 3; known: gaussian"):
        kinds.find(3)


def test_where_nothing_is_known_the_refusal_says_so():
    with pytest.raises(ValueError, match=r"no kind is named 'one'\. Known: none"):
        find_named("kind", "one", {})


def test_modules_of_a_package_are_found_in_alphabetical_order(tmp_path, monkeypatch):
    package = tmp_path / "kinds_of_a_test"
    package.mkdir()
    for name in ("__init__", "wide", "ball"):
        (package / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert modules_in("kinds_of_a_test") == ["kinds_of_a_test.ball", "kinds_of_a_test.wide"]


def test_a_module_that_appears_later_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    names = []
    kinds = Registry("kind", lambda: names, GROUP)
    assert kinds.known() == {}
    (tmp_path / "kind_of_a_test.py").write_text("loaded = True\n")
    names.append("kind_of_a_test")
    kinds.known()
    assert sys.modules["kind_of_a_test"].loaded


def test_only_the_modules_of_a_package_are_imported_where_one_is_named(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("wanted_of_a_test", "other_of_a_test"):
        (tmp_path / f"{name}.py").write_text("")
    kinds = Registry("kind", lambda: ["other_of_a_test", "wanted_of_a_test"], GROUP)
    kinds.add("one", 1, first)
    assert kinds.known("wanted_of_a_test") == {"one": 1}
    assert kinds.find("one") == 1
    assert "wanted_of_a_test" in sys.modules
    assert "other_of_a_test" not in sys.modules
    with pytest.raises(ValueError, match="no kind is named 'two'"):
        kinds.find("two")
    assert "other_of_a_test" in sys.modules, "it might have added that"


def test_installed_packages_add_theirs(kinds, tmp_path, monkeypatch):
    (tmp_path / "offered_kind.py").write_text(
        "from host_of_kinds import kinds\n\n\n"
        "def seven():\n    return 7\n\n\n"
        "kinds.add('seven', 7, seven)\n"
    )
    monkeypatch.setitem(sys.modules, "host_of_kinds", SimpleNamespace(kinds=kinds))
    monkeypatch.syspath_prepend(tmp_path)
    offer(monkeypatch, seven="offered_kind")
    assert kinds.find("seven") == 7
    assert kinds.owner("seven") == "offered_kind.seven"


def test_a_package_is_asked_once(kinds, monkeypatch):
    asked = []
    monkeypatch.setattr(registry, "entry_points", lambda group: asked.append(group) or [])
    kinds.known()
    kinds.known()
    assert asked == [GROUP]


@pytest.mark.parametrize(
    ("source", "error"),
    [("import nowhere_to_be_found", "ModuleNotFoundError"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_broken_package_is_named(kinds, tmp_path, monkeypatch, source, error):
    module = f"broken_{error.lower()}"
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    offer(monkeypatch, broken=module)
    message = (
        rf"an installed package offers {module} as {GROUP}, which cannot be imported"
        rf" \({error}: .*\); mend or uninstall"
    )
    with pytest.raises(ImportError, match=message):
        kinds.known()
