"""Real tasks with the whole encoder tuned: runs against plain loops, and choices and claims on
planted tables.
"""

import json
import re
import sys
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from tests.test_packages import ROOT
from tunebound import theory, tuning
from tunebound.theory import command_line
from tunebound.theory.engine.loading import so_far
from tunebound.theory.full_tasks import columns, evidence, members
from tunebound.theory.full_tasks.choice import chosen_strength
from tunebound.theory.full_tasks.claims import CONFIRMED, OPEN, REFUTED, at_chosen, findings
from tunebound.theory.full_tasks.measures import (
    HEAD,
    LEFT_OUT,
    SCORES,
    SEEDS,
    Runs,
)
from tunebound.theory.full_tasks.options import FullTaskOptions
from tunebound.theory.full_tasks.predictions import packed, unpacked
from tunebound.theory.full_tasks.publication import PAGE, STORED, page_of, publish
from tunebound.theory.full_tasks.runs import runs
from tunebound.theory.full_tasks.starts import retrained
from tunebound.theory.full_tasks.suites import make_suite
from tunebound.theory.full_tasks.variants import LADDER, METHODS, Variant, variant
from tunebound.theory.texts.own_texts import OWN_TASKS, own_task

PLAIN = ("plain", 0.0)
TEXTS = 40


def planted(tasks, seeds, differing, *, accuracy=None, left_out=(), seed=0):
    """A table in which a variant's seeds differ as told.

    `differing` maps (task, method, strength) to the number of texts, of 40, on which each seed
    departs from a common answer, drawn anew for each.
    """
    rng = np.random.default_rng(seed)
    truth = rng.random(TEXTS) < 0.5
    rows = []
    for (task, method, strength), count in differing.items():
        if task not in tasks:
            continue
        for number in range(seeds):
            predicted = truth.copy()
            predicted[rng.permutation(TEXTS)[:count]] ^= True
            right = float((predicted == truth).mean())
            rows.append(
                {
                    columns.TASK: task,
                    columns.METHOD: method,
                    columns.STRENGTH: float(strength),
                    columns.SEED: number,
                    columns.LEFT_OUT: 0,
                    columns.N: 20,
                    columns.ACCURACY: right if accuracy is None else accuracy[method, strength],
                    columns.MAJORITY: 0.5,
                    columns.PREDICTIONS: packed(predicted),
                    columns.PREDICTED: TEXTS,
                    **dict.fromkeys((*evidence.LEFT_OUT, *evidence.HEADS), np.nan),
                    **dict(left_out),
                }
            )
    return pd.DataFrame(rows)


def test_predictions_come_back():
    rng = np.random.default_rng(0)
    for count in (1, 7, 8, 9, 300):
        positive = rng.random(count) < 0.5
        np.testing.assert_array_equal(unpacked(packed(positive), count), positive)
    with pytest.raises(ValueError, match="holds 8 classes, not 9"):
        unpacked("ff", 9)


def test_measures_are_those_of_pairs_one_by_one():
    rows = planted(["a"], 5, {("a", "plain", 0): 6, ("a", "l2_sp", 0.1): 3})
    comparison = Runs.of(rows).compared("a", ("l2_sp", 0.1), PLAIN)
    expected = {SEEDS: [], SCORES: []}
    for method, strength in (("l2_sp", 0.1), PLAIN):
        runs_of = Runs.of(rows).on("a", method, strength)
        predicted = [unpacked(text, TEXTS) for text in runs_of[columns.PREDICTIONS]]
        accuracy = runs_of[columns.ACCURACY].to_numpy()
        expected[SEEDS].append(np.mean([(p != q).mean() for p, q in combinations(predicted, 2)]))
        expected[SCORES].append(accuracy.std(ddof=1) if accuracy.std() else np.nan)
        assert tuning.instability.disagreement(np.array(predicted)) == pytest.approx(
            expected[SEEDS][-1]
        )
    ratio = np.log(expected[SEEDS][0] / expected[SEEDS][1])
    assert comparison.log_ratio_of_all(SEEDS) == pytest.approx(ratio)
    # a resample that holds the third seed twice and not the first: pairs of different seeds only
    weights = np.array([[0.0, 1, 2, 1, 1]])
    drawn = [1, 2, 2, 3, 4]
    by_hand = [
        np.mean([pairs[i, j] for i, j in combinations(drawn, 2) if i != j])
        for pairs in comparison.pairs[SEEDS]
    ]
    assert comparison.log_ratio(SEEDS, weights)[0] == pytest.approx(np.log(by_hand[0] / by_hand[1]))


