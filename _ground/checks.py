"""Checks of what callers hand over: every refusal names the argument, what came, and the remedy.

One dialect for all rooms. Of single values: "NAME must be RULE, got VALUE; REMEDY". Of arrays:
"NAME[PLACE] = VALUE: NAME must be RULE". What has the wrong type is a `TypeError` (booleans are no
numbers here, and nothing but text is an option), what has a wrong value a `ValueError`. Sizes,
counts and seeds are integers; numbers of steps may be whole floats, since they go beyond what
integers hold. Nothing is changed on the way but its type.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tunebound._ground.arrays import Booleans, Floats

# Quantities that cannot cross each other in theory (radius >= margin) may do so by rounding when
# both were computed.
ROUNDING = 1e-9
# No sum over more terms, and no run of more steps, comes to an end.
COUNTABLE = 10**15
LONGEST_NAME = 255  # bytes of a file's name
LONGEST_SHOWN = 2_000  # characters of a value in a message
# Weight of each remaining sample in the loss of the left-out data.
WEIGHTINGS = ("1/n", "1/(n-1)")


def whole_number(
    name: str, value: object, *, low: int, high: int | None = None, remedy: str = ""
) -> int:
    """Return an integer from `low` to `high` as an int; whole floats are refused. Counts, which are
    at least 1, end at 1e15 where `high` says nothing else; seeds and places, from 0, nowhere.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:  # also of arrays and tensors, which are indices where they hold one number
        raise TypeError(_refusal(name, "an integer", value, remedy)) from None
    if high is None and low > 0 and number > COUNTABLE:
        raise ValueError(_refusal(name, f"at most {COUNTABLE:.0e}", number, remedy))
    if number < low or (high is not None and number > high):
        rule = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(_refusal(name, rule, number, remedy))
    return number


def step_count(name: str, value: object, *, high: float) -> float:
    """Return a whole number of steps from 1 to `high` as a float; whole floats are taken."""
    number = _number(name, value, "a number of steps", "")
    if not 1 <= number <= high or not number.is_integer():
        rule = f"a whole number of steps, at least 1 and at most {high:g}"
        raise ValueError(_refusal(name, rule, value, ""))
    return number


def real_number(
    name: str,
    value: object,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    remedy: str = "",
) -> float:
    """Return a finite number as a float; `low` and `high` belong to the range, `above` and `below`
    do not.
    """
    number = _number(name, value, "a real number", remedy)
    inside = (
        np.isfinite(number)
        and (low is None or number >= low)
        and (high is None or number <= high)
        and (above is None or number > above)
        and (below is None or number < below)
    )
    if not inside:
        rule = f"finite{_range(low, high, above, below)}"
        raise ValueError(_refusal(name, rule, value, remedy))
    return number


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the allowed words."""
    rule = f"one of {', '.join(map(repr, allowed))}"
    if not isinstance(value, str):
        raise TypeError(f"{_refusal(name, rule, value, '')} of type {type(value).__name__}")
    if value not in allowed:
        raise ValueError(_refusal(name, rule, value, ""))
    return value


def true_or_false(name: str, value: object, *, remedy: str = "") -> bool:
    """Return a boolean as a bool; 0 and 1 are refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(_refusal(name, "True or False", value, remedy))
    return bool(value)


def instance(name: str, value: object, kind: type, *, remedy: str) -> None:
    """Raise unless `value` is of that class; of None too, where it is not optional."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {type(value).__name__}; {remedy}")


def path(name: str, value: object) -> Path:
    """Return what names a file or directory as a path; text that can name none is refused."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise TypeError(_refusal(name, "a path", value, "pass text or a pathlib.Path"))
    if not text:
        raise ValueError(f"{name} is empty text; name a file or directory")
    try:
        parts = os.fsencode(text).split(os.fsencode(os.sep))
    except UnicodeEncodeError:
        parts = [b"\0"]
    if b"\0" in b"".join(parts) or max(map(len, parts)) > LONGEST_NAME:
        rule = f"a path without zero characters, of names of {LONGEST_NAME} bytes at most"
        raise ValueError(_refusal(name, rule, value, "choose another name"))
    return Path(text)


