"""Damaged and hostile files are refused in one line, and never executed."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from tests.theory.certification.files import needs_library
from tests.theory.certification.malformed import EVERY_KIND, MALFORMED, Payload, written
from tunebound.theory.certification.formats import read_columns


def refusal(path):
    with pytest.raises((ValueError, TypeError, OSError)) as raised:
        read_columns(path)
    message = str(raised.value)
    assert str(path) in message
    assert "\n" not in message
    assert re.search(r"[:;] \w+", message.replace(str(path), "")), "no remedy"
    return message


CASES = [
    pytest.param(kind, writer, message, id=f"{kind}-{position}")
    for kind, cases in MALFORMED.items()
    for position, (writer, message) in enumerate(cases)
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("kind", "writer", "message"), CASES)
def test_damaged_and_hostile_files_are_refused_in_a_line(kind, writer, message, tmp_path):
    needs_library(kind)
    path = tmp_path / f"bad.{kind}"
    writer(path)
    assert re.search(message, refusal(path))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "something was executed"


def test_the_payloads_are_real(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "mark")))
    assert (tmp_path / "mark").is_dir()


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_is_refused_where_there_is_nothing_to_read(kind, tmp_path, monkeypatch):
    needs_library(kind)
    path = tmp_path / f"x.{kind}"
    assert "no such file" in refusal(path)
    path.mkdir()
    assert "is a directory: name a file in it" in refusal(path)
    path.rmdir()
    path.write_bytes(b"")
    assert "the file is empty" in refusal(path)

    def forbidden(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "may not be read" in refusal(path)


@pytest.mark.parametrize("kind", sorted({*EVERY_KIND} - {"csv", "tsv", "jsonl"}))
def test_every_kind_is_refused_cut_short_or_as_something_else(kind, tmp_path):
    raw = written(tmp_path, kind).read_bytes()
    path = tmp_path / f"x.{kind}"
    for length in (1, 7, len(raw) // 2, len(raw) - 9):
        path.write_bytes(raw[:length])
        refusal(path)
    path.write_text("nothing of the sort, but long enough to hold a header\n" * 20)
    refusal(path)


def test_endings_that_are_not_known_are_refused_with_those_that_are(tmp_path):
    for name in ("x.pkl", "x.joblib", "x", "x.xlsx"):
        (tmp_path / name).write_bytes(pickle.dumps(Payload(tmp_path / "mark")))
        assert ".parquet" in refusal(tmp_path / name)
    assert not (tmp_path / "mark").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_random_damage_is_read_or_refused_and_nothing_else(kind, tmp_path):
    raw = written(tmp_path, kind).read_bytes()
    rng = np.random.default_rng(7)
    path = tmp_path / f"x.{kind}"
    messages = []
    for _ in range(60):
        damaged = bytearray(raw)
        for position in rng.integers(len(raw), size=rng.integers(1, 5)):
            damaged[position] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_columns(path)
        except (ValueError, TypeError, OSError) as error:
            messages.append(str(error))
    assert messages
    assert all(str(path) in message and "\n" not in message for message in messages)
