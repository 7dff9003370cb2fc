"""Files are written whole or not at all, and read only if they are what they say."""

import os
import stat

import numpy as np
import pytest

from tunebound._ground.storage import read_arrays, replacing, write_arrays


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