def sequence(name: str, value: object, *, of: str) -> list[Any]:
    """Return the items of something that can be gone through; text is refused, whose items are
    letters.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(_refusal(name, f"a sequence of {of}", value, "pass a list"))
    try:
        return list(value)
    except TypeError:  # of an array or tensor without axes
        raise TypeError(_refusal(name, f"a sequence of {of}", value, "pass a list")) from None


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Return what holds values as an array of whatever kind NumPy makes of it.

    Raises
    ------
    TypeError
        If it is a masked array, or a tensor without values or of a kind that NumPy has not.
    ValueError
        If it is ragged, nested in too many lists, or holds a whole number beyond float64.
    """
    unmasked(name, value)
    try:
        if hasattr(value, "detach"):  # a torch tensor, which may require a gradient
            value = value.detach().cpu()
        array = np.asarray(value)
        if array.dtype == object and array.size and all(type(item) is int for item in array.flat):
            array = array.astype(np.float64)  # whole numbers beyond 64 bits, such as 10**30
    except OverflowError:
        raise ValueError(
            f"{name} holds a whole number beyond float64 (1.8e308): rescale it"
        ) from None
    except ValueError:
        raise ValueError(
            f"{name} is ragged: rows must have equal lengths, nested in 64 lists at most"
        ) from None
    except (TypeError, RuntimeError) as error:  # of tensors: of another kind, or without values
        raise TypeError(
            f"{name} does not become a NumPy array ({error}): pass it as a NumPy array"
        ) from None
    return array


@contextmanager
def within_float64(*names: str) -> Iterator[None]:
    """Refuse the named arguments where what is computed of them in the block leaves float64."""
    try:
        with np.errstate(over="raise", invalid="raise"):
            yield
    except FloatingPointError as error:
        raise ValueError(
            f"{', '.join(names)}: what is computed of them leaves float64 ({error}); rescale them"
        ) from None


def file_name(name: str, value: object) -> str:
    """Return text that can name a file in any directory and leads to no other one."""
    rule = 'text of 1 to 200 characters without "/", "\\" or control characters, not led by "."'
    if not isinstance(value, str):
        raise TypeError(_refusal(name, rule, value, ""))
    if (
        not 1 <= len(value) <= 200
        or value.startswith(".")
        or any(sign in "/\\" or ord(sign) < 32 for sign in value)
    ):
        raise ValueError(_refusal(name, rule, value, "files are named after it"))
    return value


def real_array(name: str, value: ArrayLike, *, infinite: bool = False) -> Floats:
    """Return finite real numbers of any shape as a float64 array, zero-dimensional for a scalar;
    with `infinite` also infinite ones, but no NaN.

    Raises
    ------
    TypeError
        If `value` is not made of real numbers; booleans, text, complex numbers, sparse and masked
        arrays are refused.
    ValueError
        If it is empty, ragged, or holds NaN, inf or a number beyond float64.
    """
    array = _real_array(name, value)
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}): pass at least one number")
    if array.dtype != np.float64:
        with np.errstate(over="ignore"):  # a longdouble beyond it becomes inf, refused below
            array = array.astype(np.float64)
    if infinite:
        require(name, array, ~np.isnan(array), "must be a number, or infinite")
    else:
        finite = np.isfinite(array)
        require(name, array, finite, "must be finite: remove NaN and infinite values, or rescale")
    return array


def positive_array(name: str, value: ArrayLike) -> Floats:
    """Return numbers above 0 as float64; see `real_array` for what is refused."""
    array = real_array(name, value)
    require(name, array, array > 0, "must be above 0")
    return array


