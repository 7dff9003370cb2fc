"""Checks of samples that callers hand over: features, labels of two classes or several, and numbers
of samples; see `_ground.checks` for what a refusal says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import as_array, first, real_array, require, whole_array

# What takes labels of more than two classes.
SEVERAL = "several classes are for max_margin_classes, tune_heads(classes=...) and certify"


def features(X: ArrayLike, *, batch: bool = False) -> Floats:
    """Return a finite float64 matrix (n, d), n and d at least 1; with `batch` also (D, n, d)."""
    if hasattr(X, "toarray"):
        raise TypeError("X is sparse: convert it with X.toarray()")
    array = real_array("X", X)
    if array.ndim != 2 and not (batch and array.ndim == 3):
        axes = "(samples, features)" if not batch else "(n, d) or (D, n, d)"
        raise ValueError(f"X must have axes {axes}, got shape {array.shape}: use X.reshape(n, d)")
    return array


def signs(y: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return labels −1 and +1 of the given shape, one a sample, as float64."""
    if getattr(y, "dtype", None) == np.bool_:
        raise TypeError("y is boolean: convert it with np.where(y, 1, -1)")
    _refuse_words(y)
    labels = real_array("y", y)
    if labels.shape != shape:
        raise ValueError(
            f"y must have shape {shape}, got {labels.shape}: give one label a sample of X; a single"
            " column becomes that by y.ravel()"
        )
    if np.array_equal(np.unique(labels), [0.0, 1.0]):
        raise ValueError("y holds 0 and 1, labels must be -1 or +1: convert it with 2 * y - 1")
    require(
        "y",
        labels,
        np.abs(labels) == 1,
        "must be -1 or +1: map the two classes to these"
        if len(np.unique(labels)) <= 2
        else f"must be -1 or +1: {SEVERAL}",
    )
    return labels


def _refuse_words(y: ArrayLike, *, several: bool = False) -> None:
    words = as_array("y", y)
    if words.dtype.kind not in "UO" or not all(isinstance(each, str) for each in words.flat):
        return
    names = np.unique(words.astype(str)).tolist()
    if several:
        rule = "0, 1, …: convert it with np.unique(y, return_inverse=True)[1]"
    elif len(names) <= 2:
        rule = f"-1 or +1: convert it with np.where(np.asarray(y) == {names[0]!r}, -1, 1)"
    else:
        rule = f"-1 or +1: {SEVERAL}"
    raise TypeError(f"y holds {', '.join(map(repr, names[:3]))}, labels must be {rule}")


def labelled_classes(
    X: ArrayLike, y: ArrayLike, *, classes: int | None, members: int, batch: bool = False
) -> tuple[Floats, Integers, int]:
    """Return samples, their labels 0, 1, …, K − 1 as int64, and K.

    Parameters
    ----------
    X, y : array_like
        Features (n, d) and labels (n,); with `batch` also (D, n, d) and (D, n).
    classes : int or None
        K, at least 2; None takes it from the largest label.
    members : int
        Samples that every class has at least, in each data set.
    batch : bool
    """
    points = features(X, batch=batch)
    if getattr(y, "dtype", None) == np.bool_:
        raise TypeError("y is boolean: convert it with y.astype(int)")
    _refuse_words(y, several=True)
    labels = real_array("y", y)
    if labels.shape != points.shape[:-1]:
        raise ValueError(
            f"y must have shape {points.shape[:-1]}, got {labels.shape}: give one label a sample of"
            " X; a single column becomes that by y.ravel()"
        )
    count = max(1, int(labels.max()) + 1) if classes is None else classes
    known = (labels >= 0) & (labels < count) & (labels == np.floor(labels))
    rule = f"must be a whole number from 0 to {count - 1}: number the {count} classes from 0"
    require("y", labels, known, rule)
    if count < 2:
        raise ValueError("y holds only the class 0: a margin needs at least 2 classes")
    chosen = labels.astype(np.int64)
    counts = (chosen[..., np.newaxis] == np.arange(count)).sum(axis=-2)
    if (counts < members).any():
        where = first(counts < members)
        data_set = f"y of data set {where[0]}" if points.ndim == 3 else "y"
        raise ValueError(
            f"{data_set} has {counts[where]} sample(s) of class {where[-1]} of {count} and needs"
            f" {members}: add samples of it, or number the classes that occur from 0"
        )
    return points, chosen, count


def labelled_sample(X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return a sample (n, d) of two classes and its labels (n,), −1 or +1, as float64 arrays.

    Neither is copied where it already is a float64 array; n is at least 2.
    """
    points = features(X)
    if len(points) < 2:
        raise ValueError(
            f"X has {len(points)} sample: a margin needs n >= 2, one of each class at least"
        )
    labels = signs(y, points.shape[:1])
    if (labels == labels[0]).all():
        raise ValueError(
            f"y holds only the class {int(labels[0]):+d}: a margin needs samples of both classes"
        )
    return points, labels


def sample_numbers(
    name: str, value: ArrayLike | None, n: int, *, of: str = "samples"
) -> NDArray[np.intp]:
    """Numbers of samples from 0 to n - 1, in the order given; all of them for None."""
    if value is None:
        return np.arange(n)
    numbers = whole_array(name, value, low=0) if as_array(name, value).size else np.empty(0)
    if numbers.ndim != 1:
        raise ValueError(f"{name} must have one axis, got shape {numbers.shape}: pass a list")
    if (numbers >= n).any():
        raise ValueError(
            f"{name} holds {int(numbers.max())}, and there are {n} {of}: number them from 0 to"
            f" {n - 1}"
        )
    return numbers.astype(np.intp)
