"""Strategies for what can be passed in place of a valid argument: other forms of the same value,
values near it, and what is no value of its kind at all.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import scipy.sparse
import torch
from hypothesis import strategies as st

_INFINITE_LIST: list = []
_INFINITE_LIST.append(_INFINITE_LIST)
_DEEP_LIST: list = [1.0]
for _ in range(5000):
    _DEEP_LIST = [_DEEP_LIST]

# Each is made when it is drawn: a generator can be used once.
ALIEN = {
    "None": lambda: None,
    "text": lambda: "x",
    "empty text": lambda: "",
    "text of another script": lambda: "Ж\u202e\n",
    "half a surrogate pair": lambda: "\ud800",
    "bytes": lambda: b"x",
    "object": object,
    "function": lambda: len,
    "class": lambda: int,
    "generator": lambda: (i for i in (1.0, 2.0)),
    "set": lambda: {1.0, 2.0},
    "dict": lambda: {"a": 1.0},
    "empty dict": dict,
    "empty list": list,
    "list that holds itself": lambda: _INFINITE_LIST,
    "deep list": lambda: _DEEP_LIST,
    "ragged list": lambda: [[1.0, 2.0], [3.0]],
    "list of text": lambda: ["a", "b"],
    "list of None": lambda: [None, None],
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: float("-inf"),
    "0": lambda: 0,
    "-1": lambda: -1,
    "1.5": lambda: 1.5,
    "-0.0": lambda: -0.0,
    "smallest": lambda: 5e-324,
    "largest": lambda: 1.7e308,
    "2**64": lambda: 2**64,
    "-2**63": lambda: -(2**63),
    "10**400": lambda: 10**400,
    "True": lambda: True,
    "False": lambda: False,
    "1j": lambda: 1j,
    "Fraction": lambda: Fraction(1, 3),
    "Decimal": lambda: Decimal("0.1"),
    "float16": lambda: np.float16(3),
    "longdouble": lambda: np.longdouble("1e4000"),
    "int8": lambda: np.int8(-3),
    "numpy NaN": lambda: np.float64("nan"),
    "numpy text": lambda: np.str_("x"),
    "NaT": lambda: np.datetime64("NaT"),
    "empty array": lambda: np.array([]),
    "array of shape (0, 3)": lambda: np.empty((0, 3)),
    "array of no axis": lambda: np.array(1.0),
    "array of None": lambda: np.array(None),
    "array of text": lambda: np.array(["a", "b"]),
    "array of dates": lambda: np.array(["2000-01-01"], dtype="M8[D]"),
    "structured array": lambda: np.zeros(2, dtype=[("a", "f8"), ("b", "i4")]),
    "masked array": lambda: np.ma.masked_greater(np.arange(4.0), 2.0),
    "array of objects": lambda: np.array([object(), None], dtype=object),
    "array of ten axes": lambda: np.zeros((1,) * 10),
    "tensor": lambda: torch.ones(3),
    "tensor with a gradient": lambda: torch.ones(3, requires_grad=True),
    "bfloat16 tensor": lambda: torch.ones(3, dtype=torch.bfloat16),
    "meta tensor": lambda: torch.ones(3, device="meta"),
    "complex tensor": lambda: torch.ones(3, dtype=torch.complex64),
    "sparse tensor": lambda: torch.eye(3).to_sparse(),
    "frame": lambda: pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}),
    "series": lambda: pd.Series([1.0, None]),
    "categories": lambda: pd.Series(["a", "b"], dtype="category"),
    "sparse matrix": lambda: scipy.sparse.eye(3),
    "timestamp": lambda: pd.Timestamp("2000-01-01"),
    "NA": lambda: pd.NA,
}

# The same numbers in another form: the answer must be the same.
FORMS = {
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()) if a.ndim else a.item(),
    "tensor": lambda a: torch.tensor(a),
    "tensor with a gradient": lambda a: torch.tensor(a, requires_grad=a.dtype.kind == "f"),
    "longdouble": lambda a: a.astype(np.longdouble) if a.dtype.kind == "f" else a,
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "negative stride": lambda a: np.ascontiguousarray(a[::-1])[::-1] if a.ndim else a,
    "read-only": lambda a: _frozen(a.copy()),
}

_KINDS = {
    "bool": lambda a: a.astype(bool),
    "complex": lambda a: a.astype(complex) * (1 + 1j),
    "text": lambda a: a.astype(str),
    "objects": lambda a: a.astype(object) if a.ndim else np.array([a.item(), None], dtype=object),
    "int8": lambda a: a.astype(np.int8) if np.abs(a).max() < 100 else a,
    "float16": lambda a: np.clip(a, -6e4, 6e4).astype(np.float16),
    "float32": lambda a: np.clip(a, -3e38, 3e38).astype(np.float32),
    "masked": lambda a: np.ma.array(a, mask=a == a.flat[0]),
    "dates": lambda a: np.zeros(a.shape, dtype="M8[s]"),
    "sparse matrix": lambda a: scipy.sparse.csr_matrix(a) if a.ndim == 2 else a.astype(bool),
    "frame": lambda a: pd.DataFrame(a) if a.ndim == 2 else pd.Series(a.ravel()),
    "bfloat16 tensor": lambda a: torch.tensor(a).to(torch.bfloat16),
    "meta tensor": lambda a: torch.tensor(a).to("meta"),
}
_SHAPES = {
    "transposed": lambda a: a.T,
    "one axis more in front": lambda a: a[np.newaxis],
    "one axis more at the end": lambda a: a[..., np.newaxis],
    "flat": lambda a: a.ravel(),
    "first row": lambda a: a[0] if a.ndim else a,
    "no rows": lambda a: a[:0] if a.ndim else a.reshape(1)[:0],
    "one row": lambda a: a[:1],
    "one row less": lambda a: a[:-1],
    "one column less": lambda a: a[..., :-1],
    "rows twice": lambda a: np.concatenate([a, a]),
    "reversed": lambda a: a[::-1],
    "zeros": np.zeros_like,
    "equal rows": lambda a: np.broadcast_to(a[:1], a.shape),
    "negative": lambda a: -a,
    "twice, stacked": lambda a: np.stack([a, a]),
}


def _frozen(array):
    array.setflags(write=False)
    return array


def _exponents(reach):
    return st.floats(-reach, reach, allow_nan=False).map(lambda x: float(10.0**x))


def numbers():
    """Real numbers of every size, finite or not."""
    return st.one_of(
        _exponents(307),
        _exponents(3),
        _exponents(307).map(lambda x: -x),
        st.floats(allow_nan=True, allow_infinity=True),
    )


@st.composite
def replacements(draw, value, *, scaled_counts):
    """A value in place of `value`, and whether it is the same in another form.

    Counts are taken beyond three times their valid value only with `scaled_counts`: what they ask
    for is work.
    """
    if draw(st.integers(0, 2)) == 0:
        return ALIEN[draw(st.sampled_from(sorted(ALIEN)))](), False
    if isinstance(value, bool):
        return draw(st.sampled_from([not value, np.bool_(value), 0, 1, "yes", None, [True]])), False
    if isinstance(value, (int, np.integer)):
        near = st.integers(-3, 3 * abs(int(value)) + 3)
        far = _exponents(18).map(round) | numbers()
        return draw(near | far if scaled_counts else near), False
    if isinstance(value, float):
        return draw(numbers() | _exponents(2).map(lambda factor: factor * value)), False
    if isinstance(value, str):
        around = [value.upper(), f" {value}", value[:-1], f"{value}\n", "x" * 5000]
        return draw(st.sampled_from(around) | st.text(max_size=5)), False
    array = _as_array(value)
    if array is not None:
        return draw(_arrays(array))
    return draw(numbers() | st.sampled_from([copy.copy(value), [value], (value, value)])), False


def _as_array(value):
    """Numbers as an array, or None where it is none."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, (list, tuple, np.ndarray)) and len(value):
        array = np.asarray(value)
        return array if array.dtype.kind in "iuf" else None
    return None


@st.composite
def _arrays(draw, array):
    way = draw(st.sampled_from(["form", "kind", "shape", "entry", "entries", "scale", "order"]))
    if way == "form":
        return FORMS[draw(st.sampled_from(sorted(FORMS)))](array), True
    if way == "kind":
        return _KINDS[draw(st.sampled_from(sorted(_KINDS)))](array), False
    if way == "shape":
        return _SHAPES[draw(st.sampled_from(sorted(_SHAPES)))](array), False
    changed = array.astype(float)
    if way == "scale":
        with np.errstate(over="ignore", under="ignore"):
            return changed * draw(_exponents(300)), False
    if way == "order":
        order = np.random.default_rng(draw(st.integers(0, 2**32))).permutation(changed.size)
        return changed.ravel()[order].reshape(changed.shape), False
    for _ in range(1 if way == "entry" else draw(st.integers(2, 5))):
        changed.flat[draw(st.integers(0, changed.size - 1))] = draw(
            st.sampled_from([0.0, 1.0, -1.0, np.nan, np.inf, -np.inf]) | numbers()
        )
    return changed, False
