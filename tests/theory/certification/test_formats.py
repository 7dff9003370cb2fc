"""Files of every kind: read alike, refused in one line when they are damaged, never executed."""

import io
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest
import torch

from tests.theory.certification.files import KINDS, table, write
from tunebound.theory.certification.formats import READERS, read_columns
from tunebound.theory.certification.inputs import as_features

X = np.random.default_rng(0).normal(size=(8, 3))
Y = [0, 1] * 4


def needs_library(kind):
    if kind == "safetensors":
        pytest.importorskip("safetensors")


def written(folder, kind):
    needs_library(kind)
    if kind == "npy":
        np.save(folder / "whole.npy", X)
        return folder / "whole.npy"
    return write(folder / f"whole.{kind}", X, Y)


EVERY_KIND = sorted({ending[1:] for ending in READERS} - {"pth"})


def test_every_kind_that_is_read_is_tested():
    assert set(EVERY_KIND) == {*KINDS, "npy"}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_numbers_come_back_bit_for_bit(kind, tmp_path):
    columns = read_columns(written(tmp_path, kind))
    if kind in ("csv", "tsv"):
        assert list(columns) == ["f0", "f1", "f2", "label"]
        features = np.column_stack([columns[name] for name in ("f0", "f1", "f2")])
    else:
        vectors = {"npz": "X", "npy": "whole", "pt": "embeddings", "safetensors": "embeddings"}
        features, _ = as_features(columns[vectors.get(kind, "embedding")])
    np.testing.assert_array_equal(features, X)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_is_read_however_it_was_compressed(compression, tmp_path):
    path = tmp_path / "x.feather"
    pyarrow.feather.write_feather(table(X, Y), path, compression=compression)
    np.testing.assert_array_equal(as_features(read_columns(path)["embedding"])[0], X)


def test_arrow_files_are_read_as_streams_are(tmp_path):
    path = tmp_path / "x.arrow"
    with pyarrow.ipc.new_file(path, table(X, Y).schema) as sink:
        sink.write_table(table(X, Y))
    np.testing.assert_array_equal(as_features(read_columns(path)["embedding"])[0], X)


def test_lists_of_fixed_size_are_vectors(tmp_path):
    vectors = pyarrow.array(X.tolist(), pyarrow.list_(pyarrow.float32(), 3))
    pyarrow.parquet.write_table(pyarrow.table({"e": vectors}), tmp_path / "x.parquet")
    features, _ = as_features(read_columns(tmp_path / "x.parquet")["e"])
    np.testing.assert_array_equal(features, X.astype(np.float32))


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_the_index_of_a_frame_is_no_column(kind, tmp_path):
    path = tmp_path / f"x.{kind}"
    kept = pandas.DataFrame({"a": range(6), "y": [0, 1] * 3}).iloc[[0, 3, 4, 5]]
    if kind == "parquet":
        kept.rename_axis("id").to_parquet(path)
        assert "id" in pyarrow.parquet.read_schema(path).names
    else:
        pyarrow.feather.write_feather(pyarrow.Table.from_pandas(kept), path)
        assert "__index_level_0__" in pyarrow.feather.read_table(path).column_names
    assert list(read_columns(path)) == ["a", "y"]


def test_a_tensor_alone_has_the_name_of_its_file(tmp_path):
    torch.save(torch.tensor(X, dtype=torch.bfloat16), tmp_path / "alone.pt")
    (name,) = columns = read_columns(tmp_path / "alone.pt")
    assert name == "alone"
    np.testing.assert_array_equal(columns[name], torch.tensor(X).bfloat16().double().numpy())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1;2\n3;4\n", {"a": [1, 3], "b": [2, 4]}),
        ("a|b\n1|2\n", {"a": [1], "b": [2]}),
        ("a\tb\n1\t2\n", {"a": [1], "b": [2]}),
        ("\ufeffa,b\r\n1,2\r\n", {"a": [1], "b": [2]}),
        ('"a,x",b\n1,2\n', {"a,x": [1], "b": [2]}),
        ("1,2\n3,4.5\n", {"0": [1, 3], "1": [2, 4.5]}),
        ("y\nno\nyes\n", {"y": ["no", "yes"]}),
        ('t,b\n"two\nlines",1\n', {"t": ["two\nlines"], "b": [1]}),
        ("a,b\n1,2\n\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    ],
)
def test_headers_and_delimiters_of_text_are_recognised(text, expected, tmp_path):
    (tmp_path / "x.csv").write_bytes(text.encode())
    columns = read_columns(tmp_path / "x.csv")
    assert {name: column.tolist() for name, column in columns.items()} == expected


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_row_may_be_longer_than_a_megabyte(kind, tmp_path):
    path = tmp_path / f"x.{kind}"
    cell = "word " * 300_000
    path.write_text(
        {"csv": f'a,t\n1,"{cell}"\n2,b\n', "jsonl": f'{{"a": 1, "t": "{cell}"}}\n'}[kind]
    )
    assert read_columns(path)["t"][0] == cell


