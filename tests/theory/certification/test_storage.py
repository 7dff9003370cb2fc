"""A certificate as strict JSON, and back."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from tests.theory.certification.by_hand import CERTIFICATE, MEASURED, REGULARISED
from tunebound import synthetic, theory
from tunebound.theory import Certificate


def through_json(certificate):
    return json.loads(json.dumps(certificate.to_dict(), allow_nan=False))


def same(one, other):
    """Whether two values are equal, NaN and types of arrays included."""
    if one is None or isinstance(one, (str, bytes, bool)):
        return one == other
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, np.ndarray):
        kinds = one.dtype.kind == other.dtype.kind
        return kinds and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return np.array_equal(one, other, equal_nan=True)


@pytest.fixture(scope="module")
def real():
    data = synthetic.make_separable("gaussian", n=20, d=3, margin=0.5, radius=4.0, seed=1)
    return theory.certify(data.X[:15], data.y[:15], X_test=data.X[15:], group=2, measured=True)


@pytest.mark.parametrize("name", ["by hand", "regularised", "measured", "real", "images"])
def test_what_is_stored_comes_back(name, real):
    certificate = {
        "by hand": replace(CERTIFICATE, ladder={"limit": 0.5}),
        "regularised": replace(REGULARISED, ladder={}),
        "measured": replace(MEASURED, ladder={}),
        "real": real,
        "images": replace(CERTIFICATE, ladder={}, content=(b"\x89PNG\xff", "text", b"", "")),
    }[name]
    back = Certificate.from_dict(through_json(certificate))
    assert same(certificate, back)
    assert str(back) == str(certificate)


def test_keys_are_the_attributes_and_what_is_not_finite_is_null():
    stored = through_json(REGULARISED)
    assert set(stored) == {f.name for f in fields(Certificate)} | {"format", "version"}
    assert stored["margin"] is None
    assert stored["exact"] == [0.2, None, None, None]
    assert stored["ladder"] == {"limit": 0.5, "free": None}
    assert stored["predictions"] is None
    assert stored["inseparable"]["removal"] == [1, 3]
    assert stored["classes"] == ["cat", "dog"]


def test_numpy_scalars_are_plain():
    stored = replace(CERTIFICATE, classes=(np.int64(3), np.float64(4.5))).to_dict()
    assert [type(label) for label in stored["classes"]] == [int, float]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1, got format 'tunebound certificate', version 2"),
        ({"format": "other"}, "got format 'other'"),
        ({"extra": 1}, "differs in: extra"),
    ],
)
def test_what_is_no_certificate_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Certificate.from_dict({**CERTIFICATE.to_dict(), **change})


def test_a_missing_key_is_named():
    stored = CERTIFICATE.to_dict()
    del stored["margin"]
    with pytest.raises(ValueError, match="differs in: margin"):
        Certificate.from_dict(stored)