def test_the_deviation_is_that_of_accuracies_and_seeds_are_matched():
    rng = np.random.default_rng(2)
    rows = planted(["a"], 6, {("a", "plain", 0): 4, ("a", "mixout", 0.5): 4})
    rows[columns.ACCURACY] = rng.random(len(rows))
    rows = rows.drop(index=rows.index[[0, 8]])  # seed 0 of plain, seed 2 of mixout
    comparison = Runs.of(rows).compared("a", ("mixout", 0.5), PLAIN)
    assert comparison.seeds.tolist() == [1, 3, 4, 5]
    deviations = [
        Runs.of(rows).on("a", *each).loc[comparison.seeds, columns.ACCURACY].std()
        for each in (("mixout", 0.5), PLAIN)
    ]
    assert comparison.log_ratio_of_all(SCORES) == pytest.approx(
        np.log(deviations[0] / deviations[1])
    )
    constant = rows.assign(**{columns.ACCURACY: 0.5})
    assert np.isnan(
        Runs.of(constant).compared("a", ("mixout", 0.5), PLAIN).log_ratio_of_all(SCORES)
    )


def test_measures_by_seed_are_read_where_they_were_measured():
    rows = planted(["a"], 3, {("a", "plain", 0): 4, ("a", "mixout", 0.5): 4})
    rows.loc[[0, 1, 3, 4], columns.LEFT_OUT_DIRECTION] = [0.1, 0.3, 0.2, 0.8]
    comparison = Runs.of(rows).compared("a", ("mixout", 0.5), PLAIN).measured(LEFT_OUT)
    assert comparison.seeds.tolist() == [0, 1]
    assert comparison.log_ratio_of_all(LEFT_OUT) == pytest.approx(np.log(0.5 / 0.2))
    # the run that was repeated without texts stands for its seed
    twice = pd.concat([rows, rows.iloc[[3]].assign(**{columns.LEFT_OUT: 3, HEAD: 1})])
    assert Runs.of(twice).on("a", "mixout", 0.5)[columns.LEFT_OUT].tolist() == [3, 0, 0]


FOUR = ["a", "b", "c", "d"]
WEAK, STRONG = LADDER["maximal_margin"]


def two_strengths(weak, strong):
    """Texts that differ for each strength, by task; plain fine-tuning has 8."""
    return {
        **{(task, "plain", 0): 8 for task in FOUR},
        **{(task, "maximal_margin", WEAK): n for task, n in zip(FOUR, weak, strict=True)},
        **{(task, "maximal_margin", STRONG): n for task, n in zip(FOUR, strong, strict=True)},
    }


def test_the_strength_for_a_task_is_chosen_on_the_others():
    # on its own texts task a says the opposite of what b, c and d say
    rows = planted(FOUR, 4, two_strengths([1, 6, 6, 6], [12, 2, 2, 2]))
    assert chosen_strength(Runs.of(rows), "maximal_margin", "a") == STRONG
    without = rows[rows[columns.TASK] != "a"]
    assert chosen_strength(Runs.of(without), "maximal_margin", "a") == STRONG
    turned = planted(FOUR, 4, two_strengths([12, 6, 6, 6], [1, 2, 2, 2]))
    assert chosen_strength(Runs.of(turned), "maximal_margin", "a") == STRONG
    others = planted(FOUR, 4, two_strengths([1, 2, 2, 2], [1, 6, 6, 6]))
    assert chosen_strength(Runs.of(others), "maximal_margin", "a") == WEAK
    at = at_chosen(Runs.of(rows), "maximal_margin")
    assert at["a"][0] == STRONG
    assert at["a"][1].log_ratio_of_all(SEEDS) == pytest.approx(
        Runs.of(rows).compared("a", ("maximal_margin", STRONG), PLAIN).log_ratio_of_all(SEEDS)
    )


def test_a_strength_that_costs_accuracy_is_not_chosen():
    differing = two_strengths([6] * 4, [2] * 4)
    accuracy = {("plain", 0): 0.8, ("maximal_margin", WEAK): 0.8, ("maximal_margin", STRONG): 0.78}
    rows = planted(FOUR, 4, differing, accuracy=accuracy)
    assert chosen_strength(Runs.of(rows), "maximal_margin", "a") == WEAK
    accuracy["maximal_margin", WEAK] = 0.7  # neither keeps it: the one that loses least
    rows = planted(FOUR, 4, differing, accuracy=accuracy)
    assert chosen_strength(Runs.of(rows), "maximal_margin", "a") == STRONG
    with pytest.raises(ValueError, match="no strength of mixout can be chosen for a"):
        chosen_strength(Runs.of(rows), "mixout", "a")