def non_negative_array(name: str, value: ArrayLike) -> Floats:
    """Return numbers of at least 0 as float64; see `real_array` for what is refused."""
    array = real_array(name, value)
    require(name, array, array >= 0, "must be 0 or more")
    return array


def fraction_array(name: str, value: ArrayLike, *, zero: bool = False, one: bool = True) -> Floats:
    """Return numbers between 0 and 1 as float64; `zero` and `one` allow the ends themselves."""
    array = real_array(name, value)
    above = array >= 0 if zero else array > 0
    below = array <= 1 if one else array < 1
    interval = f"{'[' if zero else '('}0, 1{']' if one else ')'}"
    require(name, array, above & below, f"must lie in {interval}")
    return array


def whole_array(name: str, value: ArrayLike, *, low: int = 1) -> Floats:
    """Return whole numbers of at least `low` as float64; whole floats such as 1e12 are taken."""
    array = real_array(name, value)
    require(name, array, array == np.floor(array), "must be a whole number: round it first")
    require(name, array, array >= low, f"must be at least {low}")
    return array


def unmasked(name: str, value: object) -> None:
    """Raise where NumPy would forget a mask."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: drop or fill the masked entries first")


def broadcast(**arrays: Floats) -> None:
    """Raise unless the named arrays broadcast; the message lists their shapes."""
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(
            f"shapes do not broadcast: {shapes}; give arrays of one shape, or scalars"
        ) from None


def require(name: str, array: Floats, allowed: Booleans, rule: str) -> None:
    """Raise at the first entry that is not allowed, with its place and value."""
    if not allowed.all():
        where = first(~allowed)
        raise ValueError(f"{name}{place(where)} = {float(array[where])!r}: {name} {rule}")


def first(marked: Booleans) -> tuple[int, ...]:
    """The index of the first marked entry."""
    return tuple(int(index) for index in np.argwhere(marked)[0])


def place(where: tuple[int, ...]) -> str:
    """An index as it is written behind a name; nothing for a scalar."""
    return f"[{', '.join(map(str, where))}]" if where else ""


def _refusal(name: str, rule: str, value: object, remedy: str) -> str:
    return f"{name} must be {rule}, got {shown(value)}{'; ' if remedy else ''}{remedy}"


def shown(value: object) -> str:
    """The value as Python writes it, where that comes to an end and is of some use."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested without end; a whole number of 4,300 digits
        return f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _number(name: str, value: object, rule: str, remedy: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(_refusal(name, rule, value, remedy))
    try:
        return float(value)
    except OverflowError:
        raise ValueError(_refusal(name, "within float64 (1.8e308)", value, remedy)) from None


def _range(low: float | None, high: float | None, above: float | None, below: float | None) -> str:
    start = low if low is not None else above
    end = high if high is not None else below
    if start is None and end is None:
        return ""
    if end is None:
        return f" and at least {start:g}" if low is not None else f" and above {start:g}"
    if start is None:
        return f" and at most {end:g}" if high is not None else f" and below {end:g}"
    opening, closing = "(" if low is None else "[", ")" if high is None else "]"
    return f" and in {opening}{start:g}, {end:g}{closing}"


def _real_array(name: str, value: Any) -> NDArray[Any]:
    array = as_array(name, value)
    if isinstance(value, (list, tuple)):
        _refuse_booleans(name, value)
    if array.dtype.kind not in "iuf":
        text = shown(value) if array.ndim == 0 else f"an array of dtype {array.dtype}"
        raise TypeError(f"{name} must be made of real numbers, got {text}: pass int or float")
    return array


def _refuse_booleans(name: str, value: Any) -> None:
    # NumPy would read [1, True] as integers.
    for item in value:
        if isinstance(item, (bool, np.bool_)):
            raise TypeError(f"{name} holds the boolean {item!r}: pass int or float")
        if isinstance(item, (list, tuple)):
            _refuse_booleans(name, item)
