"""Separators of several classes and their bounds: a cone program, vectors in R^{Kd}, two classes,
and refusals.
"""

import numpy as np
import pytest

from tests.oracles.class_program import largest_margin
from tests.oracles.class_samples import separable_classes
from tests.oracles.samples import flat, separable
from tunebound import bounds
from tunebound.bounds import head, multi_class

VALID = {
    "deletion": {
        "margin": 0.5,
        "dual": [[0.0, 1.0, 0.5], [0.75, 0.0, 0.25], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]],
        "norms": [1.0, 2.0, 0.75, 4.0],
    },
    "limit": {"n": 9, "margin": 0.5, "radius": 2.0},
    "anytime": {"n": 9, "margin": 0.5, "radius": 2.0, "weighting": "1/(n-1)"},
    "anytime_plain": {"n": 9, "margin": 0.5, "radius": 2.0, "progress": 0.75},
}


def sample(seed, n=14, d=4, classes=3):
    return separable_classes(np.random.default_rng(seed), n, d, classes)


def rows_of(X, y, classes):
    """z_ik = (e_y − e_k) x_iᵀ as matrices, with their sample and rival."""
    for i, (x, label) in enumerate(zip(X, y, strict=True)):
        for rival in range(classes):
            if rival != label:
                unit = np.eye(classes)
                yield i, rival, np.outer(unit[label] - unit[rival], x)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("n", "d", "classes"), [(12, 3, 3), (10, 12, 4), (16, 5, 2)])
def test_the_separator_is_that_of_a_cone_program_and_its_dual_proves_it(n, d, classes, seed):
    X, y = sample(seed, n, d, classes)
    separator = bounds.max_margin_classes(X, y)
    margin, U = largest_margin(X, y)
    assert separator.margin == pytest.approx(margin, rel=1e-7)
    assert np.linalg.norm(separator.direction - U) < 1e-4
    assert separator.gap < 1e-12
    assert separator.dual.shape == (n, classes)
    combination = np.zeros((classes, d))
    for i, rival, z in rows_of(X, y, classes):
        lead = float((z * separator.weights).sum())
        assert lead >= 1 - 1e-12
        assert separator.dual[i, rival] * (lead - 1) <= 1e-9 * separator.dual.max()
        combination += separator.dual[i, rival] * z
    np.testing.assert_allclose(
        combination, separator.weights, rtol=0, atol=1e-12 / separator.margin
    )
    assert separator.dual.min() >= 0
    assert (separator.dual[np.arange(n), y] == 0).all()
    assert separator.dual.sum() * separator.margin**2 == pytest.approx(1, rel=1e-12)
    assert np.array_equal(separator.support, np.flatnonzero(separator.dual.sum(axis=1)))
    assert np.abs(separator.weights.sum(axis=0)).max() < 1e-12 / separator.margin


@pytest.mark.parametrize("seed", range(4))
def test_left_out_separators_are_those_of_the_data_without_the_sample(seed):
    X, y = sample(seed, n=12)
    separator = bounds.max_margin_classes(X, y)
    left_out = bounds.leave_one_out_classes(X, y, separator)
    for i in range(len(X)):
        kept = np.arange(len(X)) != i
        margin, U = largest_margin(X[kept], y[kept])
        assert left_out.margins[i] == pytest.approx(margin, rel=1e-7)
        direction = left_out.weights[i] / np.linalg.norm(left_out.weights[i])
        assert np.linalg.norm(direction - U) < 1e-4
    assert left_out.gaps.max() < 1e-12
    assert (left_out.margins >= separator.margin).all()
    again = bounds.leave_one_out_classes(X, y)
    assert np.array_equal(again.weights, left_out.weights)


def test_some_left_out_samples_are_the_rows_of_all():
    X, y = sample(3, n=16)
    separator = bounds.max_margin_classes(X, y)
    every = bounds.leave_one_out_classes(X, y, separator)
    chosen = np.append(separator.support[::-1], 0)
    some = bounds.leave_one_out_classes(X, y, separator, samples=chosen)
    np.testing.assert_allclose(some.weights, every.weights[chosen], rtol=0, atol=1e-12)
    np.testing.assert_allclose(some.margins, every.margins[chosen], rtol=1e-13)