def test_seeds_that_one_strength_alone_has_do_not_choose():
    rows = planted(FOUR, 3, two_strengths([6] * 4, [2] * 4))
    # later runs of the chosen strength must not change what was chosen
    late = planted(FOUR, 9, {(task, "maximal_margin", STRONG): 20 for task in FOUR}, seed=1)
    both = pd.concat([rows, late[late[columns.SEED] >= 3]], ignore_index=True)
    assert chosen_strength(Runs.of(both), "maximal_margin", "a") == STRONG


def test_claims_are_decided_by_what_was_planted():
    tasks = list("abcdef")
    differing = {}
    for place, task in enumerate(tasks):
        differing[task, "plain", 0] = 8 + place % 2
        differing[task, "multi_head", 16] = 3
        differing[task, "mixout", 0.1] = 17
        differing[task, "l2_sp", 0.1] = 8 + (place + 1) % 2
    found = {(each.method, each.outcome): each for each in findings(planted(tasks, 6, differing))}
    assert found["multi_head", SEEDS].verdict == CONFIRMED
    assert found["mixout", SEEDS].verdict == REFUTED
    assert found["l2_sp", SEEDS].verdict == OPEN
    assert ("multi_head", LEFT_OUT) not in found
    each = found["multi_head", SEEDS]
    rows = planted(tasks, 6, differing)
    effects = [
        Runs.of(rows).compared(task, ("multi_head", 16), PLAIN).log_ratio_of_all(SEEDS)
        for task in tasks
    ]
    middle, error = np.mean(effects), stats.sem(effects)
    reach = stats.t.ppf(0.975, len(tasks) - 1) * error
    np.testing.assert_allclose(
        np.log([each.factor, each.low, each.high]), [middle, middle - reach, middle + reach]
    )
    assert each.seeds_low < each.factor < each.seeds_high
    # Holm by its definition: the smallest p times all, and none below the one before it
    ordered = sorted(found.values(), key=lambda each: each.p)
    assert ordered[0].adjusted == pytest.approx(min(1, len(ordered) * ordered[0].p))
    assert all(before.adjusted <= after.adjusted for before, after in pairwise(ordered))
    assert not findings(planted(tasks[:2], 6, differing))
    assert not findings(planted(tasks, 1, differing))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A directory with a tiny BERT that knows the words of the project's own tasks."""
    transformers = pytest.importorskip("transformers", reason="the encoder is of transformers")
    given = [text for name in OWN_TASKS for text in own_task(name).train.texts]
    parts = [text if isinstance(text, str) else " ".join(text) for text in given]
    words = sorted({word for text in parts for word in text.lower().replace(".", " .").split()})
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(names),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(
        vocab={word: place for place, word in enumerate(names)}
    ).save_pretrained(folder)
    return str(folder)


def small(tiny, tmp_path, **changes):
    chosen = {
        "encoder": tiny,
        "n": 24,
        "steps": 12,
        "batch_size": 8,
        "learning_rate": 5e-3,
        "dropout": 0.0,
        "max_length": 20,
        "cache": str(tmp_path / "starts"),
    }
    return FullTaskOptions(**{**chosen, **changes})


def specified(options, method, *, seed=3, left_out=1, task="own-places"):
    made = make_suite("look", 0, options).specifications[0]
    values = {name: getattr(made, name) for name in made.__dataclass_fields__}
    tried = variant(method)
    changed = {
        "task": task,
        "method": tried.method,
        "strength": tried.strength,
        "seed": seed,
        "left_out": left_out,
    }
    return members.RunSpecification(**{**values, **changed}).make()


