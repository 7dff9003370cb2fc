"""A rung is in four places: the face's list and its table, an independent formula and arguments to
compare at, and the page that proves it. What is missing is named with the file to write it in.
"""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mpmath import mpf

from tests.bounds import test_full, test_head, test_literature, test_multi_class, test_multi_head
from tests.oracles import (
    full_estimation,
    full_formulas,
    head_formulas,
    literature_formulas,
    multi_class_formulas,
    multi_head_formulas,
)
from tunebound.bounds import full, head, literature, multi_class, multi_head

ROOT = Path(__file__).parents[2]
TOLERANCE = {"full.worst_case": 5e-4}  # what the independent program resolves


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """A face, and what the repository has for its rungs."""

    face: ModuleType
    oracles: tuple[ModuleType, ...]
    tests: ModuleType
    page: str

    @property
    def name(self):
        return self.face.__name__.removeprefix("tunebound.bounds.")

    @property
    def file(self):
        return "bounds/" + self.face.__file__.rsplit("/bounds/")[-1]

    @property
    def rungs(self):
        return {name for name in self.face.__all__ if inspect.isfunction(getattr(self.face, name))}

    def oracle(self, rung):
        found = [getattr(module, rung) for module in self.oracles if hasattr(module, rung)]
        return found[0] if found else None


LADDERS = [
    Ladder(face=head, oracles=(head_formulas,), tests=test_head, page="docs/head-tuning.md"),
    Ladder(
        face=full,
        oracles=(full_formulas, full_estimation),
        tests=test_full,
        page="docs/full-tuning.md",
    ),
    Ladder(
        face=multi_head,
        oracles=(multi_head_formulas,),
        tests=test_multi_head,
        page="docs/multi-head.md",
    ),
    Ladder(
        face=multi_class,
        oracles=(multi_class_formulas,),
        tests=test_multi_class,
        page="docs/several-classes.md",
    ),
    Ladder(
        face=literature,
        oracles=(literature_formulas,),
        tests=test_literature,
        page="docs/head-tuning.md",
    ),
]
RUNGS = [
    pytest.param(ladder, rung, id=f"{ladder.name}.{rung}")
    for ladder in LADDERS
    for rung in sorted(ladder.rungs)
]


def path_of(module):
    return Path(module.__file__).relative_to(ROOT).as_posix()


def table(text):
    """First words of the rows of a docstring's table, without its head."""
    _, _, rows, _ = re.split(r"^=[= ]+$", text, flags=re.MULTILINE)
    return re.findall(r"^(\w+)", rows, flags=re.MULTILINE)


@pytest.mark.parametrize("ladder", LADDERS, ids=lambda ladder: ladder.name)
def test_the_table_of_a_face_has_its_rungs_once(ladder):
    listed = table(ladder.face.__doc__)
    assert len(listed) == len(set(listed)), f"{ladder.file}: the table repeats a rung"
    missing, unknown = ladder.rungs - set(listed), set(listed) - ladder.rungs
    assert not missing, f"{ladder.file}: add {sorted(missing)} to the table of its docstring"
    assert not unknown, f"{ladder.file}: the table has {sorted(unknown)}, __all__ has not"


@pytest.mark.parametrize("ladder", LADDERS, ids=lambda ladder: ladder.name)
def test_tests_know_no_rung_that_is_gone(ladder):
    gone = set(ladder.tests.VALID) - ladder.rungs
    assert not gone, f"{path_of(ladder.tests)}: VALID has {sorted(gone)}, {ladder.file} has not"


@pytest.mark.parametrize(("ladder", "rung"), RUNGS)
def test_a_rung_is_its_independent_formula(ladder, rung):
    oracle, valid = ladder.oracle(rung), ladder.tests.VALID.get(rung)
    assert valid, f"{path_of(ladder.tests)}: add valid arguments of {rung} to VALID"
    assert oracle, f"{path_of(ladder.oracles[0])}: write {rung} from its statement on paper"
    if oracle.__module__.endswith("full_estimation"):
        pytest.importorskip("PEPit")
    result = getattr(ladder.face, rung)(**valid)
    values, exact = np.ravel(getattr(result, "value", result)), np.ravel(oracle(**valid))
    tolerance = TOLERANCE.get(f"{ladder.name}.{rung}", 1e-12)
    assert max(exact) > 0, f"{path_of(ladder.tests)}: {rung} needs arguments at which it is above 0"
    for value, known in zip(values, exact, strict=True):
        assert abs(mpf(float(value)) - mpf(known)) <= tolerance * known


@pytest.mark.parametrize(("ladder", "rung"), RUNGS)
def test_a_rung_is_proved_on_its_page(ladder, rung):
    name = f"`{ladder.name}.{rung}`"
    text = (ROOT / ladder.page).read_text(encoding="utf-8")
    assert name in text, f"{ladder.page}: prove the bound and name it there as {name}"


@pytest.mark.parametrize(("ladder", "rung"), RUNGS)
def test_a_refusal_begins_with_the_name_of_its_argument(ladder, rung):
    formula, valid = getattr(ladder.face, rung), ladder.tests.VALID[rung]
    for name, value in valid.items():
        if isinstance(value, str):
            with pytest.raises(ValueError, match=f"^{name} must be one of '.*', got 'x'"):
                formula(**{**valid, name: "x"})
        elif np.asarray(value).dtype != bool:
            with pytest.raises(TypeError, match=f"^{name} must be made of real numbers"):
                formula(**{**valid, name: np.asarray(value) * 1j})
            with pytest.raises(ValueError, match=rf"^{name}(\[[0, ]+\])? = nan: {name} must be"):
                formula(**{**valid, name: np.asarray(value) * np.nan})
