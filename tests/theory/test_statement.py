"""Claims, the registry of theorems, and its messages."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.registries import clear
from tunebound import synthetic, theory
from tunebound.theory.engine import statement
from tunebound.theory.engine.statement import Assumption, Claim, find_theorem, find_theorems


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
    ("change", "message"),
    [
        ({"measured": [1.0, 2.0]}, r"q: measured has shape \(2,\) for 3 numbers of steps"),
        ({"measured": np.ones((3, 2))}, "compares like with like"),
        ({"bound": np.ones((1, 1))}, r"q: bound has shape \(1, 1\) for 3 numbers of steps"),
        ({"bound": np.nan}, "q: bound = nan"),
        ({"measured": [1.0, np.nan, 1.0]}, r"q: measured\[1\] = nan"),
        ({"bound": [1.0, 1.0, np.nan]}, r"q: bound\[2\] = nan"),
        ({"resolution": np.nan}, "q: resolution = nan"),
        ({"resolution": [0.0, np.nan, 0.0]}, r"q: resolution\[1\] = nan"),
        ({"resolution": np.inf}, "q: resolution = inf: .* must be finite and at least 0"),
        ({"resolution": -1e-9}, "q: resolution = -1e-09: .* must be finite and at least 0"),
        ({"resolution": [0.0, 0.0]}, r"q: resolution has shape \(2, 1\), measured \(3, 1\)"),
        ({"steps": [1.0, np.nan, 3.0]}, r"q: steps\[1\] = nan"),
        ({"steps": [0.0, 1.0, 2.0]}, r"q: steps\[0\] = 0.0: .* must be above 0"),
        (
            {"measured": [1.0, np.inf, 1.0], "bound": [1.0, np.inf, 1.0]},
            r"^q: measured\[1, 0\] = inf: q: measured and the bound must not both be infinite$",
        ),
        ({"measured": [1.0, -np.inf, 1.0]}, "not both be infinite|must be above"),
        ({"bound": [1.0, -np.inf, 1.0]}, r"q: bound\[1, 0\] = -inf: .* must be above −∞"),
        ({"measured": np.ma.masked_greater([1.0, 2.0, 3.0], 2)}, "q: measured is a masked array"),
        ({"bound": ["1", "2", "3"]}, "q: bound must be made of real numbers"),
        ({"provenance": "guessed"}, "provenance must be one of"),
    ],
)
def test_claims_that_decide_nothing_are_refused(change, message):
    claim = {
        "measured": [1.0, 2.0, 3.0],
        "bound": [0.0, 0.0, 0.0],
        "steps": [1, 2, np.inf],
        "resolution": 0.0,
        "provenance": "exact",
        "quantity": "q",
    }
    assert all(row["excess"] > 0 for row in Claim(**claim).rows())
    with pytest.raises((ValueError, TypeError), match=message):
        Claim(**{**claim, **change}).rows()


def test_a_bound_that_is_one_number_holds_for_all():
    quantities = {"steps": [1, 2], "resolution": 0.5, "provenance": "exact", "quantity": "q"}
    measured = [[1.0, 3.0], [2.0, 4.0]]
    scalar = Claim(measured=measured, bound=2.0, **quantities).rows()
    assert scalar == Claim(measured=measured, bound=np.full((2, 2), 2.0), **quantities).rows()
    assert [row["excess"] for row in scalar] == [0.5, 1.5]


def mistaken(function, setting="head"):
    return theory.Theorem(
        name="T", statement="s", source="s", proof="conjecture", setting=setting, claims=function
    )


def undecorated(evidence):
    return [evidence.mean_limit_claim(1.0)]


@pytest.mark.parametrize(
    ("theorem", "error", "message"),
    [
        (mistaken(lambda evidence: True), TypeError, "'T': its function returned True; return a"),
        (mistaken(lambda evidence: None), TypeError, "'T': its function returned None"),
        (mistaken(lambda evidence: undecorated), TypeError, "'T': .* returned <function und"),
        (mistaken(lambda evidence: evidence.mean_limit_claim), TypeError, "returned <bound method"),
        (mistaken(lambda evidence: undecorated(evidence)[0]), TypeError, "'T': .* returned Claim"),
        (mistaken(lambda evidence: evidence.norms < 9), TypeError, "'T': .* returned array"),
        (
            mistaken(lambda evidence: [evidence.mean_limit_claim(evidence.magin)]),
            AttributeError,
            "'T': HeadEvidence has no 'magin'; did you mean 'margin'. It has: .*margins, ",
        ),
        (
            mistaken(lambda evidence: (each.magin for each in [evidence])),
            AttributeError,
            "'T': HeadEvidence has no 'magin'",
        ),
        (
            mistaken(lambda evidence: [evidence.mean_run_claim(evidence.run.distnce)]),
            AttributeError,
            "'T': HeadRun has no 'distnce'; did you mean 'distance'. It has: .*steps, ",
        ),
        (
            mistaken(undecorated, "heads"),
            ValueError,
            "'T' names the setting 'heads': .* mean 'head",
        ),
        (undecorated, TypeError, "got the function undecorated; decorate it with @theory.theorem"),
    ],
)
def test_the_first_mistakes_of_an_author_are_named(theorem, error, message):
    data = [synthetic.make_separable(n=10, d=3)]
    with pytest.raises(error, match=message):
        theory.verify(theorem, data, steps=10, exact=True, jobs=1)
    with pytest.raises(error, match=message):
        theory.study(data, theorem, steps=10, exact=True, jobs=1)


def test_an_error_of_ones_own_is_left_as_it_is():
    data = [synthetic.make_separable(n=10, d=3)]
    with pytest.raises(AttributeError, match="'list' object has no attribute 'size'"):
        theory.verify(mistaken(lambda evidence: [].size), data, steps=10, exact=True, jobs=1)


def test_a_theorem_that_claims_nothing_says_so():
    data = [synthetic.make_separable(n=10, d=3)]
    silent = theory.verify(mistaken(lambda evidence: []), data, steps=10, exact=True, jobs=1)
    assert silent.test == "not tested"
    assert "nothing is claimed of any environment: return at least one claim" in str(silent)


def test_a_side_may_be_infinite_where_the_other_decides():
    quantities = {"steps": [1, 2], "resolution": 0.0, "provenance": "exact", "quantity": "q"}
    rows = Claim(measured=[1.0, np.inf], bound=[np.inf, 1.0], **quantities).rows()
    assert [row["excess"] for row in rows] == [-np.inf, np.inf]


def test_a_violated_bound_with_a_resolution_of_nan_is_not_called_true():
    undecidable = theory.Theorem(
        name="T",
        statement="s",
        source="s",
        proof="conjecture",
        setting="head",
        maximum=2.0,
        claims=lambda evidence: [
            Claim(
                measured=1.0,
                bound=0.0,
                steps=5,
                resolution=np.nan,
                provenance="exact",
                quantity="q",
            )
        ],
    )
    data = [synthetic.make_separable(n=10, d=3)]
    with pytest.raises(ValueError, match="q: resolution = nan"):
        theory.verify(undecidable, data, steps=10, exact=True, jobs=1)


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "..", ".x", "a\\b", "a\nb", "a\0b", "", "x" * 201, 3]
)
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises((ValueError, TypeError), match="name must be text of 1 to 200 characters"):

        @theory.theorem(name, statement="s", source="t", setting="head")
        def other(evidence):
            return ()

    assert name not in theory.theorems()


def test_a_setting_that_is_not_there_is_refused_when_the_theorem_is_written():
    with pytest.raises(ValueError, match=r"'heady' names the setting 'heads': .* mean 'head'"):
        theory.theorem("heady", statement="s", source="t", setting="heads")(undecorated)
    assert "heady" not in theory.theorems()


@pytest.mark.parametrize(("module", "looked_up"), [("tunebound.mine", 0), ("tunebounds", 1)])
def test_theorems_of_ours_are_registered_without_their_setting(module, looked_up, monkeypatch):
    asked = []
    monkeypatch.setattr(statement, "setting_of", asked.append)

    def claims(evidence):
        return ()

    claims.__module__ = module
    made = theory.theorem("made", statement="s", source="t", setting="head")(claims)
    assert asked == [made] * looked_up
    assert theory.theorems()["made"] is made


def test_theorems_come_by_their_settings_and_as_they_were_registered(monkeypatch):
    clear(monkeypatch, statement._THEOREMS)
    for name, setting in (("z", "multi-head"), ("y", "head"), ("x", "multi-head"), ("w", "head")):
        theory.theorem(name, statement="s", source="t", setting=setting)(undecorated)
    assert list(theory.theorems()) == ["y", "w", "z", "x"]
    assert list(theory.theorems("head")) == ["y", "w"]


def test_theorems_of_a_setting_are_looked_for_in_its_folder_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(
        statement._THEOREMS, "known", lambda package="": asked.append(package) or {}
    )
    assert theory.theorems("multi-head") == {}
    assert asked == ["tunebound.theory.multi_head"]


def test_every_theorem_speaks_of_a_setting_that_is_there():
    assert {known.setting for known in theory.theorems().values()} <= set(theory.settings())


@pytest.mark.parametrize("maximum", [np.nan, 0.0, -1.0])
def test_a_maximum_that_no_bound_reaches_is_refused(maximum):
    with pytest.raises(ValueError, match=r"^maximum (=|must be above 0)"):

        @theory.theorem("never", statement="s", source="t", setting="head", maximum=maximum)
        def other(evidence):
            return ()

    smallest = theory.theorem("least", statement="s", source="t", setting="head", maximum=5e-324)
    assert smallest(lambda evidence: ()).maximum == 5e-324


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


def test_a_theorem_is_registered_with_all_that_was_said_of_it():
    assumption = Assumption("n is even", lambda evidence: evidence.n % 2 == 0)

    def claims(evidence):
        """One inequality."""
        return ()

    said = {
        "statement": "a ≤ b",
        "source": "a book",
        "setting": "head",
        "proof": "published",
        "kind": "a posteriori",
        "domain": "n of at least 3",
        "formula": "head.support",
        "maximum": 2.0,
        "assumptions": (assumption,),
        "rates": {"n": -1.0},
        "free_constants": ("C",),
    }
    known = theory.theorem("said", **{**said, "assumptions": [assumption]})(claims)
    assert known == theory.Theorem(name="said", claims=claims, **said)
    assert theory.theorems()["said"] is known
    assert theory.theorems("head")["said"] is known
    assert "said" not in theory.theorems("multi-head")
    assert find_theorem("said") is known
    unsaid = {"statement": "a ≤ b", "source": "a book", "setting": "head"}
    bare = theory.theorem("unsaid", **unsaid)(claims)
    assert bare == theory.Theorem(name="unsaid", claims=claims, proof="conjecture", **unsaid)
    assert (bare.status, bare.maximum, bare.domain) == ("conjecture", np.inf, "")


def test_names_of_theorems_are_a_sequence():
    known = [find_theorem("H-limit"), find_theorem("H-anytime")]
    assert find_theorems(["H-limit", "H-anytime"]) == find_theorems(known) == known
    assert find_theorems("H-limit") == known[:1]
    with pytest.raises(ValueError, match=r"^theorems is empty; leave it out"):
        find_theorems([])
    for wrong in (b"H-limit", np.array("H-limit")):
        with pytest.raises(
            TypeError, match=r"^theorems must be a sequence of names or theorems, got .*a list$"
        ):
            find_theorems(wrong)


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


WORDS = {
    "name": "t",
    "statement": "s",
    "source": "t",
    "setting": "head",
    "proof": "conjecture",
    "claims": lambda evidence: (),
}


@pytest.mark.parametrize(
    "word", ["statement", "source", "proof", "setting", "domain", "kind", "formula"]
)
def test_what_is_said_in_no_words_is_refused_by_name(word):
    with pytest.raises(TypeError, match=f"^{word} must be a str, got int; say it in words$"):
        theory.Theorem(**{**WORDS, word: 3})


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"name": ""}, ValueError, "^name"),
        ({"name": 3}, TypeError, "^name"),
        ({"assumptions": 3}, TypeError, "^assumptions must be a sequence of Assumption, got 3"),
        (
            {"assumptions": [3]},
            TypeError,
            r"^assumptions must be a Assumption, got int; pass theory\.Assumption\(…\)$",
        ),
        ({"rates": [1]}, TypeError, r"^rates must map factors to exponents, got \[1\]$"),
        ({"rates": {"n": "fast"}}, TypeError, r"^rates\['n'\]"),
        (
            {"free_constants": "C"},
            TypeError,
            "^free_constants must be a sequence of names, got 'C'",
        ),
        (
            {"free_constants": [3]},
            TypeError,
            "^free_constants must be a str, got int; pass a tuple of names$",
        ),
        ({"maximum": 0.0}, ValueError, "^maximum must be above 0, got 0.0$"),
        ({"maximum": "much"}, (TypeError, ValueError), "^maximum"),
        ({"maximum": np.nan}, ValueError, "^maximum"),
    ],
)
def test_what_is_no_theorem_is_refused_by_name(changed, error, message):
    with pytest.raises(error, match=message):
        theory.Theorem(**{**WORDS, **changed})
    assert theory.Theorem(**{**WORDS, "maximum": np.inf}).maximum == np.inf
    assert theory.Theorem(**{**WORDS, "maximum": 1e-300}).maximum == 1e-300


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("margim", "; did you mean 'margin'?"),
        ("radxyz", "; did you mean 'radius'?"),  # half of the letters
        ("raxyzw", "."),
        ("_hidde", "."),
    ],
)
def test_what_evidence_lacks_is_said_with_what_it_has(name, hint):
    class Evidence:
        margin, radius, _hidden = 1.0, 2.0, 3.0

    said = statement._lacking(Evidence(), name)
    assert said == f"Evidence has no {name!r}{hint} It has: margin, radius"
