"""The study of remedies: comparisons recover planted effects, tasks are what they say, measures are
those of runs made one by one.
"""

import copy
import itertools
import math
from dataclasses import replace

import cvxpy
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit

from tunebound import theory, tuning
from tunebound.theory.engine import computing
from tunebound.theory.engine.computing import Results
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.remedies import comparison, measures, mechanism, runs, suites, variants
from tunebound.theory.remedies.task import (
    TaskSpecification,
    encode,
    flip_labels,
    pretrained,
    with_constant,
)

PRESENTATION = find_setting("remedies").presentation()
# Method → factor on instability and on the distance to the minimiser, and change of accuracy.
PLANTED = {
    "plain": (1, 1, 0),
    "calm": (0.5, 0.8, -0.01),
    "wild": (2, 1.3, -0.2),
    "self_unsupervised": (0.8, 0.5, 0.01),
    "same": (1, 1, 0),
}


def planted_results(tasks=40, methods=None, strengths=()):
    """Tables in which each method multiplies plain fine-tuning's values, which differ from task to
    task by orders of magnitude.
    """
    rng = np.random.default_rng(0)
    factors = dict(PLANTED if methods is None else {name: PLANTED[name] for name in methods})
    factors |= {
        variants.at_strength("maximal_margin", strength): (strength**-0.25, 1, 0)
        for strength in strengths
    }
    rows = []
    for number in range(tasks):
        size = 10 ** rng.uniform(-2, 0)
        row = {
            "member": number,
            "environment": f"task-{number}",
            "regime": "calm",
            "population": "given",
            "n": 16,
            "noise": 0.1 * (number % 2),
            "balance": 0.5,
            "shift": 0.1,
        }
        row |= {
            "world": number,
            "seed": 0,
            "methods": ",".join(factors),
            "seeds": 20,
            "left_out": 10,
            "flips": number % 2,
            "runs": 90,
        }
        for method, (unstable, distance, accuracy) in factors.items():
            noise = (
                np.exp(0.05 * rng.normal(size=len(comparison.MEASURES)))
                if method != "plain"
                else np.ones(len(comparison.MEASURES))
            )
            for (name, measure), jitter in zip(comparison.MEASURES.items(), noise, strict=True):
                value = 0.1 * size * unstable * jitter if measure.unstable else distance * jitter
                value = {
                    "accuracy": 0.8 + accuracy,
                    "separable": 1.0,
                    "failed": 0.0,
                    "diverged": 0.0,
                    "radius_over_margin": 5 * unstable * jitter,
                }.get(name, value)
                row[comparison.column(method, name)] = value
        rows.append(row)
    return Results(
        pd.DataFrame([]),
        pd.DataFrame(rows),
        pd.DataFrame(columns=["member", "environment", "theorem", "assumption"]),
    )


def test_paired_effects_recover_what_was_planted():
    table = comparison.effects(planted_results().environments).set_index(["measure", "method"])
    for method, (factor, _, _) in PLANTED.items():
        if method == "plain":
            continue
        for measure in comparison.SHOWN:
            row = table.loc[(measure, method)]
            assert row["median"] == pytest.approx(math.log(factor), abs=0.03)
            assert row["low"] <= math.log(factor) + 0.02
            assert row["high"] >= math.log(factor) - 0.02
            assert row["tasks"] == 40
    assert ("disagreement", "plain") not in table.index


def test_ranks_put_the_planted_order():
    found = comparison.ranks(planted_results().environments, "disagreement")
    assert list(found.mean.index)[:2] == ["calm", "self_unsupervised"]
    assert found.mean.index[-1] == "wild"
    assert ("plain", "same") in [tuple(sorted(group)) for group in found.groups()]
    assert (
        comparison.ranks(planted_results(methods=["plain", "calm"]).environments, "disagreement")
        is None
    )


def test_a_method_that_was_not_tried_has_no_effect():
    environments = planted_results(methods=["plain", "calm"]).environments
    assert comparison.paired(environments, "disagreement", "wild").isna().all()
    assert len(comparison.paired(environments, "disagreement", "wild")) == 40
    with pytest.raises(ValueError, match="measure must be one of"):
        comparison.measured(environments, "speed")


