"""Sentences of a certificate: numbers on the safe side, grammar for one and for many."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theory.certification.by_hand import (
    CERTIFICATE,
    MEASURED,
    REGULARISED,
    with_predictions,
)
from tunebound.theory.certification import wording
from tunebound.theory.certification.rounding import counted, number, percent, ratio

FINITE = st.floats(allow_nan=False, allow_infinity=False)
ABOVE_0 = st.floats(min_value=1e-300, max_value=1e300)


def value(text):
    """What a reader reads, exactly."""
    return Fraction(text.replace(",", "").removesuffix(" %"))


@given(FINITE, st.integers(1, 6))
def test_up_is_never_below_and_down_never_above_and_both_are_near(x, digits):
    exact = Fraction(x)
    up, down = value(number(x, "up", digits)), value(number(x, "down", digits))
    assert down <= exact <= up
    assert up - down <= abs(exact) * Fraction(10) ** (1 - digits)


@given(ABOVE_0, ABOVE_0)
def test_ratios_are_divided_before_they_are_rounded(x, y):
    exact = Fraction(x) / Fraction(y)
    assert value(ratio(x, y, "down")) <= exact <= value(ratio(x, y, "up"))


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_shares_of_counts_are_on_the_safe_side(count, total):
    count = min(count, total)
    exact = Fraction(100 * count, total)
    assert value(percent(count, total, "down")) <= exact <= value(percent(count, total, "up"))
    assert value(percent(count, total, "up")) <= 100
    assert (value(percent(count, total, "up")) == 0) == (count == 0)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.1, "0.101"),  # the float is above a tenth
        (0.25, "0.25"),
        (0.0, "0"),
        (123456.0, "124,000"),
        (1e-7, "1e-7"),
        (1e30, "1.01e+30"),
        (2.0**-20, "9.54e-7"),
    ],
)
def test_numbers_are_short(x, text):
    assert number(x, "up") == text


def test_one_and_many():
    assert counted(1, "sample") == "1 sample"
    assert counted(0, "sample") == "0 samples"
    assert counted(1234, "class", "classes") == "1,234 classes"


def test_the_answer_comes_first_and_every_number_is_on_the_safe_side():
    lines = str(CERTIFICATE).splitlines()
    assert len(lines) <= 15
    assert lines[0] == (
        "No single training sample can change more than 29 % of your 7 test predictions;"
        " 5 of 7 cannot be changed by any."
    )
    assert "by at most 0.101 on average" in lines[1]
    assert "margin γ = 0.123, radius B = 2.01, B/γ = 16.3; 2 support vectors of 4 samples" in str(
        CERTIFICATE
    )
    assert "a duality gap of 1.3e-9; 1 left-out head of 4 computed" in str(CERTIFICATE)
    assert "0 (computed 0.201, changes 1 of 7); 1 (bound 0.101, can change 1 of 7)" in str(
        CERTIFICATE
    )
    assert "Note: rows 2 and 3 are equal." in lines


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        (
            dict(fixed=np.ones(7, dtype=bool), flippers=np.zeros(7, int), reach=np.zeros(4, int)),
            "No single training sample can change any of your 7 test predictions.",
        ),
        (
            dict(fixed=np.zeros(7, dtype=bool), reach=np.array([7, 1, 0, 0])),
            "No single training sample can change more than 100 % of your 7 test predictions; but"
            " for each of them a change by some sample is not excluded.",
        ),
        (
            dict(fixed=np.array([True]), flippers=np.array([0]), reach=np.zeros(4, int)),
            "No single training sample can change your test prediction.",
        ),
        (
            dict(fixed=np.array([False]), flippers=np.array([1]), reach=np.array([1, 0, 0, 0])),
            "At most 1 training sample can, left out alone, change your test prediction.",
        ),
        (
            dict(fixed=np.array([False]), flippers=np.array([2]), reach=np.array([1, 1, 0, 0])),
            "At most 2 training samples can, left out alone, change your test prediction.",
        ),
    ],
)
def test_the_first_sentence_in_every_case(changes, first):
    assert wording.answer(with_predictions(**changes))[0] == first


def test_changes_are_called_computed_only_where_all_of_them_were():
    assert not any("Computed" in line for line in wording.answer(CERTIFICATE))
    complete = with_predictions(flips=np.array([2, 1, 0, 0]))
    assert "Computed: leaving out the sample that matters most changes 2 of 7." in wording.answer(
        complete
    )
    none = with_predictions(flips=np.zeros(4, dtype=int))
    assert "Computed: leaving out one sample changes none of them." in wording.answer(none)


@pytest.mark.parametrize(("proved", "said"), [(1, "1 of 7 is proved"), (3, "3 of 7 are proved")])
def test_groups(proved, said):
    mask = np.arange(7) < proved
    certificate = replace(with_predictions(group=3, fixed_by_group=mask), group=3)
    answer = " ".join(wording.answer(certificate))
    assert f"{said} not to change whichever 3 samples are left out together" in answer
    assert "Leaving out any 3 samples together changes it by at most 0.401." in answer


def test_data_that_are_not_separable_say_what_was_removed_and_which_head_is_meant():
    text = str(REGULARISED)
    assert "Without 2 samples (rows 1, 3) the rest is separable; at least 1 sample has to" in text
    assert "The penalty has weight 0.1 (chosen by the leave-one-out error)." in text
    assert "the head gets at most 25 % of them wrong, of which 1 sample is left open" in text
    assert "nan" not in text.lower().replace("instance", "")
    assert "γ =" not in text
    smallest = replace(REGULARISED.inseparable, removal=np.array([3]), undecided=2, chosen=False)
    text = str(replace(REGULARISED, inseparable=smallest))
    assert "Without 1 sample (row 3) the rest is separable; no smaller set does." in text
    assert "(as given)" in text
    assert "2 samples are left open" in text
    unproved = replace(REGULARISED.inseparable, at_least=0)
    text = str(replace(REGULARISED, inseparable=unproved))
    assert "(rows 1, 3) the rest is separable; how few would do is not known." in text


def test_trained_heads_are_called_measured():
    assert (
        "Measured, not certified: heads trained without each sample for 1e+30 steps differ by 0.05"
        " on average." in wording.answer(MEASURED)
    )


def test_no_mover_and_one_mover():
    nobody = replace(CERTIFICATE, pivotal=np.array([], dtype=int))
    assert "No sample can move the head." in str(nobody)
    one = replace(CERTIFICATE, pivotal=np.array([1]))
    assert "The sample that can move the head the most, counted from 0: 1 (" in str(one)


def test_many_rows_are_cut_and_counted():
    assert wording.rows_named(list(range(7))) == "rows 0, 1, 2, 3, 4 and 2 more"


def test_no_sentence_has_a_plural_of_one():
    for certificate in (CERTIFICATE, REGULARISED, MEASURED):
        assert not re.search(r"\b1 (samples|features|support vectors|heads)\b", str(certificate))


def test_a_penalty_that_was_asked_for_on_separable_data_is_said_to_be():
    nothing = replace(
        REGULARISED.inseparable, removal=np.array([], dtype=int), at_least=0, chosen=False
    )
    text = str(replace(REGULARISED, separable=True, margin=0.5, inseparable=nothing))
    assert "Separable, but the head that was asked for has a penalty." in text
    assert "margin γ = 0.5 of the separator, radius B = 2.01." in text
    assert "Not separable" not in text
    assert "support vector" not in text
    assert "relative error of the weights" in text
