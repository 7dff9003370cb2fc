"""Files of every kind are read alike."""

import numpy as np
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest
import torch

from tests.theory.certification.files import KINDS, table
from tests.theory.certification.malformed import EVERY_KIND, X, Y, written
from tunebound.theory.certification.formats import read_columns
from tunebound.theory.certification.inputs import as_features


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
