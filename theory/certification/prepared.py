"""Checked features and labels as all parts of a certificate take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunebound._ground.arrays import Floats, Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Features and labels after every check and every step that was asked for.

    Attributes
    ----------
    X : ndarray of float64, shape (n, d)
        Finite; with the constant feature, if one was asked for.
    y : ndarray of int, shape (n,)
        Class 0, 1, ..., K - 1 of each sample; every class occurs twice at least.
    classes : tuple
        The labels as they were given, in order: class k is ``classes[k]``.
    X_test : ndarray of float64, shape (m, d), or None
        Test features after the same steps.
    preparation : tuple of str
        What was done, in words.
    notes : tuple of str
        What a reader has to know about the data, by row and column.
    content : tuple of str or bytes, or None
        What to show of each sample: text, or the bytes of an image.
    """

    X: Floats
    y: Integers
    classes: tuple[Any, ...]
    X_test: Floats | None = None
    preparation: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    content: tuple[str | bytes, ...] | None = None
