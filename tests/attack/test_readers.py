"""Files that are damaged, cut, of another kind or hostile, to every reader: a refusal that names
the file, and never what the file asks for.
"""

from __future__ import annotations

import json
import pickle
import random

import numpy as np
import pytest

from tests.attack import judgement
from tests.attack.arguments import STUDY
from tests.attack.conftest import BUDGET, LONG
from tests.attack.surface import callables
from tests.theory.certification.malformed import Payload
from tunebound import synthetic, theory
from tunebound._ground.storage import write_arrays

MADE = {
    "SeparableDataset": lambda: synthetic.make_separable("ball", n=8, d=3),
    "ClassDataset": lambda: synthetic.make_classes(n=9, d=3),
    "MirroredDataset": lambda: synthetic.make_mirrored(n=8, d=3),
    "QuadraticProblem": lambda: synthetic.make_quadratics(4, 3, mu=0.5, beta=2.0, distance=1.0),
    "SmoothProblem": lambda: synthetic.make_smooth_losses(4, 3, mu=0.5, beta=2.0, distance=1.0),
}
READERS = {
    path.split(".")[-2]: reader
    for path, reader in callables().items()
    if path.endswith(".from_npz")
}
FLIPS = 400 if LONG else 40


def test_every_reader_has_something_to_read():
    missing = sorted(set(READERS) - set(MADE))
    assert not missing, f"add what is written for {', '.join(missing)} to MADE in {__file__}"


def read(kind, path):
    return judgement.judge(READERS[kind], {"path": path}, ["path", str(path)])


@pytest.mark.parametrize("kind", sorted(READERS))
def test_flipped_bits_of_stored_objects_are_noticed(kind, tmp_path, figure):
    path = MADE[kind]().to_npz(tmp_path / "x.npz")
    whole = path.read_bytes()
    expected = READERS[kind](path).entries()
    draw = random.Random(0)
    noticed = 0
    for _ in range(FLIPS):
        flipped = bytearray(whole)
        bit = draw.randrange(8 * len(flipped))
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        outcome = read(kind, path)
        if outcome.kind == judgement.ANSWER:
            # names, times and attributes in the archive's directory mean nothing to the values
            for name, value in outcome.value.entries().items():
                np.testing.assert_array_equal(value, expected[name])
        else:
            assert outcome.kind == judgement.REFUSAL, outcome.said
            noticed += 1
    figure("flipped bits of .npz files", FLIPS)
    figure("flipped bits of .npz files refused (all others read the same values)", noticed)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_cut_and_foreign_files_are_refused(kind, tmp_path, figure):
    path = MADE[kind]().to_npz(tmp_path / "x.npz")
    whole = path.read_bytes()
    cases = [whole[:length] for length in (0, 1, 100, len(whole) // 2, len(whole) - 1)]
    cases += [b"\x93NUMPY", b"PK\x05\x06" + bytes(18), b"{}", b"text\n" * 100, whole + b"x" * 9]
    for case in cases[:-1]:
        path.write_bytes(case)
        outcome = read(kind, path)
        assert outcome.kind == judgement.REFUSAL, outcome.said
    figure("damaged files refused", len(cases) - 1)
    for place in ("nowhere/x.npz", "."):
        outcome = read(kind, str(tmp_path / place))
        assert outcome.kind == judgement.REFUSAL, outcome.said


@pytest.mark.parametrize("kind", sorted(READERS))
def test_entries_of_another_kind_or_shape_are_refused_or_mean_the_same(kind, tmp_path, figure):
    made = MADE[kind]()
    draw = np.random.default_rng(0)
    stored = {"format": made.FORMAT, **made.entries()}
    others = [
        np.array("x"),
        np.array(np.nan),
        np.array(-1),
        np.zeros((0, 3)),
        np.zeros((2, 2, 2)),
        np.array([1j, 2]),
        np.array(json.dumps({"a": [1]})),
        np.array("[" * 100_000),
        np.array("{" + '"a":{' * 5_000),
        np.zeros(3, dtype=[("a", "f8")]),
    ]
    count = 0
    for _ in range(max(BUDGET, 30) if LONG else 15):
        changed = {name: np.asarray(value) for name, value in stored.items()}
        name = draw.choice(sorted(stored))
        value = changed[name]
        damaged = others[draw.integers(len(others))]
        if draw.random() < 0.5 and value.dtype.kind == "f" and value.size:
            damaged = value.copy()
            damaged.flat[draw.integers(value.size)] = draw.choice([-1.0, np.nan, np.inf, 1e200, 0])
        path = write_arrays(tmp_path / "x.npz", {**changed, name: damaged})
        outcome = read(kind, path)
        assert outcome.kind in (judgement.ANSWER, judgement.REFUSAL), (name, damaged, outcome.said)
        count += 1
    figure("files with a foreign entry", count)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_pickled_objects_are_not_executed(kind, tmp_path, figure):
    mark = tmp_path / "mark"
    path = tmp_path / "x.npz"
    payload = np.array([Payload(mark)], dtype=object)
    np.savez(path, X=payload, format=payload)
    for content in (path.read_bytes(), pickle.dumps(Payload(mark))):
        path.write_bytes(content)
        outcome = read(kind, path)
        assert outcome.kind == judgement.REFUSAL, outcome.said
        assert not mark.exists(), "something was executed"
    figure("pickled payloads not executed", 2)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study") / "study"
    theory.run(STUDY, directory, jobs=1)
    return directory, theory.load(directory)


def test_flipped_bits_of_a_study_are_noticed(study, figure):
    directory, known = study
    files = [
        path for path in sorted(directory.rglob("*")) if path.suffix in (".parquet", ".sha256")
    ]
    draw = random.Random(1)
    for _ in range(FLIPS):
        path = draw.choice(files)
        whole = path.read_bytes()
        flipped = bytearray(whole)
        bit = draw.randrange(8 * len(flipped))
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            outcome = judgement.judge(theory.load, {"directory": directory}, [str(directory)])
        finally:
            path.write_bytes(whole)
        assert outcome.kind == judgement.REFUSAL, outcome.said
    figure("flipped bits of shards, all noticed", FLIPS)
    assert theory.load(directory).rows.equals(known.rows)


def test_flipped_bits_of_a_manifest_are_noticed_where_results_depend_on_it(study, figure):
    directory, known = study
    path = directory / "manifest.json"
    whole = path.read_bytes()
    noted = json.loads(whole)
    draw = random.Random(2)
    for _ in range(FLIPS):
        flipped = bytearray(whole)
        bit = draw.randrange(8 * len(flipped))
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            outcome = judgement.judge(theory.load, {"directory": directory}, [str(directory)])
        finally:
            path.write_bytes(whole)
        if outcome.kind == judgement.ANSWER:
            changed = json.loads(flipped)
            differing = {key for key in noted if changed.get(key) != noted[key]}
            # what is noted for the record: when, where and with which versions
            assert differing <= {"started", "machine", "versions"}
            assert outcome.value.rows.equals(known.rows)
        else:
            assert outcome.kind == judgement.REFUSAL, outcome.said
    figure("flipped bits of manifests, none that results depend on unnoticed", FLIPS)
