"""The separator with an unpenalised bias, and what it costs to leave a sample out, on figures whose
angles are known.
"""

import dataclasses
import re

import numpy as np
import pytest

from tunebound import bounds
from tunebound.bounds import free_bias

ROOT2 = 2**0.5

# two on one side, one across, and two that are far: w = (1, 0), b = 0
FIGURE = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.0], [-3.0, 2.0], [4.0, 0.5]])
LABELS = np.array([1, 1, -1, -1, 1])


def chord(angle):
    return 2 * np.sin(angle / 2)


@pytest.mark.parametrize("swap", [1, -1])
@pytest.mark.parametrize("scale", [1.0, 0.02, 30.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -2.0)])
def test_the_figure(swap, scale, shift):
    X, y = scale * (FIGURE + shift), swap * LABELS
    s = bounds.max_margin_with_bias(X, y)
    assert s.margin == pytest.approx(scale, rel=1e-12)
    assert s.weights == pytest.approx([swap / scale, 0], abs=1e-12 / scale)
    assert s.bias == pytest.approx(-swap * shift[0], abs=1e-12)
    # half of 1/margin^2 is that of the sample across, the other half of the two
    assert s.dual * scale**2 == pytest.approx([0.25, 0.25, 0.5, 0, 0], abs=1e-12)
    assert abs(s.gap) < 1e-13
    bound = bounds.deletion_with_bias(X, y, s)
    turned = chord(np.arctan(0.5))  # to (2, -1) or (2, 1)
    assert bound == pytest.approx([turned, turned, ROOT2, 0, 0], abs=1e-7)
    assert bound[3:].tolist() == [0, 0]


@pytest.mark.parametrize("off", [1e-2, 1e-5])
def test_the_gap_is_that_of_the_weights_and_the_dual(off, monkeypatch):
    real = free_bias._separate

    def inexact(X, pairs):
        solution = real(X, pairs)
        return dataclasses.replace(
            solution,
            weights=solution.weights + np.array([0.0, off]),
            dual=solution.dual * (1 + off * np.arange(len(pairs))),
        )

    monkeypatch.setattr(free_bias, "_separate", inexact)
    s = bounds.max_margin_with_bias(FIGURE, LABELS)
    products = FIGURE @ s.weights
    attained = (products[LABELS > 0].min() - products[LABELS < 0].max()) / 2
    attained /= np.linalg.norm(s.weights)
    largest = np.linalg.norm((s.dual * LABELS) @ FIGURE) / s.dual.sum()
    assert attained < largest
    assert s.gap == pytest.approx(1 - (attained / largest) ** 2, rel=1e-6)


def test_one_dimension():
    X, y = np.array([[-1.0], [-3.0], [2.0], [5.0]]), np.array([-1, -1, 1, 1])
    s = bounds.max_margin_with_bias(X, y)
    assert (s.margin, s.bias) == pytest.approx((1.5, -1 / 3))
    assert s.weights == pytest.approx([2 / 3])
    assert s.dual == pytest.approx([2 / 9, 0, 2 / 9, 0])
    # without one of the pair its class has none on the margin, which decides nothing more
    assert bounds.deletion_with_bias(X, y, s) == pytest.approx([ROOT2, 0, ROOT2, 0])


@pytest.mark.parametrize(("beyond", "near"), [(5e-10, True), (2e-9, False)])
def test_what_is_on_the_margin_up_to_rounding_holds_the_direction(beyond, near):
    X = np.vstack([FIGURE, [1 + beyond, -5.0]])
    y = np.append(LABELS, 1)
    s = bounds.BiasedSeparator(
        weights=np.array([1.0, 0.0]),
        bias=0.0,
        margin=1.0,
        dual=np.array([0.25, 0.25, 0.5, 0, 0, 0]),
        gap=0.0,
    )
    bound = bounds.deletion_with_bias(X, y, s)
    assert bound[1] == pytest.approx(0 if near else chord(np.arctan(0.5)), abs=1e-7)
    assert bound[0] == pytest.approx(chord(np.arctan(0.5)))


