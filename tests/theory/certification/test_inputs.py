"""Features and labels from arrays, frames, tables, sparse matrices and tensors."""

import datetime
import decimal
import fractions

import numpy as np
import pandas as pd
import pyarrow
import pytest
import scipy.sparse
import torch

from tunebound.theory.certification.inputs import as_features, as_labels

ROWS = np.array([[0.0, 1.5], [-2.0, 3.0], [4.0, 0.0]])  # exact in every dtype below


class WithArray:
    def __array__(self, dtype=None, copy=None):
        return ROWS


class WithDataFrame:
    """What a frame of another library shows of itself."""

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return pyarrow.table({"a": ROWS[:, 0], "b": ROWS[:, 1]}).__dataframe__()


class WithStream:
    """A frame of Polars or a relation of DuckDB, as Arrow sees them."""

    columns = ("a", "b")

    def __arrow_c_stream__(self, requested_schema=None):
        return pyarrow.table({"a": ROWS[:, 0], "b": ROWS[:, 1]}).__arrow_c_stream__()


HOLDERS = {
    "array": ROWS,
    "array of half precision": ROWS.astype(np.float16),
    "array of extended precision": ROWS.astype(np.longdouble),
    "array in Fortran order": np.asfortranarray(ROWS),
    "array that is a view": np.repeat(ROWS, 2, axis=0)[::2],
    "array of objects": ROWS.astype(object),
    "array of vectors": np.array([*ROWS, None], dtype=object)[:3],
    "lists": ROWS.tolist(),
    "tuples": tuple(map(tuple, ROWS.tolist())),
    "list of arrays": list(ROWS),
    "list of fractions": [[fractions.Fraction(x) for x in row] for row in ROWS.tolist()],
    "list of tensors": [torch.tensor(row) for row in ROWS],
    "csr": scipy.sparse.csr_array(ROWS),
    "csc": scipy.sparse.csc_matrix(ROWS),
    "coo": scipy.sparse.coo_array(ROWS),
    "bsr": scipy.sparse.bsr_array(ROWS),
    "dok": scipy.sparse.dok_array(ROWS),
    "lil": scipy.sparse.lil_array(ROWS),
    "dia": scipy.sparse.dia_array(ROWS),
    "tensor": torch.tensor(ROWS),
    "tensor of bfloat16": torch.tensor(ROWS, dtype=torch.bfloat16),
    "tensor of 8-bit floats": torch.tensor(ROWS, dtype=torch.float8_e4m3fn),
    "tensor with a gradient": torch.tensor(ROWS, requires_grad=True) * 1.0,
    "parameter": torch.nn.Parameter(torch.tensor(ROWS)),
    "sparse tensor": torch.tensor(ROWS).to_sparse(),
    "negated view": torch.tensor(-1j * ROWS).conj().imag,
    "series of lists": pd.Series(ROWS.tolist()),
    "column of lists": pyarrow.chunked_array([ROWS.tolist()]),
    "table of one column of lists": pyarrow.table({"embedding": ROWS.tolist()}),
    "table of one column of fixed lists": pyarrow.table(
        {"e": pyarrow.array(ROWS.tolist(), pyarrow.list_(pyarrow.float32(), 2))}
    ),
    "__array__": WithArray(),
}
NAMED = {
    "frame": pd.DataFrame(ROWS, columns=["a", "b"]),
    "frame of nullable and sparse columns": pd.DataFrame(
        {
            "a": pd.array([0, -2, 4], dtype="Int64"),
            "b": pd.arrays.SparseArray(ROWS[:, 1]),
        }
    ),
    "frame of Arrow columns": pd.DataFrame(
        {
            "a": pd.array(ROWS[:, 0], dtype="float64[pyarrow]"),
            "b": pd.array(ROWS[:, 1], dtype="float32[pyarrow]"),
        }
    ),
    "frame with another index": pd.DataFrame(ROWS, columns=["a", "b"], index=[7, 7, 7]),
    "table": pyarrow.table({"a": ROWS[:, 0], "b": ROWS[:, 1]}),
    "record batch": pyarrow.record_batch({"a": ROWS[:, 0], "b": ROWS[:, 1]}),
    "__dataframe__": WithDataFrame(),
    "__arrow_c_stream__": WithStream(),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_every_holder_gives_the_same_features(holder):
    features, names = as_features(HOLDERS[holder])
    assert features.dtype == np.float64
    np.testing.assert_array_equal(features, ROWS)
    assert names is None


@pytest.mark.parametrize("holder", NAMED)
def test_columns_keep_their_names(holder):
    features, names = as_features(NAMED[holder])
    np.testing.assert_array_equal(features, ROWS)
    assert names == ("a", "b")


def test_booleans_of_an_array_or_a_column_are_0_and_1():
    expected = [[1.0, 0.0], [0.0, 1.0]]
    for X in (
        np.array(expected, dtype=bool),
        torch.tensor(expected).bool(),
        pd.get_dummies(["a", "b"]),
    ):
        np.testing.assert_array_equal(as_features(X)[0], expected)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_come_from_a_device():
    np.testing.assert_array_equal(as_features(torch.tensor(ROWS, device="cuda"))[0], ROWS)


def test_the_input_is_neither_changed_nor_shared():
    X = ROWS.copy()
    as_features(X)[0][:] = 7
    np.testing.assert_array_equal(X, ROWS)
    tensor = torch.tensor(ROWS)
    as_features(tensor)[0][:] = 7
    assert torch.equal(tensor, torch.tensor(ROWS))


REFUSED = [
    (np.ma.array(ROWS), TypeError, "X is a masked array: drop or fill"),
    ([ROWS[0], np.ma.array(ROWS[1])], TypeError, "X, row 1 is a masked array"),
    (ROWS + 1j, TypeError, "X is complex .*real and imaginary"),
    ([[1.0, 2j]], TypeError, "X, row 0, column 1 = 2j is complex"),
    (torch.zeros(2, 2, dtype=torch.complex64), TypeError, "X is complex"),
    (pd.DataFrame({"a": [1j]}), TypeError, "column 'a' is complex"),
    ([[1, 2], [3, "4"]], TypeError, "X, row 1, column 1 = '4' is of type str.*encode it"),
    (np.array([["1", "2"]]), TypeError, "X, row 0, column 0 = '1' is of type str"),
    ([[1, True]], TypeError, "X, row 0, column 1 is the boolean True among numbers"),
    ([[1, {}]], TypeError, "X, row 0, column 1 = {} is of type dict"),
    ([[decimal.Decimal(1)]], TypeError, "of type Decimal"),
    ([[datetime.date(2020, 1, 1)]], TypeError, "of type date"),
    (np.array([["2020"]], dtype="M8[D]"), TypeError, "of type date"),
    (np.zeros(2, dtype=[("a", float)]), TypeError, "structured_to_unstructured"),
    (
        pd.DataFrame({"a": [1, 2], "age": [1, "old"]}),
        TypeError,
        "X, column 'age', row 1 = 'old' is of type str",
    ),
    (pd.DataFrame({"a": pd.to_datetime(["2020"])}), TypeError, "column 'a', row 0 = Timestamp"),
    (pd.DataFrame({"a": pd.Categorical(["u", "v"])}), TypeError, "column 'a', row 0 = 'u'"),
    (pd.DataFrame(ROWS, columns=["a", "a"]), ValueError, "two columns named 'a': rename"),
    (pyarrow.table([[1], [2]], names=["a", "a"]), ValueError, "two columns named 'a'"),
    (
        pd.DataFrame({"a": [1.0, None, 3.0], "b": [1.0, 2.0, None]}),
        ValueError,
        r"missing values \(NaN\) in rows 1, 2, columns 'a', 'b': drop",
    ),
    ([[1, None]], ValueError, "missing values .* in row 0, column 1"),
    (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), ValueError, "in row 1, column 'a'"),
    (np.full((9, 1), np.nan), ValueError, "in rows 0, 1, 2, 3, 4 and 4 more, column 0"),
    ([[1.0], [-np.inf]], ValueError, "infinite values in row 1, column 0: drop these rows, or res"),
    (pd.Series([[1.0], None, [2.0]]), ValueError, "X has no vector in row 1"),
    ([[1, 2], [3]], ValueError, "X is ragged: row 1 has 1 entries, row 0 has 2"),
    ([[[1, 2], [3]]], ValueError, "X, row 0 is ragged"),
    (pd.Series([[1], [2, 3]]), ValueError, "X is ragged: row 1 has 2"),
    ([1, 2, 3], ValueError, r"shape \(3,\): use X.reshape\(-1, 1\)"),
    (3.0, TypeError, "X is of type float"),
    (ROWS[None], ValueError, r"shape \(1, 3, 2\): use X.reshape\(n, d\)"),
    ([], ValueError, "X is empty"),
    (np.zeros((3, 0)), ValueError, r"X is empty \(shape \(3, 0\)\)"),
    (pd.DataFrame(), ValueError, "X is empty"),
    (None, TypeError, "X is of type NoneType"),
    ("X.npy", TypeError, "X is of type str"),
    ({"a": 1}, TypeError, "X is of type dict"),
    ((row for row in ROWS), TypeError, "X is of type generator"),
    (torch.zeros(1, 1, device="meta"), TypeError, "without data"),
    ([[10**400]], ValueError, "beyond float64"),
    ([[np.longdouble("1e4000")]], ValueError, "infinite values in row 0"),
]


