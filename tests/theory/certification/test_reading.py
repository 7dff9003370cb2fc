"""Which columns of files become features, labels, test features, and what is shown."""

import re

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import torch

from tests.theory.certification.files import KINDS, TABLES, TENSORS, VECTORS, needs_library, write
from tunebound.theory.certification.content import as_content
from tunebound.theory.certification.reading import read

RNG = np.random.default_rng(1)
X = RNG.normal(size=(8, 3))
X_TEST = RNG.normal(size=(5, 3))
Y = [0, 1, 1, 0, 1, 0, 0, 1]
TEXT = [f"sentence {row}" for row in range(8)]
PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_features_labels_and_test_features(kind, tmp_path):
    needs_library(kind)
    train = write(tmp_path / f"train.{kind}", X, Y)
    test = write(tmp_path / f"test.{kind}", X_TEST, Y[:5])
    found = read(train, test=test)
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.X_test, X_TEST)
    assert found.y.dtype == np.int64
    assert found.y.tolist() == Y
    assert found.content is None


@pytest.mark.parametrize("kind", [*VECTORS, *TABLES])
def test_text_labels_and_what_is_shown_come_along(kind, tmp_path):
    labels = ["no" if label == 0 else "yes" for label in Y]
    found = read(write(tmp_path / f"x.{kind}", X, labels, TEXT), show="text")
    np.testing.assert_array_equal(found.X, X)
    assert found.y.tolist() == labels
    assert found.content == tuple(TEXT)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_may_lie_in_another_file(kind, tmp_path):
    needs_library(kind)
    np.save(tmp_path / "features.npy", X)
    write(tmp_path / f"labels.{kind}", X, Y)
    found = read(tmp_path / "features.npy", labels=str(tmp_path / f"labels.{kind}"))
    np.testing.assert_array_equal(found.X, X)
    assert found.y.tolist() == Y


def test_a_file_of_one_column_holds_the_labels_whatever_its_name(tmp_path):
    np.save(tmp_path / "features.npy", X)
    np.save(tmp_path / "sentiment.npy", np.array(Y))
    (tmp_path / "stars.csv").write_text("stars\n" + "\n".join(map(str, Y)))
    torch.save(torch.tensor(Y), tmp_path / "kept.pt")
    for name in ("sentiment.npy", "stars.csv", "kept.pt"):
        assert read(tmp_path / "features.npy", labels=str(tmp_path / name)).y.tolist() == Y


def test_columns_of_numbers_keep_names_and_the_order_that_was_asked_for(tmp_path):
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(stars=Y, note=TEXT)
    frame.to_parquet(tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet", labels="stars", columns=["c", "a"])
    assert list(found.X.columns) == ["c", "a"]
    np.testing.assert_array_equal(found.X, X[:, [2, 0]])


def test_a_test_file_is_read_by_names_and_not_by_places(tmp_path):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.assign(y=Y).to_csv(tmp_path / "train.csv", index=False)
    other = pd.DataFrame(X_TEST, columns=["a", "b", "c"])[["c", "a", "b"]].assign(more="text")
    other.to_csv(tmp_path / "test.csv", index=False)
    found = read(tmp_path / "train.csv", test=tmp_path / "test.csv")
    np.testing.assert_array_equal(found.X_test, X_TEST)


def test_arrays_of_train_and_test_may_have_different_names(tmp_path):
    np.save(tmp_path / "train.npy", X)
    np.save(tmp_path / "labels.npy", Y)
    np.savez(tmp_path / "test.npz", X_test=X_TEST, y_test=Y[:5])
    labels = str(tmp_path / "labels.npy")
    found = read(tmp_path / "train.npy", labels=labels, test=tmp_path / "test.npz")
    np.testing.assert_array_equal(found.X_test, X_TEST)


def test_vectors_and_numbers_stand_side_by_side(tmp_path):
    columns = {"embedding": X.tolist(), "age": X[:, 0], "tokens": [["a"]] * 8, "y": Y}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    np.testing.assert_array_equal(read(tmp_path / "x.parquet").X, X)
    found = read(tmp_path / "x.parquet", columns=["age", "embedding"])
    np.testing.assert_array_equal(found.X, np.column_stack([X[:, 0], X]))


def test_text_without_a_header_has_numbered_columns(tmp_path):
    np.savetxt(tmp_path / "x.csv", np.column_stack([X, Y]), delimiter=",", fmt="%.17g")
    np.savetxt(tmp_path / "test.csv", X_TEST, delimiter=",", fmt="%.17g")
    found = read(tmp_path / "x.csv", labels="3", test=tmp_path / "test.csv")
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.X_test, X_TEST)
    assert found.y.tolist() == Y


