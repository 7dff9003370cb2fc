"""Features, labels, test features and what to show of each sample, chosen from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunebound.theory.certification.containers import holds_vectors
from tunebound.theory.certification.content import as_content
from tunebound.theory.certification.formats import read_columns
from tunebound.theory.certification.inputs import as_features, as_labels

FEATURE_NAMES = ("X", "x", "features", "feature", "embeddings", "embedding")
LABEL_NAMES = ("y", "label", "labels", "target", "targets", "class")

Columns = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """What files hold, checked, as `theory.certify` takes it.

    Attributes
    ----------
    X : ndarray of float64 or pandas.DataFrame, shape (n, d)
        A frame where the columns have names.
    y : ndarray of int64, bool or str, shape (n,)
    X_test : as X, shape (m, d), or None
    content : tuple of str or bytes, or None
        What to show of each sample.
    """

    X: Any
    y: NDArray[Any]
    X_test: Any = None
    content: tuple[str | bytes, ...] | None = None


def read(
    features: Path,
    *,
    labels: str | None = None,
    test: Path | None = None,
    columns: Sequence[str] | None = None,
    show: str | None = None,
) -> Read:
    """Read features and labels, and what else is named.

    The features are the named columns side by side, each a number or a vector a row. Without names
    they are the one column or array of vectors, among several the one named X, features or
    embeddings; in a table without vectors, all columns but the labels and what is shown.

    Parameters
    ----------
    features : Path
        File of any kind in `formats.READERS`.
    labels : str, optional
        A column or array of that file, else another file: its one column or the one named like
        labels. By default a column y, label, labels, target, targets or class.
    test : Path, optional
        File with the same columns; further ones, the labels say, are left aside.
    columns : sequence of str, optional
    show : str, optional
        A column of text, of images, or of paths to images beside the file.

    Raises
    ------
    OSError, TypeError, ValueError
        If a file cannot be read, a column is not there or does not hold what it should; the message
        names file, column, row and remedy.
    """
    stored = read_columns(features)
    y, label_column = _labels(stored, features, labels)
    aside = {label_column, show}
    chosen = _chosen(stored, features, columns, aside)
    X = _assembled(stored, features, chosen)
    if len(X) != len(y):
        raise ValueError(
            f"{labels if label_column is None else features}: {len(y):,} labels for {len(X):,} rows"
            f" of features in {features}: give one label a row"
        )
    X_test = None
    if test is not None:
        X_test = _test(read_columns(test), test, chosen, vectors=columns is None)
        if X_test.shape[1] != X.shape[1]:
            raise ValueError(
                f"{test}: {X_test.shape[1]:,} features a row, {features} has {X.shape[1]:,}: make"
                " both with the same encoder"
            )
    content = None
    if show is not None:
        shown = _column(stored, features, show)
        content = as_content(shown, f"{features}, column {show!r}", features.parent)
        if len(content) != len(X):
            raise ValueError(
                f"{features}: {len(content):,} entries of {show!r} for {len(X):,} rows: show a"
                " column with one entry a row"
            )
    return Read(X=X, y=y, X_test=X_test, content=content)


def _labels(stored: Columns, path: Path, labels: str | None) -> tuple[NDArray[Any], str | None]:
    """The labels, and the column of the features' file that holds them, if one does."""
    if labels is None:
        named = [name for name in LABEL_NAMES if name in stored]
        if len(named) != 1:
            found = f"more than one ({', '.join(named)})" if named else "none"
            raise ValueError(
                f"{path}: of the names that mean labels ({', '.join(LABEL_NAMES)}) there is"
                f" {found}: name the labels with --labels, a file or one of {_listed(stored)}"
            )
        labels = named[0]
    if labels in stored:
        return as_labels(stored[labels], f"{path}, column {labels!r}"), labels
    other = Path(labels)
    if not other.exists():
        raise ValueError(
            f"{path}: {labels!r} is neither a column nor a file: name a file or one of"
            f" {_listed(stored)}"
        )
    apart = read_columns(other)
    named = [name for name in LABEL_NAMES if name in apart] if len(apart) > 1 else list(apart)
    if len(named) != 1:
        raise ValueError(
            f"{other}: which of {_listed(apart)} are the labels? Name that one 'labels', or keep it"
            " alone"
        )
    return as_labels(apart[named[0]], f"{other}, column {named[0]!r}"), None