@pytest.mark.parametrize(("X", "kind", "message"), REFUSED)
def test_what_is_no_table_of_finite_numbers_is_refused_by_name(X, kind, message):
    with pytest.raises(kind, match=message) as refusal:
        as_features(X)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "X",
    [
        scipy.sparse.coo_array(([1.0], ([0], [0])), shape=(10**6, 10**6)),
        np.broadcast_to(1.0, (10**6, 10**6)),
        torch.zeros(1).expand(10**6, 10**6),
        torch.sparse_coo_tensor([[0], [0]], [1.0], (10**6, 10**6), check_invariants=True),
    ],
    ids=["sparse matrix", "broadcast array", "expanded tensor", "sparse tensor"],
)
def test_what_would_fill_the_memory_is_refused_before_it_is_made(X):
    with pytest.raises(ValueError, match=r"7,450\.6 GiB as a dense array, more than 4 GiB"):
        as_features(X)


def test_messages_call_the_argument_by_its_name():
    with pytest.raises(ValueError, match=r"^X_test is empty"):
        as_features([], "X_test")


TEXT = np.array(["no", "yes", "no"])
NUMBERS = np.array([4, -1, 4])
LABELS = {
    "list of text": (TEXT.tolist(), TEXT),
    "array of text": (TEXT, TEXT),
    "array of text objects": (TEXT.astype(object), TEXT),
    "array of variable text": (TEXT.astype(np.dtypes.StringDType()), TEXT),
    "column of text": (TEXT[:, None], TEXT),
    "series of text": (pd.Series(TEXT), TEXT),
    "index": (pd.Index(TEXT), TEXT),
    "categorical": (pd.Categorical(TEXT), TEXT),
    "categorical series": (pd.Series(TEXT, dtype="category"), TEXT),
    "frame of one column": (pd.DataFrame({"y": TEXT}), TEXT),
    "Arrow array": (pyarrow.array(TEXT.tolist()), TEXT),
    "Arrow dictionary": (pyarrow.array(TEXT.tolist()).dictionary_encode(), TEXT),
    "Arrow table": (pyarrow.table({"y": TEXT.tolist()}), TEXT),
    "list of numbers": (NUMBERS.tolist(), NUMBERS),
    "list of columns": (NUMBERS[:, None].tolist(), NUMBERS),
    "whole floats": (NUMBERS.astype(float), NUMBERS),
    "8-bit numbers": (NUMBERS.astype(np.int8), NUMBERS),
    "tensor": (torch.tensor(NUMBERS), NUMBERS),
    "tensor of bfloat16": (torch.tensor(NUMBERS, dtype=torch.bfloat16), NUMBERS),
    "nullable numbers": (pd.array(NUMBERS, dtype="Int64"), NUMBERS),
    "booleans": ([True, False, True], np.array([True, False, True])),
    "tensor of booleans": (torch.tensor([True, False]), np.array([True, False])),
    "nullable booleans": (pd.array([True, False], dtype="boolean"), np.array([True, False])),
}


