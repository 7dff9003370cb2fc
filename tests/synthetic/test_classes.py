"""Planted truth of several classes: what a cone program finds, the conditions one by one, the
files, and what is refused.
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.oracles.class_program import largest_margin
from tunebound import bounds, synthetic
from tunebound.synthetic import ClassDataset, make_class_suite, make_classes

SHAPES = [(2, 12, 2), (3, 18, 3), (3, 20, 9), (4, 30, 6), (5, 24, 30)]
CASES = [(rivals, *shape) for rivals in ("one", "all") for shape in SHAPES]


def made(rivals="one", classes=3, n=18, d=5, seed=0, margin=0.2, radius=5.0):
    return make_classes(
        n=n, d=d, classes=classes, rivals=rivals, seed=seed, margin=margin, radius=radius
    )


@pytest.mark.parametrize(("rivals", "classes", "n", "d"), CASES)
def test_a_cone_program_finds_the_planted_truth(rivals, classes, n, d):
    data = made(rivals, classes, n, d, seed=3)
    margin, direction = largest_margin(data.X, data.y)
    assert margin == pytest.approx(0.2, rel=1e-7)
    assert np.linalg.norm(direction - data.separator) < 1e-5
    assert np.linalg.norm(data.X, axis=1).max() == pytest.approx(5, rel=1e-13)
    assert (np.bincount(data.y, minlength=classes) >= 2).all()


@pytest.mark.parametrize(("rivals", "classes", "n", "d"), CASES)
def test_the_optimality_conditions_hold_one_by_one(rivals, classes, n, d):
    data = made(rivals, classes, n, d, seed=1)
    assert np.linalg.norm(data.separator) == pytest.approx(1, rel=1e-14)
    combination, slack, held = np.zeros((classes, d)), [], []
    for i in range(n):
        own, unit = data.y[i], np.eye(classes)
        for k in range(classes):
            if k == own:
                assert data.dual[i, k] == 0
                continue
            lead = (data.separator[own] - data.separator[k]) @ data.X[i]
            assert lead >= 0.2 * (1 - 1e-12)
            combination += data.dual[i, k] * np.outer(unit[own] - unit[k], data.X[i])
            slack.append(data.dual[i, k] * (lead - 0.2) / data.dual.max())
        held.append(np.count_nonzero(data.dual[i]))
    np.testing.assert_allclose(combination, data.separator / 0.2, rtol=0, atol=1e-11)
    assert np.abs(slack).max() < 1e-13
    assert data.dual.sum() == pytest.approx(1 / 0.2**2, rel=1e-12)
    # a support sample has one rival, or all of them
    assert set(held) == {0, 1 if rivals == "one" else classes - 1}


@pytest.mark.parametrize(("rivals", "classes", "n", "d"), CASES)
def test_the_dual_is_the_only_one_and_every_support_sample_moves_the_separator(
    rivals, classes, n, d
):
    data = made(rivals, classes, n, d, seed=2)
    found = bounds.max_margin_classes(data.X, data.y)
    assert found.margin == pytest.approx(0.2, rel=1e-13)
    np.testing.assert_allclose(found.direction, data.separator, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.dual, data.dual, rtol=0, atol=1e-10 * data.dual.max())
    left_out = bounds.leave_one_out_classes(data.X, data.y, found)
    moved = np.linalg.norm(left_out.weights - found.weights, axis=(1, 2)) * 0.2
    support = data.dual.any(axis=1)
    assert moved[support].min() > 1e-6
    assert moved[~support].max() == 0


def test_the_same_arguments_give_the_same_data_and_a_seed_another():
    assert np.array_equal(made(seed=2).X, made(seed=2).X)
    assert not np.array_equal(made(seed=2).X, made(seed=3).X)


@pytest.mark.parametrize("name", ["smoke", "standard"])
def test_suites_are_lazy_and_named_and_have_2_to_10_classes(name):
    suite = make_class_suite(name, seed=1)
    assert len({each.name for each in suite.specifications}) == len(suite)
    assert len(suite) == {"smoke": 8, "standard": 46}[name]
    classes = {each.classes for each in suite.specifications}
    assert classes == ({2, 3, 4, 5} if name == "smoke" else {2, 3, 4, 6, 8, 10})
    for index in (0, len(suite) // 2, len(suite) - 1):
        assert suite[index].name == suite.specifications[index].name
    assert synthetic.class_suite_names() == ("smoke", "standard")
    with pytest.raises(ValueError, match="did you mean 'smoke'"):
        make_class_suite("smok")


def test_a_file_comes_back_bit_for_bit_and_is_checked(tmp_path):
    data = made("all", seed=2**70)
    again = ClassDataset.from_npz(data.to_npz(tmp_path / "data.npz"))
    for name in ("X", "y", "separator", "dual"):
        assert np.array_equal(getattr(again, name), getattr(data, name)), name
    assert (again.name, again.seed, again.margin) == (data.name, data.seed, data.margin)
    wrong = replace(data, dual=data.dual * 1.001).to_npz(tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match="violate stationarity"):
        ClassDataset.from_npz(wrong)
    wrong = replace(data, margin=0.25).to_npz(tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match=r"margin 0.25 is not the smallest lead"):
        ClassDataset.from_npz(wrong)
    wrong = replace(data, margin=None).to_npz(tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match="must be stored together"):
        ClassDataset.from_npz(wrong)
    wrong = replace(data, radius=6.0).to_npz(tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match=r"radius 6.0 is not the largest norm"):
        ClassDataset.from_npz(wrong)
    plain = ClassDataset.from_arrays(data.X, data.y)
    assert (plain.margin, plain.separator, plain.classes) == (None, None, 3)
    assert ClassDataset.from_npz(plain.to_npz(tmp_path / "plain.npz")).margin is None


def shifted(data, **changes):
    truth = {"separator": data.separator, "dual": data.dual, **changes}
    return ClassDataset.from_arrays(data.X, data.y, **truth)


def test_a_wrong_truth_is_refused():
    data = made()
    assert shifted(data).margin == pytest.approx(0.2, rel=1e-12)
    with pytest.raises(ValueError, match="must be given together"):
        shifted(data, dual=None)
    with pytest.raises(ValueError, match="Frobenius norm 1, got 2"):
        shifted(data, separator=2 * data.separator)
    with pytest.raises(ValueError, match="separator does not separate: sample"):
        shifted(data, separator=-data.separator)
    with pytest.raises(ValueError, match=r"dual must have shape \(18, 3\)"):
        shifted(data, dual=data.dual[:, :2])
    own = data.dual.copy()
    own[0, data.y[0]] = 1.0
    with pytest.raises(ValueError, match="no sample is its own rival"):
        shifted(data, dual=own)
    with pytest.raises(ValueError, match=r"dual\[\d+, \d+\] = -.*: dual must be 0 or more"):
        shifted(data, dual=-data.dual)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 1}, "classes must be at least 2, got 1"),
        ({"classes": 4, "n": 11}, "n must be at least 12, got 11; 4 classes with rivals='one'"),
        ({"d": 2}, "d must be at least 3, got 2"),
        ({"margin": 6.0}, "margin=6 is too large for radius=5: a sample that leads by it"),
        ({"margin": 8.0}, "margin must be finite and in .*, got 8.0; no lead exceeds"),
        ({"margin": 1e-12}, "margin must be finite"),
        ({"rivals": "some"}, "rivals must be one of 'one', 'all', got 'some'"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_bad_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        made(**arguments)
