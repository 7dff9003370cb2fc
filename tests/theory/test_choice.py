"""The contest: which strength is chosen on tuning worlds, and that only held-out ones judge it."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from tunebound import theory, tuning
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.decision import decide
from tunebound.theory.engine.hypothesis import hypotheses
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.remedies import choice, comparison, theorems, variants
from tunebound.theory.remedies.regimes import REGIMES
from tunebound.theory.remedies.tables import factor as written

PRESENTATION = find_setting("remedies").presentation()


def table(factors, *, tasks=12, population="tuning worlds", regime="calm", accuracy=None):
    """Tasks on which each variant multiplies plain's instability by a factor a measure, up to
    jitter of a percent, and changes accuracy by a constant.
    """
    rng = np.random.default_rng(1)
    rows = []
    for number in range(tasks):
        size = 10 ** rng.uniform(-2, 0)
        row = {
            "member": number,
            "environment": f"{population}-{regime}-{number}",
            "regime": regime,
            "population": population,
            "n": 16,
            "seeds": 20,
            "left_out": 10,
            "flips": 0,
            "runs": 300,
        }
        for name, by_outcome in {"plain": {}, **factors}.items():
            for measure, about in comparison.MEASURES.items():
                value = 0.0
                if about.unstable:
                    jitter = 1 if name == "plain" else np.exp(0.01 * rng.normal())
                    outcome = choice.OUTCOME_OF.get(measure, "left-out")
                    value = 0.1 * size * by_outcome.get(outcome, 1) * jitter
                if measure in ("separable", "radius_over_margin", "margin", "radius"):
                    value = 1.0
                if measure == "accuracy":
                    value = 0.9 + (accuracy or {}).get(name, 0.0)
                row[comparison.column(name, measure)] = value
        rows.append(row)
    return pd.DataFrame(rows)


def every(value):
    return dict.fromkeys(choice.OUTCOMES, value)


def results(environments):
    return Results(
        pd.DataFrame([]),
        environments,
        pd.DataFrame(columns=["member", "environment", "theorem", "assumption"]),
    )


def test_each_outcome_has_the_strength_that_is_best_for_it():
    found = choice.choose(
        table(
            {
                "mixout@0.1": {"scores": 0.9, "seeds": 1.2, "left-out": 0.7},
                "mixout@0.5": {"scores": 0.6, "seeds": 1.1, "left-out": 0.8},
                "mixout@0.9": {"scores": 0.7, "seeds": 1.3, "left-out": 0.9},
            }
        )
    )["calm"]["mixout"]
    assert found.strengths == {"scores": 0.5, "seeds": 0.5, "left-out": 0.1}
    assert found.qualified
    assert [point.strength for point in found.curve] == [0.1, 0.5, 0.9]
    assert found.curve[1].factors["scores"][0] == pytest.approx(0.6, rel=0.02)
    assert found.variant("left-out") == "mixout@0.1"


def test_accuracy_binds():
    factors = {"l2_sp@0.1": every(0.8), "l2_sp@1": every(0.2), "l2_sp@0.01": every(0.9)}
    just = choice.choose(table(factors, accuracy={"l2_sp@1": -0.0099}))["calm"]["l2_sp"]
    assert set(just.strengths.values()) == {1.0}
    lost = choice.choose(table(factors, accuracy={"l2_sp@1": -0.011}))["calm"]["l2_sp"]
    assert set(lost.strengths.values()) == {0.1}
    assert [point.qualifies for point in lost.curve] == [True, True, False]


def test_where_none_keeps_accuracy_the_least_loss_is_judged_and_marked():
    found = choice.choose(
        table(
            {"l2_sp@0.1": every(0.8), "l2_sp@1": every(0.2)},
            accuracy={"l2_sp@0.1": -0.02, "l2_sp@1": -0.2},
        )
    )["calm"]["l2_sp"]
    assert set(found.strengths.values()) == {0.1}
    assert not found.qualified


def test_a_strength_that_was_not_finite_on_a_task_does_not_qualify():
    environments = table({"l2_sp@0.1": every(0.8), "l2_sp@1": every(0.2)})
    environments.loc[3, [name for name in environments if name.startswith("l2_sp@1:")]] = math.nan
    environments.loc[3, "l2_sp@1:disagreement"] = math.inf
    found = choice.choose(environments)["calm"]["l2_sp"]
    assert set(found.strengths.values()) == {0.1}
    assert math.isnan(found.curve[1].accuracy)


def test_equal_strengths_give_the_weakest_and_a_method_without_one_its_name():
    environments = table({"mixout@0.5": every(1), "mixout@0.1": every(1), "single": every(0.5)})
    for name in list(environments):
        if name.startswith("mixout"):
            environments[name] = environments[name.replace(name.split(":")[0], "plain")]
    found = choice.choose(environments)["calm"]
    assert set(found["mixout"].strengths.values()) == {0.1}
    assert found["single"].variant("seeds") == "single"


def test_regimes_are_chosen_apart_and_held_out_tasks_are_left_aside():
    calm = table({"mixout@0.1": every(0.5), "mixout@0.5": every(0.7)})
    failing = table({"mixout@0.1": every(0.7), "mixout@0.5": every(0.5)}, regime="failing")
    held_out = table(
        {"mixout@0.1": every(9), "mixout@0.5": every(0.1)}, population="held-out worlds"
    )
    found = choice.choose(pd.concat([calm, failing, held_out], ignore_index=True))
    assert set(found["calm"]["mixout"].strengths.values()) == {0.1}
    assert set(found["failing"]["mixout"].strengths.values()) == {0.5}
    assert len(found["calm"]["mixout"].curve) == 2


@pytest.fixture
def own_choice(monkeypatch, tmp_path):
    """A stored choice for two methods, in the place of the package's."""
    environments = table(
        {
            "mixout@0.1": {"scores": 0.9, "seeds": 1.2, "left-out": 0.7},
            "mixout@0.5": {"scores": 0.6, "seeds": 1.1, "left-out": 0.8},
            "more_samples@2": every(0.8),
        }
    )
    monkeypatch.setattr(choice, "CHOSEN", tmp_path / "chosen.json")
    written = choice.store(environments, {"suite": "strengths"}, tmp_path / "chosen.json")
    yield json.loads(written.read_text(encoding="utf-8"))
    choice.chosen.cache_clear()