def frame(**columns):
    return pd.DataFrame(X, columns=["a", "b", "c"]).assign(**columns)


def csv(name="x.csv", **columns):
    return lambda folder: frame(**columns).to_csv(folder / name, index=False)


def parquet(name="x.parquet", **columns):
    return lambda folder: pyarrow.parquet.write_table(pyarrow.table(columns), folder / name)


def npz(name="x.npz", **arrays):
    return lambda folder: np.savez(folder / name, **arrays)


def both(first, second):
    def write_both(folder):
        first(folder)
        second(folder)

    return write_both


VECTOR = X.tolist()
AGES = [30.0, 31.0, None, 33.0, 34.0, 35.0, 36.0, 37.0]
REFUSED = [
    (csv(), "x.csv", {}, r"x.csv: of the names that mean labels \(y, .*none.*--labels.*'a', 'b'"),
    (csv(y=Y, target=Y), "x.csv", {}, r"more than one \(y, target\)"),
    (csv(y=Y), "x.csv", {"labels": "stars"}, "'stars' is neither a column nor a file.*'a', 'b'"),
    (csv(y=Y), "x.csv", {"columns": ["a", "q"]}, "there is no column 'q': it has 'a', 'b', 'c'"),
    (csv(y=Y), "x.csv", {"columns": ["a", "y"]}, "column 'y' is named as a feature and as labels"),
    (csv(y=Y), "x.csv", {"columns": ["a", "a"]}, "named twice in --columns"),
    (csv(y=Y), "x.csv", {"show": "q"}, "there is no column 'q'"),
    (csv(y=Y, t=TEXT), "x.csv", {}, "column 't' holds 'sentence 0' in row 0.*--columns"),
    (csv(y=Y, t=[1, 2, "x", 4] * 2), "x.csv", {}, "column 't' holds 'x' in row 2, no number"),
    (csv(y=Y, t=["1,5"] * 8), "x.csv", {}, "column 't' holds '1,5' in row 0"),
    (csv(y=Y, t=["2020-01-01"] * 8), "x.csv", {}, "x.csv, column 't'"),
    (csv(y=Y, t=[None] * 8), "x.csv", {}, "column 't' is empty: choose"),
    (csv(y=Y, age=AGES), "x.csv", {}, r"x.csv has missing values \(NaN\) in row 2, column 'age'"),
    (csv(y=Y, age=[np.inf] * 8), "x.csv", {}, "x.csv has infinite values in rows 0, 1, 2, 3, 4 an"),
    (csv(y=[0, 1, None, 1] * 2), "x.csv", {}, "x.csv, column 'y' has no label in rows 2, 6"),
    (csv(y=["a", "b", "", "a"] * 2), "x.csv", {}, "column 'y' has no label in rows 2, 6"),
    (csv(y=X[:, 0]), "x.csv", {}, "column 'y', row 0 = .* is no whole number"),
    (
        lambda folder: pd.DataFrame({"y": Y}).to_csv(folder / "x.csv", index=False),
        "x.csv",
        {},
        "nothing is left beside the labels",
    ),
    (
        both(csv(y=Y), lambda folder: frame()[["a", "b"]].to_csv(folder / "t.csv", index=False)),
        "x.csv",
        {"test": "t.csv"},
        "t.csv: there is no column 'c'",
    ),
    (
        both(csv(y=Y), csv("t.csv", b=TEXT)),
        "x.csv",
        {"test": "t.csv"},
        "t.csv, column 'b' holds 'sentence 0'",
    ),
    (
        both(csv(y=Y), csv("t.csv", b=AGES)),
        "x.csv",
        {"test": "t.csv"},
        "t.csv has missing values .* row 2, column 'b'",
    ),
    (
        both(npz(X=X, y=Y), npz("t.npz", X=X[:, :2])),
        "x.npz",
        {"test": "t.npz"},
        "t.npz: 2 features a row, .*x.npz has 3",
    ),
    (
        both(csv(), csv("l.csv")),
        "x.csv",
        {"labels": "l.csv"},
        "l.csv: which of 'a', 'b', 'c' are the labels",
    ),
    (
        both(csv(), lambda folder: np.save(folder / "l.npy", Y[:7])),
        "x.csv",
        {"labels": "l.npy"},
        "l.npy: 7 labels for 8 rows of features in .*x.csv",
    ),
    (npz(X=X, y=Y[:5]), "x.npz", {}, "x.npz: 5 labels for 8 rows"),
    (npz(u=X, v=X, y=Y), "x.npz", {}, "which of 'u', 'v' are the features. Choose with --columns"),
    (npz(X=X[None], y=Y), "x.npz", {}, r"column 'X' must have two axes.*\(1, 8, 3\)"),
    (npz(X=X + 1j, y=Y), "x.npz", {}, "column 'X' is complex"),
    (npz(X=X, y=Y, t=TEXT[:3]), "x.npz", {"show": "t"}, "3 entries of 't' for 8 rows"),
    (npz(u=X[:, 0], v=X[:5, 0], y=Y), "x.npz", {}, "columns differ in length"),
    (npz(u=X[:, 0], X=X[:5], y=Y), "x.npz", {"columns": ["u", "X"]}, "columns differ in length"),
    (
        parquet(e=[*VECTOR[:3], [1.0], *VECTOR[4:]], y=Y),
        "x.parquet",
        {},
        "column 'e' is ragged: row 3 has 1 entries, row 0 has 3",
    ),
    (
        parquet(e=[*VECTOR[:3], None, *VECTOR[4:]], y=Y),
        "x.parquet",
        {},
        "column 'e' has no vector in row 3",
    ),
    (
        parquet(e=[*VECTOR[:3], [1.0, None, 2.0], *VECTOR[4:]], y=Y),
        "x.parquet",
        {},
        "column 'e' has missing values .* in row 3, column 1",
    ),
    (parquet(e=VECTOR, f=VECTOR, y=Y), "x.parquet", {}, "which of 'e', 'f' are the features"),
    (
        parquet(e=VECTOR, tokens=[["a"]] * 8, y=Y),
        "x.parquet",
        {"columns": ["tokens"]},
        "column 'tokens' holds .* in row 0, no number",
    ),
    (
        parquet(e=VECTOR, tokens=[["a"]] * 8, y=Y),
        "x.parquet",
        {"show": "tokens"},
        "column 'tokens', row 0 is of type ndarray, which cannot be shown",
    ),
]


