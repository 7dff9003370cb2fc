"""What callers may hand over, and what each refusal says."""

import re

import numpy as np
import pytest
import torch
from scipy import sparse

from tunebound._ground import checks, sample_checks


def refusal(error, text):
    """Expect an error with exactly this message."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_number_takes_every_integer(value):
    result = checks.whole_number("n", value, low=3, high=3)
    assert type(result) is int
    assert result == 3


def test_whole_number_keeps_what_no_float_holds():
    assert checks.whole_number("seed", 2**63 + 1, low=0) == 2**63 + 1


@pytest.mark.parametrize("value", [True, np.False_, 3.0, np.float64(3), "3", None, [3]])
def test_whole_number_refuses_what_is_no_integer(value):
    with refusal(TypeError, f"n must be an integer, got {value!r}; pass n=3"):
        checks.whole_number("n", value, low=1, remedy="pass n=3")


def test_whole_number_says_its_range():
    with refusal(ValueError, "n must be at least 2, got 1"):
        checks.whole_number("n", 1, low=2)
    with refusal(ValueError, "n must be from 2 to 5, got 6; take fewer"):
        checks.whole_number("n", np.int64(6), low=2, high=5, remedy="take fewer")
    assert checks.whole_number("n", 5, low=2, high=5) == 5


@pytest.mark.parametrize("value", [1, 1e30, 10**30, np.float32(8), np.int64(8)])
def test_step_count_takes_whole_numbers_beyond_integers(value):
    result = checks.step_count("steps", value, high=1e30)
    assert type(result) is float
    assert result == float(value)


@pytest.mark.parametrize("value", [0, 0.5, 2.5, -1, 2e30, np.inf, np.nan])
def test_step_count_refuses_what_is_no_number_of_steps(value):
    rule = "a whole number of steps, at least 1 and at most 1e+30"
    with refusal(ValueError, f"steps must be {rule}, got {value!r}"):
        checks.step_count("steps", value, high=1e30)


@pytest.mark.parametrize("value", [True, "8", None, 1j, [8]])
def test_step_count_refuses_what_is_no_number(value):
    with refusal(TypeError, f"steps must be a number of steps, got {value!r}"):
        checks.step_count("steps", value, high=1e30)


@pytest.mark.parametrize(
    ("limits", "rule", "inside", "outside"),
    [
        ({}, "finite", [-1e308, 0, 1e308], [np.nan, np.inf, -np.inf]),
        ({"low": 0}, "finite and at least 0", [0, 1e-300], [-1e-300, np.nan]),
        ({"above": 0}, "finite and above 0", [1e-300], [0, -1, np.inf]),
        ({"high": 1}, "finite and at most 1", [1, -5], [1.0000001]),
        ({"below": 1}, "finite and below 1", [0.9999999], [1, 2]),
        ({"low": 0, "high": 1}, "finite and in [0, 1]", [0, 1], [-0.1, 1.1]),
        ({"above": 0, "high": 1}, "finite and in (0, 1]", [1e-300, 1], [0, 1.1]),
        ({"low": 0, "below": 1}, "finite and in [0, 1)", [0, 0.9], [-0.1, 1]),
        ({"above": 0, "below": 0.5}, "finite and in (0, 0.5)", [0.25], [0, 0.5]),
    ],
)
def test_real_number_ends_where_it_says(limits, rule, inside, outside):
    for value in inside:
        result = checks.real_number("rate", value, **limits)
        assert type(result) is float
        assert result == value
    for value in outside:
        with refusal(ValueError, f"rate must be {rule}, got {value!r}; take less"):
            checks.real_number("rate", value, **limits, remedy="take less")


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, [1.0], np.ones(1)])
def test_real_number_refuses_what_is_no_number(value):
    with refusal(TypeError, f"rate must be a real number, got {value!r}"):
        checks.real_number("rate", value)


def test_real_number_takes_numbers_of_numpy_and_refuses_those_beyond_float64():
    assert checks.real_number("rate", np.float32(0.5)) == 0.5
    with refusal(ValueError, f"rate must be within float64 (1.8e308), got {10**400!r}"):
        checks.real_number("rate", 10**400)


def test_true_or_false_takes_nothing_else():
    assert checks.true_or_false("bias", np.True_) is True
    assert checks.true_or_false("bias", False) is False
    for value in (0, 1, "yes", None):
        with refusal(TypeError, f"bias must be True or False, got {value!r}; pass bias=True"):
            checks.true_or_false("bias", value, remedy="pass bias=True")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, r"margin must be made of real numbers, got True: pass int or float"),
        (np.True_, "margin must be made of real numbers"),
        ([1.0, True], "margin holds the boolean True: pass int or float"),
        ([[1.0], [np.False_]], "margin holds the boolean"),
        ((1.0, True), "margin holds the boolean True"),
        ([(1.0, True)], "margin holds the boolean True"),
        (
            np.array([True, False]),
            "margin must be made of real numbers, got an array of dtype bool",
        ),
        ("1.0", "margin must be made of real numbers, got '1.0'"),
        (["1.0"], "margin must be made of real numbers, got an array of dtype <U3"),
        (None, "margin must be made of real numbers, got None"),
        (1j, "margin must be made of real numbers"),
        (object(), "margin must be made of real numbers"),
        (np.datetime64("2020-01-01"), "margin must be made of real numbers"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), "margin is a masked array: drop or fill"),
    ],
)
def test_real_array_refuses_what_is_no_number(value, message):
    with pytest.raises(TypeError, match=message):
        checks.real_array("margin", value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "margin = nan: margin must be finite: remove NaN"),
        ([1.0, np.inf], r"margin\[1\] = inf: margin must be finite"),
        ([[0.0, 1.0], [-np.inf, 0.0]], r"margin\[1, 0\] = -inf"),
        ([], r"margin is empty \(shape \(0,\)\): pass at least one number"),
        ([[1.0], [1.0, 2.0]], "margin is ragged: rows must have equal lengths"),
        (10**400, "margin holds a whole number beyond float64"),
        ([1, 10**400], "margin holds a whole number beyond float64"),
    ],
)
def test_real_array_refuses_what_no_formula_can_use(value, message):
    with pytest.raises(ValueError, match=message):
        checks.real_array("margin", value)


@pytest.mark.skipif(
    np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="no wider float here"
)
def test_real_array_refuses_a_longdouble_beyond_float64():
    with pytest.raises(ValueError, match="rescale"):
        checks.real_array("margin", np.longdouble("1e400"))


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int8(3), np.float32(3), np.array(3), 3 * 10**30 // 10**30]
)
def test_real_array_takes_every_kind_of_real_scalar(value):
    result = checks.real_array("n", value)
    assert result.dtype == np.float64
    assert result.shape == ()
    assert result == 3


def test_real_array_takes_whole_numbers_beyond_64_bits_and_small_types():
    assert checks.real_array("steps", 10**30) == 1e30
    assert np.array_equal(checks.real_array("steps", [10**30, 5]), [1e30, 5.0])
    assert checks.real_array("X", np.ones((2, 3), np.float16)).dtype == np.float64
    array = np.ones(3)
    assert checks.real_array("X", array) is array


@pytest.mark.parametrize(
    ("check", "allowed", "refused", "message"),
    [
        (checks.positive_array, [1e-300, 2.0], [0.0, -1.0], "x = .*: x must be above 0"),
        (checks.non_negative_array, [0.0, 2.0], [-1e-300], "x must be 0 or more"),
        (checks.fraction_array, [1e-300, 1.0], [0.0, 1.0000001, -1.0], r"x must lie in \(0, 1\]"),
        (checks.whole_array, [1, 1e12], [0, -1], "x must be at least 1"),
        (checks.whole_array, [7], [2.5, 0.1], "x must be a whole number: round it first"),
        (
            lambda name, value: checks.whole_array(name, value, low=3),
            [3],
            [2, 0],
            "x must be at least 3",
        ),
        (
            lambda name, value: checks.fraction_array(name, value, zero=True),
            [0.0, 1.0],
            [-0.1],
            r"x must lie in \[0, 1\]",
        ),
        (
            lambda name, value: checks.fraction_array(name, value, one=False),
            [0.5],
            [0.0, 1.0],
            r"x must lie in \(0, 1\)",
        ),
    ],
)
def test_ranges_end_where_they_say(check, allowed, refused, message):
    for value in allowed:
        assert check("x", value) == value
    for value in refused:
        with pytest.raises(ValueError, match=message):
            check("x", value)
        with pytest.raises(ValueError, match=r"x\[1\] = "):
            check("x", [allowed[0], value])


def test_choice_names_the_options():
    assert checks.choice("weighting", "1/n", checks.WEIGHTINGS) == "1/n"
    with pytest.raises(ValueError, match=r"weighting must be one of '1/n', '1/\(n-1\)', got '1/m'"):
        checks.choice("weighting", "1/m", checks.WEIGHTINGS)
    with pytest.raises(TypeError, match=r"weighting must be one of .*, got 1 of type int"):
        checks.choice("weighting", 1, checks.WEIGHTINGS)


def test_broadcast_names_the_shapes():
    checks.broadcast(n=np.ones(3), margin=np.ones((2, 1)), radius=np.ones(()))
    with pytest.raises(
        ValueError, match=r"n \(3,\), margin \(2,\); give arrays of one shape, or scalars"
    ):
        checks.broadcast(n=np.ones(3), margin=np.ones(2))


EYE = np.eye(2)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (
            EYE,
            [0, 1],
            ValueError,
            r"y holds 0 and 1, labels must be -1 or \+1: convert it with 2 \* y - 1",
        ),
        (
            EYE,
            np.array([True, False]),
            TypeError,
            r"y is boolean: convert it with np.where\(y, 1, -1\)",
        ),
        (EYE, [True, False], TypeError, "y holds the boolean"),
        (
            EYE,
            ["b", "a"],
            TypeError,
            r"y holds 'a', 'b', labels .*: convert it with np.where\(np.asarray\(y\) == 'a', -1, 1",
        ),
        (
            np.eye(4),
            np.array(list("dcba"), dtype=object),
            TypeError,
            "y holds 'a', 'b', 'c', labels must be .*: several classes are for max_margin_classes",
        ),
        (np.eye(3), [0, 1, 2], ValueError, r"y\[0\] = 0.0: .* several classes are for max_margin"),
        (EYE, [1, 2], ValueError, r"y\[1\] = 2.0: y must be -1 or \+1: map the two classes"),
        (EYE, [1, np.nan], ValueError, "y must be finite"),
        (
            EYE,
            [1, 1],
            ValueError,
            r"y holds only the class \+1: a margin needs samples of both classes",
        ),
        (EYE, [-1, -1], ValueError, "y holds only the class -1"),
        (
            EYE,
            [[1], [-1]],
            ValueError,
            r"y must have shape \(2,\), got \(2, 1\): .* column becomes that by y.ravel\(\)",
        ),
        (
            EYE,
            [1, -1, 1],
            ValueError,
            r"y must have shape \(2,\), got \(3,\): give one label a sample of X",
        ),
        (EYE[:1], [1], ValueError, "X has 1 sample: a margin needs n >= 2"),
        (
            np.ones(2),
            [1, -1],
            ValueError,
            r"X must have axes \(samples, features\), got shape \(2,\): use X.reshape\(n, d\)",
        ),
        (
            np.ones((2, 2, 2)),
            [1, -1],
            ValueError,
            r"X must have axes \(samples, features\), got shape \(2, 2, 2\)",
        ),
        (np.ones((2, 0)), [1, -1], ValueError, r"X is empty \(shape \(2, 0\)\)"),
        (
            np.array([[1.0, np.nan], [1.0, 1.0]]),
            [1, -1],
            ValueError,
            r"X\[0, 1\] = nan: X must be finite",
        ),
        (sparse.csr_array(EYE), [1, -1], TypeError, r"X is sparse: convert it with X.toarray\(\)"),
        (np.array([["a", "b"], ["c", "d"]]), [1, -1], TypeError, "X must be made of real numbers"),
        (EYE > 0, [1, -1], TypeError, "X must be made of real numbers, got an array of dtype bool"),
    ],
)
def test_labelled_sample_says_what_is_wrong_and_what_to_do(X, y, error, message):
    with pytest.raises(error, match=message):
        sample_checks.labelled_sample(X, y)


@pytest.mark.parametrize(
    "words", [list("bac"), np.array(list("bac")), np.array(list("bac"), dtype=object)]
)
def test_words_as_labels_of_several_classes_are_refused_with_what_numbers_them(words):
    with pytest.raises(TypeError, match="y holds 'a', 'b', 'c', labels must be 0, 1, …: ") as told:
        sample_checks.labelled_classes(np.eye(3), words, classes=None, members=1)
    remedy = str(told.value).partition("convert it with ")[2]
    numbered = eval(remedy, {"np": np, "y": words})
    _, labels, classes = sample_checks.labelled_classes(
        np.eye(3), numbered, classes=None, members=1
    )
    assert labels.tolist() == [1, 0, 2]
    assert classes == 3


def test_labelled_sample_takes_lists_and_integers():
    X, y = sample_checks.labelled_sample([[1, 2], [3, 4]], [1, -1])
    assert X.dtype == y.dtype == np.float64
    assert np.array_equal(X, [[1, 2], [3, 4]])
    assert np.array_equal(y, [1, -1])


def test_labelled_sample_copies_no_float64_array():
    X, y = np.eye(2), np.array([1.0, -1.0])
    points, labels = sample_checks.labelled_sample(X, y)
    assert points is X
    assert labels is y


def test_features_take_a_batch_where_it_is_asked_for():
    batch = np.ones((4, 3, 2))
    assert sample_checks.features(batch, batch=True) is batch
    assert sample_checks.features(batch[0], batch=True).shape == (3, 2)
    for X in (np.ones(3), np.ones((2, 2, 2, 2))):
        with refusal(
            ValueError,
            f"X must have axes (n, d) or (D, n, d), got shape {X.shape}: use X.reshape(n, d)",
        ):
            sample_checks.features(X, batch=True)


def test_signs_of_a_batch_may_all_be_one_class():
    labels = sample_checks.signs([[1, -1, 1], [1, 1, 1]], (2, 3))
    assert labels.dtype == np.float64
    assert np.array_equal(labels, [[1, -1, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match=r"y must have shape \(2, 3\), got \(3,\)"):
        sample_checks.signs([1, -1, 1], (2, 3))
    with pytest.raises(ValueError, match=r"y\[1, 0\] = 0.5: y must be -1 or \+1"):
        sample_checks.signs([[1, -1], [0.5, 1]], (2, 2))


def test_a_place_is_written_behind_a_name():
    assert checks.first(np.array([[False, False], [True, True]])) == (1, 0)
    assert checks.place((1, 0)) == "[1, 0]"
    assert checks.place(()) == ""


@pytest.mark.parametrize("count", [10**15 + 1, 2**64 - 1, 10**400])
def test_counts_that_no_run_reaches_are_refused_and_seeds_are_not(count):
    with pytest.raises(ValueError, match=r"steps must be at most 1e\+15, got"):
        checks.whole_number("steps", count, low=1)
    assert checks.whole_number("steps", 10**15, low=1) == 10**15
    assert checks.whole_number("seed", count, low=0) == count
    assert checks.whole_number("places", count, low=1, high=10**500) == count


def test_tensors_with_a_gradient_are_taken_and_those_without_values_refused():
    values = torch.tensor([[1.0, 2.0]], requires_grad=True)
    found = checks.real_array("X", values)
    assert found.dtype == np.float64
    assert found.tolist() == [[1.0, 2.0]]
    for tensor in (values.bfloat16(), values.to("meta"), [values[0, 0], values[0, 1]]):
        with pytest.raises(TypeError, match=r"^X does not become a NumPy array "):
            checks.real_array("X", tensor)


def test_infinite_numbers_are_taken_where_they_are_asked_for():
    assert checks.real_array("x", [1, np.inf, -np.inf], infinite=True).tolist() == [
        1,
        np.inf,
        -np.inf,
    ]
    with pytest.raises(ValueError, match=r"x\[1\] = nan"):
        checks.real_array("x", [1.0, np.nan], infinite=True)


def test_an_object_of_another_class_is_refused():
    checks.instance("separator", 3, int, remedy="pass 3")
    with pytest.raises(TypeError, match="separator must be a int, got str; pass 3"):
        checks.instance("separator", "3", int, remedy="pass 3")
