"""SeparableDataset: validation of arrays from outside, and the file format."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunebound._ground.storage import write_arrays
from tunebound.synthetic import SeparableDataset, families, make_separable

ARRAYS = ("X", "y", "separator", "dual", "support")
# By hand: two samples at distance 2 on the first axis; w = (1/2, 0), dual 1/8 each, margin 2.
X = np.array([[2.0, 1.0], [-2.0, 1.0], [3.0, 4.0]])
Y = np.array([1, -1, 1])
SEPARATOR = np.array([1.0, 0.0])
DUAL = np.array([0.125, 0.125, 0.0])


def rewrite(source: Path, target: Path, **changes: Any) -> Path:
    """Copy an .npz with some entries replaced, or dropped where the new value is None."""
    with np.load(source) as archive:
        entries = {key: archive[key] for key in archive.files if key != "digest"} | changes
    return write_arrays(target, {key: value for key, value in entries.items() if value is not None})


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return make_separable("gaussian", n=20, d=5, seed=3, n_support=3, gap=0.25).to_npz(
        tmp_path / "data.npz"
    )


def test_arrays_without_truth() -> None:
    data = SeparableDataset.from_arrays(X, Y)
    assert (data.n, data.d, data.family, data.seed, data.options) == (3, 2, "arrays", None, {})
    assert (data.margin, data.separator, data.dual, data.support) == (None, None, None, None)
    assert data.radius == 5.0
    assert data.name == "arrays-n3-d2-r5"
    assert repr(data) == "<SeparableDataset arrays-n3-d2-r5>"


def test_arrays_with_truth_by_hand() -> None:
    data = SeparableDataset.from_arrays(X.tolist(), Y.astype(float), separator=SEPARATOR, dual=DUAL)
    assert data.margin == 2.0
    np.testing.assert_array_equal(data.support, [0, 1])
    assert data.y.dtype == np.int64
    assert data.name == "arrays-n3-d2-m2-r5"


def test_arrays_are_copied() -> None:
    samples = X.copy()
    data = SeparableDataset.from_arrays(samples, Y)
    samples[0, 0] = 99.0
    assert data.X[0, 0] == 2.0


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_radius_of_extreme_arrays_neither_overflows_nor_vanishes(scale: float) -> None:
    assert SeparableDataset.from_arrays(X * scale, Y).radius == pytest.approx(
        5.0 * scale, rel=1e-14
    )


def test_planted_truth_passes_the_check_for_arrays() -> None:
    for family in families():
        shape = {"n": 8, "d": 9}
        data = make_separable(family, **shape)
        again = SeparableDataset.from_arrays(
            data.X, data.y, separator=data.separator, dual=data.dual
        )
        assert again.margin == pytest.approx(data.margin, rel=1e-12)
        np.testing.assert_array_equal(again.support, data.support)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X[0]}, r"X must have axes \(samples, features\), got shape \(2,\): use X.reshape"),
        ({"X": np.empty((0, 2))}, r"X is empty \(shape \(0, 2\)\): pass at least one number"),
        ({"X": np.empty((3, 0))}, r"X is empty \(shape \(3, 0\)\)"),
        ({"X": [[1.0, 2.0], [3.0]]}, r"X is ragged: rows must have equal lengths"),
        (
            {"X": np.where(X == 4, np.nan, X)},
            r"X\[2, 1\] = nan: X must be finite: remove NaN and infinite values",
        ),
        ({"X": np.where(X == 4, -np.inf, X)}, r"X\[2, 1\] = -inf: X must be finite"),
        (
            {"X": np.where(X == 1, 0, X) * [[0], [1], [1]]},
            r"X has a zero row at index 0.*append a constant feature",
        ),
        ({"y": Y[:2]}, r"y must have shape \(3,\), got \(2,\): give one label a sample of X"),
        (
            {"y": Y[:, None]},
            r"y must have shape \(3,\), got \(3, 1\): .* a single column becomes .* y.ravel",
        ),
        (
            {"y": [0, 1, 1]},
            r"y holds 0 and 1, labels must be -1 or \+1: convert it with 2 \* y - 1",
        ),
        (
            {"y": [1, -1, 2]},
            r"y\[2\] = 2.0: y must be -1 or \+1: several classes are for max_margin_classes",
        ),
        ({"y": [1, -1, np.nan]}, r"y\[2\] = nan: y must be finite"),
        (
            {"y": [1, 1, 1]},
            r"y holds only the class \+1: a margin needs samples of both classes",
        ),
        ({"X": X[:1], "y": Y[:1]}, r"X has 1 sample: a margin needs n >= 2, one of each class"),
        ({"dual": None}, r"separator and dual must be given together: the dual is what proves"),
        ({"separator": None}, r"separator and dual must be given together"),
        ({"separator": [1.0]}, r"separator must have shape \(2,\) to fit X, got \(1,\)"),
        (
            {"separator": [2.0, 0.0]},
            r"separator must have unit length, got 2.0; divide it by its norm",
        ),
        ({"separator": [0.5, 0.0]}, r"separator must have unit length, got 0.5"),
        (
            {"X": X * [[1], [1], [0]] + [[0, 0], [0, 0], [0, 1]]},
            r"does not separate: sample 2 has y x·separator = 0.0",
        ),
        ({"separator": [np.nan, 0.0]}, r"separator must be finite"),
        (
            {"separator": [-1.0, 0.0]},
            r"separator does not separate: sample 2 .*pass the max-margin direction",
        ),
        ({"separator": [0.8, 0.6]}, r"separator and dual violate stationarity"),
        ({"dual": DUAL[:2]}, r"dual must have shape \(3,\) to fit X, got \(2,\)"),
        ({"dual": [0.125, 0.125, -1e-3]}, r"dual\[2\] = -0.001: dual must be 0 or more: drop"),
        ({"dual": 2 * DUAL}, r"violate stationarity.* its sum is 1/margin²"),
        ({"dual": DUAL * (1 + 1e-6)}, r"violate stationarity"),
        ({"dual": 0 * DUAL}, r"violate stationarity"),
    ],
)
def test_bad_values_are_refused(arguments: dict[str, Any], message: str) -> None:
    given = {"X": X, "y": Y, "separator": SEPARATOR, "dual": DUAL} | arguments
    with pytest.raises(ValueError, match=message):
        SeparableDataset.from_arrays(
            given["X"], given["y"], separator=given["separator"], dual=given["dual"]
        )


def test_a_dual_off_the_margin_is_refused() -> None:
    # Stationary, since the samples beyond the margin cancel sideways, but not complementary.
    samples = np.array([[1.0, 0.0], [2.0, 1.0], [2.0, -1.0], [-1.0, 0.0]])
    with pytest.raises(
        ValueError, match=r"complementary slackness by 0.5 .*off the margin must have dual 0"
    ):
        SeparableDataset.from_arrays(
            samples, [1, 1, 1, -1], separator=SEPARATOR, dual=[0.0, 0.25, 0.25, 0.0]
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"X": X.astype(str)},
            r"X must be made of real numbers, got an array of dtype <U.*: pass int or float",
        ),
        (
            {"X": X.astype(complex)},
            r"X must be made of real numbers, got an array of dtype complex128",
        ),
        ({"X": X > 0}, r"X must be made of real numbers, got an array of dtype bool"),
        ({"X": X.astype(object)}, r"X must be made of real numbers, got an array of dtype object"),
        ({"X": None}, r"X must be made of real numbers, got None: pass int or float"),
        ({"y": Y > 0}, r"y is boolean: convert it with np.where\(y, 1, -1\)"),
        (
            {"y": ["a", "b", "a"]},
            r"y holds .a., .b., labels must be -1 or \+1: convert it with np.where",
        ),
    ],
)
def test_wrong_kinds_are_refused(arguments: dict[str, Any], message: str) -> None:
    given = {"X": X, "y": Y} | arguments
    with pytest.raises(TypeError, match=message):
        SeparableDataset.from_arrays(given["X"], given["y"])


def test_half_a_truth_cannot_be_constructed() -> None:
    with pytest.raises(
        ValueError,
        match=r"must be given together or not at all; build a dataset with make_separable",
    ):
        SeparableDataset(X=X, y=Y, radius=5.0, margin=2.0)


@pytest.mark.parametrize("family", sorted(families()))
def test_files_give_back_every_bit(family: str, tmp_path: Path) -> None:
    data = make_separable(family, n=12, d=13, margin=0.3, radius=3.0, seed=2**80)
    path = data.to_npz(tmp_path / "data.npz")
    again = SeparableDataset.from_npz(path)
    for name in ARRAYS:
        before, after = getattr(data, name), getattr(again, name)
        assert before.dtype == after.dtype
        assert before.tobytes() == after.tobytes()
    for name in ("radius", "margin", "family", "seed", "options", "name"):
        assert getattr(data, name) == getattr(again, name)
    assert os.listdir(tmp_path) == ["data.npz"]


def test_files_keep_options_and_lack_of_truth(stored: Path, tmp_path: Path) -> None:
    assert SeparableDataset.from_npz(stored).options == {"n_support": 3, "gap": 0.25}
    bare = SeparableDataset.from_npz(
        SeparableDataset.from_arrays(X, Y).to_npz(tmp_path / "bare.npz")
    )
    assert (bare.margin, bare.separator, bare.seed) == (None, None, None)
    np.testing.assert_array_equal(bare.X, X)


def test_files_hold_no_pickled_objects(stored: Path) -> None:
    with zipfile.ZipFile(stored) as archive:
        for entry in archive.namelist():
            assert b"|O" not in archive.read(entry)[:128]


def test_files_are_readable_for_others_like_any_file(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    assert stored.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored.read_bytes()

    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        make_separable(n=8, d=3).to_npz(stored)
    assert stored.read_bytes() == before
    assert os.listdir(tmp_path) == ["data.npz"]


def test_a_missing_file_or_folder_is_reported_as_such(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SeparableDataset.from_npz(tmp_path / "none.npz")
    with pytest.raises(IsADirectoryError):
        SeparableDataset.from_npz(tmp_path)
    with pytest.raises(FileNotFoundError):
        make_separable(n=8, d=3).to_npz(tmp_path / "none" / "data.npz")


@pytest.mark.parametrize("missing", ["format", "X", "y", "radius", "family", "options"])
def test_a_file_without_an_entry_is_refused(missing: str, stored: Path, tmp_path: Path) -> None:
    path = rewrite(stored, tmp_path / "other.npz", **{missing: None})
    with pytest.raises(
        ValueError, match=rf"other.npz lacks the entries {missing}; it was not written by to_npz"
    ):
        SeparableDataset.from_npz(path)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (
            "margin",
            "the truth lacks margin: margin, separator, dual, support must be given together",
        ),
        ("support", "the truth lacks support: margin, separator, dual, support must be given"),
        ("dual", "separator and dual must be given together"),
        ("separator", "separator and dual must be given together"),
    ],
)
def test_a_file_with_half_a_truth_is_refused(
    missing: str, message: str, stored: Path, tmp_path: Path
) -> None:
    path = rewrite(stored, tmp_path / "other.npz", **{missing: None})
    with pytest.raises(ValueError, match=rf"other.npz contradicts itself: {message}"):
        SeparableDataset.from_npz(path)
    two = rewrite(stored, tmp_path / "two.npz", separator=None, dual=None)
    with pytest.raises(
        ValueError, match=r"two.npz contradicts itself: the truth lacks separator, dual"
    ):
        SeparableDataset.from_npz(two)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"format": "other-2"},
            r"has format 'other-2', expected 'tunebound-separable-1'; write it again",
        ),
        ({"X": np.full((20, 5), np.nan)}, r"contradicts itself: X\[0, 0\] = nan: X must be finite"),
        (
            {"X": np.ones((20, 5), dtype=complex)},
            r"contradicts itself: X must be made of real numbers",
        ),
        ({"y": np.ones(20)}, r"contradicts itself: y holds only the class \+1"),
        (
            {"radius": np.float64(5.0)},
            r"contradicts itself: radius 5.0 is not the largest norm in X",
        ),
        ({"radius": np.ones(2)}, r"contradicts itself"),
        (
            {"margin": np.float64(0.6)},
            r"contradicts itself: margin 0.6 is not the smallest distance",
        ),
        ({"margin": np.float64(np.nan)}, r"contradicts itself: margin nan is not"),
        (
            {"support": np.array([0])},
            r"contradicts itself: support does not list the samples with dual > 0",
        ),
        ({"dual": np.ones(20)}, r"contradicts itself: separator and dual violate stationarity"),
        ({"options": "{"}, r"contradicts itself: .*write the file again with to_npz"),
        ({"options": json.dumps([1])}, r"options must be a mapping, got \[1\]"),
        ({"seed": "three"}, r"contradicts itself: invalid literal for int"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    changes: dict[str, Any], message: str, stored: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        SeparableDataset.from_npz(rewrite(stored, tmp_path / "other.npz", **changes))


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.npz"
    damaged = r"foreign.npz cannot be read \(.*\); it is damaged or was not written by to_npz"
    for content in (b"", b"hello", b"PK\x03\x04 no zip", pickle.dumps({"X": 1})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=damaged):
            SeparableDataset.from_npz(path)
    with path.open("wb") as stream:
        np.save(stream, X)
    with pytest.raises(ValueError, match="it holds a single array"):
        SeparableDataset.from_npz(path)
    with path.open("wb") as stream:
        np.savez(stream, X=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="it is no archive of plain arrays"):
        SeparableDataset.from_npz(path)


def test_damaged_files_are_refused_or_read_unharmed(stored: Path, tmp_path: Path) -> None:
    content = stored.read_bytes()
    original = SeparableDataset.from_npz(stored)
    path = tmp_path / "damaged.npz"
    rng = np.random.default_rng(0)
    messages = []
    cuts = [content[: int(size)] for size in np.linspace(0, len(content) - 1, 40)]
    flips = []
    for position in rng.integers(0, len(content), 200):
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(rng.integers(8))
        flips.append(bytes(flipped))
    for damaged in cuts + flips:
        path.write_bytes(damaged)
        try:
            data = SeparableDataset.from_npz(path)
        except ValueError as error:
            messages.append(str(error))
        else:
            for name in ARRAYS:
                np.testing.assert_array_equal(getattr(data, name), getattr(original, name))
    assert len(messages) > 150
    assert all("damaged.npz" in message for message in messages)
