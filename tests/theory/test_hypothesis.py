"""Hypotheses: signs against known effects, exact intervals, Holm's adjustment, the registry."""

import itertools
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from tests.registries import clear, keep
from tunebound import theory
from tunebound.theory.engine import decision as judging
from tunebound.theory.engine import hypothesis as module
from tunebound.theory.engine.computing import TABLES, Results
from tunebound.theory.engine.decision import decide
from tunebound.theory.engine.hypothesis import Hypothesis, find_hypothesis, hypotheses
from tunebound.theory.engine.setting import settings
from tunebound.theory.engine.statistics.effects import (
    detectable_share,
    equivalence_test,
    log_ratio,
    median_interval,
    sign_test,
    signs_needed,
)

NOTHING = Results(*(pd.DataFrame() for _ in TABLES))


def claim(effects, predicted=-1, name="claim", scale="log ratio"):
    return Hypothesis(
        name=name,
        statement="a statement",
        source="a source",
        setting="head",
        predicted=predicted,
        scale=scale,
        effects=lambda results: pd.Series(effects, dtype=float),
    )


def alone(effects, **options):
    return decide([claim(effects, **options)], NOTHING)[0]


@pytest.mark.parametrize(
    ("effects", "predicted", "status"),
    [
        ([-0.3] * 20, -1, "confirmed"),
        ([-0.3] * 20, 1, "refuted"),
        ([0.3] * 20, 1, "confirmed"),
        ([-0.3, 0.3] * 10, -1, "not decided"),
        ([-0.3] * 5, -1, "not decided"),  # five signs cannot reach 5 %: 2/2⁵ = 0.0625
        ([-0.3] * 6, -1, "confirmed"),
        ([-math.inf] * 9 + [0.1], -1, "confirmed"),
        ([0.0] * 50, -1, "not decided"),  # no effect at all is no evidence for a direction
        ([-0.3] * 10 + [math.nan] * 50, -1, "confirmed"),
        ([math.nan] * 9, -1, "not tested"),
        ([], -1, "not tested"),
    ],
)
def test_status(effects, predicted, status):
    assert alone(effects, predicted=predicted).status == status


@pytest.mark.parametrize("seed", range(20))
def test_the_p_value_is_that_of_the_binomial_test(seed):
    rng = np.random.default_rng(seed)
    effects = rng.normal(0.3, 1, size=rng.integers(1, 40))
    assert sign_test(effects) == pytest.approx(
        binomtest(int((effects > 0).sum()), len(effects)).pvalue
    )


def test_the_interval_covers_as_often_as_it_says_by_enumeration():
    # All sign patterns of 9 effects around the median are equally likely: count those whose
    # interval excludes the median.
    excluded = 0
    for signs in itertools.product((-1, 1), repeat=9):
        _, low, high = median_interval(np.array(signs) * np.arange(1, 10))
        excluded += not low <= 0 <= high
    assert 0 < excluded / 2**9 <= 0.05
    wider = sum(
        not low <= 0 <= high
        for low, high in (
            median_interval(np.array(s) * np.arange(1, 6))[1:]
            for s in itertools.product((-1, 1), repeat=5)
        )
    )
    assert wider == 0, "five values have no interval of 95 %"


@pytest.mark.parametrize("seed", range(30))
def test_interval_and_test_agree(seed):
    rng = np.random.default_rng(seed)
    # rounded, so that zeros and ties occur
    effects = np.round(rng.normal(0.4, 1, size=rng.integers(6, 60)), 1)
    median, low, high = median_interval(effects)
    assert low <= median <= high
    assert median == np.median(effects)
    assert (sign_test(effects) <= 0.05) == (low > 0 or high < 0)


def test_holm_adjusts_for_all_that_is_judged_together():
    strong, weak, none = [-1.0] * 12, [-1.0] * 11 + [1.0] * 2, [math.nan]
    together = decide(
        [
            claim(weak, name="a"),
            claim(strong, name="b"),
            claim(none, name="c"),
            claim(weak, name="d"),
        ],
        NOTHING,
    )
    by_name = {decision.hypothesis.name: decision for decision in together}
    p = {"weak": sign_test(weak), "strong": sign_test(strong)}
    assert by_name["b"].adjusted == pytest.approx(3 * p["strong"])
    assert by_name["a"].adjusted == by_name["d"].adjusted == pytest.approx(2 * p["weak"])
    assert by_name["a"].together == 3
    assert (by_name["a"].status, alone(weak).status) == ("confirmed", "confirmed")
    crowd = decide([claim(weak, name=str(k)) for k in range(5)], NOTHING)
    assert {decision.status for decision in crowd} == {"not decided"}, (
        "2.2 % is not enough for one of five"
    )