def test_variants_name_a_method_and_its_strength():
    assert variants.split("plain") == ("plain", None)
    assert variants.split(variants.at_strength("mixout", 0.3)) == ("mixout", 0.3)
    tried = variants.variant("maximal_margin", 0.3)
    assert variants.variant("maximal_margin@0.3") == tried
    assert variants.variant(tuning.methods()["maximal_margin"], 0.3) == tried
    assert variants.variant(tried) is tried
    assert variants.variant("maximal_margin").name == "maximal_margin"
    for wrong, message in (
        ("plain@3", "no strength to set"),
        ("maximal_margin@", "write maximal_margin@3"),
        ("maximal_margin@-1", "write maximal_margin@3"),
        ("maximal_margin@inf", "write maximal_margin@3"),
        ("maximal", "did you mean 'maximal_margin'"),
        ("more_samples@0.5", "2 is twice as many samples"),
    ):
        with pytest.raises(ValueError, match=message):
            variants.variant(wrong)
    assert variants.tried(planted_results(strengths=(3,)).environments) == [
        *PLANTED,
        "maximal_margin@3",
    ]
    assert variants.swept(planted_results(strengths=(10, 0.3)).environments) == [
        (0.3, "maximal_margin@0.3"),
        (10, "maximal_margin@10"),
    ]


def test_claims_along_the_weight_are_not_tested_where_nothing_was_measured_for_them():
    results = planted_results(strengths=(0.3, 1, 3))
    for name in list(results.environments):
        if name.endswith(":head_left_out"):
            del results.environments[name]
    claims = [
        theory.hypotheses("remedies")[name]
        for name in ("R-margin-weight", "R-margin-weight-head-left-out")
    ]
    first, second = theory.decide(claims, results)
    assert (first.status, first.units) == ("confirmed", 40)
    assert second.status == "not tested"


@pytest.mark.parametrize(
    "name", ["against-plain", "critical-differences", "along-weight", "retraining-distance"]
)
def test_figures_draw_and_explain_themselves(name, tmp_path):
    results = planted_results(strengths=(0.3, 1, 3))
    illustration = PRESENTATION.figures(results)[name]
    figure = illustration.draw(results)
    figure.savefig(tmp_path / "figure.png")
    assert any(axis.get_xlabel() or axis.get_title() for axis in figure.axes)
    assert figure.axes[0].get_ylabel()
    assert illustration.caption.endswith(".")


def test_figures_that_a_study_cannot_fill_are_left_out():
    assert set(PRESENTATION.figures(planted_results(methods=["plain", "calm"]))) == {
        "against-plain"
    }
    assert set(PRESENTATION.figures(planted_results(strengths=(0.3, 1, 3)))) == {
        "against-plain",
        "critical-differences",
        "along-weight",
        "retraining-distance",
    }


def test_infinite_factors_are_drawn_at_the_edge(tmp_path):
    results = planted_results(methods=["plain", "calm", "wild"])
    results.environments["calm:disagreement"] = 0.0
    results.environments["plain:accuracy_deviation"] = 0.0
    PRESENTATION.illustrations["against-plain"].draw(results).savefig(tmp_path / "figure.png")
    first, _ = PRESENTATION.tables(results)
    assert "0 [0, 0] ▼" in next(row for row in first.rows if row[0] == "calm")


def test_words_say_who_is_more_stable():
    results = planted_results()
    text = " ".join(PRESENTATION.findings(results, []))
    assert (
        "All tasks: by leave-one-out instability of predictions, more stable than plain"
        " fine-tuning: calm (×0.5), self unsupervised (×0.8); less stable: wild (×2)" in text
    )
    assert "of the runs of plain fine-tuning 0.0% fail, on 0 of 40 tasks" in text
    assert "unadjusted across measures" in text
    assert "-0.200 (wild)" in text
    said = PRESENTATION.headline(results, [])
    assert "disagree less, each by its own 95 % interval: calm (×0.5)" in said
    assert "wild" not in said
    first, second = PRESENTATION.tables(results)
    assert [row[0] for row in first.rows][:2] == ["calm", "self unsupervised"]
    assert [row[0] for row in first.rows][-1] == "plain"
    assert all(len(row) == len(table.columns) for table in (first, second) for row in table.rows)
    assert "3,600 runs" in PRESENTATION.subtitle(results, {"options": {"steps": 100}})


