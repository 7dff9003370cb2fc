"""Checks of what callers hand over: every refusal names the argument, what came, and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Quantities that cannot cross each other in theory (radius >= margin) may do so by rounding when
# both were computed.
ROUNDING = 1e-9

# Weight of each remaining sample in the loss of the left-out data.
WEIGHTINGS = ("1/n", "1/(n-1)")

RADIUS_REASON = (
    "no sample is nearer to the origin than the margin; check that both come from the same data"
)


def number(name: str, value: ArrayLike) -> Array:
    """Return finite real numbers as a float64 array.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        Real numbers of any shape; bool, str, complex, masked and empty arrays are refused.

    Returns
    -------
    ndarray of float64
        Zero-dimensional for a scalar.

    Raises
    ------
    TypeError
        If `value` is not made of real numbers.
    ValueError
        If it is empty, ragged, or holds NaN, inf or a number beyond float64.
    """
    array = _real_array(name, value)
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}): pass at least one number")
    with np.errstate(over="ignore"):  # a longdouble beyond float64 becomes inf and is refused below
        array = np.asarray(array, dtype=np.float64)
    _require(
        name,
        array,
        np.isfinite(array),
        "must be finite: remove NaN and infinite values, or rescale",
    )
    return array


def positive(name: str, value: ArrayLike) -> Array:
    """Return numbers above 0 as float64; see `number` for the types refused."""
    array = number(name, value)
    _require(name, array, array > 0, "must be above 0")
    return array


def non_negative(name: str, value: ArrayLike) -> Array:
    """Return numbers of at least 0 as float64; see `number` for the types refused."""
    array = number(name, value)
    _require(name, array, array >= 0, "must be 0 or more")
    return array


def fraction(name: str, value: ArrayLike, *, zero: bool = False, one: bool = True) -> Array:
    """Return numbers between 0 and 1 as float64.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        Real numbers; see `number` for the types refused.
    zero, one : bool
        Whether the end itself is allowed.
    """
    array = number(name, value)
    above = array >= 0 if zero else array > 0
    below = array <= 1 if one else array < 1
    interval = f"{'[' if zero else '('}0, 1{']' if one else ')'}"
    _require(name, array, above & below, f"must lie in {interval}")
    return array


def count(name: str, value: ArrayLike, minimum: int = 1) -> Array:
    """Return whole numbers of at least `minimum` as float64 (whole floats such as 1e12 are
    accepted).
    """
    array = number(name, value)
    _require(name, array, array == np.floor(array), "must be a whole number: round it first")
    _require(name, array, array >= minimum, f"must be at least {minimum}")
    return array


def choice(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of the allowed words."""
    options = ", ".join(repr(option) for option in allowed)
    if not isinstance(value, str):
        raise TypeError(
            f"{name} must be one of {options}, got {value!r} of type {type(value).__name__}"
        )
    if value not in allowed:
        raise ValueError(f"{name} must be one of {options}, got {value!r}")
    return value


def broadcast(**arrays: Array) -> None:
    """Raise unless the named arrays broadcast against each other; the message lists their
    shapes.
    """
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(
            f"shapes do not broadcast: {shapes}; give arrays of one shape, or scalars"
        ) from None


def not_below(name: str, value: Array, floor_name: str, floor: Array, reason: str) -> None:
    """Raise where `value` lies below `floor` by more than rounding (relative 1e-9).

    Parameters
    ----------
    name, floor_name : str
        The arguments' names, for the message.
    value, floor : ndarray of float64
        Arrays that broadcast against each other; `floor` is positive.
    reason : str
        Why it cannot be, and what to do.
    """
    broadcast(**{name: value, floor_name: floor})
    value, floor = np.broadcast_arrays(value, floor)
    below = value < floor * (1.0 - ROUNDING)
    if np.any(below):
        where = _first(below)
        place = _place(where)
        raise ValueError(
            f"{name}{place} = {float(value[where])!r} is below {floor_name}{place} ="
            f" {float(floor[where])!r}: {reason}"
        )


def within(name: str, value: Array, limit: Array, formula: str) -> None:
    """Raise where `value` exceeds `limit` by more than rounding; `formula` says what the limit
    is.
    """
    value, limit = np.broadcast_arrays(value, limit)
    above = value > limit * (1.0 + ROUNDING)
    if np.any(above):
        raise ValueError(
            f"{name} = {float(value[above][0])!r} exceeds {formula} = {float(limit[above][0])!r}:"
            " take smaller steps"
        )


