"""What `make mutate` covers, and how it reads what mutmut leaves."""

import json
from collections import Counter

import pytest

from tests.mutation import __main__ as command
from tests.mutation.equivalents import read_equivalents
from tests.mutation.results import Change, Mutant, read_mutants
from tests.mutation.scope import ROOT, Part, choose, read_parts

SOURCE = '''
def x_f__mutmut_orig(n, low=2):
    """f."""
    if n > low:
        return n
    return [
        low,
        n,
    ]

def x_f__mutmut_1(n, low=3):
    """f."""
    if n > low:
        return n
    return [
        low,
        n,
    ]

def x_f__mutmut_2(n, low=2):
    """f."""
    if n >= low:
        return n
    return [
        low,
        n,
    ]

def x_f__mutmut_3(n, low=2):
    """f."""
    if n > low:
        return n
    return [
        n,
    ]

class C:
    def xǁCǁg__mutmut_orig(self):
        return 1

    def xǁCǁg__mutmut_1(self):
        return 2
'''
CHANGES = [
    Change("bounds/m.py", "f", "def (n, low=2):", "def (n, low=3):"),
    Change("bounds/m.py", "f", "if n > low:", "if n >= low:"),
    Change("bounds/m.py", "f", "low,", ""),
    Change("bounds/m.py", "C.g", "return 1", "return 2"),
]


def written(folder, codes):
    path = folder / "mutants/tunebound/bounds/m.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE, encoding="utf-8")
    names = ("x_f__mutmut_1", "x_f__mutmut_2", "x_f__mutmut_3", "xǁCǁg__mutmut_1")
    keys = [f"tunebound.bounds.m.{name}" for name in names]
    meta = json.dumps({"exit_code_by_key": dict(zip(keys, codes, strict=True))})
    (path.parent / "m.py.meta").write_text(meta, encoding="utf-8")


@pytest.mark.parametrize(
    ("codes", "statuses"),
    [
        ((1, 0, None, -24), ("killed", "survived", "not run", "timeout")),
        # an error inside pytest is a kill; no test that calls the function is none
        ((3, 33, 36, 5), ("killed", "survived", "timeout", "survived")),
    ],
)
def test_mutants_are_read_as_changes_of_lines(tmp_path, codes, statuses):
    written(tmp_path, codes)
    assert read_mutants(tmp_path, "bounds/m.py") == [
        Mutant(change, status) for change, status in zip(CHANGES, statuses, strict=True)
    ]


def test_a_known_equivalent_is_no_survivor_and_a_stale_one_is_an_error():
    mutants = [Mutant(CHANGES[0], "survived"), Mutant(CHANGES[1], "killed")]
    other = Change("bounds/other.py", "f", "a", "b")
    for reasons, survivors, stale in (
        ({}, [CHANGES[0]], []),
        ({CHANGES[0]: "why"}, [], []),
        ({CHANGES[0]: "why", CHANGES[1]: "why"}, [], [CHANGES[1]]),
        ({CHANGES[0]: "why", CHANGES[2]: "why"}, [], [CHANGES[2]]),
        # of a module that was not mutated nothing is known
        ({CHANGES[0]: "why", other: "why"}, [], []),
    ):
        tally = command.Tally(mutants, reasons)
        assert (tally.survivors(), tally.stale()) == (survivors, stale)
    rows = command.Tally(mutants, {CHANGES[0]: "why"}).rows()
    assert rows == {"bounds/m.py": Counter(equivalent=1, killed=1)}
    # what was not run may still be equivalent
    unknown = [Mutant(CHANGES[0], "not run")]
    assert command.Tally(unknown, {CHANGES[0]: "why"}).stale() == []


def test_every_module_in_scope_is_in_one_part_and_judged_by_tests_that_are_there():
    listed = Counter(module for part in read_parts() for module in part.files())
    assert set(listed.values()) == {1}
    for folder in ("bounds", "theory/engine/statistics", "tuning/heads/flow"):
        present = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}
        missing = {path for path in present - set(listed) if not path.endswith("__init__.py")}
        assert not missing, f"add {sorted(missing)} to tests/mutation/scope.toml"
    for part in read_parts():
        assert all((ROOT / test).is_file() for test in part.tests), part
        assert all(list(ROOT.glob(pattern)) for pattern in part.modules), part


def test_parts_are_chosen_by_name():
    assert [part.name for part in choose(["verdict", "head"])] == ["head", "verdict"]
    assert choose([]) == read_parts()
    with pytest.raises(SystemExit, match="no part is named heads: choose among arithmetic, head"):
        choose(["heads"])


def test_every_equivalent_is_a_change_of_a_line_that_is_there():
    for change, reason in read_equivalents().items():
        text = (ROOT / change.module).read_text(encoding="utf-8")
        lines = {line.strip() for line in text.splitlines()}
        name = change.function.rpartition(".")[2]
        assert f"def {name}(" in text, f"no longer there: {change}"
        for line in change.before.splitlines():
            assert line.replace("def (", f"def {name}(") in lines, f"no longer there: {change}"
        assert reason


def test_the_copy_has_all_portions_below_one_name(tmp_path):
    command.copy_tree(Part("p", ("bounds/balls.py",), ("tests/bounds/test_balls.py",)), tmp_path)
    assert (tmp_path / "tunebound/theory/engine/verdict.py").is_file()
    settings = (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    assert 'only_mutate = ["tunebound/bounds/balls.py"]' in settings
    assert '"-m", "not slow"' in settings


def test_guarded_functions_are_mutated_too(tmp_path):
    text = '@within_float64("x", "y")\ndef f(x, y):\n    return x / y\n'
    moved = 'def f(x, y):\n    return x / y\n\nf = within_float64("x", "y")(f)\n'
    assert command.undecorated(text) == moved
    assert command.undecorated(moved) == moved
    command.copy_tree(Part("p", ("bounds/balls.py",), ("tests/bounds/test_balls.py",)), tmp_path)
    copy = (tmp_path / "tunebound/bounds/balls.py").read_text(encoding="utf-8")
    assert "@within_float64" not in copy
    assert copy.endswith('\nclasses = within_float64("X", "weights", "dual")(classes)\n')