def specification(**changed):
    return TaskSpecification(
        **{
            "n": 24,
            "noise": 0.1,
            "balance": 0.5,
            "shift": 0.7,
            "world": 3,
            "seed": 5,
            "methods": ("plain",),
            "seeds": 4,
            "left_out": 3,
            **changed,
        }
    )


def test_a_task_is_what_its_specification_says():
    task = specification(balance=0.25).make()
    assert task.tokens.shape == (24, 8)
    assert (task.true_labels > 0).sum() == 6
    assert task.flips == 2
    assert len(task.test_labels) == 256
    assert (task.test_labels > 0).mean() == pytest.approx(0.25, abs=0.05)
    again = specification(balance=0.25).make()
    np.testing.assert_array_equal(task.labels, again.labels)
    for first, second in zip(task.encoder.parameters(), again.encoder.parameters(), strict=True):
        assert (first == second).all()
    other = specification(balance=0.25, seed=6).make()
    assert (task.tokens != other.tokens).any()


@pytest.mark.parametrize("n", [16, 48])
def test_noise_keeps_the_sample_separable_by_a_linear_program(n):
    from scipy.optimize import linprog

    task = specification(n=n, noise=0.2).make()
    signed = with_constant(encode(task.encoder, task.tokens)) * task.labels[:, None]
    feasible = linprog(
        np.zeros(signed.shape[1]), A_ub=-signed, b_ub=-np.ones(n), bounds=(None, None)
    )
    assert feasible.status == 0
    assert task.flips == round(0.2 * n)


def test_training_and_test_inputs_are_drawn_apart():
    task = specification(n=48).make()
    together = np.concatenate([task.tokens, task.test_tokens])
    assert len(np.unique(together, axis=0)) > 0.99 * len(together), (
        "a few sequences of the same words are chance"
    )


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"noise must be in \[0, 0.5\)"):
        specification(noise=0.5).make()
    with pytest.raises(ValueError, match="seeds must be at least 2"):
        specification(seeds=1).make()
    with pytest.raises(ValueError, match="leaves a class empty"):
        specification(balance=0.01).make()
    # eight times the same sequence, with both labels
    tokens = np.repeat(specification().make().tokens[:1], 8, axis=0)
    with pytest.raises(ValueError, match="lower noise or n"):
        flip_labels(pretrained(3).encoder, tokens, np.ones(8, dtype=np.int64), 0.4, 0)


@pytest.fixture(scope="module")
def small():
    return specification(
        n=16, methods=("plain", "maximal_margin@3", "self_unsupervised"), seeds=3, left_out=2
    ).make()


FEW = runs.RemedyOptions(steps=12, batch_size=8)


@pytest.mark.parametrize("method", ["plain", "maximal_margin@3", "self_unsupervised"])
def test_measures_are_those_of_runs_made_one_by_one(small, method):
    chosen = tuning.methods()[variants.split(method)[0]]
    chosen = replace(chosen, strength=3.0) if "@" in method else chosen
    chosen = replace(chosen, decoder=small.decoder) if method == "self_unsupervised" else chosen

    def alone(seed, left_out=None):
        return tuning.fine_tune(
            small.encoder,
            small.tokens,
            small.labels,
            method=chosen,
            seeds=[seed],
            left_out=[left_out],
            steps=12,
            learning_rate=0.2,
            batch_size=8,
            dropout=0.1,
        )

    seeds = [1000 * small.specification.world + k for k in range(3)]
    single = [alone(seed) for seed in seeds]
    logits = np.array([run.logits(small.test_tokens)[0] for run in single])
    truth = small.test_labels > 0
    values = measures.measure_method(small, method, FEW)
    accuracies = [((row > 0) == truth).mean() for row in logits]
    assert values["accuracy"] == pytest.approx(np.mean(accuracies))
    assert values["accuracy_deviation"] == pytest.approx(np.std(accuracies, ddof=1))
    pairs = list(itertools.combinations(range(3), 2))
    assert values["disagreement"] == pytest.approx(
        np.mean([((logits[a] > 0) != (logits[b] > 0)).mean() for a, b in pairs])
    )
    samples = runs.left_out_samples(small)
    others = [alone(seed, int(sample)) for seed, sample in zip(seeds, samples, strict=False)]
    moved = [
        np.sqrt(2) * np.abs(expit(a) - expit(b.logits(small.test_tokens)[0]))
        for a, b in zip(logits, others, strict=False)
    ]
    assert values["left_out_predictions"] == pytest.approx(np.mean(moved), rel=1e-6)
    rest = np.array([run.logits(small.test_tokens)[0] for run in others])
    assert values["left_out_classes"] == pytest.approx(
        np.mean([(a > 0) != (b > 0) for a, b in zip(logits, rest, strict=False)])
    )
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(logits, rest, strict=False)
    ]
    assert values["left_out_direction"] == pytest.approx(
        np.mean(np.sqrt(2 - 2 * np.array(cosines)))
    )
    gaps = [
        np.linalg.norm(a.flat_parameters[0] - b.flat_parameters[0])
        for a, b in zip(single, others, strict=False)
    ]
    assert values["left_out_parameters"] == pytest.approx(np.mean(gaps), rel=1e-6)
    assert values["separable"] == 1
    assert values["radius_over_margin"] >= 1
    assert ("to_minimiser" in values) == (method != "maximal_margin@3"), (
        "for the claim that re-training shortens it"
    )