def plain_loop(encoder, task, options, *, seed, without=None):
    """AdamW with linear warm-up and decay as transformers schedules it, in torch alone."""
    transformers = pytest.importorskip("transformers")
    model = tuning.pretrained(encoder, pooling="mean", max_length=options.max_length).eval()
    n, size = len(task.labels), 8
    head = nn.Linear(size, 1).double()
    drawn = torch.rand(
        1, size + 1, generator=torch.Generator().manual_seed(3 * seed + 2), dtype=torch.float64
    )
    with torch.no_grad():
        head.weight.copy_((2 * drawn[:, :-1] - 1) / size**0.5)
        head.bias.copy_((2 * drawn[:, -1] - 1) / size**0.5)
    order = torch.Generator().manual_seed(3 * seed)
    passes = -(-options.steps * options.batch_size // n)
    places = torch.cat([torch.randperm(n, generator=order) for _ in range(passes)])
    optimiser = torch.optim.AdamW(
        [*model.parameters(), *head.parameters()], lr=options.learning_rate, foreach=False
    )
    # it rises from 1/k over the first k of all steps
    rising = 0.1 * options.steps
    labels = torch.tensor(task.labels).double()
    for step in range(options.steps):
        chosen = places[step * options.batch_size : (step + 1) * options.batch_size]
        chosen = chosen[chosen != (-1 if without is None else without)]
        batch = {key: value[chosen] for key, value in task.tokens.items()}
        logits = head(model(batch).double())[:, 0]
        loss = nn.functional.softplus(-labels[chosen] * logits).mean()
        optimiser.zero_grad()
        loss.backward()
        share = min((step + 1) / rising, (options.steps - step) / (options.steps - rising + 1), 1)
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * share
        optimiser.step()
    assert transformers
    with torch.no_grad():
        return model, head(model(task.test_tokens).double())[:, 0].numpy()


def test_plain_runs_are_those_of_a_plain_loop(tiny, tmp_path):
    options = small(tiny, tmp_path)
    task = specified(options, "plain")
    whole, other = runs(task, options)
    for run, without in ((whole, None), (other, int(task.without[0]))):
        model, logits = plain_loop(tiny, task, options, seed=3, without=without)
        for key, value in model.named_parameters():
            # the pooler is not read, and the bias of the keys moves no attention: its gradient is
            # rounding, of which Adam makes steps
            if "pooler" in key or key.endswith("key.bias"):
                continue
            np.testing.assert_allclose(run.parameters[key][0], value.detach(), rtol=0, atol=2e-5)
        np.testing.assert_allclose(run.logits(task.test_tokens)[0], logits, rtol=0, atol=1e-3)
    assert np.abs(whole.logits(task.test_tokens) - other.logits(task.test_tokens)).max() > 0.01


def test_an_environment_has_what_its_runs_say(tiny, tmp_path):
    options = small(tiny, tmp_path)
    task = specified(options, "multi_head@4", left_out=2)
    row = evidence.examine(task, options).columns()
    logits = np.stack([run.logits(task.test_tokens)[0] for run in runs(task, options)])
    truth = task.test_labels > 0
    assert row[columns.ACCURACY] == np.mean((logits[0] > 0) == truth)
    np.testing.assert_array_equal(unpacked(row[columns.PREDICTIONS], len(truth)), logits[0] > 0)
    unit = logits / np.linalg.norm(logits, axis=1, keepdims=True)
    distances = np.linalg.norm(unit[1:] - unit[0], axis=1)
    assert row[columns.LEFT_OUT_DIRECTION] == pytest.approx(distances.mean(), abs=1e-12)
    changed = ((logits[1:] > 0) != (logits[0] > 0)).mean()
    assert row[columns.LEFT_OUT_CLASSES] == pytest.approx(changed)
    lengths = task.test_tokens["attention_mask"].sum(dim=1)
    assert (lengths.diff() >= 0).all()


def test_heads_on_frozen_features_against_a_convex_solver():
    import cvxpy

    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(12, 5)), np.where(np.arange(12) % 2, 1, -1)
    features[:, 0] += 2.5 * labels
    row = evidence.frozen_heads(features, labels)
    constant = 0.3 * np.sqrt((features**2).sum(axis=1).mean())
    X = np.column_stack([features, np.full(12, constant)])

    def direction(kept):
        w = cvxpy.Variable(6)
        cvxpy.Problem(
            cvxpy.Minimize(cvxpy.sum_squares(w)), [(X * labels[:, None])[kept] @ w >= 1]
        ).solve(solver=cvxpy.CLARABEL)
        return w.value

    whole = direction(np.arange(12))
    unit = whole / np.linalg.norm(whole)
    others = [direction(np.delete(np.arange(12), i)) for i in range(12)]
    distances = [np.linalg.norm(w / np.linalg.norm(w) - unit) for w in others]
    radius = np.linalg.norm(X, axis=1).max()
    assert row[columns.RADIUS_OVER_MARGIN] == pytest.approx(
        radius * np.linalg.norm(whole), rel=1e-5
    )
    assert row[columns.HEAD_LEFT_OUT] == pytest.approx(np.mean(distances), abs=1e-4)
    assert row[columns.HEAD_LEFT_OUT] <= row[columns.HEAD_BOUND]
    features[1] = features[0]  # one text, two labels
    assert evidence.frozen_heads(features, labels)[columns.SEPARABLE] == 0