def test_what_is_stored_is_what_was_chosen(own_choice):
    assert own_choice["study"] == {"suite": "strengths", "tasks": {"calm": 12}}
    assert own_choice["regimes"]["calm"]["mixout"]["strengths"]["left-out"] == 0.1
    read = choice.chosen()["calm"]["mixout"]
    assert read.strengths == {"scores": 0.5, "seeds": 0.5, "left-out": 0.1}
    assert read.curve[0].factors["left-out"][0] == pytest.approx(0.7, rel=0.02)
    assert choice.contestants("calm") == ("mixout@0.5", "mixout@0.1", "more_samples@2")
    assert choice.contestants("failing") == ()


def test_a_choice_is_written_from_its_own_suite_only(tmp_path):
    theory.run(
        theory.Study("remedies", "smoke", 0, {"steps": 2, "methods": ("plain",)}),
        tmp_path / "smoke",
        jobs=1,
    )
    with pytest.raises(ValueError, match="strengths are chosen on `tunebound run --suite"):
        choice.write_choice(tmp_path / "smoke", tmp_path / "chosen.json")


def test_held_out_measures_are_read_at_the_strength_of_their_outcome(own_choice):
    held_out = table(
        {
            "mixout@0.1": {"scores": 2, "seeds": 2, "left-out": 0.6},
            "mixout@0.5": {"scores": 0.7, "seeds": 1.1, "left-out": 3},
        },
        population="held-out worlds",
    )
    read = choice.at_chosen(pd.concat([held_out, table({})], ignore_index=True), "calm")
    assert len(read) == 12
    for measure, factor in (
        ("left_out_predictions", 0.6),
        ("left_out_classes", 0.6),
        ("accuracy_deviation", 0.7),
        ("jensen_shannon", 1.1),
    ):
        found = comparison.paired(read, measure, "mixout").median()
        assert found == pytest.approx(math.log(factor), abs=0.02)
    assert comparison.paired(read, "disagreement", "more_samples").isna().all(), "not tried there"


def test_figures_and_tables_of_both_studies(own_choice, tmp_path):
    factors = {
        "mixout@0.1": every(0.6),
        "mixout@0.5": every(0.7),
        "more_samples@2": every(0.9),
        "wild": every(math.inf),
    }
    tuned = results(table(factors))
    assert set(PRESENTATION.figures(tuned)) == {
        f"{outcome}-along-strength-calm" for outcome in choice.OUTCOMES
    }
    (curve,) = PRESENTATION.tables(tuned)
    assert [row[0] for row in curve.rows] == [
        "mixout, 0.1",
        "mixout, 0.5",
        "more samples, 2",
        "wild",
    ]
    assert sum(" ●" in cell for cell in curve.rows[0]) == 3
    assert "nothing is judged here" in " ".join(PRESENTATION.findings(tuned, []))
    judged = results(table(factors, population="held-out worlds"))
    assert set(PRESENTATION.figures(judged)) == {
        *PRESENTATION.figures(tuned),
        "against-plain-calm",
        "critical-differences-calm",
    }
    for study in (tuned, judged):
        for name, illustration in PRESENTATION.figures(study).items():
            illustration.draw(study).savefig(tmp_path / f"{name}.png")
            assert illustration.caption.endswith(".")
    first = PRESENTATION.tables(judged)[0]
    assert first.title.startswith("Held-out worlds, at the strengths chosen on tuning worlds")
    assert "at 0.5; accuracy +0.000" in first.rows[0][1]
    assert "Held-out worlds, calm regime" in " ".join(PRESENTATION.findings(judged, []))