def test_the_distance_to_the_minimiser_is_that_of_a_plain_loop(small):
    tuned = runs.tune(small, "plain", FEW)
    distances = []
    for replica in range(mechanism.STARTS):
        model = tuning.SequenceClassifier(small.encoder, seed=int(tuned.seeds[replica]))
        model = copy.deepcopy(model).double()
        before = mechanism.flat(model.encoder)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(1500):
            optimiser.zero_grad()
            (
                0.5 * (model(torch.as_tensor(small.tokens)) - torch.as_tensor(small.labels)) ** 2
            ).mean().backward()
            optimiser.step()
        distances.append(np.linalg.norm(mechanism.flat(model.encoder) - before))
    assert mechanism.distance_to_minimiser(small, tuned)["to_minimiser"] == pytest.approx(
        np.median(distances), rel=0.02
    )


def test_margins_against_a_quadratic_program():
    rng = np.random.default_rng(1)
    labels = np.repeat([-1, 1], 10)
    features = rng.normal(size=(1, 20, 3)) + 4 * labels[:, None]
    found = mechanism.margins(features, labels)
    weights = cvxpy.Variable(4)
    points = with_constant(features[0])
    cvxpy.Problem(
        cvxpy.Minimize(cvxpy.norm(weights)), [cvxpy.multiply(labels, points @ weights) >= 1]
    ).solve(solver="CLARABEL")
    assert found["margin"] == pytest.approx(1 / np.linalg.norm(weights.value), rel=1e-6)
    assert found["radius"] == pytest.approx(np.linalg.norm(points, axis=1).max())
    apart = mechanism.margins(np.concatenate([features, rng.normal(size=(1, 20, 3))]), labels)
    assert apart["separable"] == 0.5
    assert apart["margin"] == pytest.approx(found["margin"])
    none = mechanism.margins(
        np.concatenate([features[:, ::-1] * 0 + rng.normal(size=(1, 20, 1))] * 2),
        np.tile([-1, 1], 10),
    )
    assert none["separable"] == 0
    assert math.isnan(none["margin"])


def test_heads_on_frozen_features_by_quadratic_programs():
    rng = np.random.default_rng(2)
    labels = np.repeat([-1, 1], 6)
    features = rng.normal(size=(2, 12, 3)) + 1.5 * labels[:, None]

    def direction(points, signs):
        weights = cvxpy.Variable(points.shape[1])
        cvxpy.Problem(
            cvxpy.Minimize(cvxpy.sum_squares(weights)),
            [cvxpy.multiply(signs, points @ weights) >= 1],
        ).solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
        return weights.value / np.linalg.norm(weights.value)

    expected = []
    for run in features:
        points = with_constant(run)
        whole = direction(points, labels)
        for i in range(12):
            rest = np.arange(12) != i
            expected.append(np.linalg.norm(direction(points[rest], labels[rest]) - whole))
    assert mechanism.head_left_out(features, labels) == pytest.approx(np.mean(expected), abs=1e-5)
    apart = np.concatenate([features, rng.normal(size=(1, 12, 3)) * [[[1]] * 12]])
    apart[2, :6] = apart[2, 6:]  # the same points in both classes
    assert mechanism.head_left_out(apart, labels) == mechanism.head_left_out(features, labels)
    assert math.isnan(mechanism.head_left_out(apart[2:], labels))
    assert math.isnan(mechanism.head_left_out(features, np.array([-1] * 11 + [1])))


