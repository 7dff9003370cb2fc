"""Studies: stored whole, resumed, independent of processes and shards, and faithful to a slow
computation by hand.
"""

import inspect
import json
import os
import platform
import random
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.oracles.descent import leave_one_out_paths
from tests.oracles.separator_program import hard_margin_direction
from tunebound import bounds, synthetic, theory, tuning
from tunebound.theory.engine import computing

SMALL = theory.Study("head", "smoke", 0, {"steps": 40})


def same(first, second):
    for table in computing.TABLES:
        pd.testing.assert_frame_equal(
            getattr(first, table), getattr(second, table), rtol=1e-9, atol=1e-12
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    directory = tmp_path_factory.mktemp("small") / "study"
    return directory, theory.run(SMALL, directory, jobs=1)


def test_one_row_an_environment_and_every_theorem_speaks(results):
    suite = synthetic.make_suite("smoke")
    assert len(results.environments) == len(suite)
    assert results.environments["environment"].tolist() == [data.name for data in suite]
    testable = {
        name for name, theorem in theory.theorems("head").items() if not theorem.free_constants
    }
    # what speaks of weights 1/(n - 1) is silent under 1/n, and no suite has copies
    assert set(results.rows["theorem"]) == testable - {"H-anytime-flow", "H-copies"}
    assert (results.environments["planted_margin_error"] < 1e-9).all()


def test_rows_agree_with_one_head_at_a_time(small):
    _, results = small
    member = 2
    data = synthetic.make_suite("smoke")[member]
    rate = results.environments.loc[member, "learning_rate"]
    paths = leave_one_out_paths(data.X, data.y, rate, 40)
    units = paths[:, 40] / np.linalg.norm(paths[:, 40], axis=1, keepdims=True)
    rows = results.rows[results.rows["member"] == member].set_index(["theorem", "steps"])
    (row,) = rows.loc[[("H-anytime-plain", 40.0)]].to_dict("records")
    assert row["measured"] == pytest.approx(
        np.linalg.norm(units[1:] - units[0], axis=1).mean(), rel=1e-9
    )
    assert row["bound"] == pytest.approx(2 * data.radius / (data.margin * data.n), rel=1e-9)
    kept = [np.arange(data.n) != i for i in (data.n, *range(data.n))]
    found = [hard_margin_direction(data.X[rest], data.y[rest]) for rest in kept]
    directions, margins = (
        np.array([direction for direction, _ in found]),
        np.array([margin for _, margin in found]),
    )
    (limit,) = rows.loc[[("H-ratio", np.inf)]].to_dict("records")
    assert limit["measured"] == pytest.approx(
        np.linalg.norm(directions[1:] - directions[0], axis=1).mean(), abs=1e-6
    )
    assert limit["bound"] == pytest.approx(
        np.sqrt(2 * np.maximum(0, 1 - margins[0] / margins[1:])).mean(), abs=1e-3
    )
    error = rows.loc[[("H-direction", 40.0)]]
    assert list(error["quantity"]) == [
        "direction error of the head on S at step t",
        "direction error of the left-out heads at step t",
    ]
    distances = np.linalg.norm(units - directions, axis=1)
    assert list(error["measured"]) == pytest.approx([distances[0], distances[1:].mean()], abs=1e-6)


def test_results_do_not_depend_on_processes_or_shards(small, tmp_path, monkeypatch):
    _, results = small
    same(theory.run(SMALL, tmp_path / "two", jobs=2), results)
    monkeypatch.setattr(computing, "SHARD_MEMBERS", 1)
    same(theory.run(SMALL, tmp_path / "one-a-shard", jobs=1), results)


def test_an_interrupted_study_is_refused_and_continued(small, tmp_path):
    source, results = small
    directory = tmp_path / "study"
    shutil.copytree(source, directory)
    shards = sorted((directory / "checksums").glob("*.sha256"))
    kept = shards[0].stat().st_mtime_ns
    shards[-1].unlink()
    with pytest.raises(
        ValueError, match=rf"1 of {len(shards)} shards are missing; `tunebound run "
    ):
        theory.load(directory)
    same(theory.run(SMALL, directory, jobs=1), results)
    assert shards[0].stat().st_mtime_ns == kept, "finished shards are not computed again"
    assert not list(directory.rglob("*.part"))


def test_a_directory_keeps_to_one_study(small, tmp_path):
    directory, _ = small
    with pytest.raises(
        ValueError,
        match=r"holds another study .there and here differ: options.*; choose another directory",
    ):
        theory.run(theory.Study("head", "smoke", 0, {"steps": 41}), directory)
    (tmp_path / "letter.txt").write_text("dear diary")
    with pytest.raises(ValueError, match="is not empty and holds no study"):
        theory.run(SMALL, tmp_path)
    with pytest.raises(ValueError, match="is a file; name a directory"):
        theory.run(SMALL, tmp_path / "letter.txt")


def test_manifest_says_what_the_results_depend_on(small):
    manifest = json.loads((small[0] / "manifest.json").read_text())
    assert manifest["suite"] == "smoke"
    assert manifest["options"] == {
        "steps": 40,
        "exact": False,
        "weighting": "1/n",
        "rate_fraction": 0.5,
        "step_limit": "stable",
        "device": "auto",
        "dtype": "float64",
        "families": [],
    }
    assert manifest["versions"]["torch"]


def test_short_runs_leave_out_what_needs_a_long_one(small):
    _, results = small
    reasons = results.skipped.groupby("theorem")["assumption"].unique()
    long = {"P-Head", "P-Head-fitted", "H-first-term", "H-asymptotic"}
    assert set(reasons.index) == {*long, "H-anytime-flow", "H-copies"}
    (short,) = reasons["H-first-term"]
    assert "at least 400 steps" in short
    assert set(reasons["P-Head-fitted"]) == {short, *reasons["P-Head"]}
    assert "below 2/(β σ_max(X))" in reasons["P-Head"].item()
    assert "beyond the onset" in reasons["H-asymptotic"].item()


def test_the_published_step_is_checked_and_can_be_kept(small):
    _, results = small
    outside = results.environments["step_over_published"] >= 1
    left_out = results.skipped[results.skipped["theorem"] == "P-Head"]
    assert 0 < outside.sum() < len(outside)
    assert set(left_out["member"]) == set(results.environments.loc[outside, "member"])
    suite = synthetic.make_suite("smoke", 0)
    for member, over in enumerate(results.environments["step_over_published"]):
        X = suite[member].X
        largest = np.linalg.norm(X, 2)
        stable, published = 2 / (largest**2 / (4 * len(X))), 2 / (largest / 4)
        assert over == pytest.approx(0.5 * stable / published, rel=1e-12)
    told = " ".join(theory.find_setting("head").presentation().findings(results, []))
    assert f"the runs on {len(outside) - outside.sum()} of {len(outside)} data sets" in told
    inside = theory.verify(
        "P-Head-fitted", "smoke", steps=400, rate_fraction=0.9, step_limit="published", jobs=1
    )
    assert (inside.skipped, inside.environments) == (0, len(outside))
    certified = theory.verify("P-Head-certified", "smoke", steps=40, jobs=1)
    assert (certified.skipped, certified.environments) == (0, len(outside))


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (theory.Study("heads"), "no setting is named 'heads'; did you mean 'head'"),
        (theory.Study("head", "huge"), "huge"),
        (theory.Study("head", "smoke", -1), "seed"),
        (theory.Study("head", "smoke", 0, {"step": 3}), r"options \['step'\] are unknown"),
        (
            theory.Study("head", "smoke", 0, {"steps": 0}),
            "steps must be a whole number of steps, at least 1",
        ),
        (theory.Study("head", "smoke", 0, {"weighting": "n"}), "weighting must be one of"),
        (
            theory.Study("head", "smoke", 0, {"step_limit": "largest"}),
            "step_limit must be one of 'stable', 'published', got 'largest'",
        ),
        (
            theory.Study("head", "smoke", 0, {"rate_fraction": 1.5}),
            r"rate_fraction must be finite and in \(0, 1\], got 1.5",
        ),
        (
            theory.Study("head", "smoke", 0, {"rate_fraction": True}),
            "rate_fraction must be a number, got True",
        ),
        (
            theory.Study("head", "smoke", 0, {"dtype": "float8", "exact": True, "steps": 9}),
            "dtype must be one of",
        ),
        (theory.Study("head", "smoke", 0, {"dtype": "float32"}), "is for exact steps"),
        (
            theory.Study("head", "smoke", 0, {"exact": True}),
            "the default, cannot be taken one by one; name fewer beside exact",
        ),
        (theory.Study("head", "smoke", 0, {"exact": 1}), "exact must be true or false"),
        (theory.Study("head", "smoke", 0, {"device": "abacus"}), "device must be"),
    ],
)
def test_bad_studies_are_refused_before_anything_is_written(study, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=message):
        theory.run(study, tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.fixture
def stored(small, tmp_path):
    directory = tmp_path / "study"
    shutil.copytree(small[0], directory)
    return directory


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def shard_files(directory):
    return sorted(path for path in directory.glob("*/*") if path.parent.name != "counterexamples")


def test_every_flipped_bit_of_a_shard_is_noticed(stored):
    draw = random.Random(0)
    files = shard_files(stored)
    assert {path.suffix for path in files} == {".parquet", ".sha256"}
    for _ in range(400):
        path = draw.choice(files)
        bit = draw.randrange(8 * path.stat().st_size)
        flip(path, bit)
        with pytest.raises(ValueError, match=f"{path.stem}.*not what this study wrote"):
            theory.load(stored)
        flip(path, bit)
    theory.load(stored)


def cut(directory):
    path = directory / "rows/00001.parquet"
    path.write_bytes(path.read_bytes()[:100])
    return "rows/00001.parquet"


def emptied(directory):
    (directory / "environments/00001.parquet").write_bytes(b"")
    return "environments/00001.parquet"


def deleted(directory):
    (directory / "rows/00000.parquet").unlink()
    return "rows/00000.parquet"


def swapped(directory):
    shutil.copy(directory / "rows/00001.parquet", directory / "rows/00000.parquet")
    return "rows/00000.parquet"


def swapped_whole(directory):
    for path in shard_files(directory):
        if path.stem == "00001":
            shutil.copy(path, path.with_stem("00000"))
    return "checksums/00000.sha256"


def foreign(directory):
    # of a study that differs in the seed alone, with its own checksums
    other = directory.with_name("other")
    theory.run(theory.Study("head", "smoke", 1, {"steps": 40}), other, jobs=1)
    for path in shard_files(other):
        if path.stem == "00000":
            shutil.copy(path, directory / path.relative_to(other))
    return "checksums/00000.sha256"


@pytest.mark.parametrize("damage", [cut, emptied, deleted, swapped, swapped_whole, foreign])
def test_a_damaged_shard_is_refused_by_name_and_computed_again(small, stored, damage, caplog):
    name = damage(stored)
    for read in (theory.load, theory.report):
        with pytest.raises(ValueError, match=f"{name}.*not what this study wrote; `tunebound run "):
            read(stored)
    assert "1 of 3 shards (" in SMALL.summary(stored)
    same(theory.run(SMALL, stored, jobs=1), small[1])
    (said,) = caplog.messages
    assert said == f"{stored}: {name}: not what this study wrote; computed again"
    same(theory.load(stored), small[1])


def test_checksums_are_read_by_the_usual_command(stored):
    command = ["sha256sum", "--check", "--strict", *sorted(map(str, stored.glob("checksums/*")))]
    checked = subprocess.run(command, cwd=stored, check=True, capture_output=True)
    assert checked.stderr == b""


def test_a_manifest_that_was_changed_is_noticed(stored):
    path = stored / "manifest.json"
    path.write_text(path.read_text().replace('"members": 13', '"members": 12'))
    with pytest.raises(ValueError, match=r"checksums/00000.sha256.*not what this study wrote"):
        theory.load(stored)
    with pytest.raises(
        ValueError, match=r"another study .there and here differ: members, 12 and 13"
    ):
        theory.run(SMALL, stored)


KILLED = """
import os, signal, sys
from pathlib import Path
from tunebound._ground.storage import replacing
with replacing(Path(sys.argv[1])) as partial:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("folders", [(), ("rows", "environments", "skipped"), ("checksums",)])
def test_killed_before_the_manifest_the_same_command_continues(small, tmp_path, folders):
    directory = tmp_path / "study"
    directory.mkdir()
    for folder in folders:
        (directory / folder).mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(directory / "manifest.json")], check=False)
    (left,) = directory.glob(".manifest.json.*.part")
    same(theory.run(SMALL, directory, jobs=1), small[1])
    assert not left.exists()


def test_what_killed_processes_left_is_swept_and_what_others_write_is_not(small, stored):
    subprocess.run([sys.executable, "-c", KILLED, str(stored / "rows/00000.parquet")], check=False)
    (left,) = stored.glob("rows/.*.part")
    living = left.with_name(f".00000.parquet.{platform.node()}.{os.getpid()}.x.part")
    elsewhere = left.with_name(".00000.parquet.another-machine.1.x.part")
    living.touch()
    elsewhere.touch()
    theory.run(SMALL, stored, jobs=1)
    assert sorted(stored.glob("rows/.*.part")) == sorted([living, elsewhere])


def test_going_on_under_other_versions_is_said(small, stored, caplog):
    path = stored / "manifest.json"
    manifest = json.loads(path.read_text())
    now = manifest["versions"]["numpy"]
    manifest["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(manifest))
    theory.run(SMALL, stored, jobs=1)
    assert not caplog.messages, "nothing was left to compute"
    (stored / "checksums/00001.sha256").unlink()
    same(theory.run(SMALL, stored, jobs=1), small[1])
    assert caplog.messages == [
        f"{stored}: the study goes on under other versions than it was begun with"
        f" (numpy 1.0 -> {now})"
    ]


def test_an_output_without_a_name_is_refused():
    with pytest.raises(ValueError, match="directory is empty text"):
        theory.run(SMALL, "")


def test_reading_what_is_no_study(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no study"):
        theory.load(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match="not readable as JSON"):
        theory.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "manifest.json lacks setting, suite"),
        (b"{}", "manifest.json lacks setting, suite"),
        (b'{"setting": "head"}', "manifest.json lacks suite"),
        (b"3", "manifest.json lacks setting"),
        (b'{"setting": "h\xe9ad"}', "manifest.json is not readable as JSON .*utf-8"),
        (b"[" * 100_000, "manifest.json is not readable as JSON"),
    ],
)
def test_a_damaged_manifest_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "manifest.json").write_bytes(content)
    for read in (theory.load, theory.report, lambda path: theory.run(SMALL, path)):
        with pytest.raises(ValueError, match=message):
            read(tmp_path)


@pytest.mark.parametrize("count", ["3", -1, 0, 10**12, 2.5, None, True])
def test_a_manifest_with_no_count_of_shards_is_refused(stored, count):
    path = stored / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shards": count}))
    with pytest.raises((ValueError, TypeError), match=r"manifest.json: shards must be"):
        theory.load(stored)


def test_the_seed_is_0_where_none_is_named():
    rooms = (synthetic, tuning, theory, bounds)
    public = [getattr(room, name) for room in rooms for name in getattr(room, "__all__", ())]
    seeds = {}
    for each in [*public, theory.Study]:
        try:
            parameter = inspect.signature(each).parameters.get("seed")
        except (TypeError, ValueError):  # of what cannot be called
            continue
        if parameter is not None and parameter.default is not inspect.Parameter.empty:
            seeds[each.__name__] = parameter.default
    assert {"study", "verify", "falsify", "Study", "make_separable"} <= seeds.keys()
    assert set(seeds.values()) <= {0, None}, seeds
