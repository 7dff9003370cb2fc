"""Labels from whatever holds them."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunebound.theory.certification.containers import (
    SHOWN,
    is_frame,
    is_missing,
    row_list,
    sequence_array,
    unmasked,
    unwrapped,
)


def as_labels(y: Any, name: str = "y") -> NDArray[Any]:
    """Return labels as an array of int64, bool or str.

    Parameters
    ----------
    y : array_like, shape (n,)
        One label a sample, of one kind: text, whole numbers (also written as floats, 1.0) or
        booleans, in anything that `as_features` takes; a single column is as good as one axis.
    name : str
        What the argument is called in messages.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    TypeError
        If a label is neither text nor number nor boolean, or labels are of several kinds.
    ValueError
        If a label is missing or no whole number, the array is empty, ragged or has more than one
        column.
    """
    y = unwrapped(y, name)
    if is_frame(y):
        if y.shape[1] != 1:
            columns = ", ".join(map(repr, y.columns[:SHOWN]))
            raise ValueError(
                f"{name} has {y.shape[1]} columns ({columns}): pass the one of the labels"
            )
        y = y.iloc[:, 0]
    labels = _label_array(y, name)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(
            f"{name} must have one label a sample, got shape {labels.shape}: turn one-hot rows into"
            " labels with y.argmax(axis=1)"
        )
    if labels.size == 0:
        raise ValueError(f"{name} is empty: pass one label a sample")
    missing = _missing(labels)
    if missing.any():
        raise ValueError(
            f"{name} has no label in {row_list(np.flatnonzero(missing))}: label these samples or"
            " drop them"
        )
    return _of_one_kind(labels, name)


def _label_array(y: Any, name: str) -> NDArray[Any]:
    if hasattr(y, "iloc"):
        y = y.to_numpy(dtype=object) if y.dtype.kind not in "biuf" else y.to_numpy()
    array = unmasked(y, name) if isinstance(y, np.ndarray) else sequence_array(y, name)
    if array.dtype == object and array.ndim == 1 and any(np.ndim(item) for item in array):
        array = _unmasked_rows(array, name)
    if array.dtype.kind == "T":
        array = array.astype(object)
    if array.dtype.kind not in "biufUO":
        raise TypeError(
            f"{name} has dtype {array.dtype}: labels are text, whole numbers or booleans; convert"
            " them with y.astype(str)"
        )
    return array


def _unmasked_rows(rows: NDArray[Any], name: str) -> NDArray[Any]:
    """Rows of one label each, such as [[0], [1]], as a matrix."""
    lengths = [np.shape(row) for row in rows]
    if len(set(lengths)) > 1:
        odd = next(row for row, length in enumerate(lengths) if length != lengths[0])
        raise ValueError(
            f"{name} is ragged: row {odd} differs in length from row 0; give one label a row"
        )
    matrix = np.empty((len(rows), *lengths[0]), dtype=object)
    for position, row in enumerate(rows):
        matrix[position] = np.asarray(row, dtype=object)
    return matrix


def _missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind == "O":
        return np.array([is_missing(label) for label in labels], dtype=np.bool_)
    return np.zeros(labels.shape, dtype=np.bool_)


_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("text", (str,)),
    ("boolean", (bool, np.bool_)),
    ("number", (numbers.Real,)),
)


def _kind(label: Any, name: str) -> str:
    for kind, types in _KINDS:
        if isinstance(label, types):
            return kind
    raise TypeError(
        f"{name} = {label!r} is of type {type(label).__name__}: labels are text, whole numbers or"
        " booleans"
    )


def _of_one_kind(labels: NDArray[Any], name: str) -> NDArray[Any]:
    if labels.dtype.kind in "bU":
        return labels
    if labels.dtype == object:
        kinds = [_kind(label, f"{name}, row {row}") for row, label in enumerate(labels)]
        for row, kind in enumerate(kinds):
            if kind != kinds[0]:
                raise TypeError(
                    f"{name} mixes {kinds[0]} ({labels[0]!r} in row 0) and {kind} ({labels[row]!r}"
                    f" in row {row}): write all labels in one way"
                )
        if kinds[0] != "number":
            return labels.astype(str if kinds[0] == "text" else np.bool_)
    for row, label in enumerate(labels.tolist()):
        if not -(2**63) <= label < 2**63 or label != int(label):
            raise ValueError(
                f"{name}, row {row} = {label!r} is no whole number: labels name classes; bin a"
                " measured value, or write the labels as text"
            )
    return labels.astype(np.int64)