@pytest.mark.parametrize(
    ("positive", "negative", "sine"),
    [
        ([[1, 1]], [[0, 0]], 0.5**0.5),
        ([[3, 4]], [[0, 0]], 0.8),
        ([[0.03, 0.04]], [[0, 0]], 0.8),
        ([[3, 4], [3, -4]], [[0, 0]], 0),
        ([[4, 4], [5, 12]], [[1, 0]], 0.8),
        ([[0, 2]], [[0, 0]], 1),
        ([[-1, 0]], [[0, 0]], 1),
        ([[1, 0]], [[-1, -1], [-2, 5]], 0),
        ([[1, 0]], [[-1, -1e8], [-1, -0.5]], 0.5 / np.hypot(2, 0.5)),
    ],
)
def test_the_angle_to_a_cone_of_differences(positive, negative, sine):
    found = free_bias._turned(
        np.array(positive, dtype=float), np.array(negative, dtype=float), np.array([1.0, 0.0])
    )
    assert found == pytest.approx(chord(np.arcsin(sine)), abs=1e-12)


def test_a_unit_vector_that_rounding_made_longer_is_at_a_right_angle_at_most():
    rng = np.random.default_rng(0)
    units = [v / np.linalg.norm(v) for v in rng.normal(size=(400, 3))]
    longer = [u for u in units if np.linalg.norm(u) > 1]
    assert len(longer) >= 3
    for u in longer:
        assert free_bias._turned(-u[None], np.zeros((1, 3)), u) == pytest.approx(ROOT2)


def test_no_difference_is_a_right_angle():
    nothing, some = np.empty((0, 2)), np.ones((1, 2))
    for pair in ((nothing, some), (some, nothing)):
        assert free_bias._turned(*pair, np.array([1.0, 0.0])) == ROOT2


def test_the_worst_pair_is_the_nearest_of_one_and_the_farthest_of_the_other():
    found = free_bias._worst_pair(
        FIGURE, np.flatnonzero(LABELS > 0), np.flatnonzero(LABELS < 0), np.array([1.0, 0.1])
    )
    assert found == (1, 2)


def separator(**changed):
    return dataclasses.replace(bounds.max_margin_with_bias(FIGURE, LABELS), **changed)


@pytest.mark.parametrize(
    ("y", "given", "error", "message"),
    [
        (
            np.array([1, 1, -1, 1, 1]),
            separator(),
            ValueError,
            "y has one label -1: without that sample a bias alone separates and no direction is"
            " left; give at least two of each class",
        ),
        (
            np.array([-1, -1, 1, -1, -1]),
            separator(),
            ValueError,
            "y has one label +1: without that sample a bias alone separates and no direction is"
            " left; give at least two of each class",
        ),
        (
            LABELS,
            (1.0, 2.0),
            TypeError,
            "separator must be a BiasedSeparator, got tuple; pass max_margin_with_bias(X, y)",
        ),
        (
            LABELS,
            separator(dual=np.ones(4)),
            ValueError,
            "separator has 4 duals and 2 weights, X has shape (5, 2): pass",
        ),
        (
            LABELS,
            separator(weights=np.ones(3)),
            ValueError,
            "separator has 5 duals and 3 weights, X has shape (5, 2): pass",
        ),
        (
            LABELS,
            separator(bias=1.1e-6),
            ValueError,
            "separator has a smallest product of 0.999999 with X, y, not 1: pass"
            " max_margin_with_bias(X, y) of the same X and y",
        ),
        (
            LABELS,
            separator(weights=np.array([1 + 1.1e-6, 0.0])),
            ValueError,
            "separator has a smallest product of 1 with X, y, not 1: pass",
        ),
    ],
)
def test_refusals(y, given, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        bounds.deletion_with_bias(FIGURE, y, given)


def test_a_sample_without_a_dual_turns_nothing():
    bound = bounds.deletion_with_bias(FIGURE, LABELS, separator(dual=np.array([0, 0.5, 0.5, 0, 0])))
    assert bound == pytest.approx([0, chord(np.arctan(0.5)), ROOT2, 0, 0], abs=1e-7)
    assert bound[0] == 0


def test_a_separator_off_by_less_than_is_allowed_is_taken():
    for given in (separator(bias=9e-7), separator(weights=np.array([1 + 9e-7, 0.0]))):
        assert bounds.deletion_with_bias(FIGURE, LABELS, given).max() <= ROOT2


def test_what_leaves_float64_is_refused():
    with pytest.raises(ValueError, match=r"^X: what is computed of them leaves float64"):
        bounds.max_margin_with_bias([[1e308], [-1e308]], [1, -1])
    with pytest.raises(
        bounds.NotSeparableError, match=r"^X, y: float64 shows no hyperplane between the classes"
    ):
        bounds.max_margin_with_bias([[1.0], [1.0]], [1, -1])
