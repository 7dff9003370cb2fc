"""Files are written whole or not at all, and read only if they are what they say."""

import io
import os
import stat
import zipfile

import numpy as np
import pytest

from tunebound._ground.storage import (
    copy_file,
    read_arrays,
    replacing,
    write_arrays,
    write_text,
)


def test_a_file_takes_its_place_when_the_block_ends(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("before")
    with replacing(target) as partial:
        partial.write_text("after")
        assert partial.parent == tmp_path
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_the_target_is_as_it_was(tmp_path, error):
    target = tmp_path / "result.txt"
    target.write_text("before")

    def fail():
        with replacing(target) as partial:
            partial.write_text("half of it")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_text_is_written_in_utf8_whole_or_not_at_all(tmp_path):
    target = tmp_path / "page.txt"
    write_text(target, "√n ≤ ν\n")
    assert target.read_bytes() == b"\xe2\x88\x9an \xe2\x89\xa4 \xce\xbd\n"
    foreign = b"caf\xe9".decode("utf-8", "surrogateescape")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "a long text before " * 10_000 + foreign)
    assert target.read_text(encoding="utf-8") == "√n ≤ ν\n"
    assert list(tmp_path.iterdir()) == [target]
    write_text(target, foreign, errors="surrogateescape")
    assert target.read_bytes() == b"caf\xe9"


def test_a_file_is_copied_whole_or_not_at_all(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"\0\r\n\xff")
    copy_file(source, target)
    assert target.read_bytes() == b"\0\r\n\xff"
    source.unlink()
    with pytest.raises(FileNotFoundError):
        copy_file(source, target)
    assert target.read_bytes() == b"\0\r\n\xff"
    assert list(tmp_path.iterdir()) == [target]


def test_after_an_error_there_is_no_file_where_none_was(tmp_path):
    with pytest.raises(TypeError, match="unexpected"):
        write_arrays(tmp_path / "arrays.npz", {"values": Unwritable()})
    assert not list(tmp_path.iterdir())


class Unwritable:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("unexpected")


def test_a_new_file_is_as_readable_as_any_other(tmp_path):
    mask = os.umask(0o027)
    try:
        write_arrays(tmp_path / "arrays.npz", {"values": np.ones(3)})
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "arrays.npz").stat().st_mode) == 0o640


def test_arrays_come_back_bit_for_bit(tmp_path):
    values = np.array([0.1, -0.0, np.inf, np.nan, 5e-324])
    path = write_arrays(tmp_path / "arrays.npz", {"format": "test 1", "values": values})
    assert path == tmp_path / "arrays.npz"
    found = read_arrays(path, format_name="test 1", entries=["values"])
    assert set(found) == {"format", "values"}
    assert (found["format"] == "test 1").all()
    assert found["values"].tobytes() == values.tobytes()


def read(path):
    return read_arrays(path, format_name="test 1", entries=["values"])


def test_what_is_no_such_file_is_refused_by_name(tmp_path):
    path = tmp_path / "arrays.npz"
    with pytest.raises(FileNotFoundError):
        read(path)
    with pytest.raises(IsADirectoryError):
        read(tmp_path)
    write_arrays(path, {"format": "test 1"})
    with pytest.raises(ValueError, match=r"arrays.npz lacks the entries values; it was not"):
        read(path)
    write_arrays(path, {"values": np.ones(1)})
    with pytest.raises(ValueError, match=r"arrays.npz lacks the entries format"):
        read(path)
    write_arrays(path, {"format": "test 0", "values": np.ones(1)})
    with pytest.raises(ValueError, match="has format 'test 0', expected 'test 1'; write it again"):
        read(path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "single", "pickled"])
def test_damaged_files_are_refused_by_name(tmp_path, damage):
    path = tmp_path / "arrays.npz"
    write_arrays(path, {"format": "test 1", "values": np.arange(1000.0)})
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        middle = whole.index(b"values.npy") + 200
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    elif damage == "text":
        path.write_text("values")
    elif damage == "single":
        with path.open("wb") as stream:
            np.save(stream, np.ones(3))
    else:
        write_arrays(path, {"format": "test 1", "values": np.array([{}], dtype=object)})
    with pytest.raises(ValueError, match=r"arrays.npz cannot be read \(.*\); it is damaged or was"):
        read(path)


def test_no_flipped_bit_changes_what_comes_back(tmp_path):
    path = tmp_path / "arrays.npz"
    values = np.random.default_rng(0).normal(size=30)
    arrays = {"format": "test 1", "values": values, "seed": "7"}
    whole = write_arrays(path, arrays).read_bytes()
    chosen = np.random.default_rng(1)
    refused, flips = 0, 1500
    for _ in range(flips):
        content = bytearray(whole)
        content[chosen.integers(len(content))] ^= 1 << chosen.integers(8)
        path.write_bytes(content)
        try:
            found = read(path)
        except ValueError:
            refused += 1
            continue
        assert found.keys() == arrays.keys()
        assert found["values"].tobytes() == values.tobytes()
        assert str(found["seed"]) == "7"
    assert refused > flips / 2


def test_a_file_without_its_digest_is_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez_compressed(path, format="test 1", values=np.ones(3))
    with pytest.raises(ValueError, match=r"its digest is missing.*earlier version; write it again"):
        read(path)
    digest = np.load(write_arrays(tmp_path / "other.npz", {"values": np.ones(3)}))["digest"]
    np.savez_compressed(path, format="test 1", values=np.ones(3), digest=digest)
    with pytest.raises(ValueError, match="its digest differs"):
        read(path)


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("values.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(ValueError, match=r"entry values.npy of .* bytes unpacks to 314,572,800"):
        read(path)


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (2**60,)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("values.npy", header.getvalue() + bytes(8))
    with pytest.raises(ValueError, match=r"arrays.npz cannot be read"):
        read(path)


def test_an_archive_marked_as_encrypted_is_refused(tmp_path):
    path = write_arrays(tmp_path / "arrays.npz", {"format": "test 1", "values": np.ones(3)})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"arrays.npz cannot be read \(.*encrypted"):
        read(path)
