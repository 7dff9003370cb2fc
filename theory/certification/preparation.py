"""Features and labels, checked and prepared before any work starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_number, sequence, shown, true_or_false, whole_number
from tunebound.theory.certification.containers import listed, row_list
from tunebound.theory.certification.inputs import as_features, as_labels
from tunebound.theory.certification.prepared import Prepared

LARGEST, SMALLEST = 1e100, 1e-100  # beyond, squares of norms and their inverses leave float64
UNEVEN = 1e6  # ratio of column scales that is worth a word
DIRECTIONS = "B/margin depends on this choice, the distances that it bounds hardly do"


def prepare(
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    constant: float | None = None,
    centre: bool = False,
    scale: bool = False,
    group: int = 1,
    content: Sequence[str | bytes] | None = None,
) -> Prepared:
    """Check and prepare features: centre, then scale, then append the constant feature.

    Mean and standard deviation are those of the training rows, for `X_test` too. Arguments are
    those of `certify`, whose docstring lists what is refused; notes say what is merely odd.

    Returns
    -------
    Prepared

    Raises
    ------
    TypeError, ValueError
        Before any work, by row and column, with the remedy.
    """
    features, names = as_features(X)
    labels = as_labels(y)
    if len(features) != len(labels):
        raise ValueError(
            f"X has {len(features)} rows and y {len(labels)} labels: pass one label a row"
        )
    if constant is not None:
        constant = real_number("constant", constant, above=0)
    centre, scale = true_or_false("centre", centre), true_or_false("scale", scale)
    test = None if X_test is None else _test_features(X_test, features.shape[1], names)
    shows = None if content is None else tuple(sequence("content", content, of="texts or bytes"))
    for row, each in enumerate(shows or ()):
        if not isinstance(each, (str, bytes)):
            raise TypeError(
                f"content[{row}] must be text or bytes, got {shown(each)}; pass one or the other"
            )
    if shows is not None and len(shows) != len(features):
        raise ValueError(
            f"content has {len(shows)} entries, X {len(features)} rows: pass one a row"
        )
    values, y_index = np.unique(labels, return_inverse=True)
    classes = tuple(values.tolist())
    _check_classes(classes, y_index, group)
    called = [repr(name) for name in names] if names else [str(k) for k in range(features.shape[1])]
    notes = (*_about_columns(features, called), *_about_rows(features, y_index, classes))
    features, test, preparation = _transformed(features, test, centre, scale, constant)
    for name, array in (("X", features), ("X_test", test)):
        if array is not None:
            _check_rows(name, array)
    return Prepared(
        X=features,
        y=y_index.astype(np.int64),
        classes=classes,
        X_test=test,
        preparation=preparation,
        notes=notes,
        content=shows,
    )


def _test_features(X_test: Any, width: int, names: tuple[str, ...] | None) -> Floats:
    test, test_names = as_features(X_test, "X_test")
    if test.shape[1] != width:
        raise ValueError(
            f"X_test has {test.shape[1]} columns and X {width}: pass the same features of both"
        )
    if names and test_names and names != test_names:
        k = next(k for k in range(width) if names[k] != test_names[k])
        raise ValueError(
            f"X_test has the column {test_names[k]!r} where X has {names[k]!r} (column {k}): put"
            " the columns in one order"
        )
    return test


def _check_classes(classes: tuple[Any, ...], y: Integers, group: int) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"y holds only the class {classes[0]!r}: a head needs samples of two classes at least"
        )
    counts = np.bincount(y)
    k = int(counts.argmin())
    if counts[k] < 2:
        raise ValueError(
            f"y has one sample of class {classes[k]!r}, in {row_list(np.flatnonzero(y == k))}:"
            " leaving it out leaves none; add samples of it or drop the class"
        )
    if whole_number("group", group, low=1) >= counts[k]:
        raise ValueError(
            f"group = {group} would remove all {counts[k]} samples of class {classes[k]!r}: take at"
            f" most {counts[k] - 1}"
        )


def _about_columns(X: Floats, called: Sequence[str]) -> tuple[str, ...]:
    low, high = X.min(axis=0), X.max(axis=0)
    same = low == high
    zero = same & (high == 0)
    notes = []
    for marked, what in ((zero, "zero in every row"), (same & ~zero, "constant")):
        where = np.flatnonzero(marked)
        if where.size:
            verb = "is" if where.size == 1 else "are"
            notes.append(f"{listed('column', [called[k] for k in where.tolist()])} {verb} {what}")
    sizes = np.maximum(np.abs(low), np.abs(high))
    varied = np.flatnonzero(~same)
    if varied.size:
        least = int(varied[sizes[varied].argmin()])
        most = int(varied[sizes[varied].argmax()])
        if sizes[most] / UNEVEN > sizes[least]:
            notes.append(
                f"column {called[most]} has entries up to {sizes[most]:.3g}, column"
                f" {called[least]} up to {sizes[least]:.3g}: the larger decides alone; consider"
                " scale=True"
            )
    return tuple(notes)


def _about_rows(X: Floats, y: Integers, classes: tuple[Any, ...]) -> tuple[str, ...]:
    """Repeated rows; those with different labels make the data inseparable."""
    # + 0.0 makes one zero of the two
    _, kind, counts = np.unique(X + 0.0, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    if (counts == 1).all():
        return ()
    notes, copies = [], []
    for which in np.flatnonzero(counts > 1):
        rows = np.flatnonzero(kind == which)
        other = np.flatnonzero(y[rows] != y[rows[0]])
        if other.size:
            i, j = rows[0], rows[other[0]]
            notes.append(
                f"rows {i} and {j} are equal and labelled {classes[y[i]]!r} and {classes[y[j]]!r}:"
                " no head has both right"
            )
        copies.extend(rows[1:].tolist())
    notes = [*notes[:5], f"and {len(notes) - 5} more such pairs"] if len(notes) > 5 else notes
    verb = "repeats" if len(copies) == 1 else "repeat"
    notes.append(f"{row_list(np.array(sorted(copies)))} {verb} an earlier row exactly")
    return tuple(notes)


def _transformed(
    X: Floats, test: Floats | None, centre: bool, scale: bool, constant: float | None
) -> tuple[Floats, Floats | None, tuple[str, ...]]:
    done = []
    shift, unit = np.zeros(X.shape[1]), np.ones(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # refused by row below
        if centre:
            shift = X.mean(axis=0)
            done.append(f"the mean of the training rows was subtracted; {DIRECTIONS}")
        if scale:
            spread = X.std(axis=0)
            unit = np.where(X.min(axis=0) == X.max(axis=0), 1.0, spread)
            unit = np.where(unit > 0, unit, 1.0)
            done.append(
                "columns were divided by their standard deviation over the training rows, constant"
                f" ones left as they are; {DIRECTIONS}"
            )
        both = [(array - shift) / unit for array in (X, test) if array is not None]
    if constant is not None:
        both = [np.column_stack([array, np.full(len(array), constant)]) for array in both]
        done.append(f"a constant feature of {constant:g} was appended, for a bias; {DIRECTIONS}")
    return both[0], both[1] if test is not None else None, tuple(done)


def _check_rows(name: str, X: Floats) -> None:
    largest = np.abs(X).max(axis=1)
    empty = np.flatnonzero(largest == 0)
    if empty.size:
        raise ValueError(
            f"{name} is zero in {row_list(empty)}: every head without a bias is undecided there;"
            " pass constant=1.0 or drop these rows"
        )
    beyond = np.flatnonzero(~((largest < LARGEST) & (largest > SMALLEST)))
    if beyond.size:
        raise ValueError(
            f"{name} has entries too large or too small for squares in float64 in"
            f" {row_list(beyond)} (largest {largest[beyond[0]]:.3g}): rescale the features"
        )
