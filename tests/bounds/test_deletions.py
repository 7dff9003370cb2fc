"""Deletions of moderate angles against fifty digits, and of several data sets, one by one."""

import numpy as np
import pytest
from mpmath import mpf

from tests.oracles import head_formulas
from tunebound.bounds import head


def shares(rng, n, margin, concentration=3.0):
    """A dual of sum 1/margin^2 in which no sample stands out."""
    return rng.dirichlet(np.full(n, concentration)) / margin**2


@pytest.mark.parametrize("n", [4, 5, 8])
def test_every_size_and_group_is_exact_where_the_cone_decides_nothing(n):
    rng = np.random.default_rng(n)
    margin, farthest = 0.5, 0.5 / np.cos(1.56)
    norms = np.append(rng.uniform(0.51, 0.6, n - 1), farthest)
    dual = shares(rng, n, margin)
    dual[-1] *= 1e-3
    dual /= dual.sum() * margin**2
    data = {"margin": margin, "dual": dual, "norms": norms}
    for size in range(1, n - 1):
        worst = head.deletion_worst(**data, size=size)
        assert worst < 2 * np.sin(1.56 / 2)
        exact = head_formulas.deletion_worst(**data, size=size)
        assert abs(mpf(worst) - exact) <= 1e-13 * exact
        gone = rng.permutation(n) < size
        exact = head_formulas.deletion_group(**data, left_out=gone)
        assert abs(mpf(head.deletion_group(**data, left_out=gone)) - exact) <= 1e-13 * exact


def test_the_cone_of_each_data_set_is_its_own():
    # one data set in a narrow cone, one in a wide one, and duals that turn both to its edge
    margin, dual = np.array([1.0, 1.0]), np.array([[0.9, 0.05, 0.05]] * 2)
    norms = np.array([[1.3, 1.2, 1.1], [9.0, 8.0, 7.0]])
    gone = np.array([True, False, False])
    for k in range(2):
        edge = 2 * np.sin(np.arccos(1 / norms[k].max()) / 2)
        others = 2 * np.sin(np.arccos(1 / norms[k, 1]) / 2)
        every = {"margin": margin, "dual": dual, "norms": norms}
        assert head.deletion_worst(**every, size=2)[k] == pytest.approx(edge, rel=1e-14)
        assert head.deletion_group(**every, left_out=gone)[k] == pytest.approx(others, rel=1e-14)


def test_one_norm_for_all_samples_and_norms_of_several_data_sets():
    dual = np.array([1.0, 1.5, 1.0, 0.5])
    one = head.deletion(margin=0.5, dual=dual, norms=0.7)
    assert np.array_equal(one, head.deletion(margin=0.5, dual=dual, norms=np.full(4, 0.7)))
    norms = np.array([[0.6, 0.7, 0.55, 0.8], [0.9, 0.6, 0.7, 0.65]])
    several = head.deletion(margin=0.5, dual=dual, norms=norms)
    assert several.shape == (2, 4)
    for k in range(2):
        assert np.array_equal(several[k], head.deletion(margin=0.5, dual=dual, norms=norms[k]))


@pytest.mark.parametrize("name", ["deletion", "deletion_group", "deletion_worst"])
@pytest.mark.parametrize(
    ("excess", "refused"), [(-9.9e-7, False), (9.9e-7, False), (1.01e-6, True)]
)
def test_margin_and_dual_agree_to_a_millionth(name, excess, refused):
    dual, norms = np.array([1.0, 1.5, 1.0, 0.5]), [0.6, 0.7, 0.55, 0.8]
    rest = {
        "deletion_group": {"left_out": [True, False, True, False]},
        "deletion_worst": {"size": 2},
    }
    call = getattr(head, name)
    arguments = {"margin": 0.5, "norms": norms, **rest.get(name, {})}
    if refused:
        with pytest.raises(ValueError, match=r"^dual has sum 1\.00000101/margin\^2, and a"):
            call(dual=dual * (1 + excess), **arguments)
    else:
        np.testing.assert_allclose(
            call(dual=dual * (1 + excess), **arguments), call(dual=dual, **arguments), rtol=1e-13
        )


def test_a_mask_of_several_data_sets_keeps_a_sample_of_each():
    data = {"margin": 0.5, "dual": [1.0, 1.5, 1.5], "norms": [0.6, 0.7, 0.8]}
    with pytest.raises(ValueError, match=r"^left_out takes every sample: no separator is left"):
        head.deletion_group(**data, left_out=[[True, False, True], [True, True, True]])
    with pytest.raises(TypeError, match=r"^left_out is a masked array"):
        head.deletion_group(**data, left_out=np.ma.masked_array([True, False, False]))