def _chosen(
    stored: Columns, path: Path, columns: Sequence[str] | None, aside: set[str | None]
) -> list[str]:
    """Names of the columns that make up the features."""
    if columns is not None:
        for name in columns:
            _column(stored, path, name)
            if name in aside:
                raise ValueError(
                    f"{path}: column {name!r} is named as a feature and as labels or what to show:"
                    " name it once"
                )
        if len(set(columns)) < len(columns):
            raise ValueError(f"{path}: a column is named twice in --columns: name it once")
        return list(columns)
    candidates = [name for name in stored if name not in aside]
    vectors = [name for name in candidates if _axes(stored[name]) > 1]
    named = vectors if len(vectors) == 1 else [name for name in vectors if name in FEATURE_NAMES]
    if len(named) == 1:
        return named
    if vectors:
        raise ValueError(
            f"{path}: which of {_listed(vectors)} are the features? Choose with --columns"
        )
    if not candidates:
        raise ValueError(f"{path}: nothing is left beside the labels: add columns of features")
    return candidates


def _test(stored: Columns, path: Path, chosen: list[str], *, vectors: bool) -> Any:
    # arrays of one file may have another name in the next one
    if vectors and len(chosen) == 1 and chosen[0] not in stored:
        chosen = _chosen(stored, path, None, set())
    return _assembled(stored, path, chosen)


def _assembled(stored: Columns, path: Path, chosen: list[str]) -> Any:
    """The chosen columns side by side, checked; a frame where they are columns of numbers."""
    import pandas as pd

    entries = [_column(stored, path, name) for name in chosen]
    if all(_axes(entry) == 1 for entry in entries):
        for name, entry in zip(chosen, entries, strict=True):
            _require_numbers(entry, f"{path}, column {name!r}")
        lengths = {len(entry) for entry in entries}
        if len(lengths) > 1:
            raise ValueError(f"{path}: columns differ in length: choose with --columns")
        array, _ = as_features(pd.DataFrame(dict(zip(chosen, entries, strict=True))), str(path))
        return pd.DataFrame(array, columns=chosen)
    parts = []
    for name, entry in zip(chosen, entries, strict=True):
        where = f"{path}, column {name!r}"
        _require_numbers(entry, where)
        whole = np.reshape(entry, (-1, 1)) if _axes(entry) == 1 else entry
        parts.append(as_features(whole, where)[0])
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"{path}: columns differ in length: choose with --columns")
    return np.hstack(parts)


def _axes(entry: Any) -> int:
    if hasattr(entry, "iloc"):
        return 2 if holds_vectors(entry) else 1
    return int(entry.ndim)


def _require_numbers(entry: Any, name: str) -> None:
    """Raise at the first text of a column that was to hold numbers."""
    import pandas as pd
    from pandas.api import types

    if _axes(entry) > 1 or types.is_numeric_dtype(entry) or types.is_bool_dtype(entry):
        return
    column = pd.Series(entry, dtype=object)
    if column.isna().all():
        raise ValueError(f"{name} is empty: choose the features with --columns")
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = np.flatnonzero(numbers.isna() & column.notna())
    if len(wrong):
        shown = repr(column[wrong[0]])
        shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
        raise TypeError(
            f"{name} holds {shown} in row {wrong[0]}, no number: choose the features with"
            " --columns, or encode it"
        )
    raise TypeError(f"{name} holds no numbers ({entry.dtype}): write them as numbers")


def _column(stored: Columns, path: Path, name: str) -> Any:
    if name not in stored:
        raise ValueError(f"{path}: there is no column {name!r}: it has {_listed(stored)}")
    return stored[name]


def _listed(names: Any) -> str:
    shown = [repr(name) for name in list(names)[:10]]
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return f"{', '.join(shown)}{more}"
