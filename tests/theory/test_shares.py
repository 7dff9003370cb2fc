"""A study in shares, over directories and processes, is the study made in one go."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.theory.test_workers import files
from tunebound import synthetic, theory
from tunebound.theory.engine import computing, manifests
from tunebound.theory.engine.forecast import forecast

STUDY = theory.Study("head", "smoke", 0, {"steps": 40})
OTHER = theory.Study("head", "smoke", 1, {"steps": 41})


@pytest.fixture(autouse=True)
def seven_shards(monkeypatch):
    monkeypatch.setattr(computing, "SHARD_MEMBERS", 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "SHARD_MEMBERS", 2)
        theory.run(STUDY, directory, jobs=1)
    return directory


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shares")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(computing, "SHARD_MEMBERS", 2)
        for part in (1, 2, 3):
            theory.compute(STUDY, directory / f"{part}", share=(part, 3), jobs=1)
    return directory


@pytest.fixture
def shares(computed, tmp_path):
    for part in (1, 2, 3):
        shutil.copytree(computed / f"{part}", tmp_path / f"{part}")
    return [tmp_path / f"{part}" for part in (1, 2, 3)]


def finished(directory):
    return {path.stem for path in (directory / "checksums").iterdir()}


def test_shares_are_disjoint_and_together_the_study(whole, shares, tmp_path):
    parts = [finished(directory) for directory in shares]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(finished(whole)) > 6
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert theory.merge(shares, tmp_path / "united") == 0
    assert files(tmp_path / "united") == files(whole)
    theory.load(tmp_path / "united")


def test_shares_can_have_one_directory(whole, tmp_path):
    left = [theory.compute(STUDY, tmp_path / "one", share=(part, 3), jobs=1) for part in (2, 3, 1)]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert files(tmp_path / "one") == files(whole)


def test_what_lacks_a_share_is_an_unfinished_study(whole, shares, tmp_path):
    united = tmp_path / "united"
    missing = theory.merge(shares[1:], united)
    assert missing == len(finished(shares[0]))
    with pytest.raises(ValueError, match=f"{missing} of .* shards are missing; `tunebound run "):
        theory.load(united)
    assert theory.merge(shares[:1], united) == 0, "what is there already counts"
    assert files(united) == files(whole)
    theory.run(STUDY, shares[2], jobs=1)
    assert files(shares[2]) == files(whole)


def test_a_directory_can_take_in_the_others(whole, shares):
    assert theory.merge([*shares, shares[0]], shares[1]) == 0
    assert files(shares[1]) == files(whole)


def test_other_studies_are_refused(shares, tmp_path):
    theory.compute(OTHER, tmp_path / "other", share=(1, 7), jobs=1)
    with pytest.raises(
        ValueError, match=r"other holds another study than .*1 \(its seed, options, digest differ"
    ):
        theory.merge([*shares, tmp_path / "other"], tmp_path / "united")
    with pytest.raises(ValueError, match=r"output .*other holds another study"):
        theory.merge(shares, tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="holds no study"):
        theory.merge([*shares, tmp_path], tmp_path / "united")
    with pytest.raises(ValueError, match="directories is empty"):
        theory.merge([], tmp_path / "united")
    with pytest.raises(ValueError, match=r"output is empty text"):
        theory.merge(shares, "")
    assert not (tmp_path / "united").exists()


def test_damaged_shards_are_refused_by_name(shares, tmp_path):
    path = shares[1] / "rows/00001.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"2: rows/00001.parquet: not what this study wrote"):
        theory.merge(shares, tmp_path / "united")
    assert not (tmp_path / "united").exists()


def test_shards_of_two_directories_agree_or_are_refused_by_name(whole, shares, tmp_path):
    assert theory.merge([whole, *shares], tmp_path / "united") == 0
    assert files(tmp_path / "united") == files(whole)
    study = manifests.identity(manifests.read_manifest(whole))
    kept = theory.engine.shards.Shards(shares[0], study, len(finished(whole)))
    found = kept.read(3)
    found.rows["measured"] *= 1 + 2**-52
    kept.store(3, found)
    with pytest.raises(ValueError, match=r"differ in rows/00003.parquet, which are of the same"):
        theory.merge([whole, *shares], tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_other_versions_are_said(shares, tmp_path, caplog):
    path = shares[1] / "manifest.json"
    manifest = json.loads(path.read_text())
    now = manifest["versions"]["numpy"]
    manifest["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(manifest))
    theory.merge(shares, tmp_path / "united")
    (said,) = caplog.messages
    assert said.endswith(f"was begun under other versions than {shares[0]} (numpy {now} -> 1.0)")


def test_ranges_of_members_are_together_the_study(whole, tmp_path):
    """Every shard that holds one of the members, whole; ranges that divide one agree on it."""
    setting, options, suite = STUDY.resolved()
    plans = computing.plan(suite.specifications, setting, options)
    count = len(suite.specifications)
    ranges = [(0, 5), (5, 6), (6, count)]
    for first, end in ranges:
        directory = tmp_path / f"{first}"
        theory.compute(STUDY, directory, members=(first, end), jobs=1)
        holding = {n for n, shard in enumerate(plans) if any(first <= m < end for m in shard)}
        assert finished(directory) == {f"{number:05d}" for number in holding}
        assert holding != set(range(len(plans)))
    assert theory.merge([tmp_path / f"{first}" for first, _ in ranges], tmp_path / "united") == 0
    assert files(tmp_path / "united") == files(whole)
    left = [theory.compute(STUDY, tmp_path / "one", members=each, jobs=1) for each in ranges]
    assert left[-1] == 0
    assert files(tmp_path / "one") == files(whole)


def test_a_share_of_a_range_of_members(tmp_path):
    for part in (1, 2):
        theory.compute(STUDY, tmp_path / f"{part}", members=(0, 4), share=(part, 2), jobs=1)
    theory.compute(STUDY, tmp_path / "both", members=(0, 4), jobs=1)
    parts = [finished(tmp_path / f"{part}") for part in (1, 2)]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == finished(tmp_path / "both")


@pytest.mark.parametrize("part", [{"members": (0, 4)}, {"share": (2, 3)}])
def test_the_summary_and_the_forecast_are_of_the_part_that_is_asked_for(part, tmp_path):
    count = len(computing.plan(STUDY.resolved()[2].specifications, *STUDY.resolved()[:2]))
    said = re.search(
        r"(\d+) of (\d+) shards .*the part of (\d+) that", STUDY.summary(tmp_path, **part)
    )
    expected = forecast(STUDY, tmp_path, 100, **part)
    theory.compute(STUDY, tmp_path, **part, jobs=1)
    done = len(finished(tmp_path))
    assert [int(number) for number in said.groups()] == [done, done, count]
    assert done < count
    assert expected.processes == done
    assert forecast(STUDY, tmp_path, **part) is None
    assert f": 0 of {done} shards (0 members)" in STUDY.summary(tmp_path, **part)
    with pytest.raises(ValueError, match="members"):
        STUDY.summary(tmp_path, members=(0, 10**6))


@pytest.mark.parametrize("members", [(2, 2), (3, 1), (0, 10**6), (-1, 2), (1.0, 2), (1,), "0:2"])
def test_what_are_no_members_is_refused(members, tmp_path):
    with pytest.raises((ValueError, TypeError), match="members"):
        theory.compute(STUDY, tmp_path / "none", members=members)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("share", [(0, 2), (3, 2), (1, 0), (1.0, 2), (-1, 2)])
def test_what_is_no_share_is_refused(share, tmp_path):
    with pytest.raises((ValueError, TypeError), match="number of"):
        theory.compute(STUDY, tmp_path / "none", share=share)
    assert not (tmp_path / "none").exists()


COMMAND = "from tunebound.theory.command_line import main; main()"
RUN = ("run", "--suite", "smoke", "--steps", "40", "--jobs", "1")


def command(*words, cwd):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_processes_that_start_together_share_a_directory(tmp_path):
    begun = [
        command(*RUN, "--shard", f"{part}/3", "--output", "one", cwd=tmp_path) for part in (1, 2, 3)
    ]
    said = [each.communicate()[0] for each in begun]
    assert [each.returncode for each in begun] == [0, 0, 0], said
    assert any("Next: tunebound report one" in each for each in said)
    again = command(*RUN, "--output", "again", cwd=tmp_path)
    again.communicate()
    assert files(tmp_path / "one") == files(tmp_path / "again")


@pytest.mark.slow
def test_the_command_line_says_what_is_next(tmp_path):
    said = {}
    for words in (
        (*RUN, "--shard", "1/2", "--output", "a"),
        (*RUN, "--shard", "2/2", "--output", "b"),
        ("merge", "a", "--output", "c"),
        ("merge", "b", "c", "--output", "c"),
        (*RUN, "--shard", "3/2", "--output", "d"),
    ):
        process = command(*words, cwd=tmp_path)
        said[words[-1], words[-3]] = "".join(process.communicate())
    first, second, half, full, none = said.values()
    assert first.startswith("part 1/2 is in a; shards of the study that are missing there: 1.")
    assert second.startswith("part 2/2 is in b; shards of the study that are missing there: 2.")
    assert "Next: tunebound run with the same options and --output c" in half
    assert full == "All shards are in c. Next: tunebound report c\n"
    assert none == "tunebound: --shard 3/2 is no part; write 2/8 for the second of eight\n"
    theory.report(tmp_path / "c")


def test_data_that_are_handed_over_are_brought_together(tmp_path):
    sets = list(synthetic.make_grid("gaussian", n=[6, 8], d=3, margin=1.0, radius=4.0))
    study = theory.Study("head", sets, options={"steps": 40}, theorems="H-limit")
    for part in (1, 2):
        theory.compute(study, tmp_path / f"{part}", share=(part, 2), jobs=1)
    theory.run(study, tmp_path / "whole", jobs=1)
    assert theory.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "united") == 0
    assert files(tmp_path / "united") == files(tmp_path / "whole")
    kept = synthetic.SeparableDataset.from_npz(tmp_path / "united/members/00001.npz")
    assert (kept.X == sets[1].X).all()
    assert theory.report(tmp_path / "united").is_file()