def test_the_common_start_has_read_the_text_that_is_left_out(tiny, tmp_path):
    options = small(tiny, tmp_path)
    starts = {}
    for method in ("self_unsupervised_common", "self_unsupervised"):
        task = specified(options, f"{method}@3")
        starts[method] = [run.flat_start[0] for run in runs(task, options)]
    common, procedure = starts["self_unsupervised_common"], starts["self_unsupervised"]
    np.testing.assert_array_equal(common[0], common[1])
    np.testing.assert_array_equal(common[0], procedure[0])
    assert np.abs(procedure[1] - common[0]).max() > 1e-5
    tokens, gone = task.tokens["input_ids"], int(task.without[0])
    for left_out, start in ((gone, procedure[1]), (None, common[0])):
        alone = tuning.self_unsupervised_retraining(
            tuning.MaskedLanguageEncoder(*wrapped(tiny)),
            tokens.numpy(),
            steps=3,
            left_out=left_out,
        )
        flat = nn.utils.parameters_to_vector(alone.encoder.base_model.parameters()).detach()
        np.testing.assert_allclose(start, flat, rtol=0, atol=1e-7)
    assert len(list((tmp_path / "starts").iterdir())) == 1
    given = {"steps": 3, "precision": "float32", "cache": tmp_path / "starts"}
    again = retrained(tiny, options.max_length, tokens, **given)
    stored = nn.utils.parameters_to_vector(again.parameters()).detach()
    np.testing.assert_array_equal(stored, common[0])


def wrapped(tiny):
    encoder = tuning.pretrained(tiny)
    return encoder.module, encoder.tokenizer


def test_suites_share_texts_and_leave_out_what_the_ladder_has(tiny, tmp_path):
    options = small(tiny, tmp_path, steps=1, left_out=1, seeds=8)
    ladder = {"methods": ("plain", "linear_probing"), "encoder": tiny, "n": 24, "steps": 1}
    results = theory.study(
        "ladder",
        setting="full-tasks",
        output=tmp_path / "ladder",
        jobs=1,
        max_length=20,
        **ladder,
    )
    rows = results.environments
    assert len(rows) == 2 * 3 * (1 + 2)
    assert rows[columns.METHOD].tolist() == ["plain"] * 6 + ["linear_probing"] * 12
    first = make_suite("judged", 0, options).specifications
    assert {each.strength for each in first if each.method == "mixout"} == {LADDER["mixout"][0]}
    assert {each.method for each in first if each.left_out} == set(METHODS)
    every = len(make_suite("ladder", 0, options).specifications)
    assert every == 2 * 3 * (1 + sum(map(len, LADDER.values())))
    options = small(
        tiny,
        tmp_path,
        methods=("plain", "linear_probing"),
        left_out=1,
        seeds=8,
        ladder=str(tmp_path / "ladder"),
    )
    with pytest.raises(ValueError, match="no strength of maximal_margin can be chosen"):
        make_suite("judged", 0, FullTaskOptions(**{**vars(options), "methods": ()}))
    suite = make_suite("judged", 0, options)
    # seeds 0 and 7 are repeated without a text; 1 and 2 are in the ladder
    found = [(each.seed, each.left_out) for each in suite.specifications]
    assert found == [(seed, int(seed % 7 == 0)) for seed in (0, 3, 4, 5, 6, 7) for _ in range(4)]
    assert {each.task for each in suite.specifications} == set(OWN_TASKS)
    first, again = suite.specifications[0].make(), suite.specifications[8].make()
    assert torch.equal(first.tokens["input_ids"], again.tokens["input_ids"])