@pytest.mark.parametrize("seed", range(20))
def test_equivalence_is_two_one_sided_binomial_tests(seed):
    rng = np.random.default_rng(seed)
    effects, margin = rng.normal(0.02, 0.06, size=rng.integers(1, 80)), math.log(1.05)
    below, above = (effects < margin).sum(), (effects > -margin).sum()
    assert equivalence_test(effects, margin) == pytest.approx(
        max(
            binomtest(int(below), len(effects), alternative="greater").pvalue,
            binomtest(int(above), len(effects), alternative="greater").pvalue,
        )
    )


def test_equivalence_is_no_verdict_on_the_sign_and_is_adjusted_by_itself():
    tiny, none, large = [-0.01] * 40, [0.01, -0.01] * 20, [-0.3] * 40
    claims = [
        claim(tiny, name="tiny"),
        claim(none, name="none"),
        claim(large, name="large"),
        claim(tiny, name="slope", scale="trend"),
    ]
    by_name = {each.hypothesis.name: each for each in decide(claims, NOTHING)}
    assert (by_name["tiny"].status, by_name["tiny"].equivalent) == ("confirmed", True)
    assert (by_name["none"].status, by_name["none"].equivalent) == ("not decided", True)
    assert (by_name["large"].status, by_name["large"].equivalent) == ("confirmed", False)
    assert math.isnan(by_name["slope"].equivalence), "a slope has no factor"
    assert by_name["tiny"].note == "within ±5 %"
    assert by_name["tiny"].equivalence == pytest.approx(3 * 0.5**40), "one of three tests"
    assert not alone([0.01, -0.01] * 2).equivalent, "four units cannot show it"
    assert not alone([math.inf] * 40).equivalent
    edge = [-0.01] * 11 + [0.5] * 2  # alone 1.1 %; one of five such tests 5.6 %
    assert alone(edge).equivalent
    crowd = decide([claim(edge, name=str(k)) for k in range(5)], NOTHING)
    assert not any(each.equivalent for each in crowd)


def test_the_signs_that_are_needed_by_trial():
    for count, level in itertools.product((1, 5, 6, 13, 32, 72), (0.05, 0.05 / 24, 0.05 / 130)):
        rejecting = [k for k in range(count + 1) if binomtest(k, count).pvalue <= level]
        upper = [k for k in rejecting if 2 * k > count]
        assert signs_needed(count, level) == (min(upper) if upper else None)


def test_power_is_that_of_the_binomial_law():
    # in print for 24 hypotheses on 72 tasks, and 3 on 32: 50 and 24 signs, P = 0.73 and 0.79
    for count, together, needed, share in ((72, 24, 50, 0.73), (32, 3, 24, 0.79)):
        assert signs_needed(count, 0.05 / together) == needed
        found = detectable_share(count, needed)
        assert found == pytest.approx(share, abs=0.006)
        reached = sum(
            math.comb(count, k) * found**k * (1 - found) ** (count - k)
            for k in range(needed, count + 1)
        )
        assert reached == pytest.approx(0.8)


def test_what_did_not_decide_says_what_it_could_have_seen():
    mixed = alone([-0.3, 0.3] * 10)
    assert mixed.needed == 15
    assert mixed.note == "15 of 20 signs needed; 80 % power from P(sign) = 0.80"
    assert mixed.note in str(mixed)
    few = alone([-0.3] * 4)
    assert few.needed is None
    assert math.isnan(few.detectable)
    assert few.note == "4 units are too few for 1 claim"
    assert alone([-0.3] * 20).note == ""


def test_an_effect_is_told_in_its_scale():
    halved = alone([math.log(0.5)] * 8)
    assert halved.effect == "×0.5 [0.5, 0.5]"
    assert "median effect ×0.5" in str(halved)
    assert "predicted sign on 8, opposite on 0" in str(halved)
    assert alone([0.25] * 8, scale="difference", predicted=1).effect == "+0.25 [+0.25, +0.25]"
    assert alone([-math.inf] * 8).effect == "×0 [0, 0]"


