"""One data set written as every kind of file."""

import json

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import pytest
import torch

# The kinds that hold a column of vectors and text beside it, those of columns of numbers, and those
# of arrays without text.
VECTORS = ("parquet", "feather", "arrow", "jsonl", "npz")
TABLES = ("csv", "tsv")
TENSORS = ("pt", "safetensors")
KINDS = (*VECTORS, *TABLES, *TENSORS)


def write(path, X, y, text=None):
    """Write features, labels and text as the kind of file that the path's ending says."""
    WRITERS[path.suffix[1:]](path, np.asarray(X), y, text)
    return path


def needs_library(kind):
    """Skip the test where the package that reads this kind is not installed."""
    if kind == "safetensors":
        pytest.importorskip("safetensors")


def table(X, y, text=None):
    columns = {"embedding": np.asarray(X).tolist(), "label": list(y)}
    return pyarrow.table(columns | ({} if text is None else {"text": list(text)}))


def _frame(X, y, text):
    frame = pd.DataFrame(X, columns=[f"f{column}" for column in range(X.shape[1])])
    frame["label"] = y
    return frame if text is None else frame.assign(text=text)


def _npz(path, X, y, text):
    np.savez(path, X=X, y=np.asarray(y), **({} if text is None else {"text": np.asarray(text)}))


def _jsonl(path, X, y, text):
    rows = table(X, y, text).to_pylist()
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _stream(path, X, y, text):
    whole = table(X, y, text)
    with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_stream(sink, whole.schema) as out:
        out.write_table(whole, max_chunksize=3)


def _safetensors(path, X, y, text):
    from safetensors.numpy import save_file

    save_file({"embeddings": np.ascontiguousarray(X), "labels": np.asarray(y)}, path)


def _torch(path, X, y, text):
    torch.save({"embeddings": torch.tensor(X), "labels": torch.tensor(y), "epoch": 3}, path)


WRITERS = {
    "npz": _npz,
    "csv": lambda path, X, y, text: _frame(X, y, text).to_csv(path, index=False),
    "tsv": lambda path, X, y, text: _frame(X, y, text).to_csv(path, index=False, sep="\t"),
    "jsonl": _jsonl,
    "parquet": lambda path, X, y, text: pyarrow.parquet.write_table(table(X, y, text), path),
    "feather": lambda path, X, y, text: pyarrow.feather.write_feather(table(X, y, text), path),
    "arrow": _stream,
    "safetensors": _safetensors,
    "pt": _torch,
}