def test_a_member_comes_back_from_its_file(tiny, tmp_path):
    task = specified(small(tiny, tmp_path), "mixout", left_out=2)
    members.save(task, tmp_path / "member.npz")
    again = members.load(tmp_path / "member.npz")
    assert again.specification == task.specification
    np.testing.assert_array_equal(again.without, task.without)
    assert torch.equal(again.test_tokens["input_ids"], task.test_tokens["input_ids"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 3}, "n must"),
        ({"seeds": 1}, "seeds must"),
        ({"precision": "float16"}, "precision must be one of 'float32', 'bfloat16'"),
        ({"methods": ("adam",)}, "methods: 'adam' is none of plain, "),
        ({"methods": ("mixout@much",)}, "'mixout@much' has no number behind @; write mixout@0.1"),
        ({"methods": ("mixout@2",)}, "strength of mixout must"),
        ({"only": ("none",)}, "only must be"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        theory.find_setting("full-tasks").check(FullTaskOptions(**options))


def test_every_method_of_the_comparison_is_tuned_by_one_that_is_known():
    for name in METHODS:
        for strength in LADDER.get(name, (0.0,)):
            tried = Variant(name, strength)
            method = tried.tuned_by()
            if tried.retrains or name == "plain":
                assert method.name == "plain"
            else:
                assert (method.name, method.strength) == (name, strength)
                assert variant(tried.name) == tried


def test_the_commands_of_the_page_are_understood(tmp_path, monkeypatch):
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (first,) = re.findall(r"^tunebound (run .*runs/look) ", text, flags=re.MULTILINE)
    monkeypatch.setattr(sys, "argv", ["tunebound", *first.split(), "--dry-run"])
    with pytest.raises(SystemExit) as stop:
        command_line.main()
    assert not stop.value.code
    suites = re.findall(r"--suite (\w+)", text)
    assert set(suites) == set(theory.find_setting("full-tasks").suite_names())
    assigned = re.findall(r"--set (\S+=[^\s']+)", text)
    assert len(assigned) > 6
    FullTaskOptions.parse(assigned, setting="full-tasks")


def test_the_page_shows_the_stored_results():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page_of(page, ROOT / STORED) == page


def test_no_text_of_a_task_is_committed():
    stored = pd.read_csv(ROOT / STORED / "environments.csv", dtype=str)
    spaced = stored.apply(lambda column: column.str.contains(" ", na=False).any())
    assert not spaced.any()
    assert {path.name for path in (ROOT / STORED).iterdir()} == {"environments.csv", "about.json"}


def test_what_is_there_of_a_study_is_published(tiny, tmp_path, monkeypatch):
    out = tmp_path / "look"
    study = theory.Study(
        "full-tasks", "look", options={"encoder": tiny, "n": 24, "steps": 1, "left_out": 0}
    )
    theory.compute(study, out, share=(1, 2), jobs=1)
    with pytest.raises(ValueError, match="shards are missing"):
        theory.load(out)
    assert len(so_far(out).environments) == 9
    monkeypatch.setattr("tunebound.theory.full_tasks.publication.commit_of", lambda root: "0" * 40)
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text((ROOT / PAGE).read_text(encoding="utf-8"), encoding="utf-8")
    publish([out], tmp_path)
    about = json.loads((tmp_path / STORED / "about.json").read_text(encoding="utf-8"))
    assert [(run["environments"], run["planned"]) for run in about["runs"]] == [(9, 18)]
    assert "9 of 18 environments" in (tmp_path / PAGE).read_text(encoding="utf-8")
    first = (tmp_path / STORED / "environments.csv").read_text(encoding="utf-8")
    theory.compute(study, tmp_path / "rest", share=(2, 2), jobs=1)
    publish([tmp_path / STORED, tmp_path / "rest", out], tmp_path)
    both = (tmp_path / STORED / "environments.csv").read_text(encoding="utf-8").splitlines()
    assert len(both) == 1 + 18
    assert set(first.splitlines()) < set(both)
    about = json.loads((tmp_path / STORED / "about.json").read_text(encoding="utf-8"))
    assert [run["environments"] for run in about["runs"]] == [9, 9]


def test_what_is_committed_chooses_strengths_and_is_not_run_again(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("tunebound.theory.full_tasks.publication.commit_of", lambda root: "0" * 40)
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text((ROOT / PAGE).read_text(encoding="utf-8"), encoding="utf-8")
    out, methods = tmp_path / "ladder", ("plain", "linear_probing")
    options = {"encoder": tiny, "n": 24, "steps": 1, "methods": methods}
    theory.compute(theory.Study("full-tasks", "ladder", options=options), out, jobs=1)
    publish([out], tmp_path)
    suites = [
        make_suite(
            "judged",
            0,
            small(tiny, tmp_path, methods=methods, left_out=1, seeds=8, ladder=str(ladder)),
        )
        for ladder in (out, tmp_path / STORED)
    ]
    assert suites[0].specifications == suites[1].specifications
    assert len(suites[0].specifications) == 24