class Payload:
    """What leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def npy_bytes(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npy_claiming(shape, dtype="<f8"):
    stream = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(64)


def zip_of(entries, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def claiming(path, size):
    """The zip archive with another unpacked size written in its directory."""
    raw = bytearray(path.read_bytes())
    start = raw.index(b"PK\x01\x02")
    raw[start + 24 : start + 28] = struct.pack("<I", size)
    path.write_bytes(raw)


def bomb(path, entry):
    """An archive of 12 MB that unpacks to 12 GiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(entry, "w", force_zip64=True) as stream:
            stream.write(npy_claiming((10 * 2**27,)))
        # twelve entries that each claim a GiB, written small
        for part in range(12):
            archive.writestr(f"part{part}.npy", npy_claiming((4,)))
    raw = bytearray(path.read_bytes())
    for start in [found.start() for found in re.finditer(b"PK\x01\x02", raw)]:
        raw[start + 24 : start + 28] = struct.pack("<I", 2**30)
    path.write_bytes(raw)


def safetensors_bytes(header, body=b""):
    return struct.pack("<Q", len(header)) + header + body


def parquet_claiming(path):
    """A hundred kilobytes that say 6 billion numbers."""
    constant = pyarrow.array(np.zeros(10**6, dtype=np.float32))
    once = pyarrow.table({f"c{column}": constant for column in range(100)})
    with pyarrow.parquet.ParquetWriter(path, once.schema, compression="zstd") as sink:
        for _ in range(6):
            sink.write_table(once)


def parquet_of(columns, names=None):
    return lambda path: pyarrow.parquet.write_table(pyarrow.table(columns, names=names), path)


def arrow_of(columns, names=None):
    def writer(path):
        whole = pyarrow.table(columns, names=names)
        with pyarrow.ipc.new_file(path, whole.schema) as sink:
            sink.write_table(whole)

    return writer


def content(raw):
    return lambda path: path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())


def saved(thing):
    return lambda path: torch.save(thing, path)


def pickled_payload(path):
    torch.save({"X": Payload(path.with_name("mark"))}, path)


def object_array(path):
    array = np.array([Payload(path.with_name("mark"))], dtype=object)
    path.write_bytes(npy_bytes(array, allow_pickle=True))


def object_archive(path):
    array = np.array([Payload(path.with_name("mark"))], dtype=object)
    np.savez(path, X=X, names=array)


def plain_pickle(path):
    path.write_bytes(pickle.dumps(Payload(path.with_name("mark"))))


def zipped_npy(*arrays):
    return lambda path: zip_of([(f"{name}.npy", raw) for name, raw in arrays], path)


def encrypted(path):
    zip_of([("X.npy", npy_bytes(X))], path)
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)


def corrupt_entry(path):
    np.savez(path, X=X)
    raw = bytearray(path.read_bytes())
    raw[200] ^= 255
    path.write_bytes(raw)


def legacy_torch(path):
    torch.save(torch.tensor(X), path, _use_new_zipfile_serialization=False)


