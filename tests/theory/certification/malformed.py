"""Files of every kind that are damaged, lie about their size, or would execute something."""

import io
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import torch

from tests.theory.certification.files import needs_library, write
from tunebound.theory.certification.formats import READERS

X = np.random.default_rng(0).normal(size=(8, 3))
Y = [0, 1] * 4


def written(folder, kind):
    needs_library(kind)
    if kind == "npy":
        np.save(folder / "whole.npy", X)
        return folder / "whole.npy"
    return write(folder / f"whole.{kind}", X, Y)


EVERY_KIND = sorted({ending[1:] for ending in READERS} - {"pth"})


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