@pytest.mark.parametrize("holder", LABELS)
def test_every_holder_gives_the_same_labels(holder):
    y, expected = LABELS[holder]
    labels = as_labels(y)
    assert labels.dtype.kind == expected.dtype.kind
    assert labels.tolist() == expected.tolist()


NO_LABELS = [
    ([0, None, 1, float("nan")], ValueError, "y has no label in rows 1, 3: label these samples"),
    (np.array([1.0, np.nan]), ValueError, "no label in row 1"),
    (pd.Series(["a", None]), ValueError, "no label in row 1"),
    (pd.Series(["a", pd.NA]), ValueError, "no label in row 1"),
    (pd.array([1, None], dtype="Int64"), ValueError, "no label in row 1"),
    (pd.Categorical(["a", None]), ValueError, "no label in row 1"),
    (pyarrow.array(["a", None]), ValueError, "no label in row 1"),
    ([1, 2.5], ValueError, "y, row 1 = 2.5 is no whole number"),
    ([1, float("inf")], ValueError, "y, row 1 = inf is no whole number"),
    ([2**70], ValueError, "no whole number"),
    (["a", 1], TypeError, r"mixes text \('a' in row 0\) and number \(1 in row 1\)"),
    ([1, True], TypeError, "mixes number .* and boolean"),
    ([1j], TypeError, "of type complex"),
    ([b"a"], TypeError, "of type bytes"),
    (np.array([b"a"]), TypeError, r"\|S1.*astype\(str\)"),
    (np.array(["2020"], dtype="M8[Y]"), TypeError, "datetime64"),
    (np.ma.array([1, 2]), TypeError, "masked"),
    (np.eye(3), ValueError, r"shape \(3, 3\).*argmax\(axis=1\)"),
    ([[1], [1, 2]], ValueError, "ragged: row 1"),
    (pd.DataFrame({"a": [1], "b": [2]}), ValueError, r"2 columns \('a', 'b'\)"),
    ([], ValueError, "y is empty"),
    (None, TypeError, "NoneType"),
    ("yes", TypeError, "of type str"),
]


@pytest.mark.parametrize(("y", "kind", "message"), NO_LABELS)
def test_what_names_no_class_is_refused_by_row(y, kind, message):
    with pytest.raises(kind, match=message) as refusal:
        as_labels(y)
    assert "\n" not in str(refusal.value)