def test_ratios_of_zeros():
    ratio = log_ratio(
        pd.Series([1.0, 0.0, 0.0, 2.0, math.nan]), pd.Series([2.0, 0.0, 1.0, 0.0, 1.0])
    )
    np.testing.assert_allclose(ratio, [math.log(0.5), 0, -math.inf, math.inf, math.nan])


def test_registration(monkeypatch):
    keep(monkeypatch, module._HYPOTHESES)
    words = dict(statement="s", source="t", setting="head", predicted=1)

    @theory.hypothesize("mine", **words)
    def mine(results):
        return results.environments["n"]

    assert hypotheses("head")["mine"] is mine
    assert find_hypothesis("mine") is mine
    with pytest.raises(ValueError, match=r"registered by .* already"):
        theory.hypothesize("mine", **words)(lambda results: None)
    with pytest.raises(ValueError, match="predicted must be -1 or 1"):
        theory.hypothesize("other", **{**words, "predicted": 0})
    with pytest.raises(ValueError, match="scale must be one of"):
        theory.hypothesize("other", **words, scale="ratio")
    with pytest.raises(ValueError, match="did you mean 'mine'"):
        find_hypothesis("mien")


def test_hypotheses_come_by_their_settings_and_as_they_were_registered(monkeypatch):
    clear(monkeypatch, module._HYPOTHESES)
    for name, setting in (("z", "multi-head"), ("y", "head"), ("x", "multi-head"), ("w", "head")):
        theory.hypothesize(name, statement="s", source="t", setting=setting, predicted=1)(log_ratio)
    assert list(hypotheses()) == ["y", "w", "z", "x"]
    assert list(hypotheses("head")) == ["y", "w"]


def test_hypotheses_of_a_setting_are_looked_for_in_its_folder_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(module._HYPOTHESES, "known", lambda package="": asked.append(package) or {})
    assert hypotheses("multi-head") == {}
    assert asked == ["tunebound.theory.multi_head"]


def test_the_catalogue_is_complete_and_well_formed():
    for name, known in hypotheses().items():
        assert known.name == name
        assert known.setting in settings()
        assert known.statement
        assert known.source
        assert known.predicted in (-1, 1)