@pytest.mark.parametrize(("prepare", "name", "options", "message"), REFUSED)
def test_refusals_name_file_column_row_and_remedy(prepare, name, options, message, tmp_path):
    prepare(tmp_path)
    for option in ("labels", "test"):
        if (tmp_path / options.get(option, "-")).exists():
            options = {**options, option: str(tmp_path / options[option])}
    if "test" in options:
        options["test"] = tmp_path / options["test"]
    with pytest.raises((ValueError, TypeError, OSError)) as refusal:
        read(tmp_path / name, **options)
    assert re.search(message, str(refusal.value)), refusal.value
    assert str(tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_images_are_shown_from_bytes_mappings_and_paths(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(PNG)
    stored = pyarrow.array([{"bytes": PNG, "path": "a.png"}, {"bytes": None, "path": ""}, None])
    for column, expected in (
        ([PNG, PNG], (PNG, PNG)),
        (["images/a.png", None], (PNG, "")),
        ([{"bytes": None, "path": "images/a.png"}], (PNG,)),
        (stored.to_pandas(), (PNG, "", "")),
        ([1, 2.5, np.float64(3)], ("1", "2.5", "3.0")),
        (["read a.png", "and so on"], ("read a.png", "and so on")),
    ):
        assert as_content(column, "x", tmp_path) == expected


def test_images_outside_the_folder_are_not_shown(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(PNG)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    for path in ("../secret.png", str(tmp_path / "secret.png"), "link.png"):
        with pytest.raises(ValueError, match=r"x, row 0 = '.*' leads out of .*beside the file"):
            as_content([path], "x", folder)
    (folder / "here.png").write_bytes(PNG)
    with pytest.raises(FileNotFoundError, match=r"x, row 1 = 'gone.png': no such image"):
        as_content(["here.png", "gone.png"], "x", folder)


def test_tensors_hold_no_text_to_show(tmp_path):
    assert set(TENSORS) == {"pt", "safetensors"}
    path = write(tmp_path / "x.pt", X, Y, TEXT)
    with pytest.raises(ValueError, match=r"x\.pt: there is no column 'text'"):
        read(path, show="text")