def labelled_sample(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Return a sample of two classes as float64 arrays.

    Parameters
    ----------
    X : array_like of shape (n, d)
        Encoded features; finite, n >= 2, d >= 1.
    y : array_like of shape (n,)
        Labels, -1 or +1; both must occur.

    Returns
    -------
    X : ndarray of float64, shape (n, d)
    y : ndarray of float64, shape (n,)
        Neither is copied where it already is a float64 array.

    Raises
    ------
    TypeError
        If `X` or `y` is not made of real numbers (sparse matrices and bools included).
    ValueError
        If a shape, a value or a label is wrong, or one class is missing.
    """
    X = features(X)
    if X.shape[0] < 2:
        raise ValueError(
            f"X has {X.shape[0]} sample: a margin needs n >= 2, one of each class at least"
        )
    if getattr(y, "dtype", None) == np.bool_:
        raise TypeError("y is boolean: convert it with np.where(y, 1, -1)")
    labels = number("y", y)
    if labels.ndim != 1:
        raise ValueError(
            f"y must have one axis, got shape {labels.shape}: use y.ravel() for a single column"
        )
    if labels.shape[0] != X.shape[0]:
        raise ValueError(
            f"y has {labels.shape[0]} labels but X has {X.shape[0]} samples: give one label per row"
            " of X"
        )
    values = np.unique(labels)
    if np.array_equal(values, [0.0, 1.0]):
        raise ValueError("y holds 0 and 1, labels must be -1 or +1: convert it with 2 * y - 1")
    _require("y", labels, np.abs(labels) == 1, "must be -1 or +1: map the two classes to these")
    if values.size == 1:
        raise ValueError(
            f"y holds only the class {int(values[0]):+d}: a margin needs samples of both classes"
        )
    return X, labels


def features(X: ArrayLike) -> Array:
    """Return a finite float64 matrix of shape (n, d), n >= 1, d >= 1."""
    if hasattr(X, "toarray"):
        raise TypeError("X is sparse: convert it with X.toarray()")
    array = number("X", X)
    if array.ndim != 2:
        raise ValueError(
            f"X must have two axes (samples, features), got shape {array.shape}: use"
            " X.reshape(n, d)"
        )
    return array


def margin_and_radius(margin: ArrayLike, radius: ArrayLike) -> tuple[Array, Array]:
    """Return both as float64 with radius >= margin > 0, up to rounding."""
    margin = positive("margin", margin)
    radius = positive("radius", radius)
    not_below("radius", radius, "margin", margin, RADIUS_REASON)
    return margin, radius


def sample_duals(dual: ArrayLike) -> Array:
    """Return a dual with the samples on its last axis, 0 or more, at least one entry above 0 for
    each data set.
    """
    dual = non_negative("dual", dual)
    if dual.ndim == 0:
        raise ValueError(
            "dual must have the samples on its last axis, got a scalar: pass one value per sample"
        )
    if np.any(np.all(dual == 0, axis=-1)):
        raise ValueError(
            "dual is 0 for every sample: a separator has at least one support vector; pass its dual"
        )
    return dual


def per_data_set(name: str, value: Array, sample_name: str, per_sample: Array) -> Array:
    """Give a value per data set a last axis, so that it meets all samples of its data set."""
    if 0 < value.ndim < per_sample.ndim:
        value = value[..., np.newaxis]
    broadcast(**{name: value, sample_name: per_sample})
    return value


def _real_array(name: str, value: Any) -> NDArray[Any]:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: drop or fill the masked entries first")
    if isinstance(value, (list, tuple)):
        _refuse_booleans(name, value)
    try:
        array = np.asarray(value)
        if array.dtype == object and array.size and all(type(item) is int for item in array.flat):
            array = array.astype(np.float64)  # whole numbers beyond 64 bits, such as 10**30
    except OverflowError:
        raise ValueError(
            f"{name} holds a whole number beyond float64 (1.8e308): rescale it"
        ) from None
    except ValueError:
        raise ValueError(f"{name} is ragged: rows must have equal lengths") from None
    if array.dtype.kind not in "iuf":
        shown = repr(value) if array.ndim == 0 else f"an array of dtype {array.dtype}"
        raise TypeError(f"{name} must be made of real numbers, got {shown}: pass int or float")
    return array


def _refuse_booleans(name: str, value: Any) -> None:
    # NumPy would read [1, True] as integers.
    for item in value:
        if isinstance(item, (bool, np.bool_)):
            raise TypeError(f"{name} holds the boolean {item!r}: pass int or float")
        if isinstance(item, (list, tuple)):
            _refuse_booleans(name, item)


def _require(name: str, array: Array, allowed: NDArray[np.bool_], rule: str) -> None:
    if not np.all(allowed):
        where = _first(~allowed)
        raise ValueError(f"{name}{_place(where)} = {float(array[where])!r}: {name} {rule}")


def _first(marked: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(index) for index in np.argwhere(marked)[0])


def _place(where: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, where))}]" if where else ""
