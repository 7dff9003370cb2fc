"""The benchmarks run small: all parts are there, the ways agree, and what is missing is said; never
how long anything took.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks import classes, clock, head_peers, heads, minibatch, separators, tables
from benchmarks.data import batch
from tests.oracles import class_descent
from tests.oracles.descent import leave_one_out_paths
from tunebound.synthetic import make_classes

ROOT = Path(__file__).parent.parent
PEERS = [
    pytest.param(peer, id=peer.name, marks=[pytest.mark.slow] if peer.package == "numba" else [])
    for peer in heads.PEERS
]


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """What the command prints and stores."""
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(folder)]
    single = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=single, check=False
    )
    assert done.returncode == 0, done.stderr
    return (
        done.stdout,
        json.loads((folder / "quick.json").read_text()),
        (folder / "quick.md").read_text(),
    )


@pytest.mark.slow
def test_the_command_prints_and_stores_every_table(quick):
    printed, stored, page = quick
    found = {table["name"]: table for table in stored["tables"]}
    assert set(found) == {
        "heads",
        "roofline",
        "minibatch",
        "classes",
        "gram",
        "growth",
        "memory",
        "flow_accuracy",
        "flow_cost",
        "flow_wide",
        "separators",
        "gpu",
    }
    for table in found.values():
        assert table["title"] in printed
        assert f"## {table['title']}" in page
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
        assert table["rows"] or table["name"] == "gpu"
    sizes = {f"{n}, {d}, {D}" for n, d, D, _ in heads.QUICK}
    ways = {way.name for way in (heads.OURS, heads.MIXED, *heads.PEERS)}
    assert {(row[0], row[1]) for row in found["heads"]["rows"]} == {
        (size, way) for size in sizes for way in ways
    }
    assert [row[0] for row in found["growth"]["rows"]] == ["n", "d", "D", "T"]


@pytest.mark.slow
def test_all_ways_that_are_installed_agree(quick):
    found = {table["name"]: table for table in quick[1]["tables"]}
    for row in found["heads"]["rows"]:
        if row[1] != heads.OURS.name and not str(row[5]).startswith("not installed"):
            assert row[6] <= heads.AGREEMENT["mixed" if "mixed" in row[1] else "float64"]
    for row in found["separators"]["rows"]:
        assert str(row[4]).startswith("not installed") or row[5] <= 1e-3
    for row in found["flow_accuracy"]["rows"]:
        assert max(row[3:]) <= 1e-6


@pytest.mark.slow
def test_results_name_the_machine_but_neither_host_nor_path(quick):
    printed, stored, page = quick
    assert stored["machine"]["cores"] >= 1
    assert re.match(r"\d+\.\d+", stored["machine"]["torch"])
    for text in (printed, json.dumps(stored), page):
        assert os.uname().nodename not in text.split()
        assert str(ROOT) not in text
        assert str(Path.home()) + "/" not in text


@pytest.mark.parametrize("peer", PEERS)
def test_peers_take_the_steps_of_plain_loops(peer):
    if find_spec(peer.package) is None:
        pytest.skip(f"{peer.package} is not installed (pip install '.[benchmarks]')")
    data = batch(9, 3, 2)
    for count in (4, 10):
        found = peer.prepare(data.Z, data.rates, count)(7)
        for b in range(2):
            expected = leave_one_out_paths(data.X[b], data.y[b], data.rates[b], 7)[:count, -1]
            np.testing.assert_allclose(found[b], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("peer", minibatch.PEERS, ids=lambda peer: peer.name)
def test_peers_on_batches_take_the_steps_of_plain_loops(peer):
    data, batches = batch(9, 3, 2), np.array([[0, 3], [8, 1], [3, 5]])
    rates = np.array([0.1, 0.2])
    found = peer.prepare(data.Z, rates, 10, batches)(3)
    for b in range(2):
        for head in range(10):
            w = np.zeros(3)
            for step in batches:
                left = [z for j, z in zip(step, data.Z[b, step], strict=True) if j != head - 1]
                w = w + rates[b] / 2 * sum(z / (1 + np.exp(z @ w)) for z in left)
            np.testing.assert_allclose(found[b, head], w, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("prepare", [classes.linear_and_sgd, classes.vmap_of_grad])
def test_peers_of_several_classes_take_the_steps_of_plain_loops(prepare):
    data = [make_classes(n=9, d=4, seed=seed) for seed in range(2)]
    X, y = np.stack([each.X for each in data]), np.stack([each.y for each in data])
    found = prepare(X, y, 3, np.array([0.5, 0.25]), 4)(6)
    for b, rate in enumerate((0.5, 0.25)):
        expected = class_descent.leave_one_out_paths(X[b], y[b], 3, rate, 6)[:4, -1]
        np.testing.assert_allclose(found[b], expected, rtol=0, atol=1e-13)


def test_steps_in_place_are_those_of_plain_loops():
    data = batch(9, 3, 2)
    found = head_peers.in_place(data.Z, data.rates, 10)(7)
    for b in range(2):
        expected = leave_one_out_paths(data.X[b], data.y[b], data.rates[b], 7)[:, -1]
        np.testing.assert_allclose(found[b], expected, rtol=1e-12, atol=1e-14)


def test_ways_that_disagree_are_not_compared():
    expected = np.ones((1, 2, 2))
    assert heads.agreement("a peer", expected + 1e-12, expected, 1e-9) == pytest.approx(
        1e-12, rel=1e-3
    )
    for wrong in (expected + 1e-6, np.full_like(expected, np.nan)):
        with pytest.raises(clock.DisagreementError, match="a peer is off by"):
            heads.agreement("a peer", wrong, expected, 1e-9)


@pytest.mark.parametrize("peer", [pytest.param(peer, id=peer.name) for peer in separators.PEERS])
def test_separator_peers_find_the_planted_separator(peer):
    if find_spec(peer.package) is None:
        pytest.skip(f"{peer.package} is not installed (pip install '.[benchmarks]')")
    # Of the points (1, 0) and (0, 1) and one beyond, (1, 1) is the separator with both at distance
    # 1.
    found = peer.solve(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]]))
    np.testing.assert_allclose(found, [1, 1], rtol=10 * peer.tolerance)


def test_candidates_take_turns_and_steps_are_told_from_the_rest(monkeypatch):
    now, order = [0.0], []
    monkeypatch.setattr(clock, "perf_counter", lambda: now[0])

    def candidate(name, setup, step):
        def work(steps):
            order.append((name, steps))
            now[0] += setup + step * steps

        return work

    taken = clock.alternating_slopes(
        {
            "A": candidate("A", 5.0, 2.0),
            "B": candidate("B", 0.5, 3.0),
            "C": candidate("C", 1.0, 0.0),
        },
        10,
        2,
    )
    assert taken == {"A": pytest.approx(2.0), "B": pytest.approx(3.0), "C": None}
    assert order == [(name, steps) for _ in range(2) for name in "ABC" for steps in (1, 11)]
    assert clock.ratio(taken["B"], taken["A"]) == pytest.approx(1.5)
    assert clock.ratio(taken["C"], taken["A"]) is None


def test_a_table_shows_three_digits_and_refuses_a_row_that_does_not_fit():
    table = tables.Table(
        name="name",
        title="Title",
        columns=("way", "s", "count"),
        rows=(("one", 1.23456, 1234), ("two", None, 5)),
        notes=("A note.",),
    )
    assert table.text().splitlines() == [
        "Title",
        "way  s     count",
        "one  1.23  1,234",
        "two  –     5",
        "A note.",
    ]
    assert "| one | 1.23 | 1,234 |" in table.markdown()
    with pytest.raises(ValueError, match="does not fit the columns"):
        tables.Table(name="name", title="Title", columns=("way",), rows=(("one", 2.0),))