def test_no_world_is_shared():
    setting = find_setting("remedies")
    worlds = [
        {each.world for each in setting.suite(name, seed, setting.options()).specifications}
        for name, seed in itertools.product(("strengths", "contest", "remedies"), (0, 1))
    ]
    for one, other in itertools.combinations(worlds, 2):
        assert not one & other


def test_the_contest_tries_what_was_chosen_on_tasks_like_those():
    setting = find_setting("remedies")
    tuned, judged = (
        pd.DataFrame(
            [vars(each) for each in setting.suite(name, 0, setting.options()).specifications]
        )
        for name in ("strengths", "contest")
    )
    for regime in REGIMES:
        names = {
            tuple(each.name for each in methods)
            for methods in judged[judged["regime"] == regime]["methods"]
        }
        assert names == {("plain", *choice.contestants(regime))}
        levels = ["n", "noise", "balance", "shift", "layers", "further"]
        for table in (tuned, judged):
            assert table[table["regime"] == regime]["world"].is_unique
        assert set(map(tuple, tuned[tuned["regime"] == regime][levels].to_numpy())) == set(
            map(tuple, judged[judged["regime"] == regime][levels].to_numpy())
        )
    assert set(tuned["population"]) == {"tuning worlds"}
    assert set(judged["population"]) == {"held-out worlds"}
    calm = judged[judged["regime"] == "calm"]
    assert len(calm) >= 60
    assert (judged["seeds"] == 20).all()
    assert (judged["left_out"] == 10).all()


def test_the_stored_choice_covers_every_method_at_its_strengths():
    assert set(choice.chosen()) == set(REGIMES)
    for methods in choice.chosen().values():
        assert tuple(methods) == variants.METHODS
        for method, found in methods.items():
            tried = [point.strength for point in found.curve]
            assert tried == list(variants.strengths(method)) or tried == [None]
            assert set(found.strengths.values()) <= set(tried)
            fit = [point for point in found.curve if point.qualifies]
            assert found.qualified == bool(fit)
            for outcome, strength in found.strengths.items():
                (picked,) = (point for point in found.curve if point.strength == strength)
                assert not fit or picked.factors[outcome][0] == min(
                    point.factors[outcome][0] for point in fit
                )


def test_claims_of_the_contest_are_judged_on_held_out_worlds_only():
    known = hypotheses("remedies")
    method = "mixout"
    name = theorems.hypothesis_name(method, "left-out", "calm")
    chosen = choice.chosen()["calm"][method].variant("left-out")
    worse, better = {chosen: every(2)}, {chosen: every(0.5)}
    study = pd.concat(
        [
            table(worse),
            table(worse, population="given"),
            table(worse, population="held-out worlds", regime="failing"),
            table(better, population="held-out worlds"),
        ],
        ignore_index=True,
    )
    decision = decide([known[name]], results(study))[0]
    assert (decision.status, decision.units) == ("confirmed", 12)
    assert chosen.partition("@")[2] in known[name].statement
    assert "held-out worlds" in known[name].statement


def test_every_claim_names_who_makes_it():
    known = hypotheses("remedies")
    for regime, methods in choice.chosen().items():
        for method in methods:
            outcomes = [
                outcome
                for outcome in choice.OUTCOMES
                if theorems.hypothesis_name(method, outcome, regime) in known
            ]
            assert outcomes[-2:] == ["seeds", "left-out"]
            claims = method != "more_samples" and tuning.methods()[method].claims
            assert ("scores" in outcomes) == (claims == "scores over seeds")
    assert "Lee, Cho" in known["R-mixout-scores"].source
    assert known["R-mixout-left-out"].source.startswith("Fu, So & Collier")
    assert known["R-weight_averaging-left-out"].source.startswith("a question of this study")
    assert known["R-maximal_margin-left-out"].source == tuning.methods()["maximal_margin"].source


@pytest.mark.parametrize(
    ("logarithms", "said"),
    [
        ((0.0, -np.log(2), np.log(4)), "1 [0.5, 4]"),
        ((np.log(2), np.log(1.5), np.inf), "2 [1.5, ∞] ▲"),
        ((np.log(0.5), -np.inf, np.log(0.9)), "0.5 [0, 0.9] ▼"),
        ((np.log(0.5), -np.inf, np.inf), "0.5 (no interval)"),
    ],
)
def test_a_factor_is_written_with_what_is_known_of_it(logarithms, said):
    assert written(*logarithms) == said
