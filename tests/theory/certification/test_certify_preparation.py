"""What `certify` refuses before any work, what it notes, and what it does to features."""

import numpy as np
import pandas as pd
import pytest

from tunebound import theory
from tunebound.theory.certification.preparation import prepare

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.array([0, 1] * 6)


def changed(row, column, value):
    other = X.copy()
    other[row, column] = value
    return other


REFUSED = {
    "missing": ({"X": changed(4, 1, np.nan)}, ValueError, r"row 4, column 1"),
    "infinite": ({"X": changed(2, 0, np.inf)}, ValueError, r"infinite values in row 2, column 0"),
    "missing in test": (
        {"X_test": changed(3, 2, np.nan)},
        ValueError,
        r"X_test .* row 3, column 2",
    ),
    "lengths": ({"y": Y[:-1]}, ValueError, r"12 rows and y 11 labels"),
    "one class": ({"y": np.zeros(12, int)}, ValueError, r"only the class 0"),
    "one sample of a class": ({"y": [0, 1] * 5 + [1, 2]}, ValueError, r"class 2, in row 11"),
    "one row": ({"X": X[:1], "y": [0]}, ValueError, r"only the class 0"),
    "width": ({"X_test": X[:, :2]}, ValueError, r"X_test has 2 columns and X 3"),
    "zero row": ({"X": X * (np.arange(12) != 5)[:, None]}, ValueError, r"zero in row 5.*constant"),
    "zero test row": ({"X_test": np.zeros((2, 3))}, ValueError, r"X_test is zero in rows 0, 1"),
    "huge": ({"X": changed(7, 1, 1e200)}, ValueError, r"row 7.*rescale"),
    "tiny": ({"X": 1e-200 * X}, ValueError, r"rescale"),
    "constant": ({"constant": 0.0}, ValueError, r"constant"),
    "centre": ({"centre": "yes"}, TypeError, r"centre"),
    "classes": ({"classes": "one-vs-one"}, ValueError, r"classes"),
    "exact": ({"exact": "some"}, ValueError, r"exact"),
    "negative exact": ({"exact": -1}, ValueError, r"exact"),
    "group": ({"group": 6}, ValueError, r"group = 6 would remove all 6 samples of class 0"),
    "group zero": ({"group": 0}, ValueError, r"group"),
    "lam": ({"lam": -1.0}, ValueError, r"lam"),
    "measured": ({"measured": 1}, TypeError, r"measured"),
    "content": ({"content": ["a"]}, ValueError, r"content has 1 entries, X 12 rows"),
    "text": ({"X": pd.DataFrame({"a": ["x"] * 12})}, TypeError, r"column 'a'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_name(case, monkeypatch):
    def work(*_, **__):
        raise AssertionError("work has started")

    monkeypatch.setattr("tunebound.theory.certification.certify.separable_certificate", work)
    arguments, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        theory.certify(**({"X": X, "y": Y} | arguments))


def test_column_orders_are_compared():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"column 'c' where X has 'a' \(column 0\)"):
        theory.certify(frame, Y, X_test=frame[["c", "b", "a"]])


def test_odd_data_are_noted():
    odd = np.column_stack([X, np.zeros(12), np.full(12, 3.0), 1e9 * X[:, 0]])
    odd[8] = odd[2]
    odd[9] = odd[2]
    notes = " | ".join(prepare(odd, Y).notes)
    assert "column 3 is zero in every row" in notes
    assert "column 4 is constant" in notes
    assert "column 5 has entries up to" in notes
    assert "scale=True" in notes
    assert "rows 2 and 9 are equal and labelled 0 and 1" in notes
    assert "rows 8, 9 repeat an earlier row exactly" in notes
    assert prepare(X, Y).notes == ()


def test_centre_scale_and_constant_are_done_in_this_order_by_training_rows():
    test = np.random.default_rng(1).normal(size=(5, 3))
    shifted = np.column_stack([X + 5.0, np.full(12, 2.0)])
    shifted_test = np.column_stack([test + 5.0, np.full(5, 7.0)])
    prepared = prepare(shifted, Y, X_test=shifted_test, centre=True, scale=True, constant=0.5)
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    for found, given, last in ((prepared.X, X, 0.0), (prepared.X_test, test, 5.0)):
        np.testing.assert_allclose(found[:, :3], (given - mean) / deviation, atol=1e-12)
        assert (found[:, 3] == last).all()
        assert (found[:, 4] == 0.5).all()
    assert [step.split()[-1] for step in prepared.preparation] == ["do"] * 3
    assert "mean" in prepared.preparation[0]
    assert "constant feature" in prepared.preparation[2]


@pytest.mark.parametrize("names", [["no", "yes"], [False, True], [-1, 1], [7, 9]])
def test_labels_keep_their_names(names):
    prepared = prepare(X, np.array(names)[Y])
    assert prepared.classes == tuple(names)
    assert (prepared.y == Y).all()