def test_the_example_of_the_documentation_runs(monkeypatch):
    keep(monkeypatch, module._HYPOTHESES)
    text = (Path(__file__).parents[2] / "docs/verdicts.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(block, {})
    decision = judging.verify_hypothesis("margin-and-limit", "smoke", jobs=1, steps=20)
    assert decision.status == "not tested", "one data set a family has no trend"
    assert "margin-and-limit: not tested" in str(decision)


def test_verify_takes_a_suite_and_judges_alone(monkeypatch):
    counts = Hypothesis(
        name="counts",
        statement="s",
        source="t",
        setting="head",
        predicted=1,
        scale="difference",
        effects=lambda results: results.environments.set_index("environment")["n"],
    )
    decision = judging.verify_hypothesis(counts, "smoke", jobs=1, steps=20)
    assert (decision.status, decision.together) == ("confirmed", 1)
    assert decision.units == decision.agreeing > 5
    with pytest.raises(ValueError, match="no suite is named 'huge'"):
        judging.verify_hypothesis(counts, "huge")


@pytest.mark.parametrize("predicted", [-1, 1])
def test_no_effect_counts_for_neither_side(predicted):
    decision = alone([0.0, 0.0, 0.0, 0.3, 0.3, -0.3], predicted=predicted)
    assert decision.units == 6
    assert (decision.agreeing, decision.opposed) == ((2, 1) if predicted == 1 else (1, 2))


def test_what_was_not_tested_has_the_p_value_of_no_evidence():
    decision = alone([])
    assert (decision.units, decision.p, decision.adjusted) == (0, 1.0, 1.0)


def test_what_lies_at_the_margin_is_outside():
    for edge in (0.25, -0.25):
        assert equivalence_test([edge] * 8, 0.25) == 1.0
        assert equivalence_test([edge * 0.99] * 8, 0.25) == 0.5**8


def test_a_p_value_at_the_level_decides():
    assert signs_needed(5, 2 / 2**5) == 5
    assert signs_needed(5, np.nextafter(2 / 2**5, 0)) is None
    decision = alone([-0.3] * 20)
    for adjusted, status in ((0.05, "confirmed"), (np.nextafter(1 - 0.95, 1), "not decided")):
        assert judging._with_status(decision, adjusted, 1).status == status
    assert judging._with_status(decision, 1 - 0.95, 1).status == "confirmed"


def test_ratios_of_zeros_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert log_ratio(pd.Series([0.0, 0.0]), pd.Series([0.0, 1.0])).tolist() == [0, -math.inf]


def test_a_median_of_values_whose_sum_leaves_float64_is_theirs():
    assert median_interval([1.7e308] * 6) == (1.7e308, 1.7e308, 1.7e308)


def test_an_interval_ends_where_its_share_is_met_exactly():
    # as the sign test at 2/2⁵ does, which all five signs reach
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert median_interval(values, 1 - 2 / 2**5) == (4.0, 1.0, 16.0)
    assert median_interval(values, 1 - 1 / 2**5) == (4.0, -math.inf, math.inf)


def test_a_p_value_is_at_most_1():
    assert sign_test([1.0, -1.0]) == sign_test([0.0] * 3) == sign_test([]) == 1.0


def test_a_decision_is_told_in_lines():
    halved = alone([math.log(0.5)] * 8)
    assert str(halved) == (
        "claim: confirmed\n"
        "  a statement\n"
        "  median effect ×0.5 [0.5, 0.5] over 8 units (exact 95% interval)\n"
        "  predicted sign on 8, opposite on 0; sign test p = 0.0078, 0.0078 by Holm for 1 judged"
        " together"
    )
    assert str(alone([])) == "claim: not tested\n  a statement"


@pytest.mark.parametrize("predicted", [-1, 1, np.int64(-1)])
def test_a_registered_hypothesis_holds_what_was_said(monkeypatch, predicted):
    keep(monkeypatch, module._HYPOTHESES)

    def effects(results):
        return results.environments["n"]

    words = {"statement": "s", "source": "t", "setting": "full", "predicted": predicted}
    mine = theory.hypothesize("mine", **words, scale="trend")(effects)
    assert mine == Hypothesis(name="mine", **words, scale="trend", effects=effects)
    assert type(mine.predicted) is int
    assert theory.hypothesize("other", **words)(effects).scale == "log ratio"


@pytest.mark.parametrize("predicted", [-2, 2, 0, 1.0, "1", True + 1])
def test_a_sign_that_is_none_is_refused(predicted):
    with pytest.raises(ValueError, match=f"predicted must be -1 or 1, got {predicted!r}"):
        theory.hypothesize("other", statement="s", source="t", setting="head", predicted=predicted)


def test_verify_hands_on_what_it_was_given(monkeypatch):
    seen = []

    def study(*arguments, **options):
        seen.append((arguments, options))
        return NOTHING

    monkeypatch.setattr(judging, "study", study)
    decision = judging.verify_hypothesis(claim([-1.0] * 9), "standard", seed=3, jobs=2, steps=5)
    assert decision.status == "confirmed"
    judging.verify_hypothesis(claim([]))
    assert seen == [
        (("standard",), {"setting": "head", "seed": 3, "jobs": 2, "steps": 5}),
        (("smoke",), {"setting": "head", "seed": 0, "jobs": None}),
    ]


def test_what_is_no_hypothesis_or_no_table_is_refused_by_name():
    for claims, results, message in (
        (
            [claim([])],
            None,
            "^results must be a Results, got NoneType; pass what theory.run or study gave$",
        ),
        (
            [None],
            NOTHING,
            r"^claims must be a Hypothesis, got NoneType; pass what theory.hypotheses\(\) holds$",
        ),
        (3, NOTHING, "^claims must be a sequence of hypotheses, got 3"),
    ):
        with pytest.raises(TypeError, match=message):
            decide(claims, results)


def test_effects_are_read_from_the_tables_whatever_type_holds_them():
    seen = []

    def effects(results):
        seen.append(results)
        return pd.Series([True] * 9)

    own = Hypothesis(
        name="own",
        statement="s",
        source="t",
        setting="head",
        predicted=1,
        scale="trend",
        effects=effects,
    )
    (decision,) = decide([own], NOTHING)
    assert seen[0] is NOTHING
    assert (decision.status, decision.agreeing, decision.opposed) == ("confirmed", 9, 0)


def test_adjusted_p_values_are_at_most_1():
    crowd = decide([claim([1.0, -1.0], name=str(k)) for k in range(5)], NOTHING)
    assert [decision.adjusted for decision in crowd] == [1.0] * 5
