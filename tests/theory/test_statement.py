"""Claims, the registry of theorems, and its messages."""

import re
from pathlib import Path

import numpy as np
import pytest

from tunebound import theory
from tunebound.theory.engine.statement import Claim, find_theorem


def test_rows_average_over_samples_and_keep_the_worst_excess():
    claim = Claim(
        measured=[[1.0, 5.0], [2.0, 2.0]],
        bound=[[3.0, 4.0], [3.0, 3.0]],
        steps=[10, 20],
        resolution=[0.25, 0.5],
        provenance="exact",
        quantity="something",
    )
    first, second = claim.rows()
    assert (first["steps"], first["measured"], first["bound"]) == (10, 3.0, 3.5)
    assert (first["excess"], first["worst"], first["resolution"]) == (0.75, 1, 0.25)
    assert second["excess"] == -1.5


def test_rows_take_a_single_number():
    (row,) = Claim(
        measured=1.0,
        bound=2.0,
        steps=np.inf,
        resolution=0.0,
        provenance="fitted",
        quantity="something",
    ).rows()
    assert (row["measured"], row["bound"], row["excess"], row["steps"]) == (1.0, 2.0, -1.0, np.inf)


def test_resolution_by_sample():
    (row,) = Claim(
        measured=[[1.0, 2.0]],
        bound=[[1.0, 1.0]],
        steps=np.inf,
        resolution=[[0.0, 1.5]],
        provenance="exact",
        quantity="something",
    ).rows()
    assert row["excess"] == 0.0


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (
            Claim(
                measured=[1.0, 2.0],
                bound=[1.0],
                steps=[1, 2],
                resolution=0.0,
                provenance="exact",
                quantity="q",
            ),
            "compares like with like|reshape",
        ),
        (
            Claim(
                measured=[[1.0, 2.0]],
                bound=[[1.0]],
                steps=[1],
                resolution=0.0,
                provenance="exact",
                quantity="q",
            ),
            "compares like with like",
        ),
        (
            Claim(
                measured=np.nan,
                bound=1.0,
                steps=1,
                resolution=0.0,
                provenance="exact",
                quantity="q",
            ),
            "q: measured or bound holds NaN",
        ),
        (
            Claim(
                measured=1.0, bound=1.0, steps=1, resolution=0.0, provenance="guessed", quantity="q"
            ),
            "provenance must be one of",
        ),
    ],
)
def test_claims_that_compare_nothing_are_refused(claim, message):
    with pytest.raises(ValueError, match=message):
        claim.rows()


def test_every_rung_is_registered_with_its_source_and_statement():
    known = theory.theorems("head")
    ladder = {
        "kkt",
        "ratio",
        "pair",
        "dual",
        "support",
        "free",
        "trajectory",
        "chord",
        "anytime",
        "direction",
        "chain",
    }
    assert {f"H-{rung}" for rung in ladder} <= set(known)
    assert known["P-Head"].free_constants == ("C", "λ", "ν")
    assert all(each.statement and each.source for each in known.values())


def test_an_unknown_theorem_is_refused_with_the_closest_name():
    with pytest.raises(
        ValueError, match="no theorem is named 'H-anytme'; did you mean 'H-anytime'"
    ):
        find_theorem("H-anytme")


def test_a_name_is_registered_once():
    with pytest.raises(
        ValueError,
        match=r"'H-anytime' is registered by tunebound\.theory\.head\.theorems\.anytime already",
    ):

        @theory.theorem("H-anytime", statement="s", source="t", setting="head")
        def other(evidence):
            return ()


def test_every_theorem_of_the_project_has_its_row_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs/verdicts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| ([\w-]+) \| [^|]+ \| \[", text, flags=re.MULTILINE))
    own = {
        name: known.setting
        for name, known in theory.theorems().items()
        if known.claims.__module__.startswith("tunebound.theory.")
    }
    missing = own.keys() - rows.keys()
    assert not missing, f"write {sorted(missing)} into the table of theorems in docs/verdicts.md"
    assert rows == own, "docs/verdicts.md names theorems that are not there, or other settings"
    for name, known in theory.theorems().items():
        for page in re.findall(r"docs/[\w-]+\.md", known.source):
            assert (Path(__file__).parents[2] / page).is_file(), f"{name}: its source has no {page}"