def test_margins_within_rounding_are_none():
    labels = np.repeat([-1, 1], 4)
    features = 1 + 1e-9 * labels[None, :, None] * np.ones((1, 8, 2))  # saturated, almost equal
    found = mechanism.margins(features, labels)
    assert found["separable"] == 0
    assert math.isnan(found["radius_over_margin"])


def test_a_run_fails_that_is_near_the_constant_answer():
    labels = np.array([1] * 75 + [-1] * 25)
    accuracy = np.array([0.2, 0.75, 0.79, 0.81, 1.0])
    assert measures.failed_share(accuracy, labels) == pytest.approx(3 / 5)
    assert measures.failed_share(accuracy, labels[50:]) == pytest.approx(1 / 5)


def test_a_run_that_is_no_longer_finite_is_infinitely_unstable():
    task = specification(n=16, seeds=2, left_out=1).make()
    values = measures.measure_method(task, "l2_sp@1e6", runs.RemedyOptions())
    assert values["diverged"] == 1
    assert math.isinf(values["disagreement"])
    assert "accuracy" not in values
    assert measures.measure_method(task, "plain", runs.RemedyOptions(steps=2))["diverged"] == 0


def test_runs_that_encode_all_inputs_alike_have_no_geometry():
    task = specification(n=16, seeds=3, left_out=0).make()
    tuned = runs.tune(task, "plain", runs.RemedyOptions(steps=2))
    whole = measures.over_seeds(task, tuned)
    for value in tuned.parameters.values():
        value[0] = 0  # the first run encodes all inputs as zeros
    others = measures.over_seeds(task, tuned)
    features = tuned.features(task.test_tokens)[1:, : measures.REPRESENTED]
    assert others["cka_distance"] == pytest.approx(tuning.instability.cka_distance(features))
    assert whole["cka_distance"] != others["cka_distance"]
    for value in tuned.parameters.values():
        value[1] = 0
    assert math.isnan(measures.over_seeds(task, tuned)["svcca_distance"])


def test_more_samples_stand_behind_those_of_the_task():
    task = specification(n=24, noise=0.25, further=40).make()
    assert len(task.further_labels) == 24 + 40
    tokens, labels = task.sample(2)
    assert len(labels) == 48
    np.testing.assert_array_equal(tokens[:24], task.tokens)
    np.testing.assert_array_equal(labels[:24], task.labels)
    together = np.concatenate([tokens, task.test_tokens])
    assert len(np.unique(together, axis=0)) > 0.98 * len(together), "drawn apart from the test set"
    # the rule of the world: the sign of the summed polarity decides, flips are the rest
    clean = specification(n=24, noise=0.0, further=40).make()
    assert (clean.further_labels != task.further_labels).sum() == round(0.25 * 64)
    with pytest.raises(ValueError, match=r"needs 72 further sequences, but the task has 64"):
        task.sample(4)
    options = runs.RemedyOptions(steps=3)
    found = runs.tune(task, "more_samples@1.5", options)
    by_hand = tuning.fine_tune(
        task.encoder,
        np.concatenate([task.tokens, task.further_tokens[:12]]),
        np.concatenate([task.labels, task.further_labels[:12]]),
        seeds=[3000, 3001, 3002, 3003, 3000, 3001, 3002],
        left_out=[None] * 4 + [int(i) for i in runs.left_out_samples(task)],
        steps=3,
        learning_rate=0.2,
    )
    np.testing.assert_array_equal(found.logits(task.test_tokens), by_hand.logits(task.test_tokens))


