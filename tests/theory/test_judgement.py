"""Verdicts on tables that were written by hand: what counts, what does not, and what is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tunebound import theory
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.engine.tightness import judged_rows, spread, tightness
from tunebound.theory.engine.verdict import Verdict, Violation, judge_in

HEAD = find_setting("head")
PLAIN = theory.Theorem(
    name="by-hand",
    statement="measured ≤ bound",
    source="nowhere",
    proof="conjecture",
    setting="head",
    claims=lambda evidence: (),
)


def row(member, **changed):
    """One row of a study: measured 0.5 under a bound of 1, on a draw of its own."""
    return {
        "member": member,
        "environment": f"set {member}",
        "draw": f"draw {member}",
        "theorem": "by-hand",
        "quantity": "q",
        "steps": np.inf,
        "measured": 0.5,
        "bound": 1.0,
        "excess": -0.5,
        "resolution": 1e-9,
        "worst": 0,
        "worst_measured": 0.5,
        "worst_bound": 1.0,
        "provenance": "exact",
        "maximum": 2.0,
        "family": "gaussian",
        "n": 10,
        "d": 3,
        "radius_over_margin": 8.0,
        "rate_fraction": 0.5,
        **changed,
    }


def results(*rows, skipped=()):
    environments = pd.DataFrame(rows).drop_duplicates("member")
    return theory.Results(pd.DataFrame(rows), environments, pd.DataFrame(list(skipped)))


def judged(*rows, theorem=PLAIN, **more):
    return judge_in(HEAD, theorem, results(*rows, **more))


@pytest.mark.parametrize(
    ("excess", "test"), [(-1e-300, "not violated"), (0.0, "not violated"), (1e-300, "violated")]
)
def test_an_excess_above_0_violates_and_no_other(excess, test):
    verdict = judged(row(0), row(1, excess=excess))
    assert (verdict.test, verdict.environments) == (test, 2)
    assert verdict.violations == (test == "violated")
    assert (verdict.violation is not None) == (test == "violated")


def test_a_violation_at_one_step_or_of_one_quantity_is_one_and_counts_its_set_once():
    early = row(0, steps=10.0, excess=0.25)
    verdict = judged(early, row(0), row(0, quantity="r", excess=0.5), row(1))
    assert (verdict.test, verdict.violations, verdict.environments) == ("violated", 1, 2)


def test_a_violated_bound_is_violated_however_vacuous():
    assert judged(row(0, bound=5.0), row(1, bound=5.0, excess=1.0)).test == "violated"


@pytest.mark.parametrize(("above", "test"), [(2, "not violated"), (3, "vacuous")])
def test_vacuous_is_more_than_half_at_or_above_the_maximum(above, test):
    verdict = judged(*(row(k, bound=2.0 if k < above else 1.999) for k in range(4)))
    assert (verdict.test, verdict.vacuous_share) == (test, above / 4)


def test_a_set_is_vacuous_where_the_bounds_on_all_its_quantities_are_at_the_last_step():
    both = [row(0, bound=3.0), row(0, quantity="r", bound=3.0)]
    one = [row(1, bound=3.0), row(1, quantity="r", bound=1.0)]
    early = [row(2, steps=10.0, bound=3.0), row(2, bound=1.0)]
    late = [row(3, steps=10.0, bound=1.0), row(3, bound=3.0)]
    assert judged(*both, *one, *early, *late).vacuous_share == 2 / 4


def test_draws_are_counted_by_name_and_what_was_handed_over_is_none():
    verdict = judged(row(0), row(1, draw="draw 0"), row(2, draw=""), row(3, draw="draw 3"))
    assert (verdict.environments, verdict.draws) == (4, 2)
    assert verdict.population.startswith("family = gaussian; n = 10; d = 3")
    alone = judged(row(0, draw="", n=7))
    assert (alone.draws, alone.population) == (0, "")
    # its n is none of the design's
    assert "n = 10;" in judged(row(0, draw="", n=7), row(1)).population


def test_the_weakest_provenance_of_any_row_is_the_verdicts():
    rows = [row(0), row(1, provenance="fitted"), row(2, provenance="estimated")]
    assert judged(*rows).provenance == "fitted"
    assert judged(*rows, row(3, steps=5.0, provenance="assumed")).provenance == "assumed"


def test_a_quantity_is_bounded_where_every_maximum_is_finite():
    assert judged(row(0), row(1)).bounded is True
    assert judged(row(0), row(1, maximum=np.inf)).bounded is False


def test_rows_and_gaps_of_other_theorems_do_not_count():
    skipped = [{"member": k, "theorem": name} for k, name in ((1, "by-hand"), (2, "other"))]
    verdict = judged(row(0), row(3, theorem="other", excess=1.0), skipped=skipped)
    assert (verdict.test, verdict.environments, verdict.skipped) == ("not violated", 1, 1)
    untested = judged(row(3, theorem="other"), skipped=skipped)
    assert (untested.test, untested.environments, untested.skipped) == ("not tested", 0, 1)
    assert (untested.extent, untested.violation, untested.tightness) == ("", None, None)
    assert np.isnan(untested.vacuous_share)
    assert str(untested).splitlines()[0] == "by-hand [conjecture]: not tested"


def test_free_constants_leave_nothing_to_test():
    verdict = judged(row(0, excess=1.0), theorem=replace(PLAIN, free_constants=("C", "λ")))
    assert (verdict.test, verdict.environments) == ("no number named", 0)
    assert "  the statement leaves open: C, λ" in str(verdict).splitlines()


def test_the_smallest_counterexample_is_by_n_then_d_then_the_largest_excess():
    rows = [
        row(0, n=9, d=2, excess=9.0),
        row(1, n=8, d=5, excess=8.0),
        row(2, n=8, d=4, excess=1.0),
        row(2, n=8, d=4, excess=2.0, quantity="r", steps=7, worst_measured=6, worst_bound=4),
        row(2, n=8, d=4, excess=1.5, quantity="s"),
        row(3, n=2, d=1),
    ]
    violation = judged(*rows).violation
    assert violation == Violation(
        member=2,
        environment="set 2",
        quantity="r",
        steps=7.0,
        measured=6.0,
        bound=4.0,
        excess=2.0,
    )
    assert violation.path is None
    kinds = {name: type(value) for name, value in vars(violation).items() if name != "path"}
    assert kinds == {
        "member": int,
        "environment": str,
        "quantity": str,
        "steps": float,
        "measured": float,
        "bound": float,
        "excess": float,
    }


def test_tightness_is_measured_over_bound_where_a_bound_is_above_0():
    rows = [
        row(0, measured=0.25),
        row(1, measured=0.5),
        row(2, measured=2.0, bound=2.5),
        row(3, measured=1e-9, bound=1e-9),  # not above its resolution: nothing was seen to move
        row(4, measured=5.0, bound=0.0),
    ]
    assert tightness(pd.DataFrame(rows)).name == "tightness"
    assert spread(pd.DataFrame(rows)) == {
        "median": (0.25 + 0.5) / 2,
        "loosest": 0.0,
        "loosest_environment": "set 3",
        "tightest": 0.8,
        "tightest_environment": "set 2",
    }
    assert spread(pd.DataFrame(rows[-1:])) is None
    assert judged(*rows).tightness == spread(pd.DataFrame(rows))


def test_bounds_are_judged_at_the_last_step_or_where_they_are_tightest():
    rows = pd.DataFrame(
        [
            row(0, steps=5.0, measured=0.1),
            row(0, steps=1.0, measured=0.9),
            row(0, steps=3.0, measured=0.95, quantity="r"),
            row(1, steps=9.0, measured=0.3),
            row(1, steps=2.0, measured=0.8, bound=0.0),
            row(1, steps=3.0, measured=0.5, bound=-1.0),
            row(1, steps=2.0, measured=0.4, theorem="other"),
        ]
    )
    assert judged_rows(rows, "last").index.tolist() == [0, 2, 3, 6]
    assert judged_rows(rows, "tightest").index.tolist() == [1, 2, 3, 6]
    # heads at the last step, full tuning where it is tightest
    assert judged_rows(rows.assign(theorem="H-limit")).index.tolist() == [0, 2, 3]
    assert judged_rows(rows.assign(theorem="P-Full")).index.tolist() == [1, 2, 6]
    assert judged_rows(rows[:1].assign(theorem="H-limit")).index.tolist() == [0]
    with pytest.raises(ValueError, match=r"^judged_at must be one of 'last', 'tightest'"):
        judged_rows(rows, "first")
    # where no bound is above 0 the first row stands
    none = pd.DataFrame([row(0, steps=t, bound=0.0) for t in (1.0, 2.0)])
    assert judged_rows(none, "tightest").index.tolist() == [0]


VERDICT = Verdict(
    theorem=PLAIN,
    test="not violated",
    environments=70,
    draws=59,
    population="n = 10",
    vacuous_share=0.25,
    tightness={
        "median": 0.5,
        "loosest": 0.125,
        "loosest_environment": "set 1",
        "tightest": 0.75,
        "tightest_environment": "set 2",
    },
    provenance="exact",
    skipped=3,
    bounded=True,
)


def test_a_verdict_says_all_it_knows():
    assert str(replace(VERDICT, theorem=replace(PLAIN, domain="everywhere"))).splitlines() == [
        "by-hand [conjecture]: not violated on 59 independent draws of this design; up to 5 % of"
        " new draws may violate it (95 %)",
        "  measured ≤ bound",
        "  the design: n = 10",
        "  domain: everywhere",
        "  3 environments do not meet the assumptions and were left out",
        "  measured/bound: median 0.5, loosest 0.125 (set 1), tightest 0.75 (set 2)",
        "  at or above the trivial maximum on 25% of the environments",
        "  weakest constant: exact",
    ]


def test_a_verdict_on_one_environment_says_its_ratio_once():
    tightness = dict.fromkeys(("median", "loosest", "tightest"), 0.0411)
    names = dict.fromkeys(("loosest_environment", "tightest_environment"), "set 3")
    said = str(replace(VERDICT, environments=1, tightness=tightness | names))
    assert "  measured/bound: 0.0411 (set 3)\n" in said
    assert said.count("0.0411") == 1


def test_a_verdict_says_no_more_than_it_knows():
    bare = Verdict(theorem=PLAIN, test="not violated", environments=1)
    assert str(bare).splitlines() == [
        "by-hand [conjecture]: not violated on 1 environment handed over",
        "  measured ≤ bound",
    ]
    assert "trivial maximum" not in str(replace(VERDICT, bounded=False))


def test_a_notebook_shows_a_verdict_as_it_is_printed_the_first_line_bold():
    verdict = Verdict(
        theorem=replace(PLAIN, statement="a < b & c"),
        test="not violated",
        environments=1,
        skipped=2,
    )
    assert verdict._repr_html_() == (
        "<pre><strong>by-hand [conjecture]: not violated on 1 environment handed over</strong>\n"
        "  a &lt; b &amp; c\n"
        "  2 environments do not meet the assumptions and were left out</pre>"
    )


@pytest.mark.parametrize(
    ("test", "skipped", "said"),
    [("not tested", 0, True), ("not tested", 3, False), ("not violated", 0, False)],
)
def test_a_theorem_that_claims_nothing_is_told_what_to_do(test, skipped, said):
    verdict = Verdict(theorem=PLAIN, test=test, environments=1, skipped=skipped)
    line = (
        "  nothing is claimed of any environment: return at least one claim, or say in"
        " assumptions where the theorem does not apply"
    )
    assert (line in str(verdict).splitlines()) == said
    vacuous = str(replace(VERDICT, test="vacuous"))
    assert vacuous.startswith("by-hand [conjecture]: vacuous, never violated on 59 independent")


@pytest.mark.parametrize(
    ("proof", "provenance", "draws", "words"),
    [
        ("proved here", "exact", 59, "up to 5 % of new draws may show an error of the code (95 %)"),
        (
            "proved here",
            "fitted",
            58,
            "few: up to 5 % of new draws may show an error of the code or of an estimate (95 %)",
        ),
        ("published", "estimated", 1, "few: up to 95 % of new draws may violate it (95 %)"),
    ],
)
def test_the_extent_says_what_a_new_draw_may_show(proof, provenance, draws, words):
    theorem = replace(PLAIN, proof=proof)
    verdict = replace(VERDICT, theorem=theorem, provenance=provenance, draws=draws)
    counted = "1 independent draw" if draws == 1 else f"{draws} independent draws"
    assert verdict.extent == f"on {counted} of this design; {words}"


def test_a_violation_is_shown_with_the_command_that_replays_it():
    violation = Violation(
        member=2,
        environment="set 2",
        quantity="q",
        steps=1e6,
        measured=1.25,
        bound=1.0,
        excess=0.25,
        path=Path("found/by-hand.npz"),
    )
    verdict = replace(VERDICT, test="violated", violations=2, violation=violation)
    lines = str(verdict).splitlines()
    assert lines[0] == "by-hand [conjecture]: violated on 2 environments"
    assert lines[-2:] == [
        "  smallest counterexample: set 2 at t = 1e+06: q 1.25 > bound 1",
        "  replay it: tunebound verify by-hand --data found/by-hand.npz",
    ]
    assert verdict.violation_limit is None
    assert verdict.contradiction == ""
    proved = replace(verdict, theorem=replace(PLAIN, proof="proved here"))
    assert "violation is an error of the code" in proved.contradiction
    assert f"  {proved.contradiction}" in str(proved).splitlines()
    assert replace(proved, violations=0, violation=None).contradiction == ""
    assert "replay it" not in str(replace(verdict, violation=replace(violation, path=None)))


def test_rows_that_are_none_are_refused_by_name():
    remedy = "pass the rows of what theory.study, run or load gave"
    for call in (judged_rows, tightness):
        with pytest.raises(TypeError, match=f"^rows must be a DataFrame, got list; {remedy}$"):
            call([1.0])
        assert not len(call(pd.DataFrame({"measured": [], "bound": [], "resolution": []})))
    frame = pd.DataFrame({"measured": [1.0], "steps": [1.0]})
    with pytest.raises(
        ValueError, match=f"^rows lack the columns member, theorem, quantity, bound; {remedy}$"
    ):
        judged_rows(frame)
    with pytest.raises(ValueError, match=f"^rows lack the columns bound, resolution; {remedy}$"):
        tightness(frame)