@pytest.mark.parametrize("decade", [3, 6, 9, 11])
def test_the_own_separator_is_taken_however_small_the_margin(decade):
    X, y = flat(np.random.default_rng(decade), 12, 4, 10.0**-decade)
    labels = (y + 1) // 2
    separator = bounds.max_margin_classes(X, labels)
    assert bounds.leave_one_out_classes(X, labels, separator).gaps.max() <= 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_two_classes_are_the_separator_of_two_classes(seed):
    X, signs = separable(np.random.default_rng(seed), 20, 4)
    labels = (signs + 1) // 2
    two, several = bounds.max_margin(X, signs), bounds.max_margin_classes(X, labels)
    assert several.margin == pytest.approx(np.sqrt(2) * two.margin, rel=1e-14)
    np.testing.assert_allclose(several.weights[1] - several.weights[0], two.weights, rtol=1e-12)
    np.testing.assert_allclose(several.dual.sum(axis=1) * 2, two.dual, rtol=1e-12)
    norms = np.linalg.norm(X, axis=1)
    np.testing.assert_allclose(
        multi_class.deletion(margin=several.margin, dual=several.dual, norms=norms),
        head.deletion(margin=two.margin, dual=two.dual, norms=norms),
        rtol=0,
        atol=1e-14,
    )
    data = {"n": 20, "radius": norms.max()}
    for rung in ("limit", "anytime", "anytime_plain"):
        assert getattr(multi_class, rung)(margin=several.margin, **data) == pytest.approx(
            getattr(head, rung)(margin=two.margin, **data), rel=1e-13
        )
    left_out = bounds.leave_one_out_classes(X, labels, several)
    others = bounds.leave_one_out_separators(X, signs, two)
    np.testing.assert_allclose(
        left_out.weights[:, 1] - left_out.weights[:, 0], others.weights, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("seed", range(6))
def test_deletion_is_the_angle_of_the_vectors(seed):
    """r_i = W_S − Σ_k α_ik z_ik formed in R^{Kd}; the cone's angle by every row of the others."""
    X, y = sample(seed, n=12, d=5, classes=4)
    separator = bounds.max_margin_classes(X, y)
    rows = list(rows_of(X, y, 4))
    direction = separator.direction
    bound = multi_class.deletion(
        margin=separator.margin, dual=separator.dual, norms=np.linalg.norm(X, axis=1)
    )
    for i in range(len(X)):
        rest = separator.weights - sum(
            separator.dual[j, rival] * z for j, rival, z in rows if j == i
        )
        along = float((rest * direction).sum())
        angle = np.arctan2(np.linalg.norm(rest - along * direction), along)
        widest = max(np.arccos(separator.margin / np.linalg.norm(z)) for j, _, z in rows if j != i)
        assert bound[i] == pytest.approx(2 * np.sin(min(angle, widest) / 2), abs=1e-12)


def test_bounds_of_many_data_sets_at_once():
    one, two = VALID["deletion"], {**VALID["deletion"], "norms": [2.0, 2.0, 1.0, 1.0]}
    both = multi_class.deletion(
        margin=[one["margin"]] * 2,
        dual=[one["dual"]] * 2,
        norms=[one["norms"], two["norms"]],
    )
    assert both.shape == (2, 4)
    assert np.array_equal(both[0], multi_class.deletion(**one))
    assert np.array_equal(both[1], multi_class.deletion(**two))


X3, Y3 = np.eye(3)[[0, 1, 2, 0, 1, 2]] * 2.0, np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (X3, np.zeros(6), ValueError, "y holds only the class 0"),
        (X3, Y3 - 1, ValueError, r"y\[0\] = -1.0: y must be a whole number from 0 to 1"),
        (X3, Y3 + 0.5, ValueError, r"y\[0\] = 0.5: y must be a whole number"),
        (X3, 2 * Y3, ValueError, r"y has 0 sample\(s\) of class 1 of 5 and needs 1"),
        (X3, Y3[:5], ValueError, r"y must have shape \(6,\), got \(5,\)"),
        (X3, Y3 > 0, TypeError, "y is boolean: convert it with y.astype"),
        (
            X3,
            list("aabbcc"),
            TypeError,
            "y holds 'a', 'b', 'c', labels must be 0, 1, …: convert it",
        ),
        (np.ones((6, 3)), Y3, bounds.NotSeparableError, "no head without a bias"),
        (np.vstack([X3[:5], np.zeros(3)]), Y3, bounds.NotSeparableError, "no head without a bias"),
    ],
)
def test_malformed_samples_are_refused(X, y, error, message):
    with pytest.raises(error, match=message):
        bounds.max_margin_classes(X, y)