def test_a_regime_sets_optimiser_and_step():
    calm, failing = (
        specification(n=16, regime=regime, seeds=2, left_out=0).make()
        for regime in ("calm", "failing")
    )
    options = runs.RemedyOptions(steps=3)
    by_hand = tuning.fine_tune(
        failing.encoder,
        failing.tokens,
        failing.labels,
        seeds=[3000, 3001],
        optimiser="adam_uncorrected",
        learning_rate=0.05,
        steps=3,
    )
    found = runs.tune(failing, "plain", options).logits(failing.test_tokens)
    np.testing.assert_array_equal(found, by_hand.logits(failing.test_tokens))
    assert (runs.tune(calm, "plain", options).logits(calm.test_tokens) != found).any()
    with pytest.raises(ValueError, match="regime must be one of"):
        specification(regime="wild").make()


def test_what_a_method_asks_of_the_task_is_given():
    task = specification(n=16, further=20).make()
    asked = runs.for_task(task, tuning.methods()["further_pretraining"])
    np.testing.assert_array_equal(asked.corpus, task.further_tokens)
    assert asked.decoder is task.decoder
    plain = tuning.methods()["plain"]
    assert runs.for_task(task, plain) is plain


def test_suites_are_designed_and_lazy():
    setting = find_setting("remedies")
    suite = setting.suite("remedies", 0, setting.options())
    table = pd.DataFrame([vars(each) for each in suite.specifications])
    assert len(table) == 72
    assert table["world"].is_unique, "every task has an encoder of its own"
    assert {tuple(each.name for each in tried) for tried in table["methods"]} == {suites.ARMS}
    assert (table["seeds"] == 20).all()
    assert table.groupby(["n", "noise", "balance", "shift"]).size().eq(3).all()
    assert set(table["population"]) == {"given"}
    assert not set(table["world"]) & {
        each.world for each in setting.suite("remedies", 1, setting.options()).specifications
    }
    assert len({each.name for each in suite.specifications}) == 72
    with pytest.raises(ValueError, match=r"suite must be one of .*'remedies'.* got 'huge'"):
        setting.suite("huge", 0, setting.options())
    with pytest.raises(ValueError, match="seed must be"):
        setting.suite("smoke", -1, setting.options())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"dropout": 1.0}, "dropout must be"),
        ({"learning_rate": 0.1}, "options \\['learning_rate'\\] are unknown"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        computing.checked_options(find_setting("remedies"), options)


def test_a_task_is_made_again_from_what_is_stored(small, tmp_path):
    setting = find_setting("remedies")
    setting.save(small, tmp_path / "task.npz")
    again = setting.load(tmp_path / "task.npz")
    assert again.specification == small.specification
    np.testing.assert_array_equal(again.tokens, small.tokens)
    (tmp_path / "other.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="holds no task of the remedies"):
        setting.load(tmp_path / "other.npz")


@pytest.fixture(scope="module")
def smoke_directory(tmp_path_factory):
    target = tmp_path_factory.mktemp("remedies") / "smoke"
    theory.run(theory.Study("remedies", "smoke", 0, {"steps": 10}), target, jobs=1)
    return target


@pytest.mark.slow
def test_a_study_is_resumed_and_its_report_says_who_is_more_stable(smoke_directory):
    results = theory.load(smoke_directory)
    assert len(results.environments) == 4
    shards = sorted((smoke_directory / "skipped").glob("*.parquet"))
    assert len(shards) == 4
    kept = shards[0].stat().st_mtime_ns
    # as if the study had been interrupted before this shard was complete
    shards[2].unlink()
    (smoke_directory / "checksums" / "00002.sha256").unlink()
    with pytest.raises(ValueError, match="1 of 4 shards are missing"):
        theory.load(smoke_directory)
    again = theory.run(theory.Study("remedies", "smoke", 0, {"steps": 10}), smoke_directory, jobs=1)
    pd.testing.assert_frame_equal(again.environments, results.environments)
    assert shards[0].stat().st_mtime_ns == kept, "what is complete is not computed again"
    page = theory.report(smoke_directory).read_text(encoding="utf-8")
    assert "Who is more stable than plain fine-tuning?" in page
    assert "R-margin-moving-left-out" in page
    assert "R-mixout-left-out" not in page, "nothing was held out here"
    assert "not tested, since this study holds nothing" in page
    assert "Predicted rates" not in page, "there are no theorems here"
