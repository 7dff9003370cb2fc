"""Features from whatever holds them: arrays, frames, tables, tensors, lists; labels beside them.

Rows and columns are counted from 0, as NumPy does; columns that have a name are called by it.
Nothing is dropped, filled in or rounded but to float64.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunebound._ground.arrays import Floats
from tunebound.theory.certification.containers import (
    affordable,
    holds_vectors,
    is_frame,
    is_missing,
    is_tensor,
    listed,
    row_list,
    sequence_array,
    tensor_array,
    unmasked,
    unwrapped,
)
from tunebound.theory.certification.labels import as_labels

__all__ = ["as_features", "as_labels"]

Names = tuple[str, ...] | None


def as_features(X: Any, name: str = "X") -> tuple[Floats, Names]:
    """Return features as a finite float64 array, and the names of its columns where it has any.

    Parameters
    ----------
    X : array_like, shape (n, d)
        NumPy array, nested lists, pandas data frame, pyarrow table, SciPy sparse matrix, torch
        tensor of any device and real dtype, or anything with ``__dataframe__`` or ``__array__``. A
        series or a single column of equally long vectors, as embeddings are stored, is a matrix
        too. Arrays and columns of booleans are read as 0 and 1.
    name : str
        What the argument is called in messages.

    Returns
    -------
    features : ndarray of float64, shape (n, d)
        n and d at least 1.
    names : tuple of str, or None
        Names of the d columns; None where the columns have none.

    Raises
    ------
    TypeError
        If an entry is text, complex, a date or another object, or the array is masked or
        structured.
    ValueError
        If it is empty, ragged, has not two axes, a column name occurs twice, a value is missing,
        infinite or beyond float64, or the dense array would exceed 4 GiB.
    """
    X = unwrapped(X, name)
    if is_frame(X):
        array, names = _frame(X, name)
    else:
        array, names = _matrix(X, name), None
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}): pass at least one row and column")
    if array.ndim != 2:
        remedy = (
            "X.reshape(-1, 1) for one feature a sample" if array.ndim < 2 else "X.reshape(n, d)"
        )
        raise ValueError(
            f"{name} must have two axes, samples and features, got shape {array.shape}: use"
            f" {remedy}"
        )
    _require_finite(array, names, name)
    return array, names


def _frame(frame: Any, name: str) -> tuple[Floats, Names]:
    names = tuple(map(str, frame.columns))
    twice = [column for position, column in enumerate(names) if column in names[:position]]
    if twice:
        raise ValueError(f"{name} has two columns named {twice[0]!r}: rename one of them")
    if len(names) == 1 and holds_vectors(frame.iloc[:, 0]):
        return _matrix(frame.iloc[:, 0], f"{name}, column {names[0]!r}"), None
    affordable(frame.shape, name)
    array = np.empty(frame.shape)
    for position, column in enumerate(names):
        array[:, position] = _column(frame.iloc[:, position], f"{name}, column {column!r}")
    return array, names


def _column(series: Any, name: str) -> Floats:
    from pandas.api import types

    dtype = series.dtype
    if types.is_complex_dtype(dtype):
        raise TypeError(f"{name} is complex: pass its real and imaginary parts as two columns")
    if not (types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype)):
        filled = series.to_numpy(dtype=object)
        for row in np.flatnonzero(~series.isna().to_numpy()):
            _require_number(filled[row], f"{name}, row {row}")
        raise TypeError(f"{name} has dtype {dtype}: convert it with frame[column].astype(float)")
    with np.errstate(over="ignore"):  # a number beyond float64 becomes inf, which is refused later
        array: Floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def _matrix(value: Any, name: str) -> Floats:
    """Entries as float64; a sequence of vectors is stacked."""
    if hasattr(value, "iloc"):
        value = value.to_numpy()
    array = value if isinstance(value, np.ndarray) else sequence_array(value, name)
    if array.dtype == object and array.ndim == 1 and array.size:
        array = _stacked(array, name)
    affordable(array.shape, name)
    kind = array.dtype.kind
    if kind == "c":
        raise TypeError(f"{name} is complex ({array.dtype}): pass its real and imaginary parts")
    if kind == "V":
        raise TypeError(
            f"{name} is a structured array: use numpy.lib.recfunctions.structured_to_unstructured"
        )
    if kind not in "biuf":
        for place in np.ndindex(array.shape):
            _require_number(array[place], f"{name}{_place(place)}")
        if kind != "O":
            raise TypeError(f"{name} has dtype {array.dtype}: convert it to numbers")
        missing = np.array([is_missing(item) for item in array.flat], dtype=np.bool_)
        array = np.where(missing.reshape(array.shape), np.nan, array)
    with np.errstate(over="ignore"):  # a number beyond float64 becomes inf, which is refused later
        try:
            return np.array(array, dtype=np.float64)
        except OverflowError:
            raise ValueError(
                f"{name} holds a number beyond float64 (1.8e308): rescale it"
            ) from None


def _stacked(rows: NDArray[Any], name: str) -> NDArray[Any]:
    """The vectors of an object array of one axis as a matrix; an array of scalars as it is."""
    if all(isinstance(row, (str, bytes)) or np.isscalar(row) or row is None for row in rows):
        return rows
    vectors = []
    for position, row in enumerate(rows):
        if row is None or isinstance(row, float):
            raise ValueError(f"{name} has no vector in row {position}: drop the row or fill it")
        vectors.append(_vector(row, f"{name}, row {position}"))
    for position, vector in enumerate(vectors):
        if vector.shape != vectors[0].shape:
            raise ValueError(
                f"{name} is ragged: row {position} has {_extent(vector)}, row 0 has"
                f" {_extent(vectors[0])}; give all rows one length"
            )
    return np.stack(vectors)


def _vector(row: Any, name: str) -> NDArray[Any]:
    if is_tensor(row):
        return tensor_array(row, name)
    if isinstance(row, (list, tuple)) and not {*map(type, row)} <= {int, float}:
        for position, item in enumerate(row):
            if np.ndim(item) == 0:
                _require_number(item, f"{name}, column {position}")
    if isinstance(row, np.ndarray):
        return unmasked(row, name)
    try:
        array = np.asarray(row)
    except ValueError:
        raise ValueError(f"{name} is ragged: give all rows one length") from None
    if array.dtype.kind not in "biufc":
        for place in np.ndindex(array.shape):
            _require_number(array[place], f"{name}{_place(place, first='column')}")
    return array


def _require_number(value: Any, name: str) -> None:
    """Raise unless the value is a real number or missing."""
    if value is None or is_missing(value):
        return
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        raise TypeError(f"{name} is the boolean {value} among numbers: write it as 0 or 1")
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        raise TypeError(f"{name} = {value!r} is complex: pass its real and imaginary parts")
    if not isinstance(value, numbers.Real):
        shown = repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:37]}..."
        raise TypeError(
            f"{name} = {shown} is of type {type(value).__name__}, no number: leave the column out,"
            " or encode it as numbers"
        )


def _require_finite(array: Floats, names: Names, name: str) -> None:
    finite = np.isfinite(array)
    if finite.all():
        return
    for wrong, what, remedy in (
        (np.isnan(array), "missing values (NaN)", "drop these rows or columns, or fill them in"),
        (np.isinf(array), "infinite values", "drop these rows, or rescale"),
    ):
        if wrong.any():
            where = np.flatnonzero(wrong.any(axis=0))
            columns = [str(column) if names is None else repr(names[column]) for column in where]
            raise ValueError(
                f"{name} has {what} in {row_list(np.flatnonzero(wrong.any(axis=1)))},"
                f" {listed('column', columns)}: {remedy}"
            )


def _place(place: tuple[int, ...], first: str = "row") -> str:
    words = (first, "column") if first == "row" else (first,)
    if len(place) > len(words):
        return f"[{', '.join(map(str, place))}]"
    return "".join(f", {word} {index}" for word, index in zip(words, place, strict=False))


def _extent(vector: NDArray[Any]) -> str:
    return f"{vector.size} entries" if vector.ndim == 1 else f"shape {vector.shape}"
