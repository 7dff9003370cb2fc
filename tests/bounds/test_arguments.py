"""What callers may hand over, and what each refusal says."""

import numpy as np
import pytest
from scipy import sparse

from tunebound.bounds import arguments


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
def test_number_refuses_what_is_no_number(value, message):
    with pytest.raises(TypeError, match=message):
        arguments.number("margin", value)


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
def test_number_refuses_what_no_formula_can_use(value, message):
    with pytest.raises(ValueError, match=message):
        arguments.number("margin", value)


@pytest.mark.skipif(
    np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="no wider float here"
)
def test_number_refuses_a_longdouble_beyond_float64():
    with pytest.raises(ValueError, match="rescale"):
        arguments.number("margin", np.longdouble("1e400"))


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int8(3), np.float32(3), np.array(3), 3 * 10**30 // 10**30]
)
def test_number_takes_every_kind_of_real_scalar(value):
    result = arguments.number("n", value)
    assert result.dtype == np.float64
    assert result.shape == ()
    assert result == 3


def test_number_takes_whole_numbers_beyond_64_bits_and_small_types():
    assert arguments.number("steps", 10**30) == 1e30
    assert np.array_equal(arguments.number("steps", [10**30, 5]), [1e30, 5.0])
    assert arguments.number("X", np.ones((2, 3), np.float16)).dtype == np.float64
    array = np.ones(3)
    assert arguments.number("X", array) is array


@pytest.mark.parametrize(
    ("check", "allowed", "refused", "message"),
    [
        (arguments.positive, [1e-300, 2.0], [0.0, -1.0], "x = .*: x must be above 0"),
        (arguments.non_negative, [0.0, 2.0], [-1e-300], "x must be 0 or more"),
        (arguments.fraction, [1e-300, 1.0], [0.0, 1.0000001, -1.0], r"x must lie in \(0, 1\]"),
        (arguments.count, [1, 1e12], [0, -1], "x must be at least 1"),
        (arguments.count, [7], [2.5, 0.1], "x must be a whole number: round it first"),
        (
            lambda name, value: arguments.count(name, value, minimum=3),
            [3],
            [2, 0],
            "x must be at least 3",
        ),
        (
            lambda name, value: arguments.fraction(name, value, zero=True),
            [0.0, 1.0],
            [-0.1],
            r"x must lie in \[0, 1\]",
        ),
        (
            lambda name, value: arguments.fraction(name, value, one=False),
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
    assert arguments.choice("weighting", "1/n", arguments.WEIGHTINGS) == "1/n"
    with pytest.raises(ValueError, match=r"weighting must be one of '1/n', '1/\(n-1\)', got '1/m'"):
        arguments.choice("weighting", "1/m", arguments.WEIGHTINGS)
    with pytest.raises(TypeError, match=r"weighting must be one of .*, got 1 of type int"):
        arguments.choice("weighting", 1, arguments.WEIGHTINGS)


def test_broadcast_names_the_shapes():
    arguments.broadcast(n=np.ones(3), margin=np.ones((2, 1)), radius=np.ones(()))
    with pytest.raises(
        ValueError, match=r"n \(3,\), margin \(2,\); give arrays of one shape, or scalars"
    ):
        arguments.broadcast(n=np.ones(3), margin=np.ones(2))


def test_not_below_allows_rounding_only():
    arguments.not_below("radius", np.array([1.0, 1 - 0.9e-9]), "margin", np.array(1.0), "why")
    with pytest.raises(ValueError, match=r"radius\[1\] = 0.99.* is below margin\[1\] = 1.0: why"):
        arguments.not_below("radius", np.array([1.0, 1 - 1.1e-9]), "margin", np.array(1.0), "why")
    with pytest.raises(ValueError, match=r"radius = 0\.5 is below margin = 1\.0"):
        arguments.not_below("radius", np.array(0.5), "margin", np.array(1.0), "why")


def test_within_allows_rounding_only():
    arguments.within("step", np.array([0.5, 2 + 1.9e-9]), np.array(2.0), "2/beta")
    with pytest.raises(
        ValueError, match=r"step = 2.00000000\d+ exceeds 2/beta = 2.0: take smaller steps"
    ):
        arguments.within("step", np.array([0.5, 2 + 2.1e-9]), np.array(2.0), "2/beta")


def test_margin_and_radius_come_from_one_sample():
    margin, radius = arguments.margin_and_radius([0.5, 1.0], 1.0)
    assert np.array_equal(margin, [0.5, 1.0])
    assert radius == 1.0
    with pytest.raises(
        ValueError, match=r"radius = 0\.4 is below margin = 0\.5: no sample is nearer to the origin"
    ):
        arguments.margin_and_radius(0.5, 0.4)
    with pytest.raises(ValueError, match="margin must be above 0"):
        arguments.margin_and_radius(0.0, 1.0)
    with pytest.raises(ValueError, match="radius must be above 0"):
        arguments.margin_and_radius(1.0, -1.0)


def test_sample_duals_have_a_support_vector_each():
    assert np.array_equal(
        arguments.sample_duals([[0.0, 1.0], [2.0, 0.0]]), [[0.0, 1.0], [2.0, 0.0]]
    )
    with pytest.raises(
        ValueError, match="dual is 0 for every sample: a separator has at least one support vector"
    ):
        arguments.sample_duals([[0.0, 1.0], [0.0, 0.0]])
    with pytest.raises(
        ValueError, match="dual must have the samples on its last axis, got a scalar"
    ):
        arguments.sample_duals(1.0)
    with pytest.raises(ValueError, match=r"dual\[1\] = -1.0: dual must be 0 or more"):
        arguments.sample_duals([1.0, -1.0])


def test_per_data_set_values_meet_the_samples_of_their_own_data_set():
    samples = np.ones((3, 3))
    aligned = arguments.per_data_set("margin", np.array([1.0, 2.0, 3.0]), "dual", samples)
    assert aligned.shape == (3, 1)
    assert arguments.per_data_set("margin", np.ones((3, 3)), "dual", samples).shape == (3, 3)
    assert arguments.per_data_set("margin", np.array(1.0), "dual", samples).shape == ()
    assert arguments.per_data_set("margin", np.ones(3), "dual", np.ones(3)).shape == (3,)
    with pytest.raises(ValueError, match=r"margin \(2, 1\), dual \(3, 3\)"):
        arguments.per_data_set("margin", np.ones(2), "dual", samples)


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
        (EYE, ["a", "b"], TypeError, "y must be made of real numbers"),
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
            r"y must have one axis, got shape \(2, 1\): use y.ravel\(\)",
        ),
        (EYE, [1, -1, 1], ValueError, "y has 3 labels but X has 2 samples: give one label per row"),
        (EYE[:1], [1], ValueError, "X has 1 sample: a margin needs n >= 2"),
        (
            np.ones(2),
            [1, -1],
            ValueError,
            r"X must have two axes \(samples, features\), got shape \(2,\)",
        ),
        (np.ones((2, 2, 2)), [1, -1], ValueError, "X must have two axes"),
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
        arguments.labelled_sample(X, y)


def test_labelled_sample_takes_lists_and_integers():
    X, y = arguments.labelled_sample([[1, 2], [3, 4]], [1, -1])
    assert X.dtype == y.dtype == np.float64
    assert np.array_equal(X, [[1, 2], [3, 4]])
    assert np.array_equal(y, [1, -1])