def test_a_separator_of_other_data_is_refused():
    separator = bounds.max_margin_classes(X3, Y3)
    with pytest.raises(ValueError, match=r"smallest margin of 2 on X, y instead of 1"):
        bounds.leave_one_out_classes(2 * X3, Y3, separator)
    with pytest.raises(ValueError, match=r"separator has weights \(3, 3\) for 6 samples"):
        bounds.leave_one_out_classes(np.hstack([X3, X3]), Y3, separator)
    with pytest.raises(ValueError, match=r"y has 1 sample\(s\) of class 2 of 3 and needs 2"):
        bounds.leave_one_out_classes(X3[:5], Y3[:5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin": 0.6}, r"dual has sum 5\.76/margin\^2|dual has sum 1\.44/margin\^2"),
        ({"dual": [1.0, 3.0]}, r"dual must have axes \(\.\.\., samples, classes\)"),
        (
            {"norms": [1.0, 2.0, 0.3, 4.0]},
            r"sqrt\(2\) norms\[2\] = .* is below margin.*: no sample is",
        ),
        ({"norms": [1.0, 2.0]}, "shapes do not broadcast"),
    ],
)
def test_margin_dual_and_norms_belong_together(change, message):
    with pytest.raises(ValueError, match=message):
        multi_class.deletion(**{**VALID["deletion"], **change})


def test_a_radius_below_the_margin_is_refused():
    with pytest.raises(ValueError, match=r"radius = .* is below margin"):
        multi_class.limit(n=5, margin=1.5, radius=1.0)
    assert multi_class.limit(n=5, margin=1.4, radius=1.0) > 0


def test_each_data_set_and_each_scale_of_norms_meets_its_own_dual():
    valid = VALID["deletion"]
    alone = multi_class.deletion(**valid)
    norms = np.array([valid["norms"], 2 * np.array(valid["norms"])])
    two_norms = multi_class.deletion(**{**valid, "norms": norms})
    assert np.array_equal(two_norms[0], alone)
    assert np.array_equal(two_norms[1], multi_class.deletion(**{**valid, "norms": norms[1]}))
    duals = np.array([valid["dual"], np.roll(valid["dual"], 1, axis=-1)[[1, 2, 0, 3]]])
    two_duals = multi_class.deletion(**{**valid, "dual": duals, "margin": [0.5, 0.5]})
    assert np.array_equal(two_duals[0], alone)
    assert np.array_equal(two_duals[1], multi_class.deletion(**{**valid, "dual": duals[1]}))
    for change, shapes in (
        ({"margin": [0.5] * 2, "dual": [valid["dual"]] * 3}, (r"\(2, 1\)", r"\(3, 4\)")),
        ({"margin": [0.5] * 2, "norms": [valid["norms"]] * 3}, (r"\(2, 1\)", r"norms \(3, 4\)")),
        ({"dual": [valid["dual"]] * 2, "norms": [valid["norms"]] * 3}, (r"\(2, 4\)", "norms")),
    ):
        pattern = f"shapes do not broadcast: .*{shapes[0]}.*{shapes[1]}"
        with pytest.raises(ValueError, match=pattern):
            multi_class.deletion(**{**valid, **change})


@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 1), (1, 1), (3, 1, 4), (3, 4, 1)])
def test_a_dual_has_two_samples_and_two_classes_at_least(shape):
    with pytest.raises(ValueError, match=r"dual must have axes \(\.\.\., samples, classes\)"):
        multi_class.deletion(margin=0.5, dual=np.ones(shape), norms=1.0)


def test_the_smallest_dual_is_that_of_two_samples_of_two_classes():
    # x_1 = (1, 0), x_2 = (0, 1): rows (e_y − e_k) xᵀ have inner product −0, so they are orthogonal
    margin = 1.0  # that of two orthogonal rows of length √2
    dual = np.array([[0.0, 0.5], [0.5, 0.0]])
    found = multi_class.deletion(margin=margin, dual=dual, norms=[1.0, 1.0])
    # without one of them the separator is along the other, at 45 degrees
    assert found == pytest.approx(2 * np.sin(np.pi / 8), rel=1e-15)
    # norms that are all alike
    assert np.array_equal(multi_class.deletion(margin=margin, dual=dual, norms=1.0), found)


def test_a_dual_off_by_less_than_the_agreement_is_scaled_to_it():
    valid = VALID["deletion"]
    alone = multi_class.deletion(**valid)
    for factor in (1 - 0.9e-6, 1 + 0.9e-6):
        scaled = {**valid, "dual": factor * np.array(valid["dual"])}
        assert multi_class.deletion(**scaled) == pytest.approx(alone, rel=1e-14)
    for factor in (1 - 1.1e-6, 1 + 1.1e-6):
        with pytest.raises(ValueError, match="pass margin and dual of one separator"):
            multi_class.deletion(**{**valid, "dual": factor * np.array(valid["dual"])})


def test_other_weights_double_the_plain_bound_and_1_over_n_is_meant_where_none_are_named():
    valid = VALID["anytime_plain"]
    plain = multi_class.anytime_plain(**valid)
    assert multi_class.anytime_plain(**valid, weighting="1/n") == plain
    assert multi_class.anytime_plain(**valid, weighting="1/(n-1)") == 2 * plain