MALFORMED = {
    "npy": [
        (content(npy_claiming((10**9, 10**3))), "7,450.6 GiB as a dense array.*take fewer rows"),
        (content(npy_claiming((40, 40))), r"cut short of its shape \(40, 40\): write the file"),
        (object_array, "holds Python objects, which are never loaded.*astype"),
        (content(b"\x93NUMPY\x01\x00\x0b\x00{'descr': 1}"), "no readable header"),
        (content(b"\x93NUMPY\x09\x00\x0b\x00{'descr': 1}"), r"no readable header \(version"),
        (content(npy_claiming((-3,))), r"no readable header \(shape \(-3,\)\)"),
        (plain_pickle, "not in NumPy's format: save it with numpy.save"),
    ],
    "npz": [
        (lambda path: bomb(path, "X.npy"), r"unpacks to 13\.0 GiB, more than 4 GiB"),
        (zipped_npy(("X", npy_claiming((10**6, 10**5)))), "array 'X' of .* 745.1 GiB"),
        (zipped_npy(("X", npy_claiming((50, 50)))), "array 'X' is cut short"),
        (object_archive, "array 'names' holds Python objects.*astype"),
        (encrypted, "is locked by a password: save it without one"),
        (corrupt_entry, "array 'X' is damaged .*CRC"),
        (zipped_npy(("X", npy_bytes(X)), ("X", npy_bytes(X))), "two arrays are named 'X'"),
        (zipped_npy(("X", b"hello")), "array 'X' is not in NumPy's format"),
        (lambda path: zip_of([], path), "holds no columns"),
        (lambda path: np.save(path.open("wb"), X), "not an .npz archive.*numpy.savez"),
    ],
    "csv": [
        (content("a,b\n1,2\n3\n"), "Row #3: Expected 2 columns, got 1.*as many cells"),
        (content("a,b\n1,2\n3,4,5\n"), "Expected 2 columns, got 3"),
        (content("a,a,b\n1,2,3\n"), "2 columns are named 'a': rename"),
        (content("a,b\n"), "no rows below the header"),
        (lambda path: pandas.DataFrame(X).to_csv(path), "column 0 has no name .*index=False"),
        (content("\n\n\n"), "only empty lines"),
        (content("a,b\n1,caf\u00e9\n".encode("latin-1")), "line 2 is not UTF-8 text: save"),
        (content("a,b\n1,2\n".encode("utf-16")), "line 1 is not UTF-8 text"),
        (content(b"a,b\n1,\x002\n"), "line 2 holds a zero byte"),
        (content('a,b\n1,"2\n3,4\n'), "a quote that is wrong before line 4.*close or double it"),
    ],
    "tsv": [
        (content("a\tb\n1\t2\n3\n"), "Row #3: Expected 2 columns, got 1"),
        (content("a\tb\n1\t2\t3\n"), "Expected 2 columns, got 3"),
        (content("a\ta\n1\t2\n"), "2 columns are named 'a'"),
        (content("a\tb\n"), "no rows below the header"),
        (content(b"a\tb\n1\t\xff\n"), "line 2 is not UTF-8 text"),
        (content(b"PK\x03\x04\x00\x00"), "line 1 holds a zero byte"),
    ],
    "jsonl": [
        (content('{"a": 1}\n{"a": \n'), "JSON parse error.*one JSON object"),
        (content('{"a": 1}\n[1, 2]\n'), "JSON parse error"),
        (content('{"a": 1}\n{"a": "x"}\n'), "changed from number to string in row 1"),
        (content('{"a": 1, "a": 2}\n'), "twice|specified"),
        (content("a,b\n1,2\n"), "JSON parse error"),
        (content(b'{"a": "\xff"}\n'), "line 1 is not UTF-8 text"),
        (content("\n"), "only empty lines: write the rows"),
    ],
    "parquet": [
        (parquet_claiming, "the table of 600,000,000 numbers takes 4.5 GiB"),
        (parquet_of([[1], [2]], ["a", "a"]), "2 columns are named 'a'"),
        (parquet_of({"a": pyarrow.array([], pyarrow.float64())}), "no rows"),
        (content(b"PAR1" + bytes(40) + b"PAR1"), "not Parquet, or damaged"),
        (content(b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1"), "not Parquet, or damaged"),
    ],
    "feather": [
        (content(b"FEA1" + bytes(100) + b"FEA1"), "Feather of version 1: write it again"),
        (arrow_of([[1], [2]], ["a", "a"]), "2 columns are named 'a'"),
        (arrow_of({"a": pyarrow.array([], pyarrow.float64())}), "no rows"),
        (content(b"ARROW1\0\0" + bytes(40) + b"ARROW1"), "not an Arrow table, or damaged"),
        (parquet_of({"a": [1]}), "not an Arrow table, or damaged"),
    ],
    "arrow": [
        (content(b"\xff\xff\xff\xff" + struct.pack("<I", 2**31 - 1)), "not an Arrow table"),
        (arrow_of([[1], [2]], ["a", "a"]), "2 columns are named 'a'"),
        (arrow_of({"a": pyarrow.array([], pyarrow.float64())}), "no rows"),
        (content(b"ARROW1\0\0" + bytes(8)), "not an Arrow table, or damaged"),
        (content(npy_bytes(X)), "not an Arrow table, or damaged"),
    ],
    "safetensors": [
        (content(struct.pack("<Q", 10 * 2**30) + b"{}"), "not safetensors, or damaged.*write it"),
        (
            content(
                safetensors_bytes(
                    b'{"X":{"dtype":"F64","shape":[1000000000],"data_offsets":[0,8000000000]}}'
                )
            ),
            "not safetensors, or damaged",
        ),
        (
            content(
                safetensors_bytes(
                    b'{"X":{"dtype":"F64","shape":[9],"data_offsets":[0,8]}}', bytes(8)
                )
            ),
            "not safetensors, or damaged",
        ),
        (content(safetensors_bytes(b"{not json}")), "not safetensors, or damaged"),
        (content(safetensors_bytes(b"{}")), "holds no columns"),
        (content(npy_bytes(X)), "not safetensors, or damaged"),
    ],
    "pt": [
        (pickled_payload, "holds more than tensors, which is never loaded"),
        (plain_pickle, "not a file of tensors.*torch.save"),
        (legacy_torch, "not a file of tensors in the present format"),
        (saved({"epoch": 3}), "holds a dict without tensors"),
        (saved([1, 2]), "holds a list without tensors"),
        (saved(torch.nn.Linear(2, 2)), "holds more than tensors"),
        (saved(torch.zeros(1).expand(10**6, 10**6)), "dense array, more than 4 GiB"),
        (saved(torch.zeros(2, dtype=torch.complex64)), "is complex"),
        (lambda path: bomb(path, "x/data.pkl"), "unpacks to 13.0 GiB"),
        (lambda path: zip_of([("a", "b")], path), "damaged"),
    ],
}


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
